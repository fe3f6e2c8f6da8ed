"""Goods that come in or are corrected, with their bins, lots and serial numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from db import bins, catalog, places, serials
from db.catalog import Correction, Why
from db.handling import Change, change
from db.pool import Connection
from domain.errors import Refused

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Goods:
    """Units of an item; where they lie, of which lot, and which pieces they are.

    `damaged` of those that come in cannot be sold; in a quarantine bin all of them are set aside
    anyway. `expected` were counted as incoming.
    """

    sku: str
    quantity: int
    bin: str = ""
    lot: str = ""
    expires_on: date | None = None
    serials: tuple[str, ...] = ()
    damaged: int = 0
    expected: int = 0


async def receive(conn: Connection, warehouse: str, goods: Sequence[Goods], why: Why) -> list[Row]:
    """Goods came in; orders that wait for them are told. Answers the levels touched.

    Goods of a lot lie in the bin that is named, or in the first one for what comes in.

    Raises:
        Refused: a lot is known with another date or has expired, no bin is there for it, or a
            piece is in stock already.

    """
    await catalog.lock_levels(conn, [(one.sku, warehouse) for one in goods])
    # Lots and pieces are no warehouse's own: they are written in one order everywhere.
    goods = sorted(goods, key=lambda one: (one.sku, one.lot, one.serials))
    kinds = await bins.kinds(conn, warehouse, [one.bin for one in goods])
    changes = []
    for one in goods:
        bin_, aside = one.bin, kinds.get(one.bin) == bins.QUARANTINE
        if one.lot:
            bin_ = bin_ or await bins.for_incoming(conn, warehouse)
            until = await bins.bring_lot(conn, one.sku, one.lot, one.expires_on, why.occurred_at)
            if until is not None and until < places.this_day() and not aside:
                detail = "The lot has expired: put it into a bin of kind quarantine."
                raise Refused("lot_expired", detail, sku=one.sku, lot=one.lot)
        received = Correction(
            one.sku,
            warehouse,
            "receipt",
            one.quantity,
            damaged=0 if aside else one.damaged,
            incoming=-one.expected,
        )
        changes.append(Change(received, bin_, one.lot, "putaway"))
    levels = await change(conn, changes, why)
    await _tell_pieces(conn, warehouse, goods, why)
    return levels


async def correct(
    conn: Connection,
    changes: Sequence[Change],
    warehouse: str,
    goods: Sequence[Goods],
    why: Why,
) -> list[Row]:
    """Any correction of levels, with the pieces that came or went."""
    levels = await change(conn, changes, why)
    await _tell_pieces(conn, warehouse, goods, why)
    return levels


async def _tell_pieces(conn: Connection, warehouse: str, goods: Sequence[Goods], why: Why) -> None:
    told = serials.Told(why.cause, why.actor, why.occurred_at)
    for one in goods:
        if one.serials and one.quantity > 0:
            await serials.bring(conn, one.sku, warehouse, one.serials, told)
        elif one.serials:
            await serials.remove(conn, one.sku, warehouse, one.serials, told)
