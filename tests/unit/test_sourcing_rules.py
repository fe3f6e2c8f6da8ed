"""How far, how dear and how soon: what the rules say of a warehouse and a destination."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.sourcing import Destination, Rules, Site, Zone
from domain.sourcing_rules import plain_postal_code

CITY = Zone(1, 0, countries=("TR",), postal_prefixes=("34",))
QUARTER = Zone(2, 0, countries=("TR",), postal_prefixes=("347", "341"))
LAND = Zone(3, 2, countries=("TR", "CY"))
WORLD = Zone(9, 9)
MAIN = Site("MAIN", country="TR", zones=(WORLD, LAND, QUARTER, CITY))


@pytest.mark.parametrize(
    ("destination", "zone"),
    [
        (Destination("TR", "34720"), QUARTER),
        (Destination("TR", "34 990"), CITY),
        (Destination("TR", "06100"), LAND),
        (Destination("TR"), LAND),
        (Destination("CY", "34720"), LAND),
        (Destination("DE", "34720"), WORLD),
        (Destination(), WORLD),
    ],
)
def test_the_narrowest_zone_counts(destination: Destination, zone: Zone) -> None:
    assert MAIN.zone_of(destination) is zone


def test_of_two_zones_for_the_same_place_the_first_counts() -> None:
    first, second = Zone(1, countries=("DE",)), Zone(2, countries=("DE",))
    assert Site("A", zones=(first, second)).zone_of(Destination("DE")) is first


def test_without_a_zone_of_its_own_a_warehouse_reaches_home_or_abroad() -> None:
    rules, bare = Rules(), Site("MAIN", country="TR", zones=(Zone(1, countries=("DE",)),))
    assert rules.reach(bare, Destination("TR", "34720")) is rules.home
    assert rules.reach(bare, Destination("GR")) is rules.abroad
    # Where nobody says whereto, nothing speaks against home.
    assert rules.reach(bare, Destination()) is rules.home


@pytest.mark.parametrize(
    ("written", "plain"),
    [("SW1A 1AA", "SW1A1AA"), ("sw1a1aa", "SW1A1AA"), ("34-720", "34720"), (" ", ""), ("３４", "")],
)
def test_a_postal_code_is_its_letters_and_digits(written: str, plain: str) -> None:
    assert plain_postal_code(written) == plain


FRIDAY = date(2026, 11, 27)
WEEKDAYS = Rules(working_days=(1, 2, 3, 4, 5))


@pytest.mark.parametrize(
    ("rules", "start", "days", "promised"),
    [
        (Rules(), FRIDAY, 0, FRIDAY),
        (Rules(), FRIDAY, 3, date(2026, 11, 30)),
        (WEEKDAYS, FRIDAY, 0, FRIDAY),
        (WEEKDAYS, FRIDAY, 1, date(2026, 11, 30)),
        (WEEKDAYS, FRIDAY, 6, date(2026, 12, 7)),
        (WEEKDAYS, date(2026, 11, 28), 0, date(2026, 11, 30)),
        (WEEKDAYS, date(2026, 11, 29), 1, date(2026, 11, 30)),
    ],
)
def test_days_are_counted_as_the_shop_works(
    rules: Rules, start: date, days: int, promised: date
) -> None:
    assert rules.promised_on(start, days) == promised


@given(
    st.dates(date(2020, 1, 1), date(2040, 1, 1)),
    st.integers(0, 60),
    st.sets(st.integers(1, 7), min_size=1),
)
def test_a_promise_falls_on_a_working_day_with_all_its_days_before_it(
    start: date, days: int, working: set[int]
) -> None:
    rules = Rules(working_days=tuple(sorted(working)))
    promised = rules.promised_on(start, days)
    assert promised.isoweekday() in working
    between = [date.fromordinal(n) for n in range(start.toordinal() + 1, promised.toordinal() + 1)]
    passed = sum(day.isoweekday() in working for day in between)
    assert passed == (days if days or start.isoweekday() in working else 1)
