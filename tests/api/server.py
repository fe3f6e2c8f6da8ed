"""The API in a process of its own, for what an in-process client cannot see."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from tests.api.orders import Shopfront

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Server:
    """A running API: its process, its address, and a client with the developer's key."""

    process: asyncio.subprocess.Process
    url: str
    client: httpx2.AsyncClient

    @property
    def shopfront(self) -> Shopfront:
        """Places orders at it."""
        return Shopfront(self.client)


@asynccontextmanager
async def served(**environment: str) -> AsyncIterator[Server]:
    """Start `uvicorn api.app:app` on a free port; it is killed when it still runs at the end."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "uvicorn", "api.app:app", "--port", "0"),
        *("--no-access-log", "--timeout-graceful-shutdown", "20"),
        cwd=ROOT,
        env=os.environ | {"KERVAN_DEV_API_KEY": "dev"} | environment,
        stderr=asyncio.subprocess.PIPE,
    )
    url = await _announced(process)
    reading = asyncio.create_task(_read_on(process))
    headers = {"authorization": "Bearer dev"}
    try:
        async with httpx2.AsyncClient(
            base_url=url, headers=headers, timeout=30, trust_env=False
        ) as client:
            yield Server(process, url, client)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await reading


async def _announced(process: asyncio.subprocess.Process) -> str:
    """The address that uvicorn says it serves."""
    assert process.stderr is not None
    async with asyncio.timeout(100):
        while text := (await process.stderr.readline()).decode():
            if "running on " in text:
                return text.split("running on ")[1].split()[0]
    message = "the server did not start"
    raise AssertionError(message)


async def _read_on(process: asyncio.subprocess.Process) -> None:
    """Keep the child from waiting for a reader of its log."""
    assert process.stderr is not None
    while await process.stderr.read(65_536):
        pass
