"""Suggestions, reckoned by hand beside the code."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.replenishment import (
    Demand,
    Position,
    Rules,
    Terms,
    Verdict,
    explain,
    order_quantity,
    service_factor,
    suggest,
    units_up,
)

RULES = Rules(service_level=0.95, review_days=7, overstock_days=120, dead_days=84)
DEMAND = Demand(mean_daily=4.0, sigma_daily=2.5, days=84)
TERMS = Terms(lead_time_days=9, moq=1, pack_size=12)
EMPTY = Position(0, 0, 0, 0, 0, 0, 0, 0)


def test_the_worked_example_of_the_guide() -> None:
    position = Position(
        on_hand=40,
        allocated=6,
        held=2,
        damaged=1,
        safety=0,
        incoming=12,
        preparing=0,
        backordered=3,
    )
    found = suggest(DEMAND, position, TERMS, RULES)
    # 4 x 9 = 36; 1.6449 x 2.5 x 3 = 12.34, so 13; 36 + 13 = 49; 49 + 28 = 77.
    assert (found.levels.z, found.levels.lead_time_demand) == (1.6449, 36.0)
    assert (found.levels.safety_stock, found.levels.reorder_point) == (13, 49)
    assert found.levels.order_up_to == 77
    # 40 - 6 - 2 - 1 = 31 free, which last 7.8 days; 31 + 12 - 3 = 40; 77 - 40 = 37; 4 packs.
    assert (position.free, position.total, found.cover_days) == (31, 40, 7.8)
    assert (found.verdict, found.need, found.quantity) == (Verdict.LOW, 37, 48)


def test_every_line_of_the_reckoning_is_shown() -> None:
    position = replace(EMPTY, on_hand=40)
    found = suggest(DEMAND, position, TERMS, RULES)
    shown = {s.name: (s.numbers, s.value) for s in explain(DEMAND, position, TERMS, RULES, found)}
    assert shown == {
        "lead_time_demand": ("4.0 x 9", 36.0),
        "safety_stock": ("max(ceil(1.6449 x 2.5 x sqrt(9)), 0)", 13),
        "reorder_point": ("ceil(36.0) + 13", 49),
        "order_up_to": ("49 + ceil(4.0 x 7)", 77),
        "free": ("40 - 0 - 0 - 0", 40),
        "position": ("40 + 0 + 0 - 0", 40),
        "cover_days": ("40 / 4.0", 10.0),
        "need": ("77 - 40, when 40 <= 49", 37),
        "quantity": ("ceil(max(37, 1) / 12) x 12", 48),
        "surplus": ("40 - 77", 0),
    }


def test_low_begins_at_the_reorder_point_itself() -> None:
    assert suggest(DEMAND, replace(EMPTY, on_hand=50), TERMS, RULES).verdict is Verdict.OK
    found = suggest(DEMAND, replace(EMPTY, on_hand=49), TERMS, RULES)
    assert (found.verdict, found.quantity) == (Verdict.LOW, 36)


def test_what_is_on_its_way_or_being_ordered_is_not_bought_again() -> None:
    for name in ("incoming", "preparing"):
        found = suggest(DEMAND, replace(EMPTY, **{name: 50}), TERMS, RULES)
        assert (found.verdict, found.quantity) == (Verdict.OK, 0), name


def test_a_safety_stock_set_by_hand_counts_when_it_is_larger() -> None:
    by_hand = suggest(DEMAND, replace(EMPTY, safety=20), TERMS, RULES).levels
    assert (by_hand.reckoned_safety, by_hand.safety_stock, by_hand.reorder_point) == (13, 20, 56)
    assert suggest(DEMAND, replace(EMPTY, safety=5), TERMS, RULES).levels.safety_stock == 13


def test_overstock_lasts_longer_than_the_shop_wants() -> None:
    enough = suggest(DEMAND, replace(EMPTY, on_hand=480), TERMS, RULES)
    assert (enough.verdict, enough.surplus) == (Verdict.OK, 0)
    too_much = suggest(DEMAND, replace(EMPTY, on_hand=481), TERMS, RULES)
    assert (too_much.verdict, too_much.surplus, too_much.quantity) == (Verdict.OVERSTOCK, 404, 0)


def test_a_slow_mover_is_not_overstocked_by_its_own_minimum() -> None:
    slow = Demand(0.01, 0.1, 84)
    # Three units cover 300 days, and are what the levels ask for.
    found = suggest(slow, replace(EMPTY, on_hand=3), Terms(30), RULES)
    assert found.levels.order_up_to == 3
    assert found.verdict is Verdict.OK


def test_dead_stock_was_not_asked_for_for_long_enough() -> None:
    silent = Demand(0.0, 0.0, 84)
    found = suggest(silent, replace(EMPTY, on_hand=9), TERMS, RULES)
    assert (found.verdict, found.surplus, found.cover_days) == (Verdict.DEAD, 9, None)
    new = suggest(replace(silent, days=83), replace(EMPTY, on_hand=9), TERMS, RULES)
    assert new.verdict is Verdict.OK


def test_an_item_without_sales_is_bought_for_those_who_wait() -> None:
    silent = Demand(0.0, 0.0, 0)
    found = suggest(silent, replace(EMPTY, backordered=5), TERMS, RULES)
    assert (found.verdict, found.need, found.quantity) == (Verdict.LOW, 5, 12)
    assert suggest(silent, EMPTY, TERMS, RULES).verdict is Verdict.OK


@pytest.mark.parametrize(
    ("need", "moq", "pack", "quantity"),
    [
        (0, 10, 6, 0),
        (-5, 10, 6, 0),
        (1, 1, 1, 1),
        (7, 1, 6, 12),
        (3, 10, 6, 12),
        (13, 10, 6, 18),
        (12, 12, 12, 12),
    ],
)
def test_quantities_meet_minimum_and_pack(need: int, moq: int, pack: int, quantity: int) -> None:
    assert order_quantity(need, moq, pack) == quantity


@given(st.integers(1, 10_000), st.integers(1, 500), st.integers(1, 144))
def test_a_quantity_is_the_least_that_does(need: int, moq: int, pack: int) -> None:
    quantity = order_quantity(need, moq, pack)
    assert quantity % pack == 0
    assert quantity >= need
    assert quantity >= moq
    assert quantity - pack < max(need, moq)


UNITS = st.integers(0, 500)


@given(
    st.floats(0, 50).map(lambda x: round(x, 4)),
    st.floats(0, 50).map(lambda x: round(x, 4)),
    st.builds(Position, UNITS, UNITS, UNITS, UNITS, UNITS, UNITS, UNITS, UNITS),
    st.builds(Terms, st.integers(0, 120), st.integers(1, 50), st.integers(1, 50)),
)
def test_after_buying_what_is_suggested_an_item_is_not_low(
    mean: float, sigma: float, position: Position, terms: Terms
) -> None:
    demand = Demand(mean, sigma, 84)
    found = suggest(demand, position, terms, RULES)
    assert (found.quantity > 0) == (found.need > 0)
    if found.verdict is not Verdict.LOW:
        assert found.quantity == 0
    after = suggest(
        demand, replace(position, incoming=position.incoming + found.quantity), terms, RULES
    )
    assert after.need <= 0
    assert after.quantity == 0


def test_the_service_factor_is_that_of_the_normal_distribution() -> None:
    assert service_factor(0.95) == 1.6449
    assert service_factor(0.99) == 2.3263
    assert service_factor(0.5) == 0.0


def test_a_floats_last_digits_are_no_unit() -> None:
    assert 0.1 * 3 * 10 > 3
    assert units_up(0.1 * 3 * 10) == 3
    assert units_up(3.00001) == 4
