"""The whole stack for tests that drive it through its doors."""

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from ops.stack.stack import Stack


@pytest_asyncio.fixture(scope="session")
async def stack() -> AsyncIterator[Stack]:
    """Start a private stack on free ports, shared by the e2e tests of a test process."""
    with tempfile.TemporaryDirectory(prefix="kervan-stack-") as directory:
        async with Stack(Path(directory), durable=False) as running:
            yield running
