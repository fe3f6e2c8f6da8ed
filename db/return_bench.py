"""Goods of returns on the bench: what was received into quarantine is looked at.

What was seen is a fact: written at once, under the order's lock, and the return's workflow hears of
it. The rows move here, so it works for closed orders, too.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from db import catalog, ledger, orders, outbox, return_goods, returns, serials
from db.movements import Movement
from db.pool import Connection
from db.return_goods import sku_of
from db.returns import By
from db.sql import queries
from db.stock import wake_waiting
from domain import attention
from domain.errors import Refused
from domain.order import Order
from domain.returns import Disposition, Return, can_inspect, surplus

_SQL = queries("returns")


@dataclass(frozen=True, slots=True)
class Seen:
    """Units of a line that were looked at, what becomes of them, and the pieces they are."""

    line_id: str
    quantity: int
    disposition: Disposition
    serials: Sequence[str] = ()


# What becomes of a unit: the movement's kind, then what is added to on hand, damaged, quarantined.
# What is refurbished stays in quarantine, until the warehouse releases it.
_EFFECTS: dict[Disposition, tuple[str, int, int, int]] = {
    Disposition.RESTOCK: ("quarantine", 0, -1, -1),
    Disposition.REFURBISH: ("", 0, 0, 0),
    Disposition.DAMAGED: ("quarantine", 0, 0, -1),
    Disposition.SCRAP: ("scrap", -1, -1, -1),
    Disposition.REJECT: ("return", -1, -1, -1),
}
_LEAVING = frozenset({Disposition.SCRAP, Disposition.REJECT})
_COLUMNS = (
    Disposition.RESTOCK,
    Disposition.REFURBISH,
    Disposition.DAMAGED,
    Disposition.SCRAP,
    Disposition.REJECT,
)


async def inspect(
    conn: Connection,
    return_id: str,
    lines: Sequence[Seen],
    by: By,
    *,
    warehouse: str | None = None,
    note: str | None = None,
) -> Return:
    """Say what becomes of units that are here; when all were looked at, the money follows.

    `warehouse` is where they are, and need not be told of units that are at one.

    Raises:
        Refused: nothing is here, or not so many; nobody knows at which warehouse; they are in
            quarantine no more; a piece is not the return's.

    """
    order_id = await returns.owner(conn, return_id)
    await orders.lock(conn, order_id)
    ret, order = await returns.load(conn, return_id), await orders.load(conn, order_id)
    units: Counter[str] = Counter()
    seen: dict[str, Counter[Disposition]] = {}
    for one in lines:
        units[one.line_id] += one.quantity
        seen.setdefault(one.line_id, Counter())[one.disposition] += one.quantity
    can_inspect(ret, units)
    places = {
        line_id: await _place(conn, ret.id, line_id, n, warehouse) for line_id, n in units.items()
    }
    number = await conn.fetchval(_SQL["count_inspection"], ret.id)
    cause = f"{ret.id}:inspect:{number}"
    await _decide(conn, order, places, seen, cause, by)
    for line_id, what in sorted(seen.items()):
        counts = [what[disposition] for disposition in _COLUMNS]
        await conn.execute(_SQL["inspect_units"], ret.id, line_id, *counts)
        await conn.execute(_SQL["count_returned"], line_id, surplus(order, line_id))
    await _send_pieces(conn, ret.id, order, places, lines, serials.Told(cause, by.actor))
    await _settle_surplus(conn, order)
    ret = await returns.load(conn, return_id)
    told = [
        {"line_id": one.line_id, "quantity": one.quantity, "disposition": one.disposition.value}
        for one in lines
    ]
    await returns.record(conn, ret, "return_units_inspected", by, {"lines": told}, note)
    ret = await return_goods.end_inspection(conn, ret, by)
    await outbox.add(conn, ret.id, outbox.RETURN_MOVED, {})
    return ret


async def _settle_surplus(conn: Connection, order: Order) -> None:
    """Parcels that were delivered after all need nobody when what was too many is back."""
    rows = await conn.fetch(_SQL["accepted_of_order"], order.id)
    back = {row["line_id"]: row["units"] for row in rows}
    for parcel in order.shipments:
        lines = [part.line_id for part in parcel.lines if part.written_off]
        if lines and all(back.get(x, 0) >= surplus(order, x) for x in lines):
            code = attention.DELIVERED_AFTER_ALL
            await orders.clear_attention(conn, order.id, code, parcel.id)


async def _place(
    conn: Connection, return_id: str, line_id: str, units: int, warehouse: str | None
) -> str:
    """Where units of a line are that are looked at: taken off there."""
    rows = await conn.fetch(_SQL["places_of_line"], return_id, line_id)
    here = {row["warehouse"]: row["units"] for row in rows}
    if warehouse is None and len(here) > 1:
        told = ", ".join(f"{place}: {n}" for place, n in here.items())
        detail = f"Units of {line_id} are at several warehouses: name one."
        raise Refused("which_warehouse", detail, line_id=line_id, warehouses=told)
    place: str = warehouse or next(iter(here), "")
    if units > here.get(place, 0):
        left = str(here.get(place, 0))
        detail = f"{left} units of {line_id} are to be looked at there."
        raise Refused("too_many_units", detail, line_id=line_id, left=left, warehouse=place)
    await conn.execute(_SQL["take_units"], return_id, line_id, place, units)
    return place


async def _decide(
    conn: Connection,
    order: Order,
    places: Mapping[str, str],
    seen: Mapping[str, Mapping[Disposition, int]],
    cause: str,
    by: By,
) -> None:
    """Move the units out of quarantine as they were judged."""
    moves = []
    for line_id, what in seen.items():
        place = places[line_id]
        for disposition, n in what.items():
            kind, here, damaged, aside = _EFFECTS[disposition]
            if kind:
                moves.append(
                    Movement(
                        sku_of(order, line_id), place, kind, cause, line_id, order.id,
                        on_hand=here * n, damaged=damaged * n, quarantined=aside * n,
                    )
                )  # fmt: skip
    levels = await catalog.lock_levels(conn, sorted({(m.sku, m.warehouse) for m in moves}))
    for level, row in levels.items():
        leaving = -sum(m.quarantined for m in moves if (m.sku, m.warehouse) == level)
        if leaving > row["quarantined"]:
            raise Refused(
                "not_in_quarantine",
                f"{row['quarantined']} units of {level[0]} are in quarantine at {level[1]}.",
                sku=level[0],
                warehouse=level[1],
                quarantined=str(row["quarantined"]),
            )
    if not moves:
        return
    await ledger.write(conn, moves, actor=by.actor, reason="customer_return", locked=True)
    restocked = {
        sku_of(order, line_id) for line_id, what in seen.items() if what.get(Disposition.RESTOCK)
    }
    if restocked:
        await wake_waiting(conn, restocked, cause)


async def _send_pieces(
    conn: Connection,
    return_id: str,
    order: Order,
    places: Mapping[str, str],
    lines: Sequence[Seen],
    told: serials.Told,
) -> None:
    """Numbered pieces that leave the house again are named, and came with this return: scrapped
    ones are gone, rejected ones are the customer's.
    """
    leaving = [one for one in lines if one.disposition in _LEAVING]
    wanting = await serials.tracked(conn, [sku_of(order, one.line_id) for one in leaving])
    for one in leaving:
        sku, place = sku_of(order, one.line_id), places[one.line_id]
        if sku not in wanting:
            continue
        pieces = sorted(set(one.serials))
        rows = await conn.fetch(_SQL["serials_that_came"], return_id, sku, place)
        here = [row["serial"] for row in rows]
        if len(pieces) != one.quantity or not set(pieces) <= set(here):
            raise Refused(
                "serials_required",
                f"Name which pieces of {sku} leave: one number for each unit.",
                sku=sku,
                line_id=one.line_id,
                serials=", ".join(here),
            )
        if one.disposition is Disposition.REJECT:
            await serials.return_to(
                conn, sku, place, pieces, told, order_id=order.id, line_id=one.line_id
            )
        else:
            await serials.remove(conn, sku, place, pieces, told)
