"""What may be asked of an order in its present state. Each function returns, or raises `Refused`.

They are asked twice: when a request arrives (the update's validator), and again when the
workflow comes to it, since the order may have moved in between.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from domain.errors import Refused
from domain.order import FulfillmentOrder, Offer, Order, ParcelLine, Shipment
from domain.phase import Phase, phase_of, phase_of_units
from domain.states import (
    FulfillmentOrderStatus,
    OfferStatus,
    OrderStatus,
    PaymentStatus,
    ShipmentStatus,
)


def _axes(order: Order) -> dict[str, str]:
    return {
        "status": order.status,
        "payment_status": order.payment_status,
        "fulfillment_status": order.fulfillment_status,
        "return_status": order.return_status,
    }


def refused(order: Order, code: str, detail: str, **more: str) -> Refused:
    """A refusal with where the order stands."""
    return Refused(code, detail, **_axes(order), **more)


def must_be_open(order: Order) -> None:
    """The order's life is not over, and no cancellation is under way."""
    if order.closed:
        raise refused(order, "order_closed", f"The order is {order.status}.")
    if order.cancel_requested:
        raise refused(order, "cancel_in_progress", "The order is being canceled.")


def can_cancel(
    order: Order,
    lines: Mapping[str, int] | None = None,
    phases: Collection[str] | None = None,
    unstoppable: Collection[str] = (),
) -> None:
    """Cancel all of an order, or some units.

    Units can be canceled one by one until they are packed, and when they got lost. `phases` are
    those in which who asks may cancel, by the shop's policy; with `handed_over` among them parcels
    are stopped on their way, except those `unstoppable`. Without a policy an order is canceled
    before hand-over only, or when the carrier lost it or brings it back.
    """
    must_be_open(order)
    if phases is not None:
        must_allow(order, phase_of_units(order) if lines else phase_of(order), phases)
    if lines:
        return _can_cancel_units(order, lines)
    if phases is not None and phase_of(order) is Phase.HANDED_OVER:
        stoppable = any(s.id not in unstoppable for s in on_the_road(order))
        if stoppable or still_here(order):
            return None
    delivered = any(
        s.status is ShipmentStatus.DELIVERED and not s.written_off for s in order.shipments
    )
    if on_the_road(order) or delivered:
        raise refused(
            order,
            "already_shipped",
            "The carrier has it and cannot be stopped: ask for a return when it has arrived.",
        )
    return None


def must_allow(order: Order, phase: Phase, phases: Collection[str]) -> None:
    """The policy lets who asks cancel in this phase of the order's life."""
    if phase in phases:
        return
    if phase is Phase.HANDED_OVER:
        detail = "The carrier has it: ask for a return when it has arrived."
        raise refused(order, "already_shipped", detail, phase=phase)
    detail = f"The order cannot be canceled any more by who asks: it is {phase}."
    raise refused(order, "cancel_not_allowed", detail, phase=phase)


def on_the_road(order: Order) -> list[Shipment]:
    """Parcels that are with the carrier, and that the customer is still to get."""
    return [s for s in order.shipments if s.on_its_way and not s.not_coming]


def still_here(order: Order) -> bool:
    """Whether units of the order have not left us, or will not arrive."""
    return any(
        line.open + line.allocated + line.backordered + units_not_coming(order, line.id)
        for line in order.lines
    )


def cancelable_units(order: Order, line_id: str) -> int:
    """Units of a line that are neither packed, under way, delivered nor canceled."""
    line = order.line(line_id)
    if line is None:
        return 0
    packed = sum(
        part.quantity
        for shipment in order.shipments
        if shipment.in_house
        for part in shipment.lines
        if part.line_id == line_id
    )
    in_house = line.open + line.backordered + line.allocated - packed
    return in_house + units_not_coming(order, line_id)


def units_not_coming(order: Order, line_id: str) -> int:
    """Units of a line that the carrier lost or brings back, and that are still owed."""
    line = order.line(line_id)
    coming = sum(
        part.owed
        for shipment in order.shipments
        if shipment.status in {ShipmentStatus.SHIPPED, ShipmentStatus.DELIVERED}
        and not shipment.not_coming
        for part in shipment.lines
        if part.line_id == line_id
    )
    return max(0, line.shipped - coming) if line else 0


def _can_cancel_units(order: Order, lines: Mapping[str, int]) -> None:
    for line_id, quantity in lines.items():
        if order.line(line_id) is None:
            raise refused(order, "unknown_line", f"The order has no line {line_id}.")
        if quantity > (can := cancelable_units(order, line_id)):
            raise refused(
                order, "too_many_units", f"{can} units of {line_id} can still be canceled."
            )


