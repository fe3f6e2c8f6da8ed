"""One refund: each tender gives its part back, however long its provider takes."""

import asyncio
from collections import Counter
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.contracts import PaymentCall
    from activities.notifications import NotificationActivities
    from activities.payments import PaymentActivities
    from activities.refund_contracts import PartEnded, RefundPart, RefundTask
    from activities.refunds import RefundActivities
    from domain.attention import REFUND_STUCK
    from domain.notices import notification_id
    from domain.states import OperationKind, OperationStatus
    from workflows import ids, policies
    from workflows.desk import reason_of
    from workflows.refund_messages import RefundInput, RefundOutcome


@workflow.defn
class RefundWorkflow:
    """It was opened under the order's lock and is owed to the customer: it ends when it is given.

    A part whose provider is away is tried again by itself; one that is refused for good waits until
    a person asks for another try. The order may live on, or be over.
    """

    @workflow.init
    def __init__(self, start: RefundInput) -> None:
        self._start = start
        self._waiting: dict[str, str] = {}
        self._tries: Counter[str] = Counter()
        self._retries = 0

    @workflow.run
    async def run(self, start: RefundInput) -> RefundOutcome:
        """Give it back, tell the customer."""
        task = start.task
        await asyncio.gather(*(self._give_back(task, part) for part in task.parts))
        await workflow.execute_activity_method(
            RefundActivities.finish_refund, task, **policies.DATABASE_FOR_EVER
        )
        await self._tell(task)
        return RefundOutcome()

    async def _give_back(self, task: RefundTask, part: RefundPart) -> None:
        """Ask until it is given back. Another try after a refusal is another operation."""
        maybe_sent = False
        while True:
            number = self._tries[part.payment_id]
            cause = task.refund_id + (f"-{number}" if number else "")
            call = PaymentCall(
                task.order_id, part.payment_id, OperationKind.REFUND, cause, part.amount, maybe_sent
            )
            try:
                result = await workflow.execute_activity_method(
                    PaymentActivities.refund_payment,
                    call,
                    summary=f"refund {part.amount} of {part.payment_id}",
                    **policies.outside(self._start.step_attempts),
                )
            except ActivityError as error:
                status, reason = _why(error)
            else:
                status, reason = result.status, result.reason
            ended = PartEnded(
                task.refund_id, task.order_id, part, call.operation_id, status, reason
            )
            if status == OperationStatus.UNKNOWN:
                maybe_sent = True
                await self._record(RefundActivities.note_refund_failing, ended)
                await self._rest(part.payment_id, reason, by_itself=True)
                continue
            await self._record(RefundActivities.record_refund_part, ended)
            if ended.status == OperationStatus.SUCCEEDED:
                self._show(part.payment_id, None)
                return
            maybe_sent = False
            self._tries[part.payment_id] += 1
            await self._rest(part.payment_id, ended.reason, by_itself=False)

    async def _rest(self, payment_id: str, reason: str, *, by_itself: bool) -> None:
        """Until somebody asks for another try, or (`by_itself`) it is time for one."""
        self._show(payment_id, reason)
        seen = self._retries
        timeout = self._start.step_retry_interval if by_itself else None
        try:
            await workflow.wait_condition(
                lambda: self._retries != seen,
                timeout=timeout,
                timeout_summary="the next try of a refund",
            )
        except TimeoutError:
            return

    async def _record(self, step: Any, task: PartEnded) -> None:  # noqa: ANN401 - either step
        await workflow.execute_activity_method(step, task, **policies.DATABASE_FOR_EVER)

    async def _tell(self, task: RefundTask) -> None:
        try:
            await workflow.execute_activity_method(
                NotificationActivities.send_notification,
                notification_id(task.order_id, "refunded", task.refund_id),
                summary="tell the customer: refunded",
                **policies.NOTIFICATION,
            )
        except ActivityError:
            workflow.logger.warning("notification_failed", extra={"milestone": "refunded"})

    def _show(self, payment_id: str, reason: str | None) -> None:
        """In the Temporal UI: which tender does not give its part back, and why."""
        before = dict(self._waiting)
        if reason is None:
            self._waiting.pop(payment_id, None)
        else:
            self._waiting[payment_id] = reason
        if before == self._waiting:
            return
        codes = [REFUND_STUCK] if self._waiting else []
        workflow.upsert_search_attributes([ids.ATTENTION.value_set(codes)])
        lines = [f"- **{payment}**: {why}" for payment, why in sorted(self._waiting.items())]
        workflow.set_current_details("\n".join(lines))

    @workflow.signal(description="Try again what is not given back yet")
    def retry(self) -> None:
        """The next try begins at once; how it went is told by the refund."""
        self._retries += 1


def _why(error: ActivityError) -> tuple[str, str]:
    """The provider's final no, with its reason; or that it is unknown what became of it."""
    cause = error.cause
    if isinstance(cause, ApplicationError) and cause.type == "ProviderRejected":
        return OperationStatus.FAILED, cause.message
    return OperationStatus.UNKNOWN, reason_of(error)
