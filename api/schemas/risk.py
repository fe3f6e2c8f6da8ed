"""Orders that may be fraud: the rules, and the queue of those that are held."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from api.errors import FieldError
from api.schemas.answers import MoneyOut, Out
from api.schemas.endings import Duration, duration_errors
from api.schemas.fields import Code, Country, MoneyIn, Strict
from api.schemas.policies import PolicyIn
from domain.endings import seconds
from domain.risk import RiskAction, RiskRule

Count = Annotated[int, Field(ge=0, le=1_000_000)]


class RiskRuleIn(Strict):
    """Fits when all that is named is so; then the order is held, or it is only written down.

    `orders_over` counts the customer's other orders `within`; `new_customer` has no completed one;
    `countries_differ`: billed elsewhere than sent to.
    """

    name: Code
    action: Literal["hold", "note"]
    total_over: MoneyIn | None = None
    units_over: Count | None = None
    new_customer: bool | None = None
    orders_over: Count | None = None
    within: Duration | None = None
    failed_payments_over: Count | None = None
    countries_differ: bool | None = None
    country: Country | None = None

    @property
    def known(self) -> RiskRule:
        """The rule as the decision knows it."""
        total = self.total_over
        return RiskRule(
            self.name,
            RiskAction(self.action),
            total.amount if total else None,
            total.currency if total else None,
            self.units_over,
            self.new_customer,
            self.orders_over,
            seconds(self.within) if self.within else None,
            self.failed_payments_over,
            self.countries_differ,
            self.country,
        )

    def wrong(self, number: int) -> list[FieldError]:
        """What single fields cannot tell."""
        where, errors = f"/rules/{number}", []
        asked = (
            self.total_over,
            self.units_over,
            self.new_customer,
            self.orders_over,
            self.failed_payments_over,
            self.countries_differ,
            self.country,
        )
        if all(one is None for one in asked):
            errors.append(FieldError(where, "required", "Name at least one thing to look for."))
        if (self.orders_over is None) != (self.within is None):
            detail = "orders_over and within go together."
            errors.append(FieldError(f"{where}/within", "required", detail))
        elif self.within is not None:
            errors += duration_errors(self.within, "rules", number, "within")
            if not seconds(self.within):
                errors.append(FieldError(f"{where}/within", "too_small", "At least a second."))
        return errors


class RiskRulesIn(PolicyIn):
    """All rules; they replace those before. All of them are looked at."""

    rules: Annotated[list[RiskRuleIn], Field(max_length=200)]

    @property
    def known(self) -> list[RiskRule]:
        """The rules as the decision knows them."""
        return [rule.known for rule in self.rules]

    def wrong(self) -> list[FieldError]:
        """What single fields cannot tell."""
        errors, names = [], [rule.name for rule in self.rules]
        for number, rule in enumerate(self.rules):
            errors += rule.wrong(number)
            if rule.name in names[:number]:
                detail = "Another rule has this name."
                errors.append(FieldError(f"/rules/{number}/name", "duplicate", detail))
        return errors


class RiskRuleOut(Out):
    """One rule; see the request."""

    name: str
    action: str
    total_over: MoneyOut | None
    units_over: int | None
    new_customer: bool | None
    orders_over: int | None
    within: str | None
    failed_payments_over: int | None
    countries_differ: bool | None
    country: str | None


class RiskRulesOut(Out):
    """All rules, in their order."""

    rules: list[RiskRuleOut]


class FoundOut(Out):
    """A rule that fitted, and whether it wanted the order held."""

    rule: str
    hold: bool


class ReviewOut(Out):
    """An order that is held because it may be fraud, and what was found.

    To let it go on, release the hold; to refuse it, cancel the order.
    """

    order_id: str
    order_number: str
    channel: str
    total: MoneyOut
    hold_id: str
    held_by: str
    since: datetime
    found: list[FoundOut]
    release: str
    cancel: str
