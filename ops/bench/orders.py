"""Orders per second from placement to completion, beside no-op workflows on the same server."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import asyncpg

from ops.bench.floor import noops_per_second
from ops.bench.results import Result, Row, middle, quantile, ratio
from ops.bench.stage import Stage, order, stage
from ops.client import TERMINAL, open_work
from ops.stack.supervisor import Say
from workflows.client import TemporalAddress, connect

LEVELS = (1, 50)
_WINDOW_MS = 100
_CARRIER_MS = 86.4
_WARM_UP_SECONDS = 3.0
_SECONDS = {1: 8.0, 50: 20.0}
_LONGEST_SECONDS = 90.0
_FLOOR_SECONDS = 3.0
_POLL_SECONDS = 0.02
_PROTOTYPE = {1: "", 50: "prototype 15.4 beside 103, 0.15"}


async def measure(say: Say) -> Result:
    """Keep so many orders in flight for a while, and count those that complete."""
    window = {"KERVAN_RETURN_WINDOW": f"PT{_WINDOW_MS / 1000}S"}
    rows: list[Row] = []
    figures: dict[str, object] = {}
    async with stage(say, window) as own, _watch(own) as board:
        temporal = await connect(TemporalAddress(own.stack.urls.temporal))
        for level in LEVELS:
            say(f"{level} in flight: no-ops, orders, no-ops")
            before = await noops_per_second(temporal, level, _FLOOR_SECONDS)
            run = await _keep_in_flight(own, board, level)
            after = await noops_per_second(temporal, level, _FLOOR_SECONDS)
            floor = (before + after) / 2
            figures[f"in_flight_{level}"] = {
                "orders_per_second": round(run.per_second, 2),
                "noop_workflows_per_second": round(floor, 1),
                "ratio": ratio(run.per_second, floor),
                "orders": run.completed,
                "median_ms": round(middle(run.lives) * 1000),
                "p99_ms": round(quantile(run.lives, 0.99) * 1000),
            }
            rows.append(
                Row(
                    f"orders placed to completed, {level} in flight",
                    run.per_second,
                    "orders/s",
                    floor=floor,
                    floor_is="no-op workflows/s",
                    target=_PROTOTYPE[level],
                )
            )
    alone = figures["in_flight_1"]
    assert isinstance(alone, dict)  # noqa: S101 - made above
    note = (
        f"one alone takes {alone['median_ms']} ms; {_WINDOW_MS} of them are its return window, "
        f"{_CARRIER_MS:.0f} the carrier's way to the door"
    )
    return Result("orders", rows, figures, [note])


@dataclass(slots=True)
class _Run:
    """What a level brought; `lives` are seconds from placement to completion."""

    per_second: float = 0.0
    completed: int = 0
    lives: list[float] = field(default_factory=list)


class _Board:
    """Tells drivers when their order has come so far: one small query for all of them."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        """Nobody waits yet."""
        self._connection = connection
        self._waiting: dict[str, tuple[frozenset[str], asyncio.Future[str]]] = {}

    async def reach(self, order_id: str, statuses: frozenset[str]) -> str:
        """Wait until the order has one of the statuses; answers which."""
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._waiting[order_id] = (statuses, future)
        return await future

    async def watch(self) -> None:
        """Look again and again."""
        while True:
            rows = await self._connection.fetch(
                "SELECT id, status FROM orders WHERE id = ANY($1::text[])", list(self._waiting)
            )
            for row in rows:
                statuses, future = self._waiting[row["id"]]
                if row["status"] in statuses:
                    del self._waiting[row["id"]]
                    if not future.done():
                        future.set_result(row["status"])
            await asyncio.sleep(_POLL_SECONDS)


@contextlib.asynccontextmanager
async def _watch(own: Stage) -> AsyncIterator[_Board]:
    connection = await asyncpg.connect(own.stack.urls.database)
    board = _Board(connection)
    watching = asyncio.create_task(board.watch())
    try:
        yield board
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await connection.close()


async def _keep_in_flight(own: Stage, board: _Board, level: int) -> _Run:
    """Count completions after the warm-up, for so many seconds; on a slow machine for longer,
    until each place in flight was used twice.
    """
    run = _Run()
    counted_from = time.monotonic() + _WARM_UP_SECONDS
    numbers = itertools.count()

    def over() -> bool:
        seconds = time.monotonic() - counted_from
        return seconds >= _LONGEST_SECONDS or (
            seconds >= _SECONDS[level] and run.completed >= 2 * level
        )

    async def drive() -> None:
        while not over():
            placed_at = time.monotonic()
            await _live(own, board, f"O-{level}-{next(numbers)}")
            completed_at = time.monotonic()
            if counted_from <= completed_at and not run.per_second:
                run.completed += 1
                run.lives.append(completed_at - placed_at)
                if over():
                    run.per_second = run.completed / (completed_at - counted_from)

    await asyncio.gather(*(drive() for _ in range(level)))
    return run


_CONFIRMED = frozenset({"confirmed"}) | TERMINAL


async def _live(own: Stage, board: _Board, reference: str) -> None:
    """Place an order and be its warehouse; the carrier and the customer's bank are the sandbox."""
    client = own.client
    placed = await client.place(order(reference))
    await board.reach(placed["id"], _CONFIRMED)
    for work in open_work(await client.order(placed["id"])):
        await client.pick(work)
        await client.pack(work)
        await client.ship(work["id"])
    status = await board.reach(placed["id"], TERMINAL)
    if status != "completed":
        message = f"{placed['number']} ended as {status}"
        raise RuntimeError(message)
