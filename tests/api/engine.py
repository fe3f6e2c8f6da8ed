"""A workflow that answers requests as it is told to, on the real server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from temporalio import workflow
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from workflows.messages import (
    CancelRequest,
    HoldRequest,
    LeaveRequest,
    OfferAnswer,
    OrderInput,
    Outcome,
    PackRequest,
    PaymentRequest,
    ReleaseRequest,
    ResolveRequest,
    RetryRequest,
    ShipRequest,
)

OUTCOME = Outcome("confirmed", "authorized", "unfulfilled", "no_return")


@workflow.defn(name="OrderWorkflow")
class ObedientOrder:
    """Accepts everything, refuses when the reason is `refuse`, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.over = False

    @workflow.run
    async def run(self, order: OrderInput) -> None:
        assert order.number
        await workflow.wait_condition(lambda: self.over)

    def _take(self, request: Any) -> Outcome:
        self.asked.append(request)
        return OUTCOME

    @workflow.update(unfinished_policy=workflow.HandlerUnfinishedPolicy.ABANDON)
    async def cancel(self, request: CancelRequest) -> Outcome:
        self.asked.append(request)
        if request.reason == "slow":
            await workflow.wait_condition(lambda: False)
        return OUTCOME

    @cancel.validator
    def can_cancel(self, request: CancelRequest) -> None:
        if request.reason == "refuse":
            refusal = {
                "code": "already_shipped",
                "detail": "A parcel has left.",
                "current": {"status": "confirmed"},
            }
            raise ApplicationError("already_shipped", refusal, type="Refused", non_retryable=True)

    @workflow.update
    async def leave_queue(self, request: LeaveRequest) -> Outcome:
        if any(part.quantity > 1 for part in request.lines):
            raise _refusal("too_many_units")
        return self._take(request)

    @workflow.update
    async def answer_offer(self, request: OfferAnswer) -> Outcome:
        if request.offer_id == "sub_over":
            raise _refusal("offer_over")
        return self._take(request)

    @workflow.update
    async def hold(self, request: HoldRequest) -> Outcome:
        return self._take(request)

    @workflow.update
    async def release(self, request: ReleaseRequest) -> Outcome:
        return self._take(request)

    @workflow.update
    async def retry(self, request: RetryRequest) -> Outcome:
        return self._take(request)

    @workflow.update
    async def add_payment(self, request: PaymentRequest) -> Outcome:
        if request.asker.role == "support":
            refusal = {"code": "payment_not_needed", "detail": "Covered.", "current": {}}
            raise ApplicationError("no", refusal, type="Refused", non_retryable=True)
        return self._take(request)

    @workflow.update
    async def pack(self, request: PackRequest) -> Outcome:
        return self._take(request)

    @workflow.update
    async def ship(self, request: ShipRequest) -> Outcome:
        return self._take(request)

    @workflow.update
    async def resolve_parcel(self, request: ResolveRequest) -> Outcome:
        if request.action == "wait" and not request.seconds:
            raise _refusal("parcel_settled")
        return self._take(request)

    @workflow.signal
    def end(self) -> None:
        self.over = True

    @workflow.query
    def requests(self) -> int:
        return len(self.asked)

    @workflow.query
    def last(self) -> dict[str, Any]:
        return dict(vars(self.asked[-1]))


def _refusal(code: str) -> ApplicationError:
    refusal = {"code": code, "detail": "No.", "current": {"status": "confirmed"}}
    return ApplicationError(code, refusal, type="Refused", non_retryable=True)


@asynccontextmanager
async def obedient_worker(client: Client, task_queue: str) -> AsyncIterator[Worker]:
    """A worker of such workflows."""
    worker = Worker(
        client,
        task_queue=task_queue,
        workflows=[ObedientOrder],
        workflow_runner=UnsandboxedWorkflowRunner(),
    )
    async with worker:
        yield worker
        await asyncio.sleep(0)
