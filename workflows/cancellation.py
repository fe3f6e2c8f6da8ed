"""Second thoughts: what has not left goes back, what has is stopped on its way, if it can be."""

from collections.abc import Sequence

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.contracts import Cancel, LabelCall
    from activities.ending_contracts import CancelOnTheRoad
    from activities.fulfillment import CarrierActivities
    from activities.orders import OrderActivities
    from activities.recalls import RecallActivities
    from domain.decisions import can_cancel, on_the_road
    from domain.order import Order
    from domain.phase import Phase, phase_of
    from domain.states import OrderStatus
    from workflows import policies
    from workflows.desk import Desk, Stop, asked
    from workflows.fulfillment import Fulfillment
    from workflows.messages import CancelRequest, Outcome
    from workflows.payment import Payment


# Lives that began before customers heard of single units do without the mail.
_TOLD = "units-canceled-are-told"


class Cancellation:
    """See the module."""

    def __init__(self, desk: Desk, fulfillment: Fulfillment, payment: Payment) -> None:
        self._desk = desk
        self._fulfillment = fulfillment
        self._payment = payment
        # Parcels that the carrier was asked to stop, and whether it does.
        self._stops: dict[str, bool] = {}

    @property
    def order(self) -> Order:
        """The order as it is now."""
        return self._desk.order

    def may(self, request: CancelRequest) -> None:
        """Whether it may be asked for: a carrier that said no before is asked again."""
        self._check(request, ())

    def _check(self, request: CancelRequest, unstoppable: Sequence[str]) -> None:
        order, units = self.order, _units(request)
        if not units and order.cancel_requested and not (self._desk.stopping or order.recalling):
            # The rows say so, but nobody cancels: a worker died right after it was written.
            return
        can_cancel(order, units, request.phases, unstoppable)

    async def ask(self, request: CancelRequest) -> Outcome:
        """Ask the carrier first, beside the run loop; then cancel, at its next safe point."""
        self._stops = {name: stops for name, stops in self._stops.items() if stops}
        again = True

        async def perform() -> Sequence[str]:
            nonlocal again
            # Another parcel may have left while the carrier was asked.
            again = bool(self._unasked(request))
            return [] if again else await self._cancel(request)

        while again:
            again = False
            await self._ask_carriers(request)
            outcome = await self._desk.ask(
                lambda: self._check(request, self._unstoppable()), perform
            )
        return outcome

    def _unstoppable(self) -> list[str]:
        return [shipment_id for shipment_id, stops in self._stops.items() if not stops]

    def _unasked(self, request: CancelRequest) -> list[str]:
        """Parcels that would have to be stopped, and of which the carrier was not asked yet."""
        if request.lines or Phase.HANDED_OVER not in (request.phases or ()):
            return []
        return [s.id for s in on_the_road(self.order) if s.id not in self._stops]

    async def _ask_carriers(self, request: CancelRequest) -> None:
        for shipment_id in self._unasked(request):
            try:
                stops = await workflow.execute_activity_method(
                    CarrierActivities.intercept_parcel,
                    LabelCall(self.order.id, shipment_id),
                    summary=f"stop {shipment_id} on its way",
                    **policies.outside(self._desk.policy.step_attempts),
                )
            except ActivityError:
                # If it was stopped all the same it comes back, and is received like any other.
                stops = False
            self._stops[shipment_id] = stops

    async def _cancel(self, request: CancelRequest) -> Sequence[str]:
        if request.lines:
            return await self._cancel_units(request)
        if request.phases is not None and phase_of(self.order) is Phase.HANDED_OVER:
            return await self._cancel_on_the_road(request)
        phases, fees = request.phases, request.fees
        raise Stop(OrderStatus.CANCELED, request.reason, request.asker, phases, fees)

    async def _cancel_units(self, request: CancelRequest) -> Sequence[str]:
        desk, units = self._desk, _units(request)
        if desk.order.live_units <= sum(units.values()):
            asker, fees = request.asker, request.fees
            raise Stop(OrderStatus.CANCELED, request.reason, asker, fees=fees)
        cause = f"units:{request.asker.request_event}"
        await desk.record(
            OrderActivities.cancel_units,
            Cancel(desk.order.id, cause, request.reason, asked(request.asker), units),
        )
        if workflow.patched(_TOLD):
            desk.notify("canceled", cause)
        if desk.order.status is OrderStatus.PENDING:
            # Not paid for yet: only what was taken at once may be too much now.
            self._payment.collect()
        else:
            # What remains may be all there by now, so that its work can begin.
            await self._fulfillment.reserve(f"after-units:{request.asker.request_event}")
        return list(units)

    async def _cancel_on_the_road(self, request: CancelRequest) -> Sequence[str]:
        """What is here is canceled now, what the carrier stops when it is back; the rest arrives,
        and may be returned.
        """
        desk, cause = self._desk, f"on-the-road:{request.asker.request_event}"
        road = [shipment.id for shipment in on_the_road(self.order)]
        stopped = [shipment_id for shipment_id in road if self._stops.get(shipment_id)]
        # It is canceled when the parcels are back, at the price of the phase that it is in now.
        fee = request.fees.get(Phase.HANDED_OVER, 0)
        fees = dict.fromkeys(map(str, Phase), fee)
        desk.recall = Stop(OrderStatus.CANCELED, request.reason, request.asker, fees=fees)
        await desk.record(
            RecallActivities.cancel_on_the_road,
            CancelOnTheRoad(
                self.order.id,
                cause,
                request.reason,
                stopped,
                [shipment_id for shipment_id in road if shipment_id not in stopped],
                asked(request.asker),
                fee,
            ),
        )
        self._fulfillment.void_labels()
        self._payment.collect()
        if not stopped:
            desk.notify("canceled", cause)
        return stopped


def _units(request: CancelRequest) -> dict[str, int]:
    return {part.line_id: part.quantity for part in request.lines}
