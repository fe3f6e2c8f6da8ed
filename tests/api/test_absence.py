"""Goods that are not there, over HTTP: policies, substitutes, leaving, closed warehouses."""

import re
from collections.abc import AsyncIterator
from datetime import date, timedelta
from html import unescape
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from temporalio.client import Client

from db import expected, ledger, substitutes
from db.movements import Movement
from db.new_ids import new_id
from db.pool import Pool
from db.substitutes import Wanted
from domain.order import Offer
from domain.states import OfferStatus
from domain.substitution import Place
from tests.api.conftest import Open
from tests.api.engine import obedient_worker
from tests.api.orders import Shopfront, codes, line, lira, order
from workflows.ids import order_workflow_id

WAREHOUSE = {"name": "Main", "country": "TR", "city": "İstanbul", "kind": "own"}


async def catalog(api: httpx2.AsyncClient, *skus: str) -> None:
    """Items and a warehouse."""
    for sku in skus:
        assert (await api.put(f"/v1/items/{sku}", json={"name": sku.title()})).status_code == 200
    assert (await api.put("/v1/warehouses/MAIN", json=WAREHOUSE)).status_code == 200


async def let_wait(pool: Pool, order_id: str, quantity: int = 1) -> str:
    """Put units of an order's first line into the queue, as its workflow would; the line's id."""
    line_id: str = await pool.fetchval(
        "UPDATE order_lines SET open = open - $2, backordered = $2"
        " WHERE order_id = $1 AND position = 0 RETURNING id",
        order_id,
        quantity,
    )
    await pool.execute(
        "INSERT INTO reservations (order_id, line_id, sku, quantity, status, cause, queued_at)"
        " SELECT order_id, id, sku, $2, 'backordered', 'tests', now()"
        " FROM order_lines WHERE id = $1",
        line_id,
        quantity,
    )
    await pool.execute("UPDATE orders SET status = 'confirmed' WHERE id = $1", order_id)
    return line_id


async def ordered_from_supplier(pool: Pool, sku: str, quantity: int, day: date) -> None:
    """A purchase order that the supplier has."""
    await pool.execute(
        "INSERT INTO suppliers (code, name, currency, lead_time_days)"
        " VALUES ('S', 'S', 'TRY', 7) ON CONFLICT DO NOTHING"
    )
    number = await pool.fetchval("SELECT count(*) FROM purchase_orders")
    await pool.execute(
        "INSERT INTO purchase_orders (id, number, supplier, warehouse, status, currency,"
        " expected_on, created_by) VALUES ($1, $1, 'S', 'MAIN', 'sent', 'TRY', $2, 'tests')",
        f"po_{number}",
        day,
    )
    await pool.execute(
        "INSERT INTO purchase_lines (id, purchase_order_id, position, sku, quantity, unit_cost,"
        " expected_on) VALUES ($1, $1, 0, $2, $3, 100, $4)",
        f"po_{number}",
        sku,
        quantity,
        day,
    )


async def offer(pool: Pool, order_id: str, line_id: str, sku: str, offer_id: str) -> None:
    """A substitute that the customer may still accept."""
    await pool.execute(
        "INSERT INTO substitution_offers (id, order_id, line_id, ordered_sku, sku, quantity, note,"
        " expires_at) VALUES ($1, $2, $3, 'TSHIRT-M', $4, 1, 'Red <b>one</b>',"
        " '2030-05-17 10:00+00')",
        offer_id,
        order_id,
        line_id,
        sku,
    )


# -- policies and dates ------------------------------------------------------------------------


async def test_a_line_may_have_a_policy_of_its_own(shopfront: Shopfront) -> None:
    lines = [line("A", 1, 32_395, out_of_stock="substitute"), line("B", 1, 27_405)]
    placed = await shopfront.place(lines=lines, out_of_stock="substitute")
    assert placed["out_of_stock"] == "substitute"
    assert [x["out_of_stock"] for x in placed["lines"]] == ["substitute", None]
    found = await shopfront.get(placed["id"])
    assert found["lines"] == placed["lines"]
    assert (found["substitutions"], placed["substitutions"]) == ([], [])


