"""Requests that the workflow decides: asked once for a key, answered the same to every twin."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from temporalio.client import Client, WorkflowHandle

from db.pool import Pool
from tests.api.conftest import Open
from tests.api.engine import obedient_worker
from tests.api.orders import Shopfront, codes, lira, until
from workflows.ids import order_workflow_id


class Desk:
    """An API with a running engine, and a worker that does as it is told."""

    def __init__(self, api: httpx2.AsyncClient, client: Client) -> None:
        self.api = api
        self.client = client
        self.shopfront = Shopfront(api)

    def workflow(self, order_id: str) -> WorkflowHandle[Any, Any]:
        return self.client.get_workflow_handle(order_workflow_id(order_id))

    async def asked(self, order_id: str) -> int:
        """How many requests have reached the workflow."""
        count: int = await self.workflow(order_id).query("requests")
        return count


@pytest_asyncio.fixture
async def desk(
    open_api: Open, temporal: Client, temporal_address: str, task_queue: str
) -> AsyncIterator[Desk]:
    async with (
        obedient_worker(temporal, task_queue),
        open_api(temporal_address=temporal_address, task_queue=task_queue) as api,
    ):
        yield Desk(api, temporal)


async def types(desk: Desk, order_id: str) -> list[str]:
    return [event["type"] for event in await desk.shopfront.events(order_id)]


async def test_the_workflow_starts_right_after_the_order_is_placed(desk: Desk, pool: Pool) -> None:
    placed = await desk.shopfront.place()

    async def told() -> bool:
        return not await pool.fetchval("SELECT count(*) FROM outbox")

    await until(told)
    described = await desk.workflow(placed["id"]).describe()
    assert described.workflow_type == "OrderWorkflow"


async def test_a_hundred_copies_of_a_request_reach_the_workflow_once(desk: Desk) -> None:
    order_id = (await desk.shopfront.place())["id"]
    path, headers = f"/v1/orders/{order_id}/cancel", {"idempotency-key": "k"}
    body = {"reason": "customer_request", "note": "Twice ordered."}
    answers = await asyncio.gather(
        *(desk.api.post(path, json=body, headers=headers) for _ in range(30))
    )
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert answers[0].json()["id"] == order_id
    assert await desk.asked(order_id) == 1
    assert await types(desk, order_id) == ["order_placed", "cancel_requested"]
    other = await desk.api.post(path, json=body | {"reason": "other"}, headers=headers)
    assert other.json()["code"] == "idempotency_key_reused"
    assert await desk.asked(order_id) == 1


async def test_words_of_a_person_stay_out_of_the_workflow(desk: Desk) -> None:
    order_id = (await desk.shopfront.place())["id"]
    body = {"reason": "Mrs Yılmaz called", "note": "And wrote."}
    assert (await desk.api.post(f"/v1/orders/{order_id}/cancel", json=body)).status_code == 200
    last = await desk.workflow(order_id).query("last")
    assert last["reason"] == "other"
    event = (await desk.shopfront.events(order_id))[-1]
    assert event["note"] == "Mrs Yılmaz called\n\nAnd wrote."
    assert last["asker"]["request_event"] == int(event["id"])


async def test_a_refusal_is_409_with_the_state_and_stands_in_the_timeline(desk: Desk) -> None:
    order_id = (await desk.shopfront.place())["id"]
    path, headers = f"/v1/orders/{order_id}/cancel", {"idempotency-key": "k"}
    first = await desk.api.post(path, json={"reason": "refuse"}, headers=headers)
    again = await desk.api.post(path, json={"reason": "refuse"}, headers=headers)
    assert first.status_code == 409
    assert first.headers["content-type"] == "application/problem+json"
    assert first.json()["code"] == "already_shipped"
    assert first.json()["current"] == {"status": "confirmed"}
    assert again.content == first.content
    assert await types(desk, order_id) == ["order_placed", "cancel_requested", "cancel_refused"]
    assert await desk.asked(order_id) == 0


async def test_a_hold_ends_when_it_is_told_to(desk: Desk) -> None:
    order_id = (await desk.shopfront.place())["id"]
    path, until = f"/v1/orders/{order_id}/holds", "2040-01-01T00:00:00Z"
    body = {"reason": "other", "ends_at": until, "at_end": "release"}
    held = await desk.api.post(path, json=body)
    assert (held.json()["ends_at"], held.json()["at_end"]) == (until, "release")
    asked = await desk.workflow(order_id).query("last")
    assert (asked["ends_at"], asked["at_end"]) == ("2040-01-01T00:00:00+00:00", "release")
    past = await desk.api.post(path, json=body | {"ends_at": "2020-01-01T00:00:00Z"})
    assert codes(past) == {"/ends_at": "too_early"}
    plain = await desk.api.post(path, json={"reason": "other", "at_end": "cancel"})
    assert (plain.json()["ends_at"], plain.json()["at_end"]) == (None, None)


async def test_holds_are_made_and_released(desk: Desk) -> None:
    order_id = (await desk.shopfront.place())["id"]
    path = f"/v1/orders/{order_id}/holds"
    held = await desk.api.post(path, json={"reason": "other", "note": "Look."})
    assert held.status_code == 201
    assert held.json()["id"].startswith("hld_")
    assert (held.json()["reason"], held.json()["note"]) == ("other", "Look.")
    assert (await desk.workflow(order_id).query("last"))["hold_id"] == held.json()["id"]
    released = await desk.api.delete(f"{path}/{held.json()['id']}")
    assert released.status_code == 200
    assert (await desk.workflow(order_id).query("last"))["hold_id"] == held.json()["id"]
    wrong = await desk.api.post(path, json={"reason": "bored"})
    assert codes(wrong) == {"/reason": "not_allowed"}


async def test_retry_needs_no_body(desk: Desk) -> None:
    order_id = (await desk.shopfront.place())["id"]
    assert (await desk.api.post(f"/v1/orders/{order_id}/retry")).status_code == 200
    coded = await desk.api.post(f"/v1/orders/{order_id}/retry", json={"code": "label_failed"})
    assert coded.status_code == 200
    assert (await desk.workflow(order_id).query("last"))["code"] == "label_failed"


async def test_another_tender_is_for_what_is_not_covered(desk: Desk, pool: Pool) -> None:
    placed = await desk.shopfront.place()
    await pool.execute("UPDATE payments SET status = 'failed'")
    path = f"/v1/orders/{placed['id']}/payments"
    headers = {"idempotency-key": "k"}
    body = {"method": "card", "token": "tok_visa"}
    answers = await asyncio.gather(
        *(desk.api.post(path, json=body, headers=headers) for _ in range(10))
    )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    made = answers[0].json()
    assert made["amount"] == lira(64_790)
    assert made["status"] == "pending"
    rows = await pool.fetch("SELECT id, position, amount FROM payments ORDER BY position")
    assert [row["id"] for row in rows] == [placed["payments"][0]["id"], made["id"]]
    operation = await pool.fetchrow(
        "SELECT * FROM payment_operations WHERE payment_id = $1", made["id"]
    )
    assert operation is not None
    assert (operation["id"], operation["status"]) == (f"{made['id']}-authorize", "requested")
    too_much = body | {"amount": lira(64_791)}
    await pool.execute("UPDATE payments SET status = 'failed'")
    assert codes(await desk.api.post(path, json=too_much)) == {"/amount/amount": "too_large"}
    assert codes(await desk.api.post(path, json={"method": "card"})) == {"/token": "token_required"}


async def test_a_tender_that_is_refused_has_failed(desk: Desk, pool: Pool) -> None:
    placed = await desk.shopfront.place()
    made = await desk.api.post("/v1/api-keys", json={"name": "s", "scopes": ["support"]})
    support = {"authorization": f"Bearer {made.json()['key']}"}
    path = f"/v1/orders/{placed['id']}/payments"
    body = {"method": "bank_transfer", "amount": lira(0)}
    refused = await desk.api.post(path, json=body, headers=support)
    assert (refused.status_code, refused.json()["code"]) == (409, "payment_not_needed")
    row = await pool.fetchrow("SELECT status, failure FROM payments WHERE position = 1")
    assert row is not None
    assert tuple(row) == ("failed", "payment_not_needed")
    operations = await pool.fetch("SELECT status FROM payment_operations ORDER BY id")
    assert sorted(row["status"] for row in operations) == ["failed", "requested"]


async def test_without_an_engine_the_answer_is_503_and_the_same_request_goes_on_later(
    open_api: Open, temporal: Client, temporal_address: str, task_queue: str, pool: Pool
) -> None:
    headers = {"idempotency-key": "k"}
    async with open_api() as api:
        order_id = (await Shopfront(api).place())["id"]
        path = f"/v1/orders/{order_id}/holds"
        for _ in range(2):
            answer = await api.post(path, json={"reason": "other"}, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (503, "engine_unavailable")
            assert int(answer.headers["retry-after"]) > 0
    async with (
        obedient_worker(temporal, task_queue),
        open_api(temporal_address=temporal_address, task_queue=task_queue) as api,
    ):
        desk = Desk(api, temporal)
        answer = await api.post(path, json={"reason": "other"}, headers=headers)
        assert answer.status_code == 201
        assert await types(desk, order_id) == ["order_placed", "hold_requested"]
        assert await desk.asked(order_id) == 1
    # The order had not begun: it was started from its outbox row.
    assert await pool.fetchval("SELECT count(*) FROM outbox") == 0


async def test_an_order_that_is_over_takes_no_requests(desk: Desk, pool: Pool) -> None:
    order_id = (await desk.shopfront.place())["id"]
    await desk.api.post(f"/v1/orders/{order_id}/retry")
    handle = desk.workflow(order_id)
    await handle.signal("end")
    await handle.result()
    await pool.execute("UPDATE orders SET status = 'completed', payment_status = 'paid'")
    refused = await desk.api.post(f"/v1/orders/{order_id}/cancel", json={"reason": "late"})
    assert (refused.status_code, refused.json()["code"]) == (409, "order_closed")
    assert refused.json()["current"]["payment_status"] == "paid"
    assert (await types(desk, order_id))[-2:] == ["cancel_requested", "cancel_refused"]


async def test_an_order_that_ends_while_it_is_asked_is_closed(desk: Desk, pool: Pool) -> None:
    order_id = (await desk.shopfront.place())["id"]
    await desk.api.post(f"/v1/orders/{order_id}/retry")
    path = f"/v1/orders/{order_id}/cancel"
    asking = asyncio.create_task(desk.api.post(path, json={"reason": "slow"}))

    async def arrived() -> bool:
        return await desk.asked(order_id) > 1

    await until(arrived)
    await pool.execute("UPDATE orders SET status = 'completed'")
    await desk.workflow(order_id).signal("end")
    refused = await asking
    assert (refused.status_code, refused.json()["code"]) == (409, "order_closed")


@pytest.mark.parametrize("call", ["cancel", "holds", "retry", "payments"])
async def test_there_is_nothing_to_ask_of_an_order_that_is_not_there(
    standing_api: httpx2.AsyncClient, call: str
) -> None:
    bodies: dict[str, Any] = {
        "cancel": {"reason": "r"},
        "holds": {"reason": "other"},
        "payments": {"method": "bank_transfer"},
    }
    response = await standing_api.post(f"/v1/orders/ord_none/{call}", json=bodies.get(call, {}))
    assert (response.status_code, response.json()["code"]) == (404, "not_found")
