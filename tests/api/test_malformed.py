"""What is malformed is answered field by field, all at once, and is never a fault of ours."""

from typing import Any

import httpx2
import pytest

from db.pool import Pool
from tests.api.orders import codes, line, lira, order

LINE = order()["lines"][0]
ADDRESS = order()["shipping_address"]
CARD = {"method": "card", "token": "tok_visa"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"surprise": 1}, {"/surprise": "unknown_field"}),
        ({"a/b~c": 1}, {"/a~1b~0c": "unknown_field"}),
        ({"currency": "TRL"}, {"/currency": "unknown_currency"}),
        ({"currency": "try"}, {"/currency": "bad_format"}),
        ({"locale": "xx-YY"}, {"/locale": "unknown_locale"}),
        ({"locale": 5}, {"/locale": "wrong_type"}),
        ({"channel": ""}, {"/channel": "too_short"}),
        ({"channel": "c" * 65}, {"/channel": "too_long"}),
        ({"channel_order_id": "a\0b"}, {"/channel_order_id": "bad_format"}),
        ({"lines": []}, {"/lines": "too_short"}),
        ({"lines": [LINE | {"quantity": 0}]}, {"/lines/0/quantity": "too_small"}),
        ({"lines": [LINE | {"quantity": 2.0}]}, {"/lines/0/quantity": "wrong_type"}),
        ({"lines": [LINE | {"quantity": "2"}]}, {"/lines/0/quantity": "wrong_type"}),
        ({"lines": [LINE | {"quantity": True}]}, {"/lines/0/quantity": "wrong_type"}),
        ({"lines": [LINE | {"quantity": 10**30}]}, {"/lines/0/quantity": "too_large"}),
        ({"lines": [LINE | {"tax_rate_bp": 100_001}]}, {"/lines/0/tax_rate_bp": "too_large"}),
        (
            {"lines": [LINE | {"unit_price": lira(-1)}]},
            {"/lines/0/unit_price/amount": "too_small"},
        ),
        (
            {"lines": [LINE | {"unit_price": {"amount": 1, "currency": "EUR"}}]},
            {"/lines/0/unit_price/currency": "currency_mismatch"},
        ),
        (
            {"lines": [line("A", 1_000_000, 2**53 - 1)]},
            {"/lines": "total_too_large"},
        ),
        ({"customer": {"email": "nobody"}}, {"/customer/email": "bad_email"}),
        ({"customer": {"phone": "12"}}, {"/customer/phone": "bad_phone"}),
        (
            {"shipping_address": ADDRESS | {"country": "XX"}},
            {"/shipping_address/country": "unknown_country"},
        ),
        ({"shipping_address": None}, {"/shipping_address": "wrong_type"}),
        ({"payments": []}, {"/payments": "payment_required"}),
        ({"payments": [{"method": "card"}]}, {"/payments/0/token": "token_required"}),
        ({"payments": [CARD | {"method": "barter"}]}, {"/payments/0/method": "not_allowed"}),
        ({"payments": [CARD | {"provider": "p"}]}, {"/payments/0/provider": "unknown_provider"}),
        ({"payments": [CARD, CARD]}, {f"/payments/{i}/amount": "amount_required" for i in (0, 1)}),
        (
            {"payments": [CARD | {"amount": lira(1)}]},
            {"/payments": "tender_total_mismatch"},
        ),
        (
            {"totals": {"grand_total": lira(1)}},
            {"/totals/grand_total/amount": "total_mismatch"},
        ),
        (
            {"discounts": [{"code": "D", "amount": lira(60_000)}]},
            {"/discounts/0/amount": "discount_too_large"},
        ),
        (
            {"discounts": [{"code": "D", "amount": lira(1), "line": 1}]},
            {"/discounts/0/line": "unknown_line"},
        ),
        ({"placed_at": "2020-01-01T00:00:00"}, {"/placed_at": "bad_time"}),
        ({"placed_at": "0001-01-01T00:00:00+14:00"}, {"/placed_at": "out_of_range"}),
        ({"placed_at": "9999-12-31T23:59:59-23:59"}, {"/placed_at": "out_of_range"}),
        ({"placed_at": "2999-01-01T00:00:00Z"}, {"/placed_at": "in_the_future"}),
        ({"placed_at": 0}, {"/placed_at": "bad_time"}),
        ({"metadata": {"a": ["\0"]}}, {"/metadata": "bad_format"}),
        ({"metadata": {"a": 10**20}}, {"/metadata": "number_out_of_range"}),
        ({"metadata": {"a": "x" * 20_000}}, {"/metadata": "too_long"}),
        ({"metadata": []}, {"/metadata": "wrong_type"}),
        ({"priority": 1_001}, {"/priority": "too_large"}),
        ({"out_of_stock": "wait"}, {"/out_of_stock": "not_allowed"}),
    ],
)
async def test_a_wrong_field_is_named(
    standing_api: httpx2.AsyncClient,
    standing_pool: Pool,
    changes: dict[str, Any],
    expected: dict[str, str],
) -> None:
    response = await standing_api.post(
        "/v1/orders", json=order(**changes), headers={"idempotency-key": "k"}
    )
    assert codes(response) == expected
    assert await standing_pool.fetchval("SELECT count(*) FROM orders") == 0
    assert await standing_pool.fetchval("SELECT count(*) FROM idempotency_keys") == 0


