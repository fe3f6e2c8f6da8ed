"""Forecasts against numbers that were reckoned by hand."""

from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.forecast import (
    DemandClass,
    Forecast,
    Method,
    choose,
    croston,
    deviation,
    forecast,
    moving_average,
    pattern,
    sba,
    tsb,
)

SERIES = [0, 0, 6, 0, 4, 0, 0, 0, 5, 0]
"""Demands of 6, 4 and 5 units, after 3, 2 and 4 days."""


def test_the_moving_average_looks_at_the_last_days() -> None:
    assert moving_average([9, 9, 1, 2, 3], window=3) == 2.0
    assert moving_average([4, 2], window=28) == 3.0
    assert moving_average([]) == 0.0


def test_croston_smooths_sizes_and_intervals_on_days_with_demand() -> None:
    # size: 6, then 6 + 0.5 (4 - 6) = 5, then 5 + 0.5 (5 - 5) = 5
    # interval: 3, then 3 + 0.5 (2 - 3) = 2.5, then 2.5 + 0.5 (4 - 2.5) = 3.25
    assert croston(SERIES, alpha=0.5) == pytest.approx(5 / 3.25)
    # size: 6, 5.8, 5.72; interval: 3, 2.9, 3.01
    assert croston(SERIES, alpha=0.1) == pytest.approx(5.72 / 3.01)


def test_croston_does_not_move_on_days_without_demand() -> None:
    assert croston([*SERIES, 0, 0, 0], alpha=0.5) == croston(SERIES, alpha=0.5)


def test_sba_takes_half_of_alpha_off() -> None:
    assert sba(SERIES, alpha=0.5) == pytest.approx(0.75 * 5 / 3.25)


def test_tsb_moves_the_chance_every_day() -> None:
    # After day 3: chance 1/3, size 6. Day 4: 1/6. Day 5 (4 units): 1/6 + 0.5 (1 - 1/6) = 7/12,
    # size 5. Days 6 to 8: 7/24, 7/48, 7/96. Day 9 (5 units): 7/96 + 0.5 (89/96) = 103/192, size 5.
    # Day 10: 103/384.
    assert tsb(SERIES, alpha=0.5, beta=0.5) == pytest.approx(103 / 384 * 5)


def test_tsb_forgets_an_item_that_is_asked_for_no_more() -> None:
    assert tsb([*SERIES, *[0] * 10], alpha=0.5, beta=0.5) == pytest.approx(103 / 384 * 5 / 2**10)


def test_nothing_asked_for_is_nothing_forecast() -> None:
    for method in (croston, sba, tsb):
        assert method([0, 0, 0]) == 0.0
        assert method([]) == 0.0
    assert forecast([0] * 84) == Forecast(DemandClass.NONE, Method.NONE, 0.0, 0.0)


def test_a_pattern_is_how_often_and_how_even() -> None:
    found = pattern(SERIES)
    assert found.adi == pytest.approx(10 / 3)
    # Mean 5, population's variance (1 + 1 + 0) / 3.
    assert found.cv2 == pytest.approx(2 / 3 / 25)
    assert found.demand_class is DemandClass.INTERMITTENT


@pytest.mark.parametrize(
    ("series", "demand_class", "method"),
    [
        ([3, 4, 3, 5] * 7, DemandClass.SMOOTH, Method.MOVING_AVERAGE),
        ([1, 1, 1, 20] * 7, DemandClass.ERRATIC, Method.MOVING_AVERAGE),
        ([0, 0, 5, 0, 4] * 6, DemandClass.INTERMITTENT, Method.SBA),
        ([0, 0, 5, 0, 4] * 6 + [0] * 6, DemandClass.INTERMITTENT, Method.TSB),
        ([0, 0, 1, 0, 30] * 6, DemandClass.LUMPY, Method.TSB),
        ([0] * 30, DemandClass.NONE, Method.NONE),
    ],
    ids=["smooth", "erratic", "intermittent", "fallen silent", "lumpy", "none"],
)
def test_the_class_chooses_the_method(
    series: list[int], demand_class: DemandClass, method: Method
) -> None:
    assert choose(series) == (demand_class, method)
    assert forecast(series).method is method


def test_silence_is_long_beyond_twice_the_usual_interval() -> None:
    # Twelve demands in 35 days: one every 2.92 days, so that more than 5.83 days are too long.
    assert choose([0, 5, 0] * 12)[1] is Method.SBA
    assert choose([0, 5, 0] * 12 + [0] * 4)[1] is Method.SBA
    assert choose([0, 5, 0] * 12 + [0] * 5)[1] is Method.TSB


def test_the_deviation_is_the_samples() -> None:
    assert deviation([2, 4, 4, 4, 5, 5, 7, 9]) == pytest.approx(sqrt(32 / 7))
    assert deviation([5]) == 0.0
    assert deviation([]) == 0.0


def test_a_forecast_is_rounded_to_four_places_and_deviates_over_its_own_days() -> None:
    old, new = [100] * 28, [1, 2, 3, 1, 2, 3, 2] * 4
    found = forecast(old + new)
    assert found == Forecast(DemandClass.ERRATIC, Method.MOVING_AVERAGE, 2.0, 0.7698)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=60))
def test_no_forecast_is_negative_or_above_the_largest_demand(series: list[int]) -> None:
    for value in (croston(series), sba(series), tsb(series), moving_average(series)):
        assert 0.0 <= value <= max(series) + 1e-9


@given(st.lists(st.integers(0, 50), min_size=1, max_size=60))
def test_sba_lies_below_croston_and_all_agree_when_demand_never_changes(series: list[int]) -> None:
    assert sba(series) <= croston(series)
    same = [7] * len(series)
    assert croston(same) == tsb(same) == moving_average(same) == 7.0
