"""Goods of an order that a location gives up: not found, or not wanted any more.

Parts of steps: they run inside a step's transaction, under the order's lock.
"""

from collections import Counter
from collections.abc import Mapping

from activities import parcels, substitutes
from db import fulfillment, orders, pick_lists, serials, stock
from db.pool import Connection
from domain.decisions import cancelable_units, units_not_coming
from domain.order import FulfillmentOrder, Order
from domain.states import FulfillmentOrderStatus


async def take_off_missing(step: orders.Step) -> None:
    """Take units that were reported missing off the counters; they are open units again.

    A report is written at once and told to the workflow later, so another step may be faster
    than the news: each step that reckons with an order's claims does this first.
    """
    found_out = False
    for work in step.order.fulfillment_orders:
        if not any(line.short for line in work.lines):
            continue
        known = await stock.short_reported(step.conn, step.order_id, work.id)
        units = +Counter({w.line_id: w.short - known.get(w.line_id, 0) for w in work.lines})
        if not units:
            continue
        if not found_out:
            await stock.lock_claimed(step.conn, step.order_id)
        await stock.report_missing(
            step.conn, step.order_id, work.warehouse, units, f"{work.id}:{step.cause}"
        )
        for line_id, quantity in units.items():
            await orders.move_units(step.conn, line_id, allocated=-quantity, open_=quantity)
        found_out = True
    if found_out:
        step.order = await orders.load(step.conn, step.order_id)


async def cancel_units(step: orders.Step, asked: Mapping[str, int]) -> None:
    """Cancel units of lines: open ones, waiting ones, those in the house, those that got lost.

    The shelf that gets a unit back is that of the location which is told to leave it there.
    """
    conn, order = step.conn, step.order
    unasked = Counter(
        {(c.line_id, c.warehouse): c.quantity for c in await _unassigned(conn, order)}
    )
    waiting: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    placed: dict[str, Counter[str]] = {}
    for line_id, wanted in asked.items():
        line = order.line(line_id)
        quantity = min(wanted, cancelable_units(order, line_id))
        if line is None or not quantity:
            continue
        rest = quantity - min(line.open, quantity)
        waiting[line_id] = min(line.backordered, rest)
        rest -= waiting[line_id]
        for warehouse, units in (await _recall(step, line_id, rest, unasked)).items():
            placed.setdefault(warehouse, Counter())[line_id] += units
            rest -= units
        lost[line_id] = min(rest, units_not_coming(order, line_id))
        await orders.cancel_units(conn, line_id, quantity - rest)
    # All lines at once: a parcel is settled when nothing of it is owed any more.
    await parcels.give_up(step, lost)
    await stock.recall(conn, order.id, waiting, placed, f"{order.id}:{step.cause}")
    await _close_idle_work(conn, order)
    await substitutes.withdraw_needless(step, "canceled")


async def recall_from(step: orders.Step, warehouse: str) -> Counter[str]:
    """Take back what a closed warehouse has not packed; units per line, which are open again.

    Nobody else is woken for them: they lie where nobody is served from. Pieces that were picked for
    them are in stock again.
    """
    conn, order = step.conn, step.order
    units: Counter[str] = Counter()
    for claim in await _unassigned(conn, order):
        if claim.warehouse == warehouse:
            units[claim.line_id] += claim.quantity
    for work in order.fulfillment_orders:
        if work.warehouse != warehouse or not work.live:
            continue
        for line in work.lines:
            if line.to_pack:
                units[line.line_id] += line.to_pack
                await fulfillment.cancel_work_units(conn, work.id, line.line_id, line.to_pack)
    await stock.recall_closed(conn, order.id, warehouse, units, f"{order.id}:{step.cause}")
    for line_id, quantity in units.items():
        await orders.move_units(conn, line_id, allocated=-quantity, open_=quantity)
    await _close_idle_work(conn, order)
    told = serials.Told(f"{order.id}:{step.cause}", "kervan")
    await serials.give_spare_back(conn, order.id, told)
    return units


async def recall_unpacked(step: orders.Step) -> None:
    """Take back all that is not packed, wherever it lies: its units are open, and seek a source.

    Units may come from elsewhere then, and those that wait for this item are told of them.
    """
    conn, order = step.conn, step.order
    # The same step may have canceled units of the same lines: this is another movement.
    cause = f"{order.id}:{step.cause}:recall"
    placed: dict[str, Counter[str]] = {}
    for claim in await _unassigned(conn, order):
        placed.setdefault(claim.warehouse, Counter())[claim.line_id] += claim.quantity
    for work in order.fulfillment_orders:
        for line in work.lines if work.live else ():
            if line.to_pack:
                placed.setdefault(work.warehouse, Counter())[line.line_id] += line.to_pack
                await fulfillment.cancel_work_units(conn, work.id, line.line_id, line.to_pack)
    await stock.recall(conn, order.id, Counter(), placed, cause)
    for units in placed.values():
        for line_id, quantity in units.items():
            await orders.move_units(conn, line_id, allocated=-quantity, open_=quantity)
    await _close_idle_work(conn, order)
    told = serials.Told(cause, "kervan")
    await serials.give_spare_back(conn, order.id, told)


async def _unassigned(conn: Connection, order: Order) -> list[fulfillment.UnassignedClaim]:
    return await fulfillment.unassigned_claims(conn, order.id)


async def _recall(
    step: orders.Step, line_id: str, quantity: int, unasked: Counter[tuple[str, str]]
) -> Counter[str]:
    """Where units come from, per warehouse: those nobody was asked for yet come first."""
    recalled: Counter[str] = Counter()
    for place in sorted(place for place in unasked if place[0] == line_id):
        take = min(quantity, unasked[place])
        quantity -= take
        recalled[place[1]] += take
    for work in step.order.fulfillment_orders:
        line = next((w for w in work.lines if w.line_id == line_id), None)
        if line is None or not work.live:
            continue
        take = min(quantity, line.to_pack)
        if take:
            quantity -= take
            recalled[work.warehouse] += take
            await fulfillment.cancel_work_units(step.conn, work.id, line_id, take)
    return +recalled


async def _close_idle_work(conn: Connection, order: Order) -> None:
    """A location that is left without work is closed."""
    touched = {work.id for work in order.fulfillment_orders if work.live}
    for work in (await orders.load(conn, order.id)).fulfillment_orders:
        if work.id in touched and (end := _end_of(work)) is not None:
            await fulfillment.set_work_status(conn, work, end)
    await pick_lists.close_idle(conn, order.id)


def _end_of(work: FulfillmentOrder) -> FulfillmentOrderStatus | None:
    if not any(w.quantity - w.short - w.canceled for w in work.lines):
        return FulfillmentOrderStatus.CANCELLED
    if not any(w.to_pack or w.packed - w.shipped for w in work.lines):
        return FulfillmentOrderStatus.CLOSED
    return None
