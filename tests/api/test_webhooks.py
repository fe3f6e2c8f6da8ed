"""News from providers: signed, written down once, then acknowledged."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import orjson
import pytest

from adapters.sandbox.signature import signed_headers
from db.pool import Pool

SECRET = "sandbox-webhook-secret"
EVENT = {
    "id": "evt_1",
    "type": "payment.captured",
    "occurred_at": "2026-11-22T10:00:00Z",
    "data": {
        "payment": "pay_1",
        "captured": True,
        "operation": {
            "id": "op_1",
            "kind": "capture",
            "status": "succeeded",
            "reason": "",
            "amount": {"amount": 100, "currency": "TRY"},
        },
    },
}
SCAN = {
    "id": "scan_1",
    "type": "parcel.scan",
    "data": {
        "id": "scan_1",
        "tracking_number": "SBX1",
        "status": "delivered",
        "occurred_at": "2026-11-22T10:00:00Z",
    },
}


def signed(body: bytes, event_id: str = "evt_1", **changes: Any) -> dict[str, str]:
    return signed_headers(
        changes.get("secret", SECRET), event_id, body, changes.get("now", datetime.now(UTC))
    )


@pytest.mark.parametrize("source", ["payments", "carriers"])
async def test_what_is_not_signed_is_refused(
    api: httpx2.AsyncClient, pool: Pool, source: str
) -> None:
    body = orjson.dumps(EVENT)
    old = datetime.now(UTC) - timedelta(hours=1)
    for headers in (
        {},
        signed(body, secret="other"),
        signed(body + b" "),
        signed(body, now=old),
        signed(body) | {"webhook-timestamp": "9" * 400},
        signed(body) | {"webhook-signature": "v1,ümlaut"},
    ):
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        response = await api.post(f"/v1/webhooks/{source}/sandbox", content=body, headers=raw)
        assert (response.status_code, response.json()["code"]) == (401, "invalid_signature")
    assert await pool.fetchval("SELECT count(*) FROM inbox") == 0


@pytest.mark.parametrize("body", [b"", b"null", b"{}", b"\xff", b"[" * 50_000, b'{"id": 1}'])
async def test_what_is_signed_and_not_understood_is_malformed(
    standing_api: httpx2.AsyncClient, body: bytes
) -> None:
    path = "/v1/webhooks/payments/sandbox"
    response = await standing_api.post(path, content=body, headers=signed(body))
    assert (response.status_code, response.json()["code"]) == (422, "malformed_webhook")


@pytest.mark.parametrize("path", ["payments/nobody", "carriers/nobody", "channels/shop"])
async def test_an_unknown_provider_is_404(standing_api: httpx2.AsyncClient, path: str) -> None:
    response = await standing_api.post(f"/v1/webhooks/{path}", content=b"{}")
    assert (response.status_code, response.json()["code"]) == (404, "unknown_provider")


async def test_a_webhook_that_is_too_large_is_not_read(standing_api: httpx2.AsyncClient) -> None:
    path = "/v1/webhooks/payments/sandbox"
    response = await standing_api.post(path, content=b"x" * 1_048_577)
    assert response.status_code == 413


async def test_news_is_written_down_once_and_always_acknowledged(
    api: httpx2.AsyncClient, pool: Pool
) -> None:
    body = orjson.dumps(EVENT)
    path = "/v1/webhooks/payments/sandbox"
    answers = [await api.post(path, content=body, headers=signed(body)) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert [answer.json()["new"] for answer in answers] == [1, 0, 0]
    rows = await pool.fetch("SELECT source, provider, event_id, payload, processed_at FROM inbox")
    assert len(rows) == 1
    assert rows[0]["payload"] == {
        "provider": "sandbox",
        "event_id": "evt_1",
        "payment_id": "pay_1",
        "kind": "capture",
        "status": "succeeded",
        "provider_ref": "op_1",
        "amount": {"amount": 100, "currency": "TRY"},
        "occurred_at": "2026-11-22T10:00:00+00:00",
        "captured": True,
        "reason": "",
    }
    assert rows[0]["processed_at"] is None


async def test_a_scan_of_a_carrier_is_news_too(api: httpx2.AsyncClient, pool: Pool) -> None:
    body = orjson.dumps(SCAN)
    answer = await api.post(
        "/v1/webhooks/carriers/sandbox", content=body, headers=signed(body, "scan_1")
    )
    assert answer.status_code == 200
    row = await pool.fetchrow("SELECT source, event_id, payload FROM inbox")
    assert row is not None
    assert (row["source"], row["payload"]["tracking_number"]) == ("carriers", "SBX1")
