"""`kervan dev` as its users meet it: a process, one line, signals."""

import asyncio
import contextlib
import fcntl
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
FREE_PORTS = {
    "KERVAN_API_PORT": "0",
    "KERVAN_TEMPORAL_PORT": "0",
    "KERVAN_TEMPORAL_UI_PORT": "0",
    "KERVAN_SANDBOX_PORT": "0",
}


class DevProcess:
    """A running `kervan dev`; `ready` is what its READY line said."""

    def __init__(self, data_dir: Path, process: asyncio.subprocess.Process) -> None:
        self.data_dir = data_dir
        self.process = process
        self.ready: dict[str, Any] = {}

    async def wait_ready(self) -> None:
        """Read up to the READY line."""
        assert self.process.stdout is not None
        line = await asyncio.wait_for(self.process.stdout.readline(), 90)
        assert line.startswith(b"READY "), (line, self.messages())
        self.ready = json.loads(line.removeprefix(b"READY "))

    def pids(self) -> dict[str, int | None]:
        """Read `pids.json`."""
        pids: dict[str, int | None] = json.loads((self.data_dir / "pids.json").read_text())
        return pids

    def messages(self) -> str:
        """Everything said on stderr up to now."""
        return messages_file(self.data_dir).read_text()

    async def restarted(self, name: str, old: int) -> int:
        """Wait until the part has another process, and return its id."""
        await until(lambda: self.pids()[name] not in {old, None})
        return self.pids()[name] or 0

    async def end(self, number: signal.Signals) -> int:
        """Send a signal and wait for the end; return the exit code."""
        self.process.send_signal(number)
        return await asyncio.wait_for(self.process.wait(), 30)


@contextlib.asynccontextmanager
async def kervan_dev(data_dir: Path, **variables: str) -> AsyncIterator[DevProcess]:
    """Run `kervan dev` on free ports in an existing directory; it is stopped at the end."""
    with messages_file(data_dir).open("ab") as messages:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "ops.cli", "dev"),
            cwd=ROOT,
            env={**os.environ, **FREE_PORTS, "KERVAN_DATA_DIR": str(data_dir), **variables},
            stdout=asyncio.subprocess.PIPE,
            stderr=messages,
        )
    try:
        yield DevProcess(data_dir, process)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), 20)
        if process.returncode is None:
            process.kill()
            await process.wait()
        # Closes the pipe; an open one is a warning, which is an error.
        assert process.stdout is not None
        await process.stdout.read()


def messages_file(data_dir: Path) -> Path:
    """Where the tests keep what `kervan dev` says."""
    return data_dir / "messages.txt"


async def until(condition: Callable[[], bool], *, within: float = 60) -> None:
    """Wait for a condition that nobody announces."""
    async with asyncio.timeout(within):
        while not condition():
            await asyncio.sleep(0.02)


def is_running(pid: int) -> bool:
    """Whether the process runs; one that ended and waits to be collected does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in {"Z", "X"}


def nobody_works_in(data_dir: Path) -> bool:
    """Whether no process of any stack holds the directory's lock, which every part inherits."""
    with (data_dir / "parts.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
    return True
