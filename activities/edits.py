"""An edit of an order, in one transaction: goods, lines, sums, addresses, and what is told."""

from collections.abc import Mapping
from typing import Any

from temporalio import activity

from activities import goods, substitutes
from activities.contracts import Edit
from db import edits, notifications, orders, serials, timeline
from db.new_ids import new_id
from db.pool import Pool
from domain.decisions import refused
from domain.edits import Plan, can_edit, changes_of, figures, plan
from domain.order import Order


class EditActivities:
    """See the module."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @activity.defn
    async def apply_edit(self, task: Edit) -> Order:
        """Check it once more against the rows, and do it. Refused: nothing was changed."""
        async with orders.once(self._pool, task.order_id, f"edit:{task.edit_id}") as step:
            if step.done:
                return step.order
            row = await edits.load(step.conn, task.edit_id)
            if await edits.an_earlier_is_open(step.conn, task.order_id, task.edit_id):
                raise refused(step.order, "edit_in_progress", "Another edit is under way.")
            can_edit(step.order, task.version)
            if row["status"] != "requested":
                raise refused(step.order, "edit_given_up", "It was given up: ask for it anew.")
            await substitutes.lock(step)
            await goods.take_off_missing(step)
            wanted = await _plan(step, row["changes"])
            if row["changes"]["pays"] and not task.payment_id:
                raise refused(step.order, "payment_not_needed", "The edit costs nothing more.")
            before = step.order
            lines = await self._change_lines(step, task, wanted)
            await edits.write_sums(step.conn, task.order_id, wanted.sums, wanted.option)
            await edits.write_addresses(step.conn, task.edit_id)
            if row["changes"]["moves"]:
                step.order = await orders.load(step.conn, task.order_id)
                await goods.recall_unpacked(step)
            result = figures(before, wanted) | {"added_lines": lines}
            await self._tell(step, task, row["changes"], result)
            await edits.end(step.conn, task.edit_id, "applied", result=result)
            return await step.save()

    async def _change_lines(self, step: orders.Step, task: Edit, wanted: Plan) -> list[str]:
        if wanted.cancel:
            await goods.cancel_units(step, wanted.cancel)
            spare = serials.Told(f"{task.order_id}:{step.cause}", task.by.actor)
            await serials.give_spare_back(step.conn, task.order_id, spare)
        made = []
        for line in wanted.add:
            made.append(new_id("lin"))
            await edits.add_line(step.conn, task.order_id, made[-1], line, task.edit_id)
        return made

    async def _tell(
        self,
        step: orders.Step,
        task: Edit,
        changes: Mapping[str, Any],
        result: Mapping[str, Any],
    ) -> None:
        data = {
            "edit_id": task.edit_id,
            "reason": changes["reason"],
            "shipping_address_changed": changes["shipping_address"],
            "billing_address_changed": changes["billing_address"],
            **result,
        }
        by = task.by
        await timeline.record(
            step.conn, task.order_id, "edit_applied", actor=by.actor, role=by.role, data=data
        )
        told = {"total": result["after"]["payable"]}
        await notifications.plan(step.conn, task.order_id, "order_changed", task.edit_id, data=told)


async def _plan(step: orders.Step, changes: Mapping[str, Any]) -> Plan:
    prices, sums = await edits.prices(step.conn, step.order_id)
    return plan(step.order, prices, sums, changes_of(changes))
