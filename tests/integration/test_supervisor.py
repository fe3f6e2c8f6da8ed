"""Keeping a part alive, with small real processes."""

import asyncio
import contextlib
import os
import shutil
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ops.stack.data_dir import DataDirectory, DataDirectoryInUseError
from ops.stack.process import Child, Command, PartFailedError, spawn_until_ready
from ops.stack.supervisor import Part

SLEEP = shutil.which("sleep") or "/bin/sleep"
SHELL = shutil.which("sh") or "/bin/sh"


def command(directory: Path, *argv: str, hold: tuple[int, ...] = ()) -> Command:
    return Command(argv=argv, cwd=directory, log=directory / "part.log", hold_fds=hold)


async def at_once(_: Child) -> bool:
    return True


def running(part: Part) -> set[int]:
    """Return the part's process, or nothing while it is down."""
    return set() if part.pid is None else {part.pid}


class Sleeper:
    """A part that sleeps, and refuses to start when told."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.refusals = 0
        self.starts = 0
        self.said: list[str] = []

    async def start(self) -> Child:
        """Start as a part does."""
        self.starts += 1
        if self.refusals > 0:
            self.refusals -= 1
            message = "no"
            raise PartFailedError(message)
        return await spawn_until_ready("part", command(self.directory, SLEEP, "1000"), at_once)

    @contextlib.asynccontextmanager
    async def part(self) -> AsyncIterator[Part]:
        """Supervise it for a block."""
        part = Part("part", self.start, say=self.said.append, changed=lambda: None)
        try:
            yield part
        finally:
            await part.stop(grace=0)


async def test_a_part_is_tried_until_it_is_up_again(tmp_path: Path) -> None:
    sleeper = Sleeper(tmp_path)
    async with sleeper.part() as part:
        await part.start()
        old = running(part)
        sleeper.refusals = 2
        part.kill()
        assert running(part) == set()
        await part.wait_ready()
        assert len(running(part) - old) == 1
    assert sleeper.starts == 4
    assert sleeper.said.count("part does not start: no") == 2


async def test_a_part_that_never_starts_is_an_error_at_first(tmp_path: Path) -> None:
    sleeper = Sleeper(tmp_path)
    sleeper.refusals = 10
    async with sleeper.part() as part:
        with pytest.raises(PartFailedError):
            await part.start()
        assert running(part) == set()


async def test_a_stopped_part_stays_down_until_it_is_started(tmp_path: Path) -> None:
    sleeper = Sleeper(tmp_path)
    async with sleeper.part() as part:
        await part.start()
        old = running(part)
        await part.stop()
        assert running(part) == set()
        await part.start()
        assert len(running(part) - old) == 1
    assert not any("again" in message for message in sleeper.said)


async def test_a_program_that_ignores_the_request_to_end_is_killed(tmp_path: Path) -> None:
    deaf = command(tmp_path, SHELL, "-c", "trap '' TERM; echo deaf; exec sleep 1000")
    child = await Child.spawn(deaf)
    while "deaf" not in deaf.log.read_text():
        await asyncio.sleep(0.01)
    await child.stop(grace=0.1)
    assert child.ending == "was ended by SIGKILL"


async def test_a_program_that_ends_shows_the_end_of_its_log(tmp_path: Path) -> None:
    broken = command(tmp_path, SHELL, "-c", "echo out of luck; exit 3")

    async def never(_: Child) -> bool:
        return False

    with pytest.raises(PartFailedError, match=r"(?s)part exited with code 3.*\| out of luck"):
        await spawn_until_ready("part", broken, never)


async def test_the_directory_is_locked_until_the_last_part_is_gone(tmp_path: Path) -> None:
    first = DataDirectory(tmp_path)
    descriptor = await first.lock()
    child = await Child.spawn(command(tmp_path, SLEEP, "1000", hold=(descriptor,)))
    with pytest.raises(DataDirectoryInUseError, match=f"another stack .pid {os.getpid()}."):
        await DataDirectory(tmp_path).lock()
    # The supervisor is gone, a part of it is not.
    first.unlock()
    second = DataDirectory(tmp_path)
    waiting = asyncio.create_task(second.lock())
    done, _ = await asyncio.wait({waiting}, timeout=0.2)
    assert not done
    child.send(signal.SIGKILL)
    await waiting
    await child.wait()
    second.unlock()
