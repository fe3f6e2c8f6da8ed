"""What a pick takes off the bins that it names, and the pieces it names."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from db import bins, places, serials
from db.handling import Shelves
from db.places import PlaceMove
from db.pool import Connection
from domain.errors import Refused


@dataclass(frozen=True, slots=True)
class FromBin:
    """Units of a line that were found, and that were missing; `bin` is empty when not told."""

    line_id: str
    sku: str
    bin: str
    lot: str
    quantity: int
    missing: int
    serials: Sequence[str] = ()
    short_reason: str | None = None


@dataclass(frozen=True, slots=True)
class PickedBy:
    """By whose report."""

    cause: str
    actor: str
    occurred_at: datetime | None = None


async def take(
    conn: Connection, order_id: str, warehouse: str, found: Sequence[FromBin], by: PickedBy
) -> None:
    """Take units found off their bins (they are loose until they leave), and the missing ones too.

    Raises:
        Refused: fewer lie in the bin, they are in quarantine or expired, or a piece is not there.

    """
    named = [one for one in found if one.bin]
    if named:
        await _off_the_bins(conn, order_id, warehouse, named, by)
    pieces = [
        serials.PackedUnits(one.line_id, one.sku, one.quantity, one.serials)
        for one in found
        if one.serials
    ]
    if pieces:
        told = serials.Told(by.cause, by.actor, by.occurred_at)
        await serials.pick(conn, order_id, warehouse, pieces, told)


async def _off_the_bins(
    conn: Connection, order_id: str, warehouse: str, found: Sequence[FromBin], by: PickedBy
) -> None:
    shelves = await Shelves.lock(conn, [(one.sku, warehouse) for one in found])
    kinds = await bins.kinds(conn, warehouse, [one.bin for one in found])
    picked: list[PlaceMove] = []
    short: dict[str | None, list[PlaceMove]] = {}
    for one in found:
        if kinds[one.bin] == bins.QUARANTINE:
            detail = "The goods are in quarantine: nobody gets them."
            raise Refused("in_quarantine", detail, sku=one.sku, bin=one.bin)
        lot = shelves.take(one.sku, warehouse, one.bin, one.lot, one.quantity)
        if one.quantity and shelves.expired(one.sku, lot):
            detail = f"The lot {lot} of {one.sku} has expired."
            raise Refused("lot_expired", detail, sku=one.sku, bin=one.bin, lot=lot)

        def off(kind: str, quantity: int, one: FromBin = one, lot: str = lot) -> PlaceMove:
            return PlaceMove(
                one.sku,
                warehouse,
                one.bin,
                lot,
                kind,
                by.cause,
                one.line_id,
                order_id,
                -quantity,
            )

        picked.append(off("pick", one.quantity))
        gone = min(one.missing, shelves.holds(one.sku, warehouse, one.bin, lot))
        if gone:
            shelves.take(one.sku, warehouse, one.bin, lot, gone)
            short.setdefault(one.short_reason, []).append(off("adjust", gone))
    await places.write(conn, picked, actor=by.actor, occurred_at=by.occurred_at)
    for reason, moves in short.items():
        await places.write(conn, moves, actor=by.actor, reason=reason, occurred_at=by.occurred_at)
