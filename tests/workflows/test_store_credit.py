"""What customers were credited pays for what they order next, and for no more than there is."""

import asyncio

import pytest

from db import refunds
from domain.refunds import Destination, Wanted
from domain.states import OrderStatus, PaymentStatus
from tests.workflows import witness
from tests.workflows.life import Life
from tests.workflows.refunding import ended, give
from tests.workflows.shop import Shop

PRICE = 30_000


async def credited(shop: Shop, amount: int) -> None:
    """The customer `cus_1` has so much to spend."""
    await shop.stock("SHIRT", 9)
    life = await shop.place([("SHIRT", 1, PRICE)])
    await named(life)
    await life.deliver(await life.send())
    await life.finished()
    wanted = Wanted(goodwill=amount, to=Destination.STORE_CREDIT)
    await ended(life, await give(life, wanted))


async def named(life: Life) -> None:
    """The order is the customer's."""
    query = "UPDATE orders SET customer_id = 'cus_1' WHERE id = $1"
    await life.shop.pool.execute(query, life.order_id)


async def spends(shop: Shop, amount: int, rest: int = 0) -> Life:
    """Another order of theirs that is paid by credit, and the rest by card."""
    tenders: list[tuple[str, str, str | None, int]] = [("voucher", "on_shipment", None, amount)]
    if rest:
        tenders.append(("card", "on_shipment", "tok_visa", rest))
    life = await shop.place([("SHIRT", 1, amount + rest)], tenders=tenders, begin=False)
    await named(life)
    query = "UPDATE payments SET provider = 'store_credit' WHERE order_id = $1 AND position = 0"
    await shop.pool.execute(query, life.order_id)
    return life


async def left(shop: Shop) -> int:
    async with shop.pool.acquire() as conn:
        return sum(row["amount"] for row in await refunds.balances(conn, "cus_1"))


async def test_credit_and_a_card_pay_for_an_order(shop: Shop) -> None:
    await credited(shop, 20_000)
    life = await spends(shop, 15_000, 5_000)
    await life.until(lambda o: o.status is OrderStatus.CONFIRMED)
    assert await left(shop) == 5_000
    await life.deliver(await life.send())
    await life.finished()
    assert await life.axes() == ("completed", "paid", "delivered", "no_return")
    assert await life.at_provider() == [("captured", 5_000, 0)]
    assert await left(shop) == 5_000


async def test_a_canceled_order_gives_it_back(shop: Shop) -> None:
    await credited(shop, 20_000)
    life = await spends(shop, 20_000)
    await life.until(lambda o: o.status is OrderStatus.CONFIRMED)
    assert await left(shop) == 0
    outcome = await life.cancel()
    assert (outcome.status, outcome.payment_status) == ("canceled", "refunded")
    assert await left(shop) == 20_000
    query = "SELECT data FROM notifications WHERE milestone = 'refunded' AND order_id = $1"
    told = await shop.pool.fetchval(query, life.order_id)
    assert told["tenders"] == [["store_credit", 20_000]]


async def test_it_is_not_spent_twice(shop: Shop) -> None:
    await credited(shop, 20_000)
    lives = [await spends(shop, 20_000) for _ in range(3)]
    await asyncio.gather(
        *(life.until(lambda o: o.tenders[0].status is not PaymentStatus.PENDING) for life in lives)
    )
    statuses = sorted([(await life.order()).tenders[0].status.value for life in lives])
    assert statuses == ["failed", "failed", "paid"]
    assert await left(shop) == 0
    poor = next(
        life
        for life, order in [(life, await life.order()) for life in lives]
        if order.tenders[0].status is PaymentStatus.FAILED
    )
    await poor.asks_for_help("payment_failed")
    failed = [e for e in await poor.events() if e["type"] == "payment_failed"]
    assert failed[0]["data"]["reason"] == "insufficient_credit"


@pytest.mark.parametrize("step", ["authorize_payment", "refund_payment"])
async def test_a_worker_that_dies_in_the_middle_takes_and_gives_once(shop: Shop, step: str) -> None:
    await credited(shop, 20_000)
    shop.accident.arm(step)
    life = await spends(shop, 20_000)
    if step == "refund_payment":
        await life.until(lambda o: o.status is OrderStatus.CONFIRMED)
        canceling = asyncio.create_task(life.cancel())
    await asyncio.wait_for(shop.accident.happened.wait(), 20)
    await shop.close()
    await shop.open()
    if step == "refund_payment":
        assert (await canceling).status == "canceled"
        assert await left(shop) == 20_000
        return
    await life.until(lambda o: o.status is OrderStatus.CONFIRMED)
    assert await left(shop) == 0
    assert ("confirmed", "sent") in await witness.told(life)
