"""The same asked of many orders, a few at a time, until all were asked or somebody stops it."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.bulk import BulkActivities
    from activities.bulk_contracts import BulkBatch, BulkItem, BulkTask
    from workflows import policies

_AT_ONCE = 5
_ATTEMPTS = 8
# Orders after which the history begins anew.
_BEGIN_ANEW = 400


@dataclass(frozen=True)
class BulkInput:
    """A bulk action that PostgreSQL holds with its orders; `counts` is how it went so far."""

    bulk_id: str
    total: int = 0
    counts: dict[str, int] = field(default_factory=dict)


@workflow.defn
class BulkActionWorkflow:
    """See the module. An order that does not answer is left out, and keeps no other waiting."""

    @workflow.init
    def __init__(self, start: BulkInput) -> None:
        self._counts = Counter(start.counts)

    @workflow.run
    async def run(self, start: BulkInput) -> dict[str, int]:
        """Ask them all; answers how many did it, refused, and were left out."""
        task, asked = BulkTask(start.bulk_id), 0
        while batch := (await self._next(task)).order_ids:
            room = asyncio.Semaphore(_AT_ONCE)
            await asyncio.gather(*(self._ask(start.bulk_id, one, room) for one in batch))
            asked += len(batch)
            told = ", ".join(f"{count} {how}" for how, count in sorted(self._counts.items()))
            workflow.set_current_details(f"{told} of {start.total}")
            if asked >= _BEGIN_ANEW:
                again = BulkInput(start.bulk_id, start.total, dict(self._counts))
                workflow.continue_as_new(again)
        await workflow.execute_activity_method(
            BulkActivities.end_bulk, task, **policies.DATABASE_FOR_EVER
        )
        return dict(self._counts)

    async def _next(self, task: BulkTask) -> BulkBatch:
        return await workflow.execute_activity_method(
            BulkActivities.next_orders, task, **policies.DATABASE_FOR_EVER
        )

    async def _ask(self, bulk_id: str, order_id: str, room: asyncio.Semaphore) -> None:
        async with room:
            try:
                how = await workflow.execute_activity_method(
                    BulkActivities.ask_order,
                    BulkItem(bulk_id, order_id),
                    summary=order_id,
                    **policies.outside(_ATTEMPTS),
                )
            except ActivityError:
                how = "skipped"
                await workflow.execute_activity_method(
                    BulkActivities.skip_order,
                    BulkItem(bulk_id, order_id, "no_answer"),
                    **policies.DATABASE_FOR_EVER,
                )
            self._counts[how] += 1
