"""One order of a bulk action: asked like by a person, once, with both ends in its timeline."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from temporalio import activity

from activities.bulk_contracts import BulkBatch, BulkItem, BulkTask
from db import bulk, canceling, orders, timeline
from db.pool import Pool
from domain.bulk import WHAT, BulkAction, plan
from domain.phase import Actor

_BATCH = 20


@dataclass(frozen=True, slots=True)
class Word:
    """What an order is asked, by whom; `event` is the request in its timeline."""

    action: BulkAction
    actor: str
    role: str
    event: int
    reason: str = ""
    lines: Mapping[str, int] = field(default_factory=dict)
    hold_id: str = ""
    phases: tuple[str, ...] = ()
    code: str = ""


class OrderDoor(Protocol):
    """Where orders are asked."""

    async def ask(self, order_id: str, word: Word, key: str) -> str:
        """The code with which it refuses; nothing when it is done. The same key asks once.

        Raises when there is no answer.
        """
        ...


class BulkActivities:
    """Asks orders one by one. What an activity that died had asked is joined, not asked again."""

    def __init__(self, pool: Pool, door: OrderDoor) -> None:
        self._pool = pool
        self._door = door

    @activity.defn
    async def next_orders(self, task: BulkTask) -> BulkBatch:
        """Orders that are still to be asked; none when all were, or it is to stop."""
        return BulkBatch(await bulk.waiting(self._pool, task.bulk_id, _BATCH))

    @activity.defn
    async def ask_order(self, item: BulkItem) -> str:
        """Ask one order, and write down how it went; answers that."""
        row = await bulk.item(self._pool, item.bulk_id, item.order_id)
        if row["status"] != "waiting":
            return str(row["status"])
        if not row["event"]:
            row = await self._note(item)
        if not row["event"]:
            return await self._end(item, row, "skipped", "nothing_to_do")
        async with self._pool.acquire() as conn:
            phases = tuple(await canceling.phases(conn, Actor.SUPPORT))
        refused = ""
        for number, word in enumerate(_words(item, row, phases)):
            refused = await self._door.ask(
                item.order_id, word, f"{item.bulk_id}:{item.order_id}:{number}"
            )
            if refused:
                break
        return await self._end(item, row, "refused" if refused else "done", refused)

    async def _note(self, item: BulkItem) -> Mapping[str, Any]:
        """The request stands in the order's timeline before it is asked, once; with it what is
        asked, so that whoever joins it after a crash asks the same.
        """
        async with self._pool.acquire() as conn, conn.transaction():
            await orders.lock(conn, item.order_id)
            row = await bulk.item(conn, item.bulk_id, item.order_id)
            order = await orders.load(conn, item.order_id)
            action, sku = BulkAction(row["action"]), row["filter"].get("sku", "")
            wanted = plan(order, action, row["reason"], sku)
            if wanted.nothing or row["event"]:
                return row
            asked = {"lines": dict(wanted.lines), "holds": list(wanted.holds)}
            event = await timeline.record(
                conn,
                item.order_id,
                f"{WHAT[action]}_requested",
                actor=row["actor"],
                role=row["role"],
                data={"reason": row["reason"], "bulk_id": item.bulk_id, **asked},
                note=row["note"],
            )
            await bulk.keep_event(conn, item.bulk_id, item.order_id, event, asked)
            return {**row, "event": event, "plan": asked}

    async def _end(self, item: BulkItem, row: Mapping[str, Any], status: str, code: str) -> str:
        async with self._pool.acquire() as conn, conn.transaction():
            await orders.lock(conn, item.order_id)
            ended = await bulk.end_item(conn, item.bulk_id, item.order_id, status, code or None)
            if ended and status == "refused":
                await timeline.record(
                    conn,
                    item.order_id,
                    f"{WHAT[BulkAction(row['action'])]}_refused",
                    actor=row["actor"],
                    role=row["role"],
                    data={"code": code, "bulk_id": item.bulk_id, "request_event": row["event"]},
                )
        return status

    @activity.defn
    async def skip_order(self, item: BulkItem) -> None:
        """It does not answer: the others are not kept waiting for it."""
        async with self._pool.acquire() as conn, conn.transaction():
            await bulk.end_item(conn, item.bulk_id, item.order_id, "skipped", item.code)

    @activity.defn
    async def end_bulk(self, task: BulkTask) -> None:
        """All were asked, or it was stopped."""
        await bulk.end(self._pool, task.bulk_id)


def _words(item: BulkItem, row: Mapping[str, Any], phases: tuple[str, ...]) -> list[Word]:
    action, asked = BulkAction(row["action"]), row["plan"]
    head = (action, row["actor"], row["role"], row["event"], row["reason"])
    if action is BulkAction.RELEASE:
        return [Word(*head, hold_id=hold_id) for hold_id in asked["holds"]]
    if action is BulkAction.HOLD:
        own = f"hld_{item.bulk_id.removeprefix('blk_')}{item.order_id[-8:]}"
        return [Word(*head, hold_id=own)]
    if action is BulkAction.RETRY:
        return [Word(*head, code=row["filter"].get("attention", ""))]
    return [Word(*head, lines=asked["lines"], phases=phases)]
