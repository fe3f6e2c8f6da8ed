"""What the replay does when answers are lost, services restart, and an order is not ready yet."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import cast

import httpx2
import pytest
from rich.console import Console

from ops.client import ApiError, Doors, Json
from ops.replay.client import ReplayClient
from ops.replay.comparison import Difference
from ops.replay.driver import Driver, StepFailed
from ops.replay.olist import Book
from ops.replay.progress import Meter, Teller
from ops.replay.session import Session, Waits, _Found
from ops.replay.steps import Cancel, Expected, Life, Place
from ops.replay.work_list import WorkList

MOMENT = datetime(2018, 3, 8, tzinfo=UTC)
Handler = Callable[[httpx2.Request], httpx2.Response]


def client_of(handler: Handler) -> ReplayClient:
    """Make a client whose API and sandbox are one function."""
    client = ReplayClient(Doors("http://api", "http://sandbox", "dev"), patience=5, connections=4)
    for name in ("_api", "_sandbox"):
        transport = httpx2.MockTransport(handler)
        own = httpx2.AsyncClient(base_url="http://stack", transport=transport)
        setattr(client, name, own)
    return client


class Carrier:
    """Answers like the sandbox's carrier, but for `losses` answers that never arrive."""

    def __init__(self, losses: int, *, after_the_work: bool) -> None:
        self.scans: list[Json] = []
        self._losses = losses
        self._after_the_work = after_the_work

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        if request.method == "GET":
            parcel = {"tracking_number": "SBX1", "scans": self.scans}
            return httpx2.Response(200, json={"items": [parcel]})
        lost = self._losses > 0
        self._losses -= 1
        if not lost or self._after_the_work:
            self.scans.append(json.loads(request.content))
        if lost:
            raise httpx2.ReadError("lost")
        return httpx2.Response(200, json={})


@pytest.mark.parametrize("after_the_work", [True, False])
async def test_a_scan_whose_answer_is_lost_is_made_once(*, after_the_work: bool) -> None:
    carrier = Carrier(1, after_the_work=after_the_work)
    async with client_of(carrier) as client:
        await client.scan("ord_1", "SBX1", "delivered", MOMENT, doubt=False)
    assert carrier.scans == [{"status": "delivered", "occurred_at": "2018-03-08T00:00:00Z"}]


async def test_a_scan_of_an_earlier_run_is_not_made_again() -> None:
    carrier = Carrier(0, after_the_work=True)
    carrier.scans.append({"status": "delivered"})
    async with client_of(carrier) as client:
        await client.scan("ord_1", "SBX1", "delivered", MOMENT, doubt=True)
    assert len(carrier.scans) == 1


async def test_a_payment_is_approved_once_the_provider_knows_of_it() -> None:
    answers = [404, 503, 200]

    def provider(request: httpx2.Request) -> httpx2.Response:
        assert request.url.path == "/payments/pay_1/confirm"
        return httpx2.Response(answers.pop(0), json={"code": "not_found"})

    async with client_of(provider) as client:
        await client.approve("pay_1", MOMENT)
    assert answers == []


@pytest.mark.parametrize(("code", "done"), [("payment_captured", True), ("payment_failed", False)])
async def test_a_payment_that_does_not_wait_is_approved_or_never_will_be(
    code: str, *, done: bool
) -> None:
    async with client_of(lambda _: httpx2.Response(409, json={"code": code})) as client:
        if done:
            await client.approve("pay_1", MOMENT)
        else:
            with pytest.raises(ApiError, match=code):
                await client.approve("pay_1", MOMENT)


LIFE = Life(
    order_id="o1",
    status="canceled",
    ends_as="canceled",
    placed_at=MOMENT,
    promised_at=None,
    steps=(Place({}), Cancel()),
    parcels={},
    units={},
    expected=Expected(
        status=frozenset({"canceled"}),
        payment_status="voided",
        fulfillment_status="unfulfilled",
        cancel_reason=None,
        all_picked=False,
        tenders=(),
        parcels=0,
        tracking_status=None,
        shipped_at=None,
        delivered_at=None,
        feedback=frozenset(),
    ),
)


