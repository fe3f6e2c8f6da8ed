"""The desk an order's life is led from: its snapshot, its queue, its steps, its cries for help.

Everything that changes the order goes through the queue and is done by the run loop, one after
another, so that cancel, capture and delivery can never interleave. Calls to outside parties run
beside it and put their outcome into the queue.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    FailureError,
    is_cancelled_exception,
)

with workflow.unsafe.imports_passed_through():
    from activities.contracts import (
        Asked,
        AttentionCleared,
        AttentionSet,
        Confirmed,
        LabelCall,
        PaymentCall,
    )
    from activities.ending_contracts import TroubleDecided
    from activities.errors import REFUSED, refusal
    from activities.exchange_contracts import ExchangeSeen
    from activities.notifications import NotificationActivities
    from activities.orders import OrderActivities
    from domain.attention import CAN, DATABASE_STEP_FAILED, OUTLIVING, still_needed
    from domain.errors import Refused
    from domain.notices import notification_id
    from domain.order import Order
    from domain.states import OrderStatus
    from domain.waiting import describe
    from workflows import ids, policies
    from workflows.messages import Asker, OrderInput, Outcome

T = TypeVar("T")
Call = TypeVar("Call", PaymentCall, LabelCall)


class Stop(Exception):
    """The story ends early: canceled or expired. What was done is undone in reverse."""

    def __init__(
        self,
        status: OrderStatus,
        reason: str,
        asker: Asker | None = None,
        phases: list[str] | None = None,
        fees: dict[str, int] | None = None,
    ) -> None:
        super().__init__(reason)
        self.phases = phases
        self.fees = fees or {}
        self.status = status
        self.reason = reason
        self.asker = asker or Asker("kervan", "system")
        self.item: Item | None = None


class Rejected(Exception):
    """A provider said no for good; `reason` is its code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class GivenUp(Exception):
    """A failing call was left, since the order is being undone: its outcome is unknown."""


@dataclass(eq=False)
class Item:
    """Something for the run loop to do; a request waits for `done`."""

    perform: Callable[[], Awaitable[Sequence[str] | None]]
    check: Callable[[], object] | None = None
    done: bool = False
    begun: bool = False
    outcome: Outcome | None = None
    refusal: Refused | None = None


