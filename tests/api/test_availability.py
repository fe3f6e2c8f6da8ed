"""What channels are told of stock: for many items at once, honestly, and every change of it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import httpx2
import pytest_asyncio

from db.pool import Pool
from tests.api.orders import codes, line, order
from tests.integration import shelves

Api = httpx2.AsyncClient


async def available(api: Api, *skus: str, **filters: Any) -> dict[str, dict[str, Any]]:
    """What is told of each item."""
    response = await api.get("/v1/stock/availability", params={"sku": list(skus), **filters})
    assert response.status_code == 200, response.text
    items = response.json()["items"]
    assert [item["sku"] for item in items] == list(dict.fromkeys(skus))
    return {item["sku"]: item for item in items}


async def wait_in_queue(pool: Pool, sku: str, quantity: int, priority: int = 0) -> str:
    """An order that waits for units; its id."""
    order_id, line_id = await shelves.order(pool, (sku, quantity), priority=priority)
    await pool.execute(
        "INSERT INTO reservations"
        " (order_id, line_id, sku, quantity, status, cause, priority, queued_at)"
        " VALUES ($1, $2, $3, $4, 'backordered', 'tests', $5, now())",
        order_id,
        line_id,
        sku,
        quantity,
        priority,
    )
    return order_id


async def test_every_item_asked_for_is_answered_also_one_that_nobody_knows(
    api: Api, pool: Pool
) -> None:
    await shelves.put(pool, "A", {"EAST": 4, "WEST": 6})
    await pool.execute("INSERT INTO items (sku, name) VALUES ('NEVER-HAD', 'x')")
    await pool.execute("UPDATE stock_levels SET safety = 1, incoming = 7 WHERE warehouse = 'EAST'")
    told = await available(api, "A", "GHOST", "NEVER-HAD", "A")
    assert told["A"] == {
        "sku": "A",
        "known": True,
        "backordered": 0,
        "available": 9,
        "sellable": 9,
        "incoming": 7,
        "warehouses": [
            {
                "warehouse": warehouse,
                "country": "TR",
                "closed": False,
                "on_hand": on_hand,
                "allocated": 0,
                "held": 0,
                "safety": safety,
                "damaged": 0,
                "available": on_hand - safety,
                "sellable": on_hand - safety,
                "incoming": incoming,
            }
            for warehouse, on_hand, safety, incoming in (("EAST", 4, 1, 7), ("WEST", 6, 0, 0))
        ],
    }
    nothing = {"backordered": 0, "available": 0, "sellable": 0, "incoming": 0, "warehouses": []}
    assert told["GHOST"] == {"sku": "GHOST", "known": False, **nothing}
    assert told["NEVER-HAD"] == {"sku": "NEVER-HAD", "known": True, **nothing}


async def test_a_shelf_below_its_safety_stock_offers_nothing_and_takes_nothing_from_others(
    api: Api, pool: Pool
) -> None:
    await shelves.put(pool, "A", {"EAST": 4, "WEST": 6})
    await pool.execute("UPDATE stock_levels SET safety = 9 WHERE warehouse = 'EAST'")
    told = (await available(api, "A"))["A"]
    assert (told["available"], [w["available"] for w in told["warehouses"]]) == (6, [0, 6])


async def test_what_waiting_orders_will_take_is_not_offered(api: Api, pool: Pool) -> None:
    await shelves.put(pool, "A", {"EAST": 4, "WEST": 6})
    await pool.execute("UPDATE warehouses SET priority = 1 WHERE code = 'WEST'")
    await wait_in_queue(pool, "A", 5)
    await wait_in_queue(pool, "A", 2, priority=9)
    # Who is served after everybody else does not stand before a new order.
    await wait_in_queue(pool, "A", 50, priority=-1)
    told = (await available(api, "A"))["A"]
    assert (told["available"], told["sellable"], told["backordered"]) == (10, 3, 57)
    # As when orders are served: kept back where it is least preferred.
    assert [(w["warehouse"], w["sellable"]) for w in told["warehouses"]] == [
        ("EAST", 0),
        ("WEST", 3),
    ]
    west = (await available(api, "A", warehouse="WEST"))["A"]
    assert (west["available"], west["sellable"], len(west["warehouses"])) == (6, 3, 1)


async def test_a_closed_warehouse_offers_nothing(api: Api, pool: Pool) -> None:
    await shelves.put(pool, "A", {"EAST": 4, "WEST": 6})
    await pool.execute("UPDATE warehouses SET closed_at = now() WHERE code = 'WEST'")
    told = (await available(api, "A"))["A"]
    assert (told["available"], told["sellable"]) == (4, 4)
    assert [(w["closed"], w["on_hand"]) for w in told["warehouses"]] == [(False, 4), (True, 6)]


async def test_only_warehouses_of_a_country_are_told(api: Api, pool: Pool) -> None:
    await shelves.put(pool, "A", {"EAST": 4, "BERLIN": 6})
    await pool.execute("UPDATE warehouses SET country = 'DE' WHERE code = 'BERLIN'")
    told = (await available(api, "A", country="DE"))["A"]
    assert (told["available"], [w["warehouse"] for w in told["warehouses"]]) == (6, ["BERLIN"])


async def test_thousands_of_items_are_asked_by_post(api: Api, pool: Pool) -> None:
    await shelves.put(pool, "A", {"EAST": 4})
    skus = [f"GHOST-{number}" for number in range(4_999)]
    response = await api.post("/v1/stock/availability", json={"skus": [*skus, "A"]})
    items = response.json()["items"]
    assert (len(items), items[-1]["available"]) == (5_000, 4)
    too_many = await api.post("/v1/stock/availability", json={"skus": [*skus, "A", "B"]})
    assert codes(too_many) == {"/skus": "too_long"}


async def test_what_cannot_be_asked_is_named(api: Api) -> None:
    path = "/v1/stock/availability"
    assert codes(await api.get(path)) == {"/sku": "required"}
    assert codes(await api.get(path, params={"sku": ["a"] * 501})) == {"/sku": "too_long"}
    assert codes(await api.get(path, params={"sku": ["a", "\0"]})) == {"/sku/1": "bad_format"}
    assert codes(await api.get(f"{path}?sku=a&country=tr")) == {"/country": "bad_format"}
    changes = "/v1/stock/changes"
    assert codes(await api.get(f"{changes}?after=xyz")) == {"/after": "bad_cursor"}
    assert codes(await api.get(f"{changes}?wait=31")) == {"/wait": "too_large"}


# -- the change feed -----------------------------------------------------------------------------


class Follower:
    """A channel that follows the feed, keeping what it was told."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.cursor: str | None = None
        self.known: dict[str, dict[str, Any]] = {}
        self.told: list[str] = []

    async def read(self, **options: Any) -> list[tuple[str, list[str]]]:
        """One read; (item, warehouses that changed)."""
        asked = {"after": self.cursor} if self.cursor else {}
        response = await self.api.get("/v1/stock/changes", params={**asked, **options})
        assert response.status_code == 200, response.text
        answer = response.json()
        self.cursor = answer["cursor"]
        for item in answer["items"]:
            self.known[item["sku"]] = item
        return [(item["sku"], item["changed"]) for item in answer["items"]]

    async def until(self, sku: str) -> list[tuple[str, list[str]]]:
        """Read until an item is told of: other databases of the server may hold the feed up."""
        told: list[tuple[str, list[str]]] = []
        async with asyncio.timeout(30):
            while sku not in [item for item, _ in told]:
                told += await self.read(wait=5)
        return told


