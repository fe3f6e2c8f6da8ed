"""A substitute: which is offered, and how its line is cut off without moving a cent."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import share_of_quantity
from domain.order import Line
from domain.settlement import refunds_due
from domain.shortage import decide
from domain.substitution import Candidate, Place, Priced, choose, cut, spread
from domain.totals import QuotedDiscount, QuotedLine, order_totals
from tests.unit.orders import an_order


@pytest.mark.parametrize(
    ("order", "line", "confirmed", "outcome"),
    [
        ("backorder", None, False, "backorder"),
        ("cancel", None, False, "cancel"),
        ("cancel", None, True, "cancel_lines"),
        ("cancel", "backorder", False, "backorder"),
        ("cancel_lines", "substitute", True, "substitute"),
        ("substitute", None, True, "substitute"),
        ("substitute", "cancel_lines", False, "cancel_lines"),
        ("backorder", "", False, "backorder"),
    ],
)
def test_a_lines_own_policy_goes_before_the_orders(
    order: str,
    line: str | None,
    confirmed: bool,  # noqa: FBT001 - pytest gives it
    outcome: str,
) -> None:
    assert decide(order, line, confirmed=confirmed) == outcome


def test_the_first_substitute_that_serves_all_is_offered() -> None:
    assert choose(3, [Candidate("A", 1), Candidate("B", 5), Candidate("C", 9)]) == Candidate("B", 3)


def test_else_the_one_that_serves_the_most() -> None:
    assert choose(9, [Candidate("A", 1), Candidate("B", 5), Candidate("C", 5)]) == Candidate("B", 5)


def test_nothing_is_offered_when_nobody_has_a_substitute() -> None:
    assert choose(3, []) is None
    assert choose(3, [Candidate("A", 0), Candidate("B", -2)]) is None


def test_units_are_taken_from_as_few_warehouses_as_can_be() -> None:
    free = [Place("A", 2, 1), Place("B", 5, 2), Place("C", 5, 1), Place("D", -1), Place("E", 0)]
    assert spread(4, free) == [Place("C", 4, 1)]
    assert spread(9, free) == [Place("C", 5, 1), Place("B", 4, 2)]
    assert spread(99, free) == [Place("C", 5, 1), Place("B", 5, 2), Place("A", 2, 1)]


@st.composite
def priced_lines(draw: st.DrawFn) -> tuple[Priced, bool]:
    """A line as an order's sums make it."""
    included = draw(st.booleans())
    quantity = draw(st.integers(2, 30))
    price = draw(st.integers(0, 10_000))
    discount = draw(st.integers(0, quantity * price))
    quoted = QuotedLine(quantity, price, draw(st.sampled_from([0, 100, 1_000, 2_000])))
    off = [QuotedDiscount(discount, 0)]
    [sums] = order_totals([quoted], off, prices_include_tax=included).lines
    return Priced(quantity, price, sums.discount, sums.tax, sums.total), included


@given(priced_lines(), st.data())
def test_a_cut_keeps_every_amount_and_what_is_owed(
    sums: tuple[Priced, bool], data: st.DataObject
) -> None:
    line, included = sums
    quantity = data.draw(st.integers(1, line.quantity - 1))
    canceled = data.draw(st.integers(0, line.quantity - quantity))
    rest, part = cut(line, quantity, canceled=canceled, prices_include_tax=included)
    assert (rest.quantity, part.quantity) == (line.quantity - quantity, quantity)
    for name in ("quantity", "discount", "tax", "total"):
        assert getattr(rest, name) + getattr(part, name) == getattr(line, name)
    for piece in (rest, part):
        net = piece.quantity * piece.unit_price - piece.discount
        assert piece.total == (net if included else net + piece.tax)
        assert piece.total >= 0
        assert 0 <= piece.discount <= line.discount
        assert 0 <= piece.tax <= line.tax
    # Within a cent of the exact share, and the canceled units are worth what they were.
    assert abs(part.total * line.quantity - line.total * quantity) < line.quantity
    before = share_of_quantity(line.total, canceled, line.quantity)
    assert share_of_quantity(rest.total, canceled, rest.quantity) == before


@given(st.integers(2, 12), st.integers(0, 1_000), st.data())
def test_an_order_owes_the_same_after_a_cut(quantity: int, total: int, data: st.DataObject) -> None:
    moved = data.draw(st.integers(1, quantity - 1))
    canceled = data.draw(st.integers(0, quantity - moved))
    whole = Line("lin_1", "SHIRT", quantity, total, quantity - canceled, canceled=canceled)
    price = Priced(quantity, total, quantity * total - total, 0, total)
    rest, part = cut(price, moved, canceled=canceled, prices_include_tax=True)
    order = an_order(lines=[whole], grand_total=total)
    lines = [
        Line("lin_1", "SHIRT", rest.quantity, rest.total, rest.quantity - canceled,
             canceled=canceled),
        Line("lin_2", "OTHER", moved, part.total, moved),
    ]  # fmt: skip
    after = replace(order, lines=lines)
    assert after.payable == order.payable
    assert refunds_due(after) == refunds_due(order)
