"""When an order may be fraud: rules as data, and what they find. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class RiskAction(StrEnum):
    """What is done when a rule fits: hold the order for a person, or only write it down."""

    HOLD = "hold"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class RiskRule:
    """Fits when all that is not None is so.

    `orders_over` counts the customer's other orders `within_seconds`; amounts are minor units of
    `currency`; `countries_differ`: billed elsewhere than sent to.
    """

    name: str
    action: RiskAction
    total_over: int | None = None
    currency: str | None = None
    units_over: int | None = None
    new_customer: bool | None = None
    orders_over: int | None = None
    within_seconds: int | None = None
    failed_payments_over: int | None = None
    countries_differ: bool | None = None
    country: str | None = None


@dataclass(frozen=True, slots=True)
class RiskFacts:
    """What rules look at; `order_ages` are the seconds since the customer's other orders."""

    total: int
    currency: str
    units: int
    completed_orders: int
    failed_payments: int
    ships_to: str | None = None
    billed_to: str | None = None
    order_ages: Sequence[int] = ()


def fits(rule: RiskRule, facts: RiskFacts) -> bool:
    """Whether all that the rule names is so."""
    recent = sum(age <= (rule.within_seconds or 0) for age in facts.order_ages)
    differ = facts.ships_to != facts.billed_to
    asked: list[tuple[object, bool]] = [
        (rule.total_over, rule.currency == facts.currency and facts.total > (rule.total_over or 0)),
        (rule.units_over, facts.units > (rule.units_over or 0)),
        (rule.new_customer, (facts.completed_orders == 0) is rule.new_customer),
        (rule.orders_over, recent > (rule.orders_over or 0)),
        (rule.failed_payments_over, facts.failed_payments > (rule.failed_payments_over or 0)),
        (rule.countries_differ, differ is rule.countries_differ),
        (rule.country, facts.ships_to == rule.country),
    ]
    return all(so for named, so in asked if named is not None)


def assess(rules: Sequence[RiskRule], facts: RiskFacts) -> list[RiskRule]:
    """The rules that fit, in their order."""
    return [rule for rule in rules if fits(rule, facts)]