@pytest_asyncio.fixture
async def follower(api: Api, pool: Pool) -> AsyncIterator[Follower]:
    """Three items on the shelf, and a channel that follows from there."""
    for sku in "ABC":
        await shelves.put(pool, sku, {"EAST": 5, "WEST": 5})
    await shelves.all_ended(pool)
    one = Follower(api)
    assert await one.read() == []
    yield one


async def adjust(conn: Any, sku: str, quantity: int, warehouse: str = "EAST") -> None:
    """Move a level, as every change of stock does: ledger and counter together."""
    await conn.execute(
        "WITH level AS (UPDATE stock_levels SET on_hand = on_hand + $3"
        " WHERE sku = $1 AND warehouse = $2)"
        " INSERT INTO stock_movements (sku, warehouse, kind, on_hand, cause, actor)"
        " VALUES ($1, $2, 'adjust', $3, gen_random_uuid()::text, 'tests')",
        sku,
        warehouse,
        quantity,
    )


async def test_the_feed_begins_now_and_tells_each_level_once_as_it_is_now(
    follower: Follower, pool: Pool
) -> None:
    for _ in range(3):
        await adjust(pool, "A", 1)
    await adjust(pool, "A", 1, "WEST")
    await adjust(pool, "B", 2)
    await shelves.all_ended(pool)
    assert await follower.read() == [("A", ["EAST", "WEST"]), ("B", ["EAST"])]
    assert [w["on_hand"] for w in follower.known["A"]["warehouses"]] == [8, 6]
    assert follower.known["A"]["available"] == 14
    assert await follower.read() == []


