"""Refunds as a test gives them: by staff, as the API writes them down."""

from db import orders, refunds
from db.refunds import Opening
from domain.refunds import Wanted
from tests.workflows.life import Life, eventually


async def give(life: Life, wanted: Wanted, cause: str = "word") -> str:
    """Open a refund; its id."""
    async with life.shop.pool.acquire() as conn, conn.transaction():
        await orders.lock(conn, life.order_id)
        why = Opening(cause, "damaged", "support@tests", "support")
        return await refunds.open_refund(conn, life.order_id, wanted, why)


async def ended(life: Life, refund_id: str) -> None:
    """Wait until it is given back, and the customer was told."""
    query = """
        SELECT 1 FROM refunds r JOIN notifications n ON n.subject = r.id AND n.status = 'sent'
        WHERE r.id = $1 AND r.status = 'succeeded'"""
    try:
        await eventually(lambda: life.shop.pool.fetchval(query, refund_id))
    except TimeoutError:
        raise AssertionError(await life.story()) from None


async def retry(life: Life, refund_id: str) -> None:
    """Somebody wants it tried again now."""
    async with life.shop.pool.acquire() as conn, conn.transaction():
        await refunds.retry(conn, life.order_id, refund_id)
