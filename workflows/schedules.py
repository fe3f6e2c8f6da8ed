"""What Temporal starts by the clock. Made or changed when a worker starts: no step of its own.

No workflow: used by the worker.
"""

import asyncio
from dataclasses import replace
from datetime import timedelta

import structlog
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.service import RPCError, RPCStatusCode

from workflows import ids
from workflows.stock_reconciliation import StockReconciliation, StockReconciliationWorkflow

log = structlog.get_logger(__name__)

_AGAIN_SECONDS = 10.0
# Checks that were missed while Temporal was away are not made up for: the next one sees it all.
_CATCH_UP = timedelta(minutes=1)


async def keep_schedules(client: Client, task_queue: str, every: timedelta) -> None:
    """Bring the schedules to the settings, however long Temporal takes to answer."""
    while True:
        try:
            await schedule_reconciliation(client, task_queue, every)
        except RPCError as error:
            log.info("schedules_wait", error=error.status.name)
            await asyncio.sleep(_AGAIN_SECONDS)
        else:
            return


async def schedule_reconciliation(client: Client, task_queue: str, every: timedelta) -> None:
    """Check stock at this interval; zero takes the schedule away.

    Whoever comes second changes what is there, so any number of workers may start at once. A
    schedule that an operator has paused stays paused.
    """
    name = ids.reconciliation_id(task_queue)
    if not every:
        await _forget(client, name)
        return
    wanted = Schedule(
        action=ScheduleActionStartWorkflow(
            StockReconciliationWorkflow.run,
            StockReconciliation(),
            id=name,
            task_queue=task_queue,
            static_summary="stock compared with its ledger",
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=every)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=_CATCH_UP),
    )
    try:
        await client.create_schedule(name, wanted)
    except ScheduleAlreadyRunningError:

        def changed(found: ScheduleUpdateInput) -> ScheduleUpdate | None:
            there = found.description.schedule
            if there.spec.intervals == wanted.spec.intervals:
                return None
            return ScheduleUpdate(replace(wanted, state=there.state))

        await client.get_schedule_handle(name).update(changed)


async def _forget(client: Client, name: str) -> None:
    try:
        await client.get_schedule_handle(name).delete()
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
