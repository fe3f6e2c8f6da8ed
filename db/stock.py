"""Stock of orders: reserve, release, ship, report missing. Counters and ledger move together.

Callers hold the order's lock and run inside a transaction; `cause` makes each movement happen
once (`UNIQUE (cause, line_id, kind, sku, warehouse)`).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from db import ledger
from db.movements import Movement
from db.pool import Connection
from db.sql import queries
from domain.sourcing import Allocation, Source
from domain.states import RESERVATION, ReservationStatus, advance

_SQL = queries("stock")


@dataclass(frozen=True, slots=True)
class Claim:
    """A reservation row."""

    id: int
    line_id: str
    sku: str
    warehouse: str | None
    quantity: int


async def lock_sources(conn: Connection, skus: Iterable[str]) -> list[Source]:
    """Lock the levels of all these items, and tell what is free where."""
    return [Source(*row) for row in await conn.fetch(_SQL["lock_levels"], sorted(skus))]


async def lock_unless_waited_for(conn: Connection, skus: Iterable[str]) -> list[Source]:
    """The same; nothing is free when somebody waits for one of the items.

    Asked under the locks, since whoever had them before may have come into the queue.
    """
    wanted = sorted(skus)
    sources = await lock_sources(conn, wanted)
    return [] if await conn.fetchval(_SQL["anybody_waits"], wanted) else sources


async def allocate(
    conn: Connection, order_id: str, allocations: Sequence[Allocation], cause: str
) -> None:
    """Claim what was found: `allocated` rises, units that waited stop waiting."""
    await ledger.write(
        conn,
        [
            Movement(
                a.sku, a.warehouse, "allocate", cause, a.line_id, order_id, allocated=a.quantity
            )
            for a in allocations
        ],
    )
    units: Counter[str] = Counter()
    for allocation in allocations:
        units[allocation.line_id] += allocation.quantity
    await end_claims(
        conn, order_id, units, ReservationStatus.BACKORDERED, ReservationStatus.RELEASED
    )
    await _insert(conn, order_id, allocations, ReservationStatus.ALLOCATED, cause)


async def _insert(
    conn: Connection,
    order_id: str,
    rows: Sequence[Allocation],
    status: ReservationStatus,
    cause: str,
) -> None:
    if not rows:
        return
    priority, since = await _queue_place(conn, order_id)
    await conn.execute(
        _SQL["reserve_rows"],
        order_id,
        [row.line_id for row in rows],
        [row.sku for row in rows],
        [row.warehouse for row in rows],
        [row.quantity for row in rows],
        status,
        cause,
        priority,
        since,
    )


async def _queue_place(conn: Connection, order_id: str) -> tuple[int, datetime]:
    row = await conn.fetchrow(_SQL["queue_place"], order_id)
    assert row is not None  # noqa: S101 - the caller holds the order's lock
    return row["priority"], row["created_at"]


async def end_claims(
    conn: Connection,
    order_id: str,
    units: Counter[str],
    status: ReservationStatus,
    target: ReservationStatus,
    warehouse: str | None = None,
) -> list[Claim]:
    """End `units[line]` of an order's claims in `status`; answers what was ended, per claim.

    A claim that ends in part is split: the ended part becomes a row of its own.
    """
    advance(RESERVATION, status, target)
    left, ended = Counter(units), []
    for row in await conn.fetch(_SQL["claims"], order_id, status):
        claim = Claim(**row)
        take = min(left[claim.line_id], claim.quantity)
        if not take or (warehouse is not None and claim.warehouse != warehouse):
            continue
        left[claim.line_id] -= take
        ended.append(Claim(claim.id, claim.line_id, claim.sku, claim.warehouse, take))
        if take == claim.quantity:
            await conn.execute(_SQL["end_claim"], claim.id, target)
            continue
        await conn.execute(_SQL["shrink_claim"], claim.id, take)
        part = [Allocation(claim.line_id, claim.sku, claim.warehouse or "", take)]
        await _insert(conn, order_id, part, target, f"split:{claim.id}")
    return ended


async def claims(conn: Connection, order_id: str, status: ReservationStatus) -> list[Claim]:
    """An order's claims in that status."""
    return [Claim(**row) for row in await conn.fetch(_SQL["claims"], order_id, status)]


async def lock_claimed(conn: Connection, order_id: str) -> None:
    """Lock the levels of all items that an order has claims on, before any of them is moved."""
    await conn.execute(_SQL["lock_claimed"], order_id)


