"""Rings when stock changed: one poller for all readers of the process that wait for news.

LISTEN and NOTIFY would ring at once, but every notifying transaction then queues for one lock at
its commit, and the busiest transactions are those that move stock. One look at the newest rows,
four times a second and only while somebody waits, costs the same for one reader as for thousands.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from db import availability
from db.availability import Place
from db.pool import Pool

_log = structlog.get_logger("api.bell")

_POLL_SECONDS = 0.25
_PAUSE_AFTER_ERROR_SECONDS = 1.0


@dataclass(eq=False)
class StockBell:
    """See the module."""

    pool: Callable[[], Pool]
    _waiting: dict["asyncio.Future[None]", Place] = field(default_factory=dict)
    _wanted: asyncio.Event = field(default_factory=asyncio.Event)
    _task: "asyncio.Task[None] | None" = None
    closing: bool = False

    def run(self) -> None:
        """Begin to look, whenever somebody waits."""
        self._task = asyncio.create_task(self._look_forever())

    def end_streams(self) -> None:
        """Let go of everybody who waits; called as soon as the process is told to stop."""
        self.closing = True
        for reader in self._waiting:
            _ring(reader)

    async def close(self) -> None:
        """Stop looking."""
        self.end_streams()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def beyond(self, place: Place, seconds: float) -> bool:
        """Wait until something can be told that lies beyond `place`; False when nothing came.

        No connection is held meanwhile.
        """
        if self.closing:
            return False
        reader = asyncio.get_running_loop().create_future()
        self._waiting[reader] = place
        self._wanted.set()
        try:
            async with asyncio.timeout(seconds):
                await reader
        except TimeoutError:
            return False
        finally:
            del self._waiting[reader]
        return not self.closing

    async def _look_forever(self) -> None:
        while True:
            if not self._waiting:
                self._wanted.clear()
                await self._wanted.wait()
            try:
                async with self.pool().acquire() as conn:
                    newest = await availability.newest(conn)
            except Exception as error:  # noqa: BLE001 - the database may be away; readers wait
                _log.warning("bell_failed", error=type(error).__name__)
                await asyncio.sleep(_PAUSE_AFTER_ERROR_SECONDS)
                continue
            for reader, place in self._waiting.items():
                if place < newest:
                    _ring(reader)
            await asyncio.sleep(_POLL_SECONDS)


def _ring(reader: "asyncio.Future[None]") -> None:
    if not reader.done():
        reader.set_result(None)
