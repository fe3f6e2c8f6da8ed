"""When an order stops waiting for a person."""

from dataclasses import replace

import pytest

from domain import attention
from domain.attention import CAN, OF_PARCELS, OTHERS, OUTLIVING, still_needed
from domain.order import Order
from domain.states import (
    FulfillmentOrderStatus,
    OrderStatus,
    PaymentStatus,
    ShipmentStatus,
)
from tests.unit.orders import a_line, a_parcel, a_tender, an_order, authorized, work, work_line

CODES = sorted(
    value
    for name, value in vars(attention).items()
    if name.isupper() and isinstance(value, str)
)  # fmt: skip


def test_every_code_says_what_a_person_can_do() -> None:
    assert sorted({**CAN, **OTHERS}) == CODES
    of_returns = {f"{what}_return" for what in ("approve", "decline", "retry", "cancel")}
    of_returns |= {"receive_return", "inspect_return"}
    known = {
        "retry",
        "cancel",
        "hold",
        "add_payment",
        "ship",
        "resolve",
        "retry_refund",
        "release",
        "waive",
    } | of_returns
    assert {action for actions in CAN.values() for action in actions} == known
    assert set(OF_PARCELS) <= set(CAN)


@pytest.mark.parametrize("code", sorted(set(CAN) - set(OUTLIVING)))
def test_a_closed_order_needs_nobody(code: str) -> None:
    closed = an_order(status=OrderStatus.COMPLETED, tenders=[])
    assert not still_needed(closed, code, "shp_1")


@pytest.mark.parametrize("code", OUTLIVING)
def test_money_that_came_too_late_outlives_the_order(code: str) -> None:
    assert still_needed(an_order(status=OrderStatus.CANCELED), code, "pay_1")


WORKING = an_order(fulfillment_orders=[work(work_line())])
ON_ITS_WAY = an_order(shipments=[a_parcel(status=ShipmentStatus.SHIPPED)])
UNPAID = an_order(tenders=[a_tender(status=PaymentStatus.FAILED)])
WAITING = an_order(lines=[a_line(2, backordered=2)])


@pytest.mark.parametrize(
    ("code", "subject", "order", "moved"),
    [
        ("payment_failed", "pay_1", UNPAID, an_order()),
        ("authorization_expired", "pay_1", UNPAID, an_order()),
        ("waiting_for_stock", "", WAITING, an_order()),
        (
            "pick_overdue",
            "ful_1",
            WORKING,
            replace(WORKING, fulfillment_orders=[work(work_line(picked=2, packed=2))]),
        ),
        (
            "pick_overdue",
            "ful_1",
            WORKING,
            replace(
                WORKING,
                fulfillment_orders=[work(work_line(), status=FulfillmentOrderStatus.CANCELLED)],
            ),
        ),
        (
            "authorization_expiring",
            "pay_1",
            an_order(),
            an_order(tenders=[replace(authorized(), captured=10_000, status=PaymentStatus.PAID)]),
        ),
        (
            "label_failed",
            "shp_1",
            an_order(shipments=[a_parcel()]),
            an_order(shipments=[a_parcel(status=ShipmentStatus.LABEL_PURCHASED)]),
        ),
        *(
            (code, "shp_1", ON_ITS_WAY, an_order(shipments=[a_parcel(status=end)]))
            for code in OF_PARCELS
            for end in (ShipmentStatus.DELIVERED,)
        ),
    ],
)
def test_a_reason_is_lifted_when_the_order_moves(
    code: str, subject: str, order: Order, moved: Order
) -> None:
    assert still_needed(order, code, subject)
    assert not still_needed(moved, code, subject)


@pytest.mark.parametrize(
    "code",
    [
        "payment_provider_failing",
        "capture_failed",
        "refund_failed",
        "void_failed",
        "database_step_failed",
    ],
)
def test_what_the_order_does_not_show_is_lifted_by_its_own_step(code: str) -> None:
    assert still_needed(an_order(), code, "pay_1")
