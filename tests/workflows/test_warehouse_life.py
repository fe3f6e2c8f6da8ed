"""Orders whose goods have lots and serial numbers: picked, packed, shipped and canceled right."""

from datetime import UTC, datetime, timedelta
from typing import Any

from db import bins, goods, pick_lists, picks
from db.catalog import Why
from db.new_ids import new_id
from domain.order import Order
from domain.states import OrderStatus
from tests.integration.agreement import everything_agrees
from tests.workflows.life import WAREHOUSE, Life
from tests.workflows.shop import Shop
from workflows.messages import LineQuantity, PackRequest, ParcelInput, ShipRequest

PRICE = 59_800
TODAY = datetime.now(UTC).date()
CLERK = picks.Reporter("warehouse@tests", "warehouse")


async def stocked(shop: Shop) -> None:
    """Milk of two lots in two bins, and three phones."""
    async with shop.pool.acquire() as conn, conn.transaction():
        for sku, lots, serials in (("MILK", True, False), ("PHONE", False, True)):
            await conn.execute(
                "INSERT INTO items (sku, name, weight_g, lot_tracked, serial_tracked)"
                " VALUES ($1, $1, 300, $2, $3)",
                sku,
                lots,
                serials,
            )
        await conn.execute(
            "INSERT INTO warehouses (code, name, country, kind) VALUES ('MAIN', 'M', 'TR', 'own')"
        )
        for number, code in enumerate(["A", "B"]):
            await bins.put(conn, bins.Bin("MAIN", code, "", number, "pick"))
        await goods.receive(
            conn,
            "MAIN",
            [
                goods.Goods("MILK", 5, "A", "LATE", TODAY + timedelta(days=50)),
                goods.Goods("MILK", 1, "B", "SOON", TODAY + timedelta(days=5)),
                goods.Goods("PHONE", 3, "A", serials=("p1", "p2", "p3")),
            ],
            Why(new_id("stk"), "tests"),
        )


async def placed(shop: Shop) -> tuple[Life, Order]:
    life = await shop.place([("MILK", 2, PRICE // 2), ("PHONE", 1, PRICE // 2)])
    return life, await life.until(lambda o: o.status is OrderStatus.CONFIRMED)


async def walked(shop: Shop, **phone: Any) -> None:
    """One round over all that waits; the phone's stop may name the piece."""
    async with shop.pool.acquire() as conn, conn.transaction():
        list_id = new_id("pkl")
        work = await pick_lists.candidates(conn, "MAIN", None, 9)
        await pick_lists.create(conn, list_id, "MAIN", "Deniz", work)
        [made] = await pick_lists.read(conn, [list_id])
    stops = [(t["bin"], t["sku"], t["lot"], t["quantity"]) for t in made["tasks"]]
    assert stops == [("A", "MILK", "LATE", 1), ("A", "PHONE", None, 1), ("B", "MILK", "SOON", 1)]
    found = [
        pick_lists.Found(t["task"], t["quantity"], **(phone if t["sku"] == "PHONE" else {}))
        for t in made["tasks"]
    ]
    async with shop.pool.acquire() as conn, conn.transaction():
        await pick_lists.pick(conn, list_id, found, CLERK)


def packing(order: Order, *serials: str) -> PackRequest:
    work = order.fulfillment_orders[0]
    lines = [
        LineQuantity(w.line_id, w.quantity, list(serials) if w.sku == "PHONE" else [])
        for w in work.lines
    ]
    return PackRequest(WAREHOUSE, work.id, [ParcelInput(new_id("shp"), lines, 500, 200, 150, 100)])


async def piece(shop: Shop, serial: str) -> tuple[str, str | None, str | None]:
    row = await shop.pool.fetchrow(
        "SELECT status, order_id, shipment_id FROM serials WHERE serial = $1", serial
    )
    assert row is not None
    return tuple(row)


async def places(shop: Shop) -> dict[tuple[str, str, str], int]:
    rows = await shop.pool.fetch("SELECT sku, bin, lot, quantity FROM stock_places ORDER BY 1, 2")
    return {(r["sku"], r["bin"], r["lot"]): r["quantity"] for r in rows if r["quantity"]}


async def test_lots_and_pieces_go_their_way_to_the_customer(shop: Shop) -> None:
    await stocked(shop)
    life, order = await placed(shop)
    await walked(shop)
    assert await life.refused("pack", packing(order)) == "serials_required"
    assert await life.refused("pack", packing(order, "p9")) == "unknown_serial"
    await shop.pool.execute(
        "UPDATE serials SET status = 'gone', warehouse = NULL WHERE serial = 'p3'"
    )
    assert await life.refused("pack", packing(order, "p3")) == "serial_not_available"
    assert (await life.order()).shipments == []
    [parcel] = (await life.ask("pack", packing(order, "p2"))).ids
    assert await piece(shop, "p2") == ("packed", life.order_id, parcel)
    await life.ask("ship", ShipRequest(WAREHOUSE, order.fulfillment_orders[0].id))
    assert await piece(shop, "p2") == ("shipped", life.order_id, parcel)
    assert await places(shop) == {("MILK", "A", "LATE"): 4, ("PHONE", "A", ""): 2}
    await everything_agrees(shop.pool)
    await life.deliver(parcel)
    await life.finished()
    assert await life.axes() == ("completed", "paid", "delivered", "no_return")
    story = await shop.pool.fetch("SELECT status FROM serial_movements WHERE serial = 'p2'")
    assert [row["status"] for row in story] == ["in_stock", "packed", "shipped"]


async def test_a_piece_named_at_the_pick_need_not_be_named_again(shop: Shop) -> None:
    await stocked(shop)
    life, order = await placed(shop)
    await walked(shop, serials=("p1",))
    assert await piece(shop, "p1") == ("picked", life.order_id, None)
    [parcel] = (await life.ask("pack", packing(order))).ids
    assert await piece(shop, "p1") == ("packed", life.order_id, parcel)


async def test_a_canceled_order_gives_its_pieces_back(shop: Shop) -> None:
    await stocked(shop)
    life, order = await placed(shop)
    await walked(shop)
    await life.ask("pack", packing(order, "p1"))
    await life.cancel()
    await life.finished()
    assert await piece(shop, "p1") == ("in_stock", None, None)
    # What was picked stands on the cart until somebody puts it away.
    levels = await shop.pool.fetch("SELECT sku, on_hand, allocated, placed FROM stock_levels")
    assert sorted(tuple(row) for row in levels) == [("MILK", 6, 0, 4), ("PHONE", 3, 0, 2)]
    await everything_agrees(shop.pool)


async def test_canceled_units_give_their_picked_pieces_back(shop: Shop) -> None:
    await stocked(shop)
    life, order = await placed(shop)
    await walked(shop, serials=("p1",))
    quantities = [1 if line.sku == "PHONE" else 0 for line in order.lines]
    await life.cancel_units(*quantities)
    assert await piece(shop, "p1") == ("in_stock", None, None)
    await everything_agrees(shop.pool)


async def test_one_piece_is_not_in_two_parcels(shop: Shop) -> None:
    await stocked(shop)
    first, order = await placed(shop)
    await first.ask("pack", packing(order, "p1"))
    second = await shop.place([("PHONE", 1, PRICE)])
    other = await second.until(lambda o: o.status is OrderStatus.CONFIRMED)
    assert await second.refused("pack", packing(other, "p1")) == "serial_not_available"
    assert (await second.order()).shipments == []
    await second.ask("pack", packing(other, "p2"))
