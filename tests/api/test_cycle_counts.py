"""Counts: blind, against the books of the moment, and agreed to by somebody else."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest_asyncio

from tests.api.orders import codes
from tests.api.storehouse import Storehouse
from tests.api.test_access import bearer, key_with
from tests.integration.agreement import everything_agrees


@pytest_asyncio.fixture
async def counted(store: Storehouse) -> Storehouse:
    """Ten of A in A-01, four of B in B-02, three of B loose."""
    await store.receive(
        {"sku": "A", "quantity": 10, "bin": "A-01"},
        {"sku": "B", "quantity": 4, "bin": "B-02"},
        {"sku": "B", "quantity": 3},
    )
    return store


async def sheet(store: Storehouse, **body: Any) -> dict[str, Any]:
    return await store.done("/v1/cycle-counts", {"warehouse": "MAIN", **body})


def seen(sku: str, bin_: str | None, counted: int, **more: Any) -> dict[str, Any]:
    return {"sku": sku, "bin": bin_, "counted": counted, **more}


async def send(
    store: Storehouse, path: str, key: str, body: dict[str, Any] | None = None
) -> httpx2.Response:
    return await store.api.post(path, json=body or {}, headers=bearer(key))


async def test_a_difference_waits_until_somebody_else_agrees(counted: Storehouse) -> None:
    store = counted
    hall = await key_with(store.api, "warehouse")
    boss = await key_with(store.api, "support")
    made = await sheet(store, bins=["A-01"])
    assert [(x["sku"], x["bin"], x["expected"]) for x in made["lines"]] == [("A", "A-01", None)]
    path = f"/v1/cycle-counts/{made['id']}"
    body = {"lines": [seen("A", "A-01", 8)]}
    told = (await send(store, f"{path}/counted", hall, body)).json()
    assert told["status"] == "waiting"
    assert (told["lines"][0]["counted"], told["lines"][0]["variance"]) == (8, None)
    shown = (await store.api.get(path, headers=bearer(boss))).json()
    assert (shown["lines"][0]["expected"], shown["lines"][0]["variance"]) == (10, -2)
    assert (await store.level("A"))["on_hand"] == 10
    assert (await send(store, f"{path}/approve", hall)).status_code == 403
    # What was moved since stays moved: the difference is added, not the number.
    move = [{"sku": "A", "quantity": 3, "from_bin": "A-01", "to_bin": "B-02"}]
    await store.done("/v1/stock/moves", {"warehouse": "MAIN", "lines": move})
    agreed = (await send(store, f"{path}/approve", boss, {"note": "seen by two"})).json()
    assert (agreed["status"], agreed["lines"][0]["status"]) == ("done", "approved")
    assert await store.places("A") == {("A-01", None): 5, ("B-02", None): 3}
    row = (await store.api.get("/v1/stock/movements?sku=A&limit=1")).json()["items"][0]
    assert (row["kind"], row["on_hand"], row["reason"]) == (
        "count",
        -2,
        "cycle count: seen by two",
    )
    again = await send(store, f"{path}/approve", boss)
    assert (again.status_code, again.json()["code"]) == (409, "count_closed")
    await everything_agrees(store.pool)


async def test_nobody_agrees_to_the_own_count(counted: Storehouse) -> None:
    made = await sheet(counted, bins=["A-01"])
    path = f"/v1/cycle-counts/{made['id']}"
    await counted.done(f"{path}/counted", {"lines": [seen("A", "A-01", 8)]})
    assert await counted.refused(f"{path}/approve", {}) == "same_person"
    assert (await counted.level("A"))["on_hand"] == 10


async def test_a_pick_between_the_look_and_the_report_is_no_difference(
    counted: Storehouse,
) -> None:
    made = await sheet(counted, skus=["A"])
    looked_at = datetime.now(UTC).isoformat()
    _, work_id, [line_id] = await counted.order(("A", 4))
    picked = {"lines": [{"line_id": line_id, "quantity": 4, "bin": "A-01"}]}
    await counted.done(f"/v1/fulfillment-orders/{work_id}/pick", picked)
    body = {"lines": [seen("A", "A-01", 10)], "counted_at": looked_at}
    done = await counted.done(f"/v1/cycle-counts/{made['id']}/counted", body)
    assert (done["status"], done["lines"][0]["variance"]) == ("done", 0)
    assert await counted.places("A") == {("A-01", None): 6}
    await everything_agrees(counted.pool)


async def test_nothing_was_counted_before_the_sheet_was_made(counted: Storehouse) -> None:
    before = datetime.now(UTC).isoformat()
    await counted.receive({"sku": "A", "quantity": 10, "bin": "A-01"})
    made = await sheet(counted, skus=["A"], tolerance_units=100)
    body = {"lines": [seen("A", "A-01", 20)], "counted_at": before}
    refused = await counted.post(f"/v1/cycle-counts/{made['id']}/counted", body)
    assert codes(refused) == {"/counted_at": "out_of_range"}
    assert (await counted.level("A"))["on_hand"] == 20


async def test_counts_and_picks_at_the_same_time_add_up(counted: Storehouse) -> None:
    works = [await counted.order(("A", 1)) for _ in range(6)]
    made = await sheet(counted, skus=["A"], tolerance_units=10)

    async def pick(work_id: str, line_id: str) -> None:
        body = {"lines": [{"line_id": line_id, "quantity": 1, "bin": "A-01"}]}
        await counted.done(f"/v1/fulfillment-orders/{work_id}/pick", body)

    body = {
        "lines": [seen("A", "A-01", 12)],
        "counted_at": datetime.now(UTC).isoformat(),
    }
    await asyncio.gather(
        *(pick(work_id, line_id) for _, work_id, [line_id] in works[:3]),
        counted.done(f"/v1/cycle-counts/{made['id']}/counted", body),
        *(pick(work_id, line_id) for _, work_id, [line_id] in works[3:]),
    )
    # Two more than the books knew of, and six taken.
    assert await counted.places("A") == {("A-01", None): 6}
    assert (await counted.level("A"))["on_hand"] == 12
    await everything_agrees(counted.pool)


async def test_small_differences_are_booked_at_once(counted: Storehouse) -> None:
    made = await sheet(counted, bins=["A-01", "B-02"], tolerance_percent=10)
    body = {"lines": [seen("A", "A-01", 9), seen("B", "B-02", 5)]}
    told = await counted.done(f"/v1/cycle-counts/{made['id']}/counted", body)
    assert [(x["sku"], x["status"]) for x in told["lines"]] == [("A", "accepted"), ("B", "waiting")]
    assert (await counted.level("A"))["on_hand"] == 9
    assert (await counted.level("B"))["on_hand"] == 7
    hall = await key_with(counted.api, "warehouse")
    loose = await send(
        counted,
        "/v1/cycle-counts",
        hall,
        {"warehouse": "MAIN", "skus": ["A"], "tolerance_units": 1_000},
    )
    assert loose.json()["tolerance_units"] == 0


async def test_what_the_books_did_not_know_of_is_found_in_a_bin_counted_whole(
    counted: Storehouse,
) -> None:
    made = await sheet(counted, bins=["A-01"], tolerance_units=5)
    path = f"/v1/cycle-counts/{made['id']}/counted"
    assert await counted.refused(path, {"lines": [seen("B", "B-02", 4)]}) == "not_on_sheet"
    body = {"lines": [seen("A", "A-01", 10), seen("B", "A-01", 2)]}
    done = await counted.done(path, body)
    assert [(x["sku"], x["variance"]) for x in done["lines"]] == [("A", 0), ("B", 2)]
    assert await counted.places("B") == {("A-01", None): 2, ("B-02", None): 4}
    assert (await counted.level("B"))["on_hand"] == 9


async def test_an_item_without_bins_is_counted_as_a_whole(counted: Storehouse) -> None:
    await counted.receive({"sku": "A", "quantity": 5}, warehouse="WEST")
    made = await counted.done("/v1/cycle-counts", {"warehouse": "WEST", "skus": ["A"]})
    assert [(x["sku"], x["bin"]) for x in made["lines"]] == [("A", None)]
    path = f"/v1/cycle-counts/{made['id']}"
    await counted.done(f"{path}/counted", {"lines": [seen("A", None, 6)]})
    boss = await key_with(counted.api, "admin")
    assert (await send(counted, f"{path}/approve", boss)).status_code == 200
    assert (await counted.level("A", "WEST"))["on_hand"] == 6


async def test_a_recount_puts_the_place_on_the_sheet_again(counted: Storehouse) -> None:
    boss = await key_with(counted.api, "support")
    made = await sheet(counted, bins=["A-01"])
    path = f"/v1/cycle-counts/{made['id']}"
    await counted.done(f"{path}/counted", {"lines": [seen("A", "A-01", 3)]})
    again = (await send(counted, f"{path}/recount", boss, {"lines": [1]})).json()
    assert [(x["line"], x["status"]) for x in again["lines"]] == [(1, "recounted"), (2, "open")]
    done = await counted.done(f"{path}/counted", {"lines": [seen("A", "A-01", 10)]})
    assert (done["status"], done["lines"][1]["status"]) == ("done", "accepted")
    assert (await counted.level("A"))["on_hand"] == 10


async def test_a_rejected_difference_changes_nothing(counted: Storehouse) -> None:
    boss = await key_with(counted.api, "support")
    made = await sheet(counted, bins=["A-01"])
    path = f"/v1/cycle-counts/{made['id']}"
    await counted.done(f"{path}/counted", {"lines": [seen("A", "A-01", 3)]})
    unknown = await send(counted, f"{path}/reject", boss, {"lines": [7]})
    assert (unknown.status_code, unknown.json()["code"]) == (409, "not_waiting")
    assert (await send(counted, f"{path}/reject", boss)).json()["status"] == "done"
    assert (await counted.level("A"))["on_hand"] == 10


async def test_goods_that_are_promised_are_not_counted_away_without_a_person(
    counted: Storehouse,
) -> None:
    await counted.order(("A", 9))
    boss = await key_with(counted.api, "support")
    made = await sheet(counted, bins=["A-01"], tolerance_units=10)
    path = f"/v1/cycle-counts/{made['id']}"
    told = await counted.done(f"{path}/counted", {"lines": [seen("A", "A-01", 3)]})
    assert told["status"] == "waiting"
    refused = await send(counted, f"{path}/approve", boss)
    assert (refused.status_code, refused.json()["code"]) == (409, "insufficient_stock")
    assert await counted.places("A") == {("A-01", None): 10}
    await everything_agrees(counted.pool)


async def test_a_place_is_counted_by_one_count_at_a_time(counted: Storehouse) -> None:
    made = await sheet(counted, bins=["A-01"])
    body = {"warehouse": "MAIN", "skus": ["A"]}
    assert await counted.refused("/v1/cycle-counts", body) == "nothing_to_count"
    gone = await counted.done(f"/v1/cycle-counts/{made['id']}/cancel", {})
    assert (gone["status"], gone["lines"][0]["status"]) == ("canceled", "canceled")
    assert len((await sheet(counted, skus=["A"]))["lines"]) == 1
    nothing = await counted.post("/v1/cycle-counts", {"warehouse": "MAIN"})
    assert list(codes(nothing).values()) == ["required"]
    wrong = await counted.post("/v1/cycle-counts", {"warehouse": "MAIN", "bins": ["X"]})
    assert codes(wrong) == {"/bins/0": "unknown_bin"}


async def test_fast_movers_are_class_a(counted: Storehouse) -> None:
    await counted.pool.execute(
        "INSERT INTO stock_movements (sku, warehouse, kind, on_hand, cause, actor) VALUES"
        " ('A', 'MAIN', 'ship', -95, 's', 'tests'), ('B', 'MAIN', 'ship', -5, 's', 'tests')"
    )
    fast = await sheet(counted, abc_class="A")
    assert [x["sku"] for x in fast["lines"]] == ["A"]
    slow = await sheet(counted, abc_class="C")
    assert [x["sku"] for x in slow["lines"]] == ["B"]
    listed = (await counted.api.get("/v1/cycle-counts?status=open&limit=1")).json()
    assert [x["id"] for x in listed["items"]] == [slow["id"]]
    assert listed["next_cursor"] is not None


async def test_a_count_that_agrees_with_the_books_is_written_and_wakes_who_waits(
    counted: Storehouse,
) -> None:
    order_id, _, [line_id] = await counted.order(("A", 1))
    # It looked for a unit here in vain, and waits.
    await counted.pool.execute(
        "INSERT INTO reservations (order_id, line_id, sku, quantity, status, cause, priority,"
        " queued_at) VALUES ($1, $2, 'A', 1, 'backordered', 'tests', 0, now())",
        order_id,
        line_id,
    )
    made = await sheet(counted, bins=["A-01"])
    body = {"lines": [seen("A", "A-01", 10)]}
    await counted.done(f"/v1/cycle-counts/{made['id']}/counted", body)
    row = (await counted.api.get("/v1/stock/movements?sku=A&limit=1")).json()["items"][0]
    assert (row["kind"], row["on_hand"]) == ("count", 0)
    woken = "SELECT count(*) FROM outbox WHERE order_id = $1 AND kind = 'stock_arrived'"
    assert await counted.pool.fetchval(woken, order_id) == 1


async def test_two_sheets_over_the_same_places_at_once_are_one(counted: Storehouse) -> None:
    made = await asyncio.gather(
        *(counted.post("/v1/cycle-counts", {"warehouse": "MAIN", "skus": ["A"]}) for _ in range(6))
    )
    assert sorted(answer.status_code for answer in made) == [201, 409, 409, 409, 409, 409]
    refused = {answer.json()["code"] for answer in made if answer.status_code == 409}
    assert refused <= {"counted_elsewhere", "nothing_to_count"}
