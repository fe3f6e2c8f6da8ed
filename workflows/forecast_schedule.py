"""The schedule that renews forecasts; made or changed when a worker starts.

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
from workflows.forecasting import ForecastWorkflow

log = structlog.get_logger(__name__)

_AGAIN_SECONDS = 10.0
# A renewal looks at the whole window: one that was missed is made up for by the next.
_CATCH_UP = timedelta(minutes=1)


async def keep_forecast_schedule(client: Client, task_queue: str, every: timedelta) -> None:
    """Bring the schedule to the setting, however long Temporal takes to answer."""
    while True:
        try:
            await schedule_forecasts(client, task_queue, every)
        except RPCError as error:
            log.info("forecast_schedule_waits", error=error.status.name)
            await asyncio.sleep(_AGAIN_SECONDS)
        else:
            return


async def schedule_forecasts(client: Client, task_queue: str, every: timedelta) -> None:
    """Renew forecasts at this interval, for the first time at once; zero takes the schedule away.

    Whoever comes second changes what is there, so any number of workers may start at once. A
    schedule that an operator has paused stays paused.
    """
    name = ids.forecast_id(task_queue)
    if not every:
        await _forget(client, name)
        return
    wanted = Schedule(
        action=ScheduleActionStartWorkflow(
            ForecastWorkflow.run,
            id=name,
            task_queue=task_queue,
            static_summary="sales summed up and forecast",
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=every)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=_CATCH_UP),
    )

    def changed(found: ScheduleUpdateInput) -> ScheduleUpdate | None:
        there = found.description.schedule
        if there.spec.intervals == wanted.spec.intervals:
            return None
        return ScheduleUpdate(replace(wanted, state=there.state))

    try:
        await client.create_schedule(name, wanted, trigger_immediately=True)
    except ScheduleAlreadyRunningError:
        await client.get_schedule_handle(name).update(changed)


async def _forget(client: Client, name: str) -> None:
    try:
        await client.get_schedule_handle(name).delete()
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
