"""The life of one order, from placement to closing."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.contracts import Asked, Cancel, Close, HoldChange, Note
    from activities.errors import refusal
    from activities.orders import OrderActivities
    from domain import attention, decisions
    from domain.errors import Refused
    from domain.order import ParcelLine
    from domain.states import OrderStatus
    from workflows.absence import Absence
    from workflows.cancellation import Cancellation
    from workflows.desk import Desk, Stop, asked
    from workflows.edits import Edits
    from workflows.endings import Endings
    from workflows.exchange import Exchange
    from workflows.fulfillment import Fulfillment
    from workflows.messages import (
        Asker,
        CancelRequest,
        CarrierSignal,
        ClosingSignal,
        DeadlineSignal,
        EditRequest,
        ExchangeSignal,
        ExpectedSignal,
        HoldRequest,
        LeaveRequest,
        OfferAnswer,
        OrderInput,
        Outcome,
        PackRequest,
        PaymentRequest,
        PaymentSignal,
        ReceivedSignal,
        ReleaseRequest,
        ResolveRequest,
        RetryRequest,
        ShipRequest,
        ShortPickSignal,
        StockSignal,
        WaiveRequest,
    )
    from workflows.payment import Payment

# Lives that began before let parcels leave while other units waited.
_COMPLETE = "complete-orders-leave-complete"


@workflow.defn
class OrderWorkflow:
    """One order. Signals are news, updates are requests; both wait in the desk's queue, and the
    run loop does them one after another at its next safe point.
    """

    @workflow.init
    def __init__(self, start: OrderInput) -> None:
        self._desk = Desk(start)
        self._payment = Payment(self._desk)
        self._fulfillment = Fulfillment(self._desk, self._payment)
        self._absence = Absence(self._desk, self._fulfillment)
        self._cancellation = Cancellation(self._desk, self._fulfillment, self._payment)
        self._endings = Endings(self._desk, self._fulfillment, self._payment)
        self._edits = Edits(self._desk, self._payment, self._fulfillment)
        self._exchange = Exchange(self._desk, self._payment)
        self._operator_cancels = 0
        self._window_ends: datetime | None = None

    @workflow.run
    async def run(self, start: OrderInput) -> Outcome:  # noqa: ARG002 - the SDK passes it twice
        """Live until the order is closed. A cancel by an operator of Temporal is a request too."""
        stop: Stop | None = None
        while True:
            try:
                if stop is None:
                    await self._live()
                else:
                    await self._end_early(stop)
                await self._desk.rest()
                break
            except Stop as wanted:
                stop = wanted
            except Refused as error:
                # The parcel that was lost arrived before the cancellation began.
                if stop is None:
                    raise
                self._desk.refuse(stop.item, error)
                stop = None
            except asyncio.CancelledError:
                stop = stop or await self._operator_cancel()
        return self._desk.outcome()

    async def _live(self) -> None:
        """The story. Each part looks at the order first, so it can be entered again."""
        desk = self._desk
        if desk.order.status is OrderStatus.PENDING:
            await self._payment.secure()
            await self._fulfillment.reserve()
        await self._fulfillment.deliver()
        await self._pass_return_window()
        await desk.serve(lambda: self._payment.settled and self._exchange.decided)
        self._payment.release_unneeded()
        await desk.serve(lambda: not self._payment.busy)
        await desk.record(OrderActivities.close_order, Close(desk.order.id, OrderStatus.COMPLETED))
        desk.calm()
        await desk.serve(lambda: True)

    async def _pass_return_window(self) -> None:
        window = self._desk.policy.return_window
        self._window_ends = self._window_ends or workflow.now() + timedelta(seconds=window)
        self._desk.enter("return_window", window)
        await self._desk.serve(lambda: False, self._window_ends)

    async def _end_early(self, stop: Stop) -> None:
        """Undo in reverse: recall the work and the goods, void labels, settle the money, close."""
        desk = self._desk
        by = asked(stop.asker)
        await desk.record(
            OrderActivities.begin_cancel,
            Cancel(desk.order.id, "cancel", stop.reason, by, phases=stop.phases, fees=stop.fees),
        )
        desk.stopping = True
        await self._fulfillment.undo()
        await self._payment.undo()
        await desk.record(
            OrderActivities.close_order, Close(desk.order.id, stop.status, stop.reason, by)
        )
        desk.calm()
        desk.notify("canceled")
        desk.finish(stop.item)
        await desk.serve(lambda: True)

    async def _operator_cancel(self) -> Stop | None:
        """Somebody pressed Cancel in the Temporal UI: do it when the order allows, else say no."""
        desk = self._desk
        self._operator_cancels += 1
        operator = Asker("temporal", "operator")
        try:
            decisions.can_cancel(desk.order)
        except Refused as error:
            await desk.record(
                OrderActivities.record_note,
                Note(
                    desk.order.id,
                    f"operator-cancel-{self._operator_cancels}",
                    "cancel_refused",
                    Asked(operator.actor, operator.role),
                    {"code": error.code},
                ),
            )
            return None
        return Stop(OrderStatus.CANCELED, "operator", operator)

    # -- requests ------------------------------------------------------------------------------

    @workflow.update(description="Cancel the order, or some units of it")
    async def cancel(self, request: CancelRequest) -> Outcome:
        """Undo everything; answers when it is undone, or when the carrier has promised to bring
        back what has left.
        """
        return await self._cancellation.ask(request)

    @cancel.validator
    def _check_cancel(self, request: CancelRequest) -> None:
        self._validate(lambda: self._cancellation.may(request))

    @workflow.update(description="The customer does not wait for missing units any longer")
    async def leave_queue(self, request: LeaveRequest) -> Outcome:
        """Cancel units that wait, and nothing else."""
        return await self._desk.ask(
            lambda: decisions.must_be_open(self._desk.order), lambda: self._absence.leave(request)
        )

    @leave_queue.validator
    def _check_leave_queue(self, request: LeaveRequest) -> None:
        self._validate(lambda: self._absence.may_leave(request))

    @workflow.update(description="The customer accepts or refuses a substitute")
    async def answer_offer(self, request: OfferAnswer) -> Outcome:
        """Its units take the place of those that wait, or are free again."""
        return await self._desk.ask(
            lambda: decisions.must_be_open(self._desk.order), lambda: self._absence.answer(request)
        )

    @answer_offer.validator
    def _check_answer_offer(self, request: OfferAnswer) -> None:
        self._validate(lambda: self._absence.may_answer(request))

    @workflow.update(description="Hold the order until a person releases it")
    async def hold(self, request: HoldRequest) -> Outcome:
        """Stop the locations."""
        return await self._desk.ask(
            lambda: decisions.can_hold(self._desk.order), lambda: self._hold(request)
        )

    @hold.validator
    def _check_hold(self, request: HoldRequest) -> None:  # noqa: ARG002 - the SDK's signature
        self._validate(lambda: decisions.can_hold(self._desk.order))

    async def _hold(self, request: HoldRequest) -> Sequence[str]:
        change = HoldChange(
            self._desk.order.id,
            request.hold_id,
            asked(request.asker),
            request.reason,
            ends_at=request.ends_at,
            at_end=request.at_end,
        )
        await self._desk.record(OrderActivities.add_hold, change)
        return [request.hold_id]

    @workflow.update(description="Release a hold")
    async def release(self, request: ReleaseRequest) -> Outcome:
        """Let the locations go on when it was the last hold."""
        return await self._desk.ask(
            lambda: decisions.can_release(self._desk.order, request.hold_id),
            lambda: self._release(request),
        )

    @release.validator
    def _check_release(self, request: ReleaseRequest) -> None:
        self._validate(lambda: decisions.can_release(self._desk.order, request.hold_id))

    async def _release(self, request: ReleaseRequest) -> Sequence[str]:
        change = HoldChange(
            self._desk.order.id,
            request.hold_id,
            asked(request.asker),
            pick_deadline=self._desk.policy.pick_deadline,
        )
        await self._desk.record(OrderActivities.release_hold, change)
        return [request.hold_id]

    async def _on_hold_over(self, news: DeadlineSignal) -> None:
        """A hold has lasted as long as it was to; somebody may have released it meanwhile."""
        desk, hold_id = self._desk, news.subject
        hold = next((h for h in desk.order.holds if h.id == hold_id), None)
        if hold is None:
            return
        if news.action == "release":
            await self._release(ReleaseRequest(Asker("kervan", "system"), hold_id))
            return
        detail = f"Held as {hold.reason} for as long as it was to be"
        if news.action == "cancel":
            try:
                decisions.can_cancel(desk.order)
            except Refused as error:
                detail += f", and cannot be canceled: {error.code}"
            else:
                raise Stop(OrderStatus.CANCELED, f"hold_{hold.reason}")
        desk.need_help(attention.HOLD_OVERDUE, hold_id, detail)

    @workflow.update(description="Try again now what keeps failing")
    async def retry(self, request: RetryRequest) -> Outcome:
        """Wakes what waits for its next try; does not wait in the queue, which may be waiting."""
        desk = self._desk
        codes = sorted({code for code, _ in desk.attention})
        desk.retry(request.code)
        if attention.WAITING_FOR_STOCK in codes and request.code in (
            "",
            attention.WAITING_FOR_STOCK,
        ):
            desk.push(self._stock_again)
        return desk.outcome(codes)

    @retry.validator
    def _check_retry(self, request: RetryRequest) -> None:
        failing = {code for code, _ in self._desk.attention if "retry" in attention.CAN[code]}
        self._validate(lambda: decisions.can_retry(self._desk.order, failing, request.code))

    async def _stock_again(self) -> None:
        await self._fulfillment.try_stock_again()

    @workflow.update(description="Use another payment")
    async def add_payment(self, request: PaymentRequest) -> Outcome:
        """Another try, or another method, by the customer."""
        return await self._desk.ask(
            lambda: self._may_add_payment(request), lambda: self._add_payment(request)
        )

    @add_payment.validator
    def _check_add_payment(self, request: PaymentRequest) -> None:
        self._validate(lambda: self._may_add_payment(request))

    def _may_add_payment(self, request: PaymentRequest) -> None:
        under_way = self._payment.under_way
        decisions.can_add_payment(self._desk.order, request.payment_id, under_way)

    async def _add_payment(self, request: PaymentRequest) -> Sequence[str]:
        await self._payment.add(request.payment_id)
        return [request.payment_id]

    @workflow.update(description="Let the customer off what is not paid")
    async def waive(self, request: WaiveRequest) -> Outcome:
        """The order goes on with what is taken or reserved."""
        return await self._desk.ask(self._payment.may_waive, lambda: self._payment.waive(request))

    @waive.validator
    def _check_waive(self, request: WaiveRequest) -> None:  # noqa: ARG002 - the SDK's signature
        self._validate(self._payment.may_waive)

    @workflow.update(description="Change the order before it is packed")
    async def edit(self, request: EditRequest) -> Outcome:
        """Answers when it is done; money and stock follow."""
        return await self._desk.ask(
            lambda: self._edits.may_edit(request), lambda: self._edits.edit(request)
        )

    @edit.validator
    def _check_edit(self, request: EditRequest) -> None:
        self._validate(lambda: self._edits.may_edit(request))

    @workflow.update(description="Parcels are packed")
    async def pack(self, request: PackRequest) -> Outcome:
        """Their labels are bought right after."""
        return await self._desk.ask(
            lambda: self._may_pack(request), lambda: self._fulfillment.pack(request)
        )

    @pack.validator
    def _check_pack(self, request: PackRequest) -> None:
        self._validate(lambda: self._may_pack(request))

    def _may_pack(self, request: PackRequest) -> None:
        written = [self._desk.order.shipment(p.shipment_id) for p in request.parcels]
        if written and all(written):
            # The same request again: a worker died right after its parcels were written.
            return
        parcels = [
            [ParcelLine(part.line_id, part.quantity) for part in parcel.lines]
            for parcel in request.parcels
        ]
        decisions.can_pack(self._desk.order, request.fulfillment_order_id, parcels)

    @workflow.update(description="Parcels are handed to the carrier")
    async def ship(self, request: ShipRequest) -> Outcome:
        """Waits for labels, and for authorizations that ran out to be renewed, as both may come
        any moment; what keeps failing is a refusal.
        """
        self._payment.renew()
        await workflow.wait_condition(
            lambda: not self._fulfillment.label_pending(request) and not self._payment.busy
        )
        return await self._desk.ask(
            lambda: self._may_ship(request), lambda: self._fulfillment.ship(request)
        )

    @ship.validator
    def _check_ship(self, request: ShipRequest) -> None:
        self._validate(lambda: self._may_ship(request, ready=False))

    def _may_ship(self, request: ShipRequest, *, ready: bool = True) -> None:
        order = self._desk.order
        if self._fulfillment.left_unnoticed(request):
            return
        decisions.can_ship(order, request.fulfillment_order_id, request.shipment_ids, ready=ready)
        if ready and decisions.waits_to_be_complete(order) and workflow.patched(_COMPLETE):
            detail = "The order ships complete, and units of it still wait for stock."
            raise decisions.refused(order, "not_complete", detail)

    @workflow.update(description="Decide about a parcel that does not arrive")
    async def resolve_parcel(self, request: ResolveRequest) -> Outcome:
        """Send it again, give its money back, or let it have more time."""
        return await self._desk.ask(
            lambda: self._endings.may_resolve(request), lambda: self._endings.resolve(request)
        )

    @resolve_parcel.validator
    def _check_resolve_parcel(self, request: ResolveRequest) -> None:
        self._validate(lambda: self._endings.may_resolve(request))

    @staticmethod
    def _validate(check: Callable[[], object]) -> None:
        try:
            check()
        except Refused as error:
            raise refusal(error) from None

    # -- news ----------------------------------------------------------------------------------

    @workflow.signal(description="A payment provider's webhook")
    def payment_news(self, news: PaymentSignal) -> None:
        """The customer confirmed, gave up, or an authorization ran out."""
        self._desk.push(lambda: self._payment.on_news(news))

    @workflow.signal(description="A carrier's webhook that changes what happens next")
    def carrier_news(self, news: CarrierSignal) -> None:
        """Delivered, delayed, lost, returned."""
        self._desk.push(lambda: self._endings.on_carrier_news(news))

    @workflow.signal(description="A parcel is back at a warehouse")
    def parcel_received(self, news: ReceivedSignal) -> None:
        """Send it again, give its money back, or ask a person."""
        self._desk.push(lambda: self._endings.on_received(news))

    @workflow.signal(description="Goods that pay for this order have moved, or do not come")
    def exchange_moved(self, news: ExchangeSignal) -> None:
        """Send it, take off what they were not worth, or cancel it."""
        self._desk.push(lambda: self._exchange.on_news(news.exchange_id))

    @workflow.signal(description="Less is owed than before, though nobody has paid")
    def balance_changed(self, news: dict[str, Any]) -> None:  # noqa: ARG002 - it stands in rows
        """Goods came back that were not paid for."""
        self._desk.push(self._payment.on_less_owed)

    @workflow.signal(description="Stock that this order waits for may have come")
    def stock_arrived(self, news: StockSignal) -> None:
        """See whether it serves this order."""
        self._desk.push(lambda: self._fulfillment.on_stock(news))

    @workflow.signal(description="The warehouse did not find all units")
    def short_pick(self, news: ShortPickSignal) -> None:
        """Find another source."""
        self._desk.push(lambda: self._fulfillment.on_short_pick(news))

    @workflow.signal(description="A warehouse was closed where the order has goods")
    def warehouse_closed(self, news: ClosingSignal) -> None:
        """Find another source for what it has not packed."""
        self._desk.push(lambda: self._absence.on_closing(news))

    @workflow.signal(description="Units that wait are expected on another day")
    def expected_moved(self, news: ExpectedSignal) -> None:
        """Tell the customer."""
        self._desk.push(lambda: self._absence.on_moved_date(news))

    @workflow.signal(description="A deadline has passed")
    def deadline_passed(self, news: DeadlineSignal) -> None:
        """Ask for a person; an offer that nobody answered is over."""
        if news.kind == "offer":
            self._desk.push(lambda: self._absence.on_offer_over(news.subject))
        elif news.kind == "hold":
            self._desk.push(lambda: self._on_hold_over(news))
        elif news.kind in {"delivery", "ending"}:
            self._desk.push(lambda: self._endings.on_deadline(news))
        else:
            self._desk.push(lambda: self._fulfillment.on_deadline(news))
