"""Holds that end by themselves: released, canceled, or put before a person."""

from datetime import UTC, datetime, timedelta

import pytest

from db.new_ids import new_id
from domain.states import OrderStatus
from tests.workflows import witness
from tests.workflows.life import SUPPORT, Life
from tests.workflows.shop import Shop
from workflows.messages import HoldRequest

PRICE = 30_000


async def held(shop: Shop, at_end: str, *, packed: bool = False) -> tuple[Life, str]:
    """A paid order that is held for a second; the hold's id."""
    await shop.stock("SHIRT", 5)
    life = await shop.place([("SHIRT", 1, PRICE)])
    await life.until(lambda o: o.status is OrderStatus.CONFIRMED)
    if packed:
        await life.pack()
    ends_at = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    request = HoldRequest(SUPPORT, new_id("hld"), "incorrect_address", ends_at, at_end)
    return life, (await life.ask("hold", request)).ids[0]


async def test_it_is_released_and_the_order_goes_on(shop: Shop) -> None:
    life, _ = await held(shop, "release")
    await life.until(lambda o: not o.holds)
    await life.deliver(await life.send())
    await life.finished()
    assert await life.axes() == ("completed", "paid", "delivered", "no_return")


@pytest.mark.parametrize("packed", [False, True])
async def test_it_cancels_the_order(shop: Shop, *, packed: bool) -> None:
    life, _ = await held(shop, "cancel", packed=packed)
    await life.finished()
    assert await life.axes() == ("canceled", "voided", "unfulfilled", "no_return")
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (5, 0)}


async def test_a_person_is_asked_until_it_is_released(shop: Shop) -> None:
    life, hold_id = await held(shop, "ask_person")
    await life.asks_for_help("hold_overdue")
    await life.release(hold_id)
    await life.asks_for_help()


async def test_who_releases_it_before_hears_no_more_of_it(shop: Shop) -> None:
    life, hold_id = await held(shop, "cancel")
    await life.release(hold_id)
    another = await life.hold("other")
    query = "SELECT end_flagged FROM holds WHERE id = $1"
    assert not await shop.pool.fetchval(query, another)
    await life.release(another)
    await life.deliver(await life.send())
    await life.finished()
    assert (await life.order()).status is OrderStatus.COMPLETED
