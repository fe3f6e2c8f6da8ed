"""What Temporal starts by the clock. Made or changed when a worker starts: no step of its own.

No workflow: used by the worker.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
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
from workflows.lot_expiry import LotExpiryWorkflow
from workflows.stock_reconciliation import StockReconciliation, StockReconciliationWorkflow

log = structlog.get_logger(__name__)

_AGAIN_SECONDS = 10.0
# Runs that were missed while Temporal was away are not made up for: the next one sees it all.
_CATCH_UP = timedelta(minutes=1)


@dataclass(frozen=True)
class Timed:
    """A workflow that is started at an interval; zero takes the schedule away.

    Runs bear the schedule's id. `at_once`: the first run does not wait for the clock.
    """

    id: str
    action: ScheduleActionStartWorkflow
    every: timedelta
    at_once: bool = False


def forecasts(task_queue: str, every: timedelta) -> Timed:
    """Sales are summed up and forecast; at once, so that a new shop need not wait for a day."""
    name = ids.forecast_id(task_queue)
    action = ScheduleActionStartWorkflow(
        ForecastWorkflow.run,
        id=name,
        task_queue=task_queue,
        static_summary="sales summed up and forecast",
    )
    return Timed(name, action, every, at_once=True)


def reconciliation(task_queue: str, every: timedelta) -> Timed:
    """Stock is compared with its ledger."""
    name = ids.reconciliation_id(task_queue)
    action = ScheduleActionStartWorkflow(
        StockReconciliationWorkflow.run,
        StockReconciliation(),
        id=name,
        task_queue=task_queue,
        static_summary="stock compared with its ledger",
    )
    return Timed(name, action, every)


def lot_expiry(task_queue: str, every: timedelta) -> Timed:
    """What has expired leaves the sale."""
    name = ids.lot_expiry_id(task_queue)
    action = ScheduleActionStartWorkflow(
        LotExpiryWorkflow.run,
        id=name,
        task_queue=task_queue,
        static_summary="expired lots into quarantine",
    )
    return Timed(name, action, every)


async def keep(client: Client, wanted: Sequence[Timed]) -> None:
    """Bring the schedules to the settings, however long Temporal takes to answer."""
    for timed in wanted:
        while True:
            try:
                await bring_about(client, timed)
            except RPCError as error:
                log.info("schedule_waits", schedule=timed.id, error=error.status.name)
                await asyncio.sleep(_AGAIN_SECONDS)
            else:
                break


async def bring_about(client: Client, timed: Timed) -> None:
    """Make the schedule, change its interval, or take it away.

    Whoever comes second changes what is there, so any number of workers may start at once. A
    schedule that an operator has paused stays paused.
    """
    if not timed.every:
        await _forget(client, timed.id)
        return
    wanted = Schedule(
        action=timed.action,
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=timed.every)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=_CATCH_UP),
    )

    def changed(found: ScheduleUpdateInput) -> ScheduleUpdate | None:
        there = found.description.schedule
        if there.spec.intervals == wanted.spec.intervals:
            return None
        return ScheduleUpdate(replace(wanted, state=there.state))

    try:
        await client.create_schedule(timed.id, wanted, trigger_immediately=timed.at_once)
    except ScheduleAlreadyRunningError:
        await client.get_schedule_handle(timed.id).update(changed)


async def _forget(client: Client, name: str) -> None:
    try:
        await client.get_schedule_handle(name).delete()
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
