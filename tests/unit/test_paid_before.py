"""Which units of a return bring no money, since the customer has had it."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given as made_up
from hypothesis import strategies as st

from domain.paid_before import Claim, Given, paid_before


def day(n: int) -> datetime:
    """A day of a month."""
    return datetime(2026, 11, 1, tzinfo=UTC) + timedelta(days=n)


@pytest.mark.parametrize(
    ("claim", "surplus", "given", "counted", "units"),
    [
        (Claim(day(2), 1), 0, [], [], 0),
        (Claim(day(2), 1), 0, [Given(day(3), 1)], [], 1),
        # What was paid for before the request stays with the customer.
        (Claim(day(2), 1), 0, [Given(day(1), 1)], [], 0),
        (Claim(None, 1), 0, [Given(day(1), 1)], [], 1),
        (Claim(day(2), 3), 1, [Given(day(3), 1)], [], 2),
        # No unit counts twice.
        (Claim(day(2), 1), 0, [Given(day(3), 1)], [Claim(day(2), 1)], 0),
        (Claim(day(2), 1), 2, [Given(day(1), 1)], [Claim(day(2), 1), Claim(day(2), 1)], 0),
        # The earlier payment is taken first: the later is there for who asked later.
        (Claim(day(4), 1), 0, [Given(day(3), 1), Given(day(5), 1)], [Claim(day(2), 1)], 1),
    ],
)
def test_what_counts(
    claim: Claim, surplus: int, given: list[Given], counted: list[Claim], units: int
) -> None:
    assert paid_before(claim, surplus, given, counted) == units


_WHEN = st.integers(0, 5).map(day)


@made_up(
    st.integers(0, 3),
    st.lists(st.builds(Given, _WHEN, st.integers(1, 3)), max_size=4),
    st.lists(st.builds(Claim, st.none() | _WHEN, st.integers(1, 3)), max_size=5),
)
def test_all_returns_together_count_no_more_than_there_is(
    surplus: int, given: list[Given], claims: list[Claim]
) -> None:
    counted: list[Claim] = []
    for claim in claims:
        units = paid_before(claim, surplus, given, counted)
        assert 0 <= units <= claim.units
        if units:
            counted.append(Claim(claim.since, units))
    assert sum(one.units for one in counted) <= surplus + sum(one.units for one in given)
