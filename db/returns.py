"""Returns: their rules, rows, steps, and what a carrier says of them.

Callers hold the order's lock, except for reads and for changes of rules: a return that is asked
for while its order closes is before it or after it, and right either way.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from db import orders, outbox, policies, timeline
from db.new_ids import new_id
from db.outbox import OutboxRow
from db.pool import Connection, Pool
from db.sourcing import Author
from db.sql import queries
from domain import attention
from domain.endings import iso
from domain.errors import NotFound
from domain.ports import Label
from domain.returns import Decides, Decision, Return, ReturnLine, ReturnRule, Wanted, rolled_up
from domain.states import RETURN, ReturnStage, ReturnStatus, TrackingStatus, advance, tracking_moves

_SQL = queries("returns")

Row = Mapping[str, Any]

_NOT_MOVING = frozenset({TrackingStatus.UNKNOWN, TrackingStatus.PRE_TRANSIT})


@dataclass(frozen=True, slots=True)
class By:
    """Who did something, for the timeline."""

    actor: str = timeline.SYSTEM
    role: str = "system"


@dataclass(frozen=True, slots=True)
class Words:
    """What a customer wrote and showed of a line: personal data."""

    note: str | None = None
    photos: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Home:
    """Where goods go back, and by whose label."""

    warehouse: str
    provider: str | None
    service: str


@dataclass(frozen=True, slots=True)
class LabelRow:
    """What a carrier needs to know of a return. `shipping_address` is personal data."""

    id: str
    order_id: str
    provider: str
    service: str
    currency: str
    shipping_address: dict[str, Any]
    warehouse_name: str
    line1: str
    city: str
    postal_code: str
    country: str
    weight_g: int
    value: int


# -- rules ---------------------------------------------------------------------------------------


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
             r.expires_after, r.window, r.country, r.category, r.reason)
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
    }


# -- asking --------------------------------------------------------------------------------------


async def facts(conn: Connection, order_id: str) -> tuple[str, float]:
    """Whereto an order went, and seconds since its last delivery (none: long ago)."""
    row = await conn.fetchrow(_SQL["return_facts"], order_id)
    assert row is not None  # noqa: S101 - a row without FROM
    return row["country"], row["age"] if row["age"] is not None else 0.0


async def categories(conn: Connection, skus: Sequence[str]) -> dict[str, str]:
    """Categories by item."""
    rows = await conn.fetch(_SQL["return_categories"], list(skus))
    return {row["sku"]: row["category"] for row in rows}


async def taken(conn: Connection, order_id: str, but: str | None = None) -> dict[str, int]:
    """Units by line that are in a return or came back by one, without the return `but`."""
    rows = await conn.fetch(_SQL["taken_by_returns"], order_id, but)
    return {row["line_id"]: row["units"] for row in rows}


async def home(conn: Connection, order_id: str, line_ids: Sequence[str]) -> Home:
    """Where these lines came from: that is where they go back."""
    row = await conn.fetchrow(_SQL["home_of_return"], order_id, list(line_ids))
    assert row is not None, order_id  # noqa: S101 - something of it was delivered
    return Home(**row)


async def add(  # noqa: PLR0913 - a return has these parts
    conn: Connection,
    order_id: str,
    lines: Sequence[tuple[Wanted, str, Words]],
    decision: Decision,
    where: Home,
    by: By,
    *,
    deadline: float,
    start: Mapping[str, Any],
    announced: bool = True,
) -> str:
    """Write a return down, with the row that starts its workflow; its id.

    `lines` are (what, sku, words); `deadline` is the law's, in seconds. What nobody announced
    begins as received, without units: its receipt brings them.
    """
    return_id = new_id("ret")
    stage = ReturnStage.REQUESTED if announced else ReturnStage.RECEIVED
    number = await conn.fetchval(
        _SQL["add_return"], return_id, order_id, stage, announced, decision.decides,
        decision.label, decision.shipping_paid_by, decision.fee, decision.refund_to,
        decision.expires_after, dict(decision.why), where.warehouse, where.provider,
        where.service, by.actor, deadline,
    )  # fmt: skip
    for wanted, sku, words in lines:
        await conn.execute(
            _SQL["add_return_line"], return_id, wanted.line_id, sku, wanted.quantity,
            wanted.reason, words.note, list(words.photos),
        )  # fmt: skip
    told = [{"line_id": w.line_id, "quantity": w.quantity, "reason": w.reason} for w, _, _ in lines]
    data = {"return_id": return_id, "number": number, "lines": told, "policy": dict(decision.why)}
    if announced:
        await timeline.record(
            conn, order_id, "return_requested", actor=by.actor, role=by.role, data=data
        )
    await outbox.add(conn, return_id, outbox.START_RETURN, start)
    await roll_up(conn, order_id)
    return return_id


# -- rows and steps ------------------------------------------------------------------------------


async def owner(conn: Connection | Pool, return_id: str) -> str:
    """The order of a return; NotFound when there is none."""
    order_id: str | None = await conn.fetchval(_SQL["owner_of_return"], return_id)
    if order_id is None:
        message = f"There is no return {return_id}."
        raise NotFound(message)
    return order_id


async def load(conn: Connection | Pool, return_id: str) -> Return:
    """The snapshot as the transaction sees it."""
    row = await conn.fetchrow(_SQL["load_return"], return_id)
    if row is None:
        message = f"There is no return {return_id}."
        raise NotFound(message)
    times = {
        name: row[name].isoformat() if row[name] else ""
        for name in ("refund_due_at", "expires_at", "remind_at")
    }
    return Return(
        **dict(row)
        | times
        | {
            "status": ReturnStage(row["status"]),
            "decides": Decides(row["decides"]),
            "lines": [ReturnLine(**line) for line in row["lines"]],
            "attention": list(row["attention"]),
        }
    )


async def move(
    conn: Connection, ret: Return, status: ReturnStage, reason: str | None = None
) -> Return:
    """The next status, by its table; the order's axis follows, and its end needs nobody."""
    advance(RETURN, ret.status, status)
    await conn.execute(_SQL["move_return"], ret.id, status, reason)
    if not RETURN[status]:
        for code in ret.attention:
            await orders.clear_attention(conn, ret.order_id, code, ret.id)
    await roll_up(conn, ret.order_id)
    return await load(conn, ret.id)


