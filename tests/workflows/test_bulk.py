"""The same done to many orders, also when the worker dies in the middle."""

import asyncio

import pytest

from db import bulk
from db.new_ids import new_id
from db.sourcing import Author
from domain.bulk import BulkAction
from domain.states import OrderStatus
from tests.workflows import witness
from tests.workflows.faults import down
from tests.workflows.life import Life, eventually
from tests.workflows.shop import Shop
from workflows.messages import Policy

PRICE = 30_000
STAFF = Author("support@tests", "support")


async def begin(
    shop: Shop, action: BulkAction, wanted: bulk.Filter, reason: str = "recalled"
) -> str:
    """Have it done, as the API does; its id."""
    told = bulk.Order(new_id("blk"), action, wanted, reason, None, STAFF)
    async with shop.pool.acquire() as conn, conn.transaction():
        await bulk.begin(conn, told, await bulk.matching(conn, wanted, 1_000))
    return told.bulk_id


async def ended(shop: Shop, bulk_id: str) -> dict[str, int]:
    """Wait for its end; how many orders did what."""

    async def over() -> bulk.Row | None:
        row = await bulk.read(shop.pool, bulk_id)
        assert row is not None
        return row if row["ended_at"] else None

    row = await eventually(over, seconds=60)
    assert row is not None
    return {name: row[name] for name in ("done", "refused", "skipped", "waiting") if row[name]}


async def placed(shop: Shop, *skus: str, count: int = 1) -> list[Life]:
    """Paid orders of these items."""
    lives = [await shop.place([(sku, 1, PRICE) for sku in skus]) for _ in range(count)]
    for life in lives:
        await life.until(lambda o: o.status is OrderStatus.CONFIRMED)
    return lives


async def test_all_orders_of_a_recalled_item_are_canceled_and_no_other(shop: Shop) -> None:
    await shop.stock("BAD", 9)
    await shop.stock("GOOD", 9)
    bad, both, good = (
        await placed(shop, "BAD", count=3),
        await placed(shop, "BAD", "GOOD"),
        await placed(shop, "GOOD"),
    )
    gone = await placed(shop, "BAD")
    await gone[0].deliver(await gone[0].send())
    await gone[0].until(lambda o: o.delivered_units == 1)
    bulk_id = await begin(shop, BulkAction.CANCEL, bulk.Filter(sku="BAD"))
    assert await ended(shop, bulk_id) == {"done": 4, "refused": 1}
    for life in (*bad, *both):
        await life.finished()
        assert await life.axes() == ("canceled", "voided", "unfulfilled", "no_return")
        asked = [e for e in await life.events() if e["type"] == "cancel_requested"]
        assert [e["data"]["bulk_id"] for e in asked] == [bulk_id]
    assert (await good[0].order()).status is OrderStatus.CONFIRMED
    [refused] = [e for e in await gone[0].events() if e["type"] == "cancel_refused"]
    assert refused["data"]["code"] == "already_shipped"
    assert await witness.levels(shop, "BAD") == {"MAIN": (8, 0)}


async def test_the_item_alone_is_taken_out(shop: Shop) -> None:
    await shop.stock("BAD", 9)
    await shop.stock("GOOD", 9)
    [both] = await placed(shop, "BAD", "GOOD")
    bulk_id = await begin(shop, BulkAction.CANCEL_LINES, bulk.Filter(sku="BAD"))
    assert await ended(shop, bulk_id) == {"done": 1}
    order = await both.order()
    assert {line.sku: line.canceled for line in order.lines} == {"BAD": 1, "GOOD": 0}
    assert order.payable == PRICE


async def test_orders_are_held_and_released_together(shop: Shop) -> None:
    await shop.stock("SHIRT", 9)
    lives = await placed(shop, "SHIRT", count=3)
    mine = await lives[0].hold("other")
    held = await begin(shop, BulkAction.HOLD, bulk.Filter(sku="SHIRT"), "high_risk_of_fraud")
    assert await ended(shop, held) == {"done": 3}
    assert [len((await life.order()).holds) for life in lives] == [2, 1, 1]
    wanted = bulk.Filter(hold="high_risk_of_fraud")
    free = await begin(shop, BulkAction.RELEASE, wanted, "high_risk_of_fraud")
    assert await ended(shop, free) == {"done": 3}
    assert [hold.id for hold in (await lives[0].order()).holds] == [mine]


async def test_what_failed_while_a_provider_was_down_is_tried_again_at_once(shop: Shop) -> None:
    shop.policy = Policy(return_window=60, step_retry_interval=600, step_attempts=1)
    await shop.stock("SHIRT", 9)
    async with down(shop.sandbox):
        lives = [await shop.place([("SHIRT", 1, PRICE)]) for _ in range(3)]
        for life in lives:
            await life.asks_for_help("payment_provider_failing")
    wanted = bulk.Filter(attention="payment_provider_failing")
    assert await ended(shop, await begin(shop, BulkAction.RETRY, wanted)) == {"done": 3}
    for life in lives:
        await life.until(lambda o: o.status is OrderStatus.CONFIRMED)


async def test_it_stops_when_somebody_says_so(shop: Shop) -> None:
    await shop.stock("SHIRT", 99)
    lives = await placed(shop, "SHIRT", count=3)
    async with lives[0].locked():
        bulk_id = await begin(shop, BulkAction.CANCEL, bulk.Filter(sku="SHIRT"))
        async with shop.pool.acquire() as conn, conn.transaction():
            assert await bulk.stop(conn, bulk_id)
    counts = await ended(shop, bulk_id)
    row = await bulk.read(shop.pool, bulk_id)
    assert row is not None
    assert row["status"] == "stopped"
    assert sum(counts.values()) == 3
    async with shop.pool.acquire() as conn, conn.transaction():
        assert not await bulk.stop(conn, bulk_id)


@pytest.mark.parametrize("step", ["next_orders", "ask_order", "end_bulk"])
async def test_a_worker_that_dies_in_the_middle_asks_nobody_twice(shop: Shop, step: str) -> None:
    await shop.stock("BAD", 9)
    await shop.stock("GOOD", 9)
    lives = await placed(shop, "BAD", "GOOD", count=3)
    shop.accident.arm(step)
    bulk_id = await begin(shop, BulkAction.CANCEL_LINES, bulk.Filter(sku="BAD"))
    await asyncio.wait_for(shop.accident.happened.wait(), 20)
    await shop.close()
    await shop.open()
    assert await ended(shop, bulk_id) == {"done": 3}
    for life in lives:
        types = await life.types()
        assert types.count("cancel_requested") == types.count("units_canceled") == 1
        assert [line.canceled for line in (await life.order()).lines] == [1, 0]
