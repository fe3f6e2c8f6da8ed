"""The day by which somebody in the queue can have goods."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.arrivals import expected_date

TODAY = date(2026, 3, 2)
MONDAY, FRIDAY = date(2026, 3, 9), date(2026, 3, 13)
ARRIVALS = [(FRIDAY, 5), (MONDAY, 10)]


def test_the_first_in_the_queue_is_served_by_the_first_delivery() -> None:
    assert expected_date(ARRIVALS, ahead=0, units=10, today=TODAY) == MONDAY


def test_who_needs_more_than_the_first_delivery_waits_for_the_second() -> None:
    assert expected_date(ARRIVALS, ahead=0, units=11, today=TODAY) == FRIDAY


def test_units_ahead_in_the_queue_are_served_before() -> None:
    assert expected_date(ARRIVALS, ahead=9, units=1, today=TODAY) == MONDAY
    assert expected_date(ARRIVALS, ahead=10, units=1, today=TODAY) == FRIDAY


def test_nobody_is_promised_what_is_not_on_its_way() -> None:
    assert expected_date(ARRIVALS, ahead=10, units=6, today=TODAY) is None
    assert expected_date([], ahead=0, units=1, today=TODAY) is None


def test_a_day_that_is_past_is_no_promise() -> None:
    assert expected_date(ARRIVALS, ahead=0, units=1, today=MONDAY) == MONDAY
    assert expected_date(ARRIVALS, ahead=0, units=1, today=MONDAY + timedelta(1)) == FRIDAY


@given(
    st.lists(st.tuples(st.integers(0, 30).map(lambda n: TODAY + timedelta(n)), st.integers(1, 9))),
    st.integers(0, 40),
    st.integers(1, 20),
)
def test_enough_comes_by_that_day_and_too_little_before(
    arrivals: list[tuple[date, int]], ahead: int, units: int
) -> None:
    day = expected_date(arrivals, ahead=ahead, units=units, today=TODAY)
    if day is None:
        assert sum(quantity for _, quantity in arrivals) < ahead + units
        return
    assert sum(quantity for when, quantity in arrivals if when <= day) >= ahead + units
    assert sum(quantity for when, quantity in arrivals if when < day) < ahead + units
