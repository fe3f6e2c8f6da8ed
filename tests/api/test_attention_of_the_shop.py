"""What waits for a person beside orders: each kind shows when it does, and goes when it is done."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest_asyncio

from domain.attention import CAN, OTHERS, Kind
from domain.purchasing import CAN as OF_PURCHASES
from tests.api.orders import Shopfront
from tests.api.storehouse import Storehouse
from tests.api.test_access import bearer, key_with
from tests.api.test_purchasing import SUPPLIER, draft


async def waiting(store: Storehouse, **filters: Any) -> list[dict[str, Any]]:
    """What waits, page by page."""
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        params = {**filters, "limit": 3, **({"cursor": cursor} if cursor else {})}
        page = (await store.api.get("/v1/attention", params=params)).json()
        found += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return found


async def the_one(store: Storehouse, kind: Kind) -> dict[str, Any]:
    [found] = await waiting(store, kind=kind.value)
    assert found["kind"] == kind
    assert found["can"] == list({**CAN, **OTHERS, **OF_PURCHASES}[found["code"]])
    there = await store.api.get(found["links"]["self"])
    assert there.status_code == 200, there.text
    return found


async def nothing_waits(store: Storehouse) -> None:
    assert await waiting(store) == []


@pytest_asyncio.fixture
async def counted(store: Storehouse) -> Storehouse:
    await store.receive({"sku": "A", "quantity": 10, "bin": "A-01"})
    return store


async def test_a_count_that_differs_waits_for_somebody_else(counted: Storehouse) -> None:
    made = await counted.done("/v1/cycle-counts", {"warehouse": "MAIN", "bins": ["A-01"]})
    path = f"/v1/cycle-counts/{made['id']}"
    await nothing_waits(counted)
    lines = [{"sku": "A", "bin": "A-01", "counted": 8}]
    await counted.done(f"{path}/counted", {"lines": lines})
    found = await the_one(counted, Kind.CYCLE_COUNT)
    assert (found["id"], found["code"], found["warehouse"]) == (
        made["id"],
        "count_differs",
        "MAIN",
    )
    assert (found["order_id"], found["links"]["order"]) == (None, None)
    assert await waiting(counted, warehouse="WEST") == []
    assert len(await waiting(counted, warehouse="MAIN")) == 1
    assert await waiting(counted, channel="web") == []
    boss = bearer(await key_with(counted.api, "support"))
    agreed = await counted.api.post(f"{path}/approve", json={}, headers=boss)
    assert agreed.status_code == 200
    await nothing_waits(counted)


async def test_goods_set_aside_wait_for_a_decision(counted: Storehouse) -> None:
    body = {
        "warehouse": "MAIN",
        "reason_code": "quality",
        "lines": [{"sku": "A", "quantity": 4, "bin": "A-01"}],
    }
    await counted.done("/v1/stock/quarantine", body)
    found = await the_one(counted, Kind.QUARANTINE)
    assert (found["id"], found["subject"], found["detail"]) == (
        "A",
        "MAIN",
        "4 units are set aside.",
    )
    assert found["age_seconds"] < 60
    body["lines"] = [{"sku": "A", "quantity": 4, "bin": "Q-1"}]
    await counted.done("/v1/stock/quarantine/release", body)
    await nothing_waits(counted)


async def test_returned_goods_wait_for_the_bench_and_then_for_a_decision(
    counted: Storehouse,
) -> None:
    await counted.done(
        "/v1/stock/quarantine",
        {
            "warehouse": "MAIN",
            "reason_code": "other",
            "lines": [{"sku": "A", "quantity": 2, "bin": "A-01"}],
        },
    )
    order_id, _, [line_id] = await counted.order(("A", 2))
    await counted.pool.execute(
        "INSERT INTO returns (id, order_id, number, status, decides, label, shipping_paid_by,"
        " refund_to, expires_seconds, warehouse, requested_by, refund_due_at)"
        " VALUES ('ret_1', $1, 'R-1', 'received', 'approve', 'drop_off', 'shop', 'original', 1,"
        " 'MAIN', 'customer', now())",
        order_id,
    )
    await counted.pool.execute(
        "INSERT INTO return_lines (return_id, line_id, sku, quantity, reason, received)"
        " VALUES ('ret_1', $1, 'A', 2, 'unwanted', 2)",
        line_id,
    )
    await nothing_waits(counted)
    await counted.pool.execute("UPDATE return_lines SET refurbished = 1")
    assert (await the_one(counted, Kind.QUARANTINE))["detail"] == "1 units are set aside."


async def test_expired_goods_that_orders_were_promised_wait(store: Storehouse) -> None:
    today = datetime.now(UTC).date()
    lot = {"sku": "MILK", "quantity": 4, "lot": "OLD", "expires_on": today.isoformat()}
    await store.receive(lot | {"bin": "A-01"})
    await store.order(("MILK", 3))
    await store.pool.execute("UPDATE lots SET expires_on = $1", today - timedelta(days=1))
    # What is free leaves the sale by itself.
    await nothing_waits(store)
    await store.done("/v1/stock/expire", {})
    found = await the_one(store, Kind.LOT)
    assert (found["id"], found["subject"]) == ("MILK", "MAIN/OLD")
    assert found["detail"].startswith("3 units are in bins")
    assert (await the_one(store, Kind.QUARANTINE))["detail"] == "1 units are set aside."


async def test_stock_that_differs_waits_until_a_check_is_clean(counted: Storehouse) -> None:
    await counted.done("/v1/stock/reconciliations", {"full": True})
    await nothing_waits(counted)
    await counted.pool.execute("UPDATE stock_levels SET safety = 1")
    first = await counted.done("/v1/stock/reconciliations", {"full": True})
    second = await counted.done("/v1/stock/reconciliations", {"full": True})
    found = await the_one(counted, Kind.RECONCILIATION)
    assert found["id"] == second["id"]
    assert found["since"] == first["started_at"]
    await counted.pool.execute("UPDATE stock_levels SET safety = 0")
    await counted.done("/v1/stock/reconciliations", {"full": True})
    await nothing_waits(counted)


async def test_purchase_orders_claims_reviews_and_bulk_actions_wait(store: Storehouse) -> None:
    assert (await store.api.put("/v1/suppliers/ACME", json=SUPPLIER)).status_code == 200
    terms = {"unit_cost": {"amount": 410, "currency": "EUR"}}
    assert (await store.api.put("/v1/items/A/suppliers/ACME", json=terms)).status_code == 200
    bought = await draft(store.api, ("A", 3))
    order = await Shopfront(store.api).place()
    await nothing_waits(store)
    run = store.pool.execute
    await run(
        "INSERT INTO purchase_attention"
        " VALUES ($1, 'purchase_late', 'late', now() - interval '4d')",
        bought["id"],
    )
    await run(
        "INSERT INTO holds (id, order_id, reason, actor, created_at)"
        " VALUES ('hld_1', $1, 'high_risk_of_fraud', 'kervan', now() - interval '3d')",
        order["id"],
    )
    await run(
        "INSERT INTO fulfillment_orders (id, order_id, warehouse, status, cause, due_at)"
        " VALUES ('ful_1', $1, 'MAIN', 'open', 'confirm', now())",
        order["id"],
    )
    await run(
        "INSERT INTO shipments (id, order_id, fulfillment_order_id, status, weight_g,"
        " length_mm, width_mm, height_mm) VALUES ('shp_1', $1, 'ful_1', 'shipped', 1, 1, 1, 1)",
        order["id"],
    )
    await run(
        "INSERT INTO claims (id, order_id, shipment_id, reason, resolution, amount, currency,"
        " opened_at) VALUES ('clm_1', $1, 'shp_1', 'lost', 'refund', 500, 'TRY',"
        " now() - interval '2d')",
        order["id"],
    )
    await run(
        "INSERT INTO bulk_actions (id, action, filter, reason, actor, role, total, created_at)"
        " VALUES ('blk_1', 'hold', '{}', 'other', 'me', 'support', 5, now() - interval '1d'),"
        " ('blk_2', 'hold', '{}', 'other', 'me', 'support', 5, now())"
    )
    listed = await waiting(store)
    assert [(one["kind"], one["id"], one["code"], one["number"]) for one in listed] == [
        ("purchase_order", bought["id"], "purchase_late", bought["number"]),
        ("order", order["id"], "fraud_review", order["number"]),
        ("claim", "clm_1", "claim_open", None),
        ("bulk_action", "blk_1", "bulk_stuck", None),
    ]
    assert listed[1]["links"]["temporal_ui"] == order["links"]["temporal_ui"]
    assert listed[0]["links"]["temporal_ui"] == bought["links"]["temporal_ui"]
    assert listed[2]["order_number"] == order["number"]
    for kind in (Kind.PURCHASE_ORDER, Kind.ORDER, Kind.CLAIM, Kind.BULK_ACTION):
        await the_one(store, kind)


async def test_the_sum_tells_of_all_and_links_to_each(store: Storehouse) -> None:
    order = await Shopfront(store.api).place()
    rows = [("parcel_lost", "shp_1"), ("return_decision", "ret_1"), ("refund_stuck", "rfd_1/pay_1")]
    for code, subject in rows:
        await store.pool.execute(
            "INSERT INTO attention (order_id, code, subject, detail) VALUES ($1, $2, $3, 'look')",
            order["id"],
            code,
            subject,
        )
    await store.receive({"sku": "A", "quantity": 1, "bin": "Q-1"})
    found = {(one["kind"], one["id"], one["code"]) for one in await waiting(store)}
    assert found == {
        ("parcel", "shp_1", "parcel_lost"),
        ("return", "ret_1", "return_decision"),
        ("refund", "rfd_1", "refund_stuck"),
        ("quarantine", "A", "quarantined"),
    }
    told = (await store.api.get("/v1/attention/summary")).json()
    sums = {one["code"]: one for one in told["items"]}
    assert {code: (one["count"], one["orders"]) for code, one in sums.items()} == {
        "parcel_lost": (1, 1),
        "return_decision": (1, 1),
        "refund_stuck": (1, 1),
        "quarantined": (1, 0),
    }
    lost = sums["parcel_lost"]
    assert lost["links"]["temporal_ui"].endswith(
        "/namespaces/default/workflows?query=KervanAttention%20%3D%20%27parcel_lost%27"
    )
    [same] = (await store.api.get(lost["links"]["self"])).json()["items"]
    assert same["code"] == "parcel_lost"
    assert sums["quarantined"]["links"]["temporal_ui"] is None
    views = {one["name"] for one in told["views"]}
    assert {"needs a person", "held by a bug"} <= views
    assert "one order" not in views
