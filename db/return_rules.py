"""The rules for returns as rows; each change is kept."""

from collections.abc import Sequence
from typing import Any

from db import policies
from db.pool import Connection
from db.sourcing import Author
from db.sql import queries
from domain.endings import iso
from domain.return_rules import Decides, ReturnRule

_SQL = queries("returns")


async def rules(conn: Connection) -> list[ReturnRule]:
    """All rules, in the order in which they are looked at."""
    return [
        ReturnRule(Decides(row[0]), *list(row.values())[1:])
        for row in await conn.fetch(_SQL["read_return_rules"])
    ]


async def put_rules(conn: Connection, new: Sequence[ReturnRule], by: Author) -> None:
    """Replace all rules; the same again changes nothing."""
    await conn.execute(_SQL["lock_return_rules"])
    old = await rules(conn)
    if old == list(new):
        return
    await conn.execute(_SQL["drop_return_rules"])
    await conn.executemany(
        _SQL["add_return_rule"],
        [
            (n, r.decides, r.label, r.shipping_paid_by, r.fee, r.currency, r.refund_to,
             r.expires_after, r.window, r.country, r.category, r.reason, r.exchange_sent)
            for n, r in enumerate(new)
        ],
    )  # fmt: skip
    await policies.keep(conn, policies.RETURN, by, rules_data(old), rules_data(new))


def rules_data(known: Sequence[ReturnRule]) -> dict[str, Any]:
    """The rules as they are answered, sent, and kept."""
    return {"rules": [_rule_data(rule) for rule in known]}


def _rule_data(rule: ReturnRule) -> dict[str, Any]:
    return {
        "country": rule.country or None,
        "category": rule.category or None,
        "reason": rule.reason or None,
        "window": None if rule.window is None else iso(rule.window),
        "decides": rule.decides.value,
        "label": rule.label,
        "shipping_paid_by": rule.shipping_paid_by,
        "fee": {"amount": rule.fee, "currency": rule.currency} if rule.fee else None,
        "refund_to": rule.refund_to,
        "expires_after": iso(rule.expires_after),
        "exchange_sent": rule.exchange_sent,
    }
