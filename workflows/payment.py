"""The order's money: secure it, take what is due, give back what is not, undo it all."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.contracts import Note, PaymentCall, PaymentResult
    from activities.orders import OrderActivities
    from activities.payments import PaymentActivities
    from activities.refund_contracts import Waive
    from activities.refunds import RefundActivities
    from domain import attention, decisions
    from domain.order import Tender
    from domain.ports import AUTHORIZATION_EXPIRED
    from domain.settlement import (
        Settlement,
        captures_due,
        fee_parts,
        money_came_late,
        refunds_due,
    )
    from domain.states import OperationKind, OperationStatus, OrderStatus, PaymentStatus
    from workflows.desk import Desk, GivenUp, Rejected, Stop, asked
    from workflows.messages import PaymentSignal, WaiveRequest

_AUTHORIZE, _CAPTURE, _VOID, _REFUND = (
    OperationKind.AUTHORIZE,
    OperationKind.CAPTURE,
    OperationKind.VOID,
    OperationKind.REFUND,
)
_STEPS = {
    _AUTHORIZE: PaymentActivities.authorize_payment,
    _CAPTURE: PaymentActivities.capture_payment,
    _VOID: PaymentActivities.void_payment,
    _REFUND: PaymentActivities.refund_payment,
}
_STUCK = {
    _AUTHORIZE: attention.PAYMENT_STUCK,
    _CAPTURE: attention.CAPTURE_FAILED,
    _VOID: attention.VOID_FAILED,
    _REFUND: attention.REFUND_FAILED,
}
# The provider's word that an authorization is gone: nothing is left to capture or to void.
_GONE = frozenset({AUTHORIZATION_EXPIRED, "payment_voided", "payment_failed"})


class Payment:
    """See the module."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        # The API writes a further tender's row before it asks: until then it is not ours to use.
        self._asked = {tender.id for tender in desk.order.tenders}
        self._busy: set[str] = set()
        # Tenders whose capture or refund was refused: left alone until somebody asks again.
        self._refused: set[str] = set()
        # Tenders that refused to bring the fee of a cancellation.
        self._no_fee: set[str] = set()
        # Tenders whose authorization ran out and was not renewed.
        self._lapsed: set[str] = set()
        self._tries: Counter[str] = Counter()
        # Calls that were left with an unknown outcome when the order began to be undone.
        self._unknown: dict[str, PaymentCall] = {}

    async def secure(self) -> None:
        """Authorize every tender; let the customer try again until the order expires."""
        desk = self._desk
        begun = workflow.info().start_time
        expiry = begun + timedelta(seconds=desk.policy.payment_expiry)
        reminder = begun + timedelta(seconds=desk.policy.payment_reminder)
        reminded = reminder >= expiry
        while True:
            self._authorize_new()
            # A provider that keeps failing is waited for like a customer: until the order expires.
            await desk.serve(lambda: not self.busy)
            if self._covered:
                self.release_unneeded()
                return
            deadline = expiry if reminded else reminder
            if await desk.serve(lambda: self._covered or bool(self._new_tenders()), deadline):
                continue
            if reminded:
                raise Stop(OrderStatus.EXPIRED, "payment_expired")
            reminded = True
            if self._busy:
                continue
            await desk.record(
                OrderActivities.record_note,
                Note(
                    desk.order.id,
                    "payment-reminder",
                    "payment_reminded",
                    notify="payment_reminder",
                ),
            )
            desk.notify("payment_reminder")

    @property
    def _covered(self) -> bool:
        return self._desk.order.covered and not self._busy

    def _new_tenders(self) -> list[Tender]:
        return [
            tender
            for tender in self._desk.order.tenders
            if tender.status is PaymentStatus.PENDING
            and tender.amount
            and not tender.action_required
            and tender.id in self._asked - self._busy
        ]

    def _authorize_new(self) -> None:
        for tender in self._new_tenders():
            self._begin(_AUTHORIZE, tender, "authorize", tender.amount)

    async def add(self, payment_id: str) -> None:
        """Another tender, which the API has written: learn of it, and authorize it."""
        desk = self._desk
        await desk.record(
            OrderActivities.record_note,
            Note(
                desk.order.id,
                f"tender:{payment_id}",
                "payment_added",
                data={"payment_id": payment_id},
            ),
        )
        self._asked.add(payment_id)
        self._authorize_new()

    def may_waive(self) -> None:
        """Whether something is owed that nobody brings, and no attempt is under way."""
        decisions.can_waive(self._desk.order, self._busy, self._not_taken())

    async def waive(self, request: WaiveRequest) -> Sequence[str]:
        """Do without it; what was reserved, and the provider refuses to take, is let go."""
        desk, event = self._desk, request.asker.request_event
        for payment_id in self._not_taken():
            await self._let_go(payment_id, f"let-go:{event}")
        task = Waive(desk.order.id, f"waive:{event}", request.reason, asked(request.asker))
        await desk.record(RefundActivities.waive_rest, task)
        self.collect()
        return []

    def _not_taken(self) -> list[str]:
        """Tenders with money reserved that their provider refused to take."""
        return sorted(
            t.id for t in self._desk.order.tenders if t.capturable and t.id in self._refused
        )

    async def _let_go(self, payment_id: str, cause: str) -> None:
        """In the books at once; the provider is told beside the run loop."""
        desk = self._desk
        tender = desk.order.tender(payment_id)
        assert tender is not None  # noqa: S101 - it was refused
        result = PaymentResult(
            order_id=desk.order.id,
            payment_id=payment_id,
            operation_id=cause,
            kind=_AUTHORIZE,
            status=PaymentStatus.EXPIRED,
            amount=tender.capturable,
            reason="capture_refused",
        )
        await desk.record(PaymentActivities.record_dead_tender, result)
        self._refused.discard(payment_id)
        desk.relieve(attention.CAPTURE_FAILED, payment_id)
        # Nothing waits for its next try.
        desk.retry(attention.CAPTURE_FAILED)
        if not tender.captured:
            amount = tender.authorized
            call = PaymentCall(desk.order.id, payment_id, _VOID, "let-go", amount)
            desk.spawn(self._tell_of_letting_go(call))

    async def _tell_of_letting_go(self, call: PaymentCall) -> None:
        await self._ask(call)
        self._desk.relieve(_STUCK[_VOID], call.payment_id)

    # -- calls to the provider -----------------------------------------------------------------

    def _begin(self, kind: OperationKind, tender: Tender, cause: str, amount: int) -> None:
        self._busy.add(tender.id)
        call = PaymentCall(self._desk.order.id, tender.id, kind, cause, amount)
        self._desk.spawn(self._call(call))

    async def _call(self, call: PaymentCall) -> None:
        result = await self._ask(call)
        self._desk.push(lambda: self._settled(result))

    async def _ask(self, call: PaymentCall) -> PaymentResult:
        """One operation to its end; a final no is a failed result."""
        kind = OperationKind(call.kind)
        try:
            return await self._desk.outside(
                _STEPS[kind],
                call,
                code=_STUCK[kind],
                subject=call.payment_id,
                summary=f"{kind} {call.amount} of {call.payment_id}",
            )
        except Rejected as error:
            return _ended(call, OperationStatus.FAILED, error.reason)
        except GivenUp:
            self._unknown[call.payment_id] = call
            return _ended(call, OperationStatus.UNKNOWN, "given_up")

    async def _settled(self, result: PaymentResult) -> None:
        """A call has ended: bring it into the books, and go on from there."""
        desk = self._desk
        await desk.record(PaymentActivities.record_payment, result)
        self._busy.discard(result.payment_id)
        failed = result.status == OperationStatus.FAILED
        if result.kind == _AUTHORIZE:
            tender = desk.order.tender(result.payment_id)
            asks = result.status == OperationStatus.ACTION_REQUIRED
            if asks and tender is not None and not tender.alive:
                # Nobody is at the bank's page to confirm a renewal: it needs another payment.
                detail = "The bank wants the customer to confirm the renewed authorization"
                desk.need_help(attention.PAYMENT_FAILED, result.payment_id, detail)
            self._after_authorization(result.payment_id, failed=failed, reason=result.reason)
        elif failed and result.reason in _GONE:
            await self._run_out(result.payment_id, result.operation_id)
        elif failed and result.kind == _VOID:
            # It was not needed, and was confirmed meanwhile: what comes in too much goes back.
            self._tries[result.payment_id] += 1
        elif failed and not desk.stopping:
            self._tries[result.payment_id] += 1
            self._refused.add(result.payment_id)
            code = _STUCK[OperationKind(result.kind)]
            desk.need_help(code, result.payment_id, f"{result.kind} refused: {result.reason}")
            desk.spawn(self._try_later(code, result.payment_id))
        else:
            if result.kind == _REFUND and result.status == OperationStatus.SUCCEEDED:
                desk.notify("refunded", result.operation_id)
            desk.relieve(_STUCK[OperationKind(result.kind)], result.payment_id)
        if desk.order.shipped_units:
            # It may have run out while this very call was under way.
            self.renew()
        self.collect()

    def _after_authorization(self, payment_id: str, *, failed: bool, reason: str) -> None:
        if not failed:
            return
        self._desk.notify("payment_problem", payment_id)
        if not self._desk.order.covered and not self._desk.stopping:
            self._desk.need_help(
                attention.PAYMENT_FAILED, payment_id, f"The payment failed: {reason or 'declined'}"
            )

    async def _try_later(self, code: str, payment_id: str) -> None:
        await self._desk.until_retry(code)
        self._desk.push(partial(self._collect_again, payment_id))

    async def _collect_again(self, payment_id: str) -> None:
        self._refused.discard(payment_id)
        self.collect()

    # -- news of the provider ------------------------------------------------------------------

    async def on_news(self, news: PaymentSignal) -> None:
        """A webhook: the customer confirmed or gave up, or an authorization ran out."""
        desk = self._desk
        tender = desk.order.tender(news.payment_id)
        if tender is None or news.kind != _AUTHORIZE:
            return
        if tender.status is PaymentStatus.PENDING:
            await desk.record(
                PaymentActivities.record_payment,
                PaymentResult(
                    order_id=desk.order.id,
                    payment_id=tender.id,
                    operation_id=f"{tender.id}-authorize",
                    kind=_AUTHORIZE,
                    status=news.status,
                    amount=news.amount,
                    provider_ref=news.provider_ref,
                    reason=news.reason,
                    captured=news.captured,
                    occurred_at=news.occurred_at,
                ),
            )
            failed = news.status == OperationStatus.FAILED
            self._after_authorization(tender.id, failed=failed, reason=news.reason)
            self.collect()
        elif news.status == OperationStatus.SUCCEEDED and not tender.alive:
            if tender.id in self._busy or not money_came_late(tender, captured=news.captured):
                # The answer of a renewal, which is on its way, is slower than its webhook.
                return
            detail = f"{news.amount} of {tender.id} arrived after it was {tender.status}"
            desk.need_help(attention.LATE_PAYMENT, tender.id, detail)
        elif news.provider_ref not in {"", tender.provider_ref}:
            # Late news of an authorization that was renewed meanwhile.
            return
        elif news.reason == AUTHORIZATION_EXPIRED and tender.capturable:
            await self._run_out(tender.id, news.event_id)

    async def on_less_owed(self) -> None:
        """What was not paid for came back: nobody is asked for that money any more."""
        desk = self._desk
        await desk.record(OrderActivities.reload_order, desk.order.id)
        due = {part.payment_id for part in captures_due(desk.order)}
        for payment_id in sorted(self._refused - due):
            desk.relieve(attention.CAPTURE_FAILED, payment_id)
        self.collect()

    async def _run_out(self, payment_id: str, cause: str) -> None:
        """An authorization ran out. It is renewed when it is needed: when goods are about to
        leave, or have left; until then the customer's card is not charged with a hold.
        """
        desk = self._desk
        tender = desk.order.tender(payment_id)
        if tender is None or not tender.capturable:
            return
        await desk.record(
            PaymentActivities.record_dead_tender,
            PaymentResult(
                order_id=desk.order.id,
                payment_id=payment_id,
                operation_id=cause,
                kind=_AUTHORIZE,
                status=PaymentStatus.EXPIRED,
                amount=tender.capturable,
                reason=AUTHORIZATION_EXPIRED,
            ),
        )
        self._lapsed.add(payment_id)
        if desk.order.shipped_units:
            self.renew()
        elif not desk.stopping and not desk.order.covered:
            detail = "The authorization ran out; it is renewed when the goods are handed over"
            desk.need_help(attention.AUTHORIZATION_EXPIRED, payment_id, detail)

    def renew(self) -> None:
        """Authorize again, with the same instrument, what ran out and is still needed."""
        for payment_id in sorted(self._lapsed - self._busy):
            tender = self._desk.order.tender(payment_id)
            self._lapsed.discard(payment_id)
            if tender is None or self._desk.order.covered or self._desk.stopping:
                continue
            self._tries[payment_id] += 1
            cause = f"renew-{self._tries[payment_id]}"
            self._begin(_AUTHORIZE, tender, cause, tender.amount - tender.captured)

    @property
    def under_way(self) -> frozenset[str]:
        """Tenders that a provider is being asked about."""
        return frozenset(self._busy)

    @property
    def busy(self) -> bool:
        """Whether a call to a provider is under way and not failing."""
        failing = {subject for code, subject in self._desk.attention if code in _STUCK.values()}
        return bool(self._busy - failing)

    # -- taking and giving back ----------------------------------------------------------------

    def collect(self) -> None:
        """Take what is due by now, and give back what is not owed any more."""
        if self._desk.stopping:
            return
        if self._desk.order.shipped_units:
            self.renew()
        for due in captures_due(self._desk.order):
            self._begin_settlement(_CAPTURE, due)
        for back in refunds_due(self._desk.order):
            self._begin_settlement(_REFUND, back)

    def _begin_settlement(self, kind: OperationKind, settlement: Settlement) -> None:
        tender = self._desk.order.tender(settlement.payment_id)
        if tender is None or tender.id in self._busy | self._refused:
            return
        # The amount taken so far names the operation: the same at every attempt, new after it.
        so_far = tender.captured if kind is _CAPTURE else tender.refunded
        self._begin(kind, tender, self._cause(kind, tender.id, so_far), settlement.amount)

    def _cause(self, kind: OperationKind, payment_id: str, so_far: int) -> str:
        tries = self._tries[payment_id]
        return f"{kind}-{so_far}" + (f"-{tries}" if tries else "")

    def release_unneeded(self) -> None:
        """Void what the customer reserved, or was still to confirm, and the order does not need.

        A second try that succeeded leaves the first one open; canceled units leave a rest.
        """
        for tender in self._desk.order.tenders:
            if tender.id in self._busy:
                continue
            reserved = tender.capturable and not tender.captured
            spare = self._desk.order.secured - self._desk.order.payable >= tender.capturable
            if tender.action_required or (reserved and spare and self._desk.order.settled):
                tries = self._tries[tender.id]
                cause = "void-rest" + (f"-{tries}" if tries else "")
                self._begin(_VOID, tender, cause, tender.authorized or tender.amount)

    @property
    def settled(self) -> bool:
        """Whether everything is taken and given back as it should be."""
        return self._desk.order.settled and not self._busy

    # -- undoing -------------------------------------------------------------------------------

    async def undo(self) -> None:
        """Void what is reserved, give back what was taken, and know the fate of every call.

        The order is being canceled, so nothing but a fee is payable; each tender is settled on its
        own, and one that the provider does not answer for holds up no other.
        """
        desk = self._desk
        await desk.serve(lambda: not self._busy)
        for tender in list(desk.order.tenders):
            self._busy.add(tender.id)
            desk.spawn(self._undo(tender.id))
        await desk.serve(lambda: not self._busy)

    async def _undo(self, payment_id: str) -> None:
        """Until nothing of a tender is reserved, unknown, or kept beyond the fee.

        What to do is decided anew each time: the customer or the provider may have moved.
        """
        while (tender := self._desk.order.tender(payment_id)) is not None:
            fee = fee_parts(self._desk.order, self._no_fee).get(payment_id, 0)
            if (unknown := self._unknown_call(tender)) is not None:
                moved = await self._look_up(unknown)
            elif fee > tender.refundable:
                moved = await self._give_back(_CAPTURE, tender, fee - tender.refundable)
            elif tender.action_required or (tender.capturable and not tender.captured):
                moved = await self._give_back(_VOID, tender, tender.authorized or tender.amount)
            elif tender.refundable > fee:
                moved = await self._give_back(_REFUND, tender, tender.refundable - fee)
            else:
                break
            if not moved:
                kind = _REFUND if tender.refundable else _VOID
                await self._pause(_STUCK[kind], payment_id, f"{kind} is not done yet")
        self._busy.discard(payment_id)

    def _unknown_call(self, tender: Tender) -> PaymentCall | None:
        """The call whose fate has to be known before anything else is asked about this tender."""
        if tender.status is PaymentStatus.PENDING and tender.amount and not tender.action_required:
            return self._unknown.get(tender.id) or self._authorization(tender)
        return self._unknown.get(tender.id)

    def _authorization(self, tender: Tender) -> PaymentCall:
        order_id = self._desk.order.id
        return PaymentCall(order_id, tender.id, _AUTHORIZE, "authorize", tender.amount)

    async def _look_up(self, call: PaymentCall) -> bool:
        """What became of a call whose answer we never got. Whether that is known now."""
        before = self._desk.order.tender(call.payment_id)
        try:
            result = await self._desk.outside(
                PaymentActivities.look_up_payment,
                call,
                code=_STUCK[OperationKind(call.kind)],
                subject=call.payment_id,
                summary=f"look up {call.kind} of {call.payment_id}",
            )
        except Rejected as error:
            result = _ended(call, OperationStatus.FAILED, error.reason)
        except GivenUp:
            return False
        if result.status == OperationStatus.FAILED:
            self._tries[call.payment_id] += 1
        await self._write(result)
        if (call.kind, result.status) == (_REFUND, OperationStatus.SUCCEEDED):
            self._desk.notify("refunded", result.operation_id)
        known = self._unknown.pop(call.payment_id, None) is not None
        return known or self._desk.order.tender(call.payment_id) != before

    async def _give_back(self, kind: OperationKind, tender: Tender, amount: int) -> bool:
        """One try to void or refund, or to take the fee. Whether anything is different now."""
        so_far = tender.refunded if kind is _REFUND else tender.captured
        cause = self._cause(kind, tender.id, so_far)
        result = await self._ask(PaymentCall(self._desk.order.id, tender.id, kind, cause, amount))
        if kind is _VOID and result.reason in _GONE:
            result = replace(result, status=OperationStatus.SUCCEEDED)
        await self._write(result)
        if result.status == OperationStatus.SUCCEEDED:
            self._desk.relieve(_STUCK[kind], tender.id)
            if kind is _REFUND:
                self._desk.notify("refunded", result.operation_id)
            return True
        if result.status == OperationStatus.FAILED:
            self._tries[tender.id] += 1
            if kind is _CAPTURE:
                # No cancellation waits for its fee.
                self._no_fee.add(tender.id)
                return True
            if tender.action_required:
                # The customer was faster: the money may be there, and has to go back.
                return await self._look_up(self._authorization(tender))
        return False

    async def _pause(self, code: str, subject: str, detail: str) -> None:
        self._desk.need_help(code, subject, detail)
        await self._desk.until_retry(code)

    async def _write(self, result: PaymentResult) -> None:
        """Have the run loop bring the result into the books, and wait until it has."""
        written = False

        async def write() -> None:
            nonlocal written
            await self._desk.record(PaymentActivities.record_payment, result)
            written = True

        self._desk.push(write)
        await workflow.wait_condition(lambda: written)


def _ended(call: PaymentCall, status: OperationStatus, reason: str) -> PaymentResult:
    return PaymentResult(
        order_id=call.order_id,
        payment_id=call.payment_id,
        operation_id=call.operation_id,
        kind=call.kind,
        status=status,
        amount=call.amount,
        reason=reason,
    )
