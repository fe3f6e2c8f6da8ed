"""When the carrier fails: what is done about a parcel, by rules that a shop can read and change.

Pure: the rules and the facts of a parcel go in, a decision comes out that explains itself.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from domain.states import TrackingStatus

LONGEST_SECONDS = 365 * 86_400
_DURATION = re.compile(
    r"P(?=.)(?:(?P<w>\d{1,4})W|(?:(?P<d>\d{1,4})D)?"
    r"(?:T(?=.)(?:(?P<h>\d{1,4})H)?(?:(?P<m>\d{1,4})M)?(?:(?P<s>\d{1,5})S)?)?)"
)
_UNITS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}


class Event(StrEnum):
    """What can go wrong with a parcel on its way."""

    ATTEMPTED = "attempted"
    DELAYED = "delayed"
    LOST = "lost"
    RETURNED = "returned_to_sender"
    NO_NEWS = "no_news"


class Action(StrEnum):
    """What is done about it, when its time has come and it still stands.

    `tell`: nothing more than telling the customer. `wait`: the carrier has that long, then a
    person is asked. `ask_person`: a person decides. `replace` sends the units again, `refund`
    gives their money back.
    """

    TELL = "tell"
    WAIT = "wait"
    REPLACE = "replace"
    REFUND = "refund"
    ASK_PERSON = "ask_person"


# Goods or money move.
SETTLING = frozenset({Action.REPLACE, Action.REFUND})
# A parcel that is as good as gone; later news that it is only late changes nothing.
FINAL = frozenset({Event.LOST, Event.RETURNED})

_OF_SCANS = {
    TrackingStatus.ATTEMPTED_DELIVERY: Event.ATTEMPTED,
    TrackingStatus.DELAYED: Event.DELAYED,
    TrackingStatus.LOST: Event.LOST,
    TrackingStatus.RETURN_TO_SENDER: Event.RETURNED,
}


@dataclass(frozen=True, slots=True)
class EndingRule:
    """One row of the policy: the first that fits counts.

    `country` (ISO 3166-1, empty for any) is the destination's; `value_up_to` is in minor units of
    `currency` and bounds what the customer paid for the parcel's goods. `after` is in seconds.
    """

    event: Event
    action: Action
    after: int
    tell: bool
    country: str = ""
    value_up_to: int | None = None
    currency: str = ""

    @property
    def general(self) -> bool:
        """Whether it fits every parcel."""
        return not self.country and self.value_up_to is None

    def misfit(self, parcel: "ParcelFacts") -> str:
        """Why it does not fit a parcel; nothing when it does."""
        if self.country and self.country != parcel.country:
            return "country"
        if self.value_up_to is None:
            return ""
        if self.currency != parcel.currency:
            return "currency"
        return "value" if parcel.value > self.value_up_to else ""


@dataclass(frozen=True, slots=True)
class ParcelFacts:
    """What rules look at: where a parcel goes, and what its goods cost (minor units)."""

    country: str
    value: int
    currency: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done, `after` so many seconds; `why` stands in the timeline."""

    event: Event
    action: Action
    after: int
    tell: bool
    why: dict[str, Any]


def decide(event: Event, parcel: ParcelFacts, rules: Sequence[EndingRule]) -> Decision:
    """The first rule of the event that fits; where none does, a person is asked at once."""
    passed_over = []
    for number, rule in enumerate(rules):
        if rule.event is not event:
            continue
        if misfit := rule.misfit(parcel):
            passed_over.append({"rule": number, "because": misfit})
            continue
        return _decided(event, rule, number, parcel, passed_over)
    nobody = EndingRule(event, Action.ASK_PERSON, 0, tell=False)
    return _decided(event, nobody, None, parcel, passed_over)


def _decided(
    event: Event,
    rule: EndingRule,
    number: int | None,
    parcel: ParcelFacts,
    passed_over: list[dict[str, Any]],
) -> Decision:
    why: dict[str, Any] = {
        "event": event.value,
        "action": rule.action.value,
        "after": iso(rule.after),
        "rule": number,
        "country": parcel.country,
        "value": parcel.value,
        "currency": parcel.currency,
    }
    if passed_over:
        why["passed_over"] = passed_over
    return Decision(event, rule.action, rule.after, rule.tell, why)


def event_of(status: TrackingStatus) -> Event | None:
    """What a carrier's word means for the parcel; None when it is no trouble the rules know."""
    return _OF_SCANS.get(status)


def stands(event: Event, tracking: TrackingStatus, *, received: bool = False) -> bool:
    """Whether an event is still the last word about a parcel that is not delivered."""
    if event is Event.NO_NEWS:
        return event_of(tracking) not in FINAL and not received
    if event is Event.RETURNED and received:
        return True
    return event_of(tracking) is event


def without_general(rules: Iterable[EndingRule]) -> list[Event]:
    """Events for which some parcels would find no rule."""
    covered = {rule.event for rule in rules if rule.general}
    return [event for event in Event if event not in covered]


def seconds(text: str) -> int | None:
    """An ISO 8601 duration of weeks, days, hours, minutes, seconds; None when it is none."""
    found = _DURATION.fullmatch(text)
    if found is None:
        return None
    return sum(int(value) * _UNITS[unit] for unit, value in found.groupdict("0").items())


def iso(duration: int) -> str:
    """So many seconds as an ISO 8601 duration: `P2D`, `PT12H`, `PT0S`."""
    days, rest = divmod(duration, 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes, left = divmod(rest, 60)
    date = f"{days}D" if days else ""
    clock = "".join(f"{n}{unit}" for n, unit in ((hours, "H"), (minutes, "M"), (left, "S")) if n)
    return f"P{date}{'T' + clock if clock else ''}" if date or clock else "PT0S"
