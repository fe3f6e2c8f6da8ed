"""What a warehouse sees and reports: starts and picks are written here, under the order's lock."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from temporalio.client import Client

from db.pool import Pool
from tests.api.conftest import Open
from tests.api.engine import obedient_worker
from tests.api.orders import Shopfront, codes, line
from workflows.ids import order_workflow_id


@dataclass
class Work:
    """A confirmed order of three and two units, to be prepared at MAIN."""

    api: httpx2.AsyncClient
    pool: Pool
    order_id: str
    lines: list[str]
    id: str = "ful_1"

    @property
    def path(self) -> str:
        return f"/v1/fulfillment-orders/{self.id}"

    async def pick(self, *picked: dict[str, Any], key: str = "") -> httpx2.Response:
        headers = {"idempotency-key": key} if key else {}
        body = {"lines": list(picked)}
        return await self.api.post(f"{self.path}/pick", json=body, headers=headers)

    async def types(self) -> list[str]:
        events = await Shopfront(self.api).events(self.order_id)
        return [event["type"] for event in events]


async def opened_work(api: httpx2.AsyncClient, pool: Pool) -> Work:
    placed = await Shopfront(api).place(lines=[line("A", 3, 100), line("B", 2, 100)])
    lines = [one["id"] for one in placed["lines"]]
    await pool.execute(
        "INSERT INTO warehouses (code, name, country, kind) VALUES ('MAIN', 'M', 'TR', 'own')"
    )
    await pool.execute("UPDATE orders SET status = 'confirmed'")
    await pool.execute("UPDATE order_lines SET open = 0, allocated = quantity")
    await pool.execute(
        "INSERT INTO fulfillment_orders (id, order_id, warehouse, cause)"
        " VALUES ('ful_1', $1, 'MAIN', 'confirm')",
        placed["id"],
    )
    await pool.execute(
        "INSERT INTO fulfillment_order_lines (fulfillment_order_id, line_id, sku, quantity)"
        " SELECT 'ful_1', id, sku, quantity FROM order_lines"
    )
    return Work(api, pool, placed["id"], lines)


@pytest_asyncio.fixture
async def work(api: httpx2.AsyncClient, pool: Pool) -> Work:
    return await opened_work(api, pool)


async def test_work_is_listed_by_warehouse_and_status_without_personal_data(work: Work) -> None:
    listed = await work.api.get("/v1/fulfillment-orders?warehouse=MAIN&status=open")
    assert [item["id"] for item in listed.json()["items"]] == ["ful_1"]
    assert [x["quantity"] for x in listed.json()["items"][0]["lines"]] == [3, 2]
    assert "Ayşe" not in listed.text
    for query in ("warehouse=WEST", "status=closed", "order_id=ord_x"):
        other = await work.api.get(f"/v1/fulfillment-orders?{query}")
        assert other.json()["items"] == []
    assert (await work.api.get(work.path)).json()["order_id"] == work.order_id


async def test_work_begins_once(work: Work) -> None:
    for _ in range(2):
        started = await work.api.post(f"{work.path}/start")
        assert (started.status_code, started.json()["status"]) == (200, "in_progress")
    assert await work.types() == ["order_placed", "pick_started"]
    order = await Shopfront(work.api).get(work.order_id)
    assert order["fulfillment_status"] == "in_progress"


async def test_what_is_picked_is_counted_once_for_a_key(work: Work) -> None:
    first, second = work.lines
    answers = await asyncio.gather(
        *(work.pick({"line_id": first, "quantity": 2}, key="k") for _ in range(10))
    )
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    both = await work.pick(
        {"line_id": first, "quantity": 1}, {"line_id": second, "quantity": 2}, key="k2"
    )
    assert [x["picked"] for x in both.json()["lines"]] == [3, 2]
    too_much = await work.pick({"line_id": first, "quantity": 1}, key="k3")
    assert (too_much.status_code, too_much.json()["code"]) == (409, "too_many_units")
    again = await work.pick({"line_id": first, "quantity": 1}, key="k3")
    assert again.content == too_much.content
    assert await work.types() == ["order_placed", "picked", "picked", "pick_refused"]
    assert await work.pool.fetchval("SELECT count(*) FROM outbox WHERE kind <> 'start_order'") == 0


async def test_a_short_pick_is_told_to_the_workflow(work: Work) -> None:
    first, _ = work.lines
    short = await work.pick({"line_id": first, "quantity": 1, "short_reason": "not on the shelf"})
    assert [(x["picked"], x["short"]) for x in short.json()["lines"]] == [(1, 2), (0, 0)]
    row = await work.pool.fetchrow("SELECT order_id, payload FROM outbox WHERE kind = 'short_pick'")
    assert row is not None
    assert row["order_id"] == work.order_id
    assert row["payload"]["fulfillment_order_id"] == "ful_1"
    assert row["payload"]["cause"].startswith("pick-")
    assert (await work.types())[-1] == "short_picked"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (
            (
                "INSERT INTO holds (id, order_id, reason, actor) SELECT 'hld_1', id, 'other', 't' "
                "FROM orders"
            ),
            "order_on_hold",
        ),
        ("UPDATE orders SET status = 'canceled'", "order_closed"),
        ("UPDATE orders SET cancel_requested_at = now()", "cancel_in_progress"),
        ("UPDATE fulfillment_orders SET status = 'closed'", "work_not_open"),
    ],
)
async def test_nothing_is_picked_when_the_order_does_not_allow_it(
    work: Work, change: str, code: str
) -> None:
    await work.pool.execute(change)
    for call, body in (
        ("start", {}),
        ("pick", {"lines": [{"line_id": work.lines[0], "quantity": 1}]}),
    ):
        refused = await work.api.post(f"{work.path}/{call}", json=body)
        assert (refused.status_code, refused.json()["code"]) == (409, code)
        assert refused.json()["current"]["payment_status"] == "pending"
        assert (await work.types())[-1] == f"{call}_refused"
    assert await work.pool.fetchval("SELECT sum(picked) FROM fulfillment_order_lines") == 0


async def test_a_report_has_to_be_clear_and_in_the_past(work: Work) -> None:
    picked = {"line_id": work.lines[0], "quantity": 1}
    assert codes(await work.pick(picked, picked)) == {"/lines/1/line_id": "duplicate"}
    future = await work.api.post(f"{work.path}/start", json={"occurred_at": "2999-01-01T00:00:00Z"})
    assert codes(future) == {"/occurred_at": "in_the_future"}
    assert await work.types() == ["order_placed"]


@pytest_asyncio.fixture
async def running_work(
    open_api: Open, temporal: Client, temporal_address: str, task_queue: str, pool: Pool
) -> AsyncIterator[Work]:
    async with (
        obedient_worker(temporal, task_queue),
        open_api(temporal_address=temporal_address, task_queue=task_queue) as api,
    ):
        yield await opened_work(api, pool)


async def test_parcels_go_to_the_workflow_with_ids_that_stay_the_same(
    running_work: Work, temporal: Client
) -> None:
    work = running_work
    first, second = work.lines
    size = {"weight_g": 500, "length_mm": 300, "width_mm": 200, "height_mm": 100}
    body = {
        "parcels": [
            {"lines": [{"line_id": first, "quantity": 3}], **size},
            {"lines": [{"line_id": second, "quantity": 2}], **size},
        ],
        "occurred_at": "2018-01-01T10:00:00Z",
    }
    headers = {"idempotency-key": "pack"}
    answers = [
        await work.api.post(f"{work.path}/pack", json=body, headers=headers) for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].content == answers[1].content
    handle = temporal.get_workflow_handle(order_workflow_id(work.order_id))
    assert await handle.query("requests") == 1
    last = await handle.query("last")
    assert last["fulfillment_order_id"] == "ful_1"
    assert last["occurred_at"] == "2018-01-01T10:00:00+00:00"
    shipments = [parcel["shipment_id"] for parcel in last["parcels"]]
    event = (await Shopfront(work.api).events(work.order_id))[-1]
    assert event["type"] == "pack_requested"
    assert event["data"]["shipment_ids"] == shipments
    assert event["occurred_at"] == "2018-01-01T10:00:00Z"
    shipped = await work.api.post(f"{work.path}/ship", json={"shipment_ids": shipments})
    assert shipped.status_code == 200
    assert (await handle.query("last"))["shipment_ids"] == shipments
    assert (await work.api.post(f"{work.path}/ship")).status_code == 200
