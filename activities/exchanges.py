"""Exchanges: what pays for a new order, and how it hears of the goods that it was promised."""

from collections.abc import Mapping, Sequence

from temporalio import activity

from activities.exchange_contracts import ExchangeNews, ExchangeSeen
from db import exchanges, fulfillment, notifications, orders, payments, timeline
from db.pool import Pool
from domain.errors import InvalidSignature
from domain.exchanges import Exchange
from domain.order import Order, Tender
from domain.ports import (
    EXCHANGE,
    AuthorizeRequest,
    PaymentNews,
    PaymentOutcome,
    SettleRequest,
)
from domain.settlement import uncovered
from domain.states import ExchangeStatus, HoldReason, OperationKind, OperationStatus

_DONE = OperationStatus.SUCCEEDED


class ExchangeGateway:
    """See `domain.ports.PaymentGateway`: goods that come back pay. Our own books; each key counts
    once. It was taken when the exchange was opened; what is not owed after all goes back.
    """

    name = EXCHANGE

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def authorize(self, request: AuthorizeRequest) -> PaymentOutcome:
        """It was promised with the order."""
        known = await exchanges.is_used(self._pool, request.key)
        if not known:
            return PaymentOutcome(OperationStatus.FAILED, reason="no_exchange")
        return PaymentOutcome(_DONE, request.key, captured=True)

    async def capture(self, request: SettleRequest) -> PaymentOutcome:
        """It is taken already."""
        return PaymentOutcome(_DONE, request.provider_ref)

    async def void(self, request: SettleRequest) -> PaymentOutcome:
        """Nothing is reserved that is not taken."""
        return PaymentOutcome(_DONE, request.provider_ref)

    async def refund(self, request: SettleRequest) -> PaymentOutcome:
        """Back to the order whose goods were exchanged, and from there to the customer."""
        assert request.amount is not None  # noqa: S101 - only a void has none
        async with self._pool.acquire() as conn, conn.transaction():
            await orders.lock(conn, request.order_id)
            await exchanges.give_back(conn, request.order_id, request.amount.amount, request.key)
        return PaymentOutcome(_DONE, request.provider_ref)

    async def look_up(
        self, kind: OperationKind, key: str, provider_ref: str
    ) -> PaymentOutcome | None:
        """What stands in the books under the key."""
        if not await exchanges.is_used(self._pool, key):
            return None
        taken = kind is OperationKind.AUTHORIZE
        return PaymentOutcome(_DONE, key if taken else provider_ref, captured=taken)

    def parse_webhook(
        self,
        headers: Mapping[str, str],  # noqa: ARG002 - the port's signature
        body: bytes,  # noqa: ARG002 - the port's signature
    ) -> Sequence[PaymentNews]:
        """Nobody sends any."""
        raise InvalidSignature


class ExchangeActivities:
    """The transactions of an order that was sent in exchange."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @activity.defn
    async def follow_exchange(self, task: ExchangeNews) -> ExchangeSeen:
        """The goods are on their way, here, or not coming: let the order go, take off what they
        were not worth, or say that it must not be sent.
        """
        async with orders.once(self._pool, task.order_id, task.cause) as step:
            if step.done:
                return ExchangeSeen(step.order, **step.result)
            step.result = {}
            exchange = await exchanges.of_new_order(step.conn, task.order_id)
            if exchange is None or step.order.closed:
                return ExchangeSeen(step.order)
            failed = exchange.status is ExchangeStatus.FAILED
            step.result = {"decided": exchange.decided, "failed": failed}
            if exchange.may_leave(await exchanges.stage_of(step.conn, exchange)):
                await self._let_go(step, task)
            if exchange.unpaid and not failed:
                short = await self._take_off(step, exchange)
                step.result |= {"short": short, "left": exchange.unpaid - short}
            return ExchangeSeen(await step.save(), **step.result)

    @activity.defn
    async def take_off_exchange(self, task: ExchangeNews) -> Order:
        """The goods did not come, and the order has left: the customer owes its price."""
        async with orders.once(self._pool, task.order_id, task.cause) as step:
            exchange = await exchanges.of_new_order(step.conn, task.order_id)
            if step.done or exchange is None or not exchange.unpaid:
                return step.order
            await self._take_off(step, exchange)
            return await step.save()

    async def _let_go(self, step: orders.Step, task: ExchangeNews) -> None:
        for hold in step.order.holds:
            if hold.reason != HoldReason.AWAITING_RETURN_ITEMS:
                continue
            await orders.release_hold(step.conn, hold.id, timeline.SYSTEM)
            if len(step.order.holds) == 1:
                await fulfillment.release_work(step.conn, step.order_id, task.pick_deadline)
            data = {"hold_id": hold.id, "exchange_id": task.exchange_id}
            await timeline.record(step.conn, step.order_id, "hold_released", data=data)

    async def _take_off(self, step: orders.Step, exchange: Exchange) -> int:
        """Goods that are not worth it do not pay; what is on its way back already is not there."""
        tender = next((t for t in step.order.tenders if t.provider == EXCHANGE), None)
        if tender is None:
            return 0
        short = min(exchange.unpaid, await _left(step, tender))
        if not short:
            return 0
        cause = f"{exchange.id}:{step.cause}"
        await exchanges.give_back(step.conn, step.order_id, short, cause)
        booking = payments.Booking(OperationKind.REFUND, tender.id, short, cause)
        await payments.book(step.conn, booking)
        data = {"exchange_id": exchange.id, "payment_id": tender.id, "amount": short}
        await timeline.record(step.conn, step.order_id, "exchange_short", data=data)
        if missing := uncovered(await step.save()):
            told = {"amount": missing, "any_time": True}
            await notifications.plan(step.conn, step.order_id, "exchange_short", exchange.id, told)
        return short


async def _left(step: orders.Step, tender: Tender) -> int:
    """What the tender has brought and nobody is giving back."""
    return tender.refundable - await payments.being_refunded(step.conn, tender.id)
