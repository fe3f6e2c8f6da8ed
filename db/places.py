"""Where units physically lie: places (item, warehouse, bin, lot), their sum, and their ledger.

Units of a level that no place has are loose: just received, on a cart, in a parcel. Whoever writes
here holds the level's lock, so that `placed` equals the sum of the places at any moment.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

import asyncpg

from db.movements import Movement
from db.pool import Connection
from db.sql import queries
from domain.errors import Refused

_SQL = queries("places")

Row = Mapping[str, Any]
Level = tuple[str, str]


@dataclass(frozen=True, slots=True)
class PlaceMove:
    """What is added to one place, by `cause`, on behalf of a line or of nobody."""

    sku: str
    warehouse: str
    bin: str
    lot: str
    kind: str
    cause: str
    line_id: str = ""
    order_id: str | None = None
    quantity: int = 0


@dataclass(frozen=True, slots=True)
class Place:
    """So many units of an item (and lot) in a bin."""

    sku: str
    warehouse: str
    bin: str
    lot: str
    quantity: int
    kind: str
    sequence: int
    expires_on: date | None
    expired: bool


async def write(
    conn: Connection,
    moves: Iterable[PlaceMove],
    *,
    actor: str,
    reason: str | None = None,
    occurred_at: datetime | None = None,
) -> None:
    """Write movements to places, to their sums and to their ledger; bins and lots must exist.

    Raises:
        Refused: the ledger has these movements already.

    """
    rows = _add_up(moves)
    if not rows:
        return
    columns = [list(column) for column in zip(*map(astuple, rows), strict=True)]
    await conn.execute(_SQL["make_places"], *columns[:4])
    try:
        await conn.execute(_SQL["move_places"], *columns, actor, reason, occurred_at)
    except asyncpg.UniqueViolationError:
        raise Refused(
            "already_recorded", "The ledger has these movements already.", cause=rows[0].cause
        ) from None


def _add_up(moves: Iterable[PlaceMove]) -> list[PlaceMove]:
    summed: dict[PlaceMove, int] = {}
    for move in moves:
        place = replace(move, quantity=0)
        summed[place] = summed.get(place, 0) + move.quantity
    rows = [replace(place, quantity=quantity) for place, quantity in summed.items() if quantity]
    return sorted(rows, key=lambda m: (m.sku, m.warehouse, m.bin, m.lot, m.kind, m.line_id))


async def places_of(
    conn: Connection, levels: Iterable[Level], today: date | None = None
) -> list[Place]:
    """What lies where, first expired first out and then in walking order; expired lots last."""
    wanted = sorted(set(levels))
    skus, codes = [sku for sku, _ in wanted], [code for _, code in wanted]
    rows = await conn.fetch(_SQL["places_of"], skus, codes, today or this_day())
    return [Place(**row) for row in rows]


def this_day() -> date:
    """Today in UTC: lots are good through the day of their expiry."""
    return datetime.now(UTC).date()


async def make_room(
    conn: Connection,
    movements: Sequence[Movement],
    *,
    actor: str,
    reason: str | None = None,
    occurred_at: datetime | None = None,
) -> None:
    """Draw from places what movements are about to take off levels and loose units do not cover.

    First expired first out, then in walking order; what stops being quarantined leaves the
    quarantine bins, and nothing else does. The caller holds the levels' locks.
    """
    levels = await _occupied(conn, ((m.sku, m.warehouse) for m in movements))
    occupied = [row for row in levels if row["placed"]]
    if not occupied:
        return
    there = await places_of(conn, [(row["sku"], row["warehouse"]) for row in occupied])
    moves = []
    for row in occupied:
        level = (row["sku"], row["warehouse"])
        own = [m for m in movements if (m.sku, m.warehouse) == level]
        moves += _drawn(row, own, [p for p in there if (p.sku, p.warehouse) == level])
    await write(conn, moves, actor=actor, reason=reason, occurred_at=occurred_at)


async def _occupied(conn: Connection, levels: Iterable[Level]) -> list[Row]:
    wanted = sorted(set(levels))
    skus, codes = [sku for sku, _ in wanted], [code for _, code in wanted]
    return [dict(row) for row in await conn.fetch(_SQL["occupied_levels"], skus, codes)]


async def quarantined_elsewhere(conn: Connection, levels: Iterable[Level]) -> dict[Level, int]:
    """Quarantined units that lie in no quarantine bin."""
    return {
        (row["sku"], row["warehouse"]): row["quarantined"] - row["locked_away"]
        for row in await _occupied(conn, levels)
    }


def _drawn(row: Row, movements: Sequence[Movement], there: Sequence[Place]) -> list[PlaceMove]:
    """What each movement of one level draws from which place."""
    locked = [[p, p.quantity] for p in there if p.kind == "quarantine"]
    open_ = [[p, p.quantity] for p in there if p.kind != "quarantine"]
    loose = row["on_hand"] - row["placed"] + sum(m.on_hand for m in movements if m.on_hand > 0)
    # Quarantined units that lie in no quarantine bin leave the quarantine first.
    unlocked = row["quarantined"] - row["locked_away"]
    unlocked += sum(m.quarantined for m in movements if m.quarantined > 0)
    moves = []
    for movement in movements:
        freed, unlocked = _beyond(-movement.quarantined, unlocked)
        taken = _take(locked, freed, movement)
        loose -= sum(move.quantity for move in taken)
        # What is loose and waits for a decision does not go to customers.
        leaving, _ = _beyond(-movement.on_hand, max(0, loose - unlocked))
        drawn = _take(open_, leaving, movement)
        loose -= max(0, -movement.on_hand) + sum(move.quantity for move in drawn)
        moves += [*taken, *drawn]
    return moves


def _beyond(wanted: int, covered: int) -> tuple[int, int]:
    """What of `wanted` is not covered, and what is left of the cover."""
    used = min(max(0, wanted), covered)
    return max(0, wanted) - used, covered - used


def _take(places: list[list[Any]], quantity: int, movement: Movement) -> list[PlaceMove]:
    moves = []
    for entry in places:
        place, left = entry
        take = min(left, quantity)
        if take:
            entry[1] -= take
            quantity -= take
            moves.append(
                PlaceMove(
                    place.sku,
                    place.warehouse,
                    place.bin,
                    place.lot,
                    "draw",
                    movement.cause,
                    movement.line_id,
                    movement.order_id,
                    -take,
                )
            )
    return moves


async def listed(
    conn: Connection,
    *,
    where: Mapping[str, str | date | None],
    after: tuple[str, int, str, str, str] | None,
    limit: int,
) -> list[Row]:
    """Places that hold something; `where` knows warehouse, sku, bin, lot and expires_before."""
    wanted = [where.get(name) for name in ("warehouse", "sku", "bin", "lot", "expires_before")]
    place = after or (None,) * 5
    return [dict(row) for row in await conn.fetch(_SQL["list_places"], *wanted, *place, limit)]


async def movements(
    conn: Connection, *, where: Mapping[str, str | None], before: int | None, limit: int
) -> list[Row]:
    """The ledger of places, newest first; `where` knows warehouse, sku, bin, lot, order_id."""
    wanted = [where.get(name) for name in ("warehouse", "sku", "bin", "lot", "order_id")]
    rows = await conn.fetch(_SQL["list_place_movements"], *wanted, before, limit)
    return [dict(row) for row in rows]


async def quantity_of(conn: Connection, warehouse: str, bin_: str, sku: str, lot: str) -> int:
    """Units that lie in a place."""
    return int(await conn.fetchval(_SQL["quantity_of"], warehouse, bin_, sku, lot) or 0)


async def moved_since(
    conn: Connection, warehouse: str, bin_: str, sku: str, lot: str, since: datetime
) -> int:
    """What was added to a place after a moment, as those who moved it tell the time."""
    moved: int = await conn.fetchval(_SQL["moved_since"], warehouse, bin_, sku, lot, since)
    return moved