async def release(conn: Connection, order_id: str, units: Counter[str], cause: str) -> None:
    """Give allocated units back to the shelf, waiting ones first leave the queue; wake others."""
    await lock_claimed(conn, order_id)
    waiting = await end_claims(
        conn, order_id, units, ReservationStatus.BACKORDERED, ReservationStatus.RELEASED
    )
    left = Counter(units)
    for claim in waiting:
        left[claim.line_id] -= claim.quantity
    freed = await end_claims(
        conn, order_id, +left, ReservationStatus.ALLOCATED, ReservationStatus.RELEASED
    )
    await _give_back(conn, order_id, freed, cause)
    await wake_waiting(conn, {claim.sku for claim in [*waiting, *freed]}, cause)


async def recall(
    conn: Connection,
    order_id: str,
    waiting: Counter[str],
    placed: Mapping[str, Counter[str]],
    cause: str,
) -> None:
    """Like `release`, for known units: `waiting` ones leave the queue, and those of `placed`
    (units per line, by warehouse) go back to the shelf of that very warehouse.
    """
    await lock_claimed(conn, order_id)
    left = await end_claims(
        conn, order_id, waiting, ReservationStatus.BACKORDERED, ReservationStatus.RELEASED
    )
    freed = [
        claim
        for warehouse in sorted(placed)
        for claim in await _end_here(
            conn, order_id, warehouse, placed[warehouse], ReservationStatus.RELEASED
        )
    ]
    await _give_back(conn, order_id, freed, cause)
    await wake_waiting(conn, {claim.sku for claim in [*left, *freed]}, cause)


async def _end_here(
    conn: Connection,
    order_id: str,
    warehouse: str,
    units: Counter[str],
    target: ReservationStatus,
) -> list[Claim]:
    """End an order's claims on units of one warehouse."""
    return await end_claims(conn, order_id, units, ReservationStatus.ALLOCATED, target, warehouse)


async def recall_closed(
    conn: Connection, order_id: str, warehouse: str, units: Counter[str], cause: str
) -> None:
    """Give units back to the shelf of a closed warehouse: nobody is woken for them."""
    freed = await _end_here(conn, order_id, warehouse, units, ReservationStatus.RELEASED)
    await _give_back(conn, order_id, freed, cause)


async def _give_back(conn: Connection, order_id: str, freed: Sequence[Claim], cause: str) -> None:
    moves = [_of(c, "release", cause, order_id, allocated=-c.quantity) for c in freed]
    await ledger.write(conn, moves)


async def ship(
    conn: Connection, order_id: str, warehouse: str, units: Counter[str], cause: str
) -> None:
    """Units leave the building: `on_hand` and `allocated` fall together."""
    used = await _end_here(conn, order_id, warehouse, units, ReservationStatus.CONSUMED)
    await _leave(conn, order_id, "ship", used, cause)


async def report_missing(
    conn: Connection, order_id: str, warehouse: str, units: Counter[str], cause: str
) -> None:
    """A short pick: the units are not where the counters say, so they leave the counters."""
    gone = await _end_here(conn, order_id, warehouse, units, ReservationStatus.RELEASED)
    await _leave(conn, order_id, "short", gone, cause)


async def _leave(
    conn: Connection, order_id: str, kind: str, claims_ended: Sequence[Claim], cause: str
) -> None:
    moves = [
        _of(c, kind, cause, order_id, on_hand=-c.quantity, allocated=-c.quantity)
        for c in claims_ended
    ]
    await ledger.write(conn, moves)


async def short_reported(conn: Connection, order_id: str, work_id: str) -> dict[str, int]:
    """Units per line of a location's work that are off the counters as missing."""
    rows = await conn.fetch(_SQL["short_reported"], order_id, work_id)
    return {row["line_id"]: row["quantity"] for row in rows}


def _of(
    claim: Claim, kind: str, cause: str, order_id: str, *, on_hand: int = 0, allocated: int = 0
) -> Movement:
    return Movement(
        claim.sku,
        claim.warehouse or "",
        kind,
        cause,
        claim.line_id,
        order_id,
        on_hand=on_hand,
        allocated=allocated,
    )


async def wake_waiting(conn: Connection, skus: Iterable[str], cause: str) -> None:
    """Stock of these items may be free now: tell the orders that wait for it, in their order."""
    await conn.execute(_SQL["wake_waiting"], sorted(set(skus)), cause)
