"""What can be sold, for many items at once, and which items changed since a reader last asked.

Transactions commit in another order than they write their rows. So a place in the feed is a
transaction first (`xact`), and only what is older than every transaction that still runs is told:
nothing can come in before it any more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from db.pool import Connection
from db.sql import queries

_SQL = queries("availability")

# Rows of the ledger that one read looks through; many of them may be of one hot item.
_SCANNED = 10_000


class Place(NamedTuple):
    """A place in the feed, by which places are compared: rows up to it have been told."""

    xact: int
    source: int = 0
    row: int = 0


@dataclass(frozen=True, slots=True)
class Now:
    """The ledger's generation, and the transactions that have ended (all before `ended`)."""

    generation: str
    ended: int
    unborn: int


@dataclass(frozen=True, slots=True)
class Shelf:
    """One warehouse's stock of an item; `available` and `sellable` are never below zero."""

    warehouse: str
    country: str
    closed: bool
    on_hand: int
    allocated: int
    held: int
    safety: int
    damaged: int
    available: int
    sellable: int
    incoming: int


@dataclass(slots=True)
class Availability:
    """What there is of an item. `known` tells whether the catalog has it."""

    sku: str
    known: bool
    backordered: int
    available: int = 0
    sellable: int = 0
    incoming: int = 0
    warehouses: list[Shelf] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Changes:
    """Items that changed, with the warehouses where the ledger moved, and up to where."""

    warehouses: Mapping[str, Sequence[str]]
    place: Place
    more: bool


async def availability(
    conn: Connection,
    skus: Sequence[str],
    *,
    warehouses: Sequence[str] | None = None,
    country: str | None = None,
) -> list[Availability]:
    """What can be sold of each, in the order asked for; `skus` without duplicates.

    With `warehouses` or `country` only those are told and summed; orders that wait are served
    from all warehouses all the same.
    """
    wanted = list(warehouses) if warehouses else None
    answer: list[Availability] = []
    for row in await conn.fetch(_SQL["availability"], list(skus), wanted, country):
        sku, known, backordered, *shelf = row
        if not answer or answer[-1].sku != sku:
            answer.append(Availability(sku, known, backordered))
        if shelf[0] is None:
            continue
        item, told = answer[-1], Shelf(*shelf)
        item.warehouses.append(told)
        item.available += told.available
        item.sellable += told.sellable
        item.incoming += told.incoming
    return answer


async def now(conn: Connection) -> Now:
    """Where the feed ends at this moment."""
    row = await conn.fetchrow(_SQL["feed_now"])
    assert row is not None  # noqa: S101 - the migration wrote it
    return Now(row["generation"], int(row["ended"]), int(row["unborn"]))


async def changes(conn: Connection, after: Place, upto: Now, limit: int) -> Changes:
    """At most `limit` items that changed after a place, each once, oldest change first."""
    rows: list[Any] = await conn.fetch(
        _SQL["changed_items"],
        str(after.xact),
        after.source,
        after.row,
        str(upto.ended),
        limit,
        _SCANNED,
    )
    if not rows:
        return Changes({}, max(after, Place(upto.ended)), more=False)
    last = rows[0]
    place, more = Place(int(last["xact"]), last["source"], last["id"]), last["more"]
    return Changes(
        {row["sku"]: row["warehouses"] for row in rows},
        place if more else max(place, Place(upto.ended)),
        more,
    )


async def newest(conn: Connection) -> Place:
    """The place of the newest change that can be told."""
    rows = await conn.fetch(_SQL["newest_change"])
    return max((Place(int(r["transaction"]), r["source"], r["id"]) for r in rows), default=Place(0))
