"""The life of one order to a supplier, from draft to closed."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, FailureError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.contracts import Asked
    from activities.purchase_contracts import Dates, PurchaseTask, Sending, SupplierMail, Trouble
    from activities.purchasing import PurchaseActivities, SupplierMailActivities
    from domain.errors import Refused
    from domain.purchasing import (
        LATE,
        MAIL_FAILED,
        PENDING,
        STEP_FAILED,
        Purchase,
        can_approve,
        can_cancel,
        can_close,
        can_reschedule,
        can_send,
        describe,
        late_from,
    )
    from workflows import ids, policies
    from workflows.desk import asked, raise_refusal, reason_of
    from workflows.messages import Asker
    from workflows.purchase_messages import (
        ApproveRequest,
        EndRequest,
        GoodsReceived,
        PurchaseInput,
        PurchaseOutcome,
        RescheduleRequest,
        SendRequest,
    )
    from workflows.requests import Requests, validate

_OPERATOR = Asker("temporal", "operator")
# How long an answer waits for the mail to go out; then it says that it is on its way.
_MAIL_PATIENCE = timedelta(seconds=5)
# Between tries of a mail, in seconds: six a day fill a history in years.
_LONGEST_MAIL_PAUSE = 14_400.0

Step = Callable[[Any, Any], Awaitable[Purchase]]


@workflow.defn
class PurchaseOrderWorkflow:
    """One purchase order. Updates are requests, signals are news; both wait in a queue, and the
    run loop does them one after another. Mail goes out beside it and reports to the queue.
    """

    @workflow.init
    def __init__(self, start: PurchaseInput) -> None:
        self._purchase = start.purchase
        self._policy = start.policy
        self._queue = Requests()
        self._mails: set[asyncio.Task[None]] = set()
        self._order_mail: asyncio.Task[None] | None = None
        self._attention: dict[str, str] = {}
        self._chases = 0
        self._chased_at: datetime | None = None
        self._operator_cancels = 0
        self._shown: tuple[object, ...] = (start.purchase.status, (), None)

    @workflow.run
    async def run(self, start: PurchaseInput) -> PurchaseOutcome:  # noqa: ARG002 - the SDK passes it twice
        """Live until it is closed or canceled. A cancel in the Temporal UI is a request, too."""
        while True:
            try:
                await self._live()
            except asyncio.CancelledError:
                self._operator_cancels += 1
                self._queue.push(self._operator_cancel)
            else:
                return self._outcome()

    async def _live(self) -> None:
        """The story: do what is asked and heard, and chase what is late."""
        while not self._purchase.over:
            await self._work()
            chase_at = self._next_chase()
            if chase_at is not None and chase_at <= workflow.now():
                await self._chase()
            elif not self._purchase.over:
                await self._rest_until(chase_at)
        await self._work()
        while not (workflow.all_handlers_finished() and not self._mails):
            await workflow.wait_condition(
                lambda: bool(self._queue) or (workflow.all_handlers_finished() and not self._mails)
            )
            await self._work()

    async def _work(self) -> None:
        """Do what is in the queue."""
        while self._queue:
            await self._queue.do_next()
            await self._lift_lateness()
        self._show()

    async def _rest_until(self, deadline: datetime | None) -> None:
        with contextlib.suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: bool(self._queue),
                timeout=None if deadline is None else deadline - workflow.now(),
                timeout_summary="the day on which the goods are late",
            )

    # -- lateness ------------------------------------------------------------------------------

    def _next_chase(self) -> datetime | None:
        """When the supplier is reminded next: at the end of the day, then again and again."""
        late = late_from(self._purchase, timedelta(seconds=self._policy.grace))
        if late is None or self._chased_at is None:
            return late
        return max(late, self._chased_at + timedelta(seconds=self._policy.chase_interval))

    async def _chase(self) -> None:
        """Show that it is late, and remind the supplier."""
        number = self._chases + 1
        await self._record(PurchaseActivities.record_late, self._task(f"late-{number}"))
        self._chases, self._chased_at = number, workflow.now()
        if not self._purchase.late:
            return
        self._attention[LATE] = "past its day"
        if self._purchase.has_address:
            self._mail(SupplierMail(self._purchase.id, "reminder", self._chases))

    async def _lift_lateness(self) -> None:
        """What was late has come, or was given a day that is still to come."""
        if not self._purchase.late and LATE not in self._attention:
            return
        late = late_from(self._purchase, timedelta(seconds=self._policy.grace))
        if self._purchase.over or late is None or late > workflow.now():
            self._attention.pop(LATE, None)
            self._chased_at = None
            if not self._purchase.over:
                task = self._task(f"on-time-{self._chases}")
                await self._record(PurchaseActivities.record_on_time, task)

    # -- mail ----------------------------------------------------------------------------------

    def _mail(self, mail: SupplierMail) -> None:
        """Send a mail beside the loop that nothing depends on."""
        task = asyncio.create_task(self._post(mail))
        self._mails.add(task)
        task.add_done_callback(self._mails.discard)

    async def _post(self, mail: SupplierMail) -> None:
        try:
            await workflow.execute_activity_method(
                SupplierMailActivities.mail_supplier,
                mail,
                summary=f"{mail.kind} to the supplier",
                **policies.NOTIFICATION,
            )
        except ActivityError:
            workflow.logger.warning("supplier_mail_failed", extra={"kind": mail.kind})

    async def _post_order(self, number: int) -> None:
        """Mail the order until it is out. A few quick tries, then with a cry for help at a slower
        pace, which becomes slower still: a server may be away for weeks, and each try stands in the
        history. An address that is refused for good waits for a person.
        """
        mail = SupplierMail(self._purchase.id, "order", number)
        pause = self._policy.step_retry_interval
        while True:
            try:
                outcome = await workflow.execute_activity_method(
                    SupplierMailActivities.mail_supplier,
                    mail,
                    summary="order to the supplier",
                    **policies.outside(self._policy.step_attempts),
                )
            except ActivityError as error:
                if is_cancelled_exception(error):
                    return
                outcome = reason_of(error)
            if outcome == "sent":
                self._push(partial(self._sent, number))
                return
            if outcome in {"no_address", "mail_rejected"}:
                self._push(partial(self._mail_refused, number, outcome))
                return
            self._need_help(MAIL_FAILED, f"the mail keeps failing: {outcome}")
            await asyncio.sleep(pause)
            pause = max(pause, min(2 * pause, _LONGEST_MAIL_PAUSE))

    async def _sent(self, number: int) -> None:
        self._attention.pop(MAIL_FAILED, None)
        await self._record(PurchaseActivities.record_sent, self._task(f"sent-{number}"))

    async def _mail_refused(self, number: int, reason: str) -> None:
        self._attention[MAIL_FAILED] = reason
        task = self._task(f"mail-refused-{number}", reason=reason)
        await self._record(PurchaseActivities.record_mail_refused, task)

    def _stop_order_mail(self) -> None:
        if self._order_mail is not None:
            self._order_mail.cancel()
        self._attention.pop(MAIL_FAILED, None)

    # -- steps ---------------------------------------------------------------------------------

    def _task(self, cause: str, asker: Asker | None = None, reason: str = "") -> PurchaseTask:
        return PurchaseTask(self._purchase.id, cause, asked(asker) if asker else Asked(), reason)

    async def _record(self, step: Step, task: object) -> None:
        """Do a database step inside the workflow task; while the database is away, outside it,
        until it is done: a purchase order never fails because a row could not be written.
        """
        try:
            self._purchase = await workflow.execute_local_activity_method(
                step, task, **policies.LOCAL
            )
        except FailureError as error:
            while True:
                raise_refusal(error)
                if is_cancelled_exception(error):
                    raise asyncio.CancelledError from None
                try:
                    self._purchase = await workflow.execute_activity_method(
                        step, task, **policies.DATABASE
                    )
                except ActivityError as again:
                    error = again
                    self._attention[STEP_FAILED] = reason_of(again)
                    self._show()
                    await asyncio.sleep(self._policy.step_retry_interval)
                else:
                    self._attention.pop(STEP_FAILED, None)
                    return

    def _push(self, perform: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._queue.push(perform)

    def _need_help(self, code: str, detail: str) -> None:
        if self._attention.get(code) == detail:
            return
        self._attention[code] = detail
        trouble = Trouble(self._purchase.id, code, detail)
        self._push(lambda: self._tell(trouble))

    async def _tell(self, trouble: Trouble) -> None:
        if trouble.code in self._attention:
            await self._record(PurchaseActivities.tell_trouble, trouble)

    # -- what the Temporal UI shows --------------------------------------------------------------

    def _outcome(self) -> PurchaseOutcome:
        return PurchaseOutcome(self._purchase.status, self._purchase.mail_status or "")

    def _show(self) -> None:
        """Status, reasons to look at it and its next deadline, when they have changed."""
        due = late_from(self._purchase, timedelta(seconds=self._policy.grace))
        codes = sorted(self._attention)
        shown = (self._purchase.status, tuple(codes), due)
        if shown != self._shown:
            self._shown = shown
            attributes: list[Any] = [
                ids.PHASE.value_set(self._purchase.status),
                ids.ATTENTION.value_set(codes),
                ids.DUE_AT.value_set(due) if due else ids.DUE_AT.value_unset(),
            ]
            workflow.upsert_search_attributes(attributes)
        problems = "".join(f"\n\n- **{code}**: {self._attention[code]}" for code in codes)
        workflow.set_current_details(f"{describe(self._purchase)}{problems}")

    # -- requests --------------------------------------------------------------------------------

    async def _ask(
        self, check: Callable[[], object], perform: Callable[[], Awaitable[None]]
    ) -> PurchaseOutcome:
        await self._queue.ask(check, perform)
        return self._outcome()

    @workflow.update(description="Approve the draft")
    async def approve(self, request: ApproveRequest) -> PurchaseOutcome:
        """It may be sent then."""
        return await self._ask(
            lambda: can_approve(self._purchase),
            lambda: self._record(
                PurchaseActivities.approve_purchase, self._task("approve", request.asker)
            ),
        )

    @approve.validator
    def _check_approve(self, request: ApproveRequest) -> None:  # noqa: ARG002 - the SDK's signature
        validate(lambda: can_approve(self._purchase))

    @workflow.update(description="Send it to the supplier")
    async def send(self, request: SendRequest) -> PurchaseOutcome:
        """Mail it; answers when the mail is out, or that it is on its way."""
        await self._ask(
            lambda: can_send(self._purchase, by_hand=request.by_hand), lambda: self._send(request)
        )
        with contextlib.suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: self._purchase.mail_status != PENDING,
                timeout=_MAIL_PATIENCE,
                timeout_summary="the mail to go out",
            )
        return self._outcome()

    @send.validator
    def _check_send(self, request: SendRequest) -> None:
        validate(lambda: can_send(self._purchase, by_hand=request.by_hand))

    async def _send(self, request: SendRequest) -> None:
        number = self._purchase.sendings + 1
        by, by_hand = asked(request.asker), request.by_hand
        task = Sending(self._purchase.id, f"send-{number}", by, by_hand)
        await self._record(PurchaseActivities.begin_sending, task)
        self._stop_order_mail()
        if not by_hand:
            self._order_mail = asyncio.create_task(self._post_order(number))

    @workflow.update(description="Cancel it: nothing of it came, nothing will")
    async def cancel(self, request: EndRequest) -> PurchaseOutcome:
        """A supplier who may know of it is told."""
        return await self._ask(
            lambda: can_cancel(self._purchase), lambda: self._cancel(request.asker, request.reason)
        )

    @cancel.validator
    def _check_cancel(self, request: EndRequest) -> None:  # noqa: ARG002 - the SDK's signature
        validate(lambda: can_cancel(self._purchase))

    async def _cancel(self, asker: Asker, reason: str) -> None:
        told = self._purchase.told
        task = self._task("cancel", asker, reason)
        await self._record(PurchaseActivities.cancel_purchase, task)
        self._stop_order_mail()
        if told:
            self._mail(SupplierMail(self._purchase.id, "cancellation", 1))

    async def _operator_cancel(self) -> None:
        """Somebody pressed Cancel in the Temporal UI: do it when that is possible, else say no."""
        try:
            can_cancel(self._purchase)
            await self._cancel(_OPERATOR, "operator")
        except Refused as error:
            cause = f"operator-cancel-{self._operator_cancels}"
            await self._record(
                PurchaseActivities.note_refusal, self._task(cause, _OPERATOR, error.code)
            )

    @workflow.update(description="Close it short: the rest will not come")
    async def close(self, request: EndRequest) -> PurchaseOutcome:
        """What came stays."""
        return await self._ask(lambda: can_close(self._purchase), lambda: self._close(request))

    @close.validator
    def _check_close(self, request: EndRequest) -> None:  # noqa: ARG002 - the SDK's signature
        validate(lambda: can_close(self._purchase))

    async def _close(self, request: EndRequest) -> None:
        task = self._task("close", request.asker, request.reason)
        await self._record(PurchaseActivities.close_purchase, task)
        self._stop_order_mail()

    @workflow.update(description="The supplier named other days")
    async def reschedule(self, request: RescheduleRequest) -> PurchaseOutcome:
        """Late ones are late no more until those days have passed."""
        return await self._ask(
            lambda: self._may_reschedule(request), lambda: self._reschedule(request)
        )

    @reschedule.validator
    def _check_reschedule(self, request: RescheduleRequest) -> None:
        validate(lambda: self._may_reschedule(request))

    def _may_reschedule(self, request: RescheduleRequest) -> None:
        can_reschedule(self._purchase, [line.line_id for line in request.lines])

    async def _reschedule(self, request: RescheduleRequest) -> None:
        by, cause = asked(request.asker), f"dates-{request.asker.request_event}"
        dates = {line.line_id: line.expected_on for line in request.lines}
        task = Dates(self._purchase.id, cause, by, dates)
        await self._record(PurchaseActivities.move_dates, task)

    # -- news ------------------------------------------------------------------------------------

    @workflow.signal(description="A delivery was written down")
    def goods_received(self, news: GoodsReceived) -> None:
        """The status follows what came."""
        self._push(lambda: self._delivered(news.receipt_id))

    async def _delivered(self, receipt_id: str) -> None:
        task = self._task(f"delivery-{receipt_id}")
        await self._record(PurchaseActivities.record_delivery, task)
        if self._purchase.over:
            self._stop_order_mail()
