"""Changes of policies that stand in rows: who changed what, and what it was before."""

from collections.abc import Mapping
from typing import Any

from db.pool import Connection
from db.sourcing import Author
from db.sql import queries

_SQL = queries("policies")

DELIVERY, CANCEL, RETURN, RISK = "delivery", "cancel", "return", "risk"


async def keep(
    conn: Connection, policy: str, by: Author, before: Mapping[str, Any], after: Mapping[str, Any]
) -> None:
    """Write a change down."""
    await conn.execute(
        _SQL["add_policy_change"], policy, by.actor, by.role, dict(before), dict(after)
    )


async def changes(
    conn: Connection, policy: str, before: int | None, limit: int
) -> list[Mapping[str, Any]]:
    """Changes of a policy, newest first."""
    rows = await conn.fetch(_SQL["list_policy_changes"], policy, before, limit)
    return [dict(row) for row in rows]
