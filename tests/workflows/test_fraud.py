"""Orders that may be fraud wait for a person, and go on or end by that person's word."""

from db import risk
from db.sourcing import Author
from domain.risk import RiskAction, RiskRule
from domain.states import OrderStatus
from tests.workflows import witness
from tests.workflows.life import Life
from tests.workflows.shop import Shop

PRICE = 60_000
RULES = [
    RiskRule("large_first_order", RiskAction.HOLD, 50_000, "TRY", new_customer=True),
    RiskRule("several", RiskAction.NOTE, units_over=1),
]


async def suspected(shop: Shop) -> Life:
    """A large order of somebody new, as the shop's rules want to see it."""
    async with shop.pool.acquire() as conn, conn.transaction():
        await risk.put_rules(conn, RULES, Author("admin@tests", "admin"))
    await shop.stock("SHIRT", 5)
    life = await shop.place([("SHIRT", 2, PRICE)])
    await life.until(lambda o: o.status is OrderStatus.CONFIRMED and bool(o.holds))
    return life


async def test_a_suspicious_order_is_held_and_says_why(shop: Shop) -> None:
    life = await suspected(shop)
    order = await life.order()
    assert [hold.reason for hold in order.holds] == ["high_risk_of_fraud"]
    assert [work.status for work in order.fulfillment_orders] == ["on_hold"]
    [found] = [e["data"] for e in await life.events() if e["type"] == "risk_found"]
    assert found["found"] == [
        {"rule": "large_first_order", "hold": True},
        {"rule": "several", "hold": False},
    ]
    async with shop.pool.acquire() as conn:
        [review] = await risk.reviews(conn, None, 10)
    assert (review["order_id"], review["found"]) == (order.id, found["found"])
    await life.release(order.holds[0].id)
    await life.deliver(await life.send())
    await life.finished()
    assert await life.axes() == ("completed", "paid", "delivered", "no_return")


async def test_what_a_person_refuses_is_undone(shop: Shop) -> None:
    life = await suspected(shop)
    await life.cancel("fraud")
    await life.finished()
    assert await life.axes() == ("canceled", "voided", "unfulfilled", "no_return")
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (5, 0)}


async def test_who_has_bought_before_is_only_noted(shop: Shop) -> None:
    first = await suspected(shop)
    await first.release((await first.order()).holds[0].id)
    await first.deliver(await first.send())
    await first.finished()
    second = await shop.place([("SHIRT", 2, PRICE)])
    await second.until(lambda o: o.status is OrderStatus.CONFIRMED)
    assert (await second.order()).holds == []
    [found] = [e["data"] for e in await second.events() if e["type"] == "risk_found"]
    assert found["found"] == [{"rule": "several", "hold": False}]
