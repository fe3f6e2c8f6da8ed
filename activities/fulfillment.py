"""Parcels: packed, labeled, handed over, delivered. Transactions, and calls to carriers."""

from collections import Counter
from collections.abc import Mapping

from temporalio import activity

from activities import parcels
from activities.contracts import (
    HandOver,
    LabelCall,
    LabelResult,
    Packed,
    PackedParcel,
    ParcelNews,
    moment,
)
from db import endings, fulfillment, notifications, orders, outbox, serials, stock, timeline
from db.pool import Connection, Pool
from domain.decisions import can_pack
from domain.errors import ProviderRejected
from domain.money import Money
from domain.order import FulfillmentOrder, Order, ParcelLine, Shipment
from domain.ports import Address, CarrierGateway, LabelRequest, Parcel
from domain.states import FulfillmentOrderStatus, ShipmentStatus, TrackingStatus


class FulfillmentActivities:
    """The transactions of the warehouse's and the carrier's part of an order."""

    def __init__(self, pool: Pool, carrier: str) -> None:
        self._pool = pool
        self._carrier = carrier

    @activity.defn
    async def record_parcels(self, task: Packed) -> Order:
        """Parcels are packed: their rows, their units, and what they were packed from."""
        async with orders.once(self._pool, task.order_id, task.cause) as step:
            if step.done:
                return step.order
            # Checked once more: a short pick may have been reported in between.
            work = can_pack(
                step.order,
                task.fulfillment_order_id,
                [[ParcelLine(*part) for part in parcel.lines.items()] for parcel in task.parcels],
            )
            for parcel in task.parcels:
                await self._add(step.conn, step.order, work, parcel, task)
            await fulfillment.set_work_status(step.conn, work, FulfillmentOrderStatus.IN_PROGRESS)
            await timeline.record(
                step.conn,
                task.order_id,
                "parcels_packed",
                actor=task.by.actor,
                role=task.by.role,
                data={
                    "fulfillment_order_id": work.id,
                    "shipments": [parcel.shipment_id for parcel in task.parcels],
                },
                occurred_at=moment(task.occurred_at),
            )
            return await step.save()

    async def _add(
        self,
        conn: Connection,
        order: Order,
        work: FulfillmentOrder,
        parcel: PackedParcel,
        task: Packed,
    ) -> None:
        packed_at = moment(task.occurred_at)
        await fulfillment.add_parcel(
            conn,
            parcel.shipment_id,
            order.id,
            work.id,
            [ParcelLine(line_id, quantity) for line_id, quantity in parcel.lines.items()],
            Parcel(parcel.weight_g, parcel.length_mm, parcel.width_mm, parcel.height_mm),
            provider=self._carrier,
            service=order.shipping_option,
            packed_at=packed_at,
        )
        skus = {line.line_id: line.sku for line in work.lines}
        units = [
            serials.PackedUnits(line_id, skus[line_id], quantity, parcel.serials.get(line_id, ()))
            for line_id, quantity in parcel.lines.items()
        ]
        told = serials.Told(f"pack:{parcel.shipment_id}", task.by.actor, packed_at)
        await serials.pack(conn, order.id, work.warehouse, parcel.shipment_id, units, told)

    @activity.defn
    async def record_label(self, result: LabelResult) -> Order:
        """The parcel has its label and number."""
        cause = f"label:{result.shipment_id}"
        async with orders.once(self._pool, result.order_id, cause) as step:
            shipment = step.order.shipment(result.shipment_id)
            if step.done or shipment is None or shipment.status is not ShipmentStatus.PACKED:
                return step.order
            await fulfillment.set_shipment_status(
                step.conn, shipment, ShipmentStatus.LABEL_PURCHASED
            )
            await timeline.record(
                step.conn,
                result.order_id,
                "label_purchased",
                data={
                    "shipment_id": result.shipment_id,
                    "tracking_number": result.tracking_number,
                },
            )
            return await step.save()

    @activity.defn
    async def record_hand_over(self, task: HandOver) -> Order:
        """Parcels left the building: stock, lines, the work, the customer's mail, the carrier."""
        async with orders.once(self._pool, task.order_id, task.cause) as step:
            if step.done:
                return step.order
            if len(task.shipment_ids) > 1:
                # Parcel by parcel they would be locked in the order of the boxes.
                await stock.lock_claimed(step.conn, task.order_id)
            for shipment_id in task.shipment_ids:
                await self._hand_over(step, task, shipment_id)
            order = await orders.load(step.conn, task.order_id)
            for work in order.fulfillment_orders:
                if work.live and not any(w.to_pack or w.packed - w.shipped for w in work.lines):
                    await fulfillment.set_work_status(
                        step.conn, work, FulfillmentOrderStatus.CLOSED
                    )
            await timeline.record(
                step.conn,
                task.order_id,
                "shipped",
                actor=task.by.actor,
                role=task.by.role,
                data={"shipments": task.shipment_ids},
                occurred_at=moment(task.occurred_at),
            )
            return await step.save()

    async def _hand_over(self, step: orders.Step, task: HandOver, shipment_id: str) -> None:
        shipment = step.order.shipment(shipment_id)
        assert shipment is not None  # noqa: S101 - the request was checked
        work = step.order.fulfillment_order(shipment.fulfillment_order_id)
        assert work is not None  # noqa: S101 - every parcel was packed somewhere
        await fulfillment.set_shipment_status(
            step.conn,
            shipment,
            ShipmentStatus.SHIPPED,
            occurred_at=moment(task.occurred_at),
            due_seconds=task.delivery_deadline,
        )
        units = Counter({part.line_id: part.quantity for part in shipment.lines})
        cause = f"{task.order_id}:ship:{shipment_id}"
        await stock.ship(step.conn, task.order_id, work.warehouse, units, cause)
        told = serials.Told(cause, task.by.actor, moment(task.occurred_at))
        await serials.ship(step.conn, shipment_id, told)
        for line_id, quantity in units.items():
            await fulfillment.add_shipped(step.conn, work.id, line_id, quantity)
            await orders.move_units(step.conn, line_id, allocated=-quantity, shipped=quantity)
        await notifications.plan(step.conn, task.order_id, "shipped", shipment_id)
        # The carrier is told by the relay: a carrier that is down must not hold the order up.
        await outbox.add(
            step.conn,
            task.order_id,
            outbox.HAND_OVER,
            {
                "provider": shipment.provider,
                "provider_ref": shipment.provider_ref,
                "key": f"{shipment_id}-hand-over",
            },
        )

    @activity.defn
    async def record_parcel_news(self, news: ParcelNews) -> Order:
        """What the carrier says changes the order: a delivery, or a parcel that will not come."""
        cause = f"parcel:{news.shipment_id}:{news.event_id}"
        async with orders.once(self._pool, news.order_id, cause) as step:
            shipment = step.order.shipment(news.shipment_id)
            if step.done or shipment is None or shipment.status is not ShipmentStatus.SHIPPED:
                return step.order
            status = TrackingStatus(news.status)
            event = f"parcel_{status}"
            if shipment.received:
                # Carriers call it delivered, too, when they bring it back to us: it is here.
                pass
            elif status is TrackingStatus.DELIVERED:
                event = await self._deliver(step, shipment, news)
            elif shipment.tracking_status is status:
                # What was decided about its last trouble waits for nothing any more.
                await endings.end_watch(step.conn, shipment.id)
            await timeline.record(
                step.conn,
                news.order_id,
                event,
                role="carrier",
                actor=shipment.provider,
                data={"shipment_id": shipment.id},
                occurred_at=moment(news.occurred_at),
            )
            return await step.save()

    async def _deliver(self, step: orders.Step, shipment: Shipment, news: ParcelNews) -> str:
        """The customer has it; what the timeline calls it. What was sent again or paid back before
        is told to nobody but us.
        """
        await fulfillment.set_shipment_status(
            step.conn,
            shipment,
            ShipmentStatus.DELIVERED,
            occurred_at=moment(news.occurred_at),
        )
        await endings.end_watch(step.conn, shipment.id)
        # What was to be stopped on its way has arrived: then it is not canceled.
        await parcels.end_recall(step)
        if shipment.written_off:
            await endings.drop_claim(step.conn, shipment.id, shipment.provider)
            return "delivered_after_all"
        await notifications.plan(step.conn, news.order_id, "delivered", shipment.id)
        return "delivered"