async def test_a_transaction_that_began_earlier_and_commits_later_is_not_missed(
    follower: Follower, pool: Pool
) -> None:
    async with pool.acquire() as slow, pool.acquire() as fast:
        first = slow.transaction()
        await first.start()
        # Its row is written first, with the smaller id and the smaller transaction.
        await adjust(slow, "A", 1)
        async with fast.transaction():
            await adjust(fast, "B", 1)
        # B is there for all to see, and is not told while something may still come before it.
        assert await follower.read() == []
        assert await pool.fetchval("SELECT on_hand FROM stock_levels WHERE sku = 'B'") == 6
        await first.commit()
    told = await follower.until("B")
    assert [sku for sku, _ in told if sku in {"A", "B"}] == ["A", "B"]


async def test_a_transaction_that_is_rolled_back_is_not_told(
    follower: Follower, pool: Pool
) -> None:
    async with pool.acquire() as conn:
        undone = conn.transaction()
        await undone.start()
        await adjust(conn, "A", 1)
        await undone.rollback()
    await adjust(pool, "B", 1)
    await shelves.all_ended(pool)
    assert await follower.read() == [("B", ["EAST"])]


async def test_nothing_is_missed_whatever_order_transactions_end_in(
    follower: Follower, pool: Pool, database_url: str
) -> None:
    """Writers whose transactions overlap at random, a reader that reads a little at a time."""
    skus = [f"S{number}" for number in range(12)]
    for sku in skus:
        await shelves.put(pool, sku, {"EAST": 0})

    async def write(number: int) -> None:
        conn = await asyncpg.connect(database_url)
        try:
            for turn in range(12):
                async with conn.transaction():
                    await adjust(conn, skus[(number * 5 + turn) % len(skus)], 1)
                    # Holds the row and the transaction for a different while each time.
                    await conn.execute("SELECT pg_sleep($1)", (number * 7 + turn * 3) % 5 / 500)
        finally:
            await conn.close()

    writing = asyncio.gather(*(write(number) for number in range(6)))
    while not writing.done():
        await follower.read(limit=2, wait=0.05)
    await writing
    wanted = {
        row["sku"]: row["on_hand"]
        for row in await pool.fetch("SELECT sku, on_hand FROM stock_levels WHERE sku LIKE 'S%'")
    }

    def known() -> dict[str, int]:
        return {sku: follower.known[sku]["available"] for sku in wanted if sku in follower.known}

    async with asyncio.timeout(30):
        while known() != wanted:
            await follower.read(limit=2, wait=5)
    assert sum(wanted.values()) == 6 * 12


