"""Edits of the order: done in one step, then paid for, and served with stock."""

from collections.abc import Sequence

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.contracts import Edit
    from activities.edits import EditActivities
    from domain import attention, decisions
    from domain.decisions import refused
    from domain.order import Order
    from domain.states import OrderStatus
    from workflows.desk import Desk, asked
    from workflows.fulfillment import Fulfillment
    from workflows.messages import EditRequest
    from workflows.payment import Payment


class Edits:
    """See the module. The step checks the version: picks are written beside the workflow."""

    def __init__(self, desk: Desk, payment: Payment, fulfillment: Fulfillment) -> None:
        self._desk = desk
        self._payment = payment
        self._fulfillment = fulfillment

    @property
    def order(self) -> Order:
        """The order as it is now."""
        return self._desk.order

    def may_edit(self, request: EditRequest) -> None:
        """Whether the order lives; with a payment, that none is under way beside it."""
        decisions.must_be_open(self.order)
        if request.payment_id and self._payment.under_way - {request.payment_id}:
            detail = "A payment attempt is under way."
            raise refused(self.order, "payment_in_progress", detail)

    async def edit(self, request: EditRequest) -> Sequence[str]:
        """Change the rows; take or give back money; find sources for what has none."""
        desk = self._desk
        await desk.record(
            EditActivities.apply_edit,
            Edit(
                self.order.id,
                request.edit_id,
                request.version,
                request.payment_id,
                asked(request.asker),
            ),
        )
        desk.notify("order_changed", request.edit_id)
        if request.payment_id:
            await self._payment.add(request.payment_id)
        elif not self.order.covered and self.order.status is OrderStatus.CONFIRMED:
            detail = "After an edit the order costs more than is paid or reserved"
            desk.need_help(attention.PAYMENT_MISSING, "", detail)
        if self.order.status is OrderStatus.CONFIRMED:
            await self._fulfillment.reserve(f"after-edit:{request.edit_id}")
        else:
            self._payment.collect()
        return [request.edit_id]
