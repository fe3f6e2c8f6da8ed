"""Bins: where goods lie, how they get there, and that the books of places always add up."""

import asyncio
from typing import Any

import pytest

from tests.api.orders import codes
from tests.api.storehouse import Storehouse
from tests.integration.agreement import everything_agrees


def putaway(sku: str, quantity: int, bin_: str, **more: Any) -> dict[str, Any]:
    lines = [{"sku": sku, "quantity": quantity, "bin": bin_, **more}]
    return {"warehouse": "MAIN", "lines": lines}


def move(sku: str, quantity: int, source: str, target: str, **more: Any) -> dict[str, Any]:
    lines = [{"sku": sku, "quantity": quantity, "from_bin": source, "to_bin": target, **more}]
    return {"warehouse": "MAIN", "lines": lines}


async def test_a_refusal_is_the_answer_to_its_key(store: Storehouse) -> None:
    path, headers = "/v1/stock/adjustments", {"idempotency-key": "k"}
    lines = [{"sku": "A", "quantity": -5}]
    body = {"warehouse": "MAIN", "reason": "gone", "lines": lines}
    first = await store.post(path, body, **headers)
    assert (first.status_code, first.json()["code"]) == (409, "insufficient_stock")
    await store.receive({"sku": "A", "quantity": 9})
    again = await store.post(path, body, **headers)
    assert (again.status_code, again.content) == (409, first.content)
    other = await store.post(path, body | {"reason": "lost"}, **headers)
    assert other.json()["code"] == "idempotency_key_reused"
    assert (await store.level("A"))["on_hand"] == 9


async def test_bins_are_listed_in_walking_order_page_by_page(store: Storehouse) -> None:
    first = (await store.api.get("/v1/warehouses/MAIN/bins?limit=3")).json()
    rest = await store.api.get(f"/v1/warehouses/MAIN/bins?cursor={first['next_cursor']}")
    listed = [row["code"] for row in [*first["items"], *rest.json()["items"]]]
    assert listed == ["IN", "A-01", "B-02", "BULK", "Q-1"]
    one = (await store.api.get("/v1/warehouses/MAIN/bins/A-01")).json()
    assert (one["zone"], one["kind"], one["units"]) == ("A", "pick", 0)
    assert (await store.api.get("/v1/warehouses/MAIN/bins/NONE")).status_code == 404
    assert (await store.api.get("/v1/warehouses/NONE/bins")).status_code == 404
    assert (await store.api.put("/v1/warehouses/NONE/bins/A", json={})).status_code == 404


async def test_a_shop_without_bins_notices_nothing(store: Storehouse) -> None:
    await store.receive({"sku": "A", "quantity": 5}, warehouse="WEST")
    level = await store.level("A", "WEST")
    assert (level["on_hand"], level["placed"], level["available"]) == (5, 0, 5)
    assert await store.places("A") == {}


async def test_goods_are_received_put_away_and_moved(store: Storehouse) -> None:
    await store.receive({"sku": "A", "quantity": 10}, {"sku": "B", "quantity": 4, "bin": "BULK"})
    assert await store.places("B") == {("BULK", None): 4}
    answer = await store.done("/v1/stock/putaways", putaway("A", 6, "A-01"))
    assert [(x["on_hand"], x["placed"]) for x in answer["levels"]] == [(10, 6)]
    await store.done("/v1/stock/moves", move("A", 2, "A-01", "B-02"))
    assert await store.places("A") == {("A-01", None): 4, ("B-02", None): 2}
    ledger = (await store.api.get("/v1/stock/places/movements?sku=A")).json()["items"]
    assert [(row["bin"], row["kind"], row["quantity"]) for row in reversed(ledger)] == [
        ("A-01", "putaway", 6),
        ("A-01", "move", -2),
        ("B-02", "move", 2),
    ]
    await everything_agrees(store.pool)


async def test_goods_move_through_a_bin_in_one_request(store: Storehouse) -> None:
    await store.receive(
        {"sku": "A", "quantity": 5, "bin": "A-01"}, {"sku": "A", "quantity": 3, "bin": "B-02"}
    )
    lines = [
        {"sku": "A", "quantity": 5, "from_bin": "A-01", "to_bin": "B-02"},
        {"sku": "A", "quantity": 3, "from_bin": "B-02", "to_bin": "BULK"},
    ]
    await store.done("/v1/stock/moves", {"warehouse": "MAIN", "lines": lines})
    assert await store.places("A") == {("B-02", None): 5, ("BULK", None): 3}
    await everything_agrees(store.pool)


async def test_more_than_there_is_goes_nowhere(store: Storehouse) -> None:
    await store.receive({"sku": "A", "quantity": 5}, {"sku": "A", "quantity": 3, "bin": "A-01"})
    assert await store.refused("/v1/stock/putaways", putaway("A", 6, "A-01")) == "not_loose"
    assert await store.refused("/v1/stock/moves", move("A", 4, "A-01", "B-02")) == "not_in_bin"
    unknown = await store.post("/v1/stock/putaways", putaway("A", 1, "C-99"))
    assert codes(unknown) == {"/lines/0/bin": "unknown_bin"}
    assert await store.places("A") == {("A-01", None): 3}
    await everything_agrees(store.pool)


async def test_the_same_put_away_sent_often_happens_once(store: Storehouse) -> None:
    await store.receive({"sku": "A", "quantity": 100})
    headers = {"idempotency-key": "k"}
    answers = await asyncio.gather(
        *(
            store.api.post("/v1/stock/putaways", json=putaway("A", 10, "A-01"), headers=headers)
            for _ in range(10)
        )
    )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert await store.places("A") == {("A-01", None): 10}


