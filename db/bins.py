"""Bins of warehouses, and the lots of what lies in them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from db import places
from db.pool import Connection
from db.sql import queries
from domain.errors import Refused

_SQL = queries("bins")

Row = Mapping[str, Any]

QUARANTINE, RECEIVING = "quarantine", "receiving"


@dataclass(frozen=True, slots=True)
class Bin:
    """A place for goods. Pickers pass bins by rising `sequence`."""

    warehouse: str
    code: str
    zone: str
    sequence: int
    kind: str


@dataclass(frozen=True, slots=True)
class Tracking:
    """What has to be told of an item's units."""

    lot_tracked: bool = False
    serial_tracked: bool = False


async def put(conn: Connection, bin_: Bin) -> Row:
    """Make or change a bin; run it in a transaction.

    Raises:
        Refused: it holds goods, and would become, or stop being, a quarantine bin.

    """
    kind = await conn.fetchval(_SQL["lock_bin_kind"], bin_.warehouse, bin_.code)
    if (
        kind is not None
        and QUARANTINE in {kind, bin_.kind}
        and kind != bin_.kind
        and not await conn.fetchval(_SQL["bin_is_empty"], bin_.warehouse, bin_.code)
    ):
        detail = "The bin holds goods: whether they can be sold does not change with its kind."
        raise Refused("bin_not_empty", detail, kind=kind)
    row = await conn.fetchrow(_SQL["put_bin"], *(getattr(bin_, name) for name in Bin.__slots__))
    assert row is not None  # noqa: S101 - an upsert answers a row
    return dict(row)


async def listed(
    conn: Connection,
    warehouse: str,
    *,
    code: str | None = None,
    after: tuple[int, str] | None = None,
    limit: int = 1,
) -> list[Row]:
    """Bins in walking order, with the units in them."""
    sequence, last = after or (None, None)
    rows = await conn.fetch(_SQL["list_bins"], warehouse, code, last, sequence, limit)
    return [dict(row) for row in rows]


async def unknown(conn: Connection, warehouse: str, codes: Sequence[str]) -> set[str]:
    """Those bins that the warehouse does not have."""
    rows = await conn.fetch(_SQL["unknown_bins"], warehouse, list(codes))
    return {row["code"] for row in rows}


async def kinds(conn: Connection, warehouse: str, codes: Sequence[str]) -> dict[str, str]:
    """Kinds of bins that the transaction moves goods into or out of.

    Raises:
        Refused: there is no such bin.

    """
    wanted = sorted({code for code in codes if code})
    rows = await conn.fetch(_SQL["use_bins"], warehouse, wanted)
    found = {row["code"]: row["kind"] for row in rows}
    for code in wanted:
        if code not in found:
            raise Refused("unknown_bin", "The warehouse has no such bin.", bin=code)
    return found


async def first_of(conn: Connection, warehouse: str, kind: str) -> str:
    """Where goods of that kind go when nobody names a bin; empty when there is none."""
    return await conn.fetchval(_SQL["first_bin_of_kind"], warehouse, kind) or ""


async def for_incoming(conn: Connection, warehouse: str) -> str:
    """Where goods of a lot lie until they are put away.

    Raises:
        Refused: the warehouse has no bin for what comes in.

    """
    bin_ = await first_of(conn, warehouse, RECEIVING)
    if not bin_:
        detail = "Goods of a lot need a bin: name one, or make one of kind receiving."
        raise Refused("bin_required", detail, warehouse=warehouse)
    return bin_


async def tracking(conn: Connection, skus: Sequence[str]) -> dict[str, Tracking]:
    """What has to be told of the units of these items; it stays so until the transaction ends."""
    rows = await conn.fetch(_SQL["tracking"], sorted(set(skus)))
    return {row["sku"]: Tracking(row["lot_tracked"], row["serial_tracked"]) for row in rows}


async def bring_lot(
    conn: Connection, sku: str, lot: str, expires_on: date | None, received_at: datetime | None
) -> date | None:
    """A lot that came in; answers when it expires.

    Raises:
        Refused: it is known with another date.

    """
    known: date | None = await conn.fetchval(_SQL["put_lot"], sku, lot, expires_on, received_at)
    if expires_on is not None and known != expires_on:
        raise Refused(
            "lot_differs",
            "The lot is known with another date of expiry.",
            sku=sku,
            lot=lot,
            expires_on=str(known),
        )
    return known


async def known_lots(
    conn: Connection, lots: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], date | None]:
    """Dates of expiry of those lots that are known."""
    skus, names = [sku for sku, _ in lots], [lot for _, lot in lots]
    rows = await conn.fetch(_SQL["known_lots"], skus, names)
    return {(row["sku"], row["lot"]): row["expires_on"] for row in rows}


async def expired_levels(conn: Connection, today: date) -> list[places.Level]:
    """Levels with units in bins, other than quarantine, that are good no longer."""
    rows = await conn.fetch(_SQL["expired_levels"], today)
    return [(row["sku"], row["warehouse"]) for row in rows]


async def work_that_wants(conn: Connection, level: places.Level) -> list[Row]:
    """Work that has yet to pick units of a level."""
    return [dict(row) for row in await conn.fetch(_SQL["work_that_wants"], *level)]
