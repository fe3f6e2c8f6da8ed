"""What is done about a parcel that does not arrive: rules, durations, what still stands."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.endings import (
    FINAL,
    Action,
    EndingRule,
    Event,
    ParcelFacts,
    decide,
    event_of,
    iso,
    seconds,
    stands,
    without_general,
)
from domain.states import TrackingStatus

HERE = ParcelFacts("TR", 10_000, "TRY")
DAY = 86_400
RULES = [
    EndingRule(Event.LOST, Action.REPLACE, 0, tell=True, country="DE"),
    EndingRule(Event.LOST, Action.REFUND, DAY, tell=True, value_up_to=5_000, currency="TRY"),
    EndingRule(Event.LOST, Action.REPLACE, 2 * DAY, tell=True, value_up_to=90_000, currency="EUR"),
    EndingRule(Event.DELAYED, Action.WAIT, DAY, tell=True),
    EndingRule(Event.LOST, Action.ASK_PERSON, 0, tell=False),
]


def test_the_first_rule_that_fits_decides_and_says_why_others_did_not() -> None:
    decision = decide(Event.LOST, HERE, RULES)
    assert (decision.action, decision.after, decision.tell) == (Action.ASK_PERSON, 0, False)
    assert decision.why == {
        "event": "lost",
        "action": "ask_person",
        "after": "PT0S",
        "rule": 4,
        "country": "TR",
        "value": 10_000,
        "currency": "TRY",
        "passed_over": [
            {"rule": 0, "because": "country"},
            {"rule": 1, "because": "value"},
            {"rule": 2, "because": "currency"},
        ],
    }


@pytest.mark.parametrize(
    ("parcel", "action", "rule"),
    [
        (ParcelFacts("DE", 10_000, "TRY"), Action.REPLACE, 0),
        (ParcelFacts("TR", 5_000, "TRY"), Action.REFUND, 1),
        (ParcelFacts("TR", 5_001, "TRY"), Action.ASK_PERSON, 4),
        (ParcelFacts("", 90_000, "EUR"), Action.REPLACE, 2),
    ],
)
def test_country_and_value_choose_the_rule(parcel: ParcelFacts, action: Action, rule: int) -> None:
    decision = decide(Event.LOST, parcel, RULES)
    assert (decision.action, decision.why["rule"]) == (action, rule)


@pytest.mark.parametrize("event", Event)
def test_without_a_rule_a_person_is_asked_at_once(event: Event) -> None:
    decision = decide(event, HERE, [])
    assert (decision.action, decision.after, decision.tell) == (Action.ASK_PERSON, 0, False)
    assert decision.why["rule"] is None


def test_events_without_a_rule_for_every_parcel_are_named() -> None:
    assert without_general(RULES) == [Event.ATTEMPTED, Event.RETURNED, Event.NO_NEWS]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("P2D", 2 * DAY),
        ("P1W", 7 * DAY),
        ("PT12H", DAY // 2),
        ("P1DT1H1M1S", DAY + 3_661),
        ("PT0S", 0),
        ("P", None),
        ("PT", None),
        ("P1DT", None),
        ("2D", None),
        ("P1M", None),
        ("P-1D", None),
        ("P1D ", None),
    ],
)
def test_durations_of_iso_8601_are_read(text: str, found: int | None) -> None:
    assert seconds(text) == found


@given(st.integers(0, 365 * DAY))
def test_a_duration_is_written_as_it_is_read(duration: int) -> None:
    assert seconds(iso(duration)) == duration


def test_scans_tell_of_the_events_that_rules_know() -> None:
    told = {event_of(status) for status in TrackingStatus} - {None}
    assert told == set(Event) - {Event.NO_NEWS}


@pytest.mark.parametrize("event", [event for event in Event if event is not Event.NO_NEWS])
@pytest.mark.parametrize("tracking", TrackingStatus)
def test_an_event_stands_until_the_carrier_says_otherwise(
    event: Event, tracking: TrackingStatus
) -> None:
    assert stands(event, tracking) is (event_of(tracking) is event)


@pytest.mark.parametrize("tracking", TrackingStatus)
def test_silence_stands_until_the_parcel_is_known_to_be_gone(tracking: TrackingStatus) -> None:
    assert stands(Event.NO_NEWS, tracking) is (event_of(tracking) not in FINAL)
    assert not stands(Event.NO_NEWS, tracking, received=True)


def test_what_is_back_is_back_whatever_the_carrier_says() -> None:
    assert stands(Event.RETURNED, TrackingStatus.IN_TRANSIT, received=True)
