"""Goods that are not there: who waits may leave or take something else, and work is recalled."""

from collections.abc import Sequence

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.absence import AbsenceActivities
    from activities.contracts import DateMoved, EndOffer, Leave, Recall, TakeOffer
    from domain.decisions import can_answer_offer, can_leave_queue
    from domain.order import Order
    from domain.shortage import CANCEL_LINES
    from domain.states import OfferStatus, OrderStatus
    from workflows.desk import Desk, Stop, asked
    from workflows.fulfillment import Fulfillment
    from workflows.messages import (
        Asker,
        ClosingSignal,
        ExpectedSignal,
        LeaveRequest,
        OfferAnswer,
    )


class Absence:
    """See the module. Steps check by themselves, since they know whether they were done before."""

    def __init__(self, desk: Desk, fulfillment: Fulfillment) -> None:
        self._desk = desk
        self._fulfillment = fulfillment

    @property
    def order(self) -> Order:
        """The order as it is now."""
        return self._desk.order

    # -- the customer ----------------------------------------------------------------------------

    def may_leave(self, request: LeaveRequest) -> None:
        """Whether the units wait."""
        can_leave_queue(self.order, _units(request))

    async def leave(self, request: LeaveRequest) -> Sequence[str]:
        """Units that wait are canceled; what is left of the order goes on, or it ends."""
        cause = f"leave-{request.asker.request_event}"
        by = asked(request.asker)
        await self._desk.record(
            AbsenceActivities.leave_queue, Leave(self.order.id, cause, by, _units(request))
        )
        if not self.order.live_units:
            raise Stop(OrderStatus.CANCELED, "customer", request.asker)
        self._desk.notify("canceled", cause)
        await self._fulfillment.reserve(f"after-{cause}")
        return []

    def may_answer(self, request: OfferAnswer) -> None:
        """Whether the offer is still open."""
        can_answer_offer(self.order, request.offer_id, _status(request))

    async def answer(self, request: OfferAnswer) -> Sequence[str]:
        """The customer says yes or no to a substitute."""
        by, offer_id = asked(request.asker), request.offer_id
        if not request.accept:
            await self._end_offer(offer_id, OfferStatus.REFUSED, request.asker)
            return [offer_id]
        await self._desk.record(
            AbsenceActivities.accept_substitute,
            TakeOffer(self.order.id, f"accept:{offer_id}", offer_id, by),
        )
        await self._fulfillment.reserve(f"accepted:{offer_id}")
        return [offer_id]

    async def on_offer_over(self, offer_id: str) -> None:
        """Nobody answered in time."""
        offer = self.order.offer(offer_id)
        if offer is not None and offer.open and not self.order.closed:
            await self._end_offer(offer_id, OfferStatus.EXPIRED, Asker("kervan", "system"))

    async def _end_offer(self, offer_id: str, status: OfferStatus, asker: Asker) -> None:
        then = self._desk.policy.substitute_refused
        await self._desk.record(
            AbsenceActivities.end_offer,
            EndOffer(self.order.id, f"{status}:{offer_id}", offer_id, status, then, asked(asker)),
        )
        if then != CANCEL_LINES:
            return
        if not self.order.live_units:
            raise Stop(OrderStatus.CANCELED, "out_of_stock", asker)
        self._desk.notify("out_of_stock", offer_id)
        await self._fulfillment.reserve(f"after-{status}:{offer_id}")

    # -- news ------------------------------------------------------------------------------------

    async def on_closing(self, news: ClosingSignal) -> None:
        """A warehouse was closed: what it has not packed comes from elsewhere, or waits."""
        if self.order.closed:
            return
        await self._desk.record(
            AbsenceActivities.recall_work,
            Recall(self.order.id, f"closed:{news.cause}", news.warehouse),
        )
        if any(line.open for line in self.order.lines):
            await self._fulfillment.reserve(f"after-closing:{news.cause}")

    async def on_moved_date(self, news: ExpectedSignal) -> None:
        """Units that wait are expected on another day: the customer hears of it."""
        if not self.order.waits_for_stock:
            return
        await self._desk.record(
            AbsenceActivities.record_moved_date,
            DateMoved(self.order.id, news.cause, news.expected_on, news.lines),
        )
        self._desk.notify("expected_date_moved", news.cause)


def _units(request: LeaveRequest) -> dict[str, int]:
    return {part.line_id: part.quantity for part in request.lines}


def _status(request: OfferAnswer) -> OfferStatus:
    return OfferStatus.ACCEPTED if request.accept else OfferStatus.REFUSED
