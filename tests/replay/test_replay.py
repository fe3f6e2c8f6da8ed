"""Orders that began under older code go on under this one: their histories replay without a step
too many, too few, or in another order. And a change that would break them is noticed.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer, UnsandboxedWorkflowRunner

from tests.replay.record import HISTORIES
from tests.replay.stories import STORIES
from worker import workflow_runner
from workflows import desk, payment
from workflows.order import OrderWorkflow
from workflows.purchase_order import PurchaseOrderWorkflow
from workflows.returns import ReturnWorkflow

FILES = sorted(HISTORIES.glob("*.json"))


def history(name: str) -> WorkflowHistory:
    """A committed one."""
    return WorkflowHistory.from_json(name, (HISTORIES / f"{name}.json").read_text())


def test_every_story_has_its_history() -> None:
    assert {file.stem for file in FILES} >= set(STORIES)


@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
async def test_a_committed_history_replays(file: Path) -> None:
    workflows = [OrderWorkflow, PurchaseOrderWorkflow, ReturnWorkflow]
    replayer = Replayer(workflows=workflows, workflow_runner=workflow_runner())
    await replayer.replay_workflow(history(file.stem))


async def outside(self: Any, step: Callable[..., Awaitable[Any]], task: object) -> Any:
    """Every database step as a regular activity."""
    return await self._insist(step, task)


def nothing(*_: object) -> None:
    """Leave it out."""


@pytest.mark.parametrize(
    ("where", "what", "instead"),
    [
        (desk.Desk, "record", outside),
        (desk.Desk, "notify", nothing),
        (payment.Payment, "collect", nothing),
    ],
    ids=["steps by regular activities", "no mail", "no capture"],
)
async def test_a_change_of_what_is_scheduled_is_caught(
    monkeypatch: pytest.MonkeyPatch, where: type, what: str, instead: Callable[..., Any]
) -> None:
    replayer = Replayer(workflows=[OrderWorkflow], workflow_runner=UnsandboxedWorkflowRunner())
    await replayer.replay_workflow(history("paid_by_card_in_one_parcel"))
    monkeypatch.setattr(where, what, instead)
    with pytest.raises(workflow.NondeterminismError):
        await replayer.replay_workflow(history("paid_by_card_in_one_parcel"))


async def test_a_purchase_order_that_reminds_nobody_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    purchases = [PurchaseOrderWorkflow]
    replayer = Replayer(workflows=purchases, workflow_runner=UnsandboxedWorkflowRunner())
    await replayer.replay_workflow(history("bought_late_and_in_parts"))
    monkeypatch.setattr(PurchaseOrderWorkflow, "_mail", nothing)
    with pytest.raises(workflow.NondeterminismError):
        await replayer.replay_workflow(history("bought_late_and_in_parts"))


async def test_a_return_that_tells_nobody_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    replayer = Replayer(workflows=[ReturnWorkflow], workflow_runner=UnsandboxedWorkflowRunner())
    await replayer.replay_workflow(history("sent_back_in_two_parcels"))
    monkeypatch.setattr(ReturnWorkflow, "_tell_customer", nothing)
    with pytest.raises(workflow.NondeterminismError):
        await replayer.replay_workflow(history("sent_back_in_two_parcels"))
