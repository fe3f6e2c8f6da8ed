"""Returns: rules, what a customer asks for, what the dock and the bench tell."""

from typing import Annotated, Literal

from pydantic import Field

from api.errors import FieldError, pointer
from api.schemas.endings import Duration
from api.schemas.fields import (
    Code,
    Country,
    Id,
    MoneyIn,
    Note,
    Quantity,
    Reference,
    Serials,
    Sku,
    Strict,
)
from api.schemas.policies import PolicyIn
from domain.endings import LONGEST_SECONDS, seconds
from domain.return_rules import Decides, ReturnRule
from domain.returns import Disposition

_TEN_YEARS = 315_360_000
_LINES = Field(min_length=1, max_length=500)

ReasonIn = Literal[
    "unwanted",
    "does_not_fit",
    "wrong_item",
    "damaged",
    "not_as_described",
    "arrived_late",
    "other",
]
Photo = Annotated[str, Field(max_length=2_000, pattern=r"^https?://[^\s\x00-\x1f\x7f]+$")]


class ReturnRuleIn(Strict):
    """What is done with units that shall come back: the first rule that fits a line counts.

    Without country, category, reason it fits any. `window` is counted from the last delivery, and
    is the shop's when it is not told.
    """

    country: Country | None = None
    category: Code | None = None
    reason: ReasonIn | None = None
    window: Duration | None = None
    decides: Literal["approve", "ask_person", "decline"]
    label: Literal["carrier", "drop_off"] = "carrier"
    shipping_paid_by: Literal["shop", "customer"] = "shop"
    fee: MoneyIn | None = None
    refund_to: Literal["original", "store_credit"] = "original"
    expires_after: Duration = "P14D"
    exchange_sent: Literal["on_handover", "on_receipt"] = "on_receipt"

    @property
    def known(self) -> ReturnRule:
        """The rule as the decision knows it."""
        fee = self.fee if self.fee and self.fee.amount else None
        return ReturnRule(
            Decides(self.decides),
            self.label,
            self.shipping_paid_by,
            fee.amount if fee else 0,
            fee.currency if fee else "",
            self.refund_to,
            seconds(self.expires_after) or 0,
            None if self.window is None else seconds(self.window) or 0,
            self.country or "",
            self.category or "",
            self.reason or "",
            self.exchange_sent,
        )


class ReturnPolicyIn(PolicyIn):
    """All rules, in the order in which they are looked at; they replace those before."""

    rules: Annotated[list[ReturnRuleIn], Field(min_length=1, max_length=500)]

    @property
    def known(self) -> list[ReturnRule]:
        """The rules as the decision knows them."""
        return [rule.known for rule in self.rules]

    def wrong(self) -> list[FieldError]:
        """What single fields cannot tell."""
        errors: list[FieldError] = []
        for n, rule in enumerate(self.rules):
            errors += _duration(rule.expires_after, LONGEST_SECONDS, 1, n, "expires_after")
            if rule.window is not None:
                errors += _duration(rule.window, _TEN_YEARS, 0, n, "window")
        if not any(rule.general for rule in self.known):
            detail = "A rule without country, category, reason and fee is missing."
            errors.append(FieldError("/rules", "required", detail))
        return errors


def _duration(text: str, most: int, least: int, n: int, name: str) -> list[FieldError]:
    where, found = pointer(("rules", n, name)), seconds(text)
    if found is None:
        return [FieldError(where, "bad_format", "Not an ISO 8601 duration.")]
    if found > most:
        return [FieldError(where, "too_large", "That is too long.")]
    if found < least:
        return [FieldError(where, "too_small", "That is no time at all.")]
    return []


class ReturnLineIn(Strict):
    """Units of a line that shall come back, why, and in whose words and pictures."""

    line_id: Id
    quantity: Quantity
    reason: ReasonIn
    note: Note | None = None
    photos: Annotated[list[Photo], Field(max_length=10)] = Field(default_factory=list)


class ReturnIn(Strict):
    """What shall come back, each line once, and what for: the money, or the same again."""

    lines: Annotated[list[ReturnLineIn], _LINES]
    wants: Literal["refund", "exchange"] = "refund"


class ReturnNoteIn(Strict):
    """Approve it, or try its label again."""

    note: Note | None = None


class ReturnReasonIn(Strict):
    """Why it is declined or canceled: a code, or words."""

    reason: Reference
    note: Note | None = None


class ReturnedLineIn(Strict):
    """Units of a line that are at the dock."""

    line_id: Id
    quantity: Quantity
    serials: Serials = Field(default_factory=list)


class ReceiveReturnIn(Strict):
    """What came; `complete`: no more will, which can be said without lines, too. `warehouse` is
    where it was sent, unless told.
    """

    warehouse: Code | None = None
    lines: Annotated[list[ReturnedLineIn], Field(max_length=500)] = Field(default_factory=list)
    complete: bool = False
    note: Note | None = None


class UnannouncedLineIn(Strict):
    """Units of an item that are at the dock."""

    sku: Sku
    quantity: Quantity
    serials: Serials = Field(default_factory=list)


class UnannouncedIn(Strict):
    """What came without a word, by the number of its order. `warehouse` as of `receive`."""

    order_number: Reference
    warehouse: Code | None = None
    lines: Annotated[list[UnannouncedLineIn], _LINES]
    note: Note | None = None


class InspectedLineIn(Strict):
    """Units that were looked at, and what becomes of them."""

    line_id: Id
    quantity: Quantity
    disposition: Literal["restock", "refurbish", "damaged", "scrap", "reject"]
    serials: Serials = Field(default_factory=list)

    @property
    def known(self) -> Disposition:
        """As the bench knows it."""
        return Disposition(self.disposition)


class InspectReturnIn(Strict):
    """What was looked at; `warehouse` need not be told of units that are at one."""

    warehouse: Code | None = None
    lines: Annotated[list[InspectedLineIn], _LINES]
    note: Note | None = None
