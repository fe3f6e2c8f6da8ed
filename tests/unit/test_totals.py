"""Sums of an order: examples worked by hand, and laws that hold for any order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.totals import (
    DiscountTooLarge,
    QuotedDiscount,
    QuotedLine,
    order_totals,
    tax_on,
    tax_within,
)


def test_prices_that_include_tax_are_not_raised_by_it() -> None:
    totals = order_totals([QuotedLine(2, 29_900, 2_000)], shipping=4_990)
    assert totals.subtotal == 59_800
    assert totals.tax == 9_967
    assert totals.grand_total == 64_790
    assert totals.lines[0].total == 59_800


def test_prices_without_tax_are_raised_by_it_and_the_shipping_too() -> None:
    totals = order_totals(
        [QuotedLine(1, 10_000, 2_000), QuotedLine(3, 333, 1_000)],
        shipping=1_000,
        shipping_tax_rate_bp=2_000,
        prices_include_tax=False,
    )
    assert [line.tax for line in totals.lines] == [2_000, 100]
    assert [line.total for line in totals.lines] == [12_000, 1_099]
    assert totals.tax == 2_300
    assert totals.grand_total == 10_999 + 1_000 + 2_300


def test_an_order_discount_is_spread_over_what_is_left_after_line_discounts() -> None:
    totals = order_totals(
        [QuotedLine(1, 1_000), QuotedLine(1, 1_000)],
        [QuotedDiscount(300), QuotedDiscount(500, line=0)],
    )
    assert [line.discount for line in totals.lines] == [600, 200]
    assert totals.grand_total == 1_200


def test_surcharges_are_part_of_the_total_and_of_no_line() -> None:
    totals = order_totals([QuotedLine(1, 1_000)], surcharges=[15, 5])
    assert (totals.surcharge, totals.grand_total, totals.lines[0].total) == (
        20,
        1_020,
        1_000,
    )


@pytest.mark.parametrize(
    ("discounts", "index"),
    [
        ([QuotedDiscount(1_001, line=0)], 0),
        ([QuotedDiscount(600, line=0), QuotedDiscount(401, line=0)], 1),
        ([QuotedDiscount(1_000, line=0), QuotedDiscount(501)], 1),
    ],
)
def test_a_discount_larger_than_its_goods_is_named(
    discounts: list[QuotedDiscount], index: int
) -> None:
    with pytest.raises(DiscountTooLarge) as refused:
        order_totals([QuotedLine(1, 1_000), QuotedLine(1, 500)], discounts)
    assert refused.value.index == index


def test_half_a_minor_unit_of_tax_is_rounded_up() -> None:
    assert tax_on(25, 1_000) == 3
    assert tax_on(24, 1_000) == 2
    assert tax_within(12_000, 2_000) == 2_000
    assert tax_within(0, 2_000) == 0


lines_of_orders = st.lists(
    st.builds(
        QuotedLine,
        quantity=st.integers(1, 50),
        unit_price=st.integers(0, 10**6),
        tax_rate_bp=st.sampled_from([0, 100, 725, 1_000, 2_000]),
    ),
    min_size=1,
    max_size=8,
)


@given(
    lines=lines_of_orders,
    percent=st.integers(0, 100),
    shipping=st.integers(0, 10**5),
    surcharges=st.lists(st.integers(0, 10**4), max_size=3),
    included=st.booleans(),
)
def test_the_lines_shipping_and_surcharges_sum_to_the_grand_total(
    *,
    lines: list[QuotedLine],
    percent: int,
    shipping: int,
    surcharges: list[int],
    included: bool,
) -> None:
    goods = sum(line.quantity * line.unit_price for line in lines)
    discount = QuotedDiscount(goods * percent // 100)
    totals = order_totals(
        lines,
        [discount],
        shipping=shipping,
        surcharges=surcharges,
        prices_include_tax=included,
    )
    assert sum(line.total for line in totals.lines) + shipping + sum(surcharges) == (
        totals.grand_total
    )
    assert sum(line.discount for line in totals.lines) == discount.amount == totals.discount
    assert all(0 <= line.tax <= line.total and line.total >= 0 for line in totals.lines)
