"""Parcels that do not arrive: the rules for them, what was decided, what was written off, claims.

Callers hold the order's lock, except for reads and for changes of rules.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from db import policies
from db.new_ids import new_id
from db.pool import Connection
from db.sourcing import Author
from db.sql import queries
from domain.endings import Action, Decision, EndingRule, Event, iso

_SQL = queries("endings")

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Due:
    """A parcel that had its time: what was decided about it, and because of what. `moved`: the
    carrier was heard of since.
    """

    shipment_id: str
    order_id: str
    event: str
    action: str
    moved: bool


# -- rules ---------------------------------------------------------------------------------------


async def rules(conn: Connection) -> list[EndingRule]:
    """All rules, in the order in which they are looked at."""
    return [
        EndingRule(
            Event(row["event"]),
            Action(row["action"]),
            row["after_seconds"],
            row["tell_customer"],
            row["country"],
            row["value_up_to"],
            row["currency"],
        )
        for row in await conn.fetch(_SQL["read_delivery_rules"])
    ]


async def put_rules(conn: Connection, new: Sequence[EndingRule], by: Author) -> None:
    """Replace all rules; the same again changes nothing."""
    await conn.execute(_SQL["lock_delivery_rules"])
    old = await rules(conn)
    if old == list(new):
        return
    await conn.execute(_SQL["drop_delivery_rules"])
    await conn.executemany(
        _SQL["add_delivery_rule"],
        [
            (n, r.event, r.action, r.after, r.tell, r.country, r.value_up_to, r.currency)
            for n, r in enumerate(new)
        ],
    )
    await policies.keep(conn, policies.DELIVERY, by, rules_data(old), rules_data(new))


def rules_data(known: Sequence[EndingRule]) -> dict[str, Any]:
    """The rules as they are answered, sent, and kept."""
    return {"rules": [_rule_data(rule) for rule in known]}


def _rule_data(rule: EndingRule) -> dict[str, Any]:
    limit = None
    if rule.value_up_to is not None:
        limit = {"amount": rule.value_up_to, "currency": rule.currency}
    return {
        "event": rule.event.value,
        "country": rule.country or None,
        "value_up_to": limit,
        "action": rule.action.value,
        "after": iso(rule.after),
        "tell_customer": rule.tell,
    }


# -- a parcel's trouble --------------------------------------------------------------------------


async def country_of(conn: Connection, order_id: str) -> str:
    """Whereto an order goes (ISO 3166-1); nothing when the address was erased."""
    return await conn.fetchval(_SQL["parcel_facts"], order_id) or ""


async def put(
    conn: Connection, order_id: str, shipment_id: str, decision: Decision, *, told: bool
) -> None:
    """Keep what was decided. `told`: the caller carries out by itself what is due at once."""
    await conn.execute(
        _SQL["put_ending"],
        shipment_id,
        order_id,
        decision.event,
        decision.action,
        decision.tell,
        decision.after,
        told and decision.after == 0,
    )


async def read(conn: Connection, shipment_id: str) -> Row | None:
    """The trouble of a parcel, when it has any."""
    row = await conn.fetchrow(_SQL["read_ending"], shipment_id)
    return None if row is None else dict(row)


async def settle(
    conn: Connection, order_id: str, shipment_id: str, event: str, resolution: str
) -> None:
    """It is settled: sent again, or paid back."""
    await conn.execute(_SQL["settle_ending"], shipment_id, order_id, event, resolution)


async def intercept(conn: Connection, order_id: str, shipment_id: str) -> None:
    """The carrier brings it back, because the order is canceled."""
    await conn.execute(_SQL["intercept_parcel"], shipment_id, order_id)


async def end_watch(conn: Connection, shipment_id: str) -> None:
    """It moves again, or has arrived."""
    await conn.execute(_SQL["end_watch"], shipment_id)


async def claim_due(conn: Connection, limit: int) -> list[Due]:
    """Parcels whose time is over, each once."""
    return [Due(**row) for row in await conn.fetch(_SQL["claim_due_endings"], limit)]


async def receive(conn: Connection, order_id: str, shipment_id: str, warehouse: str) -> bool:
    """It is back at a warehouse of ours; False when it was before, which stays as it was."""
    return bool(await conn.fetchval(_SQL["receive_parcel"], shipment_id, order_id, warehouse))


async def bring_back(conn: Connection, shipment_id: str, units: Mapping[str, int]) -> None:
    """So many units of each line of a received parcel are here by now; of other lines none."""
    await conn.execute(_SQL["bring_back"], shipment_id, list(units), list(units.values()))


async def write_off(conn: Connection, shipment_id: str, line_id: str, quantity: int) -> None:
    """Units are not owed through this parcel any more."""
    await conn.execute(_SQL["write_off"], shipment_id, line_id, quantity)


async def place(conn: Connection, shipment_id: str) -> Row | None:
    """The order of a parcel, and where it was sent from."""
    row = await conn.fetchrow(_SQL["parcel_place"], shipment_id)
    return None if row is None else dict(row)


async def pieces(conn: Connection, shipment_id: str) -> dict[str, list[str]]:
    """The serial numbers that left in a parcel, by item."""
    found: dict[str, list[str]] = {}
    for row in await conn.fetch(_SQL["pieces_of_parcel"], shipment_id):
        found.setdefault(row["sku"], []).append(row["serial"])
    return found


# -- claims --------------------------------------------------------------------------------------


async def open_claim(
    conn: Connection, shipment_id: str, reason: str, resolution: str, amount: int
) -> str:
    """What a carrier owes for a parcel, in minor units of the order's currency; its id."""
    claim_id: str = await conn.fetchval(
        _SQL["add_claim"], new_id("clm"), shipment_id, reason, resolution, amount
    )
    return claim_id


async def claim_missing(conn: Connection, shipment_id: str, amount: int) -> str | None:
    """Open a claim for units that were settled before their parcel came, and were not in it; None
    when the parcel was claimed before.
    """
    claim_id: str | None = await conn.fetchval(
        _SQL["claim_missing"], new_id("clm"), shipment_id, amount
    )
    return claim_id


async def drop_claim(conn: Connection, shipment_id: str, actor: str) -> str | None:
    """The parcel turned up; the claim that is not raised any more."""
    claim_id: str | None = await conn.fetchval(_SQL["drop_claim"], shipment_id, actor)
    return claim_id


async def lower_claim(conn: Connection, shipment_id: str, amount: int) -> str | None:
    """Only so much is still missing; the claim that is lowered."""
    claim_id: str | None = await conn.fetchval(_SQL["lower_claim"], shipment_id, amount)
    return claim_id


async def lock_claim(conn: Connection, claim_id: str) -> Row | None:
    """A claim, until the end of the transaction."""
    row = await conn.fetchrow(_SQL["lock_claim"], claim_id)
    return None if row is None else dict(row)


async def settle_claim(
    conn: Connection, claim_id: str, status: str, recovered: int, note: str | None, actor: str
) -> None:
    """The carrier paid so much, or will not pay."""
    await conn.execute(_SQL["settle_claim"], claim_id, status, recovered, note, actor)


async def claims(
    conn: Connection, status: str | None, order_id: str | None, before: str | None, limit: int
) -> list[Row]:
    """Claims, newest first."""
    rows = await conn.fetch(_SQL["list_claims"], status, order_id, before, limit)
    return [dict(row) for row in rows]