async def live(handler: Handler) -> None:
    async with client_of(handler) as client:
        await Driver(client, WorkList(client), patience=5).live(LIFE, None)


async def test_a_refusal_is_asked_again_under_another_key() -> None:
    keys: list[str] = []

    def api(request: httpx2.Request) -> httpx2.Response:
        keys.append(request.headers["idempotency-key"])
        refused = keys == ["olist:o1:place", "olist:o1:cancel"]
        body = {"id": "ord_1", "code": "already_shipped", "current": {"status": "confirmed"}}
        return httpx2.Response(409 if refused else 200, json=body)

    await live(api)
    assert keys == ["olist:o1:place", "olist:o1:cancel", "olist:o1:cancel:2"]


async def test_an_order_that_is_canceled_already_needs_no_cancellation() -> None:
    def api(request: httpx2.Request) -> httpx2.Response:
        canceled = request.url.path.endswith("/cancel")
        body = {"id": "ord_1", "code": "order_closed", "current": {"status": "canceled"}}
        return httpx2.Response(409 if canceled else 201, json=body)

    await live(api)


async def test_a_step_that_fails_is_named() -> None:
    with pytest.raises(StepFailed, match="422 invalid_request") as failed:
        await live(lambda _: httpx2.Response(422, json={"code": "invalid_request"}))
    assert failed.value.step == "Place"


async def test_work_is_told_to_who_waits_once_all_sources_have_some() -> None:
    work = [{"order_id": "ord_1", "warehouse": "a"}]

    def api(_: httpx2.Request) -> httpx2.Response:
        answer = httpx2.Response(200, json={"items": list(work), "next_cursor": None})
        work.append({"order_id": "ord_1", "warehouse": "b"})
        return answer

    async with client_of(api) as client, asyncio.TaskGroup() as group:
        work_list = WorkList(client)
        looking = group.create_task(work_list.run())
        found = await work_list.wait("ord_1", 2)
        looking.cancel()
    assert found is not None
    assert sorted(found) == ["a", "b"]


async def test_who_waits_for_work_in_vain_is_told_so() -> None:
    page = {"items": [{"order_id": "other", "warehouse": "a"}], "next_cursor": None}
    async with (
        client_of(lambda _: httpx2.Response(200, json=page)) as client,
        asyncio.TaskGroup() as group,
    ):
        work_list = WorkList(client, patience=0.05)
        looking = group.create_task(work_list.run())
        assert await work_list.wait("ord_1", 1) is None
        looking.cancel()


class _Moody:
    """A driver that cannot take some orders on at first, and some never."""

    def __init__(self, failures: dict[str, int]) -> None:
        self.tried: list[str] = []
        self._failures = failures

    async def live(self, life: Life, known: Json | None) -> None:
        self.tried.append(life.order_id)
        assert (known is None) == (self.tried.count(life.order_id) == 1)
        if self._failures.get(life.order_id, 0) >= self.tried.count(life.order_id):
            raise StepFailed("HandOver", "nobody answers")


async def test_orders_that_cannot_go_on_are_taken_up_once_more_at_the_end() -> None:
    lives = [replace(LIFE, order_id=order_id) for order_id in ("a", "b", "c")]
    orders = [{"id": f"ord_{x.order_id}", "channel_order_id": x.order_id} for x in lives]

    def stack(request: httpx2.Request) -> httpx2.Response:
        items = orders if request.url.path == "/v1/orders" else []
        return httpx2.Response(200, json={"items": items, "next_cursor": None})

    driver, meter = _Moody({"a": 1, "c": 2}), Meter(3)
    async with client_of(stack) as client:
        session = Session(client, Book(()), Teller(Console(quiet=True)), Waits())
        await session._live(cast("Driver", driver), lives, _Found(), meter)
    assert driver.tried == ["a", "b", "c", "a", "c"]
    assert meter.done == 3
    assert session._failures == [Difference("c", "step HandOver", "done", "nobody answers")]
