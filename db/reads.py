"""Reads of the API: PostgreSQL alone, so that they work while Temporal and the workers are down."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from db import expected
from db.pool import Connection
from db.sql import queries

_SQL = queries("reads")

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """What to list. Empty means anything; `attention` is a code, or `any`.

    `q` finds a number, a channel's order id, a tracking number, and (with `contact`) an e-mail
    address or a part of a name.
    """

    status: Sequence[str] = ()
    payment_status: Sequence[str] = ()
    fulfillment_status: Sequence[str] = ()
    return_status: Sequence[str] = ()
    channel: str | None = None
    customer_id: str | None = None
    attention: str | None = None
    q: str | None = None
    contact: bool = False
    placed_from: datetime | None = None
    placed_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits: rows, seconds since the oldest, orders that wait for a person."""

    outbox_rows: int
    outbox_age: float
    inbox_rows: int
    inbox_age: float
    attention_orders: int


_FOUND_BY = """o.id IN (
    SELECT id FROM orders WHERE number = upper({q})
    UNION ALL SELECT id FROM orders WHERE channel_order_id = {q}
    UNION ALL SELECT order_id FROM shipments WHERE tracking_number = {q}
    UNION ALL SELECT id FROM orders WHERE id = {q}"""
_FOUND_BY_CONTACT = """
    UNION ALL SELECT order_id FROM order_contacts WHERE lower(email) = lower({q})
    UNION ALL SELECT order_id FROM order_contacts WHERE strpos(lower(name), lower({q})) > 0"""


class _Conditions:
    """A WHERE clause from fixed fragments; values travel as parameters only."""

    def __init__(self) -> None:
        self.fragments: list[str] = []
        self.values: list[Any] = []

    def add(self, fragment: str, *values: Any) -> None:  # noqa: ANN401 - any SQL value
        """Add a fragment whose `{0}`, `{1}` become the places of its values."""
        places = []
        for value in values:
            self.values.append(value)
            places.append(f"${len(self.values)}")
        self.fragments.append(fragment.format(*places, q=places[0] if places else ""))

    def where(self) -> str:
        """The clause, or nothing."""
        return f"WHERE {' AND '.join(self.fragments)}" if self.fragments else ""


async def find_orders(
    conn: Connection,
    wanted: OrderFilter,
    before: tuple[datetime, str] | None,
    limit: int,
) -> list[str]:
    """Ids of orders older than `before` (placed_at, id), newest first."""
    rows = await conn.fetch(*_list_orders(wanted, before, limit))
    return [row["id"] for row in rows]


def _list_orders(
    wanted: OrderFilter, before: tuple[datetime, str] | None, limit: int
) -> tuple[Any, ...]:
    """The statement and its values."""
    where = _Conditions()
    _add_axes(where, wanted)
    _add_finds(where, wanted)
    if before is not None:
        where.add("(o.placed_at, o.id) < ({0}, {1})", *before)
    statement = (
        f"SELECT o.id FROM orders o {where.where()} "  # noqa: S608 - fixed fragments, see above
        f"ORDER BY o.placed_at DESC, o.id DESC LIMIT {int(limit)}"
    )
    return statement, *where.values


def _add_axes(where: _Conditions, wanted: OrderFilter) -> None:
    for axis in ("status", "payment_status", "fulfillment_status", "return_status"):
        if chosen := getattr(wanted, axis):
            where.add(f"o.{axis} = ANY({{0}}::text[])", list(chosen))
    if wanted.channel is not None:
        where.add("o.channel = {0}", wanted.channel)
    if wanted.customer_id is not None:
        where.add("o.customer_id = {0}", wanted.customer_id)
    if wanted.placed_from is not None:
        where.add("o.placed_at >= {0}", wanted.placed_from)
    if wanted.placed_to is not None:
        where.add("o.placed_at < {0}", wanted.placed_to)


def _add_finds(where: _Conditions, wanted: OrderFilter) -> None:
    if wanted.attention == "any":
        where.add("EXISTS (SELECT FROM attention a WHERE a.order_id = o.id)")
    elif wanted.attention is not None:
        where.add(
            "EXISTS (SELECT FROM attention a WHERE a.order_id = o.id AND a.code = {0})",
            wanted.attention,
        )
    if wanted.q is not None:
        contact = _FOUND_BY_CONTACT if wanted.contact else ""
        where.add(f"{_FOUND_BY}{contact})", wanted.q)


async def orders(conn: Connection, ids: Sequence[str]) -> list[Row]:
    """Orders with all their parts, in the order of `ids`; lines that wait with their day."""
    rows: list[Row] = [dict(row) for row in await conn.fetch(_SQL["read_orders"], list(ids))]
    waiting = [row["id"] for row in rows if any(x["backordered"] for x in row["lines"] or ())]
    days = await expected.days(conn, waiting) if waiting else {}
    for row in rows:
        for line in row["lines"] or ():
            line["expected_on"] = days.get(line["id"])
    return rows


