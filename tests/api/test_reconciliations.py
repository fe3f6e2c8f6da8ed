"""Checks of stock over the API: run now, listed, read, counted among the figures."""

import asyncio

import httpx2

from db.pool import Pool
from tests.api.conftest import Open
from tests.api.orders import codes
from tests.integration import shelves

PATH = "/v1/stock/reconciliations"


async def test_a_check_is_run_now_while_the_workflow_engine_is_away(
    api: httpx2.AsyncClient, pool: Pool
) -> None:
    await shelves.put(pool, "A", {"EAST": 4})
    await pool.execute("UPDATE stock_levels SET on_hand = 3")
    response = await api.post(PATH, json={"full": True})
    assert response.status_code == 201, response.text
    report = response.json()
    assert (report["scope"], report["differences"], report["actor"]) == ("full", 1, "dev")
    assert report["found"] == [
        {
            "kind": "ledger",
            "counter": "on_hand",
            "sku": "A",
            "warehouse": "EAST",
            "order_id": None,
            "line_id": None,
            "expected": 4,
            "found": 3,
        }
    ]
    assert (await api.get(f"{PATH}/{report['id']}")).json() == report
    figures = (await api.get("/metrics")).text
    assert "kervan_stock_differences 1.0" in figures
    assert await pool.fetchval("SELECT on_hand FROM stock_levels") == 3


async def test_before_the_first_check_its_age_is_infinite(api: httpx2.AsyncClient) -> None:
    figures = (await api.get("/metrics")).text
    assert "kervan_stock_check_age_seconds +Inf" in figures


async def test_twins_of_a_request_are_one_check(api: httpx2.AsyncClient, pool: Pool) -> None:
    headers = {"idempotency-key": "check-1"}
    answers = await asyncio.gather(*(api.post(PATH, headers=headers) for _ in range(6)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert await pool.fetchval("SELECT count(*) FROM stock_reconciliations") == 1
    other = await api.post(PATH, headers=headers, json={"full": True})
    assert other.status_code == 422


async def test_reports_are_listed_newest_first(api: httpx2.AsyncClient) -> None:
    made = [(await api.post(PATH)).json()["id"] for _ in range(3)]
    first = (await api.get(f"{PATH}?limit=2")).json()
    second = (await api.get(f"{PATH}?limit=2&cursor={first['next_cursor']}")).json()
    assert [r["id"] for r in first["items"] + second["items"]] == made[::-1]
    assert second["next_cursor"] is None
    assert "found" not in first["items"][0]


async def test_what_is_not_there_or_not_allowed_is_said(
    api: httpx2.AsyncClient, open_api: Open
) -> None:
    assert (await api.get(f"{PATH}/rec_none")).status_code == 404
    assert codes(await api.post(PATH, json={"full": 1})) == {"/full": "wrong_type"}
    async with open_api(key="unknown") as stranger:
        assert (await stranger.post(PATH)).status_code == 401
