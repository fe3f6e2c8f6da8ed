"""Serial numbers: each piece of an item that wants it, from the receipt to the customer.

Callers that move stock hold the level's lock, steps of an order its lock; pieces come last.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from db.pool import Connection
from db.sql import queries
from domain.errors import Refused

_SQL = queries("serials")

Row = Mapping[str, Any]

IN_STOCK, PICKED, PACKED, IN_TRANSIT, GONE = "in_stock", "picked", "packed", "in_transit", "gone"


@dataclass(frozen=True, slots=True)
class Told:
    """Who says what happened to pieces, why, and when (now when None)."""

    cause: str
    actor: str
    occurred_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PackedUnits:
    """Units of an order line in a parcel, and the pieces they are; none named: those picked."""

    line_id: str
    sku: str
    quantity: int
    serials: Sequence[str] = ()


async def tracked(conn: Connection, skus: Sequence[str]) -> set[str]:
    """Those of the items whose pieces have numbers."""
    rows = await conn.fetch(_SQL["serial_tracked"], sorted(set(skus)))
    return {row["sku"] for row in rows}


async def known(conn: Connection, sku: str, serials: Sequence[str]) -> dict[str, Row]:
    """Those of the pieces that were ever here."""
    rows = await conn.fetch(_SQL["known_serials"], sku, list(serials))
    return {row["serial"]: dict(row) for row in rows}


async def bring(
    conn: Connection, sku: str, warehouse: str, serials: Sequence[str], told: Told
) -> None:
    """Pieces came in: new ones, or some that had left.

    Raises:
        Refused: a piece of that number is in stock already.

    """
    rows = await conn.fetch(
        _SQL["bring_serials"],
        sku,
        list(serials),
        warehouse,
        told.cause,
        told.actor,
        told.occurred_at,
    )
    brought = {row["serial"] for row in rows}
    for serial in serials:
        if serial not in brought:
            there = (await known(conn, sku, [serial])).get(serial, {})
            raise Refused(
                "serial_in_stock",
                f"A piece of {sku} with the serial number {serial} is here already.",
                sku=sku,
                serial=serial,
                status=str(there.get("status")),
            )


async def _lock(
    conn: Connection,
    sku: str,
    serials: Sequence[str],
    warehouse: str | None,
    statuses: Sequence[str],
    line_id: str | None = None,
) -> None:
    """Lock pieces that must be free at a warehouse, or picked for the very line."""
    rows = await conn.fetch(_SQL["lock_serials"], sku, list(serials))
    found = {row["serial"]: row for row in rows}
    for serial in serials:
        row = found.get(serial)
        if row is None:
            detail = f"There is no piece of {sku} with the serial number {serial}."
            raise Refused("unknown_serial", detail, sku=sku, serial=serial)
        if (
            row["status"] not in statuses
            or (warehouse is not None and row["warehouse"] != warehouse)
            or (row["status"] == PICKED and row["line_id"] != line_id)
        ):
            raise Refused(
                "serial_not_available",
                f"The piece {serial} of {sku} is {row['status']}, or at another warehouse.",
                sku=sku,
                serial=serial,
                status=row["status"],
                warehouse=row["warehouse"] or "",
            )


async def remove(
    conn: Connection, sku: str, warehouse: str, serials: Sequence[str], told: Told
) -> None:
    """Pieces are lost, scrapped or given away."""
    await _lock(conn, sku, serials, warehouse, [IN_STOCK])
    await _change(conn, sku, serials, GONE, None, told)


async def return_to(  # noqa: PLR0913 - which pieces, from where, to whom
    conn: Connection,
    sku: str,
    warehouse: str,
    serials: Sequence[str],
    told: Told,
    *,
    order_id: str,
    line_id: str,
) -> None:
    """Pieces that came back from an order's customer go to them again."""
    await _lock(conn, sku, serials, warehouse, [IN_STOCK])
    who = (told.cause, told.actor, told.occurred_at)
    await conn.execute(_SQL["return_serials"], sku, list(serials), order_id, line_id, *who)


async def send(
    conn: Connection, sku: str, warehouse: str, serials: Sequence[str], told: Told
) -> None:
    """Pieces are on the way to another warehouse of ours."""
    await _lock(conn, sku, serials, warehouse, [IN_STOCK])
    await _change(conn, sku, serials, IN_TRANSIT, None, told)


