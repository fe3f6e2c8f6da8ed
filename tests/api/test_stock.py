"""Stock over the API: ledger and counters move together, once, and never below what is promised."""

import asyncio

import httpx2
import pytest_asyncio

from db.pool import Pool
from tests.api.orders import codes, line, order


@pytest_asyncio.fixture
async def catalog(api: httpx2.AsyncClient) -> httpx2.AsyncClient:
    """Two items and two warehouses."""
    place = {"name": "W", "country": "TR", "city": "Ankara", "kind": "own"}
    for code in ("MAIN", "WEST"):
        assert (await api.put(f"/v1/warehouses/{code}", json=place)).status_code == 200
    for sku in ("A", "B/2"):
        assert (await api.put(f"/v1/items/{sku}", json={"name": sku})).status_code == 200
    return api


async def receive(api: httpx2.AsyncClient, quantity: int, key: str = "k") -> httpx2.Response:
    body = {
        "warehouse": "MAIN",
        "reference": "PO-1",
        "lines": [{"sku": "A", "quantity": quantity}, {"sku": "A", "quantity": 1}],
    }
    return await api.post("/v1/stock/receipts", json=body, headers={"idempotency-key": key})


async def test_goods_come_in_once_however_often_it_is_said(
    catalog: httpx2.AsyncClient, pool: Pool
) -> None:
    answers = await asyncio.gather(*(receive(catalog, 9) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert answers[0].json()["levels"][0]["available"] == 10
    assert await pool.fetchval("SELECT count(*) FROM stock_movements") == 1
    levels = (await catalog.get("/v1/stock?sku=A")).json()["items"]
    assert [(x["warehouse"], x["on_hand"], x["available"]) for x in levels] == [("MAIN", 10, 10)]


async def test_the_ledger_refuses_what_a_forgotten_key_would_repeat(
    catalog: httpx2.AsyncClient, pool: Pool
) -> None:
    await receive(catalog, 9)
    await pool.execute("DELETE FROM idempotency_keys")
    again = await receive(catalog, 9)
    assert (again.status_code, again.json()["code"]) == (409, "already_recorded")
    assert await pool.fetchval("SELECT on_hand FROM stock_levels") == 10


async def test_a_correction_carries_its_reason_and_cannot_take_what_is_promised(
    catalog: httpx2.AsyncClient, pool: Pool
) -> None:
    await receive(catalog, 9)
    await pool.execute("UPDATE stock_levels SET allocated = 8")
    broken = {
        "warehouse": "MAIN",
        "reason": "water",
        "lines": [{"sku": "A", "quantity": 2, "counter": "damaged"}],
    }
    assert (await catalog.post("/v1/stock/adjustments", json=broken)).status_code == 201
    refused = await catalog.post("/v1/stock/adjustments", json=broken)
    assert refused.status_code == 409
    assert refused.json()["code"] == "insufficient_stock"
    assert refused.json()["current"]["allocated"] == "8"
    ledger = (await catalog.get("/v1/stock/movements?sku=A&limit=1")).json()
    assert ledger["items"][0]["kind"] == "damage"
    assert ledger["items"][0]["reason"] == "water"
    assert ledger["next_cursor"] is not None
    older = await catalog.get(f"/v1/stock/movements?limit=1&cursor={ledger['next_cursor']}")
    assert [row["kind"] for row in older.json()["items"]] == ["receipt"]
    assert older.json()["next_cursor"] is None


async def test_a_correction_without_a_reason_is_refused(catalog: httpx2.AsyncClient) -> None:
    body = {"warehouse": "MAIN", "lines": [{"sku": "A", "quantity": 1}]}
    response = await catalog.post("/v1/stock/adjustments", json=body)
    assert codes(response) == {"/reason": "required"}


async def test_a_count_brings_the_books_to_the_shelf(
    catalog: httpx2.AsyncClient, pool: Pool
) -> None:
    await receive(catalog, 9)
    body = {
        "warehouse": "MAIN",
        "lines": [{"sku": "A", "counted": 7}, {"sku": "B/2", "counted": 3}],
    }
    counted = await catalog.post("/v1/stock/counts", json=body)
    assert [(x["sku"], x["on_hand"]) for x in counted.json()["levels"]] == [("A", 7), ("B/2", 3)]
    assert await pool.fetchval("SELECT sum(on_hand) FROM stock_movements") == 10


async def test_a_transfer_leaves_the_sum_as_it_was(catalog: httpx2.AsyncClient, pool: Pool) -> None:
    await receive(catalog, 9)
    body = {
        "from_warehouse": "MAIN",
        "to_warehouse": "WEST",
        "reference": "T-1",
        "lines": [{"sku": "A", "quantity": 4}],
    }
    assert (await catalog.post("/v1/stock/transfers", json=body)).status_code == 201
    too_much = body | {"lines": [{"sku": "A", "quantity": 7}]}
    assert (await catalog.post("/v1/stock/transfers", json=too_much)).status_code == 409
    rows = await pool.fetch("SELECT warehouse, on_hand FROM stock_levels ORDER BY warehouse")
    assert [tuple(row) for row in rows] == [("MAIN", 6), ("WEST", 4)]


async def test_stock_of_what_does_not_exist_is_refused(catalog: httpx2.AsyncClient) -> None:
    body = {
        "warehouse": "NONE",
        "reference": "r",
        "lines": [{"sku": "A", "quantity": 1}, {"sku": "Z", "quantity": 1}],
    }
    response = await catalog.post("/v1/stock/receipts", json=body)
    assert codes(response) == {"/warehouse": "unknown_warehouse", "/lines/1/sku": "unknown_sku"}


async def test_a_receipt_tells_the_orders_that_wait(
    catalog: httpx2.AsyncClient, pool: Pool
) -> None:
    placed = await catalog.post("/v1/orders", json=order(lines=[line("A", 1, 100)]))
    order_id, line_id = placed.json()["id"], placed.json()["lines"][0]["id"]
    await pool.execute("UPDATE order_lines SET open = 0, backordered = 1")
    await pool.execute(
        "INSERT INTO reservations (order_id, line_id, sku, quantity, status, cause, queued_at)"
        " VALUES ($1, $2, 'A', 1, 'backordered', 'reserve', now())",
        order_id,
        line_id,
    )
    await receive(catalog, 9)
    news = await pool.fetch("SELECT order_id FROM outbox WHERE kind = 'stock_arrived'")
    assert [row["order_id"] for row in news] == [order_id]


async def test_items_and_warehouses_are_listed_and_changed(catalog: httpx2.AsyncClient) -> None:
    changed = await catalog.put("/v1/items/A", json={"name": "New", "weight_g": 5, "origin": "DE"})
    assert (changed.json()["name"], changed.json()["weight_g"]) == ("New", 5)
    assert (await catalog.get("/v1/items/B/2")).json()["sku"] == "B/2"
    first = (await catalog.get("/v1/items?limit=1")).json()
    second = (await catalog.get(f"/v1/items?limit=1&cursor={first['next_cursor']}")).json()
    assert [first["items"][0]["sku"], second["items"][0]["sku"]] == ["A", "B/2"]
    houses = (await catalog.get("/v1/warehouses")).json()["items"]
    assert [house["code"] for house in houses] == ["MAIN", "WEST"]
