"""Placing orders while Temporal is away: PostgreSQL alone is needed, and one order stays one."""

import asyncio
from typing import Any

import httpx2
import pytest

from api.housekeeping import forget
from db.pool import Pool
from tests.api.orders import Shopfront, codes, line, lira, order


async def test_the_order_of_the_documentation_is_placed(
    api: httpx2.AsyncClient, pool: Pool
) -> None:
    body = order(channel_order_id="W-1001")
    response = await api.post("/v1/orders", json=body, headers={"idempotency-key": "k-1"})
    assert response.status_code == 201
    placed = response.json()
    assert placed["number"] == "K-100001"
    assert placed["status"] == placed["payment_status"] == "pending"
    assert placed["totals"]["grand_total"] == lira(64_790)
    assert placed["totals"]["tax"] == lira(9_967)
    assert placed["payments"][0]["amount"] == lira(64_790)
    assert placed["lines"][0]["open"] == 2
    row = await pool.fetchrow("SELECT kind, payload FROM outbox WHERE order_id = $1", placed["id"])
    assert row is not None
    assert row["kind"] == "start_order"
    assert row["payload"]["number"] == "K-100001"
    assert row["payload"]["policy"]["return_window"] == 1_209_600.0
    operation = await pool.fetchrow("SELECT * FROM payment_operations")
    assert operation is not None
    assert operation["id"] == f"{placed['payments'][0]['id']}-authorize"
    assert (operation["status"], operation["amount"]) == ("requested", 64_790)


async def test_a_placed_order_reads_as_it_was_answered(shopfront: Shopfront) -> None:
    placed = await shopfront.place(
        discounts=[{"code": "WELCOME", "amount": lira(1_000)}],
        metadata={"basket": {"id": 7, "tags": ["a", None, 1.5]}},
    )
    found = await shopfront.get(placed["id"])
    personal = {"customer", "shipping_address", "billing_address", "notes", "links"}
    assert {k: v for k, v in found.items() if k not in personal and k != "payments"} == {
        k: v for k, v in placed.items() if k not in personal and k != "payments"
    }
    assert found["customer"]["email"] == "ayse@example.com"
    assert found["shipping_address"]["city"] == "İstanbul"
    assert "name" not in placed["customer"]


@pytest.mark.parametrize("customer", [None, {"name": "Ali Veli", "email": "ali@example.com"}])
async def test_a_guest_needs_no_account(
    shopfront: Shopfront, customer: dict[str, Any] | None
) -> None:
    placed = await shopfront.place(customer=customer)
    found = await shopfront.get(placed["id"])
    assert found["customer"]["id"] is None
    assert found["customer"]["name"] == (customer["name"] if customer else "Ayşe Yılmaz")


async def test_several_tenders_bring_the_total_with_a_surcharge_in_it(shopfront: Shopfront) -> None:
    placed = await shopfront.place(
        surcharges=[{"code": "installments", "amount": lira(210)}],
        payments=[
            {"method": "voucher", "token": "tok_visa", "amount": lira(5_000)},
            {"method": "voucher", "token": "tok_visa", "amount": lira(0)},
            {"method": "card", "token": "tok_visa", "amount": lira(60_000), "installments": 6},
        ],
        totals={"grand_total": lira(65_000)},
    )
    assert [p["amount"]["amount"] for p in placed["payments"]] == [5_000, 0, 60_000]
    assert placed["payments"][2]["installments"] == 6
    assert placed["totals"]["surcharge"] == lira(210)


async def test_an_order_that_costs_nothing_needs_no_payment(shopfront: Shopfront) -> None:
    placed = await shopfront.place(
        lines=[line("GIFT", 1, 0)],
        shipping={"option": "standard", "price": lira(0)},
        payments=[],
    )
    assert placed["payments"] == []
    assert placed["totals"]["grand_total"] == lira(0)


async def test_amounts_keep_the_currency_without_minor_units(shopfront: Shopfront) -> None:
    yen = {"amount": 500, "currency": "JPY"}
    placed = await shopfront.place(
        currency="JPY",
        lines=[{"sku": "A", "name": "A", "quantity": 3, "unit_price": yen}],
        shipping={"option": "standard", "price": yen},
    )
    assert placed["totals"]["grand_total"] == {"amount": 2_000, "currency": "JPY"}


async def test_a_hundred_copies_at_once_are_one_order_with_a_hundred_equal_answers(
    api: httpx2.AsyncClient, pool: Pool
) -> None:
    body = order()
    headers = {"idempotency-key": "once"}
    responses = await asyncio.gather(
        *(api.post("/v1/orders", json=body, headers=headers) for _ in range(100))
    )
    assert {response.status_code for response in responses} == {201}
    assert len({response.content for response in responses}) == 1
    for table in ("orders", "payments", "order_contacts", "outbox", "events", "idempotency_keys"):
        assert await pool.fetchval(f"SELECT count(*) FROM {table}") == 1  # noqa: S608


