"""Units of parcels that do not arrive: taken out of what is owed, and claimed at the carrier.

Parts of steps: they run inside a step's transaction, under the order's lock.
"""

from collections import Counter
from collections.abc import Mapping

from db import endings, orders, timeline
from domain.decisions import units_not_coming
from domain.endings import Action, Event, event_of
from domain.order import Shipment

# For these a carrier has to pay; what comes back to us is not lost, what was missing then is.
_CLAIMED = frozenset({Event.LOST, Event.NO_NEWS})


async def write_off(
    step: orders.Step,
    shipment: Shipment,
    units: Mapping[str, int],
    resolution: Action,
    event: Event,
) -> str | None:
    """Take units out of a parcel that left: open again (`replace`), or canceled (`refund`).

    The order owes neither of them through this parcel any more. Answers the claim that was opened.
    """
    again = resolution is Action.REPLACE
    for line_id, quantity in units.items():
        await endings.write_off(step.conn, shipment.id, line_id, quantity)
        await orders.move_units(
            step.conn,
            line_id,
            shipped=-quantity,
            open_=quantity if again else 0,
            canceled=0 if again else quantity,
        )
    if all(part.owed <= units.get(part.line_id, 0) for part in shipment.lines):
        await endings.settle(step.conn, step.order_id, shipment.id, event, resolution)
    if shipment.received:
        back = {part.line_id: part.owed_and_back for part in shipment.lines}
        units, event = +(Counter(units) - Counter(back)), Event.LOST
    if event not in _CLAIMED or not units:
        return None
    amount = step.order.paid_for(units)
    return await endings.open_claim(step.conn, shipment.id, event, resolution, amount)


async def give_up(step: orders.Step, wanted: Mapping[str, int]) -> Counter[str]:
    """Cancel units (per line, at most) that carriers lost or bring back; answers how many.

    An order that lived before parcels were written off may owe less than its parcels hold.
    """
    order = step.order
    left = Counter({x: min(n, units_not_coming(order, x)) for x, n in wanted.items()})
    gone: Counter[str] = Counter()
    for shipment in order.shipments:
        if not shipment.not_coming:
            continue
        taken = +Counter({p.line_id: min(p.owed, left[p.line_id]) for p in shipment.lines})
        if taken:
            left -= taken
            gone += taken
            event = event_of(shipment.tracking_status) or Event.RETURNED
            await write_off(step, shipment, taken, Action.REFUND, event)
    return gone


async def end_recall(step: orders.Step) -> None:
    """A cancellation that waited for parcels is over when none is awaited and units are left: the
    customer has them. When nothing is left the order ends with it.
    """
    order = await orders.load(step.conn, step.order_id)
    if order.cancel_requested and order.live_units and not order.recalling:
        await orders.end_cancel(step.conn, order.id)
        data = {"code": "already_shipped", "units": order.live_units}
        await timeline.record(step.conn, order.id, "cancel_ended", data=data)
