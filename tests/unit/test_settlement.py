"""What is captured and refunded, from which tender, and when."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from domain.money import apportion
from domain.order import Line, Order, Tender
from domain.settlement import Settlement, captures_due, refunds_due, uncovered
from domain.states import PaymentStatus, ShipmentStatus
from tests.unit.orders import (
    a_line,
    a_parcel,
    a_tender,
    an_order,
    authorized,
    lines_on_their_way,
)


def captured(order: Order) -> Order:
    """The order after all that is due has been captured."""
    due = {s.payment_id: s.amount for s in captures_due(order)}
    paid = PaymentStatus.PARTIALLY_PAID
    tenders = [
        replace(t, captured=t.captured + due[t.id], status=paid) if t.id in due else t
        for t in order.tenders
    ]
    return replace(order, tenders=tenders)


def test_nothing_is_captured_before_a_parcel_leaves() -> None:
    assert captures_due(an_order()) == []


def test_parcels_are_captured_one_by_one_and_sum_to_the_price() -> None:
    order = an_order(
        shipping_total=500, grand_total=10_500, tenders=[authorized(10_500)], lines=[a_line(3)]
    )
    taken = []
    for shipped in (1, 2, 3):
        order = replace(order, lines=[a_line(3, shipped=shipped)])
        [due] = captures_due(order)
        taken.append(due.amount)
        order = captured(order)
        assert captures_due(order) == []
    assert taken == [3_833, 3_333, 3_334]
    assert order.settled


def test_the_first_tender_is_used_up_before_the_next() -> None:
    order = an_order(
        lines=[a_line(2, shipped=2)],
        tenders=[authorized(4_000, "voucher"), authorized(6_000, "card")],
    )
    assert captures_due(order) == [Settlement("voucher", 4_000), Settlement("card", 6_000)]


def test_cash_is_captured_when_all_is_delivered() -> None:
    cash = authorized(method="cash_on_delivery")
    order = an_order(
        lines=[a_line(2, shipped=2)],
        tenders=[cash],
        shipments=[a_parcel(2, ShipmentStatus.SHIPPED)],
    )
    assert captures_due(order) == []
    at_the_door = replace(order, shipments=[a_parcel(2, ShipmentStatus.DELIVERED)])
    assert captures_due(at_the_door) == [Settlement("pay_1", 10_000)]


def test_a_dead_tender_brings_nothing() -> None:
    dead = replace(authorized(), status=PaymentStatus.VOIDED)
    assert captures_due(an_order(lines=[a_line(2, shipped=2)], tenders=[dead])) == []


def test_what_was_taken_for_canceled_units_goes_back_to_the_newest_tender_first() -> None:
    both = [
        replace(authorized(4_000, "voucher"), captured=4_000, status=PaymentStatus.PAID),
        replace(authorized(6_000, "card"), captured=6_000, status=PaymentStatus.PAID),
    ]
    order = an_order(lines=[a_line(4, canceled=1, allocated=3)], tenders=both)
    assert refunds_due(order) == [Settlement("card", 2_500)]
    nothing_left = replace(order, lines=[a_line(4, canceled=4)])
    assert refunds_due(nothing_left) == [Settlement("card", 6_000), Settlement("voucher", 4_000)]


def test_a_further_tender_has_to_bring_what_is_not_secured() -> None:
    order = an_order(
        tenders=[authorized(4_000), a_tender(6_000, "pay_2", status=PaymentStatus.FAILED)]
    )
    assert uncovered(order) == 6_000
    waiting = replace(order, tenders=[a_tender(10_000, action_required=True)])
    assert uncovered(waiting) == 10_000
    assert uncovered(an_order()) == 0


tenders = st.lists(st.integers(0, 100), min_size=1, max_size=4)


def with_tenders(lines: list[Line], shares: list[int], shipping: int) -> Order:
    total = sum(line.total for line in lines) + shipping
    parts = apportion(total, shares)
    cards: list[Tender] = [authorized(part, f"pay_{n}") for n, part in enumerate(parts)]
    return an_order(lines=lines, tenders=cards, shipping_total=shipping, grand_total=total)


@given(lines_on_their_way(), tenders, st.integers(0, 9_999))
def test_captures_take_exactly_what_is_due_and_no_tender_more_than_it_has(
    lines: list[Line], shares: list[int], shipping: int
) -> None:
    order = with_tenders(lines, shares, shipping)
    after = captured(order)
    assert after.captured == order.due
    assert all(0 <= t.captured <= t.authorized for t in after.tenders)
    assert captures_due(after) == []
    assert refunds_due(after) == []


@given(lines_on_their_way(), tenders, st.integers(0, 9_999))
def test_canceling_what_is_left_after_all_was_taken_gives_back_exactly_the_rest(
    lines: list[Line], shares: list[int], shipping: int
) -> None:
    order = with_tenders(lines, shares, shipping)
    paid = replace(
        order,
        tenders=[replace(t, captured=t.amount, status=PaymentStatus.PAID) for t in order.tenders],
        lines=[replace(a, open=0, canceled=a.canceled + a.open) for a in lines],
    )
    back = refunds_due(paid)
    assert sum(s.amount for s in back) == paid.captured - paid.payable
    assert all(s.amount > 0 for s in back)
