"""Goods of returns at the dock: received into quarantine, to be looked at (`return_bench`).

What came is a fact: written at once, under the order's lock, and the return's workflow hears of it.
The rows move here, so it works for closed orders, too.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from db import catalog, fulfillment, ledger, notifications, orders, outbox, returns, serials
from db.movements import Movement
from db.pool import Connection
from db.returns import By
from db.sql import queries
from domain import attention
from domain.errors import Refused
from domain.order import Order
from domain.returns import (
    Return,
    after_receipt,
    can_ask,
    can_give_up_rest,
    can_receive,
    proven,
)
from domain.states import ReturnStage, TrackingStatus

_SQL = queries("returns")


@dataclass(frozen=True, slots=True)
class Came:
    """Units of an order line at the dock, and the pieces they are."""

    line_id: str
    quantity: int
    serials: Sequence[str] = ()


async def receive(  # noqa: PLR0913 - a delivery has these parts
    conn: Connection,
    return_id: str,
    warehouse: str | None,
    lines: Sequence[Came],
    by: By,
    *,
    complete: bool = False,
    note: str | None = None,
) -> Return:
    """Book units in, aside until they are looked at; more, less or others than were announced.

    `warehouse` None is where the return was sent; `complete`: no more will come.

    Raises:
        Refused: it is over or was inspected; more than had left; a piece is not the order's.

    """
    order_id = await returns.owner(conn, return_id)
    await orders.lock(conn, order_id)
    ret, order = await returns.load(conn, return_id), await orders.load(conn, order_id)
    can_receive(ret)
    units: Counter[str] = Counter()
    for came in lines:
        units[came.line_id] += came.quantity
    known = await returns.taken(conn, order_id, return_id)
    for line in ret.lines:
        known[line.line_id] = known.get(line.line_id, 0) + line.received
    can_ask(order, units, known, arrived=True)
    back = {line_id: known.get(line_id, 0) + n for line_id, n in units.items()}
    delivered = await _prove_delivered(conn, order, back, ret.id)
    place = warehouse or (await returns.listed(conn, return_id=return_id))[0]["warehouse"]
    for line_id, quantity in units.items():
        sku = sku_of(order, line_id)
        await conn.execute(_SQL["announce_nothing"], ret.id, line_id, sku)
        await conn.execute(_SQL["receive_units"], ret.id, line_id, quantity)
        await conn.execute(_SQL["put_units"], ret.id, line_id, place, quantity)
    number = await conn.fetchval(_SQL["count_receipt"], ret.id, place)
    cause = f"{ret.id}:receive:{number}"
    await _book_in(conn, order, place, units, cause, by)
    await _bring_pieces(conn, order, place, lines, serials.Told(cause, by.actor))
    told = [{"line_id": line_id, "quantity": n} for line_id, n in units.items()]
    ret = await returns.load(conn, return_id)
    ret = await returns.move(conn, ret, after_receipt(ret, complete=complete))
    data = {"warehouse": place, "lines": told, "status": ret.status.value}
    if delivered:
        data["delivered"] = delivered
    await returns.record(conn, ret, "return_received", by, data, note)
    for code in (attention.RETURN_LOST, attention.RETURN_DECISION):
        await orders.clear_attention(conn, order_id, code, ret.id)
    await notifications.plan(conn, order_id, "return_received", ret.id)
    await outbox.add(conn, ret.id, outbox.RETURN_MOVED, {})
    return await returns.load(conn, return_id)


async def _prove_delivered(
    conn: Connection, order: Order, units: Mapping[str, int], return_id: str
) -> list[str]:
    """The order hears of parcels that must have been delivered; which these are."""
    parcels, now = proven(order, units), datetime.now(UTC)
    for parcel in parcels:
        status = TrackingStatus.DELIVERED
        await fulfillment.save_tracking(conn, parcel.id, status, now, None, None)
        news = {
            "shipment_id": parcel.id,
            "status": status.value,
            "event_id": return_id,
            "occurred_at": now.isoformat(),
        }
        await outbox.add(conn, order.id, outbox.CARRIER_NEWS, news)
    return [parcel.id for parcel in parcels]


async def give_up_rest(conn: Connection, return_id: str, by: By, note: str | None = None) -> Return:
    """What has not come by now will not: the money follows what is here.

    Raises:
        Refused: nothing is here, it was inspected, or it is over.

    """
    await orders.lock(conn, await returns.owner(conn, return_id))
    ret = await returns.load(conn, return_id)
    can_give_up_rest(ret)
    if ret.status is ReturnStage.PARTIALLY_RECEIVED:
        missing = {x.line_id: x.quantity - x.received for x in ret.lines if x.quantity > x.received}
        await returns.record(conn, ret, "return_rest_missing", by, {"missing": missing}, note)
        ret = await end_receipt(conn, ret, by)
        await outbox.add(conn, ret.id, outbox.RETURN_MOVED, {})
    return ret


async def end_receipt(conn: Connection, ret: Return, by: By) -> Return:
    """Nothing more of a return that came in part is waited for."""
    return await end_inspection(conn, await returns.move(conn, ret, ReturnStage.RECEIVED), by)


async def end_inspection(conn: Connection, ret: Return, by: By) -> Return:
    """All that comes is here and was looked at."""
    if ret.status is ReturnStage.RECEIVED and not any(line.to_inspect for line in ret.lines):
        ret = await returns.move(conn, ret, ReturnStage.INSPECTED)
        await returns.record(conn, ret, "return_inspected", by, {"accepted": ret.accepted})
    return ret


def sku_of(order: Order, line_id: str) -> str:
    """The item of a line that the order has."""
    line = order.line(line_id)
    assert line is not None  # noqa: S101 - it was looked up before
    return line.sku


async def _book_in(
    conn: Connection, order: Order, place: str, units: Mapping[str, int], cause: str, by: By
) -> None:
    moves = []
    for line_id, n in units.items():
        sku, why = sku_of(order, line_id), (cause, line_id, order.id)
        moves.append(Movement(sku, place, "return", *why, on_hand=n))
        moves.append(Movement(sku, place, "quarantine", *why, damaged=n, quarantined=n))
    await catalog.lock_levels(conn, sorted({(m.sku, place) for m in moves}))
    await ledger.write(conn, moves, actor=by.actor, reason="customer_return", locked=True)


async def _bring_pieces(
    conn: Connection, order: Order, place: str, lines: Sequence[Came], told: serials.Told
) -> None:
    """Items that want serial numbers are told piece by piece, and the pieces left with the order.

    Raises:
        Refused: a unit without its number, or a number that the customer did not get.

    """
    named: dict[str, list[str]] = {}
    count: Counter[str] = Counter()
    for came in lines:
        sku = sku_of(order, came.line_id)
        named.setdefault(sku, []).extend(came.serials)
        count[sku] += came.quantity
    wanting = await serials.tracked(conn, list(named))
    for sku in sorted(wanting):
        rows = await conn.fetch(_SQL["serials_of_order"], order.id, sku)
        own, pieces = {row["serial"] for row in rows}, set(named[sku])
        if len(pieces) != count[sku] or not pieces <= own:
            raise Refused(
                "serials_required",
                f"Name which pieces of {sku} came back: one number for each unit.",
                sku=sku,
                serials=", ".join(sorted(own)),
            )
        await serials.bring(conn, sku, place, sorted(pieces), told)
