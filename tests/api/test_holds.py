"""Checkouts keep stock: all of it or nothing, for a while, and then for their order."""

import asyncio
from collections import Counter
from typing import Any

import httpx2
import pytest_asyncio

from activities.contracts import Cancel
from activities.orders import OrderActivities
from activities.reserving import ReservationDesk
from db import holds
from db.pool import Pool
from tests.api.conftest import Open
from tests.api.orders import Shopfront, line
from tests.integration import shelves


@pytest_asyncio.fixture
async def shop(api: httpx2.AsyncClient, pool: Pool) -> httpx2.AsyncClient:
    """Five units of A in the east and three in the west; two of B."""
    await shelves.put(pool, "A", {"EAST": 5, "WEST": 3})
    await shelves.put(pool, "B", {"WEST": 2})
    return api


async def hold(api: httpx2.AsyncClient, *lines: tuple[str, int], **more: Any) -> httpx2.Response:
    headers = {"idempotency-key": key} if (key := more.pop("key", None)) else {}
    body = {"lines": [{"sku": sku, "quantity": n} for sku, n in lines]} | more
    return await api.post("/v1/stock/holds", json=body, headers=headers)


async def held(pool: Pool) -> dict[tuple[str, str], int]:
    rows = await pool.fetch("SELECT sku, warehouse, held FROM stock_levels WHERE held > 0")
    return {(row["sku"], row["warehouse"]): row["held"] for row in rows}


async def test_a_checkout_keeps_all_it_asks_for(shop: httpx2.AsyncClient, pool: Pool) -> None:
    answer = await hold(shop, ("A", 6), ("B", 1), reference="cart-1")
    assert answer.status_code == 201
    made = answer.json()
    assert (made["status"], made["reference"]) == ("held", "cart-1")
    assert Counter(x["sku"] for x in made["lines"] for _ in range(x["quantity"])) == {
        "A": 6,
        "B": 1,
    }
    assert sum((await held(pool)).values()) == 7
    assert (await shop.get(f"/v1/stock/holds/{made['id']}")).json() == made
    await shelves.books_agree(pool)


async def test_what_is_not_all_there_is_not_kept_at_all(
    shop: httpx2.AsyncClient, pool: Pool
) -> None:
    answer = await hold(shop, ("A", 1), ("B", 3))
    assert (answer.status_code, answer.json()["code"]) == (409, "insufficient_stock")
    assert [e["pointer"] for e in answer.json()["errors"]] == ["/lines/1/quantity"]
    assert await held(pool) == {}
    assert await pool.fetchval("SELECT count(*) FROM stock_holds") == 0


async def test_a_hundred_checkouts_at_once_never_keep_more_than_there_is(
    shop: httpx2.AsyncClient, pool: Pool
) -> None:
    answers = await asyncio.gather(*(hold(shop, ("A", 1), key=f"k{n}") for n in range(100)))
    assert Counter(a.status_code for a in answers) == {201: 8, 409: 92}
    assert await held(pool) == {("A", "EAST"): 5, ("A", "WEST"): 3}
    again = await asyncio.gather(*(hold(shop, ("A", 1), key=f"k{n}") for n in range(100)))
    assert [a.content for a in again] == [a.content for a in answers]
    await shelves.books_agree(pool)


async def test_the_same_checkout_at_once_is_one_hold(shop: httpx2.AsyncClient, pool: Pool) -> None:
    answers = await asyncio.gather(*(hold(shop, ("A", 2), key="same") for _ in range(20)))
    assert {a.status_code for a in answers} == {201}
    assert len({a.content for a in answers}) == 1
    assert sum((await held(pool)).values()) == 2
    other = await hold(shop, ("A", 3), key="same")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_bad_checkouts_are_named_and_take_nobody_along(
    shop: httpx2.AsyncClient, pool: Pool
) -> None:
    good, unknown = await asyncio.gather(
        hold(shop, ("A", 1), key="good"), hold(shop, ("A", 1), ("NOPE", 1), key="bad")
    )
    assert good.status_code == 201
    assert unknown.status_code == 422
    assert unknown.json()["errors"][0] | {"detail": ""} == {
        "pointer": "/lines/1/sku",
        "code": "unknown_sku",
        "detail": "",
    }
    assert sum((await held(pool)).values()) == 1
    too_long = await hold(shop, ("A", 1), expires_in_seconds=3_601)
    assert too_long.json()["errors"][0]["code"] == "too_large"
    assert (await shop.get("/v1/stock/holds/shd_none")).status_code == 404


