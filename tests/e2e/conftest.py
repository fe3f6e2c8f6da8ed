"""The whole stack for tests that drive it through its doors."""

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from ops.stack.stack import Stack


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests that share the stack in one process of xdist: a stack is heavy."""
    for item in items:
        if "stack" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("stack"))


@pytest_asyncio.fixture(scope="session")
async def stack() -> AsyncIterator[Stack]:
    """Start a private stack on free ports, shared by the e2e tests of a test process."""
    with tempfile.TemporaryDirectory(prefix="kervan-stack-") as directory:
        async with Stack(Path(directory), durable=False) as running:
            yield running
