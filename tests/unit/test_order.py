"""An order's sums: what is owed, secured, due and settled, for any mixture of units."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from domain.order import Line
from domain.states import (
    FulfillmentOrderStatus,
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
    lines_on_their_way,
    work,
    work_line,
)


def test_parts_are_found_by_their_ids() -> None:
    order = an_order(fulfillment_orders=[work(work_line())], shipments=[a_parcel()])
    assert order.line("lin_1") == order.lines[0]
    assert order.tender("pay_1") == order.tenders[0]
    assert order.fulfillment_order("ful_1") == order.fulfillment_orders[0]
    assert order.shipment("shp_1") == order.shipments[0]
    for find in (order.line, order.tender, order.fulfillment_order, order.shipment):
        assert find("of_another") is None


def test_an_order_is_closed_when_it_is_neither_pending_nor_confirmed() -> None:
    open_ = {s for s in OrderStatus if not an_order(status=s).closed}
    assert open_ == {OrderStatus.PENDING, OrderStatus.CONFIRMED}


def test_shipping_is_owed_as_long_as_anything_is_delivered() -> None:
    order = an_order(
        lines=[a_line(3, 10_000, canceled=2, allocated=1)], shipping_total=500, grand_total=10_500
    )
    assert order.payable == 10_500 - 6_666
    nothing_left = replace(order, lines=[a_line(3, 10_000, canceled=3)])
    assert nothing_left.payable == 0


def test_shipping_is_due_with_the_first_parcel_and_the_rest_with_the_last() -> None:
    order = an_order(shipping_total=500, grand_total=10_500)
    due = [
        replace(order, lines=[a_line(3, 10_000, shipped=n, allocated=3 - n)]).due for n in range(4)
    ]
    assert due == [0, 3_833, 7_166, 10_500]


@given(lines_on_their_way(), st.integers(0, 10_000), st.integers(0, 10_000))
def test_what_is_due_never_exceeds_what_is_owed_and_reaches_it(
    lines: list[Line], shipping: int, surcharge: int
) -> None:
    total = sum(line.total for line in lines) + shipping + surcharge
    order = an_order(
        lines=lines, shipping_total=shipping, surcharge_total=surcharge, grand_total=total
    )
    assert 0 <= order.due <= order.payable <= total
    gone = [replace(a, open=0, shipped=a.shipped + a.open) for a in lines]
    everything_left = replace(order, lines=gone)
    if everything_left.shipped_units:
        assert everything_left.due == everything_left.payable
    else:
        assert everything_left.due == everything_left.payable == 0


@given(lines_on_their_way(), st.integers(0, 10_000))
def test_canceling_what_is_left_never_makes_what_was_due_too_much(
    lines: list[Line], shipping: int
) -> None:
    total = sum(line.total for line in lines) + shipping
    order = an_order(lines=lines, shipping_total=shipping, grand_total=total)
    rest = [replace(a, open=0, canceled=a.canceled + a.open) for a in lines]
    assert replace(order, lines=rest).payable >= order.due


def test_money_counts_as_secured_while_its_tender_lives() -> None:
    paid = replace(authorized(6_000), captured=2_000, status=PaymentStatus.PARTIALLY_PAID)
    dead = replace(authorized(4_000, "pay_2"), status=PaymentStatus.EXPIRED)
    order = an_order(tenders=[paid, dead, a_tender(4_000, "pay_3")])
    assert (order.captured, order.refunded, order.secured) == (2_000, 0, 6_000)
    assert not order.covered
    assert replace(order, tenders=[paid, authorized(4_000, "pay_4")]).covered


def test_a_refund_is_no_longer_secured() -> None:
    back = replace(
        authorized(), captured=10_000, refunded=4_000, status=PaymentStatus.PARTIALLY_REFUNDED
    )
    order = an_order(tenders=[back])
    assert order.secured == 6_000
    assert not order.covered
    assert not order.settled
    assert back.refundable == 6_000
    assert back.capturable == 0


def test_delivered_units_are_those_of_delivered_parcels() -> None:
    order = an_order(
        shipments=[
            a_parcel(1, ShipmentStatus.DELIVERED),
            a_parcel(1, ShipmentStatus.SHIPPED, id_="shp_2"),
        ]
    )
    assert order.delivered_units == 1


def test_a_parcel_is_in_house_until_it_is_shipped_and_not_coming_when_lost_or_returned() -> None:
    in_house = {s for s in ShipmentStatus if a_parcel(status=s).in_house}
    assert in_house == {
        ShipmentStatus.PENDING,
        ShipmentStatus.PACKED,
        ShipmentStatus.LABEL_PURCHASED,
    }
    lost = {t for t in TrackingStatus if a_parcel(1, ShipmentStatus.SHIPPED, t).not_coming}
    assert lost == {TrackingStatus.LOST, TrackingStatus.RETURN_TO_SENDER}
    assert not a_parcel(1, ShipmentStatus.DELIVERED, TrackingStatus.LOST).not_coming


def test_work_is_live_until_it_is_closed_canceled_or_given_up() -> None:
    done = {s for s in FulfillmentOrderStatus if not work(status=s).live}
    assert done == {
        FulfillmentOrderStatus.CLOSED,
        FulfillmentOrderStatus.CANCELLED,
        FulfillmentOrderStatus.INCOMPLETE,
    }
    assert not work(work_line()).begun
    assert work(work_line(picked=1)).begun


def test_units_left_to_pick_and_to_pack() -> None:
    line = work_line(10, picked=4, short=2, packed=3, canceled=1)
    assert line.to_pick == 3
    assert line.to_pack == 4
