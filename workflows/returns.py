"""The life of one return, from the wish to the money. The order may be closed."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, FailureError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.contracts import Asked
    from activities.notifications import NotificationActivities
    from activities.return_contracts import ReturnTask
    from activities.returns import ReturnActivities
    from domain import attention
    from domain.errors import Refused
    from domain.notices import notification_id
    from domain.return_rules import CARRIER
    from domain.returns import (
        Return,
        can_approve,
        can_cancel,
        can_decline,
        can_retry,
        describe,
    )
    from domain.states import ReturnStage
    from workflows import ids, policies
    from workflows.desk import asked, raise_refusal, reason_of
    from workflows.requests import Requests, validate
    from workflows.return_label import LabelDesk
    from workflows.return_messages import ReturnInput, ReturnOutcome, ReturnRequest

Step = Callable[[Any, ReturnTask], Awaitable[Return]]
G = ReturnStage
# Lives that began before leave it to the warehouse how rejected goods go back.
_SENDS_BACK = "rejected-goods-go-back"


@workflow.defn
class ReturnWorkflow:
    """One return. Updates are requests; what the dock, the bench and the carrier wrote is news."""

    @workflow.init
    def __init__(self, start: ReturnInput) -> None:
        self._ret = start.ret
        self._policy = start.policy
        self._queue = Requests()
        self._news = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._told: set[str] = set()
        self._labeled = False
        self._label = LabelDesk(self, start.policy, self._label_bought)
        self._sent_back = False
        self._back = LabelDesk(self, start.policy, self._back_label_bought, back=True)
        self._reads = 0
        self._troubles = 0
        self._flagged = False
        self._overdue = False
        self._operator_cancels = 0
        self._settle_at = ""
        self._helpless = ""
        self._shown: tuple[object, ...] = (start.ret.status, ())

    @workflow.run
    async def run(self, start: ReturnInput) -> ReturnOutcome:  # noqa: ARG002 - the SDK passes it twice
        """Live until it is over. A cancel in the Temporal UI is a request, too."""
        while True:
            try:
                await self._live()
            except asyncio.CancelledError:
                self._operator_cancels += 1
                self._queue.push(self._operator_cancel)
            else:
                return self._outcome()

    async def _live(self) -> None:
        """The story: decide, do what is asked and written, keep the deadlines, clear up."""
        await self._record(ReturnActivities.decide_return, "decide")
        while True:
            await self._work()
            await self._go_on()
            if self._ret.over:
                break
            await self._rest()
        self._label.give_back()
        while not self._idle():
            await workflow.wait_condition(lambda: self._waiting() or self._idle())
            await self._work()

    def _waiting(self) -> bool:
        return bool(self._queue) or self._news

    def _idle(self) -> bool:
        return workflow.all_handlers_finished() and not self._tasks and not self._waiting()

    async def _work(self) -> None:
        """Do what was asked, and read what was written."""
        while self._waiting():
            if self._news:
                await self._read()
            while self._queue:
                await self._queue.do_next()
        self._show()

    async def _read(self) -> None:
        self._news = False
        self._reads += 1
        try:
            await self._record(ReturnActivities.reload_return, f"read-{self._reads}")
        except asyncio.CancelledError:
            self._news = True
            raise

    async def _operator_cancel(self) -> None:
        """Somebody pressed Cancel in the Temporal UI: do it when it may be, else say no."""
        operator, cause = Asked("temporal", "operator"), f"operator-cancel-{self._operator_cancels}"
        try:
            can_cancel(self._ret)
            await self._record(ReturnActivities.cancel_return, cause, operator, "operator")
        except Refused as error:
            step = ReturnActivities.note_return_refusal
            await self._record(step, f"{cause}-refused", operator, error.code)

    async def _go_on(self) -> None:
        """What is to be done by itself, as the return and the clock stand."""
        ret, now = self._ret, workflow.now()
        if ret.status is G.APPROVED and ret.label == CARRIER and not ret.has_label:
            self._label.buy()
        if self._passed(self._remind_at(), now):
            await self._record(ReturnActivities.remind_of_return, "remind")
        if self._passed(self._expires_at(), now):
            await self._record(ReturnActivities.expire_return, f"expire-{ret.status}")
        if self._passed(self._overdue_at(), now):
            self._overdue = True
            self.need_help(attention.RETURN_LOST, "no_news")
        if self._passed(self._refund_due_at(), now):
            self._flagged = True
            await self._record(ReturnActivities.flag_refund, "refund-due")
        if self._ret.goes_back and workflow.patched(_SENDS_BACK):
            self._back.buy()
        if self._ret.status is G.INSPECTED and not self._is_later(self._settle_at):
            await self._settle()

    async def _settle(self) -> None:
        """Give the money back. What is not taken yet cannot be: a person is asked, and it is tried
        again by itself.
        """
        try:
            await self._record(ReturnActivities.settle_return, "settle")
        except Refused as error:
            pause = timedelta(seconds=self._policy.step_retry_interval)
            self._settle_at = (workflow.now() + pause).isoformat()
            self.need_help(attention.REFUND_DUE, error.code)

    # -- deadlines -----------------------------------------------------------------------------

    def _remind_at(self) -> str:
        ret = self._ret
        return ret.remind_at if ret.status is G.APPROVED and not ret.reminded else ""

    def _expires_at(self) -> str:
        """Without a word of the carrier it is not sent; of what came in part the rest is not."""
        waiting = self._ret.status in {G.APPROVED, G.PARTIALLY_RECEIVED}
        return self._ret.expires_at if waiting else ""

    def _overdue_at(self) -> str:
        """What is still on its way when its time is over is looked for."""
        return (
            self._ret.expires_at if self._ret.status is G.IN_TRANSIT and not self._overdue else ""
        )

    def _refund_due_at(self) -> str:
        """The law's day; until the goods are here the money may be withheld."""
        waits = self._ret.here and not self._flagged and self._ret.status is not G.INSPECTED
        return self._ret.refund_due_at if waits and not self._ret.over else ""

    @staticmethod
    def _is_later(moment: str) -> bool:
        return bool(moment) and datetime.fromisoformat(moment) > workflow.now()

    @staticmethod
    def _passed(deadline: str, now: datetime) -> bool:
        return bool(deadline) and datetime.fromisoformat(deadline) <= now

    def _next_deadline(self) -> datetime | None:
        settle = self._settle_at if self._ret.status is G.INSPECTED else ""
        known = (
            self._remind_at(),
            self._expires_at(),
            self._refund_due_at(),
            self._overdue_at(),
            settle,
        )
        return min((datetime.fromisoformat(one) for one in known if one), default=None)

    async def _rest(self) -> None:
        self._show()
        deadline, now = self._next_deadline(), workflow.now()
        if deadline is not None and deadline <= now:
            return
        with contextlib.suppress(TimeoutError):
            await workflow.wait_condition(
                self._waiting,
                timeout=None if deadline is None else deadline - now,
                timeout_summary="the return's next deadline",
            )

    # -- beside the loop -------------------------------------------------------------------------

    @property
    def ret(self) -> Return:
        """It as it stands."""
        return self._ret

    def beside(self, work: Any) -> None:  # noqa: ANN401 - a coroutine
        """Do something that the run loop does not wait for."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _label_bought(self) -> None:
        self._queue.push(self._keep_label)

    async def _keep_label(self) -> None:
        self._labeled = self._ret.status is G.APPROVED
        await self._record(ReturnActivities.record_return_label, "label")

    def _back_label_bought(self) -> None:
        self._queue.push(self._keep_back_label)

    async def _keep_back_label(self) -> None:
        self._sent_back = True
        await self._record(ReturnActivities.record_back_label, "back-label")

    def need_help(self, code: str, reason: str) -> None:
        """It waits for a person, as the run loop writes down."""
        if code in self._ret.attention:
            return
        self._troubles += 1
        cause = f"trouble-{self._troubles}"

        async def tell() -> None:
            step = ReturnActivities.tell_return_trouble
            await self._record(step, cause, reason=f"{code}:{reason}")

        self._queue.push(tell)

    async def _mail(self, milestone: str) -> None:
        """Send a mail that a step has planned; one that was not planned is none."""
        with contextlib.suppress(ActivityError):
            await workflow.execute_activity_method(
                NotificationActivities.send_notification,
                notification_id(self._ret.order_id, milestone, self._ret.id),
                summary=milestone,
                **policies.NOTIFICATION,
            )

    def _tell_customer(self) -> None:
        """The mails of what has happened, each once; nothing waits for them."""
        ret = self._ret
        happened = {
            "return_approved": self._labeled or (ret.status is G.APPROVED and ret.label != CARRIER),
            "return_declined": ret.status is G.DECLINED,
            "return_reminder": ret.reminded,
            "return_received": ret.here,
            "return_sent_back": self._sent_back,
        }
        for milestone, true in happened.items():
            if true and milestone not in self._told:
                self._told.add(milestone)
                self.beside(self._mail(milestone))

    # -- steps -----------------------------------------------------------------------------------

    async def _record(
        self, step: Step, cause: str, by: Asked | None = None, reason: str = ""
    ) -> None:
        """Do a database step inside the workflow task; while the database is away, outside it,
        until it is done: a return never fails because a row could not be written.
        """
        task = ReturnTask(self._ret.id, cause, by or Asked(), reason)
        try:
            self._ret = await workflow.execute_local_activity_method(step, task, **policies.LOCAL)
        except FailureError as error:
            while True:
                raise_refusal(error)
                if is_cancelled_exception(error):
                    raise asyncio.CancelledError from None
                try:
                    self._ret = await workflow.execute_activity_method(
                        step, task, **policies.DATABASE
                    )
                except ActivityError as again:
                    error = again
                    self._helpless = reason_of(again)
                    self._show()
                    await asyncio.sleep(self._policy.step_retry_interval)
                else:
                    self._helpless = ""
                    break
        self._tell_customer()

    # -- what the Temporal UI shows --------------------------------------------------------------

    def _outcome(self) -> ReturnOutcome:
        return ReturnOutcome(self._ret.status)

    def _show(self) -> None:
        """Status and reasons to look at it, when they have changed."""
        codes = set(self._ret.attention)
        if self._helpless:
            codes.add(attention.RETURN_STEP_FAILED)
        shown = (self._ret.status, tuple(sorted(codes)))
        if shown != self._shown:
            self._shown = shown
            workflow.upsert_search_attributes(
                [ids.PHASE.value_set(self._ret.status), ids.ATTENTION.value_set(sorted(codes))]
            )
        problems = "".join(f"\n\n- **{code}**" for code in sorted(codes))
        workflow.set_current_details(f"{describe(self._ret)}{problems}")

    # -- news and requests -----------------------------------------------------------------------

    @workflow.signal(description="The dock, the bench or the carrier wrote something")
    async def return_moved(self, news: dict[str, Any]) -> None:  # noqa: ARG002 - it stands in rows
        """It is read by the run loop."""
        self._news = True

    async def _ask(self, check: Callable[[], object], step: Step, request: ReturnRequest) -> Any:  # noqa: ANN401 - the outcome
        cause = f"{step.__name__}-{request.asker.request_event}"

        async def perform() -> None:
            await self._record(step, cause, asked(request.asker), request.reason)

        await self._queue.ask(check, perform)
        return self._outcome()

    @workflow.update(description="Let the customer send it")
    async def approve(self, request: ReturnRequest) -> ReturnOutcome:
        """The label is bought right after."""
        outcome: ReturnOutcome = await self._ask(
            lambda: can_approve(self._ret), ReturnActivities.approve_return, request
        )
        return outcome

    @approve.validator
    def _check_approve(self, request: ReturnRequest) -> None:  # noqa: ARG002 - the SDK's signature
        validate(lambda: can_approve(self._ret))

    @workflow.update(description="Say no")
    async def decline(self, request: ReturnRequest) -> ReturnOutcome:
        """The customer is told."""
        outcome: ReturnOutcome = await self._ask(
            lambda: can_decline(self._ret), ReturnActivities.decline_return, request
        )
        return outcome

    @decline.validator
    def _check_decline(self, request: ReturnRequest) -> None:  # noqa: ARG002 - the SDK's signature
        validate(lambda: can_decline(self._ret))

    @workflow.update(description="Cancel it: nothing of it will come")
    async def cancel(self, request: ReturnRequest) -> ReturnOutcome:
        """Possible until something of it is here."""
        outcome: ReturnOutcome = await self._ask(
            lambda: can_cancel(self._ret), ReturnActivities.cancel_return, request
        )
        return outcome

    @cancel.validator
    def _check_cancel(self, request: ReturnRequest) -> None:  # noqa: ARG002 - the SDK's signature
        validate(lambda: can_cancel(self._ret))

    @property
    def _waits_for_money(self) -> bool:
        """Whether its refund could not be opened yet."""
        return self._ret.status is G.INSPECTED and bool(self._settle_at)

    @workflow.update(description="Try again now what fails: the label, or the refund")
    async def retry(self, request: ReturnRequest) -> ReturnOutcome:  # noqa: ARG002 - the SDK's signature
        """Wakes what waits for its next try."""
        self._label.retry()
        self._back.retry()
        if self._waits_for_money:
            self._settle_at, self._news = "", True
        return self._outcome()

    @retry.validator
    def _check_retry(self, request: ReturnRequest) -> None:  # noqa: ARG002 - the SDK's signature
        failing = attention.RETURN_LABEL_FAILED in self._ret.attention or self._waits_for_money
        validate(lambda: can_retry(self._ret, failing))
