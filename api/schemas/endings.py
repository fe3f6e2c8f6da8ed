"""Parcels that do not arrive: the rules for them, a person's word, what came back, claims."""

from typing import Annotated, Literal

from pydantic import Field

from api.errors import FieldError, pointer
from api.schemas.fields import (
    Amount,
    Code,
    Country,
    Id,
    MoneyIn,
    Note,
    Quantity,
    Serials,
    Strict,
)
from api.schemas.policies import PolicyIn
from domain.endings import LONGEST_SECONDS, Action, EndingRule, Event, seconds, without_general

# ISO 8601: weeks, or days and a time of hours, minutes, seconds.
Duration = Annotated[
    str,
    Field(
        max_length=30,
        pattern=r"^P(\d{1,4}W|\d{1,4}D(T(\d{1,4}H)?(\d{1,4}M)?(\d{1,5}S)?)?"
        r"|T(\d{1,4}H)?(\d{1,4}M)?(\d{1,5}S)?)$",
        examples=["P2D", "PT12H"],
    ),
]


def duration_errors(text: str, *path: str | int) -> list[FieldError]:
    """What the pattern cannot tell: that there is a figure, and that it is bounded."""
    found = seconds(text)
    if found is None:
        return [FieldError(pointer(path), "bad_format", "Not an ISO 8601 duration.")]
    if found > LONGEST_SECONDS:
        return [FieldError(pointer(path), "too_large", "A year (P365D) is the longest.")]
    return []


class DeliveryRuleIn(Strict):
    """What is done about a parcel: the first rule of an event that fits it counts."""

    event: Literal["attempted", "delayed", "lost", "returned_to_sender", "no_news"]
    country: Country | None = None
    value_up_to: MoneyIn | None = None
    action: Literal["tell", "wait", "replace", "refund", "ask_person"]
    after: Duration = "PT0S"
    tell_customer: bool = True

    @property
    def known(self) -> EndingRule:
        """The rule as the decision knows it."""
        limit = self.value_up_to
        return EndingRule(
            Event(self.event),
            Action(self.action),
            seconds(self.after) or 0,
            self.tell_customer,
            self.country or "",
            limit.amount if limit else None,
            limit.currency if limit else "",
        )


class DeliveryPolicyIn(PolicyIn):
    """All rules, in the order in which they are looked at; they replace those before."""

    rules: Annotated[list[DeliveryRuleIn], Field(min_length=1, max_length=500)]

    @property
    def known(self) -> list[EndingRule]:
        """The rules as the decision knows them."""
        return [rule.known for rule in self.rules]

    def wrong(self) -> list[FieldError]:
        """What single fields cannot tell."""
        errors: list[FieldError] = []
        for number, rule in enumerate(self.rules):
            errors += duration_errors(rule.after, "rules", number, "after")
        if missing := without_general(self.known):
            names = ", ".join(missing)
            detail = f"A rule without country and value is missing for: {names}."
            errors.append(FieldError("/rules", "required", detail))
        return errors


class ResolveIn(Strict):
    """Send the parcel again, give its money back, or let it have more time (`after`)."""

    action: Literal["replace", "refund", "wait"]
    after: Duration = "P3D"
    note: Note | None = None


class BackLineIn(Strict):
    """Units of a line that came back, and where they go."""

    line_id: Id
    quantity: Quantity
    disposition: Literal["restock", "quarantine"] = "quarantine"
    serials: Serials = Field(default_factory=list)


class ReceiveBackIn(Strict):
    """What was in a parcel that came back. Without `lines` all of it that is not here yet, into
    quarantine.

    `warehouse` is where it arrived: where it was sent from, unless told.
    """

    warehouse: Code | None = None
    lines: Annotated[list[BackLineIn], Field(max_length=500)] | None = None
    note: Note | None = None


class SettleClaimIn(Strict):
    """How a claim ended; `recovered` is what the carrier paid, in the claim's currency."""

    status: Literal["won", "lost"]
    recovered: Amount = 0
    note: Note | None = None
