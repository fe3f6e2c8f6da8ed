"""What lines about goods must tell, against the catalog: 422 names each field that is wrong."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from api.errors import FieldError, invalid
from db import bins, catalog, serials
from db.bins import Tracking
from db.pool import Connection


@dataclass(frozen=True, slots=True)
class ToldLine:
    """What a line tells of its units: bins by the names of their fields, lot and pieces.

    `quantity` is negative for units that leave; `pieces` False where serial numbers are not told.
    """

    sku: str
    quantity: int
    bins: dict[str, str | None]
    lot: str | None = None
    serials: Sequence[str] = ()
    pieces: bool = True
    expires_on: date | None = None


@dataclass(frozen=True, slots=True)
class Goods:
    """Where the lines' goods lie. `new`: lots are made by them, `lots`: each unit's is wanted."""

    warehouse: str
    new: bool = False
    lots: bool = False


async def must_exist(conn: Connection, skus: Sequence[str], places: dict[str, str]) -> None:
    """Items and warehouses are made before stock of them is; 422 names what is missing."""
    no_item = await catalog.unknown_skus(conn, skus)
    no_place = await catalog.unknown_warehouses(conn, list(places.values()))
    errors = [
        FieldError(where, "unknown_warehouse", "There is no such warehouse.")
        for where, code in places.items()
        if code in no_place
    ]
    errors += [
        FieldError(f"/lines/{i}/sku", "unknown_sku", "There is no such item.")
        for i, sku in enumerate(skus)
        if sku in no_item
    ]
    if errors:
        raise invalid(errors)


async def must_be_told(conn: Connection, goods: Goods, lines: Sequence[ToldLine]) -> None:
    """Bins exist; lots and serial numbers are told of items that want them, and of no other."""
    tracking = await bins.tracking(conn, [line.sku for line in lines])
    named = [code for line in lines for code in line.bins.values() if code]
    no_bin = await bins.unknown(conn, goods.warehouse, named) if named else set()
    errors = []
    for i, line in enumerate(lines):
        errors += [
            FieldError(f"/lines/{i}/{name}", "unknown_bin", "The warehouse has no such bin.")
            for name, code in line.bins.items()
            if code in no_bin
        ]
        errors += _lot(i, line, tracking[line.sku], goods)
        errors += _pieces(i, line, tracking[line.sku])
    errors += await _unknown_lots(conn, goods, lines)
    errors += await _unknown_pieces(conn, lines)
    if errors:
        raise invalid(errors)


def _lot(i: int, line: ToldLine, tracking: Tracking, goods: Goods) -> list[FieldError]:
    where = f"/lines/{i}/lot"
    if line.lot and not tracking.lot_tracked:
        return [FieldError(where, "not_lot_tracked", "The item has no lots.")]
    if line.expires_on and not tracking.lot_tracked:
        detail = "The item has no lots, and only those expire."
        return [FieldError(f"/lines/{i}/expires_on", "not_lot_tracked", detail)]
    wanted = goods.lots and line.quantity > 0 and tracking.lot_tracked
    if wanted and not line.lot:
        return [FieldError(where, "lot_required", "The item wants the lot of its units.")]
    return []


def _pieces(i: int, line: ToldLine, tracking: Tracking) -> list[FieldError]:
    where = f"/lines/{i}/serials"
    if line.serials and not tracking.serial_tracked:
        return [FieldError(where, "not_serial_tracked", "The item has no serial numbers.")]
    wanted = abs(line.quantity) if tracking.serial_tracked and line.pieces else 0
    if line.pieces and len(line.serials) != wanted:
        detail = f"The item wants {wanted} serial numbers here, one for each unit."
        return [FieldError(where, "serials_required", detail)]
    return []


async def _unknown_lots(
    conn: Connection, goods: Goods, lines: Sequence[ToldLine]
) -> list[FieldError]:
    told = [(line.sku, line.lot) for line in lines if line.lot]
    if goods.new or not told:
        return []
    known = await bins.known_lots(conn, told)
    return [
        FieldError(f"/lines/{i}/lot", "unknown_lot", "There is no such lot of the item.")
        for i, line in enumerate(lines)
        if line.lot and (line.sku, line.lot) not in known
    ]


async def _unknown_pieces(conn: Connection, lines: Sequence[ToldLine]) -> list[FieldError]:
    """Pieces that leave must have come in."""
    errors = []
    for i, line in enumerate(lines):
        if line.quantity < 0 and line.serials:
            known = await serials.known(conn, line.sku, line.serials)
            errors += [
                FieldError(f"/lines/{i}/serials/{j}", "unknown_serial", "There is no such piece.")
                for j, serial in enumerate(line.serials)
                if serial not in known
            ]
    return errors
