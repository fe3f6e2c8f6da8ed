"""The whole way of a purchase order over HTTP, with a worker behind it."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest_asyncio

from tests.api.conftest import opened, settings_of
from tests.api.test_purchasing import draft, stocked
from tests.workflows.life import eventually
from tests.workflows.shop import Shop
from workflows import ids


@pytest_asyncio.fixture
async def api(
    shop: Shop, database_url: str, temporal_address: str
) -> AsyncIterator[httpx2.AsyncClient]:
    """The API beside the shop's worker."""
    settings = settings_of(
        database_url, temporal_address=temporal_address, task_queue=shop.task_queue
    )
    async with opened(settings) as client:
        yield client


async def asked(
    api: httpx2.AsyncClient, path: str, call: str, body: dict[str, Any] | None = None
) -> dict[str, Any]:
    """A request that is granted."""
    answer = await api.post(f"{path}/{call}", json=body or {}, headers={"idempotency-key": call})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_from_draft_to_closed(api: httpx2.AsyncClient) -> None:
    await stocked(api, "SHIRT")
    made = await draft(api, ("SHIRT", 12))
    path = f"/v1/purchase-orders/{made['id']}"
    # Its workflow may not have begun yet: the request begins it.
    assert (await asked(api, path, "approve"))["status"] == "approved"
    sent = await asked(api, path, "send")
    assert (sent["status"], sent["mail"]) == ("sent", {"status": "sent", "sendings": 1})
    assert await asked(api, path, "send") == sent
    later = await asked(api, path, "reschedule", {"expected_on": "2031-05-06"})
    assert (later["expected_on"], later["lines"][0]["expected_on"]) == ("2031-05-06",) * 2
    body = {"reference": "DN-1", "lines": [{"sku": "SHIRT", "quantity": 12}]}
    assert (await api.post(f"{path}/receipts", json=body)).status_code == 201

    async def closed() -> bool:
        return bool((await api.get(path)).json()["status"] == "closed")

    await eventually(closed)
    [level] = (await api.get("/v1/stock?sku=SHIRT")).json()["items"]
    assert (level["on_hand"], level["incoming"]) == (12, 0)
    refused = await api.post(f"{path}/cancel", json={"reason": "late"})
    assert (refused.status_code, refused.json()["code"]) == (409, "purchase_order_closed")
    events = [e["type"] for e in (await api.get(f"{path}/events")).json()["items"]]
    assert events == [
        "purchase_order_created",
        "approve_requested",
        "purchase_order_approved",
        "send_requested",
        "purchase_order_sending",
        "purchase_order_sent",
        "reschedule_requested",
        "purchase_order_rescheduled",
        "goods_received",
        "purchase_order_closed",
        "cancel_requested",
        "cancel_refused",
    ]


async def test_a_refusal_is_answered_the_same_again_and_written_once(
    shop: Shop, api: httpx2.AsyncClient
) -> None:
    await stocked(api, "SHIRT")
    path = f"/v1/purchase-orders/{(await draft(api, ('SHIRT', 12)))['id']}"
    answers = [
        await api.post(f"{path}/send", json={}, headers={"idempotency-key": "k"}) for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [409, 409]
    assert answers[0].content == answers[1].content
    assert answers[0].json()["code"] == "not_approved"
    assert answers[0].json()["current"] == {"status": "draft", "mail_status": ""}
    events = [e["type"] for e in (await api.get(f"{path}/events")).json()["items"]]
    assert events == ["purchase_order_created", "send_requested", "send_refused"]
    assert list(shop.mail_dir.glob("*.eml")) == []


async def test_a_request_while_nobody_works_goes_on_later(
    shop: Shop, api: httpx2.AsyncClient
) -> None:
    await stocked(api, "SHIRT")
    path = f"/v1/purchase-orders/{(await draft(api, ('SHIRT', 12)))['id']}"
    assert (await asked(api, path, "approve"))["status"] == "approved"
    await shop.close()
    answer = await api.post(f"{path}/send", json={}, headers={"idempotency-key": "send"})
    assert (answer.status_code, answer.json()["code"]) == (503, "engine_unavailable")
    await shop.open()
    assert (await asked(api, path, "send"))["status"] == "sent"
    events = [e["type"] for e in (await api.get(f"{path}/events")).json()["items"]]
    assert events.count("send_requested") == 1
    assert len(list(shop.mail_dir.glob("*.eml"))) == 1


async def test_the_words_of_a_reason_stay_out_of_the_history(
    shop: Shop, api: httpx2.AsyncClient
) -> None:
    await stocked(api, "SHIRT")
    made = await draft(api, ("SHIRT", 12))
    path = f"/v1/purchase-orders/{made['id']}"
    await asked(api, path, "cancel", {"reason": "Ayla called"})
    handle = shop.temporal.get_workflow_handle(ids.purchase_workflow_id(made["id"]))
    assert "Ayla" not in (await handle.fetch_history()).to_json()
    events = (await api.get(f"{path}/events")).text
    assert "Ayla called" in events