async def test_the_same_order_with_another_policy_is_another_order(
    api: httpx2.AsyncClient,
) -> None:
    body, headers = order(), {"idempotency-key": "k"}
    assert (await api.post("/v1/orders", json=body, headers=headers)).status_code == 201
    other = {**body, "lines": [{**body["lines"][0], "out_of_stock": "cancel_lines"}]}
    again = await api.post("/v1/orders", json=other, headers=headers)
    assert again.json()["code"] == "idempotency_key_reused"


@pytest.mark.parametrize("policy", ["cancel", "wait", ""])
async def test_a_line_cannot_cancel_the_order(
    standing_api: httpx2.AsyncClient, policy: str
) -> None:
    body = order(lines=[line("A", 1, 100, out_of_stock=policy)])
    response = await standing_api.post("/v1/orders", json=body)
    assert codes(response) == {"/lines/0/out_of_stock": "not_allowed"}


async def test_a_line_that_waits_tells_when_its_units_are_expected(
    api: httpx2.AsyncClient, shopfront: Shopfront, pool: Pool
) -> None:
    await catalog(api, "TSHIRT-M")
    first = (await shopfront.place())["id"]
    second = (await shopfront.place())["id"]
    await let_wait(pool, first, 2)
    await let_wait(pool, second, 1)
    assert (await shopfront.get(first))["lines"][0]["expected_on"] is None
    soon, late = date.today() + timedelta(days=5), date.today() + timedelta(days=30)  # noqa: DTZ011
    await ordered_from_supplier(pool, "TSHIRT-M", 2, soon)
    await ordered_from_supplier(pool, "TSHIRT-M", 10, late)
    assert (await shopfront.get(first))["lines"][0]["expected_on"] == soon.isoformat()
    assert (await shopfront.get(second))["lines"][0]["expected_on"] == late.isoformat()


async def test_a_day_that_moves_far_is_told_once(
    api: httpx2.AsyncClient, shopfront: Shopfront, pool: Pool
) -> None:
    await catalog(api, "TSHIRT-M")
    order_id = (await shopfront.place())["id"]
    line_id = await let_wait(pool, order_id)
    today = date.today()  # noqa: DTZ011
    day = today + timedelta(days=10)
    shift = timedelta(days=3)

    async def moved() -> list[expected.Moved]:
        async with pool.acquire() as conn, conn.transaction():
            return await expected.moved(conn, shift)

    await ordered_from_supplier(pool, "TSHIRT-M", 5, day)
    # The mail of the milestone named the first day; here nobody was told of any.
    assert await moved() == []
    for later, told in [(3, False), (4, True), (4, False), (5, False), (0, True)]:
        new = day + timedelta(days=later)
        await pool.execute("UPDATE purchase_lines SET expected_on = $1", new)
        found = await moved()
        assert found == ([expected.Moved(order_id, new, {line_id: new})] if told else []), later
    await pool.execute("UPDATE purchase_orders SET status = 'canceled'")
    assert await moved() == [expected.Moved(order_id, None, {line_id: None})]
    assert await moved() == []


# -- substitutes -------------------------------------------------------------------------------


async def test_an_item_has_a_list_of_substitutes(api: httpx2.AsyncClient) -> None:
    await catalog(api, "A", "B", "C")
    wanted = {"items": [{"sku": "C", "note": "Larger."}, {"sku": "B"}]}
    put = await api.put("/v1/items/A/substitutes", json=wanted)
    assert put.json() == {
        "sku": "A",
        "items": [
            {"sku": "C", "name": "C", "note": "Larger."},
            {"sku": "B", "name": "B", "note": None},
        ],
    }
    assert (await api.get("/v1/items/A/substitutes")).json() == put.json()
    assert (await api.put("/v1/items/A/substitutes", json={"items": []})).json()["items"] == []
    assert (await api.get("/v1/items/A")).json()["sku"] == "A"