async def test_a_forgotten_key_does_not_put_goods_away_twice(store: Storehouse) -> None:
    await store.receive({"sku": "A", "quantity": 100})
    headers = {"idempotency-key": "k"}
    body = putaway("A", 10, "A-01")
    await store.api.post("/v1/stock/putaways", json=body, headers=headers)
    await store.pool.execute("DELETE FROM idempotency_keys")
    again = await store.api.post("/v1/stock/putaways", json=body, headers=headers)
    assert (again.status_code, again.json()["code"]) == (409, "already_recorded")
    assert await store.places("A") == {("A-01", None): 10}


async def test_a_bin_with_goods_does_not_become_a_quarantine(store: Storehouse) -> None:
    await store.receive({"sku": "A", "quantity": 3, "bin": "A-01"})
    changed = await store.api.put("/v1/warehouses/MAIN/bins/A-01", json={"kind": "quarantine"})
    assert (changed.status_code, changed.json()["code"]) == (409, "bin_not_empty")
    wider = await store.api.put("/v1/warehouses/MAIN/bins/A-01", json={"kind": "bulk"})
    assert wider.json()["kind"] == "bulk"
    empty = await store.api.put("/v1/warehouses/MAIN/bins/B-02", json={"kind": "quarantine"})
    assert empty.json()["kind"] == "quarantine"


async def test_an_adjustment_names_its_bin_and_a_reason_code(store: Storehouse) -> None:
    await store.receive({"sku": "A", "quantity": 5, "bin": "A-01"}, {"sku": "A", "quantity": 5})
    gone = {
        "warehouse": "MAIN",
        "reason_code": "theft",
        "note": "the seal was broken",
        "lines": [{"sku": "A", "quantity": -2, "bin": "A-01"}],
    }
    await store.done("/v1/stock/adjustments", gone)
    assert await store.places("A") == {("A-01", None): 3}
    row = (await store.api.get("/v1/stock/movements?sku=A&limit=1")).json()["items"][0]
    assert (row["kind"], row["on_hand"]) == ("adjust", -2)
    assert row["reason"] == "theft: the seal was broken"
    found = gone | {"lines": [{"sku": "A", "quantity": 1, "bin": "B-02"}]}
    await store.done("/v1/stock/adjustments", found)
    assert await store.places("A") == {("A-01", None): 3, ("B-02", None): 1}
    wrong = gone | {"reason_code": "bad luck"}
    assert codes(await store.post("/v1/stock/adjustments", wrong)) == {
        "/reason_code": "not_allowed"
    }
    await everything_agrees(store.pool)


async def test_what_leaves_without_a_bin_is_drawn_in_walking_order(store: Storehouse) -> None:
    await store.receive(
        {"sku": "A", "quantity": 1},
        {"sku": "A", "quantity": 3, "bin": "B-02"},
        {"sku": "A", "quantity": 3, "bin": "A-01"},
    )
    body = {
        "warehouse": "MAIN",
        "reason": "lost",
        "lines": [{"sku": "A", "quantity": -5}],
    }
    await store.done("/v1/stock/adjustments", body)
    assert await store.places("A") == {("B-02", None): 2}
    level = await store.level("A")
    assert (level["on_hand"], level["placed"]) == (2, 2)
    count = {"warehouse": "MAIN", "lines": [{"sku": "A", "counted": 1}]}
    await store.done("/v1/stock/counts", count)
    assert await store.places("A") == {("B-02", None): 1}
    transfer = {
        "from_warehouse": "MAIN",
        "to_warehouse": "WEST",
        "reference": "T",
        "lines": [{"sku": "A", "quantity": 1}],
    }
    await store.done("/v1/stock/transfers", transfer)
    assert await store.places("A") == {}
    await everything_agrees(store.pool)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ({"sku": "A", "quantity": 1, "lot": "L"}, {"/lines/0/lot": "not_lot_tracked"}),
        ({"sku": "MILK", "quantity": 1}, {"/lines/0/lot": "lot_required"}),
        ({"sku": "A", "quantity": 1, "serials": ["1"]}, {"/lines/0/serials": "not_serial_tracked"}),
        (
            {"sku": "PHONE", "quantity": 2, "serials": ["1"]},
            {"/lines/0/serials": "serials_required"},
        ),
        ({"sku": "PHONE", "quantity": 2, "serials": ["1", "1"]}, {"/lines/0/serials": "duplicate"}),
        (
            {"sku": "MILK", "quantity": 1, "lot": "L", "expires_on": "31.01.2030"},
            {"/lines/0/expires_on": "bad_date"},
        ),
        (
            {"sku": "MILK", "quantity": 1, "lot": "L", "expires_on": 20_000},
            {"/lines/0/expires_on": "bad_date"},
        ),
    ],
)
async def test_a_receipt_tells_what_the_item_wants(
    store: Storehouse, line: dict[str, Any], expected: dict[str, str]
) -> None:
    body = {"warehouse": "MAIN", "reference": "r", "lines": [line]}
    assert codes(await store.post("/v1/stock/receipts", body)) == expected
    assert await store.pool.fetchval("SELECT count(*) FROM stock_movements") == 0


async def test_tracking_begins_before_there_is_any_stock(store: Storehouse) -> None:
    await store.receive({"sku": "A", "quantity": 1})
    late = await store.api.put("/v1/items/A", json={"name": "A", "lot_tracked": True})
    assert (late.status_code, late.json()["code"]) == (409, "item_has_stock")
    kept = await store.api.put("/v1/items/MILK", json={"name": "Milk"})
    assert (kept.json()["lot_tracked"], kept.json()["serial_tracked"]) == (True, False)
