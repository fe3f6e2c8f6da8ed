"""One child process: started so that it cannot be orphaned, logged to a file, stopped in time."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_LAUNCHER = Path(__file__).with_name("launch.py")
# Long, for machines that are busy with other things; a part that ends is noticed at once.
_READY_SECONDS = 120.0
_LOG_LIMIT = 32 * 1024 * 1024


class PartFailedError(Exception):
    """A part of the stack ended, or did not become ready in time; carries the end of its log."""


@dataclass(frozen=True, slots=True)
class Owner:
    """The user to run a program as, when we are root."""

    uid: int
    gid: int
    keep_access: bool = False
    """Whether it keeps root's access to files, because they lie where only root may enter."""


@dataclass(frozen=True, slots=True)
class Command:
    """A program and how it is to be run."""

    argv: Sequence[str]
    cwd: Path
    log: Path
    env: Mapping[str, str | None] = field(default_factory=dict)
    """Added to our own environment; None removes a variable."""
    owner: Owner | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    """What asks it to end by itself."""
    grace: float = 10.0
    """Seconds it may take for that before it is killed."""
    death_signal: signal.Signals = signal.SIGKILL
    """What the kernel sends it when we die without stopping it."""
    hold_fds: tuple[int, ...] = ()
    """File descriptors that stay open for as long as it lives."""


def launcher_argv(command: Command) -> list[str]:
    """Return the command line that runs `command` through `launch.py`."""
    options = ["--parent", str(os.getpid()), "--death-signal", str(int(command.death_signal))]
    if command.owner is not None:
        options += ["--uid", str(command.owner.uid), "--gid", str(command.owner.gid)]
        if command.owner.keep_access:
            options.append("--keep-access")
    return [sys.executable, "-I", "-S", str(_LAUNCHER), *options, "--", *command.argv]


class Child:
    """A running program. Create it with `Child.spawn`, on an event loop in the main thread."""

    def __init__(self, command: Command, process: asyncio.subprocess.Process) -> None:
        """Wrap a process that was just spawned."""
        self.command = command
        self._process = process

    @classmethod
    async def spawn(cls, command: Command) -> "Child":
        """Start the program; its output is appended to `command.log`."""
        _make_room(command.log)
        with command.log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *launcher_argv(command),
                cwd=command.cwd,
                env=_environment(command.env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A Ctrl-C in the terminal is for the supervisor, which stops us in order.
                start_new_session=True,
                pass_fds=command.hold_fds,
            )
        return cls(command, process)

    @property
    def pid(self) -> int:
        """The process id; the launcher's exec keeps it."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process has not ended."""
        return self._process.returncode is None

    @property
    def ending(self) -> str:
        """How the process ended, for people."""
        code = self._process.returncode
        if code is None:
            return "is running"
        if code < 0:
            return f"was ended by {signal.Signals(-code).name}"
        return f"exited with code {code}"

    async def wait(self) -> None:
        """Wait until the process has ended."""
        await self._process.wait()

    def send(self, number: signal.Signals) -> None:
        """Send a signal; nothing happens when the process has ended."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

    async def stop(self, *, grace: float | None = None) -> None:
        """Ask the process to end, and kill it when it does not within its grace."""
        if not self.alive:
            return
        self.send(self.command.stop_signal)
        try:
            patience = self.command.grace if grace is None else grace
            await asyncio.wait_for(self.wait(), patience)
        except TimeoutError:
            self.send(signal.SIGKILL)
            await self.wait()


async def spawn_until_ready(
    name: str, command: Command, ready: Callable[[Child], Awaitable[bool]]
) -> Child:
    """Start the program and wait until it is ready; `ready` is asked again and again.

    Only our own child counts: it must still be alive when `ready` says yes, or the answer came
    from somebody else's server.

    Raises:
        PartFailedError: it ended, or took longer than two minutes; it is not running any more.

    """
    child = await Child.spawn(command)
    deadline = time.monotonic() + _READY_SECONDS
    try:
        while child.alive and time.monotonic() < deadline:
            if await ready(child) and child.alive:
                return child
            await asyncio.sleep(0.03)
    except BaseException:
        await child.stop(grace=0)
        raise
    reason = f"was not ready in {_READY_SECONDS:.0f} s" if child.alive else child.ending
    await child.stop(grace=0)
    message = f"{name} {reason}\n{tail(command.log)}"
    raise PartFailedError(message)


async def run_to_end(command: Command, *, within: float) -> None:
    """Run a program that ends by itself.

    Raises:
        PartFailedError: it failed, or took longer than `within` seconds.

    """
    child = await Child.spawn(command)
    try:
        await asyncio.wait_for(child.wait(), within)
    except TimeoutError:
        await child.stop(grace=0)
    finally:
        child.send(signal.SIGKILL)
    if child.ending != "exited with code 0":
        name = Path(command.argv[0]).name
        message = f"{name} {child.ending}\n{tail(command.log)}"
        raise PartFailedError(message)


def tail(log: Path, lines: int = 15) -> str:
    """Return the last lines of a log, indented for people."""
    with contextlib.suppress(OSError), log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 16_384))
        kept = file.read().decode(errors="replace").splitlines()[-lines:]
        return "\n".join([f"  the end of {log}:", *(f"  | {line}" for line in kept)])
    return f"  ({log} cannot be read)"


def _environment(changes: Mapping[str, str | None]) -> dict[str, str]:
    merged: dict[str, str | None] = {**os.environ, **changes}
    return {name: value for name, value in merged.items() if value is not None}


def _make_room(log: Path) -> None:
    """Keep one older log beside the current one."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > _LOG_LIMIT:
        log.replace(log.with_suffix(".log.1"))
