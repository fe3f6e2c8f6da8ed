"""The same done to many orders, over HTTP."""

from typing import Any

import httpx2
import pytest

from db.pool import Pool
from tests.api.orders import Shopfront, codes, line
from tests.api.test_access import bearer, key_with

PATH = "/v1/bulk-actions"


def wanted(**changes: Any) -> dict[str, Any]:
    """Cancel all orders of an item."""
    return {"action": "cancel", "filter": {"sku": "BAD"}, "reason": "recalled"} | changes


async def placed(api: httpx2.AsyncClient) -> list[dict[str, Any]]:
    """Two orders of the item, and one of another."""
    shop = Shopfront(api)
    return [await shop.place(lines=[line(sku, 1, 5_000)]) for sku in ("BAD", "BAD", "GOOD")]


async def test_a_dry_run_tells_what_would_happen_and_stores_nothing(
    api: httpx2.AsyncClient, pool: Pool
) -> None:
    one, two, _ = await placed(api)
    await pool.execute("UPDATE orders SET cancel_requested_at = now() WHERE id = $1", two["id"])
    told = await api.post(PATH, json=wanted())
    assert told.status_code == 201
    view = told.json()
    assert (view["id"], view["status"], view["total"]) == (None, "dry_run", 2)
    assert [(x["order_number"], x["refuses"]) for x in view["sample"]] == [
        (one["number"], None),
        (two["number"], "cancel_in_progress"),
    ]
    assert (await api.get(PATH)).json()["items"] == []
    assert await pool.fetchval("SELECT count(*) FROM outbox WHERE kind = 'start_bulk'") == 0


@pytest.mark.parametrize(
    ("body", "refuses"),
    [
        (wanted(action="retry"), "nothing_to_retry"),
        (wanted(action="hold", reason="other"), None),
        (wanted(action="release", reason="other"), "nothing_to_do"),
        (wanted(action="cancel_lines"), None),
    ],
)
async def test_each_action_says_what_an_order_would_say(
    api: httpx2.AsyncClient, body: dict[str, Any], refuses: str | None
) -> None:
    await placed(api)
    view = (await api.post(PATH, json=body)).json()
    assert [x["refuses"] for x in view["sample"]] == [refuses] * 2


async def test_it_is_written_with_its_orders_once_and_followed(
    api: httpx2.AsyncClient, pool: Pool
) -> None:
    one, two, _ = await placed(api)
    body, key = wanted(dry_run=False), {"idempotency-key": "recall"}
    made = await api.post(PATH, json=body, headers=key)
    assert made.content == (await api.post(PATH, json=body, headers=key)).content
    view = made.json()
    assert (view["status"], view["total"], view["waiting"]) == ("running", 2, 2)
    assert view["filter"] == {"sku": "BAD"}
    path = f"{PATH}/{view['id']}"
    assert (await api.get(path)).json() == view
    assert (await api.get(PATH)).json()["items"] == [view]
    first = (await api.get(f"{path}/orders", params={"limit": 1})).json()
    rest = (await api.get(f"{path}/orders", params={"cursor": first["next_cursor"]})).json()
    items = first["items"] + rest["items"]
    assert [(x["order_number"], x["status"]) for x in items] == [
        (one["number"], "waiting"),
        (two["number"], "waiting"),
    ]
    assert await pool.fetchval("SELECT count(*) FROM outbox WHERE kind = 'start_bulk'") == 1
    assert (await api.post(f"{path}/stop")).json()["status"] == "stopping"
    again = await api.post(f"{path}/stop")
    assert (again.status_code, again.json()["code"]) == (409, "bulk_action_closed")


async def test_filters_find_what_they_say(api: httpx2.AsyncClient, pool: Pool) -> None:
    one, two, three = await placed(api)
    await pool.execute(
        "INSERT INTO attention (order_id, code, detail) VALUES ($1, 'label_failed', 'x')", one["id"]
    )
    await pool.execute("UPDATE orders SET status = 'confirmed' WHERE id = $1", two["id"])
    await pool.execute(
        "INSERT INTO holds (id, order_id, reason, actor) VALUES ('hld_1', $1, 'other', 'x')",
        three["id"],
    )
    for looked, found in (
        ({"attention": "label_failed"}, [one]),
        ({"status": "confirmed"}, [two]),
        ({"hold": "other"}, [three]),
        ({"order_ids": [two["id"], three["id"]], "sku": "BAD"}, [two]),
        ({"channel": "nowhere"}, []),
        ({"placed_from": "2020-01-01T00:00:00Z"}, [one, two, three]),
        ({"placed_to": "2020-01-01T00:00:00Z"}, []),
        ({"warehouse": "MAIN"}, []),
    ):
        view = (await api.post(PATH, json=wanted(filter=looked))).json()
        assert [x["order_id"] for x in view["sample"]] == [order["id"] for order in found], looked


@pytest.mark.parametrize(
    ("changes", "where", "code"),
    [
        ({"filter": {}}, "/filter", "required"),
        ({"action": "cancel_lines", "filter": {"channel": "web"}}, "/filter/sku", "required"),
        ({"action": "hold", "reason": "bored"}, "/reason", "not_allowed"),
        ({"action": "delete"}, "/action", "not_allowed"),
    ],
)
async def test_what_is_no_bulk_action_is_422(
    standing_api: httpx2.AsyncClient, changes: dict[str, Any], where: str, code: str
) -> None:
    assert codes(await standing_api.post(PATH, json=wanted(**changes))) == {where: code}


async def test_who_may_not_and_what_is_not_there(api: httpx2.AsyncClient) -> None:
    shop = bearer(await key_with(api, "storefront"))
    assert (await api.post(PATH, json=wanted(), headers=shop)).status_code == 403
    for path in (f"{PATH}/blk_9", f"{PATH}/blk_9/orders"):
        assert (await api.get(path)).status_code == 404
    assert (await api.post(f"{PATH}/blk_9/stop")).status_code == 404
