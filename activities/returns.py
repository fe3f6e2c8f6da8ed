"""Returns: the transactions that move one, each once per cause, and the carrier's label."""

from collections.abc import Mapping

from temporalio import activity

from activities.return_contracts import ReturnLabel, ReturnTask
from db import notifications, orders, return_goods, return_money, return_parcels, returns
from db.pool import Pool
from db.returns import By
from domain import attention
from domain.errors import ProviderRejected
from domain.money import Money
from domain.ports import Address, CarrierGateway, LabelRequest, Parcel
from domain.return_rules import CARRIER, Decides
from domain.returns import Return, can_approve, can_cancel, can_decline
from domain.states import ReturnStage


class ReturnActivities:
    """Steps in the database; each answers the return as it stands after it."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @activity.defn
    async def decide_return(self, task: ReturnTask) -> Return:
        """Do what the rules said when it was asked for: approve, decline, or ask a person."""
        async with returns.once(self._pool, task.return_id, task.cause) as step:
            if step.done or step.ret.status is not ReturnStage.REQUESTED:
                return step.ret
            if step.ret.decides is Decides.APPROVE:
                return await _approve(step, By())
            if step.ret.decides is Decides.DECLINE:
                return await _decline(step, By(), "policy")
            detail = f"the rules ask a person about {step.ret.number}"
            await returns.need(step.conn, step.ret, attention.RETURN_DECISION, detail)
            await returns.record(step.conn, step.ret, "return_decision_needed", By())
            return await step.reload()

    @activity.defn
    async def approve_return(self, task: ReturnTask) -> Return:
        """A person lets the customer send it.

        Raises:
            Refused: it was decided, canceled or received meanwhile.

        """
        async with returns.once(self._pool, task.return_id, task.cause) as step:
            if step.done:
                return step.ret
            can_approve(step.ret)
            return await _approve(step, _by(task))

    @activity.defn
    async def decline_return(self, task: ReturnTask) -> Return:
        """A person says no.

        Raises:
            Refused: it was decided, canceled or received meanwhile.

        """
        async with returns.once(self._pool, task.return_id, task.cause) as step:
            if step.done:
                return step.ret
            can_decline(step.ret)
            return await _decline(step, _by(task), task.reason)

    @activity.defn
    async def cancel_return(self, task: ReturnTask) -> Return:
        """Nothing of it will come.

        Raises:
            Refused: something of it has come, or it is over.

        """
        async with returns.once(self._pool, task.return_id, task.cause) as step:
            if step.done:
                return step.ret
            can_cancel(step.ret)
            await returns.record(
                step.conn, step.ret, "return_canceled", _by(task), {"reason": task.reason}
            )
            return await step.move(ReturnStage.CANCELED, task.reason)

    @activity.defn
    async def record_return_label(self, task: ReturnTask) -> Return:
        """The customer can send it: the mail with code and label goes out."""
        async with returns.once(self._pool, task.return_id, task.cause) as step:
            if step.done:
                return step.ret
            await orders.clear_attention(
                step.conn, step.ret.order_id, attention.RETURN_LABEL_FAILED, step.ret.id
            )
            if step.ret.status is ReturnStage.APPROVED:
                await returns.record(step.conn, step.ret, "return_label_purchased", By())
                await notifications.plan(
                    step.conn, step.ret.order_id, "return_approved", step.ret.id
                )
            return await step.reload()

    @activity.defn
    async def record_back_label(self, task: ReturnTask) -> Return:
        """What was rejected can leave: the customer hears by which parcel."""
        async with returns.once(self._pool, task.return_id, task.cause) as step:
            if step.done:
                return step.ret
            conn, order_id = step.conn, step.ret.order_id
            await orders.clear_attention(conn, order_id, attention.RETURN_LABEL_FAILED, step.ret.id)
            units = {line.line_id: line.rejected for line in step.ret.lines if line.rejected}
            await returns.record(conn, step.ret, "return_sent_back", By(), {"units": units})
            await notifications.plan(conn, order_id, "return_sent_back", step.ret.id)
            return await step.reload()

    @activity.defn
    async def remind_of_return(self, task: ReturnTask) -> Return:
        """Half of the time is over, and nothing is on its way."""
        async with returns.once(self._pool, task.return_id, task.cause) as step:
            if step.done or step.ret.status is not ReturnStage.APPROVED:
                return step.ret
            await returns.remind(step.conn, step.ret.id)
            await returns.record(step.conn, step.ret, "return_reminded", By())
            await notifications.plan(step.conn, step.ret.order_id, "return_reminder", step.ret.id)
            return await step.reload()

    @activity.defn
    async def expire_return(self, task: ReturnTask) -> Return:
        """The time to send it is over: nothing will come, or nothing more."""
        async with returns.once(self._pool, task.return_id, task.cause) as step:
            if step.done:
                return step.ret
            if step.ret.status is ReturnStage.APPROVED:
                await returns.record(step.conn, step.ret, "return_expired", By())
                return await step.move(ReturnStage.EXPIRED)
            if step.ret.status is ReturnStage.PARTIALLY_RECEIVED:
                await returns.record(step.conn, step.ret, "return_rest_expired", By())
                return await return_goods.end_receipt(step.conn, step.ret, By())
            return step.ret

    @activity.defn
    async def settle_return(self, task: ReturnTask) -> Return:
        """All was looked at: give the money for what was accepted back, and close it."""
        async with returns.once(self._pool, task.return_id, task.cause) as step:
            if step.done or step.ret.status is not ReturnStage.INSPECTED:
                return step.ret
            amount, refund_id = await return_money.give_back(step.conn, step.ret)
            await returns.value(step.conn, step.ret.id, amount, refund_id)
            data = {"amount": amount, **({"refund_id": refund_id} if refund_id else {})}
            await returns.record(step.conn, step.ret, "return_closed", By(), data)
            return await step.move(ReturnStage.CLOSED)

    @activity.defn
    async def flag_refund(self, task: ReturnTask) -> Return:
        """By law the money should have gone back by now, and the goods are here."""
        async with returns.once(self._pool, task.return_id, task.cause) as step:
            if not step.done and step.ret.here and not step.ret.over:
                detail = f"the money for {step.ret.number} was due on {step.ret.refund_due_at}"
                await returns.need(step.conn, step.ret, attention.REFUND_DUE, detail)
                await returns.record(step.conn, step.ret, "return_refund_due", By())
            return await step.reload()

    @activity.defn
    async def tell_return_trouble(self, task: ReturnTask) -> Return:
        """It waits for a person; `reason` is the code, and what keeps failing after a colon."""
        code, _, detail = task.reason.partition(":")
        async with returns.once(self._pool, task.return_id, task.cause) as step:
            if not step.done and (step.ret.goes_back or not step.ret.over):
                await returns.need(step.conn, step.ret, code, f"keeps failing: {detail}")
                data = {"code": code, "reason": detail}
                await returns.record(step.conn, step.ret, "return_needs_help", By(), data)
            return await step.reload()

    @activity.defn
    async def note_return_refusal(self, task: ReturnTask) -> Return:
        """An operator's cancel that came too late."""
        async with returns.once(self._pool, task.return_id, task.cause) as step:
            if not step.done:
                data = {"code": task.reason}
                await returns.record(step.conn, step.ret, "return_cancel_refused", _by(task), data)
            return step.ret

    @activity.defn
    async def reload_return(self, task: ReturnTask) -> Return:
        """What the dock, the bench or a carrier wrote."""
        return await returns.load(self._pool, task.return_id)


