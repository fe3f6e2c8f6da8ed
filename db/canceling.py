"""The policy of cancellations as rows: who may cancel an order in which phase, for how much."""

from collections.abc import Mapping
from typing import Any

from db import policies
from db.pool import Connection
from db.sourcing import Author
from db.sql import queries
from domain.phase import Actor, CancelRule, Phase

_SQL = queries("canceling")

Rules = Mapping[tuple[Phase, Actor], CancelRule]


async def rules(conn: Connection) -> dict[tuple[Phase, Actor], CancelRule]:
    """Whether it is allowed and what it costs, by phase and actor."""
    rows = await conn.fetch(_SQL["read_cancel_rules"])
    return {
        (Phase(row["phase"]), Actor(row["actor"])): CancelRule(
            row["allowed"], row["fee"], row["currency"]
        )
        for row in rows
    }


async def put_rules(conn: Connection, new: Rules, by: Author) -> None:
    """Replace all of it; the same again changes nothing."""
    await conn.execute(_SQL["lock_cancel_rules"])
    old = await rules(conn)
    if old == dict(new):
        return
    await conn.executemany(
        _SQL["put_cancel_rule"],
        [(*place, rule.allowed, rule.fee, rule.currency) for place, rule in new.items()],
    )
    await policies.keep(conn, policies.CANCEL, by, rules_data(old), rules_data(new))


async def phases(conn: Connection, actor: Actor) -> list[str]:
    """The phases in which this actor may cancel."""
    return [row["phase"] for row in await conn.fetch(_SQL["allowed_phases"], actor)]


async def fees(conn: Connection, actor: Actor, order_id: str) -> dict[str, int]:
    """What canceling this order costs this actor, by phase, in minor units of its currency."""
    return {row["phase"]: row["fee"] for row in await conn.fetch(_SQL["fees"], actor, order_id)}


def rules_data(known: Rules) -> dict[str, Any]:
    """The policy as it is answered, sent, and kept."""
    return {
        "rules": [
            _rule_data(phase, actor, known[phase, actor]) for phase in Phase for actor in Actor
        ]
    }


def _rule_data(phase: Phase, actor: Actor, rule: CancelRule) -> dict[str, Any]:
    fee = None if rule.fee is None else {"amount": rule.fee, "currency": rule.currency}
    return {"phase": phase.value, "actor": actor.value, "allowed": rule.allowed, "fee": fee}
