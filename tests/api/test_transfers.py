"""Transfers in two steps: expected while they travel, and the difference stays with its reason."""

from typing import Any

from tests.api.orders import codes
from tests.api.storehouse import Storehouse
from tests.api.test_quarantine import day
from tests.integration.agreement import everything_agrees


async def sent(store: Storehouse, *lines: dict[str, Any]) -> dict[str, Any]:
    body = {
        "from_warehouse": "MAIN",
        "to_warehouse": "WEST",
        "reference": "T-1",
        "in_transit": True,
        "lines": list(lines),
    }
    answer = await store.done("/v1/stock/transfers", body)
    transfer: dict[str, Any] = answer["transfer"]
    return transfer


async def test_goods_are_expected_until_they_are_there(store: Storehouse) -> None:
    await store.receive({"sku": "A", "quantity": 10, "bin": "A-01"})
    transfer = await sent(store, {"sku": "A", "quantity": 6, "bin": "A-01"})
    west = await store.level("A", "WEST")
    assert (west["on_hand"], west["incoming"], west["available"]) == (0, 6, 0)
    assert (await store.level("A"))["on_hand"] == 4
    assert await store.places("A") == {("A-01", None): 4}
    path = f"/v1/stock/transfers/{transfer['id']}"
    fewer = {"lines": [{"sku": "A", "quantity": 5}]}
    assert codes(await store.post(f"{path}/receive", fewer)) == {"/lines/0/reason": "required"}
    fewer["lines"][0]["reason"] = "one was wet"
    done = await store.done(f"{path}/receive", fewer)
    assert done["transfer"]["status"] == "received"
    assert done["transfer"]["lines"] == [
        {
            "sku": "A",
            "lot": None,
            "quantity": 6,
            "received": 5,
            "difference": -1,
            "reason": "one was wet",
            "serials": [],
        }
    ]
    west = await store.level("A", "WEST")
    assert (west["on_hand"], west["incoming"], west["available"]) == (5, 0, 5)
    assert await store.refused(f"{path}/receive", {}) == "transfer_closed"
    kinds = await store.pool.fetch(
        "SELECT kind, on_hand, incoming FROM stock_movements WHERE warehouse = 'WEST' ORDER BY id"
    )
    assert sorted(tuple(row) for row in kinds) == [
        ("expected", 0, -6),
        ("expected", 0, 6),
        ("transfer_in", 5, 0),
    ]
    listed = (await store.api.get("/v1/stock/transfers?warehouse=WEST&status=received")).json()
    assert [x["id"] for x in listed["items"]] == [transfer["id"]]
    assert (await store.api.get("/v1/stock/transfers/trf_none")).status_code == 404
    await everything_agrees(store.pool)


async def test_lots_and_pieces_travel_with_their_goods(store: Storehouse) -> None:
    await store.api.put("/v1/warehouses/WEST/bins/DOCK", json={"kind": "receiving"})
    await store.receive(
        {"sku": "MILK", "quantity": 4, "lot": "L1", "expires_on": day(9), "bin": "A-01"},
        {"sku": "PHONE", "quantity": 2, "serials": ["p1", "p2"]},
    )
    unnamed = {
        "from_warehouse": "MAIN",
        "to_warehouse": "WEST",
        "reference": "T",
        "lines": [{"sku": "MILK", "quantity": 1}],
    }
    assert codes(await store.post("/v1/stock/transfers", unnamed)) == {
        "/lines/0/bin": "bin_required",
        "/lines/0/lot": "lot_required",
    }
    transfer = await sent(
        store,
        {"sku": "MILK", "quantity": 3, "bin": "A-01", "lot": "L1"},
        {"sku": "PHONE", "quantity": 2, "serials": ["p1", "p2"]},
    )
    pieces = (await store.api.get("/v1/serials?sku=PHONE")).json()["items"]
    assert {(x["serial"], x["status"]) for x in pieces} == {
        ("p1", "in_transit"),
        ("p2", "in_transit"),
    }
    arrived = {
        "lines": [{"sku": "PHONE", "quantity": 1, "serials": ["p2"], "reason": "p1 was stolen"}]
    }
    await store.done(f"/v1/stock/transfers/{transfer['id']}/receive", arrived)
    assert await store.places("MILK") == {("A-01", "L1"): 1, ("DOCK", "L1"): 3}
    pieces = (await store.api.get("/v1/serials?sku=PHONE")).json()["items"]
    assert [(x["serial"], x["status"], x["warehouse"]) for x in pieces] == [
        ("p1", "gone", None),
        ("p2", "in_stock", "WEST"),
    ]
    at_once = {
        "from_warehouse": "WEST",
        "to_warehouse": "MAIN",
        "reference": "T",
        "lines": [
            {"sku": "PHONE", "quantity": 1, "serials": ["p2"]},
            {"sku": "MILK", "quantity": 1, "bin": "DOCK", "lot": "L1"},
        ],
    }
    await store.done("/v1/stock/transfers", at_once)
    assert await store.places("MILK") == {("A-01", "L1"): 1, ("DOCK", "L1"): 2, ("IN", "L1"): 1}
    [piece] = (await store.api.get("/v1/serials?serial=p2")).json()["items"]
    assert piece["warehouse"] == "MAIN"
    assert [event["status"] for event in piece["history"]] == [
        "in_stock",
        "in_transit",
        "in_stock",
        "in_transit",
        "in_stock",
    ]
    await everything_agrees(store.pool)


async def test_a_line_that_was_not_sent_does_not_arrive(store: Storehouse) -> None:
    await store.receive({"sku": "A", "quantity": 3})
    transfer = await sent(store, {"sku": "A", "quantity": 3})
    path = f"/v1/stock/transfers/{transfer['id']}/receive"
    body = {
        "lines": [
            {"sku": "B", "quantity": 1},
            {"sku": "A", "quantity": 3},
            {"sku": "A", "quantity": 3},
        ]
    }
    assert codes(await store.post(path, body)) == {
        "/lines/0": "unknown_line",
        "/lines/2": "duplicate",
    }
    assert (await store.level("A", "WEST"))["incoming"] == 3
