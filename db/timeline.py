"""The order's timeline: every event, refused requests included."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from db.pool import Connection
from db.sql import queries

_SQL = queries("timeline")
SYSTEM = "kervan"


async def record(  # noqa: PLR0913 - an event has these columns
    conn: Connection,
    order_id: str,
    type_: str,
    *,
    actor: str = SYSTEM,
    role: str = "system",
    data: Mapping[str, Any] | None = None,
    note: str | None = None,
    occurred_at: datetime | None = None,
) -> int:
    """Write an event and answer its id. `data` holds ids, codes and amounts, never a person."""
    event_id: int = await conn.fetchval(
        _SQL["record_event"], order_id, type_, actor, role, dict(data or {}), note, occurred_at
    )
    return event_id


async def order_of(conn: Connection, about: str) -> str | None:
    """The order that an id of it, or of its work, parcel, return or refund belongs to."""
    order_id: str | None = await conn.fetchval(_SQL["order_of"], about)
    return order_id
