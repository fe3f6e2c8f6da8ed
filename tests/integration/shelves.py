"""Items, warehouses, goods and bare orders, written as the code under test would find them."""

import asyncio
from collections.abc import Mapping
from typing import Any

from db import ledger
from db.movements import Movement
from db.new_ids import new_id
from db.pool import Connection, Pool


async def put(pool: Pool, sku: str, levels: Mapping[str, int]) -> None:
    """So many units of an item on the shelf of each warehouse, with their ledger rows."""
    async with pool.acquire() as conn, conn.transaction():
        await conn.execute(
            "INSERT INTO items (sku, name) VALUES ($1, $1) ON CONFLICT DO NOTHING", sku
        )
        for warehouse in levels:
            await conn.execute(
                "INSERT INTO warehouses (code, name, country, kind) VALUES ($1, $1, 'TR', 'own')"
                " ON CONFLICT DO NOTHING",
                warehouse,
            )
            await conn.execute(
                "INSERT INTO stock_levels (sku, warehouse) VALUES ($1, $2)", sku, warehouse
            )
    await put_more(pool, sku, levels)


async def put_more(pool: Pool, sku: str, levels: Mapping[str, int]) -> None:
    """More units for levels that are there; nobody is told."""
    moves = [
        Movement(sku, warehouse, "receipt", new_id("rcp"), on_hand=quantity)
        for warehouse, quantity in levels.items()
    ]
    async with pool.acquire() as conn, conn.transaction():
        await ledger.write(conn, moves, actor="tests")


async def order(conn: Connection | Pool, *lines: tuple[str, int], priority: int = 0) -> list[str]:
    """An order of (sku, quantity); its id and those of its lines."""
    order_id = new_id("ord")
    await conn.execute(
        "INSERT INTO orders (id, number, channel, channel_order_id, request_hash, currency, locale,"
        " out_of_stock, ship, shipping_option, priority, subtotal, discount_total, shipping_total,"
        " tax_total, grand_total, placed_at) VALUES ($1, $1, 'tests', $1, '', 'TRY', 'tr-TR',"
        " 'backorder', 'complete', 'standard', $2, 1000, 0, 0, 0, 1000, now())",
        order_id,
        priority,
    )
    ids = [order_id]
    for position, (sku, quantity) in enumerate(lines):
        line_id = new_id("lin")
        await conn.execute(
            "INSERT INTO order_lines (id, order_id, position, sku, name, quantity, unit_price,"
            " total, open) VALUES ($1, $2, $3, $4, $4, $5, 100, 1000, $5)",
            line_id,
            order_id,
            position,
            sku,
            quantity,
        )
        ids.append(line_id)
    return ids


async def somebody_waits_for_a_lock(pool: Pool, work: asyncio.Task[Any]) -> None:
    """Wait until somebody stands before a row that is locked, or the work is done without."""
    waits = (
        "SELECT EXISTS (SELECT FROM pg_stat_activity"
        " WHERE wait_event_type = 'Lock' AND datname = current_database())"
    )
    async with asyncio.timeout(30):
        while not work.done() and not await pool.fetchval(waits):
            await asyncio.sleep(0.01)


async def all_ended(pool: Pool) -> None:
    """Wait until every transaction that has moved stock is older than all that still run: those of
    other tests' databases on the same server count, too.
    """
    newest = (
        "SELECT bool_and(m.xact < pg_snapshot_xmin(pg_current_snapshot())) FROM"
        " ((SELECT xact FROM stock_movements WHERE xact IS NOT NULL ORDER BY xact DESC LIMIT 1)"
        " UNION ALL (SELECT xact FROM stock_touches ORDER BY xact DESC LIMIT 1)) m"
    )
    async with asyncio.timeout(60):
        while await pool.fetchval(newest) is False:
            await asyncio.sleep(0.02)


async def level(pool: Pool, sku: str) -> dict[str, tuple[int, int]]:
    """(on hand, allocated) by warehouse."""
    rows = await pool.fetch(
        "SELECT warehouse, on_hand, allocated FROM stock_levels WHERE sku = $1 ORDER BY 1", sku
    )
    return {row["warehouse"]: (row["on_hand"], row["allocated"]) for row in rows}


async def books_agree(pool: Pool) -> None:
    """Counters equal the ledger's sums; units allocated or held are claimed by somebody."""
    off = await pool.fetch("""
        SELECT l.sku, l.warehouse, l.on_hand, l.allocated, l.held, m.on_hand, m.allocated, m.held,
            r.quantity, h.quantity
        FROM stock_levels l
        LEFT JOIN (SELECT sku, warehouse, sum(on_hand) AS on_hand, sum(allocated) AS allocated,
                          sum(held) AS held
                   FROM stock_movements GROUP BY 1, 2) m USING (sku, warehouse)
        LEFT JOIN (SELECT sku, warehouse, sum(quantity) AS quantity FROM reservations
                   WHERE status = 'allocated' GROUP BY 1, 2) r USING (sku, warehouse)
        LEFT JOIN (SELECT c.sku, c.warehouse, sum(c.quantity) AS quantity FROM stock_hold_lines c
                   JOIN stock_holds o ON o.id = c.hold_id AND o.status = 'held'
                   GROUP BY 1, 2) h USING (sku, warehouse)
        WHERE l.on_hand <> coalesce(m.on_hand, 0) OR l.allocated <> coalesce(m.allocated, 0)
           OR l.allocated <> coalesce(r.quantity, 0)
           OR l.held <> coalesce(m.held, 0) OR l.held <> coalesce(h.quantity, 0)
    """)
    assert [tuple(row) for row in off] == []
