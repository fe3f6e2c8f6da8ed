"""An order that goods pay for which come back: it waits for them, and for what they are worth."""

import asyncio

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.exchange_contracts import ExchangeNews
    from activities.exchanges import ExchangeActivities
    from domain import attention, decisions
    from domain.errors import Refused
    from domain.ports import EXCHANGE
    from domain.states import OrderStatus
    from workflows.desk import Desk, Stop
    from workflows.payment import Payment


class Exchange:
    """See the module. Any other order hears nothing here, and waits for nothing."""

    def __init__(self, desk: Desk, payment: Payment) -> None:
        self._desk = desk
        self._payment = payment
        self._waits = any(tender.provider == EXCHANGE for tender in desk.order.tenders)
        self._heard = 0

    @property
    def decided(self) -> bool:
        """Whether it is known what the goods were worth."""
        return not self._waits

    async def on_news(self, exchange_id: str) -> None:
        """They are on their way, were accepted, or will not come."""
        desk = self._desk
        if desk.stopping or desk.order.closed:
            return
        self._heard += 1
        news = ExchangeNews(
            desk.order.id,
            exchange_id,
            f"exchange:{self._heard}",
            desk.policy.pick_deadline,
        )
        seen = await desk.record(ExchangeActivities.follow_exchange, news)
        if seen.failed:
            await self._fail(news)
        self._waits = not seen.decided or bool(seen.left)
        if seen.left:
            desk.spawn(self._again(exchange_id))
        if not desk.order.covered and desk.order.status is OrderStatus.CONFIRMED:
            detail = "The goods that came back are not worth what this order costs"
            desk.need_help(attention.PAYMENT_MISSING, "", detail)
            desk.notify("exchange_short", exchange_id)
        self._payment.collect()

    async def _fail(self, news: ExchangeNews) -> None:
        """Nothing came back: nothing is sent; what has left is to be paid for."""
        try:
            decisions.can_cancel(self._desk.order)
        except Refused:
            await self._desk.record(ExchangeActivities.take_off_exchange, news.failed())
        else:
            raise Stop(OrderStatus.CANCELED, "return_failed")

    async def _again(self, exchange_id: str) -> None:
        """A part of it is on its way back: when that is there the rest can be taken off."""
        await asyncio.sleep(self._desk.policy.step_retry_interval)
        self._desk.push(lambda: self.on_news(exchange_id))
