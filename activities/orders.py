"""The order itself: stock for it, holds, attention, cancellation, closing. One transaction each."""

from collections import Counter
from dataclasses import replace

from temporalio import activity

from activities import goods, parcels, risk, substitutes
from activities.contracts import (
    AttentionCleared,
    AttentionSet,
    Cancel,
    Close,
    Confirm,
    Confirmed,
    HoldChange,
    Note,
    ShortPick,
    moment,
)
from activities.reserving import ReservationDesk
from activities.risk import RuleAssessor
from db import (
    exchanges,
    fulfillment,
    holds,
    notifications,
    orders,
    payments,
    pick_lists,
    serials,
    stock,
    timeline,
)
from db.new_ids import new_id
from db.pool import Connection, Pool
from domain.attention import OUTLIVING
from domain.decisions import can_cancel, must_allow
from domain.order import Order
from domain.phase import phase_of
from domain.ports import EXCHANGE, RiskAssessor
from domain.reserving import UNAVAILABLE
from domain.settlement import fee_within
from domain.states import FulfillmentOrderStatus, OrderStatus, ShipmentStatus

# The cause of the step that confirms an order; nobody has looked for its goods before.
_FIRST = "confirm"


class OrderActivities:
    """The transactions that move an order; each happens once per cause."""

    def __init__(self, pool: Pool, assessor: RiskAssessor | None = None) -> None:
        self._pool = pool
        self._desk = ReservationDesk(pool)
        self._assessor = assessor or RuleAssessor(pool)

    @activity.defn
    async def confirm_order(self, task: Confirm) -> Confirmed:
        """Reserve stock by the order's policy, confirm it, and open the work.

        Run again with another cause when stock came: it goes on with what still waits. The
        reservation is a step of its own, taken together with those of other orders.
        """
        if task.cause != _FIRST:
            await self._take_off_missing(task)
        found = await self._assessor.assess(task.order_id) if task.cause == _FIRST else ()
        reserved = await self._desk.reserve(task.order_id, task.cause, everywhere=task.everywhere)
        async with orders.once(self._pool, task.order_id, task.cause) as step:
            if step.done:
                return Confirmed(step.order, **step.result)
            step.result = {"outcome": reserved.outcome, "work": [], "warehouses": []}
            if step.order.closed or step.order.cancel_requested:
                # A cancellation was faster; it has given everything back.
                return Confirmed(step.order, **step.result)
            conn, first = step.conn, step.order.status is OrderStatus.PENDING
            await goods.take_off_missing(step)
            if first:
                await payments.settle_zero_tenders(conn, task.order_id)
            if reserved.outcome == UNAVAILABLE:
                return Confirmed(await step.save(), **step.result)
            if first:
                await timeline.record(conn, task.order_id, "order_confirmed")
                await notifications.plan(conn, task.order_id, "confirmed")
                await risk.record(step, found)
            order = await orders.load(conn, task.order_id)
            work, warehouses = await self._open_work(conn, order, task)
            step.result |= {
                "work": work,
                "warehouses": warehouses,
                "missing": reserved.missing,
            }
            return Confirmed(await step.save(OrderStatus.CONFIRMED), **step.result)

    async def _take_off_missing(self, task: Confirm) -> None:
        """Units that were reported missing want a source too, though the news is not heard yet."""
        if not await fulfillment.was_short(self._pool, task.order_id):
            return
        async with orders.once(self._pool, task.order_id, f"missing:{task.cause}") as step:
            if not step.done:
                await goods.take_off_missing(step)

    async def _open_work(
        self, conn: Connection, order: Order, task: Confirm
    ) -> tuple[list[str], list[str]]:
        """Ask the locations to prepare what is allocated, all at once or in parts."""
        if order.ship == "complete" and any(x.open or x.backordered for x in order.lines):
            return [], []
        by_warehouse: dict[str, list[fulfillment.UnassignedClaim]] = {}
        for claim in await fulfillment.unassigned_claims(conn, order.id):
            by_warehouse.setdefault(claim.warehouse, []).append(claim)
        opened = []
        for warehouse, claims in sorted(by_warehouse.items()):
            work_id = new_id("ful")
            await fulfillment.open_work(
                conn,
                work_id,
                order.id,
                warehouse,
                claims,
                cause=task.cause,
                due_seconds=task.pick_deadline,
                on_hold=bool(order.holds),
            )
            await timeline.record(
                conn,
                order.id,
                "fulfillment_opened",
                data={"fulfillment_order_id": work_id, "warehouse": warehouse},
            )
            opened.append(work_id)
        return opened, sorted(by_warehouse)

    @activity.defn
    async def record_short_pick(self, task: ShortPick) -> Order:
        """Take units that were not found off the counters; they need another source.

        They become open units of their lines again, which `confirm_order` then serves.
        """
        async with orders.once(self._pool, task.order_id, task.cause) as step:
            if step.done:
                return step.order
            await goods.take_off_missing(step)
            work = step.order.fulfillment_order(task.fulfillment_order_id)
            assert work is not None  # noqa: S101 - the pick named it
            # By now its other units may have left, or all of it may have been recalled.
            if work.live and not any(
                w.quantity - w.short - w.canceled - w.shipped for w in work.lines
            ):
                await fulfillment.set_work_status(
                    step.conn, work, FulfillmentOrderStatus.INCOMPLETE
                )
            return await step.save()

    @activity.defn
    async def begin_cancel(self, task: Cancel) -> Order:
        """Make the cancellation visible, recall the work, and give all goods back to the shelf.

        Parcels that are packed are unpacked; what the carrier lost or brings back is canceled
        with the rest, so that nothing of it is owed.
        """
        async with orders.once(self._pool, task.order_id, task.cause) as step:
            if step.done:
                return step.order
            # Checked once more: a parcel that was lost may have been delivered in between, and a
            # hand may have begun to pick. After parcels were awaited it is requested already.
            asked = replace(step.order, cancel_requested=False)
            can_cancel(asked)
            if task.phases is not None:
                must_allow(asked, phase_of(asked), task.phases)
            await substitutes.lock(step)
            await goods.take_off_missing(step)
            conn, order = step.conn, step.order
            fee = 0
            if order.status is OrderStatus.CONFIRMED:
                fee = fee_within(order, task.fees.get(phase_of(asked), 0))
            await orders.keep_cancel_fee(conn, order.id, fee)
            await orders.request_cancel(conn, order.id, task.reason)
            for shipment in order.shipments:
                if shipment.in_house:
                    await fulfillment.set_shipment_status(conn, shipment, ShipmentStatus.CANCELED)
                    await fulfillment.unpack(conn, shipment.id)
            await fulfillment.cancel_work(conn, order.id)
            units = Counter({line.id: line.allocated + line.backordered for line in order.lines})
            await stock.release(conn, order.id, units, f"{order.id}:{task.cause}")
            await holds.release_for(conn, order.id, f"{order.id}:{task.cause}")
            await pick_lists.close_idle(conn, order.id)
            back = serials.Told(f"{order.id}:{task.cause}", task.by.actor)
            await serials.give_back(conn, order.id, back)
            await parcels.give_up(step, {line.id: line.shipped for line in order.lines})
            for line in order.lines:
                await orders.cancel_units(
                    conn, line.id, line.open + line.allocated + line.backordered
                )
            await substitutes.withdraw_needless(step, "canceled")
            await timeline.record(
                conn,
                order.id,
                "cancel_started",
                actor=task.by.actor,
                role=task.by.role,
                data={"reason": task.reason} | ({"fee": fee} if fee else {}),
            )
            return await step.save()

    @activity.defn
    async def cancel_units(self, task: Cancel) -> Order:
        """Cancel some units of lines: what is not packed goes back, what got lost is not owed."""
        async with orders.once(self._pool, task.order_id, task.cause) as step:
            if step.done:
                return step.order
            await substitutes.lock(step)
            await goods.take_off_missing(step)
            await goods.cancel_units(step, task.lines)
            spare = serials.Told(f"{task.order_id}:{task.cause}", task.by.actor)
            await serials.give_spare_back(step.conn, task.order_id, spare)
            await timeline.record(
                step.conn,
                task.order_id,
                "units_canceled",
                actor=task.by.actor,
                role=task.by.role,
                data={"reason": task.reason, "lines": task.lines},
            )
            told = {"units": dict(task.lines), "reason": task.reason}
            await notifications.plan(step.conn, task.order_id, "canceled", task.cause, told)
            return await step.save()

    @activity.defn
    async def close_order(self, task: Close) -> Order:
        """End the order: its status, its last event, nothing left that asks for a person."""
        async with orders.once(self._pool, task.order_id, "close") as step:
            if step.done:
                return step.order
            status = OrderStatus(task.status)
            await orders.clear_all_attention(step.conn, task.order_id, OUTLIVING)
            await timeline.record(
                step.conn,
                task.order_id,
                f"order_{status}",
                actor=task.by.actor,
                role=task.by.role,
                data={"reason": task.reason} if task.reason else {},
            )
            if status is not OrderStatus.COMPLETED:
                kept = sum(t.refundable for t in step.order.tenders if t.provider == EXCHANGE)
                await exchanges.withdraw(step.conn, task.order_id, kept)
                # A provider that refused has let the customer off.
                fee = step.order.payable
                await orders.keep_cancel_fee(step.conn, task.order_id, fee)
                data = {"fee": fee} if fee else {}
                await notifications.plan(step.conn, task.order_id, "canceled", data=data)
            return await step.save(status)

    @activity.defn
    async def add_hold(self, task: HoldChange) -> Order:
        """Hold the order: its locations stop."""
        async with orders.once(self._pool, task.order_id, f"hold:{task.hold_id}") as step:
            if step.done:
                return step.order
            await orders.add_hold(
                step.conn,
                task.order_id,
                task.hold_id,
                task.reason,
                task.by.actor,
                task.by.request_event,
                ends_at=moment(task.ends_at),
                at_end=task.at_end,
            )
            await fulfillment.hold_work(step.conn, task.order_id)
            await self._tell(step.conn, task, "hold_added")
            return await step.save()

    @activity.defn
    async def release_hold(self, task: HoldChange) -> Order:
        """Take one hold away; with the last one the locations go on."""
        async with orders.once(self._pool, task.order_id, f"release:{task.hold_id}") as step:
            if step.done:
                return step.order
            await orders.release_hold(step.conn, task.hold_id, task.by.actor)
            if not any(hold.id != task.hold_id for hold in step.order.holds):
                await fulfillment.release_work(step.conn, task.order_id, task.pick_deadline)
            await self._tell(step.conn, task, "hold_released")
            return await step.save()

    async def _tell(self, conn: Connection, task: HoldChange, type_: str) -> None:
        data = {"hold_id": task.hold_id, **({"reason": task.reason} if task.reason else {})}
        await timeline.record(
            conn, task.order_id, type_, actor=task.by.actor, role=task.by.role, data=data
        )

    @activity.defn
    async def reload_order(self, order_id: str) -> Order:
        """What a return has changed."""
        async with self._pool.acquire() as conn:
            return await orders.load(conn, order_id)

    @activity.defn
    async def record_note(self, note: Note) -> Order:
        """Write a timeline event of the workflow's own."""
        async with orders.once(self._pool, note.order_id, note.cause) as step:
            if not step.done:
                await timeline.record(
                    step.conn,
                    note.order_id,
                    note.type,
                    actor=note.by.actor,
                    role=note.by.role,
                    data=note.data,
                )
                if note.notify:
                    await notifications.plan(step.conn, note.order_id, note.notify)
            return step.order

    @activity.defn
    async def set_attention(self, task: AttentionSet) -> None:
        """The order waits for a person: a row that lists show, and an event."""
        async with self._pool.acquire() as conn, conn.transaction():
            await orders.lock(conn, task.order_id)
            if await orders.set_attention(
                conn, task.order_id, task.code, task.subject, task.detail, task.can
            ):
                await timeline.record(
                    conn,
                    task.order_id,
                    "attention_needed",
                    data={"code": task.code, "subject": task.subject, "detail": task.detail},
                )

    @activity.defn
    async def clear_attention(self, task: AttentionCleared) -> None:
        """It moves again."""
        async with self._pool.acquire() as conn, conn.transaction():
            await orders.lock(conn, task.order_id)
            for code, subject in task.reasons:
                if await orders.clear_attention(conn, task.order_id, code, subject):
                    await timeline.record(
                        conn,
                        task.order_id,
                        "attention_cleared",
                        data={"code": code, "subject": subject},
                    )
