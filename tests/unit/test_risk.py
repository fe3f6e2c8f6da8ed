"""When an order may be fraud."""

from dataclasses import replace

import pytest

from domain.risk import RiskAction, RiskFacts, RiskRule, assess, fits

PLAIN = RiskFacts(10_000, "TRY", 2, 3, 0, "TR", "TR", (10, 5_000))
RULE = RiskRule("rule", RiskAction.HOLD)


@pytest.mark.parametrize(
    ("rule", "suspicious"),
    [
        ({"total_over": 10_000, "currency": "TRY"}, {"total": 10_001}),
        ({"units_over": 2}, {"units": 3}),
        ({"new_customer": True}, {"completed_orders": 0}),
        ({"orders_over": 1, "within_seconds": 60}, {"order_ages": (10, 60)}),
        ({"failed_payments_over": 0}, {"failed_payments": 1}),
        ({"countries_differ": True}, {"billed_to": "DE"}),
        ({"country": "DE"}, {"ships_to": "DE", "billed_to": "DE"}),
    ],
)
def test_a_rule_fits_what_it_names_and_nothing_less(
    rule: dict[str, object], suspicious: dict[str, object]
) -> None:
    one = replace(RULE, **rule)  # type: ignore[arg-type]
    assert not fits(one, PLAIN)
    assert fits(one, replace(PLAIN, **suspicious))  # type: ignore[arg-type]


def test_all_that_is_named_has_to_be_so() -> None:
    both = replace(RULE, new_customer=True, units_over=5)
    assert not fits(both, replace(PLAIN, completed_orders=0))
    assert not fits(both, replace(PLAIN, units=6))
    assert fits(both, replace(PLAIN, completed_orders=0, units=6))


def test_another_currency_is_another_amount() -> None:
    one = replace(RULE, total_over=1, currency="EUR")
    assert not fits(one, PLAIN)


def test_every_rule_that_fits_is_told() -> None:
    rules = [replace(RULE, name="a", units_over=1), replace(RULE, name="b", units_over=9)]
    assert [rule.name for rule in assess([*rules, replace(rules[0], name="c")], PLAIN)] == [
        "a",
        "c",
    ]
