"""Parcels that come back to a warehouse: their units are in the books again.

What came is a fact, like a pick: it is written at once, and the order's workflow hears of it. What
was missing may come later, by receipts of its own.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from db import catalog, endings, ledger, orders, outbox, serials, timeline
from db.movements import Movement
from db.pool import Connection
from db.stock import wake_waiting
from domain.decisions import can_receive_back
from domain.errors import Refused
from domain.order import Order, Shipment

RESTOCK, QUARANTINE = "restock", "quarantine"


@dataclass(frozen=True, slots=True)
class Back:
    """Units of a line that came back; `serials` when only some of the parcel's pieces did."""

    line_id: str
    quantity: int
    disposition: str
    serials: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Receipt:
    """A parcel that came back, where, what was in it, and who says so; `lines` None: all that is
    missing.
    """

    shipment_id: str
    warehouse: str
    actor: str
    role: str
    lines: Sequence[Back] | None = None
    note: str | None = None


async def receive(conn: Connection, order_id: str, receipt: Receipt) -> list[Back]:
    """Book the parcel's units in, tell the order; answers what was booked.

    Raises:
        Refused: it never left, was delivered, or nothing of it is missing any more; or more units
            than are missing.

    """
    await orders.lock(conn, order_id)
    order = await orders.load(conn, order_id)
    shipment = can_receive_back(
        order, receipt.shipment_id, [(b.line_id, b.quantity) for b in receipt.lines or ()]
    )
    missing = Counter(shipment.missing)
    lines = receipt.lines
    if lines is None:
        lines = [Back(line_id, units, QUARANTINE) for line_id, units in missing.items() if units]
    for b in lines:
        missing[b.line_id] -= b.quantity
    await endings.receive(conn, order_id, shipment.id, receipt.warehouse)
    here = {p.line_id: p.quantity - missing[p.line_id] for p in shipment.lines}
    await endings.bring_back(conn, shipment.id, here)
    cause = _cause(order, shipment)
    await _book(conn, order, receipt, lines, cause)
    await _bring_pieces(conn, order, receipt, lines, cause)
    data = _told(receipt, lines, missing) | await _mend_claim(conn, order, receipt, here)
    await timeline.record(
        conn,
        order_id,
        "parcel_received_back",
        actor=receipt.actor,
        role=receipt.role,
        data=data,
        note=receipt.note,
    )
    news: dict[str, Any] = {"shipment_id": shipment.id}
    if shipment.received:
        news["before"] = _here(shipment)
    await outbox.add(conn, order_id, outbox.PARCEL_RECEIVED, news)
    return list(lines)


def _here(shipment: Shipment) -> int:
    """How many units of a parcel that was received are here."""
    return sum(part.here for part in shipment.lines)


def _cause(order: Order, shipment: Shipment) -> str:
    """What names the receipt: a later one, how many units were here before it."""
    first = f"{order.id}:back:{shipment.id}"
    return f"{first}:{_here(shipment)}" if shipment.received else first


def _told(receipt: Receipt, lines: Sequence[Back], missing: Mapping[str, int]) -> dict[str, Any]:
    """What the timeline says: what came where, and what is still missing."""
    data: dict[str, Any] = {
        "shipment_id": receipt.shipment_id,
        "warehouse": receipt.warehouse,
        "lines": [
            {"line_id": b.line_id, "quantity": b.quantity, "disposition": b.disposition}
            for b in lines
        ],
    }
    if any(missing.values()):
        data["missing"] = {line_id: units for line_id, units in missing.items() if units}
    return data


async def _mend_claim(
    conn: Connection, order: Order, receipt: Receipt, here: Mapping[str, int]
) -> dict[str, str]:
    """What is here is not claimed any more; of what was written off, only what is missing, and that
    in any case: what is settled came first.
    """
    shipment = order.shipment(receipt.shipment_id)
    assert shipment is not None  # noqa: S101 - it was looked at before
    lost = {p.line_id: max(0, p.written_off - here[p.line_id]) for p in shipment.lines}
    if amount := order.paid_for(lost):
        if claim := await endings.lower_claim(conn, shipment.id, amount):
            return {"claim_lowered": claim}
        claim = await endings.claim_missing(conn, shipment.id, amount)
        return {"claim_id": claim} if claim else {}
    claim = await endings.drop_claim(conn, shipment.id, receipt.actor)
    return {"claim_dropped": claim} if claim else {}


def _sku(order: Order, line_id: str) -> str:
    line = order.line(line_id)
    assert line is not None  # noqa: S101 - the parcel holds units of it
    return line.sku


async def _book(
    conn: Connection, order: Order, receipt: Receipt, lines: Sequence[Back], cause: str
) -> None:
    where = receipt.warehouse
    moves, for_sale = [], set()
    for b in lines:
        sku = _sku(order, b.line_id)
        why = (cause, b.line_id, order.id)
        moves.append(Movement(sku, where, "return", *why, on_hand=b.quantity))
        if b.disposition == QUARANTINE:
            aside = Movement(
                sku, where, "quarantine", *why, damaged=b.quantity, quarantined=b.quantity
            )
            moves.append(aside)
        else:
            for_sale.add(sku)
    await catalog.lock_levels(conn, sorted({(m.sku, where) for m in moves}))
    await ledger.write(conn, moves, actor=receipt.actor, reason="parcel_back", locked=True)
    if for_sale:
        await wake_waiting(conn, for_sale, cause)


async def _bring_pieces(
    conn: Connection, order: Order, receipt: Receipt, lines: Sequence[Back], cause: str
) -> None:
    """Numbered pieces are here again: those named, or all that are missing when all came."""
    left = await endings.pieces(conn, receipt.shipment_id)
    came: Counter[str] = Counter()
    named: dict[str, list[str]] = {}
    for b in lines:
        sku = _sku(order, b.line_id)
        came[sku] += b.quantity
        named.setdefault(sku, []).extend(b.serials)
    told = serials.Told(cause, receipt.actor)
    for sku, pieces in left.items():
        chosen = named.get(sku) or (pieces if came[sku] == len(pieces) else [])
        if len(set(chosen)) != came[sku] or not set(chosen) <= set(pieces):
            raise Refused(
                "serials_required",
                f"Name which pieces of {sku} came back: one number for each unit.",
                sku=sku,
                serials=", ".join(pieces),
            )
        if chosen:
            await serials.bring(conn, sku, receipt.warehouse, sorted(chosen), told)
