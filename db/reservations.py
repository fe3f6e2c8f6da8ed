"""Statements of the step that reserves for many orders at once. Set-based: one round trip each.

The order of locks is that of the whole house: orders by id, then levels by item and warehouse.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg

from db import stock
from db.columns import pack
from db.pool import Connection
from db.sql import queries
from domain.reserving import Ahead, Wanted
from domain.sourcing import Destination, Source

_SQL = queries("reservations")


class Claim(NamedTuple):
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


class LineMove(NamedTuple):
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


class Event(NamedTuple):
    """An entry of an order's timeline: what the system did."""

    order_id: str
    type: str
    data: Mapping[str, Any]


class DoneStep(NamedTuple):
    """A step of an order that is done, and what it answered."""

    order_id: str
    cause: str
    result: Mapping[str, Any]


@dataclass(slots=True)
class Lines:
    """An order's lines; `done` is the step's answer when it was done before."""

    wanted: list[Wanted] = field(default_factory=list)
    done: Mapping[str, Any] | None = None


async def lock_orders(
    conn: Connection, order_ids: Sequence[str], *, wait: bool
) -> dict[str, asyncpg.Record]:
    """Lock these orders; without `wait`, those that nobody else has locked."""
    name = _SQL["lock_orders"] if wait else _SQL["lock_free_orders"]
    return {row["id"]: row for row in await conn.fetch(name, sorted(order_ids))}


def destination_of(order: asyncpg.Record) -> Destination:
    """Where a locked order goes, as far as rules ask."""
    return Destination(*(part or "" for part in order["destination"] or ()))


async def lines_wanted(conn: Connection, steps: Sequence[tuple[str, str, str]]) -> dict[str, Lines]:
    """The lines of each order, for (order, step, the step that it is part of)."""
    lines: defaultdict[str, Lines] = defaultdict(Lines)
    columns = zip(*steps, strict=True)
    for order_id, *want, done in await conn.fetch(_SQL["lines_wanted"], *columns):
        lines[order_id].wanted.append(Wanted(*want))
        lines[order_id].done = done
    return lines


async def held_for(conn: Connection, order_ids: Sequence[str]) -> list[HeldLine]:
    """What checkouts keep for these orders."""
    if not order_ids:
        return []
    rows = await conn.fetch(_SQL["held_for_orders"], list(order_ids))
    return [HeldLine(**row) for row in rows]


async def not_found(
    conn: Connection, order_ids: Sequence[str]
) -> dict[str, frozenset[tuple[str, str]]]:
    """The (warehouse, sku) where units of these orders were looked for in vain.

    Until somebody has brought goods there, or counted them: what the books say of it is doubtful.
    """
    if not order_ids:
        return {}
    found: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
    for row in await conn.fetch(_SQL["not_found"], list(order_ids)):
        found[row["order_id"]].add((row["warehouse"], row["sku"]))
    return {order_id: frozenset(places) for order_id, places in found.items()}


async def lock_supply(conn: Connection, skus: Collection[str]) -> tuple[list[Source], list[Ahead]]:
    """Lock the levels of all these items; tell what is free where, and who waits for it first."""
    sources = await stock.lock_sources(conn, skus)
    free: Counter[str] = Counter()
    for source in sources:
        free[source.sku] += max(0, source.available)
    return sources, await queue_heads(conn, +free) if +free else []


async def queue_heads(conn: Connection, free: Mapping[str, int]) -> list[Ahead]:
    """Who waits first for each item, up to as many orders as it has free units.

    Where rules keep an item from somebody, as many for each destination. Nobody takes units where
    they were looked for in vain, so none are kept there.
    """
    rows = await conn.fetch(_SQL["queue_heads"], list(free), list(free.values()))
    in_vain = await not_found(conn, sorted({row["order_id"] for row in rows}))
    return [
        Ahead(
            row["sku"],
            row["order_id"],
            row["priority"],
            row["queued_at"],
            row["quantity"],
            row["category"],
            Destination(row["country"], row["postal_code"]),
            in_vain.get(row["order_id"], frozenset()),
        )
        for row in rows
    ]


async def end_waiting(
    conn: Connection, units: Mapping[str, Mapping[str, int]]
) -> list[tuple[str, str, int, int]]:
    """Take `units[order][line]` out of the queue, the oldest claims first.

    Answers the parts of claims that go on waiting with less: (order, line, claim, units gone).
    """
    if not units:
        return []
    left = {(order, line): n for order, lines in units.items() for line, n in lines.items()}
    ended, shrunk = [], []
    for row in await conn.fetch(_SQL["waiting_claims"], sorted(units)):
        place = (row["order_id"], row["line_id"])
        take = min(left.get(place, 0), row["quantity"])
        if not take:
            continue
        left[place] -= take
        if take == row["quantity"]:
            ended.append(row["id"])
        else:
            shrunk.append((*place, row["id"], take))
    ids, gone = [part[2] for part in shrunk], [part[3] for part in shrunk]
    await conn.execute(_SQL["end_waiting"], ended, ids, gone)
    return shrunk


async def pass_over(conn: Connection, order_ids: Sequence[str], skus: Sequence[str]) -> None:
    """Remember who asked in vain while units were free, because somebody ahead waits for them."""
    if order_ids:
        await conn.execute(_SQL["pass_over"], list(order_ids), list(skus))


async def recall_passed_over(conn: Connection, skus: Sequence[str], cause: str) -> None:
    """Somebody who was ahead was served, or left: who was passed over asks again."""
    if skus:
        await conn.execute(_SQL["recall_passed_over"], list(skus), cause)


async def keep(
    conn: Connection,
    claims: Sequence[Claim],
    moves: Sequence[LineMove],
    events: Sequence[Event],
    steps: Sequence[DoneStep],
) -> None:
    """Write what orders got, and that their steps are done. Each line is moved once."""
    await conn.execute(
        _SQL["keep_reservations"],
        *pack(claims, len(Claim._fields)),
        *pack(moves, len(LineMove._fields)),
        *pack(events, len(Event._fields)),
        *pack(steps, len(DoneStep._fields)),
    )
