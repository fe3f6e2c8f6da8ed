"""Buying over HTTP while Temporal is away: suppliers, drafts, deliveries, refusals."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from db import purchasing
from db.pool import Pool
from domain.states import PurchaseStatus

SUPPLIER = {
    "name": "Acme Textiles",
    "email": "orders@acme.example",
    "currency": "EUR",
    "lead_time_days": 9,
}
WAREHOUSE = {"name": "Main", "country": "TR", "city": "İstanbul", "kind": "own"}
EUROS = {"amount": 410, "currency": "EUR"}


async def stocked(api: httpx2.AsyncClient, *skus: str, **terms: Any) -> None:
    """A warehouse, a supplier, and items that it sells."""
    assert (await api.put("/v1/warehouses/MAIN", json=WAREHOUSE)).status_code == 200
    assert (await api.put("/v1/suppliers/ACME", json=SUPPLIER)).status_code == 200
    for sku in skus:
        assert (await api.put(f"/v1/items/{sku}", json={"name": f"Item {sku}"})).status_code == 200
        body = {"unit_cost": EUROS, "supplier_sku": f"AC-{sku}", **terms}
        assert (await api.put(f"/v1/items/{sku}/suppliers/ACME", json=body)).status_code == 200


async def draft(api: httpx2.AsyncClient, *lines: tuple[str, int], key: str = "") -> dict[str, Any]:
    """A draft of these units."""
    body = {
        "supplier": "ACME",
        "warehouse": "MAIN",
        "lines": [{"sku": sku, "quantity": units} for sku, units in lines],
    }
    headers = {"idempotency-key": key} if key else {}
    found = await api.post("/v1/purchase-orders", json=body, headers=headers)
    assert found.status_code == 201, found.text
    answer: dict[str, Any] = found.json()
    return answer


async def with_the_supplier(pool: Pool, purchase_id: str) -> None:
    """Put it into the state that its workflow leaves it in once it is sent."""
    async with pool.acquire() as conn, conn.transaction():
        await purchasing.lock(conn, purchase_id)
        await purchasing.expect(conn, await purchasing.load(conn, purchase_id), "sent")
        await conn.execute(
            "UPDATE purchase_orders SET status = 'sent', sent_at = now() WHERE id = $1", purchase_id
        )


def codes(answer: httpx2.Response) -> list[tuple[str, str]]:
    """Pointers and codes of a 422."""
    assert answer.status_code == 422, answer.text
    return [(error["pointer"], error["code"]) for error in answer.json()["errors"]]


async def test_a_supplier_is_made_changed_and_listed(api: httpx2.AsyncClient) -> None:
    await stocked(api)
    made = (await api.get("/v1/suppliers/ACME")).json()
    assert made | SUPPLIER == made
    assert (made["locale"], made["active"], made["over_delivery_bp"]) == ("en", True, None)
    changed = await api.put("/v1/suppliers/ACME", json=SUPPLIER | {"active": False})
    assert changed.json()["active"] is False
    assert [s["code"] for s in (await api.get("/v1/suppliers")).json()["items"]] == ["ACME"]
    assert (await api.get("/v1/suppliers/NONE")).status_code == 404


async def test_one_supplier_of_an_item_is_preferred(api: httpx2.AsyncClient) -> None:
    await stocked(api, "SHIRT", preferred=True)
    assert (await api.put("/v1/suppliers/OTHER", json=SUPPLIER)).status_code == 200
    terms = {"unit_cost": EUROS, "preferred": True}
    assert (await api.put("/v1/items/SHIRT/suppliers/OTHER", json=terms)).status_code == 200
    acme = (await api.get("/v1/suppliers/ACME/items")).json()["items"]
    assert [(t["sku"], t["preferred"], t["unit_cost"]) for t in acme] == [("SHIRT", False, EUROS)]
    assert (await api.put("/v1/items/NONE/suppliers/ACME", json=terms)).status_code == 404
    assert (await api.put("/v1/items/SHIRT/suppliers/NONE", json=terms)).status_code == 404


async def test_the_least_that_can_be_bought_costs_no_more_than_an_amount_can_be(
    api: httpx2.AsyncClient,
) -> None:
    await stocked(api, "SHIRT")
    dear = {"amount": 2**53 // 1_000, "currency": "EUR"}
    path = "/v1/items/SHIRT/suppliers/ACME"
    for too_much in ({"moq": 1_001}, {"pack_size": 1_001}):
        refused = await api.put(path, json={"unit_cost": dear, **too_much})
        assert codes(refused) == [("/unit_cost/amount", "too_large")]
    assert (await api.put(path, json={"unit_cost": dear, "moq": 1_000})).status_code == 200


async def test_a_supplier_has_one_currency(api: httpx2.AsyncClient) -> None:
    await stocked(api, "SHIRT")
    lira = {"unit_cost": {"amount": 1, "currency": "TRY"}}
    wrong = await api.put("/v1/items/SHIRT/suppliers/ACME", json=lira)
    assert codes(wrong) == [("/unit_cost/currency", "currency_mismatch")]
    refused = await api.put("/v1/suppliers/ACME", json=SUPPLIER | {"currency": "TRY"})
    assert (refused.status_code, refused.json()["code"]) == (409, "priced_otherwise")
    assert (await api.get("/v1/suppliers/ACME")).json()["currency"] == "EUR"


async def test_a_draft_takes_cost_and_day_from_the_terms(
    api: httpx2.AsyncClient, pool: Pool
) -> None:
    await stocked(api, "SHIRT", "SOCKS", lead_time_days=4)
    made = await draft(api, ("SHIRT", 12), ("SOCKS", 100))
    day = (datetime.now(UTC).date() + timedelta(4)).isoformat()
    assert made["number"].startswith("P-")
    assert (made["status"], made["expected_on"], made["late"]) == ("draft", day, False)
    assert made["total"] == {"amount": 112 * 410, "currency": "EUR"}
    assert [(x["sku"], x["supplier_sku"], x["open"], x["expected_on"]) for x in made["lines"]] == [
        ("SHIRT", "AC-SHIRT", 12, day),
        ("SOCKS", "AC-SOCKS", 100, day),
    ]
    assert (await api.get(f"/v1/purchase-orders/{made['id']}")).json() == made | {"receipts": []}
    [row] = await pool.fetch("SELECT kind, order_id FROM outbox")
    assert tuple(row) == ("start_purchase", made["id"])


async def test_the_same_key_makes_one_draft(api: httpx2.AsyncClient, pool: Pool) -> None:
    await stocked(api, "SHIRT")
    first = await draft(api, ("SHIRT", 12), key="k")
    assert await draft(api, ("SHIRT", 12), key="k") == first
    assert await pool.fetchval("SELECT count(*) FROM purchase_orders") == 1


@pytest.mark.parametrize(
    ("change", "errors"),
    [
        ({"supplier": "NONE"}, [("/supplier", "unknown_supplier")]),
        ({"warehouse": "NONE"}, [("/warehouse", "unknown_warehouse")]),
        ({"lines": [{"sku": "NONE", "quantity": 1}]}, [("/lines/0/sku", "unknown_sku")]),
        ({"lines": [{"sku": "BARE", "quantity": 1}]}, [("/lines/0/unit_cost", "required")]),
        ({"lines": [{"sku": "SHIRT", "quantity": 1}] * 2}, [("/lines/1/sku", "duplicate")]),
        ({"lines": [{"sku": "SHIRT", "quantity": 0}]}, [("/lines/0/quantity", "too_small")]),
        (
            {"lines": [{"sku": "SHIRT", "quantity": 1, "unit_cost": EUROS | {"currency": "TRY"}}]},
            [("/lines/0/unit_cost/currency", "currency_mismatch")],
        ),
        (
            {
                "lines": [
                    {"sku": "SHIRT", "quantity": 2, "unit_cost": EUROS | {"amount": 2**53 - 1}}
                ]
            },
            [("/lines", "total_too_large")],
        ),
        (
            {"lines": [{"sku": "SHIRT", "quantity": 1, "expected_on": "soon"}]},
            [("/lines/0/expected_on", "bad_date")],
        ),
        ({"from_suggestions": True}, [("/lines", "lines_or_suggestions")]),
        ({"lines": None}, [("/lines", "lines_or_suggestions")]),
        ({"skus": ["SHIRT"]}, [("/skus", "not_allowed")]),
    ],
)
async def test_a_draft_that_makes_no_sense_is_refused(
    api: httpx2.AsyncClient, pool: Pool, change: dict[str, Any], errors: list[tuple[str, str]]
) -> None:
    await stocked(api, "SHIRT")
    await api.put("/v1/items/BARE", json={"name": "Bare"})
    body = {
        "supplier": "ACME",
        "warehouse": "MAIN",
        "lines": [{"sku": "SHIRT", "quantity": 1}],
    }
    assert codes(await api.post("/v1/purchase-orders", json=body | change)) == errors
    assert await pool.fetchval("SELECT count(*) FROM purchase_orders") == 0


async def test_nothing_is_bought_from_a_supplier_out_of_business(api: httpx2.AsyncClient) -> None:
    await stocked(api, "SHIRT")
    await api.put("/v1/suppliers/ACME", json=SUPPLIER | {"active": False})
    body = {
        "supplier": "ACME",
        "warehouse": "MAIN",
        "lines": [{"sku": "SHIRT", "quantity": 1}],
    }
    refused = await api.post("/v1/purchase-orders", json=body)
    assert (refused.status_code, refused.json()["code"]) == (409, "supplier_inactive")


async def test_requests_wait_for_the_engine_and_stand_in_the_timeline(
    api: httpx2.AsyncClient, pool: Pool
) -> None:
    await stocked(api, "SHIRT")
    made = await draft(api, ("SHIRT", 12))
    path = f"/v1/purchase-orders/{made['id']}"
    for call, body in (
        ("approve", {}),
        ("send", {"by": "hand"}),
        ("cancel", {"reason": "r"}),
        ("close", {"reason": "r"}),
        ("reschedule", {"expected_on": "2030-01-01"}),
    ):
        answer = await api.post(f"{path}/{call}", json=body, headers={"idempotency-key": call})
        assert (answer.status_code, answer.json()["code"]) == (503, "engine_unavailable"), call
        assert answer.headers["retry-after"]
    assert (await api.get(path)).json()["status"] == "draft"
    events = (await api.get(f"{path}/events")).json()["items"]
    assert [event["type"] for event in events] == [
        "purchase_order_created",
        "approve_requested",
        "send_requested",
        "cancel_requested",
        "close_requested",
        "reschedule_requested",
    ]
    assert await pool.fetchval("SELECT count(*) FROM stock_movements") == 0


async def test_an_unknown_purchase_order_is_not_found(api: httpx2.AsyncClient) -> None:
    for call in ("approve", "send"):
        assert (await api.post(f"/v1/purchase-orders/pur_0/{call}")).status_code == 404
    for call, body in (
        ("cancel", {"reason": "r"}),
        ("reschedule", {"expected_on": "2030-01-01"}),
        ("receipts", {"reference": "D", "lines": [{"sku": "S", "quantity": 1}]}),
    ):
        assert (await api.post(f"/v1/purchase-orders/pur_0/{call}", json=body)).status_code == 404
    for part in ("", ".csv", "/events"):
        assert (await api.get(f"/v1/purchase-orders/pur_0{part}")).status_code == 404


async def test_a_delivery_needs_postgresql_alone(api: httpx2.AsyncClient, pool: Pool) -> None:
    await stocked(api, "SHIRT")
    made = await draft(api, ("SHIRT", 12))
    await with_the_supplier(pool, made["id"])
    body = {"reference": "DN-1", "lines": [{"sku": "SHIRT", "quantity": 5, "damaged": 2}]}
    path, key = f"/v1/purchase-orders/{made['id']}", {"idempotency-key": "d1"}
    came = await api.post(f"{path}/receipts", json=body, headers=key)
    assert came.status_code == 201, came.text
    answer = came.json()
    assert answer["receipt"]["lines"] == [{"sku": "SHIRT", "accepted": 3, "damaged": 2, "over": 0}]
    [level] = answer["levels"]
    assert (level["on_hand"], level["damaged"], level["available"], level["incoming"]) == (
        5, 2, 3, 7,
    )  # fmt: skip
    [line] = answer["purchase_order"]["lines"]
    assert (line["received"], line["damaged"], line["open"]) == (5, 2, 7)
    assert (await api.post(f"{path}/receipts", json=body, headers=key)).json() == answer
    ledger = await pool.fetch(
        "SELECT kind, on_hand, damaged, incoming FROM stock_movements ORDER BY id"
    )
    assert [tuple(row) for row in ledger] == [("expected", 0, 0, 12), ("receipt", 5, 2, -5)]
    news = await pool.fetch("SELECT order_id FROM outbox WHERE kind = 'goods_received'")
    assert [row["order_id"] for row in news] == [made["id"]]
    assert len((await api.get(path)).json()["receipts"]) == 1


async def test_too_much_is_refused_unless_it_is_tolerated_or_accepted(
    api: httpx2.AsyncClient, pool: Pool
) -> None:
    await stocked(api, "SHIRT")
    await api.put("/v1/suppliers/ACME", json=SUPPLIER | {"over_delivery_bp": 1_000})
    made = await draft(api, ("SHIRT", 25))
    await with_the_supplier(pool, made["id"])
    path = f"/v1/purchase-orders/{made['id']}"
    body: dict[str, Any] = {"reference": "DN-1", "lines": [{"sku": "SHIRT", "quantity": 28}]}
    refused = await api.post(f"{path}/receipts", json=body)
    assert (refused.status_code, refused.json()["code"]) == (409, "over_delivery")
    assert refused.json()["current"] == {
        "status": "sent",
        "mail_status": "",
        "sku": "SHIRT",
        "ordered": "25",
        "received": "0",
        "delivered": "28",
        "tolerated": "2",
    }
    assert await pool.fetchval("SELECT on_hand FROM stock_levels") == 0
    assert (await api.get(f"{path}/events")).json()["items"][-1]["type"] == "receipt_refused"
    body["lines"][0]["quantity"] = 27
    came = await api.post(f"{path}/receipts", json=body)
    assert came.json()["receipt"]["lines"][0]["over"] == 2
    assert came.json()["levels"][0]["incoming"] == 0
    body |= {"accept_over_delivery": True}
    more = (await api.post(f"{path}/receipts", json=body)).json()
    assert (more["receipt"]["lines"][0]["over"], more["levels"][0]["on_hand"]) == (27, 54)
    assert more["purchase_order"]["lines"][0]["over"] == 29


async def test_lots_and_pieces_are_told_where_the_item_wants_them(
    api: httpx2.AsyncClient, pool: Pool
) -> None:
    await stocked(api, "TEA", "LAMP")
    await api.put("/v1/items/TEA", json={"name": "Tea", "lot_tracked": True})
    await api.put("/v1/items/LAMP", json={"name": "Lamp", "serial_tracked": True})
    for code, kind in (("IN", "receiving"), ("Q", "quarantine")):
        bin_ = {"kind": kind, "sequence": 1}
        assert (await api.put(f"/v1/warehouses/MAIN/bins/{code}", json=bin_)).status_code == 200
    made = await draft(api, ("TEA", 10), ("LAMP", 2))
    await with_the_supplier(pool, made["id"])
    path = f"/v1/purchase-orders/{made['id']}/receipts"
    body: dict[str, Any] = {
        "reference": "DN-1",
        "lines": [{"sku": "TEA", "quantity": 6}, {"sku": "LAMP", "quantity": 2}],
    }
    assert codes(await api.post(path, json=body)) == [
        ("/lines/0/lot", "lot_required"),
        ("/lines/1/serials", "serials_required"),
    ]
    body["lines"] = [
        {"sku": "TEA", "quantity": 6, "damaged": 1, "lot": "L1", "expires_on": "2190-01-01"},
        {"sku": "TEA", "quantity": 2, "damaged": 2, "lot": "L2", "bin": "Q"},
        {"sku": "LAMP", "quantity": 2, "serials": ["S-1", "S-2"]},
    ]
    came = await api.post(path, json=body)
    assert came.status_code == 201, came.text
    levels = {
        level["sku"]: tuple(level[n] for n in ("on_hand", "damaged", "quarantined", "incoming"))
        for level in came.json()["levels"]
    }
    assert levels == {"TEA": (8, 3, 2, 2), "LAMP": (2, 0, 0, 0)}
    lines = {line["sku"]: line for line in came.json()["purchase_order"]["lines"]}
    assert (lines["TEA"]["received"], lines["TEA"]["damaged"], lines["TEA"]["open"]) == (8, 3, 2)
    places = await pool.fetch("SELECT bin, lot, quantity FROM stock_places ORDER BY bin")
    assert [tuple(row) for row in places] == [("IN", "L1", 6), ("Q", "L2", 2)]
    assert await pool.fetchval("SELECT count(*) FROM serials WHERE status = 'in_stock'") == 2


async def test_what_was_not_ordered_is_not_received(api: httpx2.AsyncClient, pool: Pool) -> None:
    await stocked(api, "SHIRT", "SOCKS")
    made = await draft(api, ("SHIRT", 12))
    path = f"/v1/purchase-orders/{made['id']}/receipts"
    body: dict[str, Any] = {"reference": "DN-1", "lines": [{"sku": "SHIRT", "quantity": 5}]}
    refused = await api.post(path, json=body)
    assert (refused.status_code, refused.json()["code"]) == (409, "not_approved")
    await with_the_supplier(pool, made["id"])
    body["lines"] = [{"sku": "SOCKS", "quantity": 5}]
    assert codes(await api.post(path, json=body)) == [("/lines/0/sku", "not_ordered")]
    body["lines"] = [{"sku": "SHIRT", "quantity": 5, "damaged": 6}]
    assert codes(await api.post(path, json=body)) == [("/lines/0/damaged", "too_large")]
    await pool.execute("UPDATE purchase_orders SET status = 'closed'")
    body["lines"] = [{"sku": "SHIRT", "quantity": 5}]
    assert (await api.post(path, json=body)).json()["code"] == "purchase_order_closed"
    assert await pool.fetchval("SELECT sum(on_hand) FROM stock_levels") == 0


async def test_the_table_is_what_was_ordered(api: httpx2.AsyncClient) -> None:
    await stocked(api, "SHIRT")
    await api.put("/v1/items/SHIRT", json={"name": '=cmd, "shirt"\u0130'})
    made = await draft(api, ("SHIRT", 12))
    table = await api.get(made["links"]["csv"])
    assert table.headers["content-type"].startswith("text/csv")
    [row] = csv.DictReader(io.StringIO(table.text))
    assert (row["purchase_order"], row["name"]) == (made["number"], '\'=cmd, "shirt"\u0130')
    assert (row["quantity"], row["unit_cost"], row["currency"]) == ("12", "4.10", "EUR")


async def test_lists_are_filtered_and_paged(api: httpx2.AsyncClient, pool: Pool) -> None:
    await stocked(api, "SHIRT")
    ids = [(await draft(api, ("SHIRT", n)))["id"] for n in (1, 2, 3)]
    await pool.execute(
        "UPDATE purchase_orders SET status = 'sent', late_since = now() WHERE id = $1", ids[1]
    )
    async with pool.acquire() as conn:
        await purchasing.set_attention(conn, ids[1], "purchase_late", "2 units")

    async def listed(query: str) -> list[str]:
        found = await api.get(f"/v1/purchase-orders?{query}")
        return [item["id"] for item in found.json()["items"]]

    assert await listed("") == ids[::-1]
    assert await listed("late=true") == [ids[1]]
    assert await listed("late=false") == [ids[2], ids[0]]
    assert await listed("status=sent&status=closed") == [ids[1]]
    assert await listed("supplier=NONE") == await listed("warehouse=NONE") == []
    first = (await api.get("/v1/purchase-orders?limit=2")).json()
    assert await listed(f"limit=2&cursor={first['next_cursor']}") == [ids[0]]
    [late] = (await api.get("/v1/purchase-orders?late=true")).json()["items"]
    [reason] = late["attention"]
    assert (reason["code"], reason["can"]) == ("purchase_late", ["reschedule", "close", "cancel"])


async def test_who_only_reads_stock_does_not_buy(api: httpx2.AsyncClient, pool: Pool) -> None:
    await stocked(api, "SHIRT")
    made = await draft(api, ("SHIRT", 12))
    key = (await api.post("/v1/api-keys", json={"name": "r", "scopes": ["reports"]})).json()["key"]
    headers = {"authorization": f"Bearer {key}"}
    path = f"/v1/purchase-orders/{made['id']}"
    assert (await api.get(path, headers=headers)).status_code == 200
    assert (await api.post(f"{path}/approve", headers=headers)).status_code == 403
    assert await pool.fetchval("SELECT count(*) FROM purchase_events") == 1


async def test_states_of_the_domain_are_those_of_the_api(api: httpx2.AsyncClient) -> None:
    for status in PurchaseStatus:
        assert (await api.get(f"/v1/purchase-orders?status={status}")).status_code == 200


async def low_on(api: httpx2.AsyncClient, pool: Pool, sku: str, mean: float = 4.0) -> None:
    """An item of which the shelf is empty and so many are sold a day."""
    await pool.execute(
        "INSERT INTO forecasts (sku, warehouse, demand_class, method, mean_daily, sigma_daily,"
        " first_day, last_day, days_with_demand, total_units) VALUES"
        " ($1, 'MAIN', 'smooth', 'moving_average', $2, 2.5, '2026-01-01', '2026-03-25', 84, 336)",
        sku,
        mean,
    )
    assert (await api.get("/v1/stock")).status_code == 200


async def test_a_suggestion_tells_how_it_was_reckoned(api: httpx2.AsyncClient, pool: Pool) -> None:
    await stocked(api, "SHIRT", "SOCKS", moq=24, pack_size=12)
    await low_on(api, pool, "SHIRT")
    body = {"warehouse": "MAIN", "reference": "R", "lines": [{"sku": "SHIRT", "quantity": 40}]}
    await api.post("/v1/stock/receipts", json=body)
    found = (await api.get("/v1/replenishment/suggestions?warehouse=MAIN&kind=low")).json()
    [item] = found["items"]
    assert (item["sku"], item["kind"], item["quantity"]) == ("SHIRT", "low", 48)
    assert item["cost"] == {"amount": 48 * 410, "currency": "EUR"}
    assert (item["safety_stock"], item["reorder_point"], item["order_up_to"]) == (13, 49, 77)
    assert (item["position"], item["cover_days"], item["surplus"]) == (40, 10.0, 0)
    assert item["demand"]["class"] == "smooth"
    assert item["demand"]["days"] == 84
    assert item["stock"]["on_hand"] == 40
    assert item["terms"]["supplier"] == "ACME"
    assert item["rules"]["z"] == 1.6449
    steps = {
        step["name"]: (step["formula"], step["numbers"], step["value"]) for step in item["steps"]
    }
    assert steps["quantity"] == (
        "ceil(max(need, moq) / pack_size) x pack_size, when need > 0",
        "ceil(max(37, 24) / 12) x 12",
        48,
    )
    wrong = await api.get("/v1/replenishment/suggestions?kind=none")
    assert wrong.status_code == 422


async def test_a_suggestion_beyond_all_amounts_has_no_cost(
    api: httpx2.AsyncClient, pool: Pool
) -> None:
    await stocked(api, "SHIRT")
    await low_on(api, pool, "SHIRT")
    await pool.execute("UPDATE item_suppliers SET unit_cost = $1, moq = 1000000", 2**53 - 1)
    [found] = (await api.get("/v1/replenishment/suggestions")).json()["items"]
    assert (found["quantity"], found["cost"]) == (1_000_000, None)
    assert found["terms"]["unit_cost"]["amount"] == 2**53 - 1


async def test_suggestions_become_one_draft_and_are_gone(
    api: httpx2.AsyncClient, pool: Pool
) -> None:
    await stocked(api, "SHIRT", "SOCKS", "TIE")
    for sku in ("SHIRT", "SOCKS", "TIE"):
        await low_on(api, pool, sku)
    body = {"supplier": "ACME", "warehouse": "MAIN", "from_suggestions": True}
    some = await api.post("/v1/purchase-orders", json=body | {"skus": ["TIE"]})
    assert [line["sku"] for line in some.json()["lines"]] == ["TIE"]
    rest = await api.post("/v1/purchase-orders", json=body)
    assert [(x["sku"], x["quantity"]) for x in rest.json()["lines"]] == [
        ("SHIRT", 77),
        ("SOCKS", 77),
    ]
    refused = await api.post("/v1/purchase-orders", json=body)
    assert (refused.status_code, refused.json()["code"]) == (409, "nothing_to_buy")
    assert (await api.get("/v1/replenishment/suggestions")).json()["items"] == []
    assert await pool.fetchval("SELECT count(*) FROM purchase_orders") == 2


async def test_suggestions_are_paged_by_item(api: httpx2.AsyncClient, pool: Pool) -> None:
    await stocked(api, "A", "B", "C")
    for sku in ("A", "B", "C"):
        await low_on(api, pool, sku)
    first = (await api.get("/v1/replenishment/suggestions?limit=2")).json()
    assert [item["sku"] for item in first["items"]] == ["A", "B"]
    cursor = first["next_cursor"]
    last = (await api.get(f"/v1/replenishment/suggestions?limit=2&cursor={cursor}")).json()
    assert ([item["sku"] for item in last["items"]], last["next_cursor"]) == (["C"], None)