async def order(conn: Connection, order_id: str) -> Row | None:
    """One order with all its parts."""
    found = await orders(conn, [order_id])
    return found[0] if found else None


async def axes(conn: Connection, order_id: str) -> dict[str, str] | None:
    """The four statuses of an order; None when there is none."""
    row = await conn.fetchrow(_SQL["order_axes"], order_id)
    return dict(row) if row else None


async def order_by_token(conn: Connection, token: str) -> Row | None:
    """The order whose tracking page the token opens."""
    order_id = await conn.fetchval(_SQL["order_by_token"], token)
    return await order(conn, order_id) if order_id else None


async def exchanged_with(conn: Connection, order_id: str) -> list[Row]:
    """Orders sent in place of goods of this one, and the one that this one was sent for."""
    return [dict(row) for row in await conn.fetch(_SQL["exchanged_with"], order_id)]


async def owner_of_work(conn: Connection, fulfillment_order_id: str) -> str | None:
    """The order that a fulfillment order belongs to."""
    owner: str | None = await conn.fetchval(_SQL["fulfillment_order_owner"], fulfillment_order_id)
    return owner


async def find_work(
    conn: Connection,
    *,
    warehouse: str | None,
    status: Sequence[str],
    order_id: str | None,
    before: tuple[datetime, str] | None,
    limit: int,
) -> list[str]:
    """Ids of fulfillment orders, newest first."""
    where = _Conditions()
    if warehouse is not None:
        where.add("f.warehouse = {0}", warehouse)
    if status:
        where.add("f.status = ANY({0}::text[])", list(status))
    if order_id is not None:
        where.add("f.order_id = {0}", order_id)
    if before is not None:
        where.add("(f.created_at, f.id) < ({0}, {1})", *before)
    statement = (
        f"SELECT f.id FROM fulfillment_orders f {where.where()} "  # noqa: S608 - fixed fragments
        f"ORDER BY f.created_at DESC, f.id DESC LIMIT {int(limit)}"
    )
    return [row["id"] for row in await conn.fetch(statement, *where.values)]


async def work(conn: Connection, ids: Sequence[str]) -> list[Row]:
    """Fulfillment orders with lines and parcels, in the order of `ids`."""
    return [dict(row) for row in await conn.fetch(_SQL["read_work"], list(ids))]


async def events(
    conn: Connection,
    order_id: str,
    place: int | None,
    limit: int,
    *,
    oldest_first: bool = False,
) -> list[Row]:
    """An order's timeline from `place` (an event's id, itself left out)."""
    statement = _SQL["oldest_events"] if oldest_first else _SQL["newest_events"]
    return [dict(row) for row in await conn.fetch(statement, order_id, place, limit)]


async def fresh_events(conn: Connection, seen: Mapping[str, int]) -> list[Row]:
    """Events of several orders, each after the one its reader has seen, oldest first."""
    rows = await conn.fetch(_SQL["fresh_events"], list(seen), list(seen.values()))
    return [dict(row) for row in rows]


async def closed_orders(conn: Connection, ids: Sequence[str]) -> set[str]:
    """Those of the orders that have ended."""
    return {row["id"] for row in await conn.fetch(_SQL["closed_orders"], list(ids))}


async def stock(
    conn: Connection,
    *,
    sku: str | None,
    warehouse: str | None,
    after: tuple[str, str] | None,
    limit: int,
) -> list[Row]:
    """Stock levels by item, then warehouse."""
    last_sku, last_warehouse = after or (None, None)
    rows = await conn.fetch(_SQL["stock_levels"], sku, warehouse, last_sku, last_warehouse, limit)
    return [dict(row) for row in rows]


async def movements(  # noqa: PLR0913 - filters and a place
    conn: Connection,
    *,
    sku: str | None,
    warehouse: str | None,
    kind: str | None,
    order_id: str | None,
    before: int | None,
    limit: int,
) -> list[Row]:
    """The stock ledger, newest first."""
    rows = await conn.fetch(_SQL["stock_movements"], sku, warehouse, kind, order_id, before, limit)
    return [dict(row) for row in rows]


async def backlog(conn: Connection) -> Backlog:
    """What waits to be told, and who waits for a person."""
    row = await conn.fetchrow(_SQL["backlog"])
    assert row is not None  # noqa: S101 - a SELECT without FROM answers one row
    return Backlog(**row)


async def ping(conn: Connection) -> None:
    """Whether the database answers."""
    await conn.fetchval(_SQL["ping"])
