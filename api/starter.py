"""Starts workflows right after the commit, a few at a time, and never in the way of intake.

What does not fit into the queue, or fails, stays in the outbox for the relay of the worker.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog

from api.engine import Engine
from db import intake
from db.pool import Pool

_log = structlog.get_logger("api.starter")

_QUEUE = 256
_AT_ONCE = 4
_START_SECONDS = 3.0
# After a failure the relay has the field to itself for a while.
_PAUSE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class _Start:
    outbox_id: int
    order_id: str
    payload: Mapping[str, Any]


@dataclass
class Starter:
    """An in-process queue of orders whose workflow is to be started."""

    engine: Engine
    pool: Callable[[], Pool]
    _queue: "asyncio.Queue[_Start]" = field(default_factory=lambda: asyncio.Queue(_QUEUE))
    _tasks: list["asyncio.Task[None]"] = field(default_factory=list)
    _paused_until: float = 0.0

    def offer(self, outbox_id: int, order_id: str, payload: Mapping[str, Any]) -> None:
        """Take an order on, unless there is too much to do already; never waits."""
        if time.monotonic() < self._paused_until:
            return
        with contextlib.suppress(asyncio.QueueFull):
            self._queue.put_nowait(_Start(outbox_id, order_id, payload))

    def run(self) -> None:
        """Begin to work."""
        self._tasks = [asyncio.create_task(self._work()) for _ in range(_AT_ONCE)]

    async def close(self) -> None:
        """Stop; what is queued is left to the relay."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _work(self) -> None:
        while True:
            start = await self._queue.get()
            if time.monotonic() < self._paused_until:
                continue
            try:
                async with asyncio.timeout(_START_SECONDS):
                    await self.engine.start(self.pool(), start.order_id, start.payload)
                async with self.pool().acquire() as conn:
                    await intake.forget_starts(conn, [start.outbox_id])
            except Exception as error:  # noqa: BLE001 - whatever it is, the relay does it again
                self._paused_until = time.monotonic() + _PAUSE_SECONDS
                _log.warning(
                    "start_left_to_relay",
                    order_id=start.order_id,
                    error=type(error).__name__,
                )
