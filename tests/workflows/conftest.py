"""A shop per test: its own database, task queue and worker; the servers are the run's.

Whatever a test does to its shop, at the end the books must agree: see `witness`.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio
import structlog
from temporalio.client import Client

from db.pool import Pool
from tests.api.conftest import opened, settings_of
from tests.fakes.sandbox_service import SandboxService, sandbox_service
from tests.fakes.webhook_receiver import Received, WebhookReceiver, webhook_receiver
from tests.workflows import witness
from tests.workflows.deaths import Servers
from tests.workflows.letters import delivered_to
from tests.workflows.shop import Shop, running


@pytest.fixture(scope="session", autouse=True)
def plain_logs() -> None:
    """Log as the worker does: a rich traceback takes longer than a database step may."""
    renderer = structlog.dev.ConsoleRenderer(
        colors=False, exception_formatter=structlog.dev.plain_traceback
    )
    structlog.configure(processors=[structlog.processors.add_log_level, renderer])


@pytest_asyncio.fixture(scope="session")
async def receiver() -> AsyncIterator[WebhookReceiver]:
    """Where the providers send their webhooks."""
    async with webhook_receiver() as open_receiver:
        yield open_receiver


@pytest_asyncio.fixture(scope="session")
async def sandbox(receiver: WebhookReceiver) -> AsyncIterator[SandboxService]:
    """The providers, moving only when told."""
    with tempfile.TemporaryDirectory() as directory:
        async with sandbox_service(Path(directory), receiver.url, speed=0) as service:
            yield service


@pytest.fixture
def letters(receiver: WebhookReceiver) -> Iterator[asyncio.Queue[Received]]:
    """The webhooks that arrive while the test runs."""
    queue: asyncio.Queue[Received] = asyncio.Queue()
    with delivered_to(queue, receiver):
        yield queue


@pytest_asyncio.fixture
async def shop(
    pool: Pool,
    temporal: Client,
    task_queue: str,
    sandbox: SandboxService,
    tmp_path: Path,
    letters: asyncio.Queue[Received],
) -> AsyncIterator[Shop]:
    """A running shop, whose books are compared at the end."""
    one = Shop(pool, temporal, task_queue, sandbox, tmp_path / "mail", letters=letters)
    async with running(one):
        yield one
        await witness.compare_all_books(one)


@pytest.fixture
def servers(database_url: str, temporal_address: str) -> Servers:
    """Where a worker of its own process finds them."""
    return Servers(database_url, temporal_address)


@pytest.fixture
def changes() -> dict[str, Any]:
    """Settings of the API that a test changes."""
    return {"step_attempts": 1, "step_retry_interval": timedelta(seconds=0.5)}


@pytest_asyncio.fixture
async def api(
    shop: Shop, database_url: str, temporal_address: str, changes: dict[str, Any]
) -> AsyncIterator[httpx2.AsyncClient]:
    """The API beside the shop's worker."""
    settings = settings_of(
        database_url, temporal_address=temporal_address, task_queue=shop.task_queue, **changes
    )
    async with opened(settings) as client:
        yield client
