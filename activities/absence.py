"""Goods that are not there: leaving the queue, substitutes, closed warehouses, moved dates.

One transaction each.
"""

from collections import Counter

from temporalio import activity

from activities import goods, substitutes
from activities.contracts import Arrange, DateMoved, EndOffer, Leave, Recall, TakeOffer
from db import closings, notifications, orders, stock, timeline
from db.pool import Pool
from domain.decisions import can_answer_offer, can_leave_queue
from domain.order import Order
from domain.shortage import CANCEL_LINES
from domain.states import OfferStatus


class AbsenceActivities:
    """The transactions of an order whose goods are missing; each happens once per cause."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @activity.defn
    async def leave_queue(self, task: Leave) -> Order:
        """The customer does not wait any longer: units that wait are canceled, and nothing else."""
        async with orders.once(self._pool, task.order_id, task.cause) as step:
            if step.done:
                return step.order
            await substitutes.lock(step)
            await goods.take_off_missing(step)
            units = Counter(can_leave_queue(step.order, task.lines))
            await self._give_up(step, units)
            await substitutes.withdraw_needless(step, "left_queue")
            await timeline.record(
                step.conn,
                task.order_id,
                "left_queue",
                actor=task.by.actor,
                role=task.by.role,
                data={"lines": dict(units)},
            )
            order = await step.save()
            if order.live_units:
                # Of an order that ends with it the customer is told by the end.
                data = {"units": dict(units), "reason": "customer"}
                await notifications.plan(
                    step.conn, task.order_id, "canceled", task.cause, data=data
                )
            return order

    async def _give_up(self, step: orders.Step, units: Counter[str]) -> None:
        for line_id, quantity in units.items():
            await orders.move_units(step.conn, line_id, backordered=-quantity, canceled=quantity)
        await stock.recall(step.conn, step.order_id, units, {}, f"{step.order_id}:{step.cause}")

    @activity.defn
    async def arrange_substitutes(self, task: Arrange) -> Order:
        """Withdraw offers that nobody needs any more, and offer what is there for what waits."""
        async with orders.once(self._pool, task.order_id, task.cause) as step:
            if step.done:
                return step.order
            await substitutes.lock(step)
            withdrawn = await substitutes.withdraw_needless(step, "arrived")
            offered = await substitutes.offer_what_is_there(step, task.seconds)
            return await step.save() if withdrawn or offered else step.order

    @activity.defn
    async def accept_substitute(self, task: TakeOffer) -> Order:
        """Take a substitute: its units are the order's, and those that waited leave the queue."""
        async with orders.once(self._pool, task.order_id, task.cause) as step:
            if step.done:
                return step.order
            offer = can_answer_offer(step.order, task.offer_id, OfferStatus.ACCEPTED)
            if not offer.open:
                return step.order
            await substitutes.lock(step)
            await goods.take_off_missing(step)
            kept_at = await substitutes.accept(step, offer, task.by)
            # A warehouse may have closed meanwhile, and news of that is told once.
            for warehouse in kept_at:
                if await closings.is_closed(step.conn, warehouse):
                    step.order = await orders.load(step.conn, task.order_id)
                    await self._recall(step, warehouse)
            return await step.save()

    @activity.defn
    async def end_offer(self, task: EndOffer) -> Order:
        """A substitute was refused, or not answered for: wait on, or give the units up."""
        async with orders.once(self._pool, task.order_id, task.cause) as step:
            if step.done:
                return step.order
            status = OfferStatus(task.status)
            offer = can_answer_offer(step.order, task.offer_id, status)
            if not offer.open:
                return step.order
            await substitutes.lock(step)
            await substitutes.end(step, offer, status, task.by)
            if task.then == CANCEL_LINES:
                units = Counter({offer.line_id: offer.quantity})
                await self._give_up(step, units)
                missing = [
                    {"line_id": offer.line_id, "sku": line.sku, "quantity": offer.quantity}
                    for line in step.order.lines
                    if line.id == offer.line_id
                ]
                data = {"decision": "units_canceled", "units": missing}
                await timeline.record(step.conn, task.order_id, "out_of_stock", data=data)
                told = {"units": dict(units), "waiting": False}
                await notifications.plan(
                    step.conn, task.order_id, "out_of_stock", offer.id, data=told
                )
            return await step.save()

    @activity.defn
    async def recall_work(self, task: Recall) -> Order:
        """A warehouse is closed: what no hand has packed there needs another source."""
        async with orders.once(self._pool, task.order_id, task.cause) as step:
            if step.done:
                return step.order
            if not await closings.is_closed(step.conn, task.warehouse):
                # Reopened before anybody came to it.
                return step.order
            await goods.take_off_missing(step)
            if not await self._recall(step, task.warehouse):
                return step.order
            return await step.save()

    async def _recall(self, step: orders.Step, warehouse: str) -> bool:
        units = await goods.recall_from(step, warehouse)
        if units:
            data = {"warehouse": warehouse, "reason": "closed", "lines": dict(units)}
            await timeline.record(step.conn, step.order_id, "work_recalled", data=data)
        return bool(units)

    @activity.defn
    async def record_moved_date(self, task: DateMoved) -> Order:
        """The day by which units that wait are expected has moved: tell the customer."""
        async with orders.once(self._pool, task.order_id, task.cause) as step:
            if step.done:
                return step.order
            waiting = {line.id: line.backordered for line in step.order.lines if line.backordered}
            units = {line_id: waiting[line_id] for line_id in task.lines if line_id in waiting}
            if units:
                data = {"units": units, "expected_on": task.expected_on or None}
                await timeline.record(step.conn, task.order_id, "expected_date_moved", data=data)
                await notifications.plan(
                    step.conn, task.order_id, "expected_date_moved", task.cause, data=data
                )
            return step.order
