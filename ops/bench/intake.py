"""Orders taken in per second, beside a bare answer of the same API process.

With the engine: workflows are started meanwhile, and share the machine. With the engine away:
intake needs PostgreSQL alone (MISSION M1.5).
"""

import json
import uuid
from collections.abc import Sequence

from ops.bench.load import PLACEHOLDER, Job, Load, send
from ops.bench.results import Result, Row, middle, ratio
from ops.bench.stage import Stage, order, stage
from ops.client import Json
from ops.stack.supervisor import Say

CLIENTS = (8, 32)
_ROUNDS = 3
_SECONDS = 2.0
_BARE_SECONDS = 1.0
_PROTOTYPE = {8: "prototype 3,800 beside 8,700, 0.44", 32: "prototype 3,400"}
_BARE = Job("", "/healthz", 0, _BARE_SECONDS)


async def measure(say: Say) -> Result:
    """Send distinct orders as fast as clients that wait for their answers can."""
    rows: list[Row] = []
    figures: Json = {}
    async with stage(say) as own:
        # With the engine first: the orders that wait for an absent one would be started after.
        say("with the engine")
        await _measure(own, "with_engine", rows, figures)
        for part in ("worker", "temporal"):
            await own.stack.stop_part(part, grace=0)
        say("with the engine away")
        await _measure(own, "engine_away", rows, figures)
    note = (
        f"clients are one process on the same machine; medians of {_ROUNDS} rounds "
        f"of {_SECONDS:.0f} s; beside them GET {_BARE.path} in the same rounds"
    )
    return Result("intake", rows, figures, [note])


async def _measure(own: Stage, name: str, rows: list[Row], figures: Json) -> None:
    for clients in CLIENTS:
        bare, orders = [], []
        for _ in range(_ROUNDS):
            bare.append(await _bare(own, clients))
            orders.append(await _orders(own, clients))
        row, figure = _summary(name, clients, orders, bare)
        rows.append(row)
        figures[f"{name}_{clients}_clients"] = figure


async def _bare(own: Stage, clients: int) -> Load:
    return await send(Job(own.stack.urls.api, _BARE.path, clients, _BARE_SECONDS))


async def _orders(own: Stage, clients: int) -> Load:
    return await send(
        Job(
            own.stack.urls.api,
            "/v1/orders",
            clients,
            _SECONDS,
            key=own.stack.api_key,
            body=json.dumps(order(PLACEHOLDER), separators=(",", ":")),
            marker=uuid.uuid4().hex[:12],
        )
    )


def _summary(
    name: str, clients: int, orders: Sequence[Load], bare: Sequence[Load]
) -> tuple[Row, Json]:
    rate = middle([load.per_second for load in orders])
    floor = middle([load.per_second for load in bare])
    p50, p99 = (middle([getattr(load, n) for load in orders]) for n in ("p50_ms", "p99_ms"))
    refused = sum(
        count for load in orders for status, count in load.statuses.items() if status != "201"
    )
    figure = {
        "orders_per_second": rate,
        "p50_ms": p50,
        "p99_ms": p99,
        "bare_answers_per_second": floor,
        "ratio": ratio(rate, floor),
        "not_201": refused,
    }
    away = "engine away" if name == "engine_away" else "with the engine"
    row = Row(
        f"intake, {clients} clients, {away} (p50 {p50:.1f} ms, p99 {p99:.1f} ms)",
        rate,
        "orders/s",
        floor=floor,
        floor_is="bare answers/s",
        target=_PROTOTYPE[clients] if name == "engine_away" else "",
        missed=refused > 0,
    )
    return row, figure