async def test_a_wrong_list_of_substitutes_changes_nothing(api: httpx2.AsyncClient) -> None:
    await catalog(api, "A", "B")
    await api.put("/v1/items/A/substitutes", json={"items": [{"sku": "B"}]})
    wrong = {"items": [{"sku": "A"}, {"sku": "NONE"}, {"sku": "B"}, {"sku": "B"}]}
    assert codes(await api.put("/v1/items/A/substitutes", json=wrong)) == {
        "/items/0/sku": "duplicate",
        "/items/1/sku": "unknown_sku",
        "/items/3/sku": "duplicate",
    }
    assert [x["sku"] for x in (await api.get("/v1/items/A/substitutes")).json()["items"]] == ["B"]
    for call in (api.get("/v1/items/X/substitutes"), api.put("/v1/items/X/substitutes",
                                                             json={"items": []})):  # fmt: skip
        assert (await call).status_code == 404


async def test_an_order_that_is_sent_again_after_a_substitute_is_answered_as_the_first_time(
    api: httpx2.AsyncClient, pool: Pool
) -> None:
    await catalog(api, "A", "B", "C", "D")
    lines = [line("A", 3, 10_000), line("B", 1, 4_990)]
    tender = {"method": "card", "token": "tok_visa"}
    body = order(lines=lines, payments=[tender], discounts=[{"code": "X", "amount": lira(100)}])
    first = await api.post("/v1/orders", json=body)
    assert first.status_code == 201
    order_id = first.json()["id"]
    for sku, instead, quantity in (("A", "C", 2), ("B", "D", 1)):
        await take(pool, order_id, sku, instead, quantity)
    now = (await api.get(f"/v1/orders/{order_id}")).json()
    assert [(x["sku"], x["ordered_sku"], x["quantity"]) for x in now["lines"]] == [
        ("A", None, 1), ("D", "B", 1), ("C", "A", 2),
    ]  # fmt: skip
    assert sum(x["total"]["amount"] for x in now["lines"]) == 34_890
    again = await api.post("/v1/orders", json=body)
    assert again.json() == first.json()


async def take(pool: Pool, order_id: str, sku: str, instead: str, quantity: int) -> None:
    """The customer takes `instead` for units of an item that wait."""
    await pool.execute(
        "INSERT INTO stock_levels (sku, warehouse) VALUES ($1, 'MAIN') ON CONFLICT DO NOTHING",
        instead,
    )
    async with pool.acquire() as conn, conn.transaction():
        goods = Movement(instead, "MAIN", "receipt", new_id("rcp"), on_hand=quantity)
        await ledger.write(conn, [goods])
        line_id = await conn.fetchval(
            "UPDATE order_lines SET open = open - $3, backordered = $3"
            " WHERE order_id = $1 AND sku = $2 RETURNING id",
            order_id,
            sku,
            quantity,
        )
        offer_id, want = new_id("sub"), Wanted(line_id, sku, quantity, instead, None)
        await substitutes.shelves(conn, [instead])
        await substitutes.offer(conn, offer_id, order_id, want, [Place("MAIN", quantity)], 60)
        offered = Offer(offer_id, line_id, instead, quantity, OfferStatus.OFFERED)
        await substitutes.accept(conn, order_id, offered)


# -- closed warehouses -------------------------------------------------------------------------


