"""Goods between two warehouses: off one at once, on the way, and added to the other when there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from db import bins, catalog, serials
from db.catalog import Correction, Why
from db.handling import Change, change
from db.pool import Connection
from db.sql import queries
from domain.errors import Refused

_SQL = queries("transfers")

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sent:
    """Units that leave: out of which bin, of which lot, and which pieces."""

    sku: str
    quantity: int
    bin: str = ""
    lot: str = ""
    serials: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Arrived:
    """Units that are there, and where they were put; `serials` None: all that were sent."""

    quantity: int
    bin: str = ""
    reason: str | None = None
    serials: Sequence[str] | None = None


async def at_once(
    conn: Connection, source: str, target: str, lines: Sequence[Sent], why: Why
) -> list[Row]:
    """Take goods off one warehouse and add them to another in the same breath."""
    await _lock_both(conn, source, target, lines)
    changes = []
    for one in lines:
        out = Correction(one.sku, source, "transfer_out", -one.quantity)
        into = Correction(one.sku, target, "transfer_in", one.quantity)
        bin_ = await _bin_for(conn, target, one.lot, "")
        changes += [
            Change(out, one.bin, one.lot, "move"),
            Change(into, bin_, one.lot if bin_ else "", "move"),
        ]
    levels = await change(conn, changes, why)
    told = serials.Told(why.cause, why.actor, why.occurred_at)
    for one in lines:
        if one.serials:
            await serials.send(conn, one.sku, source, one.serials, told)
            await serials.arrive(conn, one.sku, target, one.serials, (), told)
    return levels


async def dispatch(  # noqa: PLR0913, PLR0917 - one row and its lines
    conn: Connection,
    transfer_id: str,
    source: str,
    target: str,
    reference: str,
    lines: Sequence[Sent],
    why: Why,
) -> list[Row]:
    """Goods leave; the target expects them (`incoming`) until it says what came."""
    await _lock_both(conn, source, target, lines)
    changes = []
    for one in lines:
        out = Correction(one.sku, source, "transfer_out", -one.quantity)
        expected = Correction(one.sku, target, "expected", incoming=one.quantity)
        changes += [Change(out, one.bin, one.lot, "move"), Change(expected)]
    levels = await change(conn, changes, why)
    await conn.execute(
        _SQL["add_transfer"], transfer_id, source, target, reference, why.actor, why.occurred_at
    )
    merged: dict[tuple[str, str], tuple[int, list[str]]] = {}
    for one in lines:
        quantity, pieces = merged.get((one.sku, one.lot), (0, []))
        merged[one.sku, one.lot] = (quantity + one.quantity, [*pieces, *one.serials])
    await conn.execute(
        _SQL["add_transfer_lines"],
        transfer_id,
        [sku for sku, _ in merged],
        [lot for _, lot in merged],
        [quantity for quantity, _ in merged.values()],
        ["\x1f".join(pieces) for _, pieces in merged.values()],
    )
    told = serials.Told(why.cause, why.actor, why.occurred_at)
    for one in lines:
        if one.serials:
            await serials.send(conn, one.sku, source, one.serials, told)
    return levels


async def _lock_both(conn: Connection, source: str, target: str, lines: Sequence[Sent]) -> None:
    levels = [(one.sku, code) for one in lines for code in (source, target)]
    await catalog.lock_levels(conn, levels)


async def _bin_for(conn: Connection, warehouse: str, lot: str, named: str) -> str:
    """Goods of a lot lie in some bin: that which is named, or the first for what comes in."""
    if named or not lot:
        return named
    return await bins.for_incoming(conn, warehouse)


async def lines_of(conn: Connection, transfer_id: str) -> dict[tuple[str, str], Row]:
    """What was sent, by item and lot."""
    rows = await conn.fetch(_SQL["transfer_lines"], transfer_id)
    return {(row["sku"], row["lot"]): dict(row) for row in rows}


async def receive(
    conn: Connection, transfer: Row, arrived: Mapping[tuple[str, str], Arrived], why: Why
) -> list[Row]:
    """The goods are there; what is not named came as it was sent. Differences stay in the row.

    Raises:
        Refused: it was received before.

    """
    target, sent = transfer["to_warehouse"], await lines_of(conn, transfer["id"])
    await catalog.lock_levels(conn, [(sku, target) for sku, _ in sent])
    row = await conn.fetchrow(_SQL["lock_transfer"], transfer["id"])
    assert row is not None  # noqa: S101 - the caller has found it
    if row["status"] != "in_transit":
        raise Refused("transfer_closed", "It was received already.", status=row["status"])
    changes = []
    told = serials.Told(why.cause, why.actor, why.occurred_at)
    for (sku, lot), line in sent.items():
        came = arrived.get((sku, lot), Arrived(line["quantity"]))
        changes.append(Change(Correction(sku, target, "expected", incoming=-line["quantity"])))
        if came.quantity:
            bin_ = await _bin_for(conn, target, lot, came.bin)
            into = Correction(sku, target, "transfer_in", came.quantity)
            changes.append(Change(into, bin_, lot if bin_ else "", "putaway"))
        await conn.execute(
            _SQL["close_transfer_line"], transfer["id"], sku, lot, came.quantity, came.reason
        )
        if line["serials"]:
            there = list(line["serials"] if came.serials is None else came.serials)
            lost = [serial for serial in line["serials"] if serial not in there]
            await serials.arrive(conn, sku, target, there, lost, told)
    await conn.execute(_SQL["close_transfer"], transfer["id"], why.actor, why.occurred_at)
    return await change(conn, changes, why)


async def listed(
    conn: Connection,
    *,
    transfer_id: str | None = None,
    warehouse: str | None = None,
    status: str | None = None,
    before: tuple[datetime, str] | None = None,
    limit: int = 1,
) -> list[Row]:
    """Transfers with two steps, newest first."""
    at, last = before or (None, None)
    rows = await conn.fetch(_SQL["list_transfers"], transfer_id, warehouse, status, at, last, limit)
    return [dict(row) for row in rows]
