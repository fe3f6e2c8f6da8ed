"""Goods that are not there, as tests make it so, and what customers are told of it."""

import asyncio
from datetime import date

from db import closings, substitutes
from domain.states import OrderStatus
from tests.workflows import witness
from tests.workflows.life import Life, eventually
from tests.workflows.shop import Shop


async def confirmed(life: Life) -> None:
    """Wait until its goods are reserved, or waited for."""
    await life.until(lambda o: o.status is OrderStatus.CONFIRMED)


async def may_be_replaced(shop: Shop, sku: str, *others: str) -> None:
    """The shop's list of substitutes for an item."""
    async with shop.pool.acquire() as conn, conn.transaction():
        assert await substitutes.put(conn, sku, [(other, "Almost the same.") for other in others])


async def held(shop: Shop, sku: str) -> int:
    """Units of an item that are kept for somebody."""
    return int(await shop.pool.fetchval("SELECT sum(held) FROM stock_levels WHERE sku = $1", sku))


async def milestones(life: Life) -> list[str]:
    """What the customer was told of, in the order in which it was planned."""
    told = await witness.told(life)
    assert {status for _, status in told} <= {"sent"}
    return [milestone for milestone, _ in told]


async def close(shop: Shop, warehouse: str) -> None:
    """Nobody is served from there any more."""
    async with shop.pool.acquire() as conn, conn.transaction():
        await closings.close(conn, warehouse, "flood", "tests")


async def reopen(shop: Shop, warehouse: str) -> None:
    """Orders are served from there again."""
    async with shop.pool.acquire() as conn, conn.transaction():
        await closings.reopen(conn, warehouse, "tests")


async def supplier_brings(shop: Shop, sku: str, quantity: int, day: date) -> None:
    """A purchase order that the supplier has."""
    await shop.pool.execute(
        "INSERT INTO suppliers (code, name, currency, lead_time_days) VALUES ('S', 'S', 'TRY', 7)"
    )
    await shop.pool.execute(
        "INSERT INTO purchase_orders (id, number, supplier, warehouse, status, currency,"
        " expected_on, created_by) VALUES ('po', 'po', 'S', 'MAIN', 'sent', 'TRY', $1, 'tests')",
        day,
    )
    await shop.pool.execute(
        "INSERT INTO purchase_lines (id, purchase_order_id, position, sku, quantity, unit_cost,"
        " expected_on) VALUES ('pol', 'po', 0, $1, $2, 100, $3)",
        sku,
        quantity,
        day,
    )


async def mail(shop: Shop, life: Life, milestone: str) -> str:
    """The words of the newest mail of a milestone, when it is sent."""

    async def sent() -> str | None:
        id_: str | None = await shop.pool.fetchval(
            "SELECT id FROM notifications WHERE order_id = $1 AND milestone = $2"
            " AND status = 'sent' ORDER BY created_at DESC LIMIT 1",
            life.order_id,
            milestone,
        )
        return id_

    await eventually(sent)
    files = sorted(shop.mail_dir.glob(f"*.{milestone}.*.eml"), key=lambda f: f.stat().st_mtime)
    return files[-1].read_text("utf-8")


async def another_worker_takes_over(shop: Shop) -> None:
    """The worker dies in the middle of the step, and another one starts."""
    await asyncio.wait_for(shop.accident.happened.wait(), 20)
    await shop.close()
    await shop.open()
