"""Reservations per second when everybody wants the same item.

Measured is the step that reserves for an order (several lines, claims, counters, ledger, timeline,
done once), without HTTP and Temporal; beside it the same step for one order at a time, each of
which stands in line before the item's row. Then the ways to share one counter (`ways`).
"""

import asyncio
import time
from collections.abc import Sequence

from activities.contracts import Confirm
from activities.orders import OrderActivities
from activities.reserving import ReservationDesk
from db.pool import Pool, open_pool
from ops.bench import ways
from ops.bench.results import Result, Row, middle, quantile, ratio
from ops.bench.stage import SKU, WAREHOUSE, stage
from ops.client import Json
from ops.stack.supervisor import Say

_WAITING = 32
_CONNECTIONS = 8
_ROUNDS = 3
_ORDERS = 3_000
_WARM = 300
_ALONE = 600
_CONFIRMED = 300
_LINES = 3
_OTHER_ITEMS = 50
_PLENTY = 10_000_000
_PICK_DEADLINE = 86_400.0
_WANTED_RATE = 3_000
_WANTED_P99_MS = 50

_GOODS = """
INSERT INTO items (sku, name)
SELECT 'OTHER-' || n, 'Something else' FROM generate_series(1, $1::int) n
"""
_LEVELS = """
INSERT INTO stock_levels (sku, warehouse)
SELECT 'OTHER-' || n, $2 FROM generate_series(1, $1::int) n
"""
_RECEIPT = """
WITH filled AS (
    UPDATE stock_levels SET on_hand = on_hand + $1 WHERE warehouse = $2 RETURNING sku
)
INSERT INTO stock_movements (sku, warehouse, kind, on_hand, cause, actor)
SELECT sku, $2, 'receipt', $1, 'bench', 'bench' FROM filled
"""
_PLACED = """
WITH placed AS (
    INSERT INTO orders (id, number, channel, channel_order_id, request_hash, currency, locale,
        out_of_stock, ship, shipping_option, subtotal, discount_total, shipping_total, tax_total,
        grand_total, placed_at)
    SELECT name, name, 'bench', name, '', 'TRY', 'en', 'backorder', 'complete', 'standard',
        300, 0, 0, 0, 300, now()
    FROM (SELECT 'ord_' || $1 || lpad(n::text, 8, '0') AS name
        FROM generate_series(1, $2::int) n) names
    RETURNING id
), contacts AS (
    INSERT INTO order_contacts (order_id) SELECT id FROM placed
)
INSERT INTO order_lines
    (id, order_id, position, sku, name, quantity, unit_price, total, open)
SELECT replace(id, 'ord_', 'lin_') || '-' || place, id, place,
    CASE place WHEN 0 THEN $4
        ELSE 'OTHER-' || (hashtext(id || place) & 65535) % $5::int + 1 END,
    'Something', 1, 100, 100, 1
FROM placed CROSS JOIN generate_series(0, $3::int - 1) place
"""


async def measure(say: Say) -> Result:
    """Reserve for orders that wait, together and one at a time."""
    rates: dict[str, list[float]] = {"together": [], "alone": [], "confirmed": []}
    waits: list[float] = []
    async with stage(say, parts=("postgres", "sandbox", "api")) as own:
        pool = await open_pool(own.stack.urls.database, size=_CONNECTIONS, name="kervan-bench")
        try:
            await pool.execute(_GOODS, _OTHER_ITEMS)
            await pool.execute(_LEVELS, _OTHER_ITEMS, WAREHOUSE)
            await pool.execute(_RECEIPT, _PLENTY, WAREHOUSE)
            # Connections are opened and statements prepared before the clock runs.
            await _together(pool, await _place(pool, "w", _WARM))
            for number in range(1, _ROUNDS + 1):
                say(f"round {number} of {_ROUNDS}: {_ORDERS} orders of {_LINES} lines")
                rate, seconds = await _together(pool, await _place(pool, f"t{number}", _ORDERS))
                rates["together"].append(rate)
                waits += seconds
                rates["alone"].append(await _alone(pool, await _place(pool, f"a{number}", _ALONE)))
                names = await _place(pool, f"c{number}", _CONFIRMED)
                rates["confirmed"].append(await _confirmed(pool, names))
            wrong = await _oversold(pool)
            say("three ways to share one counter")
            compared = await ways.compare(pool)
        finally:
            await pool.close()
    return _result(rates, waits, wrong, compared)


