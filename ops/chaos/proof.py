"""Proof that a run lost nothing and did nothing twice: what every witness says at the end.

Witnesses are the API, the sandbox's own ledgers, PostgreSQL, the mail directory and Temporal.
Each function names what is wrong; nothing named is the proof.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from temporalio.client import Client

from db.pool import Connection
from ops.chaos.life import Life
from ops.chaos.scripts import Ending, Script
from ops.client import Json
from workflows.ids import order_workflow_id

# A worker that was killed in the middle of a task has the engine wait for it for ten.
_ENGINE_SECONDS = 45.0

# Each query answers rows only where something is wrong.
_BOOKS: Mapping[str, str] = {
    "stock counters that are not the sum of their movements": """
        SELECT l.sku, l.warehouse, l.on_hand, l.allocated, l.held, l.safety, l.damaged,
               m.on_hand AS moved_on_hand, m.allocated AS moved_allocated
        FROM stock_levels l LEFT JOIN LATERAL (
            SELECT coalesce(sum(on_hand), 0) AS on_hand, coalesce(sum(allocated), 0) AS allocated,
                   coalesce(sum(held), 0) AS held, coalesce(sum(safety), 0) AS safety,
                   coalesce(sum(damaged), 0) AS damaged
            FROM stock_movements s WHERE s.sku = l.sku AND s.warehouse = l.warehouse) m ON true
        WHERE (l.on_hand, l.allocated, l.held, l.safety, l.damaged)
           IS DISTINCT FROM (m.on_hand, m.allocated, m.held, m.safety, m.damaged)""",
    "stock allocated without an order that claims it": """
        SELECT l.sku, l.warehouse, l.allocated, coalesce(r.claimed, 0) AS claimed
        FROM stock_levels l LEFT JOIN (
            SELECT sku, warehouse, sum(quantity) AS claimed FROM reservations
            WHERE status = 'allocated' GROUP BY sku, warehouse) r USING (sku, warehouse)
        WHERE l.allocated <> coalesce(r.claimed, 0)""",
    "claims on stock of orders that are closed": """
        SELECT r.order_id, r.sku, r.status, r.quantity FROM reservations r
        JOIN orders o ON o.id = r.order_id
        WHERE o.status IN ('completed', 'canceled', 'expired')
          AND r.status IN ('held', 'allocated', 'backordered')""",
    "payments that are not what the money ledger says": """
        SELECT p.order_id, p.id, p.captured, p.refunded, l.captured AS booked_captured,
               l.refunded AS booked_refunded
        FROM payments p LEFT JOIN LATERAL (
            SELECT coalesce(sum(amount) FILTER (WHERE kind = 'capture'), 0) AS captured,
                   coalesce(sum(amount) FILTER (WHERE kind = 'refund'), 0) AS refunded
            FROM money_ledger WHERE payment_id = p.id) l ON true
        WHERE (p.captured, p.refunded) IS DISTINCT FROM (l.captured, l.refunded)""",
    "news that was never told (outbox)": "SELECT order_id, kind, attempts, error FROM outbox",
    "news that was never read (inbox)": """
        SELECT source, event_id, attempts, outcome FROM inbox
        WHERE processed_at IS NULL OR outcome = 'unmatched'""",
    "mails that were planned and not sent": """
        SELECT order_id, milestone, subject, status FROM notifications WHERE status <> 'sent'""",
    "things that happen once and stand in a timeline twice": """
        SELECT order_id, type, count(*) AS times FROM events
        WHERE type IN ('order_placed', 'order_confirmed', 'order_completed', 'order_canceled',
                       'order_expired', 'cancel_started')
        GROUP BY order_id, type HAVING count(*) > 1""",
    "orders that nobody was told were accepted": """
        SELECT id, number, status FROM orders WHERE channel_order_id <> ALL($1::text[])""",
}
_SHOWN = 3


async def books(connection: Connection, references: Sequence[str]) -> list[str]:
    """Name what PostgreSQL itself says is wrong; `references` are the orders that were accepted."""
    return await named(connection, _BOOKS, list(references))


async def named(
    connection: Connection, queries: Mapping[str, str], references: Sequence[str] = ()
) -> list[str]:
    """Name each thing that its query finds, with a few examples."""
    wrong = []
    for what, query in queries.items():
        arguments = [references] if "$1" in query else []
        rows = await connection.fetch(query, *arguments)
        if rows:
            examples = "; ".join(str(dict(row)) for row in rows[:_SHOWN])
            wrong.append(f"{len(rows)} {what}: {examples}")
    return wrong


def order_wrongs(
    script: Script, life: Life, order: Json, events: Sequence[Json], payments: Sequence[Json]
) -> list[str]:
    """Name what is wrong with one order; `payments` are the provider's."""
    ending = script.ending(life.basket)
    wrong = [
        *_state(ending, order),
        *_money(ending, order, payments),
        *_mails(ending, events),
    ]
    return [f"{order['number']} {order['id']} ({script.name}): {one}" for one in wrong]


