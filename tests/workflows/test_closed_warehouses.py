"""A warehouse closes: what it has not packed comes from elsewhere, or waits at its old place."""

import asyncio

from db import goods, picks
from db.catalog import Why
from db.new_ids import new_id
from tests.workflows import witness
from tests.workflows.life import Life, eventually
from tests.workflows.scarcity import (
    another_worker_takes_over,
    close,
    confirmed,
    may_be_replaced,
    reopen,
)
from tests.workflows.shop import Shop

PRICE = 10_000


async def test_work_at_a_closed_warehouse_is_done_elsewhere(shop: Shop) -> None:
    await shop.stock("SHIRT", 3, "EAST")
    await shop.stock("SHIRT", 2, "WEST")
    life = await shop.place([("SHIRT", 2, PRICE)])
    await confirmed(life)
    await close(shop, "EAST")
    order = await life.until(lambda o: len(o.fulfillment_orders) == 2)
    assert [(w.warehouse, w.status) for w in order.fulfillment_orders] == [
        ("EAST", "cancelled"),
        ("WEST", "open"),
    ]
    assert await witness.levels(shop, "SHIRT") == {"EAST": (3, 0), "WEST": (2, 2)}
    await life.deliver(await life.send(1))
    await life.finished()
    assert await life.axes() == ("completed", "paid", "delivered", "no_return")
    assert "work_recalled" in await life.types()


async def test_a_packed_parcel_of_a_closed_warehouse_stays_and_leaves(shop: Shop) -> None:
    await shop.stock("SHIRT", 2, "EAST")
    await shop.stock("SHIRT", 1, "WEST")
    life = await shop.place([("SHIRT", 2, PRICE)])
    await confirmed(life)
    [parcel] = await life.pack(quantity=1)
    await close(shop, "EAST")
    await life.until(lambda o: len(o.fulfillment_orders) == 2)
    await life.ship(0)
    other = await life.send(1)
    await life.deliver(parcel, other)
    await life.finished()
    assert await life.axes() == ("completed", "paid", "delivered", "no_return")
    assert await witness.levels(shop, "SHIRT") == {"EAST": (1, 0), "WEST": (0, 0)}


async def test_who_finds_nothing_elsewhere_waits_at_his_place_until_it_opens(shop: Shop) -> None:
    await shop.stock("SHIRT", 1, "EAST")
    first = await shop.place([("SHIRT", 1, PRICE)])
    await confirmed(first)
    await close(shop, "EAST")
    await first.asks_for_help("waiting_for_stock")
    second = await shop.place([("SHIRT", 1, PRICE)])
    await second.asks_for_help("waiting_for_stock")
    assert await witness.levels(shop, "SHIRT") == {"EAST": (1, 0)}
    await reopen(shop, "EAST")
    await first.until(lambda o: o.lines[0].allocated == 1)
    assert (await second.order()).lines[0].allocated == 0
    await first.deliver(await first.send(1))
    await first.finished()
    await second.cancel()


async def test_goods_kept_at_a_closed_warehouse_for_a_complete_order_move_too(
    shop: Shop,
) -> None:
    await shop.stock("SHIRT", 1, "EAST")
    await shop.stock("SHIRT", 1, "WEST")
    await shop.stock("HAT", 0, "WEST")
    life = await shop.place([("SHIRT", 1, PRICE), ("HAT", 1, 700)])
    await life.asks_for_help("waiting_for_stock")
    assert await witness.levels(shop, "SHIRT") == {"EAST": (1, 1), "WEST": (1, 0)}
    await close(shop, "EAST")

    async def moved() -> bool:
        return await witness.levels(shop, "SHIRT") == {"EAST": (1, 0), "WEST": (1, 1)}

    await eventually(moved)
    await shop.receive("HAT", 1, "WEST")
    await life.deliver(await life.send())
    await life.finished()
    assert await life.axes() == ("completed", "paid", "delivered", "no_return")


