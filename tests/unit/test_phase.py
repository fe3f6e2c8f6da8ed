"""The phases of an order's life, and who may cancel it in which."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from domain import decisions
from domain.errors import Refused
from domain.order import Order, ParcelLine
from domain.phase import Actor, Phase, phase_of, phase_of_units
from domain.states import (
    FulfillmentOrderStatus,
    OrderStatus,
    ShipmentStatus,
    TrackingStatus,
)
from tests.unit.orders import a_line, a_parcel, an_order, work, work_line

SHIPPED, DELIVERED = ShipmentStatus.SHIPPED, ShipmentStatus.DELIVERED
OPEN = an_order(fulfillment_orders=[work(work_line())])
BEGUN = an_order(fulfillment_orders=[work(work_line(), status=FulfillmentOrderStatus.IN_PROGRESS)])
PICKED = an_order(fulfillment_orders=[work(work_line(picked=1))])
PACKED = an_order(
    fulfillment_orders=[work(work_line(picked=2, packed=2))],
    shipments=[a_parcel(2, ShipmentStatus.PACKED)],
)
LABELED = replace(PACKED, shipments=[a_parcel(2, ShipmentStatus.LABEL_PURCHASED)])
GONE = an_order(
    lines=[a_line(2, shipped=2)],
    fulfillment_orders=[
        work(work_line(picked=2, packed=2, shipped=2), status=FulfillmentOrderStatus.CLOSED)
    ],
    shipments=[a_parcel(2, SHIPPED, TrackingStatus.IN_TRANSIT)],
)
PART_GONE = an_order(
    lines=[a_line(2, shipped=1, allocated=1)],
    fulfillment_orders=[work(work_line(picked=2, packed=2, shipped=1))],
    shipments=[
        a_parcel(1, SHIPPED, TrackingStatus.IN_TRANSIT),
        a_parcel(1, ShipmentStatus.PACKED, id_="shp_2"),
    ],
)
ARRIVED = replace(GONE, shipments=[a_parcel(2, DELIVERED, TrackingStatus.DELIVERED)])
OF_PHASE: dict[Phase, Order] = {
    Phase.BEFORE_PAYMENT: replace(OPEN, status=OrderStatus.PENDING, fulfillment_orders=[]),
    Phase.BEFORE_PICKING: OPEN,
    Phase.PICKING: PICKED,
    Phase.PACKED: PACKED,
    Phase.LABELED: LABELED,
    Phase.HANDED_OVER: GONE,
}


def written_off(order: Order) -> Order:
    """The same, with all parcels sent again or paid back."""
    shipments = [
        replace(s, lines=[ParcelLine(p.line_id, p.quantity, p.quantity) for p in s.lines])
        for s in order.shipments
    ]
    return replace(order, shipments=shipments)


@pytest.mark.parametrize(
    ("order", "phase"),
    [
        *((order, phase) for phase, order in OF_PHASE.items()),
        (BEGUN, Phase.PICKING),
        (PART_GONE, Phase.HANDED_OVER),
        (ARRIVED, Phase.HANDED_OVER),
        (replace(GONE, shipments=[a_parcel(2, SHIPPED, TrackingStatus.LOST)]),
         Phase.BEFORE_PICKING),
        (replace(GONE, shipments=[replace(GONE.shipments[0], received=True)]),
         Phase.BEFORE_PICKING),
        (written_off(GONE), Phase.BEFORE_PICKING),
        (written_off(ARRIVED), Phase.BEFORE_PICKING),
        (replace(OPEN, shipments=[a_parcel(1, ShipmentStatus.CANCELED)]), Phase.BEFORE_PICKING),
    ],
)  # fmt: skip
def test_the_furthest_part_tells_the_phase(order: Order, phase: Phase) -> None:
    assert phase_of(order) is phase


def test_units_that_are_not_packed_have_come_as_far_as_picking() -> None:
    assert phase_of_units(PART_GONE) is Phase.PICKING
    assert phase_of_units(replace(LABELED, fulfillment_orders=[])) is Phase.BEFORE_PICKING


SEEDED = {
    Actor.CUSTOMER: [Phase.BEFORE_PAYMENT, Phase.BEFORE_PICKING, Phase.PICKING],
    Actor.SUPPORT: list(Phase),
}


@pytest.mark.parametrize("actor", Actor)
@pytest.mark.parametrize("phase", Phase)
def test_the_policy_says_who_may_cancel_when(phase: Phase, actor: Actor) -> None:
    order, allowed = OF_PHASE[phase], SEEDED[actor]
    if phase in allowed:
        decisions.can_cancel(order, phases=allowed)
        return
    with pytest.raises(Refused) as refused:
        decisions.can_cancel(order, phases=allowed)
    late = phase is Phase.HANDED_OVER
    assert refused.value.code == ("already_shipped" if late else "cancel_not_allowed")
    assert refused.value.current["phase"] == phase


def refusal(order: Order, unstoppable: Sequence[str] = ()) -> str:
    with pytest.raises(Refused) as refused:
        decisions.can_cancel(order, phases=list(Phase), unstoppable=unstoppable)
    return refused.value.code


def test_what_has_left_is_canceled_when_the_carrier_stops_it_or_a_part_is_still_here() -> None:
    decisions.can_cancel(GONE, phases=list(Phase))
    assert refusal(GONE, unstoppable=["shp_1"]) == "already_shipped"
    decisions.can_cancel(PART_GONE, phases=list(Phase), unstoppable=["shp_1"])
    assert refusal(ARRIVED) == "already_shipped"


def test_units_are_canceled_in_the_phase_that_they_are_in() -> None:
    order = replace(PART_GONE, lines=[a_line(3, shipped=1, allocated=1)])
    decisions.can_cancel(order, {"lin_1": 1}, ["picking"])
    with pytest.raises(Refused) as refused:
        decisions.can_cancel(order, {"lin_1": 1}, ["before_picking"])
    assert refused.value.code == "cancel_not_allowed"


def test_an_order_that_is_being_canceled_is_not_canceled_again_while_parcels_come_back() -> None:
    stopped = replace(GONE.shipments[0], intercepted=True)
    recalling = replace(GONE, shipments=[stopped], cancel_requested=True)
    assert recalling.recalling
    assert refusal(recalling) == "cancel_in_progress"
    assert decisions.can_resolve(recalling, "shp_1", "refund") is stopped
    with pytest.raises(Refused, match="being canceled"):
        decisions.can_resolve(recalling, "shp_1", "replace")
    assert not written_off(recalling).recalling
    assert not replace(GONE, cancel_requested=True).recalling
