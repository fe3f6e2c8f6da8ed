"""The order's axes follow from its parts."""

from dataclasses import replace

import pytest

from domain.order import Order, Tender
from domain.rollup import ended_well, fulfillment_status, payment_status
from domain.states import (
    FulfillmentOrderStatus,
    FulfillmentStatus,
    OrderStatus,
    PaymentStatus,
    ShipmentStatus,
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

P, F = PaymentStatus, FulfillmentStatus


def dead(status: PaymentStatus, id_: str = "pay_1") -> Tender:
    return a_tender(id_=id_, status=status)


def taken(captured: int, refunded: int = 0, of: int = 10_000) -> Tender:
    return replace(
        authorized(of), captured=captured, refunded=refunded, status=PaymentStatus.PARTIALLY_PAID
    )


MONEY: list[tuple[list[Tender], PaymentStatus]] = [
    ([], P.PENDING),
    ([a_tender()], P.PENDING),
    ([authorized()], P.AUTHORIZED),
    ([authorized(4_000), a_tender(6_000, "pay_2")], P.PENDING),
    ([authorized(4_000), dead(P.FAILED, "pay_2")], P.PENDING),
    ([dead(P.FAILED), authorized(id_="pay_2")], P.AUTHORIZED),
    ([dead(P.FAILED)], P.FAILED),
    ([dead(P.VOIDED), dead(P.FAILED, "pay_2")], P.VOIDED),
    ([dead(P.EXPIRED), dead(P.VOIDED, "pay_2")], P.EXPIRED),
    ([taken(4_000)], P.PARTIALLY_PAID),
    ([taken(10_000)], P.PAID),
    ([taken(10_000, 1)], P.PARTIALLY_REFUNDED),
    ([taken(10_000, 10_000)], P.REFUNDED),
    ([taken(4_000, 4_000)], P.REFUNDED),
]


@pytest.mark.parametrize(("tenders", "status"), MONEY)
def test_where_the_money_stands(tenders: list[Tender], status: PaymentStatus) -> None:
    assert payment_status(an_order(tenders=tenders)) is status


@pytest.mark.parametrize("status", [OrderStatus.PENDING, OrderStatus.CONFIRMED])
def test_a_free_order_is_paid(status: OrderStatus) -> None:
    assert payment_status(an_order(tenders=[], grand_total=0, status=status)) is P.PAID


def test_a_free_order_stays_paid_when_it_is_completed() -> None:
    order = an_order(tenders=[], grand_total=0, status=OrderStatus.COMPLETED)
    assert payment_status(order) is P.PAID


def test_a_free_order_that_was_canceled_was_not_paid() -> None:
    gone = an_order(tenders=[], grand_total=0, lines=[a_line(canceled=2)], cancel_requested=True)
    assert payment_status(gone) is P.PENDING
    assert payment_status(replace(gone, status=OrderStatus.CANCELED)) is P.VOIDED


def shipped(*parcels: ShipmentStatus, units: int = 2) -> Order:
    """Two shirts, a parcel for each of those named."""
    return an_order(
        lines=[a_line(units, shipped=len(parcels), allocated=units - len(parcels))],
        shipments=[a_parcel(1, status, id_=f"shp_{n}") for n, status in enumerate(parcels)],
    )


S, D = ShipmentStatus.SHIPPED, ShipmentStatus.DELIVERED


GOODS: list[tuple[Order, FulfillmentStatus]] = [
    (an_order(), F.UNFULFILLED),
    (an_order(lines=[a_line(canceled=2)]), F.UNFULFILLED),
    (an_order(fulfillment_orders=[work(work_line())]), F.UNFULFILLED),
    (an_order(fulfillment_orders=[work(work_line(picked=1))]), F.IN_PROGRESS),
    (
        an_order(fulfillment_orders=[work(status=FulfillmentOrderStatus.IN_PROGRESS)]),
        F.IN_PROGRESS,
    ),
    (
        an_order(
            fulfillment_orders=[work(work_line(picked=1), status=FulfillmentOrderStatus.CANCELLED)]
        ),
        F.UNFULFILLED,
    ),
    (held(an_order(), "other"), F.ON_HOLD),
    (replace(held(an_order(), "other"), status=OrderStatus.CANCELED), F.UNFULFILLED),
    (shipped(S), F.PARTIALLY_FULFILLED),
    (held(shipped(S), "other"), F.ON_HOLD),
    (shipped(S, S), F.FULFILLED),
    (held(shipped(S, S), "other"), F.FULFILLED),
    (shipped(D), F.PARTIALLY_DELIVERED),
    (shipped(D, S), F.PARTIALLY_DELIVERED),
    (shipped(D, D), F.DELIVERED),
]


@pytest.mark.parametrize(("order", "status"), GOODS)
def test_where_the_goods_are(order: Order, status: FulfillmentStatus) -> None:
    assert fulfillment_status(order) is status


def test_canceling_the_rest_makes_what_was_delivered_all() -> None:
    rest_canceled = replace(shipped(D), lines=[a_line(2, shipped=1, canceled=1)])
    assert fulfillment_status(rest_canceled) is F.DELIVERED


def test_every_state_of_both_axes_is_reached() -> None:
    assert {status for _, status in GOODS} == set(FulfillmentStatus)
    assert {status for _, status in MONEY} == set(PaymentStatus)


def test_an_order_has_ended_well_when_all_is_delivered_and_paid() -> None:
    done = replace(shipped(D, D), tenders=[taken(10_000)])
    assert ended_well(done)
    assert not ended_well(replace(done, tenders=[taken(9_999)]))
    assert not ended_well(replace(shipped(D, S), tenders=[taken(10_000)]))
    assert not ended_well(replace(done, status=OrderStatus.CANCELED))
