"""News from outside is written down before it is acknowledged; the relay does the rest."""

from collections.abc import Mapping, Sequence
from typing import Any

from db.pool import Connection
from db.sql import queries

_SQL = queries("inbox")


async def receive(
    conn: Connection,
    source: str,
    provider: str,
    news: Sequence[tuple[str, Mapping[str, Any]]],
) -> int:
    """Write (event id, payload) pairs of one webhook; answers how many were new.

    `source` is `payments` or `carriers`.
    """
    if not news:
        return 0
    event_ids = [event_id for event_id, _ in news]
    payloads = [dict(payload) for _, payload in news]
    return len(await conn.fetch(_SQL["receive"], source, provider, event_ids, payloads))
