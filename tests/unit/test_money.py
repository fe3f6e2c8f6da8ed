"""Money is an integer of minor units, and splitting it loses nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from iso4217 import Currency

from domain.errors import CurrencyMismatch, UnknownCurrency
from domain.money import Money, apportion, exponent, share_of_quantity, zero


@pytest.mark.parametrize("currency", [c for c in Currency if c.exponent is not None])
def test_exponents_are_those_of_iso_4217(currency: Currency) -> None:
    assert exponent(currency.code) == currency.exponent


@pytest.mark.parametrize("code", ["", "try", "TL", "XXX", "ZZZ", "EURO"])
def test_what_is_no_currency_is_refused(code: str) -> None:
    with pytest.raises(UnknownCurrency):
        exponent(code)


@pytest.mark.parametrize(
    ("money", "written"),
    [
        (Money(12_990, "TRY"), "129.90"),
        (Money(5, "TRY"), "0.05"),
        (Money(-5, "TRY"), "-0.05"),
        (Money(500, "JPY"), "500"),
        (Money(-1_234, "KWD"), "-1.234"),
        (Money(0, "EUR"), "0.00"),
        (Money(12_345, "CLF"), "1.2345"),
    ],
)
def test_money_is_written_with_the_digits_of_its_currency(money: Money, written: str) -> None:
    assert money.decimal() == written


def test_sums_and_comparisons_stay_within_a_currency() -> None:
    assert Money(3, "TRY") + Money(4, "TRY") == Money(7, "TRY")
    assert Money(3, "TRY") - Money(4, "TRY") == Money(-1, "TRY")
    assert Money(3, "TRY") < Money(4, "TRY")
    assert Money(4, "TRY") <= Money(4, "TRY")
    assert not zero("TRY")
    assert Money(1, "TRY")
    for mixed in (
        lambda: Money(3, "TRY") + Money(4, "EUR"),
        lambda: Money(3, "TRY") - Money(4, "EUR"),
        lambda: Money(3, "TRY") < Money(4, "EUR"),
        lambda: Money(3, "TRY") <= Money(4, "EUR"),
    ):
        with pytest.raises(CurrencyMismatch):
            mixed()


def test_the_largest_remainders_get_the_odd_units() -> None:
    assert apportion(100, [1, 1, 1]) == [34, 33, 33]
    assert apportion(-100, [1, 1, 1]) == [-34, -33, -33]
    assert apportion(5, [0, 0]) == [3, 2]
    assert apportion(5, [0, 1]) == [0, 5]
    assert apportion(7, []) == []


@given(st.integers(-(10**12), 10**12), st.lists(st.integers(0, 10**9), min_size=1, max_size=20))
def test_parts_sum_to_the_whole_and_lie_next_to_their_share(
    amount: int, weights: list[int]
) -> None:
    parts = apportion(amount, weights)
    assert sum(parts) == amount
    if total := sum(weights):
        for part, weight in zip(parts, weights, strict=True):
            assert abs(part * total - amount * weight) < total


@given(st.integers(0, 10**9), st.integers(1, 1_000), st.data())
def test_shares_of_units_grow_to_the_total_and_never_beyond(
    total: int, of: int, data: st.DataObject
) -> None:
    fewer = data.draw(st.integers(0, of))
    more = data.draw(st.integers(fewer, of))
    assert share_of_quantity(total, 0, of) == 0
    assert share_of_quantity(total, fewer, of) <= share_of_quantity(total, more, of) <= total
    assert share_of_quantity(total, of, of) == total
    # Two parts of a line never cost more than the line.
    rest = share_of_quantity(total, of - fewer, of)
    assert share_of_quantity(total, fewer, of) + rest in (total - 1, total)


def test_a_line_of_nothing_has_no_share() -> None:
    assert share_of_quantity(100, 0, 0) == 0
