"""Parcels that do not arrive: what the rules say, and what is done. One transaction each."""

from dataclasses import replace
from typing import Any

from temporalio import activity

from activities import parcels
from activities.ending_contracts import Patience, Trouble, TroubleDecided, WriteOff
from db import endings, notifications, orders, timeline
from db.pool import Pool
from domain.decisions import can_resolve
from domain.endings import FINAL, Action, Decision, Event, ParcelFacts, decide, iso
from domain.order import Order, Shipment

# What the customer hears when it happens; of what is settled they hear when it is.
_MAILS = {Event.ATTEMPTED: "delivery_attempted", Event.DELAYED: "delivery_delayed"}
_DONE = {Action.REPLACE: "parcel_replaced", Action.REFUND: "parcel_refunded"}


class EndingActivities:
    """The transactions of an order whose parcel is in trouble; each happens once per cause."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @activity.defn
    async def decide_trouble(self, task: Trouble) -> TroubleDecided:
        """Look at the rules, keep the decision and its deadline, explain it in the timeline."""
        async with orders.once(self._pool, task.order_id, task.cause) as step:
            if step.done:
                return TroubleDecided(step.order, **step.result)
            step.result = {}
            event = Event(task.event)
            shipment = step.order.shipment(task.shipment_id)
            if shipment is None or not _is_open(shipment, event):
                return TroubleDecided(step.order)
            decision = await self._decide(step, shipment, event)
            await endings.put(step.conn, task.order_id, shipment.id, decision, told=True)
            await timeline.record(
                step.conn,
                task.order_id,
                "parcel_trouble",
                data={"shipment_id": shipment.id, **decision.why},
            )
            if decision.tell and event in _MAILS:
                await notifications.plan(step.conn, task.order_id, _MAILS[event], shipment.id)
            step.result = {
                "event": event.value,
                "action": decision.action.value,
                "now": decision.after == 0,
                "tell": decision.tell and event in _MAILS,
                "after": iso(decision.after),
                "here": shipment.owed_and_back,
                "settled": shipment.settled,
            }
            return TroubleDecided(step.order, **step.result)

    async def _decide(self, step: orders.Step, shipment: Shipment, event: Event) -> Decision:
        units = {part.line_id: part.owed for part in shipment.lines}
        facts = ParcelFacts(
            await endings.country_of(step.conn, step.order_id),
            step.order.paid_for(units),
            step.order.currency,
        )
        decision = decide(event, facts, await endings.rules(step.conn))
        if not shipment.intercepted:
            return decision
        # It is canceled: nothing is sent again, and what is lost is not waited for.
        if event not in FINAL:
            if decision.action is not Action.REPLACE:
                return decision
            why = decision.why | {"action": "ask_person", "canceled": True}
            return replace(decision, action=Action.ASK_PERSON, why=why)
        after = 0 if event is Event.LOST else decision.after
        why = decision.why | {"action": "refund", "after": iso(after), "canceled": True}
        return replace(decision, action=Action.REFUND, after=after, why=why)

    @activity.defn
    async def write_off_parcel(self, task: WriteOff) -> Order:
        """Send its units again, or give them up: the lines move, a claim is opened.

        Raises:
            Refused: it was delivered meanwhile, or settled before.

        """
        async with orders.once(self._pool, task.order_id, task.cause) as step:
            if step.done:
                return step.order
            shipment = can_resolve(step.order, task.shipment_id, task.resolution)
            known = await endings.read(step.conn, shipment.id) or {}
            event = Event(task.event or known.get("event") or Event.NO_NEWS)
            resolution = Action(task.resolution)
            units = _units(shipment, task)
            claim = await parcels.write_off(step, shipment, units, resolution, event)
            data = {"shipment_id": shipment.id, "event": event.value, "lines": units}
            await timeline.record(
                step.conn,
                task.order_id,
                _DONE[resolution],
                actor=task.by.actor,
                role=task.by.role,
                data=data | ({"claim_id": claim} if claim else {}),
            )
            await parcels.end_recall(step)
            order = await step.save()
            if known.get("tell_customer", True) or shipment.intercepted:
                reason = "customer" if shipment.intercepted else "parcel_lost"
                await self._tell(step, order, task, {"units": units, "reason": reason})
            return order

    async def _tell(
        self, step: orders.Step, order: Order, task: WriteOff, data: dict[str, Any]
    ) -> None:
        """Plan the customer's mail, one for each part of a parcel. Of an order that ends with it
        they hear by its end.
        """
        subject = task.cause.removeprefix("write-off:")
        if task.resolution == Action.REPLACE:
            await notifications.plan(step.conn, task.order_id, "parcel_replaced", subject, data)
        elif order.live_units:
            await notifications.plan(step.conn, task.order_id, "canceled", subject, data=data)

    @activity.defn
    async def be_patient(self, task: Patience) -> Order:
        """A person lets the parcel have more time; then a person is asked again."""
        async with orders.once(self._pool, task.order_id, task.cause) as step:
            if step.done:
                return step.order
            shipment = can_resolve(step.order, task.shipment_id)
            known = await endings.read(step.conn, shipment.id) or {}
            event = Event(known.get("event") or Event.NO_NEWS)
            tell = known.get("tell_customer", True)
            decision = Decision(event, Action.WAIT, task.seconds, tell, {})
            await endings.put(step.conn, task.order_id, shipment.id, decision, told=False)
            await timeline.record(
                step.conn,
                task.order_id,
                "parcel_waited_for",
                actor=task.by.actor,
                role=task.by.role,
                data={"shipment_id": shipment.id, "after": iso(task.seconds)},
            )
            return step.order


def _units(shipment: Shipment, task: WriteOff) -> dict[str, int]:
    """What is settled: the rules settle of a parcel that is back only what came."""
    by_rule = shipment.received and task.event == Event.RETURNED
    owed = {p.line_id: p.owed_and_back if by_rule else p.owed for p in shipment.lines}
    return {line_id: quantity for line_id, quantity in owed.items() if quantity}


def _is_open(shipment: Shipment, event: Event) -> bool:
    """Whether there is something to decide: silence is no news of what is lost anyway."""
    if not shipment.on_its_way:
        return False
    return event is not Event.NO_NEWS or not shipment.not_coming
