"""Statements of the step that reserves for many orders at once. Set-based: one round trip each.

The order of locks is that of the whole house: orders by id, then levels by item and warehouse.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from db.pool import Connection
from db.sql import queries
from domain.reserving import Ahead, Wanted

_SQL = queries("reservations")


@dataclass(frozen=True, slots=True)
class Claim:
    """A new claim of a line: on units of `warehouse`, or (None) on a place in the queue."""

    order_id: str
    line_id: str
    sku: str
    warehouse: str | None
    quantity: int
    status: str
    cause: str
    priority: int
    queued_at: datetime


@dataclass(frozen=True, slots=True)
class LineMove:
    """Deltas of a line's counters; they sum to zero."""

    line_id: str
    open: int = 0
    allocated: int = 0
    backordered: int = 0
    canceled: int = 0


@dataclass(frozen=True, slots=True)
class HeldLine:
    """Units that a checkout keeps for an order."""

    order_id: str
    hold_id: str
    sku: str
    warehouse: str
    quantity: int


@dataclass(frozen=True, slots=True)
class DoneStep:
    """A step of an order that is done, and what it answered."""

    order_id: str
    cause: str
    result: Any


async def lock_orders(
    conn: Connection, order_ids: Sequence[str], *, wait: bool
) -> dict[str, asyncpg.Record]:
    """Lock these orders; without `wait`, those that nobody else has locked."""
    name = _SQL["lock_orders"] if wait else _SQL["lock_free_orders"]
    return {row["id"]: row for row in await conn.fetch(name, sorted(order_ids))}


async def steps_done(conn: Connection, steps: Sequence[tuple[str, str]]) -> list[DoneStep]:
    """Those of the (order, cause) pairs that are done."""
    rows = await conn.fetch(
        _SQL["steps_done"], [order_id for order_id, _ in steps], [cause for _, cause in steps]
    )
    return [DoneStep(**row) for row in rows]


async def lines_wanted(conn: Connection, order_ids: Sequence[str]) -> dict[str, list[Wanted]]:
    """The lines of each order."""
    lines: defaultdict[str, list[Wanted]] = defaultdict(list)
    for order_id, *rest in await conn.fetch(_SQL["lines_wanted"], list(order_ids)):
        lines[order_id].append(Wanted(*rest))
    return lines


async def held_for(conn: Connection, order_ids: Sequence[str]) -> list[HeldLine]:
    """What checkouts keep for these orders."""
    rows = await conn.fetch(_SQL["held_for_orders"], list(order_ids))
    return [HeldLine(**row) for row in rows]


async def queue_heads(conn: Connection, free: Mapping[str, int]) -> list[Ahead]:
    """Who waits first for each item, up to as many orders as it has free units."""
    rows = await conn.fetch(_SQL["queue_heads"], list(free), list(free.values()))
    return [Ahead(*row) for row in rows]


async def insert_claims(conn: Connection, claims: Sequence[Claim]) -> None:
    """Write new claims."""
    if not claims:
        return
    await conn.execute(
        _SQL["insert_claims"],
        *([getattr(claim, name) for claim in claims] for name in Claim.__slots__),
    )


async def move_lines(conn: Connection, moves: Sequence[LineMove]) -> None:
    """Move units between the counters of lines, each line once."""
    if not moves:
        return
    await conn.execute(
        _SQL["move_lines"],
        *([getattr(move, name) for move in moves] for name in LineMove.__slots__),
    )


async def finish_steps(conn: Connection, steps: Sequence[DoneStep]) -> None:
    """These steps are done."""
    await conn.execute(
        _SQL["finish_steps"],
        [step.order_id for step in steps],
        [step.cause for step in steps],
        [step.result for step in steps],
    )