async def roll_up(conn: Connection, order_id: str) -> None:
    """The order's axis follows its returns."""
    rows = await conn.fetch(_SQL["statuses_of_returns"], order_id)
    parts = [(ReturnStage(row["status"]), row["accepted"]) for row in rows]
    status: ReturnStatus = rolled_up(parts)
    await orders.save(conn, order_id, return_status=status)


async def need(conn: Connection, ret: Return, code: str, detail: str) -> None:
    """It waits for a person."""
    can = attention.CAN[code]
    await orders.set_attention(conn, ret.order_id, code, ret.id, detail, can)


async def record(
    conn: Connection,
    ret: Return,
    type_: str,
    by: By,
    data: Mapping[str, Any] | None = None,
    note: str | None = None,
) -> None:
    """An event of it in the order's timeline."""
    told = {"return_id": ret.id, "number": ret.number, **(data or {})}
    await timeline.record(
        conn, ret.order_id, type_, actor=by.actor, role=by.role, data=told, note=note
    )


@dataclass
class Step:
    """One step of one return inside its transaction. `done` tells that it happened before."""

    conn: Connection
    ret: Return
    done: bool
    inner: orders.Step

    async def move(self, status: ReturnStage, reason: str | None = None) -> Return:
        """The next status."""
        self.ret = await move(self.conn, self.ret, status, reason)
        return self.ret

    async def reload(self) -> Return:
        """The snapshot after it."""
        self.ret = await load(self.conn, self.ret.id)
        return self.ret


@asynccontextmanager
async def once(pool: Pool, return_id: str, cause: str) -> AsyncIterator[Step]:
    """A transaction that locks the return's order and does the step named `cause` at most once."""
    order_id = await owner(pool, return_id)
    async with orders.once(pool, order_id, f"{return_id}:{cause}") as step:
        yield Step(step.conn, await load(step.conn, return_id), step.done, step)


