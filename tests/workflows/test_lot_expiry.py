"""What has expired leaves the sale by itself; what orders were promised is put before people."""

from datetime import date, timedelta

from activities.contracts import LotsExpired
from db import bins, goods
from db.catalog import Why
from tests.integration import shelves
from tests.workflows.shop import Shop
from workflows import ids
from workflows.lot_expiry import LotExpiryWorkflow
from workflows.schedules import bring_about, lot_expiry

YESTERDAY = date(2020, 5, 31)
PRICE = 1_000


async def tea(shop: Shop, units: int) -> None:
    """Tea of one lot, in a bin."""
    await shelves.put(shop.pool, "TEA", {"MAIN": 0})
    async with shop.pool.acquire() as conn, conn.transaction():
        await conn.execute("UPDATE items SET lot_tracked = true WHERE sku = 'TEA'")
        await bins.put(conn, bins.Bin("MAIN", "A-01", "", 1, "pick"))
        lot = goods.Goods("TEA", units, "A-01", "T-MAY", date(2999, 1, 1))
        await goods.receive(conn, "MAIN", [lot], Why("receipt:tea", "tests"))


async def expire(shop: Shop) -> None:
    await shop.pool.execute("UPDATE lots SET expires_on = $1", YESTERDAY)


async def look(shop: Shop) -> tuple[LotsExpired, list[str]]:
    """Run the check; what it found, and what it asks for."""
    handle = await shop.temporal.start_workflow(
        LotExpiryWorkflow.run,
        id=ids.lot_expiry_id(shop.task_queue),
        task_queue=shop.task_queue,
    )
    found = await handle.result()
    attributes = (await handle.describe()).typed_search_attributes
    return found, list(attributes.get(ids.ATTENTION) or ())


async def test_expired_goods_leave_the_sale_once(shop: Shop) -> None:
    await tea(shop, 5)
    await expire(shop)
    assert await look(shop) == (LotsExpired(5), [])
    assert await look(shop) == (LotsExpired(0), [])
    level = await shop.pool.fetchrow(
        "SELECT on_hand, damaged, quarantined FROM stock_levels WHERE sku = 'TEA'"
    )
    assert tuple(level or ()) == (5, 5, 5)


async def test_goods_that_an_order_was_promised_are_put_before_a_person(shop: Shop) -> None:
    await tea(shop, 5)
    life = await shop.place([("TEA", 3, PRICE)])
    await life.until(lambda order: bool(order.fulfillment_orders))
    await expire(shop)
    found, asks = await look(shop)
    assert (found.units, asks) == (2, ["expired_goods_promised"])
    assert found.promised == ["3 of TEA in lot T-MAY at MAIN A-01"]
    assert await shelves.level(shop.pool, "TEA") == {"MAIN": (5, 3)}
    await life.cancel()


async def test_the_clock_starts_it(shop: Shop) -> None:
    await bring_about(shop.temporal, lot_expiry(shop.task_queue, timedelta(hours=1)))
    name = ids.lot_expiry_id(shop.task_queue)
    try:
        described = await shop.temporal.get_schedule_handle(name).describe()
        assert described.schedule.spec.intervals[0].every == timedelta(hours=1)
    finally:
        await bring_about(shop.temporal, lot_expiry(shop.task_queue, timedelta()))
