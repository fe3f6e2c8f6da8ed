"""Returns: their rows, steps and reads.

Callers hold the order's lock, except for reads: a return that is asked
for while its order closes is before it or after it, and right either way.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from db import exchanges, orders, outbox, timeline
from db.new_ids import new_id
from db.outbox import OutboxRow
from db.pool import Connection, Pool
from db.sql import queries
from domain import attention
from domain.errors import NotFound
from domain.return_rules import Decides, Decision, Wanted
from domain.returns import Return, ReturnLine, rolled_up
from domain.states import RETURN, ReturnStage, ReturnStatus, advance

_SQL = queries("returns")

Row = Mapping[str, Any]


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
    wants: str = "refund",
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
        where.service, by.actor, deadline, decision.exchange_sent, wants,
    )  # fmt: skip
    for wanted, sku, words in lines:
        await conn.execute(
            _SQL["add_return_line"], return_id, wanted.line_id, sku, wanted.quantity,
            wanted.reason, words.note, list(words.photos),
        )  # fmt: skip
    told = [{"line_id": w.line_id, "quantity": w.quantity, "reason": w.reason} for w, _, _ in lines]
    data = {"return_id": return_id, "number": number, "lines": told, "policy": dict(decision.why)}
    if wants != "refund":
        data["wants"] = wants
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
    await exchanges.follow(conn, ret.id, status, accepted=bool(ret.accepted))
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