async def test_a_hundred_copies_without_a_key_are_one_order_by_their_channel(
    api: httpx2.AsyncClient, pool: Pool
) -> None:
    body = order()
    responses = await asyncio.gather(*(api.post("/v1/orders", json=body) for _ in range(100)))
    assert {response.status_code for response in responses} == {201}
    answers = [response.json() for response in responses]
    assert all(answer == answers[0] for answer in answers)
    assert await pool.fetchval("SELECT count(*) FROM orders") == 1


async def test_the_first_answer_is_repeated_also_when_the_order_has_moved_on(
    api: httpx2.AsyncClient, pool: Pool
) -> None:
    body = order()
    first = await api.post("/v1/orders", json=body, headers={"idempotency-key": "k"})
    await pool.execute("UPDATE orders SET status = 'confirmed', version = 2, confirmed_at = now()")
    await pool.execute("UPDATE order_lines SET open = 0, allocated = quantity")
    await pool.execute("UPDATE payments SET status = 'authorized', authorized = amount")
    by_key = await api.post("/v1/orders", json=body, headers={"idempotency-key": "k"})
    by_channel = await api.post("/v1/orders", json=body, headers={"idempotency-key": "k2"})
    assert by_key.content == first.content
    assert by_channel.status_code == 201
    assert by_channel.json() == first.json()


async def test_the_order_of_keys_and_blanks_make_no_other_request(api: httpx2.AsyncClient) -> None:
    body = order()
    headers = {"idempotency-key": "k"}
    first = await api.post("/v1/orders", json=body, headers=headers)
    turned = dict(reversed(list(body.items())))
    again = await api.post("/v1/orders", json=turned, headers=headers)
    assert again.content == first.content


async def test_a_key_stands_for_one_request_only(api: httpx2.AsyncClient, pool: Pool) -> None:
    headers = {"idempotency-key": "k"}
    await api.post("/v1/orders", json=order(), headers=headers)
    other = await api.post("/v1/orders", json=order(), headers=headers)
    assert other.json()["code"] == "idempotency_key_reused"
    assert codes(other) == {"/Idempotency-Key": "idempotency_key_reused"}
    assert await pool.fetchval("SELECT count(*) FROM orders") == 1


async def test_a_channel_cannot_send_two_orders_by_one_id(
    api: httpx2.AsyncClient, pool: Pool
) -> None:
    first = await api.post("/v1/orders", json=order(channel_order_id="W-7"))
    other = await api.post("/v1/orders", json=order(channel_order_id="W-7", priority=5))
    assert other.status_code == 409
    assert other.json()["code"] == "duplicate_channel_order"
    assert other.json()["current"] == {"order_id": first.json()["id"], "status": "pending"}
    elsewhere = await api.post("/v1/orders", json=order(channel_order_id="W-7", channel="pos"))
    assert elsewhere.status_code == 201
    assert await pool.fetchval("SELECT count(*) FROM orders") == 2


async def test_keys_of_different_holders_do_not_meet(api: httpx2.AsyncClient, pool: Pool) -> None:
    made = await api.post("/v1/api-keys", json={"name": "shop", "scopes": ["storefront"]})
    theirs = {"authorization": f"Bearer {made.json()['key']}", "idempotency-key": "k"}
    assert (
        await api.post("/v1/orders", json=order(), headers={"idempotency-key": "k"})
    ).status_code == 201
    assert (await api.post("/v1/orders", json=order(), headers=theirs)).status_code == 201
    assert await pool.fetchval("SELECT count(*) FROM orders") == 2


async def test_imported_orders_keep_the_time_they_were_placed(
    shopfront: Shopfront,
) -> None:
    placed = await shopfront.place(placed_at="2018-03-01T12:00:00+03:00")
    assert placed["placed_at"] == "2018-03-01T09:00:00Z"
    events = await shopfront.events(placed["id"])
    assert [event["type"] for event in events] == ["order_placed"]
    assert events[0]["occurred_at"] == "2018-03-01T09:00:00Z"


async def test_no_personal_data_goes_into_event_outbox_or_stored_answer(
    api: httpx2.AsyncClient, pool: Pool
) -> None:
    await api.post("/v1/orders", json=order(), headers={"idempotency-key": "k"})
    texts = [
        await pool.fetchval("SELECT data::text FROM events"),
        await pool.fetchval("SELECT payload::text FROM outbox"),
        await pool.fetchval("SELECT response FROM idempotency_keys"),
    ]
    for text in texts:
        for secret in ("Ayşe", "ayse@", "+905551112233", "Bağdat", "tok_visa"):
            assert secret not in text


async def test_keys_are_forgotten_after_a_week(api: httpx2.AsyncClient, pool: Pool) -> None:
    for key in ("old", "young"):
        await api.post("/v1/orders", json=order(), headers={"idempotency-key": key})
    await pool.execute(
        "UPDATE idempotency_keys SET created_at = now() - interval '8 days' WHERE key = 'old'"
    )
    assert await forget(pool) == 1
    assert await pool.fetchval("SELECT array_agg(key) FROM idempotency_keys") == ["young"]