async def _approve(step: returns.Step, by: By) -> Return:
    """The customer may send it; without a label of ours they hear of it at once."""
    await returns.record(step.conn, step.ret, "return_approved", by)
    await orders.clear_attention(
        step.conn, step.ret.order_id, attention.RETURN_DECISION, step.ret.id
    )
    await step.move(ReturnStage.APPROVED)
    if step.ret.label != CARRIER:
        await notifications.plan(step.conn, step.ret.order_id, "return_approved", step.ret.id)
    return step.ret


async def _decline(step: returns.Step, by: By, reason: str) -> Return:
    await returns.record(step.conn, step.ret, "return_declined", by, {"reason": reason})
    await step.move(ReturnStage.DECLINED, reason)
    await notifications.plan(step.conn, step.ret.order_id, "return_declined", step.ret.id)
    return step.ret


class ReturnCarrierActivities:
    """Labels for parcels that customers send: sender and receiver have changed places."""

    def __init__(self, pool: Pool, gateways: Mapping[str, CarrierGateway]) -> None:
        self._pool = pool
        self._gateways = gateways

    @activity.defn
    async def buy_return_label(self, call: ReturnLabel) -> str:
        """Buy the label; the same return never gets two. Answers the tracking number.

        Its address opens a page with the customer's name: it stays in the row.
        """
        row = await return_parcels.for_label(self._pool, call.return_id, back=call.back)
        gateway = self._gateways.get(row.provider)
        if gateway is None:
            reason = "provider_not_configured"
            raise ProviderRejected(reason, row.provider)
        label = None
        if call.maybe_sent or activity.info().attempt > 1:
            label = await gateway.find_label(call.key)
        if label is None:
            label = await gateway.buy_label(_request(call, row))
        keep = return_parcels.keep_back_label if call.back else return_parcels.keep_label
        await keep(self._pool, call.return_id, label)
        return label.tracking_number

    @activity.defn
    async def void_return_label(self, call: ReturnLabel) -> bool:
        """Give back a label that nobody will use; False when the carrier keeps it."""
        row = await return_parcels.for_label(self._pool, call.return_id)
        gateway = self._gateways.get(row.provider)
        label = await gateway.find_label(call.key) if gateway else None
        if gateway is None or label is None:
            return True
        return await gateway.void_label(f"{call.key}-void", label.provider_ref)


def _request(call: ReturnLabel, row: return_parcels.LabelRow) -> LabelRequest:
    """Between the customer and the warehouse. What it is packed in nobody knows: a small box."""
    warehouse = Address(
        name=row.warehouse_name,
        line1=row.line1,
        city=row.city,
        country=row.country,
        postal_code=row.postal_code,
    )
    customer = Address(**row.shipping_address)
    return LabelRequest(
        key=call.key,
        order_id=row.order_id,
        shipment_id=row.id,
        origin=warehouse if call.back else customer,
        destination=customer if call.back else warehouse,
        parcel=Parcel(max(1, row.weight_g), 300, 200, 150),
        service=row.service,
        value=Money(row.value, row.currency),
    )


def _by(task: ReturnTask) -> By:
    return By(task.by.actor, task.by.role)
