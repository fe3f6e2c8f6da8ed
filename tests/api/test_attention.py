"""Everything that waits for a person, in one list."""

from datetime import timedelta
from typing import Any

import httpx2

from db.pool import Pool
from tests.api.orders import Shopfront, codes
from tests.api.test_access import bearer, key_with


async def waits(pool: Pool, order_id: str, code: str, hours: int, subject: str = "") -> None:
    """The order has waited so long for a person."""
    await pool.execute(
        "INSERT INTO attention (order_id, code, subject, detail, can, since)"
        " VALUES ($1, $2, $3, 'look', '{retry}', now() - $4::interval)",
        order_id,
        code,
        subject,
        timedelta(hours=hours),
    )


async def listed(api: httpx2.AsyncClient, **filters: Any) -> list[tuple[str, str]]:
    """(number, code), page by page."""
    found: list[tuple[str, str]] = []
    cursor: str | None = None
    while True:
        params = {**filters, "limit": 2, **({"cursor": cursor} if cursor else {})}
        page = (await api.get("/v1/attention", params=params)).json()
        found += [(item["order_number"], item["code"]) for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            return found


async def test_what_has_waited_longest_comes_first_and_says_what_helps(
    api: httpx2.AsyncClient, pool: Pool
) -> None:
    shop = Shopfront(api)
    one, two = await shop.place(), await shop.place(channel="market")
    await waits(pool, one["id"], "capture_failed", 3, "pay_1")
    await waits(pool, two["id"], "capture_failed", 5)
    await waits(pool, one["id"], "label_failed", 1)
    assert await listed(api) == [
        (two["number"], "capture_failed"),
        (one["number"], "capture_failed"),
        (one["number"], "label_failed"),
    ]
    [_, item, _] = (await api.get("/v1/attention")).json()["items"]
    assert (item["subject"], item["can"], item["detail"]) == ("pay_1", ["retry"], "look")
    assert 3 * 3_600 <= item["age_seconds"] < 3 * 3_600 + 60
    assert item["links"]["order"] == f"/v1/orders/{one['id']}"
    assert item["links"]["temporal_ui"].endswith(f"/workflows/order-{one['id']}")
    assert await listed(api, channel="market") == [(two["number"], "capture_failed")]
    assert await listed(api, code="label_failed") == [(one["number"], "label_failed")]
    assert len(await listed(api, code=["label_failed", "capture_failed"])) == 3
    assert await listed(api, older_than="PT4H") == [(two["number"], "capture_failed")]
    summary = (await api.get("/v1/attention/summary")).json()["items"]
    assert [(kind["code"], kind["orders"]) for kind in summary] == [
        ("capture_failed", 2),
        ("label_failed", 1),
    ]
    assert summary[0]["oldest_age_seconds"] >= 5 * 3_600
    assert summary[0]["can"] == ["retry", "waive"]


async def test_a_warehouse_sees_what_it_still_has_to_do_something_for(
    api: httpx2.AsyncClient, pool: Pool
) -> None:
    shop = Shopfront(api)
    here, gone, elsewhere = [await shop.place() for _ in range(3)]
    works = ((here, "MAIN", "open"), (gone, "MAIN", "closed"), (elsewhere, "WEST", "open"))
    for number, (order, warehouse, status) in enumerate(works):
        await waits(pool, order["id"], "pick_overdue", 1)
        await pool.execute(
            "INSERT INTO warehouses (code, name, country, kind) VALUES ($1, $1, 'TR', 'own')"
            " ON CONFLICT DO NOTHING",
            warehouse,
        )
        await pool.execute(
            "INSERT INTO fulfillment_orders (id, order_id, warehouse, status, cause, due_at)"
            " VALUES ($1, $2, $3, $4, 'confirm', now())",
            f"ful_{number}",
            order["id"],
            warehouse,
            status,
        )
    assert await listed(api, warehouse="MAIN") == [(here["number"], "pick_overdue")]
    hall = bearer(await key_with(api, "warehouse"))
    assert (await api.get("/v1/attention", headers=hall)).status_code == 200
    shopkey = bearer(await key_with(api, "storefront"))
    assert (await api.get("/v1/attention", headers=shopkey)).status_code == 403


async def test_filters_that_are_none_are_named(standing_api: httpx2.AsyncClient) -> None:
    too_long = await standing_api.get("/v1/attention", params={"older_than": "P900D"})
    assert codes(too_long) == {"/older_than": "too_large"}
    stranger = await standing_api.get("/v1/attention", params={"cursor": "e30"})
    assert codes(stranger) == {"/cursor": "bad_cursor"}