def can_leave_queue(order: Order, lines: Mapping[str, int] | None = None) -> dict[str, int]:
    """Give up units that wait for stock (all of them, or the named ones); answers which.

    Units that are here, on their way or with the customer are not touched: leaving the queue is
    the customer's right, canceling is by the shop's policy.
    """
    must_be_open(order)
    waiting = {line.id: line.backordered for line in order.lines if line.backordered}
    if not waiting:
        raise refused(order, "nothing_waiting", "No unit of the order waits for stock.")
    for line_id, quantity in (lines or {}).items():
        if order.line(line_id) is None:
            raise refused(order, "unknown_line", f"The order has no line {line_id}.")
        if quantity > (left := waiting.get(line_id, 0)):
            raise refused(order, "too_many_units", f"{left} units of {line_id} wait for stock.")
    return dict(lines) if lines else waiting


def can_answer_offer(order: Order, offer_id: str, answer: OfferStatus) -> Offer:
    """Accept or refuse a substitute while it is offered; saying the same again is no harm."""
    must_be_open(order)
    offer = order.offer(offer_id)
    if offer is None:
        raise refused(order, "unknown_substitution", f"The order has no offer {offer_id}.")
    if not offer.open and offer.status is not answer:
        raise Refused(
            "offer_over",
            f"The offer was {offer.status}.",
            **_axes(order),
            substitution_status=offer.status,
        )
    return offer


def can_resolve(order: Order, shipment_id: str, action: str = "") -> Shipment:
    """Decide about a parcel that left us and has not arrived: send again, give back, wait.

    Of an order that is canceled when its parcels are back, nothing is sent again.
    """
    shipment = order.shipment(shipment_id)
    stopped = shipment is not None and shipment.intercepted and order.recalling
    if not stopped or action == "replace":
        must_be_open(order)
    if shipment is None:
        raise refused(order, "unknown_shipment", f"The order has no parcel {shipment_id}.")
    status, tracking = shipment.status, shipment.tracking_status
    states = {"shipment_status": status, "tracking_status": tracking}
    if shipment.in_house or status is ShipmentStatus.CANCELED:
        raise refused(order, "not_shipped", f"The parcel is {status}.", **states)
    if shipment.written_off:
        detail = "The parcel was sent again or paid back."
        raise refused(order, "parcel_settled", detail, **states)
    if status is ShipmentStatus.DELIVERED:
        raise refused(order, "parcel_delivered", "The parcel was delivered.", **states)
    return shipment


def can_receive_back(
    order: Order, shipment_id: str, units: Sequence[tuple[str, int]] = ()
) -> Shipment:
    """A parcel that left us and was not delivered is back, at any time of the order's life.

    What was missing when it was received may come later, until nothing is missing.
    """
    shipment = order.shipment(shipment_id)
    if shipment is None:
        raise refused(order, "unknown_shipment", f"The order has no parcel {shipment_id}.")
    status, states = shipment.status, {"shipment_status": shipment.status}
    if shipment.in_house or status is ShipmentStatus.CANCELED:
        raise refused(order, "not_shipped", f"The parcel is {status}.", **states)
    if status is ShipmentStatus.DELIVERED:
        raise refused(order, "parcel_delivered", "The parcel was delivered.", **states)
    missing = shipment.missing
    if shipment.received and not any(missing.values()):
        raise refused(order, "already_received", "The parcel was received before.", **states)
    asked: Counter[str] = Counter()
    for line_id, quantity in units:
        asked[line_id] += quantity
    _within(order, asked, missing, "receive", "parcel")
    return shipment


def can_hold(order: Order) -> None:
    """Hold what has not left us."""
    must_be_open(order)
    if order.live_units and order.shipped_units >= order.live_units:
        raise refused(order, "already_shipped", "All parcels were handed to the carrier.")


def can_release(order: Order, hold_id: str) -> None:
    """Take away a hold that is there."""
    if not any(hold.id == hold_id for hold in order.holds):
        raise refused(order, "hold_not_found", "The order has no such hold, or it was released.")


def can_add_payment(order: Order, payment_id: str, under_way: Collection[str] = ()) -> None:
    """Another tender is wanted while the others do not cover what is owed.

    `under_way` are tenders whose attempt may still succeed: a second one beside it could charge
    twice.
    """
    must_be_open(order)
    tender = order.tender(payment_id)
    already = tender is not None and tender.status is not PaymentStatus.PENDING
    if already or order.covered:
        raise refused(order, "payment_not_needed", "What is owed is already covered.")
    if set(under_way) - {payment_id}:
        raise refused(order, "payment_in_progress", "A payment attempt is under way.")


