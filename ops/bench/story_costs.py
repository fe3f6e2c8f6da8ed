"""What each story costs on Temporal: billable actions and events, from the histories of all
workflows that it starts. The server's own count of actions, which comes a moment late, is compared
with the sum of all stories.
"""

from collections.abc import Mapping, Sequence

from temporalio.client import Client

from ops.bench.actions import settled
from ops.bench.budgets import BUDGETS, Budget, actions_of
from ops.bench.results import Result, Row
from ops.bench.stage import Stage, stage
from ops.bench.stories import STORIES, play, workflows_of
from ops.client import Json
from ops.stack.supervisor import Say
from workflows.client import TemporalAddress, connect

_TIMES = 2
# The carrier moves when it is told; a customer has time to send something back.
_ENVIRONMENT = {
    "KERVAN_RETURN_WINDOW": "PT3S",
    "KERVAN_SANDBOX_SPEED": "0",
    "KERVAN_FEEDBACK_AFTER": "PT0S",
}


async def measure(say: Say) -> Result:
    """Live all stories on a stack of their own."""
    costs: dict[str, list[Json]] = {}
    async with stage(say, _ENVIRONMENT) as own:
        temporal = await connect(TemporalAddress(own.stack.urls.temporal))
        # The schedules of a new stack have begun by then.
        await _cost(own, temporal, "one parcel", "warm-up")
        before = await settled(own)
        for name in STORIES:
            say(f"{name}, {_TIMES} times")
            costs[name] = [await _cost(own, temporal, name, f"{name}-{n}") for n in range(_TIMES)]
        server = await settled(own) - before
    return result(costs, server)


async def _cost(own: Stage, temporal: Client, name: str, reference: str) -> Json:
    ended = await play(own, temporal, name, reference)
    found: dict[str, Json] = {}
    for workflow_id in workflows_of(ended, asked=name == "asked how it was"):
        handle = temporal.get_workflow_handle(workflow_id)
        await handle.result()
        history = (await handle.fetch_history()).events
        kind = history[0].workflow_execution_started_event_attributes.workflow_type.name
        # An exchange has two orders.
        cost = found.setdefault(kind, {"actions": 0, "events": 0})
        cost["actions"] += actions_of(history).total()
        cost["events"] += len(history)
    return {
        "actions": sum(one["actions"] for one in found.values()),
        "events": sum(one["events"] for one in found.values()),
        "workflows": found,
    }


def result(
    costs: Mapping[str, Sequence[Json]],
    server: int,
    budgets: Mapping[str, Budget] = BUDGETS,
) -> Result:
    """A row for each story's actions and events beside its budget; missed when it is exceeded.

    `server` is how many actions the server counted for all of them.
    """
    rows, notes = [], []
    for name, lives in costs.items():
        budget = budgets[name]
        for what, most in (("actions", budget.actions), ("events", budget.events)):
            worst = max(life[what] for life in lives)
            target = f"at most {most}"
            rows.append(Row(f"{name}: {what}", worst, what, target=target, missed=worst > most))
        notes += [f"{name}: {_in_words(life)}" for life in lives]
    ours = sum(life["actions"] for lives in costs.values() for life in lives)
    notes.append(f"all of them: {ours} actions by their histories, {server} by the server's count")
    figures = {"stories": dict(costs), "actions": ours, "actions_by_server": server}
    return Result("stories", rows, figures, notes)


def _in_words(life: Json) -> str:
    each = ", ".join(
        f"{kind} {cost['actions']}/{cost['events']}" for kind, cost in life["workflows"].items()
    )
    return f"{life['actions']} actions, {life['events']} events ({each})"
