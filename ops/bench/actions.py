"""What one order costs on Temporal: billable actions and history events of the one-parcel story.

Both are told by the history. The server itself counts actions, too (its metric `action`, which
Temporal Cloud bills by), and tells them a moment late: the sums of all orders are compared. An
order is lived alone, several times.
"""

import asyncio
import re
import time
from collections import Counter
from collections.abc import Sequence

import httpx2
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

from ops.bench.budgets import BUDGETS, actions_of
from ops.bench.results import Result, Row, middle
from ops.bench.stage import Stage, order, stage
from ops.client import Json, closed, open_work
from ops.stack.supervisor import Say
from workflows.client import TemporalAddress, connect
from workflows.ids import order_workflow_id

_ORDERS = 5
_QUIET_SECONDS = 3.0
_BUDGET = BUDGETS["one parcel"]
_MAILS = ("confirmed", "shipped", "delivered")

# action{action_type="command_StartTimer",namespace="default",...} 7
_ACTION = re.compile(
    r'^action\{[^}]*action_type="(?P<type>[^"]+)"[^}]*namespace="default"[^}]*\} (?P<count>\d+)',
    re.MULTILINE,
)


async def measure(say: Say) -> Result:
    """Live the story some times on a stack of its own."""
    # The scans come slower than Temporal works, as in life.
    slow = {"KERVAN_RETURN_WINDOW": "PT1S", "KERVAN_SANDBOX_SPEED": "60000"}
    async with stage(say, slow) as own:
        temporal = await connect(TemporalAddress(own.stack.urls.temporal))
        # The schedules of a new stack begin meanwhile, and would be counted with the first order.
        await _live(own, temporal, "warm-up")
        before = await settled(own)
        say(f"one order after the other, {_ORDERS} of them")
        lives = [await _live(own, temporal, f"A-{number}") for number in range(_ORDERS)]
        server = await settled(own) - before
    return _result(lives, server)


async def _live(own: Stage, temporal: Client, reference: str) -> Json:
    client = own.client
    placed = await client.place(order(reference))
    ready = await client.wait(
        placed["id"], lambda o: bool(open_work(o)), what="ready for the warehouse"
    )
    work = open_work(ready)[0]
    await client.start(work["id"])
    await client.pick(work)
    await client.pack(work)
    await client.wait(placed["id"], _labeled, what="labeled")
    await client.ship(work["id"])
    await client.wait(placed["id"], closed, what="completed")
    handle = temporal.get_workflow_handle(order_workflow_id(placed["id"]))
    await handle.result()
    history = await handle.fetch_history()
    events = [EventType.Name(e.event_type).removeprefix("EVENT_TYPE_") for e in history.events]
    mails = [
        event["data"]["milestone"]
        for event in await client.events(placed["id"])
        if event["type"] == "notification_sent"
    ]
    return {
        "actions": dict(sorted(actions_of(history.events).items())),
        "events": events,
        "history_bytes": sum(e.ByteSize() for e in history.events),
        "mails": sorted(mails),
    }


def _labeled(order_: Json) -> bool:
    return any(parcel["status"] == "label_purchased" for parcel in order_["shipments"])


async def counted(own: Stage) -> Counter[str]:
    """Return what the server has counted so far, by kind of action."""
    async with httpx2.AsyncClient(trust_env=False) as http:
        return count_actions((await http.get(own.stack.urls.temporal_metrics)).text)


async def settled(own: Stage) -> int:
    """What the server has counted, once it counts no more."""
    known, since = -1, time.monotonic()
    while time.monotonic() < since + _QUIET_SECONDS:
        total = sum((await counted(own)).values())
        if total != known:
            known, since = total, time.monotonic()
        await asyncio.sleep(_QUIET_SECONDS / 10)
    return known


def count_actions(text: str) -> Counter[str]:
    """Return billable actions by kind, from the server's metrics in Prometheus' text format."""
    counts: Counter[str] = Counter()
    for found in _ACTION.finditer(text):
        counts[found["type"]] += int(found["count"])
    return counts


def _result(lives: Sequence[Json], server: int) -> Result:
    actions = [sum(life["actions"].values()) for life in lives]
    events = [len(life["events"]) for life in lives]
    told = all(life["mails"] == sorted(_MAILS) for life in lives)
    last = lives[-1]
    figures = {
        "actions": middle(actions),
        "actions_of_each": actions,
        "actions_by_type": last["actions"],
        "actions_by_server": server,
        "events": middle(events),
        "events_of_each": events,
        "events_in_order": last["events"],
        "workflow_tasks": last["events"].count("WORKFLOW_TASK_COMPLETED"),
        "history_bytes": last["history_bytes"],
        "mails": last["mails"],
    }
    rows = [
        Row(
            "billable actions of an order",
            middle(actions),
            "actions",
            target=f"at most {_BUDGET.actions}",
            missed=max(actions) > _BUDGET.actions,
        ),
        Row(
            "history events of an order",
            middle(events),
            "events",
            target=f"at most {_BUDGET.events}",
            missed=max(events) > _BUDGET.events,
        ),
    ]
    by_type = ", ".join(f"{count} {name}" for name, count in last["actions"].items())
    notes = [
        f"actions of each order: {actions}; events: {events}",
        f"in all {sum(actions)} actions; by the server's count {server}",
        f"of the last: {by_type}",
        f"mails: {', '.join(last['mails'])}" + ("" if told else " (not the three of the story)"),
        *(f"{number:3d} {name}" for number, name in enumerate(last["events"], start=1)),
    ]
    return Result("actions", rows, figures, notes)
