"""Parcels that do not arrive: rules decide, or a person does; units and money follow."""

from collections.abc import Sequence

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.contracts import Asked
    from activities.ending_contracts import Patience, Trouble, TroubleDecided, WriteOff
    from activities.endings import EndingActivities
    from domain import attention
    from domain.decisions import can_resolve
    from domain.endings import SETTLING, Action, Event, event_of, stands
    from domain.order import Order, Shipment
    from domain.states import OrderStatus
    from workflows.desk import Desk, Stop, asked
    from workflows.fulfillment import TROUBLE, Fulfillment
    from workflows.messages import (
        Asker,
        CarrierSignal,
        DeadlineSignal,
        ReceivedSignal,
        ResolveRequest,
    )
    from workflows.payment import Payment

# Lives that began before the rules ask a person about every trouble.
_PATCH = "carriers-fail-by-rules"
# Lives that began before settle a parcel in two parts at most.
_PARTS = "a-parcel-is-settled-in-parts"
_CODES = {
    Event.ATTEMPTED: attention.DELIVERY_ATTEMPTED,
    Event.DELAYED: attention.DELIVERY_DELAYED,
    Event.LOST: attention.PARCEL_LOST,
    Event.RETURNED: attention.PARCEL_RETURNED,
    Event.NO_NEWS: attention.DELIVERY_OVERDUE,
}
_MAILS = {Event.ATTEMPTED: "delivery_attempted", Event.DELAYED: "delivery_delayed"}


