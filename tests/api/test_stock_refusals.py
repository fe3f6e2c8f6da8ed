"""Calls about stock say no to what they would otherwise drop, or could not have happened."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.api.orders import codes
from tests.api.storehouse import Storehouse
from tests.api.test_access import bearer, key_with

LATER = "2999-01-01T00:00:00Z"
HERE = {"warehouse": "MAIN"}
ONE = {"sku": "A", "quantity": 1}


async def test_what_a_hold_or_a_receipt_cannot_keep_is_refused(store: Storehouse) -> None:
    held = await store.post("/v1/stock/holds", {"lines": [ONE | {"bin": "A-01", "lot": "L"}]})
    assert codes(held) == {"/lines/0/bin": "unknown_field", "/lines/0/lot": "unknown_field"}
    receipt = HERE | {"reference": "R", "lines": [ONE | {"expires_on": "2031-01-01"}]}
    came = await store.post("/v1/stock/receipts", receipt)
    assert codes(came) == {"/lines/0/expires_on": "not_lot_tracked"}
    nothing = HERE | {"reason": "r", "lines": [ONE | {"quantity": 0}]}
    adjusted = await store.post("/v1/stock/adjustments", nothing)
    assert codes(adjusted) == {"/lines/0/quantity": "out_of_range"}
    assert await store.pool.fetchval("SELECT count(*) FROM stock_movements") == 0


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("receipts", HERE | {"reference": "R", "lines": [ONE]}),
        ("adjustments", HERE | {"reason": "r", "lines": [ONE]}),
        ("counts", HERE | {"lines": [{"sku": "A", "counted": 1}]}),
        ("putaways", HERE | {"lines": [ONE | {"bin": "A-01"}]}),
        ("moves", HERE | {"lines": [ONE | {"from_bin": "A-01", "to_bin": "B-02"}]}),
        ("quarantine", HERE | {"lines": [ONE]}),
        (
            "transfers",
            {"from_warehouse": "MAIN", "to_warehouse": "WEST", "reference": "T", "lines": [ONE]},
        ),
    ],
)
async def test_what_has_not_happened_yet_is_not_reported(
    store: Storehouse, path: str, body: dict[str, Any]
) -> None:
    refused = await store.post(f"/v1/stock/{path}", body | {"occurred_at": LATER})
    assert codes(refused) == {"/occurred_at": "in_the_future"}


async def test_no_lot_expires_before_its_day(store: Storehouse) -> None:
    today = datetime.now(UTC).date()
    path = "/v1/stock/expire"
    far = {"today": (today + timedelta(days=2)).isoformat()}
    assert codes(await store.post(path, far)) == {"/today": "in_the_future"}
    near = {"today": (today + timedelta(days=1)).isoformat()}
    assert (await store.post(path, near)).status_code == 200


async def test_no_more_arrives_than_was_sent(store: Storehouse) -> None:
    await store.receive({"sku": "A", "quantity": 3})
    body = {"from_warehouse": "MAIN", "to_warehouse": "WEST", "reference": "T", "lines": [ONE]}
    sent = await store.done("/v1/stock/transfers", body | {"in_transit": True})
    path = f"/v1/stock/transfers/{sent['transfer']['id']}/receive"
    more = await store.post(path, {"lines": [ONE | {"quantity": 2, "reason": "found"}]})
    assert codes(more) == {"/lines/0/quantity": "too_many_units"}


async def test_a_refused_hold_tells_what_is_free_and_no_other_hold_is_touched(
    store: Storehouse,
) -> None:
    await store.receive({"sku": "A", "quantity": 3})
    refused = await store.post("/v1/stock/holds", {"lines": [ONE | {"quantity": 5}]})
    assert (refused.status_code, refused.json()["code"]) == (409, "insufficient_stock")
    assert refused.json()["current"] == {"lines": [ONE | {"line": 0, "quantity": 5, "free": 3}]}
    made = await store.done("/v1/stock/holds", {"lines": [ONE]})
    await store.pool.execute(
        "INSERT INTO stock_holds (id, actor, expires_at) VALUES ('sub_1', 'offer', now() + '1h')"
    )
    for hold_id, status in (("sub_1", 404), (made["id"], 200)):
        path = f"/v1/stock/holds/{hold_id}"
        assert (await store.api.get(path)).status_code == status
        assert (await store.post(f"{path}/extend", {})).status_code == status
        assert (await store.api.delete(path)).status_code == status


async def test_filters_that_can_find_nothing_are_refused(store: Storehouse) -> None:
    path = "/v1/stock/availability?sku=A"
    assert codes(await store.api.get(f"{path}&country=ZZ")) == {"/country": "unknown_country"}
    none = await store.api.get(f"{path}&warehouse=NONE")
    assert codes(none) == {"/warehouse/0": "unknown_warehouse"}
    timed = await store.api.get(f"/v1/stock/places?expires_before={LATER}")
    assert codes(timed) == {"/expires_before": "bad_date"}


async def test_a_storefront_does_not_see_what_goods_cost(store: Storehouse) -> None:
    shop = bearer(await key_with(store.api, "storefront"))
    for path in ("suppliers", "purchase-orders", "replenishment/suggestions"):
        assert (await store.api.get(f"/v1/{path}", headers=shop)).status_code == 403
        assert (await store.api.get(f"/v1/{path}")).status_code == 200
