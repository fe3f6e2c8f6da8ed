"""Offers at many orders at once: nobody waits in a circle, and nothing is kept for nobody."""

import asyncio

from activities.absence import AbsenceActivities
from activities.contracts import Arrange, Asked, Cancel, Confirm, EndOffer, Leave, TakeOffer
from activities.orders import OrderActivities
from db import orders, substitutes
from db.pool import Pool
from tests.integration import shelves


async def test_offers_of_many_orders_never_wait_for_each_other_in_a_circle(pool: Pool) -> None:
    # What may replace it sorts before one item and after the other.
    for sku, units in (("A", 40), ("B", 0), ("C", 40)):
        await shelves.put(pool, sku, {"EAST": units, "WEST": units})
    async with pool.acquire() as conn, conn.transaction():
        await substitutes.put(conn, "B", [("A", None), ("C", None)])
        await substitutes.put(conn, "A", [("C", None)])
    await pool.execute(
        "ALTER DATABASE " + await pool.fetchval("SELECT current_database()")
        + " SET deadlock_timeout = '20ms'"
    )  # fmt: skip
    baskets = [[("B", 1)], [("A", 1), ("B", 1)], [("C", 1), ("B", 1)]]
    ids = [(await shelves.order(pool, *baskets[n % 4 % 3]))[0] for n in range(36)]
    await pool.execute("UPDATE orders SET out_of_stock = 'substitute'")
    before = await _deadlocks(pool)
    desk, absence = OrderActivities(pool), AbsenceActivities(pool)

    async def live(number: int, order_id: str) -> None:
        await desk.confirm_order(Confirm(order_id, "confirm", 60))
        order = await absence.arrange_substitutes(Arrange(order_id, "arrange", 60))
        [offer] = order.offers
        if number % 3 == 0:
            await absence.accept_substitute(TakeOffer(order_id, "accept", offer.id))
        elif number % 3 == 1:
            end = EndOffer(order_id, "refuse", offer.id, "refused", "cancel_lines")
            await absence.end_offer(end)
        else:
            await absence.leave_queue(Leave(order_id, "leave", Asked()))
        await desk.begin_cancel(Cancel(order_id, "cancel", "tests"))

    await asyncio.gather(*(live(number, order_id) for number, order_id in enumerate(ids)))
    assert await _deadlocks(pool) == before
    async with pool.acquire() as conn:
        ended = [(await orders.load(conn, order_id)).offers[0].status for order_id in ids]
    assert sorted(ended) == ["accepted"] * 12 + ["refused"] * 12 + ["withdrawn"] * 12
    assert await pool.fetchval("SELECT sum(held) FROM stock_levels") == 0
    assert await shelves.level(pool, "A") == {"EAST": (40, 0), "WEST": (40, 0)}
    assert await shelves.level(pool, "C") == {"EAST": (40, 0), "WEST": (40, 0)}
    await shelves.books_agree(pool)


async def _deadlocks(pool: Pool) -> int:
    await pool.execute("SELECT pg_stat_force_next_flush()")
    query = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    return int(await pool.fetchval(query))
