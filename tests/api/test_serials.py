"""Pieces by their numbers: told when they come, when they are picked or packed, when they go."""

from typing import Any

import pytest
import pytest_asyncio

from tests.api.orders import codes
from tests.api.storehouse import Storehouse
from tests.integration.agreement import everything_agrees

SIZE = {"weight_g": 500, "length_mm": 300, "width_mm": 200, "height_mm": 100}


@pytest_asyncio.fixture
async def phones(store: Storehouse) -> Storehouse:
    """Three phones at MAIN, one at WEST."""
    await store.receive({"sku": "PHONE", "quantity": 3, "bin": "A-01", "serials": ["1", "2", "3"]})
    await store.receive({"sku": "PHONE", "quantity": 1, "serials": ["W"]}, warehouse="WEST")
    return store


async def pieces(store: Storehouse, query: str) -> list[tuple[str, str, str | None]]:
    found = (await store.api.get(f"/v1/serials?{query}")).json()["items"]
    return [(x["serial"], x["status"], x["warehouse"]) for x in found]


async def test_a_piece_is_found_by_its_number_page_by_page(phones: Storehouse) -> None:
    assert await pieces(phones, "serial=W") == [("W", "in_stock", "WEST")]
    assert len(await pieces(phones, "sku=PHONE&warehouse=MAIN&status=in_stock")) == 3
    first = (await phones.api.get("/v1/serials?limit=3")).json()
    rest = await pieces(phones, f"cursor={first['next_cursor']}")
    assert rest == [("W", "in_stock", "WEST")]
    assert await pieces(phones, "serial=nobody") == []


async def test_a_piece_that_is_here_does_not_come_in_again(phones: Storehouse) -> None:
    body = {
        "warehouse": "WEST",
        "reference": "r",
        "lines": [{"sku": "PHONE", "quantity": 2, "serials": ["9", "1"]}],
    }
    assert await phones.refused("/v1/stock/receipts", body) == "serial_in_stock"
    assert await pieces(phones, "serial=9") == []
    assert (await phones.level("PHONE", "WEST"))["on_hand"] == 1


async def test_a_piece_that_is_gone_can_come_back(phones: Storehouse) -> None:
    lost = {
        "warehouse": "MAIN",
        "reason_code": "lost",
        "lines": [{"sku": "PHONE", "quantity": -1, "bin": "A-01", "serials": ["2"]}],
    }
    unnamed = lost | {"lines": [{"sku": "PHONE", "quantity": -1}]}
    assert codes(await phones.post("/v1/stock/adjustments", unnamed)) == {
        "/lines/0/serials": "serials_required"
    }
    unknown = lost | {"lines": [{"sku": "PHONE", "quantity": -1, "serials": ["x"]}]}
    assert codes(await phones.post("/v1/stock/adjustments", unknown)) == {
        "/lines/0/serials/0": "unknown_serial"
    }
    elsewhere = lost | {"lines": [{"sku": "PHONE", "quantity": -1, "serials": ["W"]}]}
    assert await phones.refused("/v1/stock/adjustments", elsewhere) == "serial_not_available"
    assert (await phones.level("PHONE"))["on_hand"] == 3
    await phones.done("/v1/stock/adjustments", lost)
    assert await pieces(phones, "serial=2") == [("2", "gone", None)]
    found = lost | {"lines": [{"sku": "PHONE", "quantity": 1, "serials": ["2"]}]}
    await phones.done("/v1/stock/adjustments", found | {"reason_code": "found"})
    assert await pieces(phones, "serial=2") == [("2", "in_stock", "MAIN")]
    [piece] = (await phones.api.get("/v1/serials?serial=2")).json()["items"]
    assert [event["status"] for event in piece["history"]] == ["in_stock", "gone", "in_stock"]
    await everything_agrees(phones.pool)


async def test_a_scrapped_piece_is_gone(phones: Storehouse) -> None:
    aside = {"warehouse": "MAIN", "lines": [{"sku": "PHONE", "quantity": 1, "bin": "A-01"}]}
    await phones.done("/v1/stock/quarantine", aside)
    scrap: dict[str, Any] = {"warehouse": "MAIN", "lines": [{"sku": "PHONE", "quantity": 1}]}
    assert codes(await phones.post("/v1/stock/quarantine/scrap", scrap)) == {
        "/lines/0/serials": "serials_required"
    }
    scrap["lines"][0]["serials"] = ["3"]
    await phones.done("/v1/stock/quarantine/scrap", scrap)
    assert await pieces(phones, "serial=3") == [("3", "gone", None)]
    assert (await phones.level("PHONE"))["on_hand"] == 2


@pytest.mark.parametrize(
    ("serials", "expected"),
    [
        ([], {"/parcels/0/lines/0/serials": "serials_required"}),
        (["1"], {"/parcels/0/lines/0/serials": "serials_required"}),
        (["1", "x"], {"/parcels/0/lines/0/serials/1": "unknown_serial"}),
    ],
)
async def test_a_parcel_without_its_numbers_is_not_packed(
    phones: Storehouse, serials: list[str], expected: dict[str, str]
) -> None:
    order_id, work_id, [line_id] = await phones.order(("PHONE", 2))
    lines = [{"line_id": line_id, "quantity": 2, "serials": serials}]
    body = {"parcels": [{"lines": lines, **SIZE}]}
    path = f"/v1/fulfillment-orders/{work_id}/pack"
    assert codes(await phones.post(path, body)) == expected
    types = await phones.pool.fetch("SELECT type FROM events WHERE order_id = $1", order_id)
    assert "pack_requested" not in {row["type"] for row in types}


async def test_pieces_that_were_picked_need_not_be_told_when_they_are_packed(
    phones: Storehouse,
) -> None:
    _, work_id, [line_id] = await phones.order(("PHONE", 2))
    pick = f"/v1/fulfillment-orders/{work_id}/pick"

    def found(quantity: int, *serials: str) -> dict[str, Any]:
        one = {"line_id": line_id, "quantity": quantity, "bin": "A-01", "serials": list(serials)}
        return {"lines": [one]}

    assert codes(await phones.post(pick, found(2, "1"))) == {"/lines/0/serials": "serials_required"}
    assert await phones.refused(pick, found(1, "W")) == "serial_not_available"
    await phones.done(pick, found(2, "1", "2"))
    assert await pieces(phones, "status=picked") == [
        ("1", "picked", "MAIN"),
        ("2", "picked", "MAIN"),
    ]
    body = {"parcels": [{"lines": [{"line_id": line_id, "quantity": 2}], **SIZE}]}
    # Temporal is away here: what the call itself can check is fine.
    answer = await phones.post(f"/v1/fulfillment-orders/{work_id}/pack", body)
    assert (answer.status_code, answer.json()["code"]) == (503, "engine_unavailable")
