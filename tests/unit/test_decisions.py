"""What may be asked of an order, and what it answers when it must refuse."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest

from domain import decisions
from domain.errors import Refused
from domain.order import Offer, Order, ParcelLine
from domain.states import (
    FulfillmentOrderStatus,
    OfferStatus,
    OrderStatus,
    PaymentStatus,
    ShipmentStatus,
    TrackingStatus,
)
from tests.unit.orders import (
    a_line,
    a_parcel,
    a_tender,
    an_order,
    authorized,
    held,
    work,
    work_line,
)

OPEN = an_order(fulfillment_orders=[work(work_line())])
PACKED = an_order(
    fulfillment_orders=[work(work_line(picked=2, packed=2))],
    shipments=[a_parcel(2, ShipmentStatus.LABEL_PURCHASED)],
)
SHIPPED = an_order(
    lines=[a_line(2, shipped=2)],
    fulfillment_orders=[
        work(work_line(picked=2, packed=2, shipped=2), status=FulfillmentOrderStatus.CLOSED)
    ],
    shipments=[a_parcel(2, ShipmentStatus.SHIPPED, TrackingStatus.IN_TRANSIT)],
)
TWO = [ParcelLine("lin_1", 2)]
NOTHING_TO_RETRY: list[tuple[list[str], str]] = [
    ([], ""),
    ([], "label_failed"),
    (["void_failed"], "label_failed"),
]

# Everything that can be asked of an order whose work is open.
REQUESTS: dict[str, Callable[[Order], object]] = {
    "cancel": decisions.can_cancel,
    "cancel units": lambda order: decisions.can_cancel(order, {"lin_1": 1}),
    "hold": decisions.can_hold,
    "add payment": lambda order: decisions.can_add_payment(order, "pay_9"),
    "start": lambda order: decisions.can_start(order, "ful_1"),
    "pick": lambda order: decisions.can_pick(order, "ful_1", {"lin_1": 2}),
    "pack": lambda order: decisions.can_pack(order, "ful_1", [TWO]),
    "ship": lambda order: decisions.can_ship(order, "ful_1"),
}


def refusal(ask: Callable[[], object]) -> str:
    """The code of the refusal, which also tells where the order stands."""
    with pytest.raises(Refused) as caught:
        ask()
    axes = {"status", "payment_status", "fulfillment_status", "return_status"}
    assert axes <= set(caught.value.current)
    assert caught.value.detail
    return caught.value.code


@pytest.mark.parametrize("ask", REQUESTS.values(), ids=REQUESTS)
@pytest.mark.parametrize(
    "status", [OrderStatus.COMPLETED, OrderStatus.CANCELED, OrderStatus.EXPIRED]
)
def test_a_closed_order_refuses_everything(
    ask: Callable[[Order], object], status: OrderStatus
) -> None:
    assert refusal(lambda: ask(replace(PACKED, status=status))) == "order_closed"


@pytest.mark.parametrize("ask", REQUESTS.values(), ids=REQUESTS)
def test_an_order_that_is_being_canceled_refuses_everything(ask: Callable[[Order], object]) -> None:
    assert refusal(lambda: ask(replace(PACKED, cancel_requested=True))) == "cancel_in_progress"


@pytest.mark.parametrize("request_", ["start", "pick", "pack", "ship"])
def test_nobody_works_on_an_order_that_is_held_or_not_confirmed(request_: str) -> None:
    ask = REQUESTS[request_]
    assert refusal(lambda: ask(held(PACKED, "incorrect_address"))) == "order_on_hold"
    resting = replace(
        OPEN, fulfillment_orders=[work(work_line(), status=FulfillmentOrderStatus.ON_HOLD)]
    )
    assert refusal(lambda: ask(resting)) == "order_on_hold"
    assert refusal(lambda: ask(replace(PACKED, status=OrderStatus.PENDING))) == (
        "order_not_confirmed"
    )
    nobody = replace(PACKED, fulfillment_orders=[])
    assert refusal(lambda: ask(nobody)) == "unknown_fulfillment_order"


@pytest.mark.parametrize("order", [OPEN, PACKED, held(PACKED, "other"), an_order()])
def test_an_order_can_be_canceled_until_the_hand_over(order: Order) -> None:
    decisions.can_cancel(order)


@pytest.mark.parametrize(
    ("status", "tracking"),
    [
        (ShipmentStatus.SHIPPED, TrackingStatus.UNKNOWN),
        (ShipmentStatus.SHIPPED, TrackingStatus.DELAYED),
        (ShipmentStatus.DELIVERED, TrackingStatus.DELIVERED),
    ],
)
def test_after_the_hand_over_it_is_too_late(
    status: ShipmentStatus, tracking: TrackingStatus
) -> None:
    gone = replace(SHIPPED, shipments=[a_parcel(2, status, tracking)])
    assert refusal(lambda: decisions.can_cancel(gone)) == "already_shipped"


@pytest.mark.parametrize("tracking", [TrackingStatus.LOST, TrackingStatus.RETURN_TO_SENDER])
def test_what_the_carrier_will_not_bring_can_be_canceled(tracking: TrackingStatus) -> None:
    lost = replace(SHIPPED, shipments=[a_parcel(2, ShipmentStatus.SHIPPED, tracking)])
    decisions.can_cancel(lost)
    decisions.can_cancel(lost, {"lin_1": 2})
    assert decisions.cancelable_units(lost, "lin_1") == 2
    one_came = replace(
        lost, shipments=[*lost.shipments, a_parcel(1, ShipmentStatus.DELIVERED, id_="shp_2")]
    )
    assert refusal(lambda: decisions.can_cancel(one_came)) == "already_shipped"


def test_units_can_be_canceled_until_they_are_packed() -> None:
    order = an_order(
        lines=[a_line(10, allocated=6, backordered=2, shipped=1)],
        shipments=[
            a_parcel(3, ShipmentStatus.PACKED),
            a_parcel(1, ShipmentStatus.SHIPPED, TrackingStatus.IN_TRANSIT, "shp_2"),
        ],
    )
    # One open, two waited for, and six allocated of which three are in a box.
    assert decisions.cancelable_units(order, "lin_1") == 6
    decisions.can_cancel(order, {"lin_1": 6})
    assert refusal(lambda: decisions.can_cancel(order, {"lin_1": 7})) == "too_many_units"
    assert refusal(lambda: decisions.can_cancel(order, {"lin_9": 1})) == "unknown_line"
    assert decisions.cancelable_units(order, "lin_9") == 0


def test_what_left_us_cannot_be_held() -> None:
    decisions.can_hold(OPEN)
    decisions.can_hold(replace(SHIPPED, lines=[a_line(3, shipped=2, allocated=1)]))
    assert refusal(lambda: decisions.can_hold(SHIPPED)) == "already_shipped"


def test_only_a_hold_that_is_there_can_be_released() -> None:
    order = held(OPEN, "other")
    decisions.can_release(order, "hld_0")
    assert refusal(lambda: decisions.can_release(order, "hld_1")) == "hold_not_found"


def test_another_payment_is_taken_while_the_money_is_missing() -> None:
    failed = a_tender(status=PaymentStatus.FAILED)
    order = an_order(status=OrderStatus.PENDING, tenders=[failed])
    decisions.can_add_payment(order, "pay_2")
    decisions.can_add_payment(replace(order, tenders=[failed, a_tender(id_="pay_2")]), "pay_2")
    decisions.can_add_payment(order, "pay_2", under_way=["pay_2"])
    assert refusal(lambda: decisions.can_add_payment(order, "pay_2", ["pay_1"])) == (
        "payment_in_progress"
    )
    assert refusal(lambda: decisions.can_add_payment(order, "pay_1")) == "payment_not_needed"
    paid = replace(order, tenders=[failed, authorized(id_="pay_3")])
    assert refusal(lambda: decisions.can_add_payment(paid, "pay_2")) == "payment_not_needed"


@pytest.mark.parametrize("request_", ["start", "pick", "pack"])
@pytest.mark.parametrize(
    "status",
    [
        FulfillmentOrderStatus.CLOSED,
        FulfillmentOrderStatus.CANCELLED,
        FulfillmentOrderStatus.INCOMPLETE,
    ],
)
def test_work_that_is_done_is_not_begun_again(
    request_: str, status: FulfillmentOrderStatus
) -> None:
    done = replace(OPEN, fulfillment_orders=[work(work_line(), status=status)])
    assert refusal(lambda: REQUESTS[request_](done)) == "work_not_open"


def test_no_more_is_picked_or_packed_than_was_asked_for() -> None:
    assert decisions.can_pick(OPEN, "ful_1", {"lin_1": 2}) == OPEN.fulfillment_orders[0]
    assert refusal(lambda: decisions.can_pick(OPEN, "ful_1", {"lin_1": 3})) == "too_many_units"
    assert refusal(lambda: decisions.can_pick(OPEN, "ful_1", {"lin_9": 1})) == "unknown_line"
    halves = [[ParcelLine("lin_1", 1)], [ParcelLine("lin_1", 1)]]
    assert decisions.can_pack(OPEN, "ful_1", halves) == OPEN.fulfillment_orders[0]
    three = [*halves, [ParcelLine("lin_1", 1)]]
    assert refusal(lambda: decisions.can_pack(OPEN, "ful_1", three)) == "too_many_units"
    assert refusal(lambda: decisions.can_pack(PACKED, "ful_1", [TWO])) == "too_many_units"
    assert refusal(lambda: decisions.can_pack(OPEN, "ful_1", [[ParcelLine("lin_9", 1)]])) == (
        "unknown_line"
    )


def test_only_what_fails_can_be_tried_again() -> None:
    decisions.can_retry(OPEN, ["label_failed"])
    decisions.can_retry(OPEN, ["label_failed"], "label_failed")
    for failing, code in NOTHING_TO_RETRY:
        ask = partial(decisions.can_retry, OPEN, failing, code)
        assert refusal(ask) == "nothing_to_retry"
    closed = replace(OPEN, status=OrderStatus.COMPLETED)
    assert refusal(lambda: decisions.can_retry(closed, ["label_failed"])) == "order_closed"
    decisions.can_retry(replace(OPEN, cancel_requested=True), ["void_failed"])


def test_what_is_packed_and_labeled_and_paid_can_leave() -> None:
    [parcel] = PACKED.shipments
    assert decisions.can_ship(PACKED, "ful_1") == [parcel]
    assert decisions.can_ship(PACKED, "ful_1", ["shp_1"], ready=True) == [parcel]


def test_what_is_not_packed_labeled_or_paid_stays() -> None:
    assert refusal(lambda: decisions.can_ship(OPEN, "ful_1")) == "nothing_packed"
    assert refusal(lambda: decisions.can_ship(PACKED, "ful_1", ["shp_9"])) == "unknown_shipment"
    assert refusal(lambda: decisions.can_ship(SHIPPED, "ful_1", ["shp_1"])) == "not_packed"
    unlabeled = replace(PACKED, shipments=[a_parcel(2)])
    decisions.can_ship(unlabeled, "ful_1")
    assert refusal(lambda: decisions.can_ship(unlabeled, "ful_1", ready=True)) == "label_missing"
    unpaid = replace(PACKED, tenders=[a_tender(status=PaymentStatus.EXPIRED)])
    decisions.can_ship(unpaid, "ful_1")
    assert refusal(lambda: decisions.can_ship(unpaid, "ful_1", ready=True)) == "payment_missing"


def test_a_parcel_that_is_named_twice_leaves_once() -> None:
    assert decisions.can_ship(PACKED, "ful_1", ["shp_1", "shp_1"]) == PACKED.shipments


WAITING = an_order(
    lines=[a_line(3, allocated=1, backordered=2), a_line(1, id_="lin_2", allocated=1)],
    offers=[
        Offer("sub_1", "lin_1", "BLOUSE", 1, OfferStatus.OFFERED),
        Offer("sub_2", "lin_1", "POLO", 1, OfferStatus.REFUSED),
    ],
)


def test_who_waits_may_leave_with_all_that_waits_or_with_some() -> None:
    assert decisions.can_leave_queue(WAITING) == {"lin_1": 2}
    assert decisions.can_leave_queue(WAITING, {"lin_1": 1}) == {"lin_1": 1}


@pytest.mark.parametrize(
    ("order", "lines", "code"),
    [
        (OPEN, {}, "nothing_waiting"),
        (WAITING, {"lin_1": 3}, "too_many_units"),
        (WAITING, {"lin_2": 1}, "too_many_units"),
        (WAITING, {"lin_9": 1}, "unknown_line"),
        (replace(WAITING, status=OrderStatus.COMPLETED), {}, "order_closed"),
        (replace(WAITING, cancel_requested=True), {}, "cancel_in_progress"),
    ],
)
def test_only_units_that_wait_can_be_left(order: Order, lines: dict[str, int], code: str) -> None:
    with pytest.raises(Refused) as refused:
        decisions.can_leave_queue(order, lines)
    assert refused.value.code == code


def test_an_offer_is_answered_once_and_the_same_answer_again_is_no_harm() -> None:
    accepted, no = OfferStatus.ACCEPTED, OfferStatus.REFUSED
    assert decisions.can_answer_offer(WAITING, "sub_1", accepted).open
    assert not decisions.can_answer_offer(WAITING, "sub_2", no).open
    for offer_id, code in (("sub_2", "offer_over"), ("sub_9", "unknown_substitution")):
        with pytest.raises(Refused) as refused:
            decisions.can_answer_offer(WAITING, offer_id, accepted)
        assert refused.value.code == code
    with pytest.raises(Refused):
        decisions.can_answer_offer(replace(WAITING, status=OrderStatus.CANCELED), "sub_1", no)


def test_of_a_parcel_that_is_back_what_is_missing_may_come_later() -> None:
    parcel = a_parcel(3, ShipmentStatus.SHIPPED)
    away = an_order(shipments=[parcel])
    assert decisions.can_receive_back(away, "shp_1", [("lin_1", 3)]) is parcel
    part = replace(parcel, received=True, lines=[ParcelLine("lin_1", 3, 1, came_back=1)])
    back = an_order(shipments=[part])
    assert part.missing == {"lin_1": 2}
    assert decisions.can_receive_back(back, "shp_1") is part
    assert decisions.can_receive_back(back, "shp_1", [("lin_1", 1), ("lin_1", 1)]) is part
    three = [("lin_1", 2), ("lin_1", 1)]
    assert refusal(lambda: decisions.can_receive_back(back, "shp_1", three)) == "too_many_units"
    other = [("lin_9", 1)]
    assert refusal(lambda: decisions.can_receive_back(back, "shp_1", other)) == "unknown_line"


@pytest.mark.parametrize("came_back", [3, None])
def test_a_parcel_that_is_back_with_all_its_units_is_not_received_again(
    came_back: int | None,
) -> None:
    lines = [ParcelLine("lin_1", 3, came_back=came_back)]
    whole = replace(a_parcel(3, ShipmentStatus.SHIPPED), received=True, lines=lines)
    order = an_order(shipments=[whole])
    for units in ([], [("lin_1", 1)]):
        ask = partial(decisions.can_receive_back, order, "shp_1", units)
        assert refusal(ask) == "already_received"
