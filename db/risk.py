"""Rules for orders that may be fraud, what they look at, and the queue of those that are held."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from db import policies
from db.pool import Connection, Pool
from db.sourcing import Author
from db.sql import queries
from domain.endings import iso
from domain.risk import RiskAction, RiskFacts, RiskRule

_SQL = queries("risk")

Row = Mapping[str, Any]


async def rules(conn: Connection | Pool) -> list[RiskRule]:
    """The rules in their order."""
    rows = await conn.fetch(_SQL["read_risk_rules"])
    return [RiskRule(**dict(row) | {"action": RiskAction(row["action"])}) for row in rows]


async def put_rules(conn: Connection, new: Sequence[RiskRule], by: Author) -> None:
    """Replace all of them; the same again changes nothing."""
    await conn.execute(_SQL["lock_risk_rules"])
    old = await rules(conn)
    if old == list(new):
        return
    await conn.execute(_SQL["clear_risk_rules"])
    for position, rule in enumerate(new):
        await conn.execute(_SQL["add_risk_rule"], position, *asdict(rule).values())
    await policies.keep(conn, policies.RISK, by, rules_data(old), rules_data(new))


def rules_data(known: Sequence[RiskRule]) -> dict[str, Any]:
    """The rules as they are answered, sent, and kept."""
    return {"rules": [rule_data(rule) for rule in known]}


def rule_data(rule: RiskRule) -> dict[str, Any]:
    """One rule: what it names, and null for what it does not."""
    told = asdict(rule) | {"action": rule.action.value}
    total, currency = told.pop("total_over"), told.pop("currency")
    within = told.pop("within_seconds")
    return told | {
        "total_over": None if total is None else {"amount": total, "currency": currency},
        "within": None if within is None else iso(within),
    }


async def facts(conn: Connection | Pool, order_id: str) -> RiskFacts:
    """What rules look at of an order."""
    row = await conn.fetchrow(_SQL["risk_facts"], order_id)
    assert row is not None, order_id  # noqa: S101 - orders are never deleted
    return RiskFacts(**dict(row))


async def reviews(conn: Connection, after: tuple[datetime, str] | None, limit: int) -> list[Row]:
    """Orders that are held for it, the longest first."""
    rows = await conn.fetch(_SQL["list_reviews"], *(after or (None, None)), limit)
    return [dict(row) for row in rows]
