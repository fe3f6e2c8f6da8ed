"""Facts a warehouse reports about its own work: begun, found, not found.

They change no decision of the order's workflow, so they are written here, under the order's lock,
and the workflow is told only what it has to act on: that units are missing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from db import fulfillment, orders, outbox, timeline
from db.pool import Connection
from domain.decisions import can_pick, can_start
from domain.states import FulfillmentOrderStatus


@dataclass(frozen=True, slots=True)
class Reporter:
    """Who reports, and when it happened (now when None)."""

    actor: str
    role: str
    occurred_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Picked:
    """Units found of one line. With a reason, all that is left of the line is missing."""

    line_id: str
    quantity: int
    short_reason: str | None = None


async def start(conn: Connection, order_id: str, work_id: str, reporter: Reporter) -> None:
    """A location begins; beginning again changes nothing.

    Raises:
        Refused: the order or the work does not allow it.

    """
    await orders.lock(conn, order_id)
    work = can_start(await orders.load(conn, order_id), work_id)
    if work.status is FulfillmentOrderStatus.IN_PROGRESS:
        return
    await fulfillment.set_work_status(conn, work, FulfillmentOrderStatus.IN_PROGRESS)
    await _tell(conn, order_id, "pick_started", reporter, {"fulfillment_order_id": work_id})
    await orders.save(conn, order_id)


async def pick(
    conn: Connection,
    order_id: str,
    work_id: str,
    picks: Sequence[Picked],
    reporter: Reporter,
) -> None:
    """Units were found, or are missing; the first pick begins the work.

    Raises:
        Refused: on hold, closed, or more units than are left to pick.

    """
    await orders.lock(conn, order_id)
    order = await orders.load(conn, order_id)
    left = {line.line_id: line.to_pick for line in can_start(order, work_id).lines}
    missing = {
        p.line_id: max(0, left.get(p.line_id, 0) - p.quantity)
        for p in picks
        if p.short_reason is not None
    }
    units = {p.line_id: p.quantity + missing.get(p.line_id, 0) for p in picks}
    work = can_pick(order, work_id, units)
    if work.status is not FulfillmentOrderStatus.IN_PROGRESS:
        await fulfillment.set_work_status(conn, work, FulfillmentOrderStatus.IN_PROGRESS)
    for p in picks:
        await fulfillment.add_picked(
            conn, work_id, p.line_id, picked=p.quantity, short=missing.get(p.line_id, 0)
        )
    event = await _tell(
        conn,
        order_id,
        "short_picked" if any(missing.values()) else "picked",
        reporter,
        {
            "fulfillment_order_id": work_id,
            "lines": [
                {
                    "line_id": p.line_id,
                    "picked": p.quantity,
                    "short": missing.get(p.line_id, 0),
                    "short_reason": p.short_reason,
                }
                for p in picks
            ],
        },
    )
    if any(missing.values()):
        # The fields of `workflows.messages.ShortPickSignal`.
        news = {"fulfillment_order_id": work_id, "cause": f"pick-{event}"}
        await outbox.add(conn, order_id, outbox.SHORT_PICK, news)
    await orders.save(conn, order_id)


async def _tell(
    conn: Connection,
    order_id: str,
    type_: str,
    reporter: Reporter,
    data: dict[str, Any],
) -> int:
    return await timeline.record(
        conn,
        order_id,
        type_,
        actor=reporter.actor,
        role=reporter.role,
        data=data,
        occurred_at=reporter.occurred_at,
    )