async def test_all_wrong_fields_are_named_at_once(standing_api: httpx2.AsyncClient) -> None:
    body = order(
        currency="EUR",
        lines=[LINE, LINE | {"unit_price": {"amount": 5, "currency": "USD"}}],
        payments=[{"method": "card"}, {"method": "wallet", "provider": "nobody"}],
        customer={"phone": "none"},
    )
    assert set(codes(await standing_api.post("/v1/orders", json=body)).items()) >= {
        ("/lines/0/unit_price/currency", "currency_mismatch"),
        ("/lines/1/unit_price/currency", "currency_mismatch"),
        ("/shipping/price/currency", "currency_mismatch"),
        ("/payments/0/token", "token_required"),
        ("/payments/1/token", "token_required"),
        ("/payments/1/provider", "unknown_provider"),
        ("/customer/phone", "bad_phone"),
    }


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 422, "invalid_request"),
        (b"{", 422, "invalid_json"),
        (b"null", 422, "invalid_request"),
        (b"[]", 422, "invalid_request"),
        (b'"text"', 422, "invalid_request"),
        (b'{"channel": NaN}', 422, "invalid_request"),
        (b'{"metadata": {"a": NaN}}', 422, "invalid_request"),
        (b'{"channel": "\xff"}', 422, "invalid_json"),
        (b'{"channel": "\\ud800"}', 422, "invalid_json"),
        (b'{"channel": ' + b"9" * 5_000 + b"}", 422, "invalid_json"),
        (b"[" * 100_000, 422, "invalid_json"),
        (b'{"metadata": ' + b'{"a":' * 500 + b"1" + b"}" * 501, 422, "invalid_json"),
        (b'{"channel": "' + b"x" * 1_100_000 + b'"}', 413, "body_too_large"),
    ],
)
async def test_a_body_that_is_no_order_is_refused(
    standing_api: httpx2.AsyncClient, content: bytes, status: int, code: str
) -> None:
    response = await standing_api.post(
        "/v1/orders", content=content, headers={"content-type": "application/json"}
    )
    assert (response.status_code, response.json()["code"]) == (status, code)


async def test_not_a_number_hidden_in_a_good_order_is_refused(
    standing_api: httpx2.AsyncClient,
) -> None:
    body = httpx2.Request("POST", "http://kervan", json=order(metadata={"a": 1})).content
    content = body.replace(b'{"a":1}', b'{"a":NaN}')
    assert content != body
    response = await standing_api.post(
        "/v1/orders", content=content, headers={"content-type": "application/json"}
    )
    assert (response.status_code, response.json()["code"]) == (422, "invalid_json")


async def test_a_large_body_without_a_length_is_refused_too(
    standing_api: httpx2.AsyncClient,
) -> None:
    async def chunks() -> Any:
        for _ in range(20):
            yield b" " * 100_000

    response = await standing_api.post(
        "/v1/orders", content=chunks(), headers={"content-type": "application/json"}
    )
    assert response.status_code == 413


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "multipart/form-data"])
async def test_only_json_is_read(standing_api: httpx2.AsyncClient, content_type: str) -> None:
    response = await standing_api.post(
        "/v1/orders", content=b"{}", headers={"content-type": content_type}
    )
    assert (response.status_code, response.json()["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize("key", ["", "with blank", "k" * 256, "ümlaut"])
async def test_an_idempotency_key_is_printable(standing_api: httpx2.AsyncClient, key: str) -> None:
    headers = [(b"idempotency-key", key.encode())]
    response = await standing_api.post("/v1/orders", json=order(), headers=headers)
    assert codes(response) == {"/Idempotency-Key": "bad_format"}


@pytest.mark.parametrize(
    "path",
    [
        "/v1/orders/ord_%00",
        "/v1/orders/ord_nothing",
        "/v1/orders/ord_%ff/events",
        "/v1/orders/ord_x/events/stream",
        "/v1/fulfillment-orders/ful_x",
        "/v1/items/nothing",
        "/v1/warehouses/nothing",
        "/track/nothing",
        "/track/%00",
        "/v1/nothing",
        "/v1/orders/",
    ],
)
async def test_what_is_not_there_is_404(standing_api: httpx2.AsyncClient, path: str) -> None:
    response = await standing_api.get(path)
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["code"] == "not_found"


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("limit=0", "/limit"),
        ("limit=x", "/limit"),
        ("cursor=x", "/cursor"),
        ("cursor=WzFd", "/cursor"),
        ("cursor=%00", "/cursor"),
        ("cursor=ü", "/cursor"),
        ("status=lost", "/status/0"),
        ("placed_from=yesterday", "/placed_from"),
        ("placed_from=0001-01-01T00:00:00%2B14:00", "/placed_from"),
        ("channel=%00", "/channel"),
        ("q=%00", "/q"),
    ],
)
async def test_a_wrong_parameter_is_named(
    standing_api: httpx2.AsyncClient, query: str, pointer: str
) -> None:
    response = await standing_api.get(f"/v1/orders?{query}")
    assert response.json()["code"] == "invalid_parameters"
    assert list(codes(response)) == [pointer]


async def test_a_method_that_is_not_known_is_405(standing_api: httpx2.AsyncClient) -> None:
    response = await standing_api.patch("/v1/orders")
    assert (response.status_code, response.json()["code"]) == (405, "method_not_allowed")
