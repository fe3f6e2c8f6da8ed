"""Live timelines: one poller for all streams of the process, which ends them on shutdown."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog

from db import reads
from db.pool import Pool

_log = structlog.get_logger("api.stream")

_POLL_SECONDS = 0.25
_HEARTBEAT_SECONDS = 15.0
# A reader this far behind is cut off; it comes back with Last-Event-ID and catches up.
_BACKLOG = 1_000

Event = Mapping[str, Any]


class Ending(Protocol):
    """What keeps responses open, and can let go of them."""

    def end_streams(self) -> None: ...  # noqa: D102 - see the class


@dataclass(eq=False)
class _Reader:
    """One open stream: what it has seen of its order, and what waits to be sent."""

    order_id: str
    seen: int
    queue: "asyncio.Queue[Event | None]" = field(default_factory=lambda: asyncio.Queue(_BACKLOG))
    lost: bool = False

    def put(self, event: Event | None) -> None:
        """Hand over an event; None ends the stream."""
        try:
            self.queue.put_nowait(event)
        except asyncio.QueueFull:
            self.lost = True


@dataclass(eq=False)
class EventHub:
    """Polls for events of the orders that somebody follows, and hands them out."""

    pool: Callable[[], Pool]
    _readers: set[_Reader] = field(default_factory=set)
    _wanted: asyncio.Event = field(default_factory=asyncio.Event)
    _task: "asyncio.Task[None] | None" = None
    closing: bool = False

    def run(self) -> None:
        """Begin to poll, whenever there is a reader."""
        self._task = asyncio.create_task(self._poll_forever())

    def end_streams(self) -> None:
        """End every stream now; called as soon as the process is told to stop."""
        self.closing = True
        for reader in self._readers:
            reader.lost = True
            reader.put(None)

    async def close(self) -> None:
        """Stop polling."""
        self.end_streams()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def follow(self, order_id: str, seen: int) -> AsyncIterator[Event | None]:
        """Events of an order after `seen`, as they happen; None every while, to keep the line.

        Ends when the order is closed and all is told, on shutdown, and when the reader is so slow
        that it has to begin again from its last event.
        """
        reader = _Reader(order_id, seen)
        self._readers.add(reader)
        self._wanted.set()
        try:
            while not self.closing:
                try:
                    async with asyncio.timeout(_HEARTBEAT_SECONDS):
                        event = await reader.queue.get()
                except TimeoutError:
                    yield None
                    continue
                if event is None:
                    return
                yield event
                if reader.lost and reader.queue.empty():
                    return
        finally:
            self._readers.discard(reader)

    async def _poll_forever(self) -> None:
        while True:
            if not self._readers:
                self._wanted.clear()
                await self._wanted.wait()
            try:
                await self._poll()
            except Exception as error:  # noqa: BLE001 - the database may be away; readers wait
                _log.warning("stream_poll_failed", error=type(error).__name__)
                await asyncio.sleep(1)
            await asyncio.sleep(_POLL_SECONDS)

    async def _poll(self) -> None:
        readers = list(self._readers)
        seen: dict[str, int] = {}
        for reader in readers:
            seen[reader.order_id] = min(reader.seen, seen.get(reader.order_id, reader.seen))
        async with self.pool().acquire() as conn:
            # Closed is asked first: what was told before an order closed is then surely read.
            closed = await reads.closed_orders(conn, list(seen))
            events = await reads.fresh_events(conn, seen)
        by_order: dict[str, list[Event]] = {}
        for event in events:
            by_order.setdefault(event["order_id"], []).append(event)
        for reader in readers:
            fresh = [e for e in by_order.get(reader.order_id, ()) if e["id"] > reader.seen]
            for event in fresh:
                reader.put(event)
                reader.seen = event["id"]
            if not fresh and reader.order_id in closed:
                reader.put(None)


@contextlib.contextmanager
def ending_on(*hubs: Ending) -> Any:  # noqa: ANN401 - a context manager without a value
    """End streams at the first SIGTERM or SIGINT: the server waits for open responses before it
    runs the shutdown of the application, so that would be too late.
    """
    import signal  # noqa: PLC0415 - only servers need it
    import threading  # noqa: PLC0415

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    before: dict[int, Any] = {}

    def stop(number: int, frame: object) -> None:
        for hub in hubs:
            loop.call_soon_threadsafe(hub.end_streams)
        handler = before.get(number)
        if callable(handler):
            handler(number, frame)

    for number in map(int, (signal.SIGTERM, signal.SIGINT)):
        handler = signal.getsignal(number)
        # Only where a server has put its own handler: never change what Ctrl-C means elsewhere.
        if callable(handler) and handler is not signal.default_int_handler:
            before[number] = handler
            signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) is stop:
                signal.signal(number, handler)
