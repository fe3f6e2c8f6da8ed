"""Reads of purchase orders for the API."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from db.pool import Connection
from db.sql import queries

_SQL = queries("purchase_reads")

Row = Mapping[str, Any]


async def purchases(  # noqa: PLR0913 - filters
    conn: Connection,
    *,
    purchase_id: str | None = None,
    statuses: Sequence[str] | None = None,
    supplier: str | None = None,
    warehouse: str | None = None,
    late: bool | None = None,
    before: tuple[datetime, str] | None = None,
    limit: int = 1,
) -> list[Row]:
    """Purchase orders with lines and attention, newest first."""
    created_at, last_id = before or (None, None)
    rows = await conn.fetch(
        _SQL["list_purchases"],
        purchase_id,
        list(statuses) if statuses else None,
        supplier,
        warehouse,
        late,
        created_at,
        last_id,
        limit,
    )
    return [dict(row) for row in rows]


async def axes(conn: Connection, purchase_id: str) -> dict[str, str] | None:
    """The states that a refusal tells; None when there is no such purchase order."""
    row = await conn.fetchrow(_SQL["purchase_axes"], purchase_id)
    return dict(row) if row else None


async def events(conn: Connection, purchase_id: str, *, after: int, limit: int) -> list[Row]:
    """The timeline, oldest first."""
    rows = await conn.fetch(_SQL["purchase_events"], purchase_id, after, limit)
    return [dict(row) for row in rows]


async def receipts(conn: Connection, purchase_id: str) -> list[Row]:
    """What was delivered."""
    return [dict(row) for row in await conn.fetch(_SQL["purchase_receipts"], purchase_id)]
