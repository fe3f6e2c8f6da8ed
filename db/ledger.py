"""The stock ledger: every change of a counter is a row of it, written with the counter itself.

`cause` makes each movement happen once (`UNIQUE (cause, line_id, kind, sku, warehouse)`).
"""

from collections.abc import Iterable
from datetime import datetime

import asyncpg

from db import places
from db.columns import pack
from db.movements import Movement, add_up
from db.pool import Connection
from db.sql import queries

_SQL = queries("ledger")


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

    Movements of one line at one level for one cause are summed, so that a
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
            _SQL["lock_levels"], [m.sku for m in rows], [m.warehouse for m in rows]
        )
        in_bins = leaving and any(level["placed"] for level in levels)
    if in_bins:
        await places.make_room(conn, rows, actor=actor, reason=reason, occurred_at=occurred_at)
    columns = pack(rows, len(Movement._fields))
    touched = await conn.fetch(_SQL["move_stock"], *columns, actor, reason, occurred_at)
    if len(touched) != len({(m.sku, m.warehouse) for m in rows}):
        message = "a movement of a level that does not exist"
        raise LookupError(message)
    return touched
