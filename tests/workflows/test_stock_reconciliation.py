"""The check of stock as Temporal runs it: by a schedule that workers keep, visible in the UI."""

import asyncio
from datetime import timedelta

import pytest
from temporalio.client import Client, ScheduleActionExecutionStartWorkflow
from temporalio.service import RPCError, RPCStatusCode

from activities.contracts import Reconciled
from tests.integration import shelves
from tests.workflows.shop import Shop
from workflows import ids
from workflows.schedules import bring_about, reconciliation
from workflows.stock_reconciliation import StockReconciliation, StockReconciliationWorkflow

HOUR = timedelta(hours=1)


async def run(shop: Shop) -> str:
    """Start a check by hand, and wait for its end; its workflow id."""
    name = ids.reconciliation_id(shop.task_queue)
    await shop.temporal.execute_workflow(
        StockReconciliationWorkflow.run,
        StockReconciliation(full=True),
        id=name,
        task_queue=shop.task_queue,
    )
    return name


async def triggered(temporal: Client, task_queue: str) -> str:
    """Have the schedule start one now, and wait for its end; its workflow id."""
    handle = temporal.get_schedule_handle(ids.reconciliation_id(task_queue))
    await handle.trigger()
    async with asyncio.timeout(30):
        while not (actions := (await handle.describe()).info.recent_actions):
            await asyncio.sleep(0.1)
    started = actions[0].action
    assert isinstance(started, ScheduleActionExecutionStartWorkflow)
    await temporal.get_workflow_handle(started.workflow_id).result()
    return started.workflow_id


async def test_a_schedule_starts_the_check_and_a_difference_can_be_seen(
    shop: Shop,
) -> None:
    pool, temporal, task_queue = shop.pool, shop.temporal, shop.task_queue
    await shelves.put(pool, "A", {"EAST": 4})
    await pool.execute("UPDATE stock_levels SET on_hand = 3")
    await bring_about(temporal, reconciliation(task_queue, HOUR))
    try:
        name = await triggered(temporal, task_queue)
    finally:
        await bring_about(temporal, reconciliation(task_queue, timedelta(0)))
    handle = temporal.get_workflow_handle(name, result_type=Reconciled)
    result: Reconciled = await handle.result()
    assert result.found == ["ledger: A EAST on_hand is 3, not 4"]
    assert (result.differences, result.scope) == (1, "full")
    assert result.report_id == await pool.fetchval("SELECT id FROM stock_reconciliations")
    described = await handle.describe()
    assert described.typed_search_attributes[ids.ATTENTION] == ["stock_differs"]
    assert await pool.fetchval("SELECT on_hand FROM stock_levels") == 3
    # The witnesses at the end of every test would tell of it, too.
    await pool.execute("UPDATE stock_levels SET on_hand = 4")


async def test_a_check_without_a_difference_asks_for_nobody(
    shop: Shop,
) -> None:
    await shelves.put(shop.pool, "A", {"EAST": 4})
    described = await shop.temporal.get_workflow_handle(await run(shop)).describe()
    assert described.typed_search_attributes.get(ids.ATTENTION) is None
    assert await shop.pool.fetchval("SELECT differences FROM stock_reconciliations") == 0


async def test_workers_that_start_at_once_keep_one_schedule_as_the_settings_say(
    temporal: Client, task_queue: str
) -> None:
    await asyncio.gather(
        *(bring_about(temporal, reconciliation(task_queue, HOUR)) for _ in range(5))
    )
    handle = temporal.get_schedule_handle(ids.reconciliation_id(task_queue))
    await handle.pause(note="a person looks")
    await bring_about(temporal, reconciliation(task_queue, 2 * HOUR))
    found = (await handle.describe()).schedule
    assert [interval.every for interval in found.spec.intervals] == [2 * HOUR]
    # Whoever paused it had a reason.
    assert (found.state.paused, found.state.note) == (True, "a person looks")
    await bring_about(temporal, reconciliation(task_queue, timedelta(0)))
    with pytest.raises(RPCError) as gone:
        await handle.describe()
    assert gone.value.status is RPCStatusCode.NOT_FOUND


async def test_a_schedule_of_the_default_queue_has_the_name_that_the_runbook_tells() -> None:
    assert ids.reconciliation_id(ids.TASK_QUEUE) == "kervan-stock-reconciliation"