class CarrierActivities:
    """Speaks to carriers by name."""

    def __init__(self, pool: Pool, gateways: Mapping[str, CarrierGateway]) -> None:
        self._pool = pool
        self._gateways = gateways

    @activity.defn
    async def buy_label(self, call: LabelCall) -> LabelResult:
        """Buy a parcel's label; the same parcel never gets two.

        The label's address (it opens a page with the customer's name) is kept in the parcel's
        row and stays out of the workflow history.
        """
        row = await fulfillment.for_label(self._pool, call.shipment_id)
        gateway = self._gateway(row.provider)
        label = None
        if call.maybe_sent or activity.info().attempt > 1:
            label = await gateway.find_label(call.key)
        if label is None:
            label = await gateway.buy_label(_label_request(call, row))
        await fulfillment.keep_label(self._pool, call.shipment_id, label)
        return LabelResult(
            call.order_id, call.shipment_id, label.provider_ref, label.tracking_number
        )

    @activity.defn
    async def void_label(self, call: LabelCall) -> bool:
        """Give back a label that was bought and not used; False when the carrier keeps it."""
        row = await fulfillment.for_label(self._pool, call.shipment_id)
        gateway = self._gateway(row.provider)
        label = await gateway.find_label(call.key)
        if label is None:
            return True
        return await gateway.void_label(f"{call.key}-void", label.provider_ref)

    @activity.defn
    async def intercept_parcel(self, call: LabelCall) -> bool:
        """Have a parcel stopped and brought back; False when the carrier cannot any more."""
        row = await fulfillment.for_label(self._pool, call.shipment_id)
        gateway = self._gateway(row.provider)
        label = await gateway.find_label(call.key)
        if label is None:
            return False
        return await gateway.intercept(f"{call.shipment_id}-intercept", label.provider_ref)

    def _gateway(self, provider: str) -> CarrierGateway:
        try:
            return self._gateways[provider]
        except KeyError:
            reason = "provider_not_configured"
            raise ProviderRejected(reason, provider) from None


def _label_request(call: LabelCall, row: fulfillment.LabelRow) -> LabelRequest:
    origin = Address(
        name=row.warehouse_name,
        line1=row.line1,
        city=row.city,
        country=row.country,
        postal_code=row.postal_code,
    )
    return LabelRequest(
        key=call.key,
        order_id=call.order_id,
        shipment_id=call.shipment_id,
        origin=origin,
        destination=Address(**row.shipping_address),
        parcel=Parcel(row.weight_g, row.length_mm, row.width_mm, row.height_mm),
        service=row.service,
        value=Money(row.grand_total, row.currency),
    )
