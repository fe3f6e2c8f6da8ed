"""Substitutes: the shop's list, offers to customers, units held for them, and lines that are cut.

Offers are written under their order's lock; a line has one open offer at most. The units are kept
by a hold (`db.holds`) that bears the offer's id.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from db import holds, ledger, stock
from db.holds import NewHold
from db.movements import Movement
from db.new_ids import new_id
from db.outbox import Passed
from db.pool import Connection, Pool
from db.sql import queries
from db.timeline import SYSTEM
from domain.order import Offer
from domain.sourcing import Allocation
from domain.states import OFFER, OfferStatus, advance
from domain.substitution import Place, Priced, cut

_SQL = queries("substitutes")

_LONGER_THAN_ANY_OFFER = 30 * 86_400.0

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Something that could be offered for the `waiting` units of a line."""

    line_id: str
    ordered_sku: str
    waiting: int
    sku: str
    note: str | None


@dataclass(frozen=True, slots=True)
class Shelf:
    """Units of an item that are free at a warehouse; a lower `priority` is preferred."""

    sku: str
    warehouse: str
    available: int
    priority: int


async def listed(conn: Connection, sku: str) -> list[Row]:
    """What may be offered in place of an item, the best first."""
    return [dict(row) for row in await conn.fetch(_SQL["substitutes_of"], sku)]


async def put(conn: Connection, sku: str, chosen: Sequence[tuple[str, str | None]]) -> bool:
    """Replace an item's list by (sku, note), the best first. False when there is no such item."""
    if await conn.fetchval(_SQL["lock_item"], sku) is None:
        return False
    await conn.execute(_SQL["clear_substitutes"], sku)
    skus, notes = [other for other, _ in chosen], [note for _, note in chosen]
    await conn.execute(_SQL["add_substitutes"], sku, skus, notes)
    return True


async def lock(conn: Connection, order_id: str) -> None:
    """Lock every level that a step about the order's offers may move, before it moves any."""
    await conn.execute(_SQL["lock_of_order"], order_id)


async def wanted(conn: Connection, order_id: str) -> list[Wanted]:
    """What could be offered for an order's lines, by line, the best first.

    Whoever said no for a line, or nothing, is not asked again for it.
    """
    return [Wanted(**row) for row in await conn.fetch(_SQL["substitutes_for_lines"], order_id)]


async def shelves(conn: Connection, skus: Sequence[str]) -> tuple[list[Shelf], dict[str, int]]:
    """Lock the levels of these items at open warehouses; and how many units others wait for."""
    wanted_skus = sorted(set(skus))
    levels = await conn.fetch(_SQL["lock_substitutes"], wanted_skus)
    waiting = await conn.fetch(_SQL["waited_for"], wanted_skus)
    return [Shelf(**row) for row in levels], {row["sku"]: row["quantity"] for row in waiting}


async def offer(
    conn: Connection,
    offer_id: str,
    order_id: str,
    what: Wanted,
    places: Sequence[Place],
    seconds: float,
) -> datetime:
    """Keep a question to the customer, and the units until it is answered; when it ends.

    The caller holds the locks of the levels. The hold bears the offer's id and ends with it; that
    it would end by itself much later is a net beneath.
    """
    expires_at: datetime = await conn.fetchval(
        _SQL["add_offer"],
        offer_id,
        order_id,
        what.line_id,
        what.ordered_sku,
        what.sku,
        sum(place.quantity for place in places),
        what.note,
        seconds,
    )
    units = [Allocation(what.line_id, what.sku, p.warehouse, p.quantity) for p in places]
    hold = NewHold(offer_id, None, SYSTEM, seconds + _LONGER_THAN_ANY_OFFER, units)
    await holds.add(conn, [hold])
    return expires_at


async def end(conn: Connection, ended: Offer, status: OfferStatus) -> None:
    """The customer said no, or nothing, or need not answer any more: the units are free again."""
    advance(OFFER, ended.status, status)
    await conn.execute(_SQL["end_offer"], ended.id, status)
    await holds.release(conn, ended.id)


async def accept(conn: Connection, order_id: str, accepted: Offer) -> tuple[str, list[Allocation]]:
    """The units become the line's, or those of a line of its own; its id, and where they lie.

    What the line comes to is divided to the cent (`domain.substitution.cut`).

    Raises:
        Refused: the units are not kept any more.

    """
    advance(OFFER, accepted.status, OfferStatus.ACCEPTED)
    kept = await holds.take(conn, accepted.id)
    await conn.execute(_SQL["end_offer"], accepted.id, OfferStatus.ACCEPTED)
    cause = f"{accepted.id}:accepted"
    waiting = Counter({accepted.line_id: accepted.quantity})
    await stock.recall(conn, order_id, waiting, {}, cause)
    line_id = await _cut(conn, accepted)
    await ledger.write(
        conn,
        [
            Movement(u.sku, u.warehouse, "unhold", cause, line_id, order_id, held=-u.quantity)
            for u in kept
        ],
    )
    units = [Allocation(line_id, u.sku, u.warehouse, u.quantity) for u in kept]
    await stock.allocate(conn, order_id, units, cause)
    return line_id, units


async def _cut(conn: Connection, accepted: Offer) -> str:
    row = await conn.fetchrow(_SQL["priced_line"], accepted.line_id)
    assert row is not None  # noqa: S101 - lines are never deleted
    values = dict(row)
    canceled, included = values.pop("canceled"), values.pop("prices_include_tax")
    line = Priced(**values)
    if accepted.quantity == line.quantity:
        await conn.execute(_SQL["replace_line"], accepted.line_id, accepted.sku, accepted.quantity)
        return accepted.line_id
    _, part = cut(line, accepted.quantity, canceled=canceled, prices_include_tax=included)
    line_id = new_id("lin")
    await conn.execute(
        _SQL["cut_line"],
        accepted.line_id,
        line_id,
        accepted.sku,
        part.quantity,
        part.discount,
        part.tax,
        part.total,
    )
    return line_id


async def told(conn: Connection | Pool, offer_id: str) -> Row | None:
    """An offer as its mail tells of it."""
    row = await conn.fetchrow(_SQL["offer"], offer_id)
    return dict(row) if row else None


async def claim_ended(conn: Connection, limit: int) -> list[Passed]:
    """Offers that nobody answered in time, each once."""
    rows = await conn.fetch(_SQL["claim_ended_offers"], limit)
    return [Passed(row["id"], row["order_id"]) for row in rows]
