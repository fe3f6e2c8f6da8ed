"""Lots that are good no longer: off sale and into quarantine, with their rows in both ledgers.

What orders were promised is left to them and reported: nobody's allocation is broken silently.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from db import bins, catalog, places
from db.catalog import Correction, Why
from db.handling import carry_out
from db.new_ids import new_id
from db.places import Place, PlaceMove
from db.pool import Connection, Pool

_SLICE = 100


@dataclass(frozen=True, slots=True)
class Leftover:
    """Expired units that stay where they are, since orders were promised as many of the item."""

    sku: str
    warehouse: str
    bin: str
    lot: str
    expires_on: date | None
    quantity: int
    work: Sequence[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Expired:
    """What a run has moved, and what it has left for people to decide."""

    moved: Sequence[dict[str, Any]]
    promised: Sequence[Leftover]


async def expire_in_slices(pool: Pool, cause: str) -> Expired:
    """`expire_lots` for all shelves, a slice of levels in a transaction: orders that want one of
    them wait for a slice and not for the whole house.
    """
    async with pool.acquire() as conn:
        levels = await bins.expired_levels(conn, places.this_day())
    moved: list[dict[str, Any]] = []
    promised: list[Leftover] = []
    for start in range(0, len(levels), _SLICE):
        async with pool.acquire() as conn, conn.transaction():
            found = await expire_lots(conn, cause=cause, only=levels[start : start + _SLICE])
        moved += found.moved
        promised += found.promised
    return Expired(moved, promised)


async def expire_lots(
    conn: Connection,
    today: date | None = None,
    *,
    cause: str = "",
    actor: str = "kervan",
    only: Sequence[places.Level] | None = None,
) -> Expired:
    """Quarantine what lies in bins and expired before `today` (UTC's when None).

    `only` names the levels to look at. Run it in a transaction, as often as you like: what it
    moved once it does not find again.
    """
    day = today or places.this_day()
    levels = await bins.expired_levels(conn, day) if only is None else only
    if not levels:
        return Expired([], [])
    locked = await catalog.lock_levels(conn, levels)
    free = {
        level: row["on_hand"] - row["allocated"] - row["held"] - row["damaged"]
        for level, row in locked.items()
    }
    why = Why(cause or f"expire:{new_id('exp')}", actor, "expired")
    outs, ins, corrections, left = [], [], [], []
    for place in await places.places_of(conn, levels, day):
        if not place.expired or place.kind == bins.QUARANTINE:
            continue
        level = (place.sku, place.warehouse)
        units = min(place.quantity, free[level])
        free[level] -= units
        if units:
            outs.append(_move(place, place.bin, -units, why))
            spare = await bins.first_of(conn, place.warehouse, bins.QUARANTINE)
            ins += [_move(place, spare, units, why)] if spare else []
            corrections.append(Correction(*level, "expire", damaged=units, quarantined=units))
        if units < place.quantity:
            left.append(await _left(conn, place, place.quantity - units))
    await carry_out(conn, outs, corrections, ins, why)
    return Expired([_told(move) for move in outs], left)


def _move(place: Place, bin_: str, quantity: int, why: Why) -> PlaceMove:
    return PlaceMove(
        place.sku, place.warehouse, bin_, place.lot, "move", why.cause, quantity=quantity
    )


def _told(move: PlaceMove) -> dict[str, Any]:
    return {
        "sku": move.sku,
        "warehouse": move.warehouse,
        "bin": move.bin,
        "lot": move.lot,
        "quantity": -move.quantity,
    }


async def _left(conn: Connection, place: Place, quantity: int) -> Leftover:
    work = await bins.work_that_wants(conn, (place.sku, place.warehouse))
    return Leftover(
        place.sku,
        place.warehouse,
        place.bin,
        place.lot,
        place.expires_on,
        quantity,
        [
            {
                "fulfillment_order_id": row["id"],
                "order_id": row["order_id"],
                "quantity": row["quantity"],
            }
            for row in work
        ],
    )
