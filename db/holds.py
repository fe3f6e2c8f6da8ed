"""Stock that checkouts keep for a while. A hold counts in `held` of its levels until it ends.

Whoever ends a hold locks its row first, then the levels.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from db import ledger
from db.movements import Movement, add_up
from db.pool import Connection
from db.sql import queries
from db.stock import lock_sources, wake_waiting
from domain.errors import NotFound, Refused
from domain.sourcing import Allocation
from domain.states import RESERVATION, ReservationStatus, advance

_SQL = queries("holds")

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class NewHold:
    """A hold to be written: who keeps which units of which location, for how many seconds."""

    id: str
    reference: str | None
    actor: str
    seconds: float
    units: Sequence[Allocation]


@dataclass(frozen=True, slots=True)
class Times:
    """When a hold began and when it is over."""

    created_at: datetime
    expires_at: datetime


async def add(conn: Connection, new: Sequence[NewHold]) -> dict[str, Times]:
    """Write holds whose units were found free; the caller holds the locks of their levels."""
    rows = await conn.fetch(
        _SQL["add_holds"],
        [hold.id for hold in new],
        [hold.reference for hold in new],
        [hold.actor for hold in new],
        [hold.seconds for hold in new],
    )
    moves = [
        Movement(u.sku, u.warehouse, "hold", hold.id, held=u.quantity)
        for hold in new
        for u in hold.units
    ]
    await ledger.write(conn, moves, locked=True)
    lines = add_up(moves)
    await conn.execute(
        _SQL["add_hold_lines"],
        [line.cause for line in lines],
        [line.sku for line in lines],
        [line.warehouse for line in lines],
        [line.held for line in lines],
    )
    return {row["id"]: Times(row["created_at"], row["expires_at"]) for row in rows}


async def find(conn: Connection, hold_id: str) -> Row | None:
    """A hold with its lines."""
    row = await conn.fetchrow(_SQL["find_hold"], hold_id)
    return dict(row) if row else None


async def end(conn: Connection, hold_ids: Collection[str], status: ReservationStatus) -> None:
    """The holds are over; their units were moved by the caller."""
    advance(RESERVATION, ReservationStatus.HELD, status)
    await conn.execute(_SQL["end_holds"], sorted(hold_ids), status)


async def release(conn: Connection, hold_id: str) -> None:
    """Give a hold's units back; giving them back again changes nothing.

    Raises:
        NotFound: there is no such hold.
        Refused: an order was placed with it.

    """
    row = await _lock(conn, hold_id)
    if row["order_id"] is not None or row["status"] == ReservationStatus.ALLOCATED:
        raise _refuse(row, "hold_in_use", "An order was placed with this hold: cancel the order.")
    if row["status"] == ReservationStatus.HELD:
        await _give_back(conn, [hold_id], ReservationStatus.RELEASED, "released")


async def extend(conn: Connection, hold_id: str, seconds: float, most: float) -> None:
    """Keep it for `seconds` from now, in all not longer than `most` seconds.

    Raises:
        NotFound: there is no such hold.
        Refused: it is over, or an order was placed with it.

    """
    row = await _lock(conn, hold_id)
    if row["status"] != ReservationStatus.HELD or row["order_id"] is not None or row["over"]:
        raise _refuse(row, "hold_over", "The hold is over, or an order was placed with it.")
    await conn.execute(_SQL["extend_hold"], hold_id, seconds, most)


async def bind(conn: Connection, hold_id: str, order_id: str) -> bool:
    """Keep the units for an order until it reserves them; False when the hold is over."""
    return await conn.fetchval(_SQL["bind_hold"], hold_id, order_id) is not None


async def release_for(conn: Connection, order_id: str, cause: str) -> None:
    """The order that was placed with a hold does not need it any more."""
    rows = await conn.fetch(_SQL["holds_of_order"], order_id)
    if rows:
        await _give_back(conn, [row["id"] for row in rows], ReservationStatus.RELEASED, cause)


async def take(conn: Connection, hold_id: str) -> list[Allocation]:
    """End a hold whose units are to be claimed; which they are. The caller moves the counters.

    Raises:
        NotFound: there is no such hold.
        Refused: it is over.

    """
    row = await _lock(conn, hold_id)
    if row["status"] != ReservationStatus.HELD:
        raise _refuse(row, "hold_over", "The hold is over.")
    await end(conn, [hold_id], ReservationStatus.ALLOCATED)
    rows = await conn.fetch(_SQL["hold_lines"], [hold_id])
    return [Allocation("", row["sku"], row["warehouse"], row["quantity"]) for row in rows]


async def expire(conn: Connection, limit: int) -> int:
    """End holds whose time is over, and tell who waits for the units; how many there were."""
    rows = await conn.fetch(_SQL["claim_expired_holds"], limit)
    if rows:
        await _give_back(conn, [row["id"] for row in rows], ReservationStatus.EXPIRED, "expired")
    return len(rows)


async def _lock(conn: Connection, hold_id: str) -> Row:
    row = await conn.fetchrow(_SQL["lock_hold"], hold_id)
    if row is None:
        message = f"There is no hold {hold_id}."
        raise NotFound(message)
    return dict(row)


def _refuse(row: Row, code: str, detail: str) -> Refused:
    current = {"hold_status": str(row["status"])}
    if row["order_id"]:
        current["order_id"] = row["order_id"]
    return Refused(code, detail, **current)


async def _give_back(
    conn: Connection, hold_ids: Sequence[str], status: ReservationStatus, why: str
) -> None:
    lines = await conn.fetch(_SQL["hold_lines"], list(hold_ids))
    # All of the items', since who is told of the units is reckoned from what is free everywhere.
    await lock_sources(conn, {line["sku"] for line in lines})
    moves = [
        Movement(
            line["sku"],
            line["warehouse"],
            "unhold",
            f"{line['hold_id']}:{why}",
            held=-line["quantity"],
        )
        for line in lines
    ]
    await ledger.write(conn, moves, locked=True)
    await end(conn, hold_ids, status)
    await wake_waiting(conn, {line["sku"] for line in lines}, f"hold:{hold_ids[0]}:{why}")
