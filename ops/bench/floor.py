"""The floor of the machine: workflows that do nothing, on the same server in the same run."""

import asyncio
import time
import uuid

from temporalio import workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker


@workflow.defn
class NoopWorkflow:
    """Starts and ends: one workflow task."""

    @workflow.run
    async def run(self) -> None:
        """Do nothing."""


async def noops_per_second(client: Client, in_flight: int, seconds: float) -> float:
    """Start and await no-op workflows, so many at a time; this process is their worker."""
    queue = f"bench-{uuid.uuid4().hex}"
    worker = Worker(
        client,
        task_queue=queue,
        workflows=[NoopWorkflow],
        workflow_runner=UnsandboxedWorkflowRunner(),
    )
    async with worker:
        began = time.monotonic()
        deadline = began + seconds
        done = await asyncio.gather(*(_repeat(client, queue, deadline) for _ in range(in_flight)))
        return sum(done) / (time.monotonic() - began)


async def _repeat(client: Client, queue: str, deadline: float) -> int:
    done = 0
    while time.monotonic() < deadline:
        await client.execute_workflow(
            NoopWorkflow.run, id=f"noop-{uuid.uuid4().hex}", task_queue=queue
        )
        done += 1
    return done
