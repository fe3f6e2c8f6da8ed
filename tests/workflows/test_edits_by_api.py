"""Edits over HTTP, with a worker behind the API: preview, commit, refusals."""

import copy
from typing import Any

import httpx2

from api.housekeeping import end_edits
from tests.api.orders import Shopfront, codes, line, lira, order
from tests.workflows.life import eventually
from tests.workflows.shop import Shop
from tests.workflows.test_buying_by_api import api

__all__ = ["api"]
ADDRESS = {"name": "Secret Person", "line1": "Secret Street 1", "city": "Ankara", "country": "TR"}


async def placed(shop: Shop, api: httpx2.AsyncClient, **changes: Any) -> dict[str, Any]:
    """A confirmed order of two shirts, with its work."""
    await shop.stock("SHIRT", 9)
    lines = [line("SHIRT", 2, 10_000, tax_rate_bp=2_000)]
    front = Shopfront(api)
    made = await front.place(**({"lines": lines} | changes))

    async def there() -> dict[str, Any] | None:
        found = await front.get(made["id"])
        return found if found["fulfillment_orders"] else None

    found = await eventually(there)
    assert found is not None
    return found


def edit(order: dict[str, Any], *, commit: bool = False, **changes: Any) -> dict[str, Any]:
    return {"version": order["version"], "changes": changes, "commit": commit}


async def test_the_preview_stores_nothing_and_the_commit_does_what_it_told(
    shop: Shop,
    api: httpx2.AsyncClient,
) -> None:
    known = await placed(shop, api)
    path = f"/v1/orders/{known['id']}/edits"
    changes: dict[str, Any] = {
        "lines": [{"line_id": known["lines"][0]["id"], "quantity": 1}],
        "add_lines": [line("SHIRT", 3, 9_000, tax_rate_bp=1_000)],
        "shipping": {"option": "express", "price": lira(6_000)},
        "shipping_address": ADDRESS,
        "payment": {"method": "card", "token": "tok_visa"},
    }
    preview = await api.post(path, json=edit(known, **changes))
    assert preview.status_code == 200, preview.text
    told = preview.json()
    assert (told["before"]["payable"], told["after"]["payable"]) == (lira(24_990), lira(43_000))
    assert (told["difference"], told["payment_needed"]) == (lira(18_010), lira(18_010))
    assert (await Shopfront(api).get(known["id"]))["version"] == known["version"]
    assert await shop.pool.fetchval("SELECT count(*) FROM order_edits") == 0

    body = edit(known, commit=True, **changes)
    done = await api.post(path, json=body, headers={"idempotency-key": "edit-1"})
    assert done.status_code == 200, done.text
    made = done.json()
    for name in ("before", "after", "difference", "payment_needed", "refunds", "added_units"):
        assert made[name] == told[name]
    assert made["order"]["totals"]["grand_total"] == made["after"]["grand_total"]
    again = await api.post(path, json=body, headers={"idempotency-key": "edit-1"})
    assert again.json() == made
    events = await Shopfront(api).events(known["id"])
    assert [e["type"] for e in events].count("edit_applied") == 1
    assert "Secret" not in str(events)
    assert (await Shopfront(api).get(known["id"]))["shipping_address"] == ADDRESS


async def test_the_channel_hears_of_its_order_as_it_was_placed(
    shop: Shop,
    api: httpx2.AsyncClient,
) -> None:
    await shop.stock("TSHIRT-M", 9)
    body = order()
    first = (await api.post("/v1/orders", json=copy.deepcopy(body))).json()
    front = Shopfront(api)

    async def there() -> dict[str, Any] | None:
        found = await front.get(first["id"])
        return found if found["fulfillment_orders"] else None

    known = await eventually(there)
    assert known is not None
    changes = {
        "lines": [{"line_id": known["lines"][0]["id"], "quantity": 3}],
        "shipping": {"option": "express", "price": lira(0)},
    }
    done = await api.post(
        f"/v1/orders/{first['id']}/edits", json=edit(known, commit=True, **changes)
    )
    assert done.status_code == 200, done.text
    repeated = (await api.post("/v1/orders", json=body)).json()
    assert (repeated["lines"], repeated["totals"]) == (first["lines"], first["totals"])


async def test_refusals_are_told_and_written_down(
    shop: Shop,
    api: httpx2.AsyncClient,
) -> None:
    known = await placed(shop, api)
    path, one = f"/v1/orders/{known['id']}/edits", known["lines"][0]["id"]
    fewer = {"lines": [{"line_id": one, "quantity": 1}]}
    old = edit(known | {"version": known["version"] - 1}, commit=True, **fewer)
    refused = await api.post(path, json=old)
    assert (refused.status_code, refused.json()["code"]) == (409, "version_conflict")
    assert refused.json()["current"]["version"] == str(known["version"])
    paid = fewer | {"payment": {"method": "card", "token": "tok_visa"}}
    refused = await api.post(path, json=edit(known, commit=True, **paid))
    assert refused.json()["code"] == "payment_not_needed"
    refused = await api.post(path, json=edit(known, lines=[{"line_id": "lin_0", "quantity": 1}]))
    assert (refused.status_code, refused.json()["code"]) == (409, "unknown_line")
    types = [e["type"] for e in await Shopfront(api).events(known["id"])]
    assert types.count("edit_refused") == 2
    assert (await Shopfront(api).get(known["id"]))["lines"][0]["canceled"] == 0


async def test_what_is_malformed_is_named_field_by_field(
    shop: Shop,
    api: httpx2.AsyncClient,
) -> None:
    known = await placed(shop, api)
    path = f"/v1/orders/{known['id']}/edits"
    units = {"line_id": known["lines"][0]["id"], "quantity": 1}
    wrong = edit(
        known,
        lines=[units, units],
        shipping={"option": "express", "price": {"amount": 1, "currency": "EUR"}},
        shipping_address=ADDRESS | {"phone": "12"},
        payment={"method": "card"},
    )
    assert codes(await api.post(path, json=wrong)) == {
        "/changes/lines/1/line_id": "duplicate",
        "/changes/shipping/price/currency": "currency_mismatch",
        "/changes/shipping_address/phone": "bad_phone",
        "/changes/payment/token": "token_required",
    }
    assert codes(await api.post(path, json={"changes": {}})) == {"/version": "required"}
    missing = await api.post("/v1/orders/ord_nowhere/edits", json=edit(known))
    assert missing.status_code == 404


async def test_an_edit_that_was_given_up_keeps_no_address_when_it_can_not_be_done_any_more(
    shop: Shop, api: httpx2.AsyncClient
) -> None:
    known = await placed(shop, api)
    path = f"/v1/orders/{known['id']}/edits"
    body = edit(known, commit=True, shipping_address=ADDRESS)
    headers = {"idempotency-key": "edit-1"}
    await shop.close()
    assert (await api.post(path, json=body, headers=headers)).status_code == 503

    async def addresses() -> int:
        found: int = await shop.pool.fetchval("SELECT count(contact) FROM order_edits")
        return found

    # The order is as it was: the same request may be sent again.
    await shop.pool.execute("UPDATE order_edits SET created_at = now() - interval '2 minutes'")
    assert (await end_edits(shop.pool), await addresses()) == (0, 1)
    await shop.pool.execute("UPDATE orders SET version = version + 1")
    assert (await end_edits(shop.pool), await addresses()) == (1, 0)
