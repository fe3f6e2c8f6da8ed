"""Canceling an order of which a part has left us. One transaction."""

from temporalio import activity

from activities import goods, substitutes
from activities.ending_contracts import CancelOnTheRoad
from db import endings, fulfillment, notifications, orders, serials, timeline
from db.pool import Pool
from domain.decisions import cancelable_units, must_be_open, on_the_road
from domain.order import Order
from domain.settlement import fee_within
from domain.states import ShipmentStatus


class RecallActivities:
    """The transaction of an order that is canceled while parcels of it are with the carrier."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @activity.defn
    async def cancel_on_the_road(self, task: CancelOnTheRoad) -> Order:
        """Cancel what is here or will not come; remember which parcels the carrier brings back.

        While one of these is awaited the cancellation stays visible; money follows the units.
        """
        async with orders.once(self._pool, task.order_id, task.cause) as step:
            if step.done:
                return step.order
            must_be_open(step.order)
            await substitutes.lock(step)
            await goods.take_off_missing(step)
            units = await self._take_back(step, task)
            stopped = [s.id for s in on_the_road(step.order) if s.id in task.stopped]
            for shipment_id in stopped:
                await endings.intercept(step.conn, task.order_id, shipment_id)
            await self._tell(step, task, stopped, units)
            return await step.save()

    async def _take_back(self, step: orders.Step, task: CancelOnTheRoad) -> dict[str, int]:
        """Unpack what is packed, and cancel all units that have not left; how many, per line."""
        for shipment in step.order.shipments:
            if shipment.in_house:
                await fulfillment.set_shipment_status(step.conn, shipment, ShipmentStatus.CANCELED)
                await fulfillment.unpack(step.conn, shipment.id)
        step.order = await orders.load(step.conn, task.order_id)
        units = {line.id: cancelable_units(step.order, line.id) for line in step.order.lines}
        units = {line_id: quantity for line_id, quantity in units.items() if quantity}
        await goods.cancel_units(step, units)
        back = serials.Told(f"{task.order_id}:{task.cause}", task.by.actor)
        await serials.give_back(step.conn, task.order_id, back)
        return units

    async def _tell(
        self,
        step: orders.Step,
        task: CancelOnTheRoad,
        stopped: list[str],
        units: dict[str, int],
    ) -> None:
        """The timeline; and the customer, who else hears of it when the parcels are back."""
        facts = {"reason": task.reason, "lines": units}
        if stopped:
            await orders.request_cancel(step.conn, task.order_id, task.reason)
            await orders.keep_cancel_fee(step.conn, task.order_id, fee_within(step.order, task.fee))
        elif units:
            data = {"units": units, "reason": task.reason}
            await notifications.plan(step.conn, task.order_id, "canceled", task.cause, data=data)
        await timeline.record(
            step.conn,
            task.order_id,
            "cancel_started" if stopped else "units_canceled",
            actor=task.by.actor,
            role=task.by.role,
            data=facts | {"intercepted": stopped, "not_intercepted": task.unstopped},
        )