async def remind(conn: Connection, return_id: str) -> None:
    """The customer is reminded, once."""
    await conn.execute(_SQL["remind_return"], return_id)


async def value(conn: Connection, return_id: str, amount: int, refund_id: str | None) -> None:
    """What goes back for it, and by which refund."""
    await conn.execute(_SQL["value_return"], return_id, amount, refund_id)


# -- the label and its way -----------------------------------------------------------------------


async def for_label(conn: Connection | Pool, return_id: str) -> LabelRow:
    """The return as a carrier needs it."""
    row = await conn.fetchrow(_SQL["return_for_label"], return_id)
    assert row is not None, return_id  # noqa: S101 - returns are never deleted
    return LabelRow(**row)


async def keep_label(conn: Connection | Pool, return_id: str, label: Label) -> None:
    """The label's details; kept once."""
    await conn.execute(
        _SQL["keep_return_label"], return_id, label.carrier, label.provider_ref,
        label.tracking_number, label.tracking_url, label.label_url, label.cost.amount,
        label.cost.currency,
    )  # fmt: skip


async def hear(conn: Connection, provider: str, news: Row) -> str | None:
    """A carrier's scan of a parcel that a customer sent: what became of it; None: no such parcel.

    It is on its way by the first scan that moves it. A lost one waits for a person. That it was
    delivered says nothing of what is in it: the warehouse receives it.
    """
    found = await conn.fetchrow(_SQL["find_return_by_tracking"], provider, news["tracking_number"])
    if found is None:
        return None
    await orders.lock(conn, found["order_id"])
    ret = await load(conn, found["id"])
    found = await conn.fetchrow(_SQL["find_return_by_tracking"], provider, news["tracking_number"])
    assert found is not None  # noqa: S101 - a label's number does not change
    status, at = TrackingStatus(news["status"]), datetime.fromisoformat(news["occurred_at"])
    known = TrackingStatus(found["tracking_status"])
    newer = found["tracking_at"] is None or at >= found["tracking_at"]
    if not tracking_moves(known, status, newer=newer):
        return "old"
    await conn.execute(_SQL["track_return"], ret.id, status, at)
    by = By(provider, "carrier")
    await record(conn, ret, f"return_parcel_{status}", by)
    if ret.status is ReturnStage.APPROVED and status not in _NOT_MOVING:
        ret = await move(conn, ret, ReturnStage.IN_TRANSIT)
    if status is TrackingStatus.LOST and not (ret.here or ret.over):
        detail = f"the carrier lost the parcel of {ret.number}"
        await need(conn, ret, attention.RETURN_LOST, detail)
    elif known is TrackingStatus.LOST:
        await orders.clear_attention(conn, ret.order_id, attention.RETURN_LOST, ret.id)
    if not ret.over:
        await outbox.add(conn, ret.id, outbox.RETURN_MOVED, {})
    return "told"


# -- reads ---------------------------------------------------------------------------------------


async def listed(
    conn: Connection,
    *,
    return_id: str | None = None,
    statuses: Sequence[str] | None = None,
    order_id: str | None = None,
    before: str | None = None,
    limit: int = 1,
) -> list[Row]:
    """Returns with their lines, newest first."""
    wanted = list(statuses) if statuses else None
    rows = await conn.fetch(_SQL["list_returns"], return_id, wanted, order_id, before, limit)
    return [dict(row) for row in rows]


async def events(conn: Connection, order_id: str, return_id: str) -> list[Row]:
    """What the order's timeline tells of it, oldest first."""
    rows = await conn.fetch(_SQL["events_of_return"], order_id, return_id)
    return [dict(row) for row in rows]


async def order_of_number(conn: Connection, number: str) -> str | None:
    """The order of that number."""
    found: str | None = await conn.fetchval(_SQL["order_by_number"], number)
    return found


async def start_row(conn: Connection, return_id: str) -> OutboxRow | None:
    """The row that asks for its workflow, while nobody has carried it out."""
    row = await conn.fetchrow(_SQL["return_start_row"], return_id)
    return None if row is None else OutboxRow(**row)
