"""Exchanges: what pays for a new order, and how it hears of the goods that it was promised."""

from temporalio import activity

from activities.exchange_contracts import ExchangeNews, ExchangeSeen
from activities.own_books import OwnBooksGateway
from db import exchanges, fulfillment, notifications, orders, payments, timeline
from db.pool import Connection, Pool
from domain.exchanges import Exchange
from domain.money import Money
from domain.order import Order, Tender
from domain.ports import EXCHANGE, AuthorizeRequest, SettleRequest
from domain.settlement import uncovered
from domain.states import ExchangeStatus, HoldReason, OperationKind


class ExchangeGateway(OwnBooksGateway):
    """Goods that come back pay: what they bring was taken when the exchange was opened."""

    name = EXCHANGE

    async def take(self, conn: Connection, request: AuthorizeRequest) -> str:
        """It was promised with the order."""
        return "" if await exchanges.is_used(conn, request.key) else "no_exchange"

    async def give_back(self, conn: Connection, request: SettleRequest, amount: Money) -> None:
        """To the order whose goods were exchanged, and from there to the customer."""
        await orders.lock(conn, request.order_id)
        await exchanges.give_back(conn, request.order_id, amount.amount, request.key)

    async def is_booked(self, key: str) -> bool:
        """Whether that was taken, or given back."""
        return await exchanges.is_used(self._pool, key)


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
