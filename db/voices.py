"""What people say about an order: customers' feedback, and entries of the timeline."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from db import timeline
from db.pool import Connection
from db.sql import queries

_SQL = queries("voices")


@dataclass(frozen=True, slots=True)
class Feedback:
    """A score from 1 to 5 with its words. `reference` makes it count once for an order."""

    id: str
    reference: str
    score: int
    title: str | None
    comment: str | None
    occurred_at: datetime | None


async def add_feedback(
    conn: Connection, order_id: str, feedback: Feedback, *, actor: str, role: str
) -> tuple[Mapping[str, Any], bool]:
    """The stored feedback, and whether it is new: a known reference keeps its first words. What is
    new stands in the timeline.
    """
    row = await conn.fetchrow(
        _SQL["add_feedback"],
        feedback.id,
        order_id,
        feedback.reference,
        feedback.score,
        feedback.title,
        feedback.comment,
        feedback.occurred_at,
    )
    if row is not None:
        await timeline.record(
            conn,
            order_id,
            "feedback_received",
            actor=actor,
            role=role,
            data={"feedback_id": row["id"], "score": feedback.score},
            occurred_at=feedback.occurred_at,
        )
        return dict(row), True
    known = await conn.fetchrow(_SQL["find_feedback"], order_id, feedback.reference)
    assert known is not None  # noqa: S101 - it conflicted, and feedback is never deleted
    return dict(known), False


async def event(conn: Connection, event_id: int) -> Mapping[str, Any]:
    """One entry of the timeline, just written."""
    row = await conn.fetchrow(_SQL["read_event"], event_id)
    assert row is not None  # noqa: S101 - the caller has written it
    return dict(row)


async def claim_unasked(conn: Connection, after_seconds: float, limit: int) -> list[str]:
    """Orders whose customers are to be asked now, each once; see the statement."""
    return [row["id"] for row in await conn.fetch(_SQL["claim_unasked"], after_seconds, limit)]


async def has_feedback(conn: Connection, order_id: str) -> bool:
    """Whether the customer has said something."""
    return bool(await conn.fetchval(_SQL["has_feedback"], order_id))