async def test_a_piece_picked_at_a_warehouse_that_closes_is_in_stock_again(shop: Shop) -> None:
    await shop.stock("PHONE", 0, "EAST")
    await shop.stock("PHONE", 0, "WEST")
    await shop.pool.execute("UPDATE items SET serial_tracked = true WHERE sku = 'PHONE'")
    await brought(shop, "EAST", "E1")
    await brought(shop, "WEST", "W1")
    life = await shop.place([("PHONE", 1, PRICE)])
    await confirmed(life)
    await picked(shop, life, 0, "E1")
    await close(shop, "EAST")
    await life.until(lambda o: len(o.fulfillment_orders) == 2)
    assert await pieces(shop) == {"E1": "in_stock", "W1": "in_stock"}
    await picked(shop, life, 1, "W1")
    await life.deliver(await life.send(1))
    await life.finished()
    assert await life.axes() == ("completed", "paid", "delivered", "no_return")
    assert await pieces(shop) == {"E1": "in_stock", "W1": "shipped"}


async def brought(shop: Shop, warehouse: str, serial: str) -> None:
    async with shop.pool.acquire() as conn, conn.transaction():
        one = goods.Goods("PHONE", 1, serials=(serial,))
        await goods.receive(conn, warehouse, [one], Why(new_id("stk"), "tests"))


async def picked(shop: Shop, life: Life, work: int, serial: str) -> None:
    order = await life.order()
    found = picks.Picked(order.lines[0].id, 1, serials=(serial,))
    reporter = picks.Reporter("warehouse@tests", "warehouse")
    async with shop.pool.acquire() as conn, conn.transaction():
        work_id = order.fulfillment_orders[work].id
        await picks.pick(conn, life.order_id, work_id, [found], reporter)


async def pieces(shop: Shop) -> dict[str, str]:
    rows = await shop.pool.fetch("SELECT serial, status FROM serials ORDER BY serial")
    return {row["serial"]: row["status"] for row in rows}


async def test_a_substitute_kept_where_nobody_is_served_any_more_comes_from_elsewhere(
    shop: Shop,
) -> None:
    await shop.stock("SHIRT", 0, "EAST")
    await shop.stock("BLOUSE", 1, "EAST")
    await may_be_replaced(shop, "SHIRT", "BLOUSE")
    life = await shop.place([("SHIRT", 1, PRICE)], out_of_stock="substitute")
    offer = await life.offered()
    await shop.stock("BLOUSE", 1, "WEST")
    await close(shop, "EAST")
    await life.answer(offer, accept=True)
    await confirmed(life)
    order = await life.until(lambda o: o.fulfillment_orders)
    assert [(w.warehouse, w.status) for w in order.fulfillment_orders] == [("WEST", "open")]
    assert await witness.levels(shop, "BLOUSE") == {"EAST": (1, 0), "WEST": (1, 1)}
    await life.deliver(await life.send())
    await life.finished()
    assert await life.axes() == ("completed", "paid", "delivered", "no_return")
    assert "work_recalled" in await life.types()


async def test_a_worker_that_dies_while_work_is_recalled_changes_nothing(shop: Shop) -> None:
    await shop.stock("SHIRT", 2, "EAST")
    await shop.stock("SHIRT", 2, "WEST")
    life = await shop.place([("SHIRT", 2, PRICE)])
    await confirmed(life)
    shop.accident.arm("recall_work")
    rescue = asyncio.create_task(another_worker_takes_over(shop))
    await close(shop, "EAST")
    await life.until(lambda o: len(o.fulfillment_orders) == 2)
    await rescue
    await life.deliver(await life.send(1))
    await life.finished()
    assert await life.axes() == ("completed", "paid", "delivered", "no_return")
    assert await witness.levels(shop, "SHIRT") == {"EAST": (2, 0), "WEST": (0, 0)}
    assert (await life.types()).count("work_recalled") == 1
