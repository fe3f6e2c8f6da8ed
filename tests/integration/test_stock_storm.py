"""Two thousand orders want scarce goods at the same moment, and some change their mind."""

import asyncio
import random
from collections import Counter

import pytest

from activities.orders import OrderActivities
from db.pool import Pool
from domain.errors import Refused
from tests.integration import shelves
from tests.integration.stock_world import World

ORDERS = 2_000
SKUS = [f"S{number:02}" for number in range(50)]
WAREHOUSES = ("EAST", "MAIN", "WEST")
SEED = 20


async def place_all(pool: Pool, rng: random.Random) -> list[str]:
    """Orders of one to three items, one or two units of each; some are urgent."""
    ids = []
    async with pool.acquire() as conn, conn.transaction():
        for _ in range(ORDERS):
            # Some items are wanted far more than others.
            skus = {min(rng.choice(SKUS), rng.choice(SKUS)) for _ in range(rng.randint(1, 3))}
            lines = [(sku, rng.randint(1, 2)) for sku in rng.sample(sorted(skus), len(skus))]
            order_id, *_ = await shelves.order(conn, *lines, priority=rng.choice((0, 0, 0, 5)))
            ids.append(order_id)
    # A transaction has one time; the queue goes by when an order came.
    await pool.execute(
        "UPDATE orders o SET created_at = now() + n.place * interval '1 millisecond'"
        " FROM unnest($1::text[]) WITH ORDINALITY AS n (id, place) WHERE n.id = o.id",
        ids,
    )
    return ids


@pytest.mark.timeout(600)
async def test_two_thousand_orders_at_once_oversell_nothing_and_leave_nothing_lying(
    pool: Pool,
) -> None:
    rng = random.Random(SEED)
    for sku in SKUS:
        await shelves.put(pool, sku, {place: rng.randint(0, 40) for place in WAREHOUSES})
    world = World(pool, skus=SKUS)
    ids = await place_all(pool, rng)
    world.adopt(ids)
    # Two workers: batches of one meet those of the other.
    other = OrderActivities(pool)
    before = await world.deadlocks()
    regrets = {number for number in range(ORDERS) if rng.random() < 0.1}

    async def live(number: int) -> None:
        if number % 2:
            await world.confirm(ids[number])
        else:
            await world.confirm(ids[number], by=other)
        if number in regrets:
            await world.cancel(number)

    async def receive() -> None:
        """Goods come in while everybody reserves."""
        for sku in rng.sample(SKUS, 20):
            try:
                await world.correct("receipt", sku, rng.randrange(3), rng.randint(1, 5))
            except Refused:
                pytest.fail("a receipt is never refused")

    await asyncio.gather(*(live(number) for number in range(ORDERS)), receive())
    await world.settle()
    assert await world.wrongs() == []
    assert await world.deadlocks() == before
    states = Counter(row["status"] for row in await pool.fetch("SELECT status FROM orders"))
    assert states == {"confirmed": ORDERS - len(regrets), "canceled": len(regrets)}
    units = await pool.fetchrow(
        "SELECT sum(open) AS open, sum(allocated) AS allocated, sum(backordered) AS waiting"
        " FROM order_lines"
    )
    assert units is not None
    assert units["open"] == 0
    assert units["allocated"] == await pool.fetchval("SELECT sum(allocated) FROM stock_levels")
    assert units["waiting"] > 0
    # First come, first served: whoever waits was behind everybody who got units of that item
    # while some were waited for.
    assert await overtaken(pool) == []


async def overtaken(pool: Pool) -> list[tuple[str, str, str]]:
    """(item, who waits, who was served later although behind). Claims of an item are written
    under the locks of its levels, so their ids tell the order.

    When there is enough for both, both are served; but units are only kept for who waits, and one
    who is before both (of higher priority, or placed earlier) may come and take them.
    """
    rows = await pool.fetch("""
        SELECT w.sku, w.order_id AS waits, a.order_id AS served
        FROM reservations w JOIN reservations a ON a.sku = w.sku
            AND a.status = 'allocated' AND a.id > w.id
            AND (-a.priority, a.queued_at) > (-w.priority, w.queued_at)
        WHERE w.status = 'backordered' AND NOT EXISTS (
            SELECT FROM reservations b WHERE b.sku = w.sku AND b.warehouse IS NOT NULL
                AND b.id > a.id AND (-b.priority, b.queued_at) < (-w.priority, w.queued_at))
    """)
    return [tuple(row) for row in rows]