def can_waive(
    order: Order, under_way: Collection[str] = (), not_taken: Collection[str] = ()
) -> None:
    """Let the customer off what is neither taken nor reserved, or reserved by tenders whose money
    the provider refuses to take (`not_taken`); `under_way` as for a tender.
    """
    must_be_open(order)
    if order.status is not OrderStatus.CONFIRMED:
        detail = "An order that was never paid is canceled, or expires."
        raise refused(order, "order_not_confirmed", detail)
    if order.covered and not not_taken:
        raise refused(order, "payment_not_needed", "What is owed is already covered.")
    if under_way:
        raise refused(order, "payment_in_progress", "A payment attempt is under way.")


def _work(order: Order, fulfillment_order_id: str) -> FulfillmentOrder:
    must_be_open(order)
    work = order.fulfillment_order(fulfillment_order_id)
    if work is None:
        raise refused(order, "unknown_fulfillment_order", "The order has no such work.")
    if order.holds or work.status is FulfillmentOrderStatus.ON_HOLD:
        reasons = ", ".join(sorted({hold.reason for hold in order.holds})) or "on hold"
        raise refused(order, "order_on_hold", f"The order is on hold: {reasons}.")
    if order.status is not OrderStatus.CONFIRMED:
        raise refused(order, "order_not_confirmed", "The order is not confirmed yet.")
    return work


def _live_work(order: Order, fulfillment_order_id: str) -> FulfillmentOrder:
    work = _work(order, fulfillment_order_id)
    if not work.live:
        raise Refused(
            "work_not_open",
            f"The fulfillment order is {work.status}.",
            **_axes(order),
            fulfillment_order_status=work.status,
        )
    return work


def can_start(order: Order, fulfillment_order_id: str) -> FulfillmentOrder:
    """Begin to work at one location."""
    return _live_work(order, fulfillment_order_id)


def can_pick(order: Order, fulfillment_order_id: str, units: Mapping[str, int]) -> FulfillmentOrder:
    """Report units as found or missing: per line not more than is left to pick."""
    work = _live_work(order, fulfillment_order_id)
    left = {line.line_id: line.to_pick for line in work.lines}
    _within(order, units, left, "pick")
    return work


def can_pack(
    order: Order, fulfillment_order_id: str, parcels: Sequence[Sequence[ParcelLine]]
) -> FulfillmentOrder:
    """Put units into parcels; packing what was not reported as picked implies the pick."""
    work = _live_work(order, fulfillment_order_id)
    units: Counter[str] = Counter()
    for parcel in parcels:
        for part in parcel:
            units[part.line_id] += part.quantity
    left = {line.line_id: line.to_pack for line in work.lines}
    _within(order, units, left, "pack")
    return work


def _within(
    order: Order,
    units: Mapping[str, int],
    left: Mapping[str, int],
    verb: str,
    what: str = "fulfillment order",
) -> None:
    for line_id, quantity in units.items():
        if line_id not in left:
            raise refused(order, "unknown_line", f"The {what} has no line {line_id}.")
        if quantity > left[line_id]:
            raise refused(
                order, "too_many_units", f"{left[line_id]} units of {line_id} are left to {verb}."
            )


def can_retry(order: Order, failing: Collection[str], code: str = "") -> None:
    """Try again what keeps failing, or what waits for stock."""
    if order.closed:
        raise refused(order, "order_closed", f"The order is {order.status}.")
    if not failing or (code and code not in failing):
        raise refused(order, "nothing_to_retry", "Nothing that could be tried again is failing.")


def waits_to_be_complete(order: Order) -> bool:
    """Whether what is here waits for the rest: the order ships complete, and nothing has left."""
    missing = any(line.open or line.backordered for line in order.lines)
    return order.ship == "complete" and missing and not order.shipped_units


def can_ship(
    order: Order,
    fulfillment_order_id: str,
    shipment_ids: Sequence[str] = (),
    *,
    ready: bool = False,
) -> list[Shipment]:
    """Hand packed parcels over: the named ones, or all of the location that are still here.

    With `ready`, each must have its label by now, and the order its money.
    """
    _work(order, fulfillment_order_id)
    own = {s.id: s for s in order.shipments if s.fulfillment_order_id == fulfillment_order_id}
    for shipment_id in shipment_ids:
        if shipment_id not in own:
            raise refused(order, "unknown_shipment", f"There is no parcel {shipment_id} here.")
        if not own[shipment_id].in_house:
            state = own[shipment_id].status
            raise refused(order, "not_packed", f"The parcel {shipment_id} is {state}.")
    named = [own[i] for i in dict.fromkeys(shipment_ids)]
    chosen = named or [s for s in own.values() if s.in_house]
    if not chosen:
        raise refused(order, "nothing_packed", "No packed parcel is waiting here.")
    if ready and any(s.status is not ShipmentStatus.LABEL_PURCHASED for s in chosen):
        raise refused(order, "label_missing", "The carrier has not given a label yet.")
    if ready and not order.covered:
        raise refused(order, "payment_missing", "The order is not paid for any more.")
    return chosen