class Desk:
    """See the module."""

    def __init__(self, start: OrderInput) -> None:
        self.start = start
        self.policy = start.policy
        self.order: Order = start.order
        self.attention: dict[tuple[str, str], str] = {}
        self.stopping = False
        # How the order ends when parcels are back that were stopped on their way.
        self.recall: Stop | None = None
        self._phase = "payment"
        self._warehouses: list[str] = []
        self._queue: deque[Item] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._mails: set[asyncio.Task[None]] = set()
        self._told: set[tuple[str, str]] = set()
        self._retries = 0
        self._retry_codes: set[str] = set()
        self._sentence = ""

    # -- the queue ---------------------------------------------------------------------------

    async def ask(
        self,
        check: Callable[[], object],
        perform: Callable[[], Awaitable[Sequence[str] | None]],
    ) -> Outcome:
        """Put a person's request into the queue and wait for its end."""
        item = Item(perform, check)
        self._queue.append(item)
        await workflow.wait_condition(lambda: item.done)
        if item.refusal is not None:
            raise refusal(item.refusal)
        return item.outcome or self.outcome()

    def push(self, perform: Callable[[], Awaitable[Sequence[str] | None]]) -> None:
        """Put news, or the outcome of a call, into the queue."""
        self._queue.append(Item(perform))

    async def serve(self, until: Callable[[], bool], deadline: datetime | None = None) -> bool:
        """Do what is in the queue until `until` holds; False when `deadline` came first."""
        while True:
            while self._queue:
                await self._do(self._queue.popleft())
            if self.order.cancel_requested and not (self.stopping or self.order.recalling):
                # Written by a worker that died before the workflow knew: the rows are ahead.
                raise Stop(OrderStatus.CANCELED, "resumed")
            if until():
                return True
            self._describe()
            timeout = None if deadline is None else deadline - workflow.now()
            if timeout is not None and timeout <= timedelta():
                return False
            try:
                await workflow.wait_condition(
                    lambda: bool(self._queue) or until(),
                    timeout=timeout,
                    timeout_summary="next deadline of the order",
                )
            except TimeoutError:
                return False

    async def _do(self, item: Item) -> None:
        try:
            if item.check is not None and (self.stopping or not item.begun):
                item.check()
            touched = await item.perform()
        except Refused as error:
            item.refusal = error
        except Stop as stop:
            stop.item = item
            raise
        except asyncio.CancelledError:
            # Done again after the operator's cancel is decided; its steps happen once. When the
            # order lives on it is not checked again: what it did already would speak against it.
            item.begun = True
            self._queue.appendleft(item)
            raise
        else:
            item.outcome = self.outcome(touched or ())
        item.done = True
        await self._lift_stale_attention()

    def outcome(self, touched: Sequence[str] = ()) -> Outcome:
        """The order's axes as they are now."""
        order = self.order
        return Outcome(
            order.status,
            order.payment_status,
            order.fulfillment_status,
            order.return_status,
            list(touched),
        )

    def refuse(self, item: Item | None, error: Refused) -> None:
        """The request that was to stop the order came too late."""
        if item is not None and not item.done:
            item.refusal = error
            item.done = True

    def finish(self, item: Item | None) -> None:
        """The request that stopped the order has its outcome."""
        if item is not None and not item.done:
            item.outcome = self.outcome()
            item.done = True

    # -- steps -------------------------------------------------------------------------------

    async def record(self, step: Callable[[Any, Any], Awaitable[T]], task: object) -> T:
        """Do a database step inside the workflow task; while the database is away, outside it."""
        try:
            result: T = await workflow.execute_local_activity_method(step, task, **policies.LOCAL)
        except FailureError as error:
            # What fails a local activity comes as it is, what fails a regular one as ActivityError.
            raise_refusal(error)
            _raise_cancel(error)
            result = await self._insist(step, task)
        if isinstance(result, Order):
            self.order = result
        elif isinstance(result, Confirmed | TroubleDecided | ExchangeSeen):
            self.order = result.order
        return result

    async def _insist(self, step: Callable[[Any, Any], Awaitable[T]], task: object) -> T:
        """The database step until it is done: an order never fails because a row could not be
        written. What the database refuses for good is a defect, and waits for a person.
        """
        while True:
            try:
                result: T = await workflow.execute_activity_method(step, task, **policies.DATABASE)
            except ActivityError as error:
                raise_refusal(error)
                _raise_cancel(error)
                await self._tell_of_failing(step.__name__, reason_of(error))
                await self.until_retry(DATABASE_STEP_FAILED)
            else:
                self.relieve(DATABASE_STEP_FAILED, step.__name__)
                return result

    async def _tell_of_failing(self, name: str, reason: str) -> None:
        """The queue waits behind the failing step, so its row is written at once, if it can be."""
        detail = f"{name}: {reason}"
        if not self._flag(DATABASE_STEP_FAILED, name, detail):
            return
        can = list(CAN[DATABASE_STEP_FAILED])
        task = AttentionSet(self.order.id, DATABASE_STEP_FAILED, name, detail, can)
        with contextlib.suppress(ActivityError):
            await workflow.execute_activity_method(
                OrderActivities.set_attention, task, **policies.ONCE
            )

    async def outside(
        self,
        step: Callable[[Any, Any], Awaitable[T]],
        call: Call,
        *,
        code: str,
        subject: str,
        summary: str,
    ) -> T:
        """Call an outside party until it answers. A few quick tries, then with a cry for help
        at a slower pace, and at once when somebody asks for it.

        Raises `Rejected` when the answer is a final no, `GivenUp` when the order is being undone.
        """
        while True:
            try:
                result: T = await workflow.execute_activity_method(
                    step,
                    call,
                    summary=summary,
                    priority=workflow.info().priority,
                    **policies.outside(self.policy.step_attempts),
                )
            except ActivityError as error:
                cause = error.cause
                if isinstance(cause, ApplicationError) and cause.type == "ProviderRejected":
                    raise Rejected(cause.message) from None
                if self.stopping:
                    raise GivenUp from None
                call = replace(call, maybe_sent=True)
                self.need_help(code, subject, f"{summary} keeps failing: {reason_of(error)}")
                await self.until_retry(code)
                if self.stopping:
                    raise GivenUp from None
            else:
                self.relieve(code, subject)
                return result

    async def until_retry(self, code: str) -> None:
        """Wait until somebody asks to try `code` again, its interval has passed, or the order is
        being undone.
        """
        seen, stopping = self._retries, self.stopping

        def wanted() -> bool:
            asked = self._retries != seen and bool({"", code} & self._retry_codes)
            return asked or self.stopping != stopping

        try:
            await workflow.wait_condition(
                wanted,
                timeout=self.policy.step_retry_interval,
                timeout_summary=f"next try after {code}",
            )
        except TimeoutError:
            return

    def retry(self, code: str) -> None:
        """Somebody asks to try again now."""
        self._retries += 1
        self._retry_codes = {code}

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Let a call to an outside party run beside the run loop."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # -- telling people ----------------------------------------------------------------------

    def notify(self, milestone: str, subject: str = "") -> None:
        """Send the customer the mail that was planned for this milestone; never wait for it."""
        if (milestone, subject) in self._told:
            return
        self._told.add((milestone, subject))
        task = asyncio.create_task(self._send(milestone, subject))
        self._mails.add(task)
        task.add_done_callback(self._mails.discard)

    async def _send(self, milestone: str, subject: str) -> None:
        try:
            await workflow.execute_activity_method(
                NotificationActivities.send_notification,
                notification_id(self.order.id, milestone, subject),
                summary=f"tell the customer: {milestone}",
                **policies.NOTIFICATION,
            )
        except ActivityError:
            workflow.logger.warning("notification_failed", extra={"milestone": milestone})

    async def rest(self) -> None:
        """Before the workflow ends: the order is closed already, only mail may be on its way, and
        calls whose outcome belongs into the books; who still asks hears that it is over.
        """
        await self.serve(
            lambda: workflow.all_handlers_finished() and not self._mails and not self._tasks
        )

    def need_help(self, code: str, subject: str, detail: str) -> None:
        """The order waits for a person: a row for lists, an attribute for the Temporal UI."""
        if self._flag(code, subject, detail):
            task = AttentionSet(self.order.id, code, subject, detail, list(CAN[code]))
            self.push(lambda: self._write_attention(task))

    async def _write_attention(self, task: AttentionSet) -> None:
        if (task.code, task.subject) in self.attention:
            await self.record(OrderActivities.set_attention, task)

    def _flag(self, code: str, subject: str, detail: str) -> bool:
        new = (code, subject) not in self.attention
        self.attention[code, subject] = detail
        if new:
            self._show_attention()
        return new

    def relieve(self, code: str, subject: str) -> None:
        """That reason is gone."""
        if self.attention.pop((code, subject), None) is not None:
            self._show_attention()
            self.push(lambda: self._erase_attention([[code, subject]]))

    async def _lift_stale_attention(self) -> None:
        stale = [
            [code, subject]
            for code, subject in self.attention
            if not still_needed(self.order, code, subject)
        ]
        if stale:
            for code, subject in stale:
                del self.attention[code, subject]
            self._show_attention()
            await self._erase_attention(stale)

    async def _erase_attention(self, reasons: list[list[str]]) -> None:
        await self.record(OrderActivities.clear_attention, AttentionCleared(self.order.id, reasons))

    def _show_attention(self) -> None:
        codes = sorted({code for code, _ in self.attention})
        workflow.upsert_search_attributes([ids.ATTENTION.value_set(codes)])
        self._describe()

    def enter(self, phase: str, seconds: float, warehouses: Sequence[str] = ()) -> None:
        """Show in the Temporal UI which part of its life the order is in, and until when."""
        grown = sorted({*self._warehouses, *warehouses})
        if phase == self._phase and grown == self._warehouses:
            return
        due = workflow.now() + timedelta(seconds=seconds)
        updates: list[Any] = [ids.PHASE.value_set(phase), ids.DUE_AT.value_set(due)]
        if grown != self._warehouses:
            updates.append(ids.WAREHOUSE.value_set(grown))
        self._phase, self._warehouses = phase, grown
        workflow.upsert_search_attributes(updates)

    def calm(self) -> None:
        """The order is closed: nobody is needed any more, except for money that came too late."""
        left = {key: detail for key, detail in self.attention.items() if key[0] in OUTLIVING}
        if left != self.attention:
            self.attention = left
            self._show_attention()

    def _describe(self) -> None:
        sentence = describe(self.order)
        problems = "".join(
            f"\n\n- **{code}** {subject}: {detail}"
            for (code, subject), detail in sorted(self.attention.items())
        )
        if sentence + problems != self._sentence:
            self._sentence = sentence + problems
            since = workflow.now().strftime("%Y-%m-%d %H:%M:%S UTC")
            workflow.set_current_details(f"{sentence} (since {since}){problems}")


def reason_of(error: ActivityError) -> str:
    """The code of what went wrong in an activity, without text that could name a person."""
    cause = error.cause
    if isinstance(cause, ApplicationError):
        return cause.type or cause.message
    return type(cause).__name__ if cause is not None else "unknown"


def _raise_cancel(error: FailureError) -> None:
    """An operator's cancel that met a step: it is decided first, and the step is done again."""
    if is_cancelled_exception(error):
        raise asyncio.CancelledError from None


def raise_refusal(error: FailureError) -> None:
    """A step that the order's rows refuse: what the request was checked against had moved on."""
    cause = error.cause if isinstance(error, ActivityError) else error
    if isinstance(cause, ApplicationError) and cause.type == REFUSED:
        told = cause.details[0]
        raise Refused(told["code"], told["detail"], **told["current"]) from None


def asked(asker: Asker) -> Asked:
    """Who asked, as a step writes it into the timeline."""
    return Asked(asker.actor, asker.role, asker.request_event)