class Endings:
    """See the module."""

    def __init__(self, desk: Desk, fulfillment: Fulfillment, payment: Payment) -> None:
        self._desk = desk
        self._fulfillment = fulfillment
        self._payment = payment

    @property
    def order(self) -> Order:
        """The order as it is now."""
        return self._desk.order

    # -- news ------------------------------------------------------------------------------------

    async def on_carrier_news(self, news: CarrierSignal) -> None:
        """A scan; when it tells of trouble, the rules say what is done."""
        status = await self._fulfillment.on_carrier_news(news)
        if status is None:
            return
        event = event_of(status)
        if event is None or not workflow.patched(_PATCH):
            detail = f"The carrier reports: {news.status}"
            self._desk.need_help(TROUBLE[status], news.shipment_id, detail)
            return
        cause = f"trouble:{news.shipment_id}:{news.event_id}"
        await self._decide(news.shipment_id, event, cause)

    async def on_deadline(self, news: DeadlineSignal) -> None:
        """A parcel was not delivered in time, or had the time that the rules gave it."""
        shipment = self.order.shipment(news.subject)
        if news.kind == "ending":
            if shipment is not None and shipment.on_its_way:
                await self._carry_out(shipment, Event(news.event), Action(news.action))
        elif shipment is None or not shipment.on_its_way or not workflow.patched(_PATCH):
            await self._fulfillment.on_deadline(news)
        else:
            await self._decide(shipment.id, Event.NO_NEWS, f"overdue:{shipment.id}")

    async def on_received(self, news: ReceivedSignal) -> None:
        """A parcel, or the rest of it, is at a warehouse: nothing has to be waited for any more."""
        cause = f"received:{news.shipment_id}"
        if news.before is not None:
            cause += f":{news.before}"
        decided = await self._ask_rules(news.shipment_id, Event.RETURNED, cause)
        shipment = self.order.shipment(news.shipment_id)
        if not decided.action or shipment is None:
            return
        action = Action(decided.action)
        if action not in SETTLING:
            action = Action.ASK_PERSON
        await self._carry_out(shipment, Event.RETURNED, action, decided)

    async def _ask_rules(self, shipment_id: str, event: Event, cause: str) -> TroubleDecided:
        task = Trouble(self.order.id, cause, shipment_id, event)
        decided = await self._desk.record(EndingActivities.decide_trouble, task)
        if decided.tell:
            self._desk.notify(_MAILS[event], shipment_id)
        return decided

    async def _decide(self, shipment_id: str, event: Event, cause: str) -> None:
        decided = await self._ask_rules(shipment_id, event, cause)
        shipment = self.order.shipment(shipment_id)
        if not decided.action or shipment is None:
            return
        action = Action(decided.action)
        if decided.now:
            await self._carry_out(shipment, event, action, decided)
        elif action in SETTLING and not shipment.intercepted:
            # Until it is done a person may decide otherwise.
            self._need_help(shipment_id, event, f"{action} follows after {decided.after}")

    # -- what is done ----------------------------------------------------------------------------

    async def _carry_out(
        self,
        shipment: Shipment,
        event: Event,
        action: Action,
        decided: TroubleDecided | None = None,
    ) -> None:
        """Do what was decided, if the event is still the last word about the parcel.

        What was decided right before counts as it was then: the order may be ahead, when a worker
        died after its units were written off, and the rest is still to be done.
        """
        if self._desk.stopping or not stands(
            event, shipment.tracking_status, received=shipment.received
        ):
            return
        here, settled = shipment.owed_and_back, shipment.settled
        if decided is not None and decided.here is not None and decided.settled is not None:
            here, settled = decided.here, decided.settled
        if action in SETTLING and (here or not shipment.received):
            await self._write_off(shipment.id, action, event, Asker("kervan", "system"), settled)
            self._ask_about_missing(shipment.id)
        elif action is not Action.TELL:
            self._need_help(shipment.id, event, "a person decides")

    def _ask_about_missing(self, shipment_id: str) -> None:
        """Less came back than left: for the rest nothing is done by itself."""
        shipment = self.order.shipment(shipment_id)
        if shipment is not None and shipment.received and shipment.on_its_way:
            self._need_help(shipment_id, Event.RETURNED, "units are missing, a person decides")

    def _need_help(self, shipment_id: str, event: Event, then: str) -> None:
        self._desk.need_help(_CODES[event], shipment_id, f"{shipment_id}: {event}; {then}")

    async def _write_off(
        self, shipment_id: str, action: Action, event: Event | None, asker: Asker, settled: int
    ) -> None:
        """Take a parcel's units out of what is owed; send them again, or give their money back.

        `settled`: units of it that were not owed before.
        """
        desk = self._desk
        shipment = self.order.shipment(shipment_id)
        subject = shipment_id + self._part(settled)
        cause = f"write-off:{subject}"
        by = Asked() if asker.role == "system" else asked(asker)
        await desk.record(
            EndingActivities.write_off_parcel,
            WriteOff(self.order.id, cause, shipment_id, action, event or "", by),
        )
        if action is Action.REPLACE:
            desk.notify("parcel_replaced", subject.removesuffix(":rest"))
        elif not self.order.live_units:
            recall = desk.recall if self.order.cancel_requested else None
            if recall and shipment is not None and not shipment.received:
                recall.fees = {}  # The carrier lost it: that is not the customer's doing.
            raise recall or Stop(OrderStatus.CANCELED, self._reason(shipment_id), asker)
        else:
            desk.notify("canceled", subject)
        # The units want another source; or what remains is all there by now. Money follows.
        await self._fulfillment.reserve(f"after-{cause}")

    @staticmethod
    def _part(settled: int) -> str:
        """A part that is settled after another has a step and a mail of its own: it is named by
        how many units were settled before.
        """
        if not settled:
            return ""
        return f":rest:{settled}" if workflow.patched(_PARTS) else ":rest"

    def _reason(self, shipment_id: str) -> str:
        """Why an order ends whose only parcel does not arrive."""
        shipment = self.order.shipment(shipment_id)
        came_back = shipment is not None and (
            shipment.received or event_of(shipment.tracking_status) is Event.RETURNED
        )
        return "parcel_returned" if came_back else "parcel_lost"

    # -- a person --------------------------------------------------------------------------------

    def may_resolve(self, request: ResolveRequest) -> None:
        """Whether there is something to decide about the parcel."""
        can_resolve(self.order, request.shipment_id, request.action)

    async def resolve(self, request: ResolveRequest) -> Sequence[str]:
        """Do what a person decided."""
        shipment_id, action = request.shipment_id, Action(request.action)
        if action in SETTLING:
            shipment = self.order.shipment(shipment_id)
            settled = shipment.settled if shipment else 0
            await self._write_off(shipment_id, action, None, request.asker, settled)
            return [shipment_id]
        await self._desk.record(
            EndingActivities.be_patient,
            Patience(
                self.order.id,
                f"patience:{request.asker.request_event}:{shipment_id}",
                shipment_id,
                request.seconds,
                asked(request.asker),
            ),
        )
        for code in attention.OF_PARCELS:
            self._desk.relieve(code, shipment_id)
        return [shipment_id]
