"""Cycle counts: a blind sheet, what was found, and who agrees to the difference.

The difference is to what the books said when it was counted, and it is added to what they say when
it is booked: what moved in between stays moved.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import asyncpg

from db import bins, catalog, places
from db.catalog import Correction, Why
from db.handling import Change, change
from db.pool import Connection
from db.sql import queries
from domain.counting import Tolerance
from domain.errors import Refused

_SQL = queries("cycle_counts")

Row = Mapping[str, Any]
Spot = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Sheet:
    """What is to be counted: whole bins, items, or the items of a class; at most so many places."""

    warehouse: str
    bins: Sequence[str] = ()
    skus: Sequence[str] = ()
    abc_class: str | None = None
    days: int = 90
    limit: int = 200
    reason: str | None = None
    tolerance: Tolerance = field(default_factory=Tolerance)


@dataclass(frozen=True, slots=True)
class Person:
    """Who counts or decides: a name for the books, and the key that tells two persons apart."""

    name: str
    key: str


@dataclass(frozen=True, slots=True)
class Counted:
    """Units that are in a place (in no bin: of the whole item), seen at a moment."""

    sku: str
    bin: str
    lot: str
    counted: int


async def create(conn: Connection, count_id: str, sheet: Sheet, by: Person) -> None:
    """A sheet of places, without the books' numbers.

    Raises:
        Refused: there is nothing to count that is not being counted already, or another sheet with
            one of the places was made at the same moment.

    """
    skus = list(sheet.skus)
    if sheet.abc_class is not None:
        rows = await conn.fetch(
            _SQL["items_of_class"], sheet.warehouse, sheet.days, sheet.abc_class, sheet.limit
        )
        skus += [row["sku"] for row in rows]
    spots = await _spots(conn, sheet, sorted(set(skus)))
    if not spots and not sheet.bins:
        detail = "There is nothing of that here, or it is being counted already."
        raise Refused("nothing_to_count", detail, warehouse=sheet.warehouse)
    await conn.execute(
        _SQL["add_count"],
        count_id,
        sheet.warehouse,
        sheet.reason,
        sorted(set(sheet.bins)),
        sheet.tolerance.units,
        sheet.tolerance.percent,
        by.name,
    )
    await _add_lines(conn, count_id, sheet.warehouse, 0, spots)


async def _spots(conn: Connection, sheet: Sheet, skus: Sequence[str]) -> list[Spot]:
    known = await conn.fetch(
        _SQL["places_to_count"], sheet.warehouse, list(sheet.bins), list(skus), sheet.limit
    )
    spots = [(row["sku"], row["bin"], row["lot"]) for row in known]
    whole = await conn.fetch(_SQL["levels_to_count"], sheet.warehouse, list(skus), sheet.limit)
    return [*spots, *((row["sku"], "", "") for row in whole)][: sheet.limit]


async def _add_lines(
    conn: Connection, count_id: str, warehouse: str, after: int, spots: Sequence[Spot]
) -> None:
    try:
        await conn.execute(
            _SQL["add_count_lines"],
            count_id,
            after,
            warehouse,
            [sku for sku, _, _ in spots],
            [bin_ for _, bin_, _ in spots],
            [lot for _, _, lot in spots],
        )
    except asyncpg.UniqueViolationError:
        # Another sheet was faster.
        detail = "One of these places is being counted on another sheet."
        raise Refused("counted_elsewhere", detail, warehouse=warehouse) from None


async def report(
    conn: Connection,
    count_id: str,
    counted: Sequence[Counted],
    by: Person,
    counted_at: datetime | None = None,
) -> None:
    """What was found. Small differences are booked at once, others wait for a decision.

    Raises:
        Refused: the count is over; a place is not on the sheet, was counted before, or is being
            counted on another one.

    """
    count, lines = await _open(conn, count_id, {one.sku for one in counted})
    moment = counted_at or datetime.now(UTC)
    places_left = {
        (line["sku"], line["bin"], line["lot"]): line for line in lines if line["status"] == "open"
    }
    for one in counted:
        line = places_left.pop((one.sku, one.bin, one.lot), None)
        if line is None:
            line = await _found_beyond(conn, count_id, count, one)
        expected = await _books(conn, count["warehouse"], one, moment)
        tolerance = Tolerance(count["tolerance_units"], count["tolerance_percent"])
        booked = tolerance.allows(expected, one.counted) and await _try_to_book(
            conn, count_id, count["warehouse"], line, one.counted - expected, by
        )
        await conn.execute(
            _SQL["note_counted"],
            count_id,
            line["position"],
            "accepted" if booked else "waiting",
            expected,
            one.counted,
            moment,
            by.name,
            by.key,
        )
    await _roll_up(conn, count_id)


async def _open(conn: Connection, count_id: str, skus: set[str]) -> tuple[Row, list[Row]]:
    """A count that goes on, and its lines; levels are locked before it."""
    warehouse = await conn.fetchval(_SQL["count_warehouse"], count_id)
    await catalog.lock_levels(conn, [(sku, warehouse) for sku in skus])
    row = await conn.fetchrow(_SQL["lock_count"], count_id)
    assert row is not None  # noqa: S101 - the caller has found it
    if row["status"] not in {"open", "waiting"}:
        raise Refused("count_closed", f"The count is {row['status']}.", status=row["status"])
    lines = await conn.fetch(_SQL["count_lines"], count_id)
    return dict(row), [dict(line) for line in lines]


async def _found_beyond(conn: Connection, count_id: str, count: Row, one: Counted) -> Row:
    """Something in a bin that is counted whole, of which the books knew nothing there."""
    if one.bin not in count["bins"]:
        detail = "This place is not on the sheet, or was counted already."
        raise Refused("not_on_sheet", detail, sku=one.sku, bin=one.bin, lot=one.lot)
    lines = await conn.fetch(_SQL["count_lines"], count_id)
    if any(
        (line["sku"], line["bin"], line["lot"]) == (one.sku, one.bin, one.lot) for line in lines
    ):
        detail = "This place was counted already: ask for a recount."
        raise Refused("counted_already", detail, sku=one.sku, bin=one.bin, lot=one.lot)
    if one.lot and not await bins.known_lots(conn, [(one.sku, one.lot)]):
        raise Refused("unknown_lot", "There is no such lot.", sku=one.sku, lot=one.lot)
    spot = (one.sku, one.bin, one.lot)
    await _add_lines(conn, count_id, count["warehouse"], len(lines), [spot])
    return {"position": len(lines) + 1, "sku": one.sku, "bin": one.bin, "lot": one.lot}


async def _books(conn: Connection, warehouse: str, one: Counted, moment: datetime) -> int:
    """What the books said of a place at a moment; the level's lock is held."""
    if not one.bin:
        level = (await catalog.lock_levels(conn, [(one.sku, warehouse)]))[one.sku, warehouse]
        since = await conn.fetchval(_SQL["moved_on_hand_since"], one.sku, warehouse, moment)
        return int(level["on_hand"] - since)
    there = await places.quantity_of(conn, warehouse, one.bin, one.sku, one.lot)
    return there - await places.moved_since(conn, warehouse, one.bin, one.sku, one.lot, moment)


