"""News on its way: the outbox, the inbox, and deadlines that stand in rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from db.pool import Connection
from db.sql import queries

_SQL = queries("outbox")

START_ORDER = "start_order"
STOCK_ARRIVED = "stock_arrived"
SHORT_PICK = "short_pick"
WAREHOUSE_CLOSED = "warehouse_closed"
EXPECTED_MOVED = "expected_moved"
PARCEL_RECEIVED = "parcel_received"
HAND_OVER = "hand_over"
DEADLINE_PASSED = "deadline_passed"
CARRIER_NEWS = "carrier_news"
PAYMENT_NEWS = "payment_news"
EXCHANGE_MOVED = "exchange_moved"
BALANCE_CHANGED = "balance_changed"
ASK_FOR_FEEDBACK = "ask_for_feedback"
START_REFUND = "start_refund"
RETRY_REFUND = "retry_refund"
# `order_id` is the bulk action's then.
START_BULK = "start_bulk"
# News of purchase orders: `order_id` is the purchase order's then.
START_PURCHASE = "start_purchase"
GOODS_RECEIVED = "goods_received"
# News of returns: `order_id` is the return's then.
START_RETURN = "start_return"
RETURN_MOVED = "return_moved"


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """News to be told to `order_id`'s workflow (or to a carrier, for `hand_over`)."""

    id: int
    order_id: str
    kind: str
    payload: Mapping[str, Any]
    attempts: int


@dataclass(frozen=True, slots=True)
class InboxRow:
    """News from outside, as its adapter read it."""

    id: int
    source: str
    provider: str
    event_id: str
    payload: Mapping[str, Any]
    attempts: int


@dataclass(frozen=True, slots=True)
class Passed:
    """A deadline that has passed."""

    subject: str
    order_id: str


async def add(
    conn: Connection,
    order_id: str,
    kind: str,
    payload: Mapping[str, Any],
    *,
    delay_seconds: float = 0,
) -> int:
    """Write news beside the fact it tells of, in the same transaction."""
    row_id: int = await conn.fetchval(
        _SQL["add_outbox"], order_id, kind, dict(payload), delay_seconds
    )
    return row_id


async def add_all(
    conn: Connection,
    kind: str,
    news: Sequence[tuple[str, Mapping[str, Any]]],
    *,
    delay_seconds: float = 0,
) -> None:
    """News of one kind for many orders: (order, payload)."""
    if news:
        ids = [order_id for order_id, _ in news]
        payloads = [dict(payload) for _, payload in news]
        await conn.execute(_SQL["add_outbox_rows"], ids, kind, payloads, delay_seconds)


async def claim(conn: Connection, limit: int, *, carriers: bool) -> list[OutboxRow]:
    """Due rows, for carriers or for workflows; they come due again unless they are finished."""
    rows = await conn.fetch(_SQL["claim_outbox"], limit, HAND_OVER, carriers)
    return [OutboxRow(**row) for row in rows]


async def finish(conn: Connection, ids: Sequence[int]) -> None:
    """It was told."""
    await conn.execute(_SQL["finish_outbox"], list(ids))


async def fail(conn: Connection, row_id: int, error: str) -> None:
    """It could not be told; `error` is a code or a type's name."""
    await conn.execute(_SQL["fail_outbox"], row_id, error)


async def claim_inbox(conn: Connection, limit: int) -> list[InboxRow]:
    """News nobody works on; they come due again unless they are finished."""
    return [InboxRow(**row) for row in await conn.fetch(_SQL["claim_inbox"], limit)]


async def finish_inbox(conn: Connection, row_id: int, outcome: str) -> None:
    """The news is dealt with: `outcome` says how."""
    await conn.execute(_SQL["finish_inbox"], row_id, outcome)


async def claim_overdue_work(conn: Connection, limit: int) -> list[Passed]:
    """Fulfillment orders past their deadline, each once."""
    rows = await conn.fetch(_SQL["claim_overdue_work"], limit)
    return [Passed(row["id"], row["order_id"]) for row in rows]


async def claim_overdue_parcels(conn: Connection, limit: int) -> list[Passed]:
    """Parcels past their delivery deadline, each once."""
    rows = await conn.fetch(_SQL["claim_overdue_parcels"], limit)
    return [Passed(row["id"], row["order_id"]) for row in rows]


async def claim_expiring_authorizations(
    conn: Connection, limit: int, margin_seconds: float
) -> list[Passed]:
    """Uncaptured authorizations that run out within the margin, each once."""
    rows = await conn.fetch(_SQL["claim_expiring_authorizations"], limit, margin_seconds)
    return [Passed(row["id"], row["order_id"]) for row in rows]
