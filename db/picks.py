"""Facts a warehouse reports about its own work: begun, found, not found, and in which bin.

They change no decision of the order's workflow, so they are written here, under the order's lock,
and the workflow is told only what it has to act on: that units are missing.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from db import fulfillment, orders, outbox, pick_places, timeline
from db.pool import Connection
from domain.decisions import can_pick, can_start
from domain.order import FulfillmentOrder
from domain.states import FulfillmentOrderStatus


@dataclass(frozen=True, slots=True)
class Reporter:
    """Who reports, and when it happened (now when None)."""

    actor: str
    role: str
    occurred_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Picked:
    """Units found of one line. With a reason, `missing` more are not there (None: all the rest).

    With a `bin`, both are taken off it; `serials` are the pieces that were found.
    """

    line_id: str
    quantity: int
    short_reason: str | None = None
    missing: int | None = None
    bin: str = ""
    lot: str = ""
    serials: tuple[str, ...] = ()


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
    missing = _missing(can_start(order, work_id), picks)
    units: Counter[str] = Counter()
    for p, short in zip(picks, missing, strict=True):
        units[p.line_id] += p.quantity + short
    work = can_pick(order, work_id, units)
    if work.status is not FulfillmentOrderStatus.IN_PROGRESS:
        await fulfillment.set_work_status(conn, work, FulfillmentOrderStatus.IN_PROGRESS)
    for p, short in zip(picks, missing, strict=True):
        await fulfillment.add_picked(conn, work_id, p.line_id, picked=p.quantity, short=short)
    event = await _tell(
        conn,
        order_id,
        "short_picked" if any(missing) else "picked",
        reporter,
        {
            "fulfillment_order_id": work_id,
            "lines": [_line(p, short) for p, short in zip(picks, missing, strict=True)],
        },
    )
    await _take_off(conn, order_id, work, list(zip(picks, missing, strict=True)), event, reporter)
    if any(missing):
        # The fields of `workflows.messages.ShortPickSignal`.
        news = {"fulfillment_order_id": work_id, "cause": f"pick-{event}"}
        await outbox.add(conn, order_id, outbox.SHORT_PICK, news)
    await orders.save(conn, order_id)


def _missing(work: FulfillmentOrder, picks: Sequence[Picked]) -> list[int]:
    """Units that each report tells are missing; what was found elsewhere is not."""
    left = Counter({line.line_id: line.to_pick for line in work.lines})
    for p in picks:
        left[p.line_id] -= p.quantity
    missing = []
    for p in picks:
        short = 0
        if p.short_reason is not None:
            short = max(0, left[p.line_id]) if p.missing is None else p.missing
        left[p.line_id] -= short
        missing.append(short)
    return missing


def _line(p: Picked, short: int) -> dict[str, Any]:
    told = {
        "line_id": p.line_id,
        "picked": p.quantity,
        "short": short,
        "short_reason": p.short_reason,
    }
    where: Mapping[str, Any] = {"bin": p.bin, "lot": p.lot, "serials": list(p.serials)}
    return told | {name: value for name, value in where.items() if value}


async def _take_off(
    conn: Connection,
    order_id: str,
    work: FulfillmentOrder,
    picks: Sequence[tuple[Picked, int]],
    event: int,
    reporter: Reporter,
) -> None:
    """The bins and pieces that the report names."""
    skus = {line.line_id: line.sku for line in work.lines}
    found = [
        pick_places.FromBin(
            p.line_id,
            skus[p.line_id],
            p.bin,
            p.lot,
            p.quantity,
            short,
            p.serials,
            p.short_reason,
        )
        for p, short in picks
        if p.bin or p.serials
    ]
    by = pick_places.PickedBy(f"pick:{event}", reporter.actor, reporter.occurred_at)
    await pick_places.take(conn, order_id, work.warehouse, found, by)


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
