"""Reservations per second when everybody wants the same item, beside orders for items of their own.

What is measured is the whole step that a workflow takes after payment (`confirm_order`: lock,
reserve with ledger row, open the work, write the timeline), without HTTP and Temporal.
"""

import asyncio
import itertools
import time
import uuid
from collections.abc import Sequence

from activities.contracts import Confirm
from activities.orders import OrderActivities
from db.pool import Pool, open_pool
from ops.bench.results import Result, Row, middle, quantile, ratio
from ops.bench.stage import SKU, WAREHOUSE, Stage, order, stage
from ops.client import Json
from ops.stack.supervisor import Say

_WAITING = 32
_CONNECTIONS = 8
_ROUNDS = 3
_ORDERS = 300
_PLACED_AT_ONCE = 16
_PICK_DEADLINE = 86_400.0


async def measure(say: Say) -> Result:
    """Reserve for orders that are placed before, so many waiting at a time."""
    rates: dict[str, list[float]] = {"hot": [], "own": []}
    waits: list[float] = []
    async with stage(say, parts=("postgres", "sandbox", "api")) as own:
        names = itertools.count()
        pool = await open_pool(own.stack.urls.database, size=_CONNECTIONS, name="kervan-bench")
        try:
            for number in range(1, _ROUNDS + 1):
                say(f"round {number} of {_ROUNDS}: {_ORDERS} orders of one item, then of many")
                for kind, skus in (("hot", [SKU]), ("own", await _items(own))):
                    ids = await _place(own, skus, names)
                    rate, seconds = await _reserve(pool, ids)
                    rates[kind].append(rate)
                    waits += seconds if kind == "hot" else []
        finally:
            await pool.close()
        wrong = await _oversold(own)
    return _result(rates, waits, wrong)


async def _items(own: Stage) -> list[str]:
    """Make an item for each order that waits at the same time, with plenty of stock."""
    skus = [f"OWN-{number}" for number in range(_WAITING)]
    for sku in skus:
        await own.client.put_item(sku, {"name": sku})
    await own.client.receive(WAREHOUSE, dict.fromkeys(skus, 10_000), f"OWN-{uuid.uuid4().hex}")
    return skus


async def _place(own: Stage, skus: Sequence[str], names: "itertools.count[int]") -> list[str]:
    room = asyncio.Semaphore(_PLACED_AT_ONCE)

    async def one(number: int) -> str:
        body = order(f"S-{next(names)}")
        body["lines"][0]["sku"] = skus[number % len(skus)]
        async with room:
            placed = await own.client.place(body)
        return str(placed["id"])

    return await asyncio.gather(*(one(number) for number in range(_ORDERS)))


async def _reserve(pool: Pool, ids: Sequence[str]) -> tuple[float, list[float]]:
    """Return reservations per second, and the seconds that each took."""
    activities = OrderActivities(pool)
    left = iter(ids)
    seconds: list[float] = []

    async def work() -> None:
        for order_id in left:
            before = time.perf_counter()
            confirmed = await activities.confirm_order(Confirm(order_id, "confirm", _PICK_DEADLINE))
            if confirmed.outcome != "allocated":
                message = f"{order_id} is {confirmed.outcome}"
                raise RuntimeError(message)
            seconds.append(time.perf_counter() - before)

    began = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(_WAITING)))
    return len(ids) / (time.perf_counter() - began), seconds


async def _oversold(own: Stage) -> int:
    """Return by how many units the counter differs from what the orders were promised."""
    (level,) = await own.client.stock(sku=SKU)
    allocated: int = level["allocated"]
    return allocated - _ROUNDS * _ORDERS


def _result(rates: dict[str, list[float]], waits: Sequence[float], wrong: int) -> Result:
    hot, own = middle(rates["hot"]), middle(rates["own"])
    figures: Json = {
        "reservations_per_second": round(hot, 1),
        "own_items_per_second": round(own, 1),
        "ratio": ratio(hot, own),
        "p50_ms": round(quantile(waits, 0.5) * 1000, 1),
        "p99_ms": round(quantile(waits, 0.99) * 1000, 1),
        "oversold_units": wrong,
    }
    row = Row(
        f"reservations of one item, {_WAITING} orders waiting",
        hot,
        "orders/s",
        floor=own,
        floor_is="orders/s of items of their own",
        missed=wrong != 0,
        target="none oversold",
    )
    note = (
        f"the whole step over {_CONNECTIONS} connections, without HTTP and Temporal; "
        f"p50 {figures['p50_ms']} ms, p99 {figures['p99_ms']} ms, {wrong} units oversold"
    )
    return Result("stock", [row], figures, [note])