async def test_pages_of_the_feed_tell_all_and_say_whether_more_is_there(
    follower: Follower, pool: Pool
) -> None:
    for sku in "ABCA":
        await adjust(pool, sku, 1)
    seen: list[str] = []
    async with asyncio.timeout(30):
        while set(seen) != {"A", "B", "C"} or seen[-1] != "A":
            page = await follower.read(limit=1, wait=5)
            assert len(page) <= 1
            seen += [sku for sku, _ in page]
    # A changed again after C, so it is told again: once per read, not once for ever.
    assert seen == ["A", "B", "C", "A"]


async def test_a_queue_that_changes_is_told_although_no_level_moved(
    follower: Follower, pool: Pool
) -> None:
    order_id = await wait_in_queue(pool, "A", 3)
    await shelves.all_ended(pool)
    assert await follower.read() == [("A", [])]
    assert (follower.known["A"]["sellable"], follower.known["A"]["backordered"]) == (7, 3)
    await pool.execute("UPDATE reservations SET status = 'released' WHERE order_id = $1", order_id)
    await shelves.all_ended(pool)
    assert await follower.read() == [("A", [])]
    assert follower.known["A"]["sellable"] == 10


async def test_a_warehouse_that_closes_is_told_for_everything_in_it(
    follower: Follower, pool: Pool
) -> None:
    await pool.execute("UPDATE warehouses SET closed_at = now() WHERE code = 'WEST'")
    await shelves.all_ended(pool)
    assert await follower.read() == [("A", []), ("B", []), ("C", [])]
    assert {item["available"] for item in follower.known.values()} == {5}


async def test_a_reader_that_waits_is_answered_when_something_changes(
    follower: Follower, pool: Pool
) -> None:
    waiting = [
        asyncio.create_task(
            follower.api.get("/v1/stock/changes", params={"after": follower.cursor, "wait": 30})
        )
        for _ in range(20)
    ]
    async with asyncio.timeout(20):
        # More readers than the pool has connections, and others are served meanwhile.
        assert (await available(follower.api, "A"))["A"]["available"] == 10
        await adjust(pool, "A", 1)
        answers = await asyncio.gather(*waiting)
    assert {answer.json()["items"][0]["available"] for answer in answers} == {11}


async def test_waiting_in_vain_ends_in_time_with_a_cursor_to_go_on_from(
    follower: Follower,
) -> None:
    assert await follower.read(wait=0.3) == []
    assert await follower.read(wait=0) == []


async def test_a_cursor_of_another_life_of_the_ledger_is_refused(
    follower: Follower, pool: Pool
) -> None:
    await pool.execute("UPDATE stock_feed SET generation = 'restored'")
    response = await follower.api.get(f"/v1/stock/changes?after={follower.cursor}")
    assert (response.status_code, response.json()["code"]) == (409, "feed_restarted")


async def test_following_from_before_a_full_read_tells_what_changed_meanwhile(
    api: Api, pool: Pool
) -> None:
    """The way in docs/channels-stock.md: cursor first, then everything, then the feed."""
    await shelves.put(pool, "A", {"EAST": 5})
    one = Follower(api)
    await one.read()
    await adjust(pool, "A", 1)
    full = await available(api, "A")
    await adjust(pool, "A", 1)
    await one.until("A")
    async with asyncio.timeout(30):
        while one.known["A"]["available"] != 7:
            await one.read(wait=5)
    assert full["A"]["available"] == 6


async def test_an_order_that_waits_is_told_through_the_api_too(api: Api, pool: Pool) -> None:
    await shelves.put(pool, "A", {"EAST": 1})
    placed = await api.post("/v1/orders", json=order(lines=[line("A", 1, 100)]))
    assert placed.status_code == 201
    # Placed and not reserved yet: the workflow engine is away.
    assert (await available(api, "A"))["A"]["sellable"] == 1