async def test_a_warehouse_is_closed_once_and_opened_again(api: httpx2.AsyncClient) -> None:
    await catalog(api)
    headers = {"idempotency-key": "k"}
    path = "/v1/warehouses/MAIN"
    closed = await api.post(f"{path}/close", json={"reason": "flood"}, headers=headers)
    again = await api.post(f"{path}/close", json={"reason": "flood"}, headers=headers)
    assert closed.status_code == 200
    assert closed.json()["closed_at"] is not None
    assert again.content == closed.content
    other = await api.post(f"{path}/close", json={"reason": "fire"})
    assert (other.status_code, other.json()["code"]) == (409, "already_closed")
    assert set(other.json()["current"]) == {"closed_at"}
    assert (await api.get(path)).json()["closed_at"] == closed.json()["closed_at"]
    reopened = await api.post(f"{path}/reopen")
    assert reopened.json()["closed_at"] is None
    refused = await api.post(f"{path}/reopen")
    assert (refused.status_code, refused.json()["code"]) == (409, "not_closed")
    [closing] = (await api.get(f"{path}/closings")).json()["items"]
    assert (closing["reason"], closing["actor"], closing["reopened_by"]) == ("flood", "dev", "dev")


@pytest.mark.parametrize("call", ["close", "reopen"])
async def test_a_warehouse_that_is_not_there_is_neither_closed_nor_opened(
    standing_api: httpx2.AsyncClient, call: str
) -> None:
    body = {"reason": "r"} if call == "close" else {}
    response = await standing_api.post(f"/v1/warehouses/NONE/{call}", json=body)
    assert response.status_code == 404


# -- what customers say ------------------------------------------------------------------------


class Desk:
    """An API with a running engine, and one order whose units wait."""

    def __init__(self, api: httpx2.AsyncClient, client: Client, pool: Pool) -> None:
        self.api = api
        self.client = client
        self.pool = pool
        self.shopfront = Shopfront(api)
        self.order: dict[str, Any] = {}
        self.line_id = ""

    async def wait(self, quantity: int = 1, **changes: Any) -> None:
        """Place the order, and let units of it wait."""
        await catalog(self.api, "TSHIRT-M", "TSHIRT-L")
        placed = await self.shopfront.place(**changes)
        self.line_id = await let_wait(self.pool, placed["id"], quantity)
        self.order = await self.shopfront.get(placed["id"])

    @property
    def path(self) -> str:
        """The customer's page."""
        link: str = self.order["links"]["tracking_page"]
        return link[link.index("/track/") :]

    async def last(self) -> dict[str, Any]:
        """What the workflow was asked last."""
        handle = self.client.get_workflow_handle(order_workflow_id(self.order["id"]))
        asked: dict[str, Any] = await handle.query("last")
        return asked

    async def last_lines(self) -> list[tuple[str, int]]:
        """The units it was asked about."""
        return [(line["line_id"], line["quantity"]) for line in (await self.last())["lines"]]

    async def asked(self) -> int:
        """How often it was asked."""
        handle = self.client.get_workflow_handle(order_workflow_id(self.order["id"]))
        count: int = await handle.query("requests")
        return count

    async def events(self) -> list[dict[str, Any]]:
        """The order's timeline."""
        return await self.shopfront.events(self.order["id"])

    async def page(self, path: str = "") -> str:
        """What stands on the page."""
        response = await self.api.get(f"{self.path}{path}", headers={"authorization": ""})
        assert response.status_code == 200
        assert "form-action 'self'" in response.headers["content-security-policy"]
        return unescape(response.text)

    async def press(self, path: str, **fields: Any) -> httpx2.Response:
        """Send a form of the page, as a browser does."""
        return await self.api.post(f"{self.path}{path}", data=fields, headers={"authorization": ""})


@pytest_asyncio.fixture
async def desk(
    open_api: Open, temporal: Client, temporal_address: str, task_queue: str, pool: Pool
) -> AsyncIterator[Desk]:
    async with (
        obedient_worker(temporal, task_queue),
        open_api(temporal_address=temporal_address, task_queue=task_queue) as api,
    ):
        yield Desk(api, temporal, pool)


async def storefront(desk: Desk) -> dict[str, str]:
    """A key that may do no more than a storefront."""
    made = await desk.api.post("/v1/api-keys", json={"name": "web", "scopes": ["storefront"]})
    return {"authorization": f"Bearer {made.json()['key']}"}


