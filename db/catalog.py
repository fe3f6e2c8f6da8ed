"""Items, warehouses, and stock as people bring, count, correct and move it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from db import ledger
from db.movements import Movement, add_up
from db.pool import Connection
from db.sql import queries
from db.stock import wake_waiting
from domain.errors import Refused

_SQL = queries("catalog")

Row = Mapping[str, Any]

_LARGEST = 2**31 - 1
# Counters that people correct, and what a refusal tells.
_CORRECTED = ("on_hand", "damaged", "safety", "quarantined", "incoming")
_TOLD = ("sku", "warehouse", "on_hand", "allocated", "held", "damaged")


@dataclass(frozen=True, slots=True)
class Item:
    """What the shop sells: grams and millimetres. What is tracked stays so when it is None."""

    sku: str
    name: str
    weight_g: int
    length_mm: int
    width_mm: int
    height_mm: int
    hs_code: str | None
    origin: str | None
    category: str | None
    lot_tracked: bool | None = None
    serial_tracked: bool | None = None


@dataclass(frozen=True, slots=True)
class Warehouse:
    """Where goods lie. A lower `priority` is preferred (`domain.sourcing_rules`)."""

    code: str
    name: str
    country: str
    city: str
    postal_code: str
    line1: str
    kind: str
    priority: int


@dataclass(frozen=True, slots=True)
class Correction:
    """Deltas of one level, under one kind of the ledger."""

    sku: str
    warehouse: str
    kind: str
    on_hand: int = 0
    damaged: int = 0
    safety: int = 0
    quarantined: int = 0
    incoming: int = 0


@dataclass(frozen=True, slots=True)
class Why:
    """What a ledger row says of its origin; `cause` makes it happen once."""

    cause: str
    actor: str
    reason: str | None = None
    occurred_at: datetime | None = None


async def put_item(conn: Connection, item: Item) -> Row:
    """Make or change an item; run it in a transaction.

    Raises:
        Refused: its lots or pieces would be tracked from now on, and there are units that nobody
            knows these of.

    """
    begins = await conn.fetchrow(
        _SQL["tracking_begins"], item.sku, item.lot_tracked, item.serial_tracked
    )
    if begins is not None and await conn.fetchval(_SQL["has_stock"], item.sku):
        detail = "There is stock of the item whose lots or serial numbers nobody told."
        raise Refused("item_has_stock", detail, sku=item.sku)
    row = await conn.fetchrow(_SQL["put_item"], *(getattr(item, name) for name in Item.__slots__))
    assert row is not None  # noqa: S101 - an upsert answers a row
    return dict(row)


async def items(
    conn: Connection,
    *,
    sku: str | None = None,
    after: str | None = None,
    limit: int = 1,
) -> list[Row]:
    """Items by sku."""
    return [dict(row) for row in await conn.fetch(_SQL["list_items"], sku, after, limit)]


async def put_warehouse(conn: Connection, warehouse: Warehouse) -> Row:
    """Make or change a warehouse."""
    row = await conn.fetchrow(
        _SQL["put_warehouse"],
        *(getattr(warehouse, name) for name in Warehouse.__slots__),
    )
    assert row is not None  # noqa: S101 - an upsert answers a row
    return dict(row)


async def warehouses(
    conn: Connection,
    *,
    code: str | None = None,
    after: str | None = None,
    limit: int = 1,
) -> list[Row]:
    """Warehouses by code."""
    return [dict(row) for row in await conn.fetch(_SQL["list_warehouses"], code, after, limit)]


async def unknown_skus(conn: Connection, skus: Sequence[str]) -> set[str]:
    """Those that the catalog does not have."""
    return {row["sku"] for row in await conn.fetch(_SQL["unknown_skus"], list(skus))}


async def unknown_warehouses(conn: Connection, codes: Sequence[str]) -> set[str]:
    """Those that do not exist."""
    return {row["code"] for row in await conn.fetch(_SQL["unknown_warehouses"], list(codes))}


async def lock_levels(
    conn: Connection, places: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], Row]:
    """Lock levels, made when missing, and those of their items elsewhere; all by (sku, warehouse).

    Whoever wakes orders that wait counts what is free everywhere: two who bring goods to two
    warehouses must see each other's, and neither may hold one level when it asks for the other.
    """
    wanted = sorted(set(places))
    skus, codes = [sku for sku, _ in wanted], [code for _, code in wanted]
    made = await conn.fetch(_SQL["make_levels"], skus, codes)
    if made:
        # A level that is just being made cannot be locked by others; its item can.
        await conn.execute(_SQL["lock_items"], sorted({row["sku"] for row in made}))
    rows = await conn.fetch(_SQL["lock_levels_of"], skus)
    return {(row["sku"], row["warehouse"]): dict(row) for row in rows}


async def correct(conn: Connection, corrections: Sequence[Correction], why: Why) -> list[Row]:
    """Write ledger and counters, wake who waits for what came, and answer the levels touched.

    Items and warehouses must exist. Corrections of one level and kind are summed.

    Raises:
        Refused: less would be there than is allocated, held or damaged, or more than a counter
            holds; nothing is changed.

    """
    movements = add_up(_movement(c, why.cause) for c in corrections)
    levels = await lock_levels(conn, [(m.sku, m.warehouse) for m in movements])
    _must_stay_possible(levels, movements)
    try:
        rows = await ledger.write(
            conn,
            movements,
            actor=why.actor,
            reason=why.reason,
            occurred_at=why.occurred_at,
            locked=True,
        )
    except asyncpg.UniqueViolationError:
        # Its idempotency key was forgotten in the meantime; the ledger forgets nothing.
        raise Refused(
            "already_recorded", "The ledger has these movements already.", cause=why.cause
        ) from None
    # After a count, whatever it found, orders may ask again where they looked in vain.
    gained = {m.sku for m in movements if m.kind == "count" or m.on_hand - m.damaged - m.safety > 0}
    if gained:
        await wake_waiting(conn, gained, why.cause)
    return [dict(row) for row in rows]


def _movement(c: Correction, cause: str) -> Movement:
    return Movement(
        c.sku,
        c.warehouse,
        c.kind,
        cause,
        on_hand=c.on_hand,
        damaged=c.damaged,
        safety=c.safety,
        quarantined=c.quarantined,
        incoming=c.incoming,
    )


def _must_stay_possible(
    levels: Mapping[tuple[str, str], Row], movements: Sequence[Movement]
) -> None:
    after: dict[tuple[str, str], dict[str, Any]] = {}
    for movement in movements:
        place = (movement.sku, movement.warehouse)
        level = after.setdefault(place, dict(levels[place]))
        for name in _CORRECTED:
            level[name] += getattr(movement, name)
    for place, level in after.items():
        free = level["on_hand"] - level["allocated"] - level["held"] - level["damaged"]
        if (
            free < 0
            or level["quarantined"] > level["damaged"]
            or any(not 0 <= level[name] <= _LARGEST for name in _CORRECTED)
        ):
            now = levels[place]
            raise Refused(
                "insufficient_stock",
                f"{place[0]} at {place[1]} does not allow it: goods are promised, or not there.",
                **{name: str(now[name]) for name in _TOLD},
            )
