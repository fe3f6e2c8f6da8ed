"""A shop per test: its own database, task queue and worker; the servers are the run's."""

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from temporalio.client import Client

from db.pool import Pool
from tests.fakes.sandbox_service import SandboxService, sandbox_service
from tests.workflows.life import Shop, running


@pytest_asyncio.fixture(scope="session")
async def sandbox() -> AsyncIterator[SandboxService]:
    """The providers, moving only when told; their webhooks go nowhere."""
    with tempfile.TemporaryDirectory() as directory:
        async with sandbox_service(Path(directory), "http://127.0.0.1:9", speed=0) as service:
            yield service


@pytest_asyncio.fixture
async def shop(
    pool: Pool, temporal: Client, task_queue: str, sandbox: SandboxService, tmp_path: Path
) -> AsyncIterator[Shop]:
    """A running shop."""
    async with running(Shop(pool, temporal, task_queue, sandbox, tmp_path / "mail")) as open_shop:
        yield open_shop
