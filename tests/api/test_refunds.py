"""Money given back, over HTTP."""

from typing import Any

from activities.contracts import ParcelNews
from activities.fulfillment import FulfillmentActivities
from tests.api.orders import Shopfront, codes, lira
from tests.api.storehouse import Storehouse
from tests.api.test_access import bearer, key_with
from tests.api.test_parcels import sent


async def arrived(store: Storehouse) -> tuple[str, str]:
    """A paid order of two units that was delivered: its id, its line's."""
    order_id, parcel, line = await sent(store)
    await store.pool.execute(
        "UPDATE payments SET status = 'paid', authorized = amount, captured = amount"
    )
    news = ParcelNews(order_id, parcel, "delivered", "scan", "2027-01-01T00:00:00Z")
    await FulfillmentActivities(store.pool, "sandbox").record_parcel_news(news)
    return order_id, line


def units(line: str, quantity: int = 1, **more: Any) -> dict[str, Any]:
    """A refund of some units."""
    return {"reason": "damaged", "lines": [{"line_id": line, "quantity": quantity}]} | more


async def test_a_preview_stores_nothing_and_the_refund_is_what_it_said(store: Storehouse) -> None:
    order_id, line = await arrived(store)
    path = f"/v1/orders/{order_id}/refunds"
    body = units(line, goodwill=lira(100))
    plan = (await store.api.post(f"{path}/preview", json=body)).json()
    assert (await store.api.get("/v1/refunds")).json()["items"] == []
    made = await store.api.post(path, json=body, headers={"idempotency-key": "one"})
    again = await store.api.post(path, json=body, headers={"idempotency-key": "one"})
    assert made.status_code == 201
    assert made.content == again.content
    refund = made.json()
    for name in ("to", "amount", "goods", "shipping", "goodwill", "fee", "lines"):
        assert refund[name] == plan[name]
    assert refund["status"] == "requested"
    assert (await store.api.get(f"/v1/refunds/{refund['id']}")).json() == refund
    listed = (await store.api.get("/v1/refunds", params={"order_id": order_id})).json()["items"]
    assert listed == [refund]
    order = await Shopfront(store.api).get(order_id)
    assert [(r["id"], r["status"]) for r in order["refunds"]] == [(refund["id"], "requested")]
    event = (await Shopfront(store.api).events(order_id))[-1]
    assert (event["type"], event["data"]["reason"]) == ("refund_requested", "damaged")


async def test_words_are_a_note_and_no_code(store: Storehouse) -> None:
    order_id, line = await arrived(store)
    body = units(line) | {"reason": "Ayşe says it is torn"}
    made = await store.api.post(f"/v1/orders/{order_id}/refunds", json=body)
    assert made.json()["reason"] == "other"
    event = (await Shopfront(store.api).events(order_id))[-1]
    assert (event["data"]["reason"], event["note"]) == ("other", "Ayşe says it is torn")


async def test_what_cannot_be_given_back_is_409_with_what_can_and_stands_in_the_timeline(
    store: Storehouse,
) -> None:
    order_id, line = await arrived(store)
    path = f"/v1/orders/{order_id}/refunds"
    for body, code in (
        (units(line, 3), "too_many_units"),
        (units("lin_9"), "unknown_line"),
        (units(line, goodwill=lira(10**9)), "refund_too_large"),
        (units(line, fee=lira(10**9)), "nothing_to_refund"),
    ):
        for where in (path, f"{path}/preview"):
            refused = await store.api.post(where, json=body)
            assert (refused.status_code, refused.json()["code"]) == (409, code)
            assert refused.json()["current"]["status"] == "confirmed"
        event = (await Shopfront(store.api).events(order_id))[-1]
        assert (event["type"], event["data"]["code"]) == ("refund_refused", code)


async def test_store_credit_is_read_by_customer(store: Storehouse) -> None:
    order_id, line = await arrived(store)
    path, credit = f"/v1/orders/{order_id}/refunds", units(line, to="store_credit")
    await store.pool.execute("UPDATE orders SET customer_id = NULL")
    refused = await store.api.post(path, json=credit)
    assert (refused.status_code, refused.json()["code"]) == (409, "no_customer")
    await store.pool.execute("UPDATE orders SET customer_id = 'cus_7'")
    amount = (await store.api.post(path, json=credit)).json()["amount"]
    held = (await store.api.get("/v1/customers/cus_7/store-credit")).json()
    assert held["balances"] == [amount]
    assert [(x["amount"], x["order_id"]) for x in held["items"]] == [(amount, order_id)]
    nobody = (await store.api.get("/v1/customers/cus_8/store-credit")).json()
    assert (nobody["balances"], nobody["items"]) == ([], [])


async def test_another_try_is_asked_for_while_it_is_under_way(store: Storehouse) -> None:
    order_id, line = await arrived(store)
    refund = (await store.api.post(f"/v1/orders/{order_id}/refunds", json=units(line))).json()
    path = f"/v1/refunds/{refund['id']}/retry"
    assert (await store.api.post(path)).status_code == 200
    kinds = [row["kind"] for row in await store.pool.fetch("SELECT kind FROM outbox")]
    assert kinds.count("retry_refund") == 1
    await store.pool.execute("UPDATE refunds SET status = 'succeeded', ended_at = now()")
    over = await store.api.post(path)
    assert (over.status_code, over.json()["code"]) == (409, "refund_closed")
    types = [event["type"] for event in await Shopfront(store.api).events(order_id)]
    assert types[-2:] == ["refund_retry_requested", "refund_retry_refused"]


async def test_what_is_no_refund_is_422(store: Storehouse) -> None:
    order_id, line = await arrived(store)
    path = f"/v1/orders/{order_id}/refunds"
    nothing = await store.api.post(path, json={"reason": "sorry"})
    assert codes(nothing) == {"/lines": "required"}
    euros = units(line, goodwill={"amount": 1, "currency": "EUR"})
    assert codes(await store.api.post(path, json=euros)) == {
        "/goodwill/currency": "currency_mismatch"
    }


async def test_who_is_not_there_and_who_may_not(store: Storehouse) -> None:
    order_id, line = await arrived(store)
    path = f"/v1/orders/{order_id}/refunds"
    shop = bearer(await key_with(store.api, "storefront"))
    assert (await store.api.post(path, json=units(line), headers=shop)).status_code == 403
    assert (await store.api.get("/v1/refunds", headers=shop)).status_code == 403
    for where in ("/v1/orders/ord_9/refunds", "/v1/orders/ord_9/refunds/preview"):
        assert (await store.api.post(where, json=units(line))).status_code == 404
    assert (await store.api.get("/v1/refunds/rfd_9")).status_code == 404
    assert (await store.api.post("/v1/refunds/rfd_9/retry")).status_code == 404
