"""Everything that waits for a person: orders and what is theirs, and the shop's own work."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from db.pool import Connection
from db.sql import queries

_SQL = queries("attention")

Row = Mapping[str, Any]
Place = tuple[datetime, str, str, str]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which of it: all that is None is anything; `older_than` in seconds."""

    codes: Sequence[str] | None = None
    kinds: Sequence[str] | None = None
    channel: str | None = None
    warehouse: str | None = None
    older_than: int | None = None


async def listed(conn: Connection, wanted: Wanted, after: Place | None, limit: int) -> list[Row]:
    """What has waited longest comes first; `after` is the place of the last one seen."""
    rows = await conn.fetch(
        _SQL["list_attention"],
        list(wanted.codes) if wanted.codes else None,
        list(wanted.kinds) if wanted.kinds else None,
        wanted.channel,
        wanted.warehouse,
        wanted.older_than,
        *(after or (None, None, None, None)),
        limit,
    )
    return [dict(row) for row in rows]


async def summary(conn: Connection) -> list[Row]:
    """How much waits for each reason."""
    return [dict(row) for row in await conn.fetch(_SQL["sum_attention"])]