async def test_given_back_units_are_free_and_giving_back_again_changes_nothing(
    shop: httpx2.AsyncClient, pool: Pool
) -> None:
    made = (await hold(shop, ("A", 8))).json()
    for _ in range(2):
        gone = await shop.delete(f"/v1/stock/holds/{made['id']}")
        assert (gone.status_code, gone.json()["status"]) == (200, "released")
    assert await held(pool) == {}
    extended = await shop.post(f"/v1/stock/holds/{made['id']}/extend", json={})
    assert (extended.status_code, extended.json()["code"]) == (409, "hold_over")
    await shelves.books_agree(pool)


async def test_it_can_be_kept_longer_but_not_for_ever(open_api: Open, pool: Pool) -> None:
    await shelves.put(pool, "A", {"EAST": 5})
    async with open_api() as api:
        made = (await hold(api, ("A", 1), expires_in_seconds=60)).json()
        longer = await api.post(
            f"/v1/stock/holds/{made['id']}/extend", json={"expires_in_seconds": 1_800}
        )
        assert longer.status_code == 200
        assert longer.json()["expires_at"] > made["expires_at"]
        await pool.execute("UPDATE stock_holds SET created_at = now() - interval '3590 seconds'")
        last = await api.post(
            f"/v1/stock/holds/{made['id']}/extend", json={"expires_in_seconds": 3_600}
        )
        # An hour after it began is the end, however much is asked for.
        assert last.json()["expires_at"] == longer.json()["expires_at"]


async def test_when_its_time_is_over_others_get_the_units(
    shop: httpx2.AsyncClient, pool: Pool
) -> None:
    made = (await hold(shop, ("A", 8))).json()
    waiting, _ = await shelves.order(pool, ("A", 2))
    assert (await ReservationDesk(pool).reserve(waiting, "confirm")).outcome == "waiting"
    await pool.execute("DELETE FROM outbox")
    await pool.execute("UPDATE stock_holds SET expires_at = now() - interval '1 second'")
    async with pool.acquire() as conn, conn.transaction():
        assert await holds.expire(conn, 10) == 1
        assert await holds.expire(conn, 10) == 0
    assert (await shop.get(f"/v1/stock/holds/{made['id']}")).json()["status"] == "expired"
    assert await pool.fetchval("SELECT order_id FROM outbox") == waiting
    assert (await ReservationDesk(pool).reserve(waiting, "woken")).outcome == "allocated"
    await shelves.books_agree(pool)


async def test_the_order_gets_what_its_checkout_kept(
    shop: httpx2.AsyncClient, shopfront: Shopfront, pool: Pool
) -> None:
    made = (await hold(shop, ("A", 8))).json()
    placed = await shopfront.place(lines=[line("A", 7, 100)], stock_hold=made["id"])
    assert "stock_hold_taken" in {e["type"] for e in await shopfront.events(placed["id"])}
    # Nobody can give back what an order counts on.
    refused = await shop.delete(f"/v1/stock/holds/{made['id']}")
    assert (refused.status_code, refused.json()["code"]) == (409, "hold_in_use")
    await pool.execute("UPDATE stock_holds SET expires_at = now() - interval '1 second'")
    async with pool.acquire() as conn, conn.transaction():
        assert await holds.expire(conn, 10) == 0
    assert (await ReservationDesk(pool).reserve(placed["id"], "confirm")).outcome == "allocated"
    assert await held(pool) == {}
    assert sum(a for _, a in (await shelves.level(pool, "A")).values()) == 7
    assert (await shop.get(f"/v1/stock/holds/{made['id']}")).json()["status"] == "allocated"
    await shelves.books_agree(pool)


async def test_an_order_that_ends_before_it_reserves_gives_its_units_back(
    shop: httpx2.AsyncClient, shopfront: Shopfront, pool: Pool
) -> None:
    made = (await hold(shop, ("A", 8))).json()
    placed = await shopfront.place(lines=[line("A", 8, 100)], stock_hold=made["id"])
    await OrderActivities(pool).begin_cancel(Cancel(placed["id"], "cancel", "customer_request"))
    assert await held(pool) == {}
    assert (await shop.get(f"/v1/stock/holds/{made['id']}")).json()["status"] == "released"
    await shelves.books_agree(pool)


async def test_a_hold_that_is_over_does_not_lose_the_order(
    shop: httpx2.AsyncClient, shopfront: Shopfront
) -> None:
    made = (await hold(shop, ("A", 1))).json()
    await shop.delete(f"/v1/stock/holds/{made['id']}")
    placed = await shopfront.place(lines=[line("A", 1, 100)], stock_hold=made["id"])
    assert "stock_hold_over" in {e["type"] for e in await shopfront.events(placed["id"])}
