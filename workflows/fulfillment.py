"""The order's goods: stock for them, work at locations, parcels, and their way to the customer."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.absence import AbsenceActivities
    from activities.contracts import (
        Arrange,
        Asked,
        Confirm,
        HandOver,
        LabelCall,
        LabelResult,
        Packed,
        PackedParcel,
        ParcelNews,
        ShortPick,
    )
    from activities.fulfillment import CarrierActivities, FulfillmentActivities
    from activities.orders import OrderActivities
    from domain import attention
    from domain.decisions import can_ship
    from domain.endings import event_of
    from domain.order import Order, Shipment
    from domain.states import OrderStatus, ShipmentStatus, TrackingStatus
    from workflows.desk import Desk, GivenUp, Rejected, Stop, asked
    from workflows.messages import (
        CarrierSignal,
        DeadlineSignal,
        PackRequest,
        ShipRequest,
        ShortPickSignal,
        StockSignal,
    )
    from workflows.payment import Payment

# Carrier's words that a person should know of, and what they are called in the lists.
TROUBLE = {
    TrackingStatus.LOST: attention.PARCEL_LOST,
    TrackingStatus.RETURN_TO_SENDER: attention.PARCEL_RETURNED,
    TrackingStatus.FAILURE: attention.PARCEL_PROBLEM,
    TrackingStatus.DELAYED: attention.DELIVERY_DELAYED,
    TrackingStatus.ATTEMPTED_DELIVERY: attention.DELIVERY_ATTEMPTED,
}
# Lives that began before took the carrier's word for it.
_BACK = "what-is-back-is-not-delivered"
# Lives that began before ask no rules about a parcel of which nothing is owed.
_SETTLED = "rules-know-what-is-settled"
_GONE = (ShipmentStatus.SHIPPED, ShipmentStatus.DELIVERED)
_OVERDUE = {
    "pick": (attention.PICK_OVERDUE, "not packed by its deadline"),
    "delivery": (attention.DELIVERY_OVERDUE, "not delivered by its deadline"),
    "authorization": (attention.AUTHORIZATION_EXPIRING, "the authorization runs out soon"),
}


class Fulfillment:
    """See the module."""

    def __init__(self, desk: Desk, payment: Payment) -> None:
        self._desk = desk
        self._payment = payment
        self._labeling: set[str] = set()
        self._voided: set[str] = set()
        self._handed_over = {s.id for s in desk.order.shipments if s.status in _GONE}
        self._wakes = 0

    @property
    def order(self) -> Order:
        """The order as it is now."""
        return self._desk.order

    # -- stock ---------------------------------------------------------------------------------

    async def reserve(self, cause: str = "confirm", *, everywhere: bool = False) -> None:
        """Allocate stock by the order's policy, and open the work; wait for what is missing."""
        desk = self._desk
        # Not by the order's status: the rows are ahead when a worker died right after this step.
        first = cause == "confirm"
        waited = self.order.waits_for_stock and not first
        confirmed = await desk.record(
            OrderActivities.confirm_order,
            Confirm(self.order.id, cause, desk.policy.pick_deadline, everywhere),
        )
        if confirmed.outcome == "unavailable" or not self.order.live_units:
            raise Stop(OrderStatus.CANCELED, "out_of_stock")
        if confirmed.work or first:
            desk.enter("fulfillment", desk.policy.pick_deadline, confirmed.warehouses)
        if first:
            desk.notify("confirmed")
        if confirmed.outcome == "waiting" and not waited:
            skus = ", ".join(line.sku for line in self.order.lines if line.backordered)
            desk.need_help(attention.WAITING_FOR_STOCK, "", f"No stock of {skus}")
        if confirmed.missing:
            desk.notify("out_of_stock")
        if self.order.may_be_substituted:
            await self._arrange_substitutes(cause)
        self._payment.collect()

    async def _arrange_substitutes(self, cause: str) -> None:
        """Offer something else for what waits; what came takes its offer back."""
        if not self.order.waits_for_stock and not any(o.open for o in self.order.offers):
            return
        seconds = self._desk.policy.substitute_offer
        await self._desk.record(
            AbsenceActivities.arrange_substitutes,
            Arrange(self.order.id, f"substitutes:{cause}", seconds),
        )
        for offer in self.order.offers:
            if offer.open:
                self._desk.notify("substitute_offered", offer.id)

    async def on_stock(self, news: StockSignal) -> None:
        """Stock came, or was set free: see whether it serves this order."""
        if self.order.waits_for_stock:
            await self.reserve(f"stock:{news.cause}")

    async def try_stock_again(self) -> None:
        """A person asks to look again."""
        self._wakes += 1
        if self.order.waits_for_stock:
            await self.reserve(f"retry-{self._wakes}", everywhere=True)

    async def on_short_pick(self, news: ShortPickSignal) -> None:
        """The warehouse did not find all units: another source, or the queue."""
        await self._desk.record(
            OrderActivities.record_short_pick,
            ShortPick(self.order.id, f"short:{news.cause}", news.fulfillment_order_id),
        )
        if any(line.open for line in self.order.lines) and not self.order.closed:
            await self.reserve(f"after-short:{news.cause}")

    # -- work at the locations -----------------------------------------------------------------

    async def pack(self, request: PackRequest) -> Sequence[str]:
        """Parcels are packed: write them down, then buy their labels."""
        parcels = [
            PackedParcel(
                p.shipment_id,
                {part.line_id: part.quantity for part in p.lines},
                p.weight_g,
                p.length_mm,
                p.width_mm,
                p.height_mm,
                {part.line_id: part.serials for part in p.lines if part.serials},
            )
            for p in request.parcels
        ]
        made = [parcel.shipment_id for parcel in parcels]
        await self._desk.record(
            FulfillmentActivities.record_parcels,
            Packed(
                self.order.id,
                f"pack:{made[0]}",
                request.fulfillment_order_id,
                parcels,
                asked(request.asker),
                request.occurred_at,
            ),
        )
        for shipment_id in made:
            self._begin_label(shipment_id)
        return made

    def _begin_label(self, shipment_id: str) -> None:
        self._labeling.add(shipment_id)
        self._desk.spawn(self._label(shipment_id))

    async def _label(self, shipment_id: str) -> None:
        """Buy one parcel's label, however long it takes."""
        call = LabelCall(self.order.id, shipment_id)
        while not self._desk.stopping and not self._is_canceled(shipment_id):
            try:
                result = await self._desk.outside(
                    CarrierActivities.buy_label,
                    call,
                    code=attention.LABEL_FAILED,
                    subject=shipment_id,
                    summary=f"label for {shipment_id}",
                )
            except Rejected as error:
                detail = f"The carrier refused the label: {error.reason}"
                self._desk.need_help(attention.LABEL_FAILED, shipment_id, detail)
                await self._desk.until_retry(attention.LABEL_FAILED)
            except GivenUp:
                break
            else:
                self._desk.relieve(attention.LABEL_FAILED, shipment_id)
                self._desk.push(partial(self._labeled, result))
                return
        self._labeling.discard(shipment_id)

    async def _labeled(self, result: LabelResult) -> None:
        await self._desk.record(FulfillmentActivities.record_label, result)
        self._labeling.discard(result.shipment_id)
        if self._is_canceled(result.shipment_id) and not self._desk.stopping:
            self.void_labels()

    def _is_canceled(self, shipment_id: str) -> bool:
        shipment = self.order.shipment(shipment_id)
        return shipment is not None and shipment.status is ShipmentStatus.CANCELED

    def label_pending(self, request: ShipRequest) -> bool:
        """Whether a parcel of the request still waits for a label that may come any moment."""
        return any(
            shipment.status is ShipmentStatus.PACKED
            and (attention.LABEL_FAILED, shipment.id) not in self._desk.attention
            for shipment in self.order.shipments
            if shipment.fulfillment_order_id == request.fulfillment_order_id
            and (not request.shipment_ids or shipment.id in request.shipment_ids)
        )

    async def ship(self, request: ShipRequest) -> Sequence[str]:
        """Parcels leave the building: goods move, the customer hears of it, money is taken."""
        shipped = self.left_unnoticed(request)
        if not shipped:
            chosen = can_ship(self.order, request.fulfillment_order_id, request.shipment_ids)
            shipped = [shipment.id for shipment in chosen]
        await self._hand_over(shipped, asked(request.asker), request.occurred_at)
        return shipped

    def left_unnoticed(self, request: ShipRequest) -> list[str]:
        """Parcels of this request that left by the rows, but not by this workflow's memory: a
        worker died right after it was written, and the request is here for the second time.
        """
        left = {
            shipment.id
            for shipment in self.order.shipments
            if shipment.fulfillment_order_id == request.fulfillment_order_id
            and shipment.status in _GONE
        } - self._handed_over
        known = request.shipment_ids or [shipment.id for shipment in self.order.shipments]
        return [shipment_id for shipment_id in known if shipment_id in left]

    async def _hand_over(self, shipped: list[str], by: Asked, occurred_at: str) -> None:
        desk = self._desk
        self._handed_over.update(shipped)
        await desk.record(
            FulfillmentActivities.record_hand_over,
            HandOver(
                self.order.id,
                f"ship:{shipped[0]}",
                shipped,
                by,
                desk.policy.delivery_deadline,
                occurred_at,
            ),
        )
        self._payment.collect()
        for shipment_id in shipped:
            desk.notify("shipped", shipment_id)
        if self.order.shipped_units >= self.order.live_units:
            desk.enter("delivery", desk.policy.delivery_deadline)

    # -- on the way ----------------------------------------------------------------------------

    async def deliver(self) -> None:
        """Serve warehouse and carrier until every unit that is not canceled is delivered.

        A life that is begun from the rows (after a backup) finds parcels that wait for a label.
        """
        for shipment in self.order.shipments:
            if shipment.status is ShipmentStatus.PACKED and shipment.id not in self._labeling:
                self._begin_label(shipment.id)
        await self._desk.serve(lambda: self.delivered)

    @property
    def delivered(self) -> bool:
        """Whether the customer has everything."""
        return 0 < self.order.live_units <= self.order.delivered_units

    async def on_carrier_news(self, news: CarrierSignal) -> TrackingStatus | None:
        """A scan that changes what happens next; the trouble that it tells of, when it does."""
        desk, status = self._desk, TrackingStatus(news.status)
        shipment = self.order.shipment(news.shipment_id)
        if shipment is not None and shipment.status is ShipmentStatus.LABEL_PURCHASED:
            # The carrier has it, whatever was reported: the hand-over itself went unreported.
            await self._hand_over([shipment.id], Asked(shipment.provider, "carrier"), "")
        await desk.record(
            FulfillmentActivities.record_parcel_news,
            ParcelNews(
                self.order.id, news.shipment_id, news.status, news.event_id, news.occurred_at
            ),
        )
        shipment = self.order.shipment(news.shipment_id)
        if shipment is None:
            return None
        if shipment.received and workflow.patched(_BACK):
            # It is here: what the carrier says of it lifts nothing and alarms nobody.
            return None
        trouble = TROUBLE.get(status)
        for code in attention.OF_PARCELS:
            if code != trouble:
                desk.relieve(code, shipment.id)
        if shipment.status in _GONE:
            # Once only, and here too: a worker may have died right after the hand-over was written.
            desk.notify("shipped", shipment.id)
        if shipment.status is ShipmentStatus.DELIVERED:
            if shipment.written_off:
                detail = f"{shipment.id} was delivered after it was sent again or paid back"
                desk.need_help(attention.DELIVERED_AFTER_ALL, shipment.id, detail)
                return None
            desk.notify("delivered", shipment.id)
            self._payment.collect()
        elif trouble is not None and _counts(shipment, status):
            return status
        return None

    async def on_deadline(self, news: DeadlineSignal) -> None:
        """A deadline of a row has passed: somebody has to look."""
        code, detail = _OVERDUE[news.kind]
        if attention.still_needed(self.order, code, news.subject):
            self._desk.need_help(code, news.subject, f"{news.subject}: {detail}")

    # -- undoing -------------------------------------------------------------------------------

    async def undo(self) -> None:
        """Give back the labels of parcels that did not leave.

        The goods went back to the shelf with the cancellation itself. A label that the carrier
        keeps is a cost and no reason to wait: the customer's money does not wait for carriers.
        """
        await self._desk.serve(lambda: not self._labeling)
        self.void_labels()

    def void_labels(self) -> None:
        """Give back the labels of canceled parcels, those that are bought by now."""
        for shipment in self.order.shipments:
            canceled = shipment.status is ShipmentStatus.CANCELED
            if canceled and shipment.id not in self._voided | self._labeling:
                self._voided.add(shipment.id)
                self._desk.spawn(self._void_label(shipment.id))

    async def _void_label(self, shipment_id: str) -> None:
        try:
            await workflow.execute_activity_method(
                CarrierActivities.void_label,
                LabelCall(self.order.id, shipment_id),
                summary=f"void the label of {shipment_id}",
                start_to_close_timeout=timedelta(seconds=30),
                schedule_to_close_timeout=timedelta(hours=1),
            )
        except ActivityError:
            workflow.logger.warning("label_not_voided", extra={"shipment_id": shipment_id})


def _counts(shipment: Shipment, status: TrackingStatus) -> bool:
    """Whether news of trouble is to be acted upon: what a later scan has overtaken alarms nobody.

    The rules know what of a parcel is settled. It may be by this very scan, when a worker died
    before anybody heard of it; then what follows is still to be done.
    """
    if shipment.tracking_status is not status:
        return False
    return shipment.on_its_way or (event_of(status) is not None and workflow.patched(_SETTLED))
