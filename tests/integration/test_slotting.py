"""Classes by picks and moves between bins, from the rows of a warehouse."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2

from db import replenishment
from db.new_ids import new_id
from db.pool import Pool
from domain.slotting import Bin
from tests.api.conftest import opened, settings_of
from tests.integration import shelves


async def picked(pool: Pool, sku: str, times: int, days_ago: int = 1) -> None:
    """Somebody walked for it so often."""
    for _ in range(times):
        order_id, line_id = await shelves.order(pool, (sku, 1))
        work = new_id("ful")
        await pool.execute(
            "INSERT INTO fulfillment_orders (id, order_id, warehouse, cause, created_at)"
            " VALUES ($1, $2, 'MAIN', 't', $3)",
            work,
            order_id,
            datetime.now(UTC) - timedelta(days_ago),
        )
        await pool.execute(
            "INSERT INTO fulfillment_order_lines (fulfillment_order_id, line_id, sku, quantity,"
            " picked) VALUES ($1, $2, $3, 1, 1)",
            work,
            line_id,
            sku,
        )


async def lies(pool: Pool, bin_code: str, sequence: int, kind: str, **units: int) -> None:
    """A bin with so many units by item."""
    async with pool.acquire() as conn, conn.transaction():
        await conn.execute(
            "INSERT INTO bins (warehouse, code, zone, sequence, kind) VALUES"
            " ('MAIN', $1, 'A', $2, $3)",
            bin_code,
            sequence,
            kind,
        )
        for sku, quantity in units.items():
            await conn.execute(
                "INSERT INTO stock_places (sku, warehouse, bin, quantity) VALUES"
                " ($1, 'MAIN', $2, $3)",
                sku,
                bin_code,
                quantity,
            )
            await conn.execute(
                "UPDATE stock_levels SET placed = placed + $2 WHERE sku = $1", sku, quantity
            )


async def test_picks_are_lines_within_the_window_and_unpicked_items_count_with_none(
    pool: Pool,
) -> None:
    for sku in ("FAST", "SLOW", "NEVER"):
        await shelves.put(pool, sku, {"MAIN": 100})
    await picked(pool, "FAST", 3)
    await picked(pool, "SLOW", 1)
    await picked(pool, "SLOW", 5, days_ago=100)
    async with pool.acquire() as conn:
        since = datetime.now(UTC) - timedelta(84)
        assert await replenishment.picks(conn, "MAIN", since) == {"FAST": 3, "NEVER": 0, "SLOW": 1}
        assert await replenishment.picks(conn, "NONE", since) == {}


async def test_a_bin_is_known_by_what_it_mainly_holds(pool: Pool) -> None:
    for sku in ("FAST", "SLOW"):
        await shelves.put(pool, sku, {"MAIN": 100})
    await lies(pool, "B-2", 2, "pick", FAST=5, SLOW=10)
    await lies(pool, "B-1", 1, "pick")
    await lies(pool, "BULK", 0, "bulk", FAST=20)
    async with pool.acquire() as conn:
        assert await replenishment.bins(conn, "MAIN") == (
            [Bin("B-1", "A", 1), Bin("B-2", "A", 2)],
            {"B-2": "SLOW"},
        )


async def test_the_api_tells_classes_and_what_to_move(pool: Pool, database_url: str) -> None:
    for sku in ("FAST", "SLOW", "NEVER"):
        await shelves.put(pool, sku, {"MAIN": 100})
    await picked(pool, "FAST", 9)
    await picked(pool, "SLOW", 1)
    await lies(pool, "B-1", 1, "pick", NEVER=5)
    await lies(pool, "B-7", 7, "pick", FAST=5)
    async with opened(settings_of(database_url)) as api:
        first = await _slots(api, "limit=2")
        assert [(i["sku"], i["class"], i["share"], i["cumulative"]) for i in first["items"]] == [
            ("FAST", "A", 90.0, 90.0),
            ("SLOW", "B", 10.0, 100.0),
        ]
        assert first["total_picks"] == 10
        assert first["moves"] == [
            {
                "sku": "FAST",
                "class": "A",
                "picks": 9,
                "from_bin": {"code": "B-7", "zone": "A", "sequence": 7},
                "to_bin": {"code": "B-1", "zone": "A", "sequence": 1},
                "instead": "NEVER",
                "gain": 54,
            }
        ]
        rest = await _slots(api, f"limit=2&cursor={first['next_cursor']}")
        assert [(i["rank"], i["sku"], i["class"]) for i in rest["items"]] == [(3, "NEVER", "C")]
        assert (rest["moves"], rest["next_cursor"]) == ([], None)
        assert (await _slots(api, "", "NONE"))["items"] == []


async def _slots(api: httpx2.AsyncClient, query: str, warehouse: str = "MAIN") -> dict[str, Any]:
    answer = await api.get(f"/v1/replenishment/slotting?warehouse={warehouse}&{query}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found
