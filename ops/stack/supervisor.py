"""Keeps one part of the stack alive: a part that dies is started again, and said so."""

import asyncio
import contextlib
import signal
import time
from collections.abc import Awaitable, Callable

from ops.stack.process import Child, PartFailedError, tail

Say = Callable[[str], None]

_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 10.0
# A part that ran for so long was well: the next pause begins small again.
_SETTLED_SECONDS = 30.0
# Temporal picks its inner ports itself; somebody can be quicker.
_ATTEMPTS_AT_FIRST = 2


class Part:
    """A child process with a name that is started again whenever it ends unasked."""

    def __init__(
        self,
        name: str,
        start: Callable[[], Awaitable[Child]],
        *,
        say: Say,
        changed: Callable[[], None],
    ) -> None:
        """`start` spawns the process and returns once it is ready; `changed` follows the pid."""
        self.name = name
        self._start = start
        self._say = say
        self._changed = changed
        self._child: Child | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()

    @property
    def pid(self) -> int | None:
        """The process id while the part is up."""
        return self._child.pid if self._child is not None and self._ready.is_set() else None

    async def start(self) -> None:
        """Start the part and return when it is ready; nothing happens when it is running.

        Raises:
            PartFailedError: it does not start.

        """
        if self._keeper is not None:
            await self.wait_ready()
            return
        started = time.monotonic()
        for attempt in range(1, _ATTEMPTS_AT_FIRST + 1):
            try:
                self._child = await self._start()
                break
            except PartFailedError:
                if attempt == _ATTEMPTS_AT_FIRST:
                    raise
        self._mark_ready()
        self._say(f"{self.name} is up ({time.monotonic() - started:.1f} s)")
        self._keeper = asyncio.create_task(self._keep(), name=f"keep {self.name}")

    async def stop(self, *, grace: float | None = None) -> None:
        """Stop the part; it stays down until `start`."""
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            # In the middle of a new start, the cancelled start ends what it spawned.
            keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await keeper
        if self._child is not None:
            await self._child.stop(grace=grace)
        self._mark_down()

    def kill(self) -> None:
        """Kill the process with SIGKILL; it will be started again."""
        if self._child is not None:
            self._ready.clear()
            self._child.send(signal.SIGKILL)

    def send(self, number: signal.Signals) -> None:
        """Send the process a signal."""
        if self._child is not None:
            self._child.send(number)

    async def wait_ready(self) -> None:
        """Wait until the part is up (again)."""
        await self._ready.wait()

    async def _keep(self) -> None:
        """Start the part again for as long as nobody stops it."""
        pause = _FIRST_PAUSE
        while True:
            child = self._child
            if child is None:
                return
            began = time.monotonic()
            await child.wait()
            self._mark_down()
            if time.monotonic() - began > _SETTLED_SECONDS:
                pause = _FIRST_PAUSE
            self._say(f"{self.name} {child.ending}; starting it again")
            if child.ending != "was ended by SIGKILL":
                self._say(tail(child.command.log, lines=8))
            pause = await self._start_again(pause)

    async def _start_again(self, pause: float) -> float:
        """Try until the part is up; return the pause to take if it dies again soon."""
        began = time.monotonic()
        while True:
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
            try:
                self._child = await self._start()
            except Exception as error:  # noqa: BLE001 - giving up would leave the part down
                self._say(f"{self.name} does not start: {error}")
                continue
            self._say(f"{self.name} is up again ({time.monotonic() - began:.1f} s)")
            self._mark_ready()
            return pause

    def _mark_ready(self) -> None:
        self._ready.set()
        self._changed()

    def _mark_down(self) -> None:
        self._ready.clear()
        self._changed()
