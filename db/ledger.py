"""The stock ledger: every change of a counter is a row of it, written with the counter itself.

`cause` makes each movement happen once (`UNIQUE (cause, line_id, kind, sku, warehouse)`).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from operator import attrgetter

import asyncpg

from db import places
from db.pool import Connection
from db.sql import queries

_SQL = queries("ledger")


@dataclass(frozen=True, slots=True)
class Movement:
    """What is added to the counters of one level, by `cause`, on behalf of a line or of nobody.

    `kind` is one of the schema's; `quarantined` units are among the `damaged` ones.
    """

    sku: str
    warehouse: str
    kind: str
    cause: str
    line_id: str = ""
    order_id: str | None = None
    on_hand: int = 0
    allocated: int = 0
    held: int = 0
    safety: int = 0
    damaged: int = 0
    quarantined: int = 0
    incoming: int = 0


_COUNTERS = ("on_hand", "allocated", "held", "safety", "damaged", "quarantined", "incoming")
# Much faster than dataclasses.astuple, which copies deeply.
_place = attrgetter("sku", "warehouse", "kind", "cause", "line_id", "order_id")
_counters = attrgetter(*_COUNTERS)
_by_level = attrgetter("sku", "warehouse", "kind", "cause", "line_id")


async def write(
    conn: Connection,
    movements: Iterable[Movement],
    *,
    actor: str = "kervan",
    reason: str | None = None,
    occurred_at: datetime | None = None,
    locked: bool = False,
) -> list[asyncpg.Record]:
    """Write movements to ledger and counters in one statement, and answer the levels touched.

    The levels must exist. Movements of one line at one level for one cause are summed, so that a
    line counts once per cause. `locked`: the caller holds the levels' locks. Units that leave and
    are not loose are drawn from the bins they lie in.
    """
    rows = add_up(movements)
    if not rows:
        return []
    leaving = any(m.on_hand < 0 or m.quarantined < 0 for m in rows)
    in_bins = leaving
    if (len(rows) > 1 or leaving) and not locked:
        # The update below would lock them in an order of the planner's choice.
        levels = await conn.fetch(
            _SQL["lock_places"], [m.sku for m in rows], [m.warehouse for m in rows]
        )
        in_bins = leaving and any(level["placed"] for level in levels)
    if in_bins:
        await places.make_room(conn, rows, actor=actor, reason=reason, occurred_at=occurred_at)
    columns = zip(*((*_place(m), *_counters(m)) for m in rows), strict=True)
    return await conn.fetch(_SQL["move_stock"], *columns, actor, reason, occurred_at)


def add_up(movements: Iterable[Movement]) -> list[Movement]:
    """One movement per level, kind, cause and line, in the order in which levels are locked."""
    summed: dict[tuple[str | None, ...], Movement] = {}
    for movement in movements:
        place = _place(movement)
        known = summed.get(place)
        summed[place] = movement if known is None else _sum(known, movement)
    return sorted(summed.values(), key=_by_level)


def _sum(one: Movement, other: Movement) -> Movement:
    counters = zip(_counters(one), _counters(other), strict=True)
    return replace(one, **dict(zip(_COUNTERS, (a + b for a, b in counters), strict=True)))