async def _try_to_book(
    conn: Connection, count_id: str, warehouse: str, line: Row, variance: int, by: Person
) -> bool:
    """Book a difference; False when goods are promised or gone, so that a person has to look."""
    try:
        async with conn.transaction():
            await _book(conn, count_id, warehouse, line, variance, by, None)
    except Refused:
        return False
    return True


async def _book(  # noqa: PLR0913, PLR0917 - one row
    conn: Connection,
    count_id: str,
    warehouse: str,
    line: Row,
    variance: int,
    by: Person,
    note: str | None,
) -> None:
    reason = "cycle count" if note is None else f"cycle count: {note}"
    why = Why(f"cycle-count:{count_id}:{line['position']}", by.name, reason)
    correction = Correction(line["sku"], warehouse, "count", variance)
    # A count that finds what the books say is news, too: orders that looked here in vain may ask
    # again. No bin changes with it.
    bin_, lot = (line["bin"], line["lot"]) if variance else ("", "")
    await change(conn, [Change(correction, bin_, lot, "count")], why)


async def decide(
    conn: Connection,
    count_id: str,
    decision: str,
    positions: Sequence[int] | None,
    by: Person,
    note: str | None,
) -> None:
    """Approve, reject or recount what waits (all of it when `positions` is None).

    Raises:
        Refused: nothing waits; the counter would decide about the own count; or the difference
            cannot be booked any more, since goods were promised or taken meanwhile.

    """
    before = await conn.fetch(_SQL["count_lines"], count_id)
    skus = {line["sku"] for line in before if line["status"] == "waiting"}
    count, lines = await _open(conn, count_id, skus)
    waiting = [
        line
        for line in lines
        if line["status"] == "waiting" and (positions is None or line["position"] in positions)
    ]
    if not waiting or (positions is not None and len(waiting) < len(set(positions))):
        raise Refused("not_waiting", "No such line waits for a decision.", status=count["status"])
    if any(line["counted_key"] == by.key for line in waiting):
        raise Refused("same_person", "Whoever counted does not decide about it.", decision=decision)
    status = {"approve": "approved", "reject": "rejected", "recount": "recounted"}[decision]
    for line in waiting:
        if decision == "approve":
            variance = line["counted"] - line["expected"]
            await _book(conn, count_id, count["warehouse"], line, variance, by, note)
        await conn.execute(_SQL["decide_line"], count_id, line["position"], status, by.name, note)
    if decision == "recount":
        spots = [(line["sku"], line["bin"], line["lot"]) for line in waiting]
        await _add_lines(conn, count_id, count["warehouse"], len(lines), spots)
    await _roll_up(conn, count_id)


async def cancel(conn: Connection, count_id: str, by: Person) -> None:
    """Nobody counts it any more, and what waits is not booked.

    Raises:
        Refused: it is over.

    """
    await _open(conn, count_id, set())
    await conn.execute(_SQL["cancel_lines"], count_id, by.name)
    await conn.execute(_SQL["set_count_status"], count_id, "canceled")


async def _roll_up(conn: Connection, count_id: str) -> None:
    states = {line["status"] for line in await conn.fetch(_SQL["count_lines"], count_id)}
    status = "open" if "open" in states else "waiting" if "waiting" in states else "done"
    await conn.execute(_SQL["set_count_status"], count_id, status)


async def listed(
    conn: Connection,
    *,
    count_id: str | None = None,
    warehouse: str | None = None,
    status: str | None = None,
    before: tuple[datetime, str] | None = None,
    limit: int = 1,
) -> list[Row]:
    """Counts with their lines, newest first."""
    at, last = before or (None, None)
    rows = await conn.fetch(_SQL["list_counts"], count_id, warehouse, status, at, last, limit)
    return [dict(row) for row in rows]