async def test_a_storefront_may_leave_the_queue_and_not_cancel(desk: Desk) -> None:
    await desk.wait()
    key = await storefront(desk)
    path = f"/v1/orders/{desk.order['id']}"
    units = [{"line_id": desk.line_id, "quantity": 1}]
    left = await desk.api.post(f"{path}/leave-queue", json={"lines": units}, headers=key)
    assert (left.status_code, left.json()["id"]) == (200, desk.order["id"])
    assert await desk.last_lines() == [(unit["line_id"], unit["quantity"]) for unit in units]
    assert (await desk.api.post(f"{path}/leave-queue", headers=key)).status_code == 200
    assert await desk.last_lines() == []
    refused = await desk.api.post(f"{path}/cancel", json={"reason": "r"}, headers=key)
    assert refused.status_code == 403
    assert await desk.asked() == 2


async def test_a_refused_leave_stands_in_the_timeline(desk: Desk) -> None:
    await desk.wait()
    body = {"lines": [{"line_id": desk.line_id, "quantity": 2}], "note": "No."}
    refused = await desk.api.post(f"/v1/orders/{desk.order['id']}/leave-queue", json=body)
    assert (refused.status_code, refused.json()["code"]) == (409, "too_many_units")
    types = [event["type"] for event in await desk.events()]
    assert types[-2:] == ["leave_queue_requested", "leave_queue_refused"]


@pytest.mark.parametrize("word", ["accept", "refuse"])
async def test_a_storefront_passes_on_what_the_customer_says(desk: Desk, word: str) -> None:
    await desk.wait()
    await offer(desk.pool, desk.order["id"], desk.line_id, "TSHIRT-L", "sub_1")
    [shown] = (await desk.shopfront.get(desk.order["id"]))["substitutions"]
    assert (shown["sku"], shown["name"], shown["ordered_sku"], shown["status"]) == (
        "TSHIRT-L", "Tshirt-L", "TSHIRT-M", "offered",
    )  # fmt: skip
    path = f"/v1/orders/{desk.order['id']}/substitutions/sub_1/{word}"
    answered = await desk.api.post(path, headers=await storefront(desk))
    assert answered.status_code == 200
    last = await desk.last()
    assert (last["offer_id"], last["accept"]) == ("sub_1", word == "accept")


async def test_an_offer_that_is_over_is_refused_and_told(desk: Desk) -> None:
    await desk.wait()
    await offer(desk.pool, desk.order["id"], desk.line_id, "TSHIRT-L", "sub_over")
    path = f"/v1/orders/{desk.order['id']}/substitutions/sub_over/accept"
    refused = await desk.api.post(path)
    assert (refused.status_code, refused.json()["code"]) == (409, "offer_over")
    assert (await desk.events())[-1]["type"] == "substitution_accept_refused"
    assert (await desk.api.post(path.replace("accept", "perhaps"))).status_code == 404
    assert (await desk.api.post(path.replace("sub_over", "sub_none"))).status_code == 404


# -- the customer's page -----------------------------------------------------------------------


async def test_the_page_tells_what_waits_and_until_when(desk: Desk) -> None:
    await desk.wait(locale="en-GB")
    day = date.today() + timedelta(days=5)  # noqa: DTZ011
    assert "1 × T-shirt M: no date is known yet" in await desk.page()
    await ordered_from_supplier(desk.pool, "TSHIRT-M", 1, day)
    page = await desk.page()
    assert f"1 × T-shirt M: expected on {day.day} {day:%B %Y}" in page
    assert f'<a href="{desk.path}/leave">I do not want to wait</a>' in page
    assert "<script" not in page


