"""The policy of cancellations as rows: in which phase of an order's life who may cancel it."""

from collections.abc import Mapping
from typing import Any

from db import policies
from db.pool import Connection
from db.sourcing import Author
from db.sql import queries
from domain.phase import Actor, Phase

_SQL = queries("canceling")

Rules = Mapping[tuple[Phase, Actor], bool]


async def rules(conn: Connection) -> dict[tuple[Phase, Actor], bool]:
    """Whether it is allowed, by phase and actor."""
    rows = await conn.fetch(_SQL["read_cancel_rules"])
    return {(Phase(row["phase"]), Actor(row["actor"])): row["allowed"] for row in rows}


async def put_rules(conn: Connection, new: Rules, by: Author) -> None:
    """Replace all of it; the same again changes nothing."""
    await conn.execute(_SQL["lock_cancel_rules"])
    old = await rules(conn)
    if old == dict(new):
        return
    await conn.executemany(
        _SQL["put_cancel_rule"],
        [(phase, actor, allowed) for (phase, actor), allowed in new.items()],
    )
    await policies.keep(conn, policies.CANCEL, by, rules_data(old), rules_data(new))


async def phases(conn: Connection, actor: Actor) -> list[str]:
    """The phases in which this actor may cancel."""
    return [row["phase"] for row in await conn.fetch(_SQL["allowed_phases"], actor)]


def rules_data(known: Rules) -> dict[str, Any]:
    """The policy as it is answered, sent, and kept."""
    return {
        "rules": [
            {"phase": phase.value, "actor": actor.value, "allowed": known[phase, actor]}
            for phase in Phase
            for actor in Actor
        ]
    }