async def arrive(
    conn: Connection,
    sku: str,
    warehouse: str,
    arrived: Sequence[str],
    lost: Sequence[str],
    told: Told,
) -> None:
    """Pieces that were on the way are there; those that got lost on it are gone."""
    await _lock(conn, sku, [*arrived, *lost], None, [IN_TRANSIT])
    await _change(conn, sku, arrived, IN_STOCK, warehouse, told)
    await _change(conn, sku, lost, GONE, None, told)


async def _change(
    conn: Connection,
    sku: str,
    serials: Sequence[str],
    status: str,
    warehouse: str | None,
    told: Told,
    *owner: str | None,
) -> None:
    """`owner`: order, line and parcel; none of them for a piece that is for anybody."""
    order_id, line_id, shipment_id = owner or (None, None, None)
    if serials:
        await conn.execute(
            _SQL["change_serials"],
            sku,
            list(serials),
            status,
            warehouse,
            order_id,
            line_id,
            shipment_id,
            told.cause,
            told.actor,
            told.occurred_at,
        )


async def pick(
    conn: Connection, order_id: str, warehouse: str, units: Sequence[PackedUnits], told: Told
) -> None:
    """Pieces that were named when they were picked; the others are named at packing."""
    for one in sorted(units, key=lambda u: (u.sku, u.line_id)):
        if one.serials:
            await _lock(conn, one.sku, one.serials, warehouse, [IN_STOCK])
            await _change(
                conn, one.sku, one.serials, PICKED, warehouse, told, order_id, one.line_id, None
            )


async def pack(
    conn: Connection,
    order_id: str,
    warehouse: str,
    shipment_id: str,
    units: Sequence[PackedUnits],
    told: Told,
) -> None:
    """The pieces of a parcel: those named, or those that were picked for its lines.

    Raises:
        Refused: an item wants serial numbers and not every unit has one, or a piece is unknown,
            gone, somebody else's, or at another warehouse.

    """
    wanting = await tracked(conn, [one.sku for one in units])
    for one in sorted(units, key=lambda u: (u.sku, u.line_id)):
        if one.sku not in wanting:
            continue
        serials = list(one.serials)
        if not serials:
            rows = await conn.fetch(_SQL["picked_serials"], order_id, one.line_id, warehouse)
            serials = [row["serial"] for row in rows][: one.quantity]
        if len(set(serials)) != one.quantity:
            raise Refused(
                "serials_required",
                f"Each unit of {one.sku} needs its serial number.",
                sku=one.sku,
                line_id=one.line_id,
                quantity=str(one.quantity),
                serials=str(len(set(serials))),
            )
        await _lock(conn, one.sku, serials, warehouse, [IN_STOCK, PICKED], one.line_id)
        await _change(
            conn, one.sku, serials, PACKED, warehouse, told, order_id, one.line_id, shipment_id
        )


async def picked_for(conn: Connection, order_id: str) -> dict[str, int]:
    """How many pieces were picked for each line of an order and are not packed yet."""
    rows = await conn.fetch(_SQL["picked_for_order"], order_id)
    return {row["line_id"]: row["pieces"] for row in rows}


async def ship(conn: Connection, shipment_id: str, told: Told) -> None:
    """The pieces of a parcel left the house."""
    await conn.execute(_SQL["ship_serials"], shipment_id, told.cause, told.actor, told.occurred_at)


async def give_back(conn: Connection, order_id: str, told: Told) -> None:
    """Pieces of an order that did not leave are for anybody again."""
    await conn.execute(_SQL["give_serials_back"], order_id, told.cause, told.actor)


async def give_spare_back(conn: Connection, order_id: str, told: Told) -> None:
    """Pieces that were picked for units which the order does not want any more."""
    await conn.execute(_SQL["give_spare_serials_back"], order_id, told.cause, told.actor)


async def listed(
    conn: Connection, where: Mapping[str, str | None], after: tuple[str, str] | None, limit: int
) -> list[Row]:
    """Pieces with their story; `where` knows serial, sku, status, warehouse and order_id."""
    wanted = [where.get(name) for name in ("serial", "sku", "status", "warehouse", "order_id")]
    place = after or (None, None)
    return [dict(row) for row in await conn.fetch(_SQL["list_serials"], *wanted, *place, limit)]