async def _place(pool: Pool, name: str, count: int) -> list[str]:
    """Write orders that all want the hot item, and two others each; answer their ids."""
    await pool.execute(_PLACED, name, count, _LINES, SKU, _OTHER_ITEMS)
    await pool.execute("ANALYZE orders, order_contacts, order_lines")
    return [f"ord_{name}{number:08}" for number in range(1, count + 1)]


async def _together(pool: Pool, ids: Sequence[str]) -> tuple[float, list[float]]:
    """Return orders per second of the desk, and the seconds that each waited."""
    return await _reserve(ReservationDesk(pool), ids)


async def _alone(pool: Pool, ids: Sequence[str]) -> float:
    """Return orders per second when each has a transaction of its own."""
    rate, _ = await _reserve(ReservationDesk(pool, most=1, lanes=_CONNECTIONS), ids)
    return rate


async def _reserve(desk: ReservationDesk, ids: Sequence[str]) -> tuple[float, list[float]]:
    left = iter(ids)
    seconds: list[float] = []

    async def work() -> None:
        for order_id in left:
            before = time.perf_counter()
            answer = await desk.reserve(order_id, "confirm")
            seconds.append(time.perf_counter() - before)
            _must_be_served(order_id, answer.outcome)

    began = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(_WAITING)))
    return len(ids) / (time.perf_counter() - began), seconds


async def _confirmed(pool: Pool, ids: Sequence[str]) -> float:
    """Return orders per second of all that a workflow does after payment, work opened as well."""
    activities = OrderActivities(pool)
    left = iter(ids)

    async def work() -> None:
        for order_id in left:
            confirmed = await activities.confirm_order(Confirm(order_id, "confirm", _PICK_DEADLINE))
            _must_be_served(order_id, confirmed.outcome)

    began = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(_WAITING)))
    return len(ids) / (time.perf_counter() - began)


def _must_be_served(order_id: str, outcome: str) -> None:
    if outcome != "allocated":
        message = f"{order_id} is {outcome}, though there is plenty"
        raise RuntimeError(message)


async def _oversold(pool: Pool) -> int:
    """Return by how many units the hot item's counter differs from what was promised."""
    allocated: int = await pool.fetchval(
        "SELECT sum(allocated) FROM stock_levels WHERE sku = $1", SKU
    )
    return allocated - _WARM - _ROUNDS * (_ORDERS + _ALONE + _CONFIRMED)


def _result(
    rates: dict[str, list[float]],
    waits: Sequence[float],
    wrong: int,
    compared: dict[str, dict[int, float]],
) -> Result:
    together, alone = middle(rates["together"]), middle(rates["alone"])
    confirmed, p99 = middle(rates["confirmed"]), quantile(waits, 0.99) * 1000
    figures: Json = {
        "reservations_per_second": round(together, 1),
        "one_at_a_time_per_second": round(alone, 1),
        "ratio": ratio(together, alone),
        "confirmed_per_second": round(confirmed, 1),
        "p50_ms": round(quantile(waits, 0.5) * 1000, 1),
        "p99_ms": round(p99, 1),
        "oversold_units": wrong,
        "ways": {
            name: {str(waiting): round(rate) for waiting, rate in rates_of.items()}
            for name, rates_of in compared.items()
        },
    }
    rows = [
        Row(
            f"reservations, {_LINES} lines, one hot item, {_WAITING} orders waiting",
            together,
            "orders/s",
            floor=alone,
            floor_is="orders/s one at a time",
            missed=wrong != 0,
            target=f"none oversold; aim {_WANTED_RATE:,}/s, p99 under {_WANTED_P99_MS} ms",
        ),
        Row("the same with work opened", confirmed, "orders/s"),
        *(
            Row(f"hot counter, {name}", rate_of[ways.WAITING[1]], "units/s")
            for name, rate_of in compared.items()
        ),
    ]
    notes = [
        (
            f"the step over {_CONNECTIONS} connections, without HTTP and Temporal; "
            f"p50 {figures['p50_ms']} ms, p99 {figures['p99_ms']} ms, {wrong} units oversold"
        ),
        *(
            f"hot counter, {name}: "
            + ", ".join(f"{rate:,.0f}/s at {waiting} waiting" for waiting, rate in rate_of.items())
            for name, rate_of in compared.items()
        ),
    ]
    return Result("stock", rows, figures, notes)
