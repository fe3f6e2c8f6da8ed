"""Scarce goods on the whole stack: over HTTP and through Temporal, also when processes die."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from ops.chaos import shop
from ops.chaos.frame import Plan
from ops.chaos.stock import stock_storm
from ops.client import Doors, Json, ShopClient
from ops.stack.stack import Stack

SKU = "TWENTY"


def decided(order: Json) -> bool:
    """Whether its unit is reserved, or waits."""
    line = order["lines"][0]
    return bool(line["allocated"] + line["backordered"] == 1)


@pytest.mark.timeout(300)
async def test_sixty_orders_at_once_for_twenty_units_and_then_first_come_first_served(
    stack: Stack,
) -> None:
    doors = Doors(stack.urls.api, stack.urls.sandbox, stack.api_key)
    async with ShopClient(doors, patience=60) as client:
        for code, units in (("EAST-20", 8), ("WEST-20", 12)):
            place = {"name": code, "country": "TR", "city": "İstanbul", "kind": "own"}
            await client.put_warehouse(code, place)
            await client.put_item(SKU, {"name": SKU, "weight_g": 100})
            await client.receive(code, {SKU: units}, f"OPENING-{code}")
        basket = shop.Basket({SKU: 1}, [shop.card("tok_visa")])
        placed = await asyncio.gather(
            *(client.place(shop.order(f"TWENTY-{n}", basket)) for n in range(60))
        )
        ids = [order["id"] for order in placed]
        orders = [await client.wait(i, decided, what="decided", within=120) for i in ids]
        assert sum(order["lines"][0]["allocated"] for order in orders) == 20
        assert sum(order["lines"][0]["backordered"] for order in orders) == 40
        levels = {row["warehouse"]: row for row in await client.stock(sku=SKU)}
        assert {code: row["allocated"] for code, row in levels.items()} == {
            "EAST-20": 8,
            "WEST-20": 12,
        }
        waiting = [order["id"] for order in orders if order["lines"][0]["backordered"]]
        queue = await _in_queue_order(stack, waiting)
        await client.receive("EAST-20", {SKU: 15}, "LATER")
        for order_id in queue[:15]:
            await client.wait(
                order_id, lambda o: o["lines"][0]["allocated"] == 1, what="served", within=60
            )
        for order_id in queue[15:]:
            assert (await client.order(order_id))["lines"][0]["backordered"] == 1
        check = await client.reconcile_stock()
        assert [one for one in check["found"] if one["sku"] == SKU] == []


async def _in_queue_order(stack: Stack, waiting: list[str]) -> list[str]:
    connection = await asyncpg.connect(stack.urls.database)
    try:
        rows = await connection.fetch(
            "SELECT id FROM orders WHERE id = ANY($1::text[])"
            " ORDER BY priority DESC, created_at, id",
            waiting,
        )
    finally:
        await connection.close()
    return [row["id"] for row in rows]


@pytest.mark.timeout(600)
async def test_nothing_is_oversold_or_left_lying_when_worker_and_database_die(
    data_dir: Path,
) -> None:
    told: list[str] = []
    report = await stock_storm(Plan(orders=120, kills=2, seed=11), told.append, data_dir)
    assert report.broken == [], told
    assert report.accepted == 120
    assert sorted(kill.part for kill in report.kills) == ["postgres", "worker"]
    # It was scarce, so that there was something to get wrong.
    assert report.units["waiting"] > 0
    assert report.units["ordered"] == sum(
        report.units[name] for name in ("allocated", "waiting", "canceled")
    )
