"""Workers that die for one order at one of its steps, while they go on to live for the others."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import temporalio.worker
from temporalio import activity, workflow

from db import timeline
from db.pool import Pool
from tests.workflows.faults import Accident

# The n-th run of an activity.
Step = tuple[str, int]
# What a dead worker had begun is begun again when its time is over: a minute, for a mail.
_BRISK = timedelta(seconds=8)


class Deaths(Accident):
    """Writes down the steps of each order, and lets a worker die for an order at a step.

    It dies when the step's work is done and before anybody hears of it; from then on it does
    nothing more for that order. Whoever closes the shop's worker and opens another lets it live.
    """

    def __init__(self, pool: Pool) -> None:
        """Nobody dies before `arm_each`."""
        super().__init__()
        self.steps: dict[str, list[Step]] = defaultdict(list)
        self.alive: set[str] = set()
        self._pool = pool
        self._orders: dict[str, str] = {}
        self._runs: dict[str, Counter[str]] = defaultdict(Counter)
        self._armed: dict[str, Step] = {}
        self._dead: set[str] = set()

    def arm_each(self, steps: Mapping[str, Step]) -> None:
        """From now on steps are counted; at each order's own the worker dies for it."""
        self.steps.clear()
        self._runs.clear()
        self._armed = dict(steps)
        self.alive = set(steps)

    def resurrect(self) -> None:
        """There are new workers, and they live."""
        self._dead.clear()

    async def before(self, info: activity.Info) -> None:
        """See `Accident`."""
        if await self._order(info) in self._dead:
            await asyncio.Event().wait()

    async def after(self, info: activity.Info) -> None:
        """See `Accident`."""
        order = await self._order(info)
        name = info.activity_type
        self._runs[order][name] += 1
        step = (name, self._runs[order][name])
        self.steps[order].append(step)
        if order in self.alive and self._armed.get(order) == step:
            self.alive.discard(order)
            self._dead.add(order)
            await asyncio.Event().wait()

    async def _order(self, info: activity.Info) -> str:
        """The order a workflow is of; its own id when it is of none."""
        name = info.workflow_id or ""
        if name not in self._orders:
            async with self._pool.acquire() as conn:
                found = await timeline.order_of(conn, name.partition("-")[2])
            self._orders[name] = found or name
        return self._orders[name]

    def workflow_interceptor_class(
        self,
        input: temporalio.worker.WorkflowInterceptorClassInput,  # noqa: A002, ARG002 - the SDK's
    ) -> type[temporalio.worker.WorkflowInboundInterceptor]:
        """Steps that a dead worker had begun are begun again within seconds."""
        return _Inbound


class _Inbound(temporalio.worker.WorkflowInboundInterceptor):
    def init(self, outbound: temporalio.worker.WorkflowOutboundInterceptor) -> None:
        super().init(_Outbound(outbound))


class _Outbound(temporalio.worker.WorkflowOutboundInterceptor):
    def start_activity(
        self,
        input: temporalio.worker.StartActivityInput,  # noqa: A002 - the SDK's name
    ) -> workflow.ActivityHandle[Any]:
        if input.start_to_close_timeout and input.start_to_close_timeout > _BRISK:
            input.start_to_close_timeout = _BRISK
        return super().start_activity(input)
