"""Workers that die for an order at one of its steps, and a process of workers that is killed."""

import asyncio
import contextlib
import json
import sys
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import temporalio.client
import temporalio.worker
from temporalio import activity, workflow
from temporalio.client import Client

from adapters.mail import FileMailer
from adapters.registry import SandboxAccess, build
from db import timeline
from db.pool import Pool, open_pool
from settings import Settings
from tests.fakes.sandbox_service import KEY, SECRET
from tests.workflows.faults import Accident
from tests.workflows.shop import Shop
from worker import build_worker
from workflows.client import TemporalAddress, connect

ROOT = Path(__file__).parents[2]
# The n-th run of an activity.
Step = tuple[str, int]
# What a dead worker had begun is begun again when its time is over: a minute, for a mail.
_BRISK = timedelta(seconds=8)
# Until then nobody hears of the steps of a workflow task that is not over: all are done again.
_UNHEARD = timedelta(seconds=20)
# Seconds until a worker stands still for the first order, and for another one.
_FIRST, _NEXT = 60, 15
# Steps at which workers hang at once.
_HUNG = 400


@dataclass(frozen=True)
class Servers:
    """Where another process finds PostgreSQL and Temporal."""

    database: str
    temporal: str


class Deaths(Accident):
    """Writes down the steps of each order, and stops for an order at a step.

    It stops when the step's work is done and before anybody hears of it; from then on nothing more
    is done for that order, until the process is killed.
    """

    def __init__(self, pool: Pool, on_death: Callable[[str], None] = print) -> None:
        """Nobody dies before `arm_each`."""
        super().__init__()
        self.steps: dict[str, list[Step]] = defaultdict(list)
        self._on_death = on_death
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

    async def before(self, info: activity.Info) -> None:
        """See `Accident`."""
        if await self._order(info) in self._dead:
            await asyncio.Event().wait()

    async def after(self, info: activity.Info) -> None:
        """See `Accident`."""
        order, name = await self._order(info), info.activity_type
        self._runs[order][name] += 1
        step = (name, self._runs[order][name])
        self.steps[order].append(step)
        if self._armed.get(order) == step:
            self._dead.add(order)
            self._on_death(order)
        if order in self._dead:
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


def patient(client: Client) -> Client:
    """A client whose workflows have tasks that may take their time."""
    config = client.config()
    config["interceptors"] = [*config["interceptors"], _Patience()]
    return Client(**config)


class _Patience(temporalio.client.Interceptor):
    """Starts workflows whose tasks may take their time."""

    def intercept_client(
        self,
        next: temporalio.client.OutboundInterceptor,  # noqa: A002 - the SDK's name
    ) -> temporalio.client.OutboundInterceptor:
        """Wrap each call."""
        return _Patient(next)


class _Patient(temporalio.client.OutboundInterceptor):
    async def start_workflow(
        self,
        input: temporalio.client.StartWorkflowInput,  # noqa: A002 - the SDK's name
    ) -> temporalio.client.WorkflowHandle[Any, Any]:
        input.task_timeout = _UNHEARD
        return await super().start_workflow(input)


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


@contextlib.asynccontextmanager
async def mortal(shop: Shop, servers: Servers, deaths: Mapping[str, Step]) -> AsyncIterator[None]:
    """Run a worker in a process of its own, and kill it (SIGKILL) when it stands still for each
    order at its step. The block begins what moves them; the shop has no worker of its own.
    """
    facts = {
        **asdict(servers),
        "task_queue": shop.task_queue,
        "sandbox": shop.sandbox.url,
        "mail_dir": str(shop.mail_dir),
        "deaths": deaths,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__, cwd=ROOT,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(json.dumps(facts).encode() + b"\n")
        await process.stdout.readline()
        yield
        alive, patience = set(deaths), _FIRST
        with contextlib.suppress(TimeoutError):
            while alive and (line := await asyncio.wait_for(process.stdout.readline(), patience)):
                alive.discard(line.decode().strip())
                patience = _NEXT
        # News that comes together is one step, and was two when it came apart.
        missed = [deaths[order] for order in alive]
        assert [step for step in missed if step[1] == 1] == []
    finally:
        process.kill()
        await process.wait()


async def _work(facts: Mapping[str, Any]) -> None:
    """Be that worker, for as long as somebody holds our standard input open."""
    pool = await open_pool(facts["database"])
    client = await connect(TemporalAddress(facts["temporal"]))
    deaths = Deaths(pool, lambda order: print(order, flush=True))
    deaths.arm_each({order: (name, run) for order, (name, run) in facts["deaths"].items()})
    settings = Settings(
        task_queue=facts["task_queue"],
        worker_drain=timedelta(seconds=0),
        worker_max_activities=_HUNG,
    )
    gateways = build(
        sandbox=SandboxAccess(facts["sandbox"], KEY, SECRET), timeout=timedelta(seconds=1)
    )
    mailer = FileMailer(Path(facts["mail_dir"]), sender=settings.mail_from)
    async with build_worker(deaths.client_of(client), pool, gateways, mailer, settings):
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_work(json.loads(sys.stdin.readline())))
