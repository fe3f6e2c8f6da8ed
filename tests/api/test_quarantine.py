"""Quarantine and expiry: what nobody may sell, who decides, and what was promised before."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.api.orders import codes
from tests.api.storehouse import Storehouse
from tests.integration.agreement import everything_agrees


def day(days: int) -> str:
    return (datetime.now(UTC).date() + timedelta(days=days)).isoformat()


def aside(sku: str, quantity: int, **more: Any) -> dict[str, Any]:
    lines = [{"sku": sku, "quantity": quantity, **more}]
    return {"warehouse": "MAIN", "reason_code": "quality", "lines": lines}


async def counters(store: Storehouse, sku: str = "A") -> tuple[int, int, int, int]:
    """On hand, damaged, quarantined, available."""
    level = await store.level(sku)
    return level["on_hand"], level["damaged"], level["quarantined"], level["available"]


async def test_goods_set_aside_are_not_for_sale_until_released(store: Storehouse) -> None:
    await store.receive({"sku": "A", "quantity": 10, "bin": "A-01"})
    await store.done("/v1/stock/quarantine", aside("A", 4, bin="A-01"))
    assert await counters(store) == (10, 4, 4, 6)
    assert await store.places("A") == {("A-01", None): 6, ("Q-1", None): 4}
    await store.done("/v1/stock/quarantine/release", aside("A", 1, bin="Q-1", to_bin="B-02"))
    assert await counters(store) == (10, 3, 3, 7)
    assert await store.places("A") == {("A-01", None): 6, ("B-02", None): 1, ("Q-1", None): 3}
    await store.done("/v1/stock/quarantine/condemn", aside("A", 1))
    assert await counters(store) == (10, 3, 2, 7)
    await store.done("/v1/stock/quarantine/scrap", aside("A", 2))
    assert await counters(store) == (8, 1, 0, 7)
    scrap = aside("A", 1) | {"condemned": True}
    await store.done("/v1/stock/quarantine/scrap", scrap)
    assert await counters(store) == (7, 0, 0, 7)
    assert await store.places("A") == {("A-01", None): 6, ("B-02", None): 1}
    kinds = await store.pool.fetch("SELECT kind FROM stock_movements ORDER BY id")
    assert [row["kind"] for row in kinds] == [
        "receipt",
        "quarantine",
        "quarantine",
        "quarantine",
        "scrap",
        "scrap",
    ]
    await everything_agrees(store.pool)


async def test_what_goes_into_a_quarantine_bin_is_quarantined(store: Storehouse) -> None:
    await store.receive({"sku": "A", "quantity": 3, "bin": "Q-1"}, {"sku": "A", "quantity": 7})
    assert await counters(store) == (10, 3, 3, 7)
    put = {"warehouse": "MAIN", "lines": [{"sku": "A", "quantity": 2, "bin": "Q-1"}]}
    await store.done("/v1/stock/putaways", put)
    assert await counters(store) == (10, 5, 5, 5)
    back = {
        "warehouse": "MAIN",
        "lines": [{"sku": "A", "quantity": 1, "from_bin": "Q-1", "to_bin": "A-01"}],
    }
    assert await store.refused("/v1/stock/moves", back) == "in_quarantine"
    await everything_agrees(store.pool)


async def test_quarantined_goods_that_were_loose_are_not_counted_twice(store: Storehouse) -> None:
    await store.receive({"sku": "A", "quantity": 5})
    lines = [{"sku": "A", "quantity": 2, "counter": "quarantined"}]
    body = {"warehouse": "MAIN", "reason": "a wet box", "lines": lines}
    await store.done("/v1/stock/adjustments", body)
    assert await counters(store) == (5, 2, 2, 3)
    put = {"warehouse": "MAIN", "lines": [{"sku": "A", "quantity": 3, "bin": "Q-1"}]}
    await store.done("/v1/stock/putaways", put)
    assert await counters(store) == (5, 3, 3, 2)
    await everything_agrees(store.pool)


async def test_what_is_promised_cannot_be_set_aside(store: Storehouse) -> None:
    await store.receive({"sku": "A", "quantity": 3, "bin": "A-01"})
    await store.order(("A", 2))
    assert await store.refused("/v1/stock/quarantine", aside("A", 2, bin="A-01")) == (
        "insufficient_stock"
    )
    assert await store.places("A") == {("A-01", None): 3}
    assert await store.refused("/v1/stock/quarantine", aside("A", 1)) == "not_loose"
    assert await store.refused("/v1/stock/quarantine/release", aside("A", 1)) == (
        "insufficient_stock"
    )
    wrong = aside("A", 1, bin="A-01", to_bin="B-02")
    assert await store.refused("/v1/stock/quarantine", wrong) == "wrong_bin_kind"
    await everything_agrees(store.pool)


async def test_goods_of_a_lot_lie_where_goods_come_in(store: Storehouse) -> None:
    await store.receive({"sku": "MILK", "quantity": 6, "lot": "L1", "expires_on": day(30)})
    assert await store.places("MILK") == {("IN", "L1"): 6}
    other = {"sku": "MILK", "quantity": 6, "lot": "L1", "expires_on": day(31)}
    body = {"warehouse": "MAIN", "reference": "r", "lines": [other]}
    assert await store.refused("/v1/stock/receipts", body) == "lot_differs"
    body = body | {"warehouse": "WEST"} | {"lines": [other | {"lot": "L2"}]}
    assert await store.refused("/v1/stock/receipts", body) == "bin_required"
    old = {"sku": "MILK", "quantity": 1, "lot": "L0", "expires_on": day(-1)}
    body = {"warehouse": "MAIN", "reference": "r", "lines": [old]}
    assert await store.refused("/v1/stock/receipts", body) == "lot_expired"
    await store.receive(old | {"bin": "Q-1"})
    assert await counters(store, "MILK") == (7, 1, 1, 6)
    assert codes(
        await store.post(
            "/v1/stock/putaways",
            {"warehouse": "MAIN", "lines": [{"sku": "MILK", "quantity": 1, "bin": "A-01"}]},
        )
    ) == {"/lines/0/lot": "lot_required"}


async def test_an_expired_lot_goes_off_sale_and_what_was_promised_is_told(
    store: Storehouse,
) -> None:
    await store.receive(
        {"sku": "MILK", "quantity": 4, "lot": "OLD", "expires_on": day(0), "bin": "A-01"},
        {"sku": "MILK", "quantity": 3, "lot": "NEW", "expires_on": day(60), "bin": "B-02"},
    )
    order_id, work_id, _ = await store.order(("MILK", 5))
    still_good = await store.done("/v1/stock/expire", {"today": day(0)})
    assert still_good == {"moved": [], "promised": []}
    answer = await store.done("/v1/stock/expire", {"today": day(1)})
    assert [(x["bin"], x["lot"], x["quantity"]) for x in answer["moved"]] == [("A-01", "OLD", 2)]
    [left] = answer["promised"]
    assert (left["bin"], left["lot"], left["quantity"]) == ("A-01", "OLD", 2)
    assert left["work"] == [{"fulfillment_order_id": work_id, "order_id": order_id, "quantity": 5}]
    assert await counters(store, "MILK") == (7, 2, 2, 0)
    assert await store.places("MILK") == {
        ("A-01", "OLD"): 2,
        ("B-02", "NEW"): 3,
        ("Q-1", "OLD"): 2,
    }
    again = await store.done("/v1/stock/expire", {"today": day(1)})
    assert (again["moved"], len(again["promised"])) == ([], 1)
    row = (await store.api.get("/v1/stock/movements?sku=MILK&kind=expire")).json()["items"]
    assert [(x["damaged"], x["quarantined"], x["reason"]) for x in row] == [(2, 2, "expired")]
    await everything_agrees(store.pool)
