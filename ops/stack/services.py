"""Kervan's own processes: the sandbox providers, the worker and the API."""

import asyncio
import os
import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.service import RPCError

from ops.stack.ports import LOOPBACK
from ops.stack.process import Child, Command, spawn_until_ready
from workflows.client import TemporalAddress, connect
from workflows.ids import TASK_QUEUE

ROOT = Path(__file__).resolve().parents[2]
"""The directory of the rooms; processes start there, so that its `api` is the one they import."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What Kervan's processes share."""

    logs: Path
    environment: dict[str, str | None]
    hold_fds: tuple[int, ...] = ()
    root: Path = ROOT

    def command(self, name: str, *arguments: str, grace: float) -> Command:
        """Return the command that runs a Python module of ours."""
        return Command(
            argv=[sys.executable, "-m", *arguments],
            cwd=self.root,
            log=self.logs / f"{name}.log",
            env={**_without_proxy_for_loopback(), "PYTHONUNBUFFERED": "1", **self.environment},
            grace=grace,
            hold_fds=self.hold_fds,
        )


async def start_sandbox(around: Surroundings, port: int) -> Child:
    """Start the sandbox providers."""
    command = around.command("sandbox", "adapters.sandbox", grace=4)
    return await spawn_until_ready("the sandbox", command, lambda _: _responds(port, "/healthz"))


async def start_api(around: Surroundings, port: int) -> Child:
    """Start the API; it is ready when it reaches its database."""
    command = around.command(
        "api",
        *("uvicorn", "api.app:app", "--host", LOOPBACK, "--port", str(port), "--no-access-log"),
        # An open event stream would hold the process forever.
        *("--timeout-graceful-shutdown", "2"),
        grace=5,
    )
    return await spawn_until_ready("the API", command, lambda _: _responds(port, "/readyz"))


async def start_worker(around: Surroundings, temporal_address: str) -> Child:
    """Start the worker; it is ready when Temporal sees this very process ask for tasks."""
    command = around.command("worker", "worker", grace=10)
    return await spawn_until_ready(
        "the worker", command, lambda child: _polls(temporal_address, child.pid)
    )


def _without_proxy_for_loopback() -> dict[str, str]:
    """Return variables that keep a proxy of the user's out of the talk between the parts."""
    known = os.environ.get("NO_PROXY") or os.environ.get("no_proxy") or ""
    hosts = ",".join(filter(None, (known, LOOPBACK, "localhost")))
    return {"NO_PROXY": hosts, "no_proxy": hosts}


async def _responds(port: int, path: str) -> bool:
    """Whether a GET is answered with 200, by hand: loading certificates takes 100 ms of CPU."""
    request = f"GET {path} HTTP/1.1\r\nHost: {LOOPBACK}:{port}\r\nConnection: close\r\n\r\n"
    try:
        async with asyncio.timeout(5):
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            try:
                writer.write(request.encode())
                return b" 200 " in await reader.readline()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False


async def _polls(address: str, pid: int) -> bool:
    """Whether the process polls the task queue; Temporal's SDK names pollers `pid@host`."""
    request = DescribeTaskQueueRequest(
        namespace="default",
        task_queue=TaskQueue(name=TASK_QUEUE),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    )
    try:
        client = await connect(TemporalAddress(address))
        answer = await client.workflow_service.describe_task_queue(
            request, timeout=timedelta(seconds=5)
        )
    except (RPCError, RuntimeError):
        return False
    return any(poller.identity.startswith(f"{pid}@") for poller in answer.pollers)