async def test_the_page_asks_before_anything_is_taken_out(desk: Desk) -> None:
    await desk.wait()
    asked = await desk.page("/leave")
    assert "Bu ürünler siparişinizden çıkarılsın mı?" in asked
    assert "Siparişinizin kalanı planlandığı gibi devam eder." in asked
    fields = dict(re.findall(r'name="(\w+)" value="([^"]+)"', asked))
    assert fields == {"version": "1", "line": f"{desk.line_id}:1"}
    assert [event["type"] for event in await desk.events()] == ["order_placed"]
    answers = [await desk.press("/leave", **fields) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    assert answers[0].headers["location"] == desk.path
    assert await desk.last_lines() == [(desk.line_id, 1)]
    # Pressed twice, it was asked once.
    assert await desk.asked() == 1
    requested = (await desk.events())[-1]
    assert (requested["type"], requested["actor"], requested["role"]) == (
        "leave_queue_requested", "customer", "customer",
    )  # fmt: skip


async def test_the_page_says_that_all_of_it_would_be_canceled(desk: Desk) -> None:
    await desk.wait(2)
    assert "sipariş iptal edilecek" in await desk.page("/leave")


@pytest.mark.parametrize("fields", [
    {}, {"version": "1"}, {"version": "x", "line": "lin_1:1"}, {"version": "1", "line": "lin_1:0"},
    {"version": "1", "line": "lin_1:1;drop"}, {"version": "1" * 20, "line": "lin_1:1"},
])  # fmt: skip
async def test_a_form_that_the_page_did_not_make_does_nothing(
    desk: Desk, fields: dict[str, str]
) -> None:
    await desk.wait()
    answer = await desk.press("/leave", **fields)
    assert answer.status_code == 409
    assert "bu arada değişti" in unescape(answer.text)
    assert [event["type"] for event in await desk.events()] == ["order_placed"]


async def test_the_page_tells_when_nothing_waits_any_more(desk: Desk) -> None:
    await desk.wait()
    await desk.pool.execute("UPDATE order_lines SET open = open + backordered, backordered = 0")
    assert "artık bekleyen ürün yok" in await desk.page("/leave")


async def test_the_page_offers_a_substitute_with_yes_and_no(desk: Desk) -> None:
    await desk.wait(locale="en")
    await offer(desk.pool, desk.order["id"], desk.line_id, "TSHIRT-L", "sub_1")
    response = await desk.api.get(desk.path)
    # The shop's words are text.
    assert "Red &lt;b&gt;one&lt;/b&gt;" in response.text
    page = unescape(response.text)
    assert "1 × Tshirt-L, instead of T-shirt M" in page
    assert "You pay what you would pay for what you ordered." in page
    assert "We keep it for you until May 17, 2030." in page
    forms = re.findall(r'<form method="post" action="([^"]+)">', page)
    assert forms == [f"{desk.path}/substitutions/sub_1/{word}" for word in ("accept", "refuse")]
    answers = [await desk.press("/substitutions/sub_1/accept") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    assert ((await desk.last())["offer_id"], await desk.asked()) == ("sub_1", 1)


async def test_the_page_tells_of_an_offer_that_is_over(desk: Desk) -> None:
    await desk.wait()
    await offer(desk.pool, desk.order["id"], desk.line_id, "TSHIRT-L", "sub_over")
    answer = await desk.press("/substitutions/sub_over/accept")
    assert answer.status_code == 409
    assert "Bu önerinin süresi geçti." in unescape(answer.text)


async def test_without_an_engine_the_page_asks_to_try_again(
    open_api: Open, pool: Pool, temporal: Client
) -> None:
    async with open_api() as api:
        desk = Desk(api, temporal, pool)
        await desk.wait()
        answer = await desk.press("/leave", version="1", line=f"{desk.line_id}:1")
        assert answer.status_code == 503
        assert "Lütfen biraz sonra yeniden deneyin." in unescape(answer.text)


@pytest.mark.parametrize("path", ["/leave", "/substitutions/sub_1/accept"])
async def test_a_page_that_is_not_there_takes_no_forms(
    standing_api: httpx2.AsyncClient, path: str
) -> None:
    response = await standing_api.post(f"/track/no-such-token{path}", data={"version": "1"})
    assert response.status_code == 404
