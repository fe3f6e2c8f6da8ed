"""What an order waits for, in one sentence."""

from dataclasses import replace

import pytest

from domain.order import Offer, Order, ParcelLine, Shipment
from domain.states import OfferStatus, OrderStatus, PaymentStatus, ShipmentStatus, TrackingStatus
from domain.waiting import describe
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

PENDING = an_order(status=OrderStatus.PENDING, tenders=[a_tender()])
PAID = replace(authorized(), captured=10_000, status=PaymentStatus.PAID)
PACKED_WORK = work(work_line(picked=2, packed=2))
SENTENCES: list[tuple[Order, str]] = [
    (an_order(status=OrderStatus.EXPIRED), "The order is expired; nothing is left to do."),
    (
        an_order(cancel_requested=True),
        "Canceling: waits until labels are void and the money is given back.",
    ),
    (
        an_order(
            cancel_requested=True,
            lines=[a_line(2, shipped=2)],
            shipments=[replace(a_parcel(2, ShipmentStatus.SHIPPED), intercepted=True)],
        ),
        "Canceling: waits for shp_1 to come back; receiving it moves the order.",
    ),
    (
        an_order(
            lines=[a_line(2, shipped=2)],
            shipments=[
                Shipment(
                    "shp_0",
                    "ful_1",
                    ShipmentStatus.SHIPPED,
                    TrackingStatus.LOST,
                    lines=[ParcelLine("lin_1", 2, written_off=2)],
                ),
                a_parcel(2, ShipmentStatus.SHIPPED, TrackingStatus.IN_TRANSIT),
            ],
        ),
        "Waits for the carrier to deliver shp_1 (in_transit); its news move it.",
    ),
    (
        held(an_order(), "other", "incorrect_address", "other"),
        "On hold (incorrect_address, other); releasing the hold moves it.",
    ),
    (PENDING, "Waits for the payment provider's answer."),
    (
        replace(PENDING, tenders=[a_tender(action_required=True)]),
        "Waits for the customer to confirm card pay_1; the provider's webhook moves it.",
    ),
    (
        replace(PENDING, tenders=[a_tender(status=PaymentStatus.FAILED)]),
        "No payment covers the order; another payment by the customer moves it.",
    ),
    (
        an_order(lines=[a_line(2, backordered=2)]),
        "Waits for 2 units of SHIRT; a stock receipt moves it.",
    ),
    (
        an_order(
            lines=[a_line(2, backordered=2)],
            offers=[Offer("sub_1", "lin_1", "BLOUSE", 2, OfferStatus.OFFERED)],
        ),
        "Waits for 2 units of SHIRT; a stock receipt moves it, or the customer's answer to sub_1.",
    ),
    (
        an_order(fulfillment_orders=[work(work_line())]),
        "Waits for the warehouse MAIN (ful_1, open); packing moves it.",
    ),
    (
        an_order(fulfillment_orders=[PACKED_WORK], shipments=[a_parcel()]),
        "Waits for hand-over of shp_1; the ship call moves it.",
    ),
    (
        an_order(
            lines=[a_line(2, shipped=2)],
            shipments=[a_parcel(2, ShipmentStatus.SHIPPED, TrackingStatus.DELAYED)],
        ),
        "Waits for the carrier to deliver shp_1 (delayed); its news move it.",
    ),
    (
        an_order(lines=[a_line(2, shipped=2)], shipments=[a_parcel(2, ShipmentStatus.DELIVERED)]),
        "Delivered; waits for the payment to be captured.",
    ),
    (
        an_order(
            lines=[a_line(2, shipped=2)],
            shipments=[a_parcel(2, ShipmentStatus.DELIVERED)],
            tenders=[PAID],
        ),
        "Delivered and paid; waits for the return window to end.",
    ),
]


@pytest.mark.parametrize(("order", "sentence"), SENTENCES, ids=[s for _, s in SENTENCES])
def test_the_sentence_says_what_would_move_the_order(order: Order, sentence: str) -> None:
    assert describe(order) == sentence


def test_units_that_can_be_prepared_come_before_those_that_are_waited_for() -> None:
    order = an_order(
        lines=[a_line(2, backordered=1, allocated=1)], fulfillment_orders=[work(work_line(1))]
    )
    assert describe(order).startswith("Waits for the warehouse MAIN")
