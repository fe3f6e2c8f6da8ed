"""Money: calls to payment providers, and bringing their outcome into the ledger."""

from collections.abc import Mapping
from typing import Any

from temporalio import activity

from activities.contracts import PaymentCall, PaymentResult, moment
from db import notifications, orders, payments, timeline
from db.pool import Pool
from domain.errors import ProviderRejected
from domain.money import Money
from domain.notices import kind_of
from domain.order import Order
from domain.ports import EXCHANGE, AuthorizeRequest, PaymentGateway, PaymentOutcome, SettleRequest
from domain.states import OperationKind, OperationStatus, PaymentStatus


class PaymentActivities:
    """Speaks to payment providers by name, and keeps the books."""

    def __init__(self, pool: Pool, gateways: Mapping[str, PaymentGateway], return_url: str) -> None:
        self._pool = pool
        self._gateways = gateways
        self._return_url = return_url

    @activity.defn
    async def authorize_payment(self, call: PaymentCall) -> PaymentResult:
        """Reserve (or take) a tender's amount. A declined card is a result, not an error."""
        return await self._ask(call)

    @activity.defn
    async def capture_payment(self, call: PaymentCall) -> PaymentResult:
        """Take what was reserved."""
        return await self._ask(call)

    @activity.defn
    async def void_payment(self, call: PaymentCall) -> PaymentResult:
        """Give back what was reserved."""
        return await self._ask(call)

    @activity.defn
    async def refund_payment(self, call: PaymentCall) -> PaymentResult:
        """Give back what was taken."""
        return await self._ask(call)

    @activity.defn
    async def look_up_payment(self, call: PaymentCall) -> PaymentResult:
        """What became of an operation, without sending it. Failed when it never arrived."""
        payment = await payments.for_call(self._pool, call.payment_id)
        gateway = self._gateway(payment.provider)
        kind = OperationKind(call.kind)
        outcome = await gateway.look_up(kind, call.operation_id, payment.provider_ref)
        if outcome is None:
            outcome = PaymentOutcome(OperationStatus.FAILED, reason="never_arrived")
        return await self._result(call, outcome)

    async def _ask(self, call: PaymentCall) -> PaymentResult:
        payment = await payments.for_call(self._pool, call.payment_id)
        gateway = self._gateway(payment.provider)
        kind = OperationKind(call.kind)
        new = await payments.request_operation(
            self._pool, call.operation_id, payment, kind, call.cause, call.amount
        )
        outcome = None
        # An earlier attempt may have reached the provider: ask before anything is sent again.
        if call.maybe_sent or activity.info().attempt > 1 or not new:
            outcome = await gateway.look_up(kind, call.operation_id, payment.provider_ref)
        if outcome is None:
            outcome = await self._send(gateway, kind, call, payment)
        return await self._result(call, outcome)

    async def _send(
        self,
        gateway: PaymentGateway,
        kind: OperationKind,
        call: PaymentCall,
        payment: payments.PaymentRow,
    ) -> PaymentOutcome:
        amount = Money(call.amount, payment.currency)
        if kind is OperationKind.AUTHORIZE:
            return await gateway.authorize(
                AuthorizeRequest(
                    key=call.operation_id,
                    order_id=call.order_id,
                    payment_id=payment.id,
                    method=payment.method,
                    amount=amount,
                    token=payment.token,
                    capture=payment.capture == "immediate",
                    return_url=self._return_url,
                )
            )
        request = SettleRequest(
            key=call.operation_id,
            order_id=call.order_id,
            payment_id=payment.id,
            provider_ref=payment.provider_ref,
            amount=None if kind is OperationKind.VOID else amount,
        )
        if kind is OperationKind.CAPTURE:
            return await gateway.capture(request)
        if kind is OperationKind.VOID:
            return await gateway.void(request)
        return await gateway.refund(request)

    async def _result(self, call: PaymentCall, outcome: PaymentOutcome) -> PaymentResult:
        if outcome.status is OperationStatus.ACTION_REQUIRED:
            await payments.keep_client_action(self._pool, call.payment_id, outcome.client_action)
        return PaymentResult(
            order_id=call.order_id,
            payment_id=call.payment_id,
            operation_id=call.operation_id,
            kind=call.kind,
            status=outcome.status,
            amount=call.amount,
            provider_ref=outcome.provider_ref,
            reason=outcome.reason,
            captured=outcome.captured,
            expires_at=outcome.expires_at.isoformat() if outcome.expires_at else "",
        )

    def _gateway(self, provider: str) -> PaymentGateway:
        try:
            return self._gateways[provider]
        except KeyError:
            reason = "provider_not_configured"
            raise ProviderRejected(reason, provider) from None

    @activity.defn
    async def record_payment(self, result: PaymentResult) -> Order:
        """Bring an operation's end into the ledger, the tender and the timeline, once."""
        cause = f"{result.operation_id}:{result.status}"
        async with orders.once(self._pool, result.order_id, cause) as step:
            if step.done:
                return step.order
            status = OperationStatus(result.status)
            news = await payments.settle_operation(
                step.conn, result.operation_id, status, result.provider_ref, result.reason
            )
            if news:
                await self._apply(step, result, status)
                await self._tell(step, result, status)
            return await step.save()

    async def _apply(
        self, step: orders.Step, result: PaymentResult, status: OperationStatus
    ) -> None:
        kind = OperationKind(result.kind)
        occurred_at = moment(result.occurred_at)
        if status is OperationStatus.SUCCEEDED:
            await payments.book(
                step.conn,
                payments.Booking(
                    kind=kind,
                    payment_id=result.payment_id,
                    amount=result.amount,
                    cause=result.operation_id,
                    provider_ref=result.provider_ref if kind is OperationKind.AUTHORIZE else "",
                    captured=result.captured,
                    expires_at=moment(result.expires_at),
                    occurred_at=occurred_at,
                ),
            )
        elif status is OperationStatus.FAILED and kind is OperationKind.AUTHORIZE:
            await payments.fail(step.conn, result.payment_id, result.reason or "declined")
        elif status is OperationStatus.ACTION_REQUIRED:
            await payments.keep_reference(step.conn, result.payment_id, result.provider_ref)
        await timeline.record(
            step.conn,
            result.order_id,
            _EVENTS[kind, status],
            data={
                "payment_id": result.payment_id,
                "amount": result.amount,
                **({"reason": result.reason} if result.reason else {}),
                **({"captured": True} if result.captured else {}),
            },
            occurred_at=occurred_at,
        )

    async def _tell(
        self, step: orders.Step, result: PaymentResult, status: OperationStatus
    ) -> None:
        """What the customer hears of it."""
        if result.kind == OperationKind.REFUND and status is OperationStatus.SUCCEEDED:
            await payments.mark_refunded(step.conn, result.order_id)
            tender = step.order.tender(result.payment_id)
            if tender is not None and tender.provider == EXCHANGE:
                # Of what goes back to the customer they hear by the order that was exchanged.
                return
            data: dict[str, Any] = {"amount": result.amount}
            if tender is not None:
                data["tenders"] = [[kind_of(tender), result.amount]]
            await notifications.plan(
                step.conn, result.order_id, "refunded", result.operation_id, data
            )
        elif result.kind == OperationKind.AUTHORIZE and status is OperationStatus.FAILED:
            data_ = {"reason": result.reason, "amount": result.amount}
            await notifications.plan(
                step.conn, result.order_id, "payment_problem", result.payment_id, data_
            )

    @activity.defn
    async def record_dead_tender(self, result: PaymentResult) -> Order:
        """A tender ended without an operation of ours: it ran out, or was never begun."""
        cause = f"{result.payment_id}:{result.status}:{result.operation_id}"
        async with orders.once(self._pool, result.order_id, cause) as step:
            if step.done:
                return step.order
            status = PaymentStatus(result.status)
            await payments.fail(
                step.conn, result.payment_id, result.reason, status, cause=result.operation_id
            )
            await timeline.record(
                step.conn,
                result.order_id,
                f"payment_{status}",
                data={"payment_id": result.payment_id, "reason": result.reason},
                occurred_at=moment(result.occurred_at),
            )
            return await step.save()


_EVENTS = {
    (kind, status): f"{stem}_{end}"
    for kind, stem, past in (
        (OperationKind.AUTHORIZE, "payment", "authorized"),
        (OperationKind.CAPTURE, "capture", "succeeded"),
        (OperationKind.VOID, "void", "succeeded"),
        (OperationKind.REFUND, "refund", "succeeded"),
    )
    for status, end in (
        (OperationStatus.SUCCEEDED, past),
        (OperationStatus.FAILED, "failed"),
        (OperationStatus.ACTION_REQUIRED, "action_required"),
        (OperationStatus.UNKNOWN, "outcome_unknown"),
        (OperationStatus.REQUESTED, "requested"),
    )
}