def _state(ending: Ending, order: Json) -> Iterator[str]:
    if order["status"] != ending.status:
        yield f"status is {order['status']}, not {ending.status}"
    if order["payment_status"] not in ending.payment:
        yield f"payment_status is {order['payment_status']}, not {sorted(ending.payment)}"
    if order["fulfillment_status"] != ending.goods:
        yield f"fulfillment_status is {order['fulfillment_status']}, not {ending.goods}"
    if {one["code"] for one in order["attention"]} != ending.attention:
        codes = sorted(one["code"] for one in order["attention"])
        yield f"asks for a person: {codes}, not {sorted(ending.attention)}"
    for line in order["lines"]:
        known = sum(line[n] for n in ("open", "allocated", "backordered", "shipped", "canceled"))
        if known != line["quantity"]:
            yield f"{line['id']}: {line['quantity']} ordered, {known} accounted for"


def _money(ending: Ending, order: Json, payments: Sequence[Json]) -> Iterator[str]:
    for name, expected in (("captured", ending.captured), ("refunded", ending.refunded)):
        taken = sum(one[name]["amount"] for one in payments)
        if taken != expected:
            yield f"the provider {name} {taken}, not {expected}"
        ours = Counter({one["id"]: one[name]["amount"] for one in order["payments"]})
        theirs: Counter[str] = Counter()
        for one in payments:
            theirs[one["payment"]] += one[name]["amount"]
        if +ours != +theirs:
            yield f"{name}: we say {dict(+ours)}, the provider says {dict(+theirs)}"
    if ending.authorizations is not None and len(payments) != ending.authorizations:
        yield f"{len(payments)} authorizations at the provider, not {ending.authorizations}"
    reserved = [one["id"] for one in payments if one["status"] in {"authorized", "action_required"}]
    if reserved and order["status"] in {"completed", "canceled", "expired"}:
        yield f"closed, and the provider still holds {reserved}"


def _mails(ending: Ending, events: Sequence[Json]) -> Iterator[str]:
    told = Counter(e["data"]["milestone"] for e in events if e["type"] == "notification_sent")
    for milestone in ending.maybe:
        if told[milestone] == 1:
            del told[milestone]
    if told != Counter(ending.mails):
        yield f"mails told: {dict(told)}, not {dict(ending.mails)}"


def mail_wrongs(mail_dir: Path, sent: int) -> list[str]:
    """Name it when there are more or fewer files than mails that were sent."""
    files = len(list(mail_dir.glob("*.eml")))
    return [] if files == sent else [f"{files} mails in the directory, {sent} were sent"]


async def engine_wrongs(client: Client, running: Mapping[str, bool]) -> list[str]:
    """Name workflows that failed, that are stuck in a defect, or that run when they should not.

    `running` says of each order id whether its workflow still has something to wait for. Rows are
    closed before the workflow ends, and the engine's list is a moment behind both.
    """
    deadline = time.monotonic() + _ENGINE_SECONDS
    while (wrong := await _engine_wrongs(client, running)) and time.monotonic() < deadline:
        await asyncio.sleep(1)
    return wrong


async def _engine_wrongs(client: Client, running: Mapping[str, bool]) -> list[str]:
    wrong = []
    expected = {order_workflow_id(order_id): runs for order_id, runs in running.items()}
    found: dict[str, str] = {}
    async for one in client.list_workflows("WorkflowType = 'OrderWorkflow'"):
        status = one.status.name if one.status is not None else "UNKNOWN"
        if one.id in found:
            wrong.append(f"{one.id} ran twice: {found[one.id]} and {status}")
        found[one.id] = status
        if status != ("RUNNING" if expected.get(one.id) else "COMPLETED"):
            wrong.append(f"{one.id} is {status}")
    if missing := expected.keys() - found.keys():
        wrong.append(f"{len(missing)} orders without a workflow: {sorted(missing)[:_SHOWN]}")
    stuck = "WorkflowType = 'OrderWorkflow' AND TemporalReportedProblems IS NOT NULL"
    return wrong + [
        f"{one.id} has problems: {_problems(one.search_attributes)}"
        async for one in client.list_workflows(stuck)
    ]


def _problems(attributes: Mapping[str, Any]) -> object:
    return attributes.get("TemporalReportedProblems")
