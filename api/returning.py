"""Asking for a return: what the rules say of it, written down with the request."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from api.deps import Services
from api.errors import FieldError, invalid, not_found
from api.exchanging import Wish, open_exchange, plan_of_return
from api.return_views import goods_back
from api.schemas.returns import ReturnIn, ReturnLineIn
from db import orders, reads, return_rules, returns, timeline
from db.pool import Connection
from db.returns import By, Words
from domain.errors import NotFound, Refused
from domain.order import Order
from domain.return_rules import DROP_OFF, ORIGINAL, SHOP, Decides, Decision, Wanted, decide
from domain.returns import Return, can_ask
from settings import Settings


async def locked(conn: Connection, order_id: str) -> Order:
    """The order, until the end of the transaction; 404 when there is none."""
    try:
        await orders.lock(conn, order_id)
    except NotFound:
        raise not_found("order") from None
    return await orders.load(conn, order_id)


async def ask(conn: Connection, own: Services, order_id: str, body: ReturnIn, by: By) -> str:
    """Write a customer's wish down; its id.

    Raises:
        Refused: see `domain.returns.can_ask` and `decide`.

    """
    order = await locked(conn, order_id)
    wanted = {line.line_id: line.quantity for line in body.lines}
    can_ask(order, wanted, await returns.taken(conn, order_id))
    skus = {line.line_id: _sku(order, line.line_id) for line in body.lines}
    kinds = await returns.categories(conn, list(skus.values()))
    lines = [
        (
            Wanted(x.line_id, x.quantity, x.reason, kinds.get(skus[x.line_id], "")),
            skus[x.line_id],
            Words(x.note, x.photos),
        )
        for x in body.lines
    ]
    country, age = await returns.facts(conn, order_id)
    decision = decide(
        [line for line, _, _ in lines],
        await return_rules.rules(conn),
        country=country,
        currency=order.currency,
        age=age,
        window=own.settings.return_window.total_seconds(),
    )
    home = await returns.home(conn, order_id, list(skus))
    start = await start_of(conn, own.settings, order_id)
    deadline = own.settings.refund_deadline.total_seconds()
    return_id = await returns.add(
        conn, order_id, lines, decision, home, by, deadline=deadline, start=start, wants=body.wants
    )
    if body.wants == "exchange" and decision.decides is Decides.APPROVE:
        await _same_again(conn, own, await returns.load(conn, return_id), by)
    return return_id


async def _same_again(conn: Connection, own: Services, ret: Return, by: By) -> None:
    """What is approved is exchanged by itself, as it was asked for; what cannot be waits for staff
    (`exchange_wanted`).
    """
    order = await orders.load(conn, ret.order_id)
    wish = Wish({line.line_id: line.quantity for line in ret.lines})
    try:
        await open_exchange(conn, own, by, await plan_of_return(conn, order, ret, wish))
    except Refused as why:
        await note_refusal(conn, order.id, "exchange_refused", by, why, return_id=ret.id)


async def grant_wish(conn: Connection, own: Services, return_id: str, by: By) -> None:
    """A person has approved it: an exchange that was asked for is opened, once."""
    ret = await returns.load(conn, return_id)
    if ret.wants == "exchange":
        await orders.lock(conn, ret.order_id)
        await _same_again(conn, own, ret, by)


async def unannounced(
    conn: Connection, own: Services, order: Order, line_ids: Sequence[str], by: By
) -> str:
    """A return for what stands at the dock without a word: its receipt is next; its id.

    Nothing is kept of its money: whoever looks at the goods decides what is accepted.
    """
    why = {"unannounced": True}
    decision = Decision(Decides.APPROVE, DROP_OFF, SHOP, 0, ORIGINAL, 1_209_600, why)
    home = await returns.home(conn, order.id, line_ids)
    start = await start_of(conn, own.settings, order.id)
    deadline = own.settings.refund_deadline.total_seconds()
    return await returns.add(
        conn, order.id, [], decision, home, by, deadline=deadline, start=start, announced=False
    )


async def start_of(conn: Connection, settings: Settings, order_id: str) -> dict[str, Any]:
    """What its workflow begins with."""
    row = await reads.order(conn, order_id)
    assert row is not None  # noqa: S101 - its lock is held
    policy = {
        "step_attempts": settings.step_attempts,
        "step_retry_interval": settings.step_retry_interval.total_seconds(),
    }
    return {"order_number": row["number"], "policy": policy}


def _sku(order: Order, line_id: str) -> str:
    line = order.line(line_id)
    assert line is not None  # noqa: S101 - it was looked up before
    return line.sku


def once_each(lines: Sequence[ReturnLineIn]) -> None:
    """422 for lines that stand in a request twice."""
    count = Counter(line.line_id for line in lines)
    detail = "The line stands there twice."
    twice = [i for i, line in enumerate(lines) if count[line.line_id] > 1]
    if twice:
        raise invalid([FieldError(f"/lines/{i}/line_id", "duplicate", detail) for i in twice])


async def note_refusal(
    conn: Connection, order_id: str, what: str, by: By, refusal: Refused, **data: str
) -> None:
    """A refused request stands in the order's timeline."""
    told = {**data, "code": refusal.code, "current": dict(refusal.current)}
    await timeline.record(conn, order_id, what, actor=by.actor, role=by.role, data=told)


async def shown(conn: Connection, return_id: str, *, contact: bool) -> dict[str, Any]:
    """A return as the API shows it; 404 when there is none."""
    rows = await returns.listed(conn, return_id=return_id)
    if not rows:
        raise not_found("return")
    return goods_back(rows[0], rows[0]["currency"], contact=contact)
