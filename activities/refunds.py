"""Refunds that are carried out: what providers said is booked. One transaction each."""

from collections.abc import Mapping
from typing import Any

from temporalio import activity

from activities.contracts import moment
from activities.refund_contracts import PartEnded, RefundTask, Waive
from db import notifications, orders, payments, refunds, timeline
from db.pool import Connection, Pool
from domain.attention import CAN, REFUND_STUCK
from domain.decisions import can_waive
from domain.notices import kind_of
from domain.order import Order
from domain.settlement import Settlement, uncovered
from domain.states import OperationKind, OperationStatus


class RefundActivities:
    """The transactions of a refund. They hold the order's lock: it may live on meanwhile."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @activity.defn
    async def record_refund_part(self, task: PartEnded) -> Order:
        """A tender has given its part back, or refuses to: booked once, and told."""
        cause = f"{task.operation_id}:{task.status}"
        async with orders.once(self._pool, task.order_id, cause) as step:
            if step.done:
                return step.order
            status = OperationStatus(task.status)
            await payments.settle_operation(step.conn, task.operation_id, status, None, task.reason)
            part = Settlement(task.part.payment_id, task.part.amount)
            data = {
                "refund_id": task.refund_id,
                "payment_id": part.payment_id,
                "amount": part.amount,
            }
            if status is not OperationStatus.SUCCEEDED:
                await self._refuse(step, task, data)
                return await step.save()
            if await refunds.end_part(step.conn, task.refund_id, part):
                tender = step.order.tender(part.payment_id)
                await payments.book(
                    step.conn,
                    payments.Booking(
                        kind=OperationKind.REFUND,
                        payment_id=part.payment_id,
                        amount=part.amount,
                        cause=task.operation_id,
                        occurred_at=moment(task.occurred_at),
                        more_to_come=bool(tender and tender.capturable and not step.order.closed),
                    ),
                )
                await timeline.record(step.conn, task.order_id, "refund_succeeded", data=data)
            await orders.clear_attention(
                step.conn, task.order_id, REFUND_STUCK, _subject(task.refund_id, part.payment_id)
            )
            return await step.save()

    async def _refuse(self, step: orders.Step, task: PartEnded, data: dict[str, object]) -> None:
        """It stays owed to the customer: a person is asked, who may have it tried again."""
        reason = task.reason or "refused"
        await timeline.record(
            step.conn, task.order_id, "refund_failed", data={**data, "reason": reason}
        )
        await _need_help(step.conn, task, "is not given back", reason)

    @activity.defn
    async def note_refund_failing(self, task: PartEnded) -> Order:
        """The provider does not answer: a person is shown, and it is tried again and again."""
        async with self._pool.acquire() as conn, conn.transaction():
            await orders.lock(conn, task.order_id)
            await _need_help(conn, task, "keeps failing", task.reason)
            return await orders.load(conn, task.order_id)

    @activity.defn
    async def finish_refund(self, task: RefundTask) -> Order:
        """All of it is given back: the lines say so, and the customer is told once."""
        async with orders.once(self._pool, task.order_id, f"refund:{task.refund_id}") as step:
            if step.done or not await refunds.end(step.conn, task.refund_id):
                return step.order
            await payments.mark_refunded(step.conn, task.order_id)
            row = await refunds.read(step.conn, task.refund_id)
            assert row is not None  # noqa: S101 - refunds are never deleted
            credit = row["destination"] == "store_credit"
            paid = row["amount"] - row["exchanged"]
            data = {"amount": paid, **({"store_credit": True} if credit else {})}
            if row["parts"]:
                data["tenders"] = [_named(step.order, part) for part in row["parts"]]
            if row["lines"]:
                data["units"] = {part["line_id"]: part["quantity"] for part in row["lines"]}
            if credit and paid:
                told = {"refund_id": task.refund_id, "amount": paid}
                await timeline.record(step.conn, task.order_id, "store_credit_given", data=told)
            if paid:
                await notifications.plan(
                    step.conn, task.order_id, "refunded", task.refund_id, data=data
                )
            return await step.save()

    @activity.defn
    async def waive_rest(self, task: Waive) -> Order:
        """The customer owes no more than is taken or reserved; the difference is told.

        Raises:
            Refused: it was paid meanwhile, or the order is over.

        """
        async with orders.once(self._pool, task.order_id, task.cause) as step:
            if step.done:
                return step.order
            can_waive(step.order)
            amount = uncovered(step.order)
            await refunds.waive(step.conn, task.order_id, amount)
            await timeline.record(
                step.conn,
                task.order_id,
                "rest_waived",
                actor=task.by.actor,
                role=task.by.role,
                data={"reason": task.reason, "amount": amount},
            )
            return await step.save()


def _named(order: Order, part: Mapping[str, Any]) -> list[str | int]:
    """A tender as the customer knows it, and what it gave back."""
    tender = order.tender(part["payment_id"])
    return [kind_of(tender) if tender else "", part["amount"]]


async def _need_help(conn: Connection, task: PartEnded, what: str, reason: str) -> None:
    """A part waits for a person, and says why."""
    part = task.part
    await refunds.note_part(conn, task.refund_id, part.payment_id, reason)
    await orders.set_attention(
        conn,
        task.order_id,
        REFUND_STUCK,
        _subject(task.refund_id, part.payment_id),
        f"{part.amount} of {part.payment_id} {what}: {reason}",
        CAN[REFUND_STUCK],
    )


def _subject(refund_id: str, payment_id: str) -> str:
    return f"{refund_id}/{payment_id}"
