"""Looks at the list of open work for all orders in flight at once, as a warehouse's screen does."""

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import Mapping

from ops.client import ApiError, Json, NotInTime
from ops.replay.client import ReplayClient

_POLL_SECONDS = 0.2


class WorkList:
    """Answers which work an order has. `patience`: after so many seconds it gives up looking."""

    def __init__(self, client: ReplayClient, *, patience: float = 5.0) -> None:
        self._client = client
        self._patience = patience
        self._waiting: dict[str, tuple[int, asyncio.Future[Mapping[str, Json]]]] = {}
        self._asked = asyncio.Event()

    async def wait(self, order_id: str, sources: int) -> Mapping[str, Json] | None:
        """The order's open work by warehouse, once all of its sources have some; None in time."""
        found: asyncio.Future[Mapping[str, Json]] = asyncio.get_running_loop().create_future()
        self._waiting[order_id] = (sources, found)
        self._asked.set()
        try:
            return await asyncio.wait_for(found, self._patience)
        except TimeoutError:
            return None
        finally:
            del self._waiting[order_id]

    async def run(self) -> None:
        """Look, as long as somebody waits, until canceled."""
        while True:
            await self._asked.wait()
            if not self._waiting:
                self._asked.clear()
                continue
            began = time.monotonic()
            # When it cannot be read, those who wait give up in time and ask for themselves.
            with contextlib.suppress(ApiError, NotInTime):
                self._tell(await self._client.open_work())
            # As slow as it must be to take a tenth of a core at most.
            await asyncio.sleep(max(_POLL_SECONDS, 9 * (time.monotonic() - began)))

    def _tell(self, items: list[Json]) -> None:
        by_order: defaultdict[str, dict[str, Json]] = defaultdict(dict)
        for work in items:
            by_order[work["order_id"]][work["warehouse"]] = work
        for order_id, (sources, found) in self._waiting.items():
            if len(by_order[order_id]) >= sources and not found.done():
                found.set_result(by_order[order_id])
