"""Bins and serial numbers that a pick or a parcel tells, against the work that it is for."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from api.errors import FieldError, invalid
from api.schemas.requests import PackedLineIn, ParcelIn, PickedLineIn
from db import bins, serials
from db.pool import Connection

Row = Mapping[str, Any]


def _skus(work: Row) -> dict[str, str]:
    return {line["line_id"]: line["sku"] for line in work["lines"] or ()}


async def must_be_pickable(conn: Connection, work: Row, lines: Sequence[PickedLineIn]) -> None:
    """Bins exist; a line that tells serial numbers tells one for each unit found."""
    skus = _skus(work)
    no_bin = await bins.unknown(conn, work["warehouse"], [x.bin for x in lines if x.bin])
    tracked = await serials.tracked(conn, list(skus.values())) if _any_pieces(lines) else set()
    errors = []
    for i, x in enumerate(lines):
        if x.bin in no_bin:
            detail = "The warehouse has no such bin."
            errors.append(FieldError(f"/lines/{i}/bin", "unknown_bin", detail))
        if x.lot and not x.bin:
            errors.append(FieldError(f"/lines/{i}/bin", "required", "In which bin is the lot?"))
        if x.serials:
            errors += _pieces(f"/lines/{i}", x.quantity, x.serials, skus.get(x.line_id), tracked)
            errors += await _unknown(conn, f"/lines/{i}", skus.get(x.line_id), x.serials)
    if errors:
        raise invalid(errors)


def _any_pieces(lines: Sequence[PickedLineIn] | Sequence[PackedLineIn]) -> bool:
    return any(x.serials for x in lines)


def _pieces(
    where: str, quantity: int, told: Sequence[str], sku: str | None, tracked: set[str]
) -> list[FieldError]:
    if sku is not None and sku not in tracked:
        detail = "The item has no serial numbers."
        return [FieldError(f"{where}/serials", "not_serial_tracked", detail)]
    if len(told) != quantity:
        detail = f"The item wants {quantity} serial numbers here, one for each unit."
        return [FieldError(f"{where}/serials", "serials_required", detail)]
    return []


async def _unknown(
    conn: Connection, where: str, sku: str | None, told: Sequence[str]
) -> list[FieldError]:
    if sku is None:
        # The order has no such line: that is told as a refusal.
        return []
    known = await serials.known(conn, sku, told)
    return [
        FieldError(f"{where}/serials/{j}", "unknown_serial", "There is no such piece.")
        for j, serial in enumerate(told)
        if serial not in known
    ]


async def must_have_pieces(conn: Connection, work: Row, parcels: Sequence[ParcelIn]) -> None:
    """Units of items that want serial numbers have them: told here, or when they were picked.

    Whether the pieces are free is decided with the parcel itself, under the order's lock.
    """
    skus = _skus(work)
    tracked = await serials.tracked(conn, list(skus.values()))
    left = Counter(await serials.picked_for(conn, work["order_id"])) if tracked else Counter()
    errors, told = [], set()
    for p, parcel in enumerate(parcels):
        for i, x in enumerate(parcel.lines):
            where, sku = f"/parcels/{p}/lines/{i}", skus.get(x.line_id)
            if sku in tracked and not x.serials and left[x.line_id] >= x.quantity:
                left[x.line_id] -= x.quantity
                continue
            if sku in tracked or x.serials:
                errors += _pieces(where, x.quantity, x.serials, sku, tracked)
                errors += await _unknown(conn, where, sku, x.serials)
            errors += [
                FieldError(f"{where}/serials/{j}", "duplicate", "In two places at once.")
                for j, serial in enumerate(x.serials)
                if (sku, serial) in told
            ]
            told |= {(sku, serial) for serial in x.serials}
    if errors:
        raise invalid(errors)
