"""Reading orders: filters, pages, search, timeline; PostgreSQL alone answers."""

from typing import Any

import httpx2
import pytest

from db.pool import Pool
from tests.api.orders import Shopfront, codes


async def ids(api: httpx2.AsyncClient, query: str) -> list[str]:
    response = await api.get(f"/v1/orders?{query}")
    assert response.status_code == 200, response.text
    return [item["id"] for item in response.json()["items"]]


async def test_pages_hold_every_order_once_newest_first(
    api: httpx2.AsyncClient, shopfront: Shopfront
) -> None:
    # Two of them placed at the same moment: the id decides.
    days = ["2020-01-03", "2020-01-01", "2020-01-02", "2020-01-02", "2020-01-05"]
    placed = [await shopfront.place(placed_at=f"{day}T00:00:00Z") for day in days]
    newest = sorted(placed, key=lambda o: (o["placed_at"], o["id"]), reverse=True)
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (await api.get(f"/v1/orders?limit=2&cursor={cursor}")).json()
        assert 1 <= len(page["items"]) <= 2
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert seen == [order["id"] for order in newest]


async def test_filters_are_combined(
    api: httpx2.AsyncClient, shopfront: Shopfront, pool: Pool
) -> None:
    a = (await shopfront.place(channel="web", placed_at="2020-01-01T00:00:00Z"))["id"]
    b = (await shopfront.place(channel="pos", placed_at="2020-02-01T00:00:00Z"))["id"]
    c = (await shopfront.place(customer=None, placed_at="2020-03-01T00:00:00Z"))["id"]
    await pool.execute("UPDATE orders SET status = 'confirmed' WHERE id = $1", b)
    await pool.execute("UPDATE orders SET payment_status = 'failed' WHERE id = $1", c)
    await pool.execute(
        "INSERT INTO attention (order_id, code, detail, can) VALUES ($1, 'pick_overdue', 'd', $2)",
        a,
        ["retry"],
    )
    assert await ids(api, "status=confirmed") == [b]
    assert await ids(api, "status=pending&status=confirmed") == [c, b, a]
    assert await ids(api, "payment_status=failed") == [c]
    assert await ids(api, "fulfillment_status=delivered") == []
    assert await ids(api, "return_status=no_return&channel=web") == [c, a]
    assert await ids(api, "channel=pos&status=pending") == []
    assert await ids(api, "customer_id=cus_42") == [b, a]
    assert await ids(api, "attention=true") == [a]
    assert await ids(api, "attention=pick_overdue") == [a]
    assert await ids(api, "attention=no_stock") == []
    assert await ids(api, "placed_from=2020-02-01T00:00:00Z") == [c, b]
    assert await ids(api, "placed_to=2020-02-01T00:00:00Z") == [a]
    found = (await api.get(f"/v1/orders/{a}")).json()["attention"]
    assert [(x["code"], x["can"]) for x in found] == [("pick_overdue", ["retry"])]


async def test_an_order_is_found_by_what_people_know_of_it(
    api: httpx2.AsyncClient, shopfront: Shopfront
) -> None:
    first = await shopfront.place(channel_order_id="AMZ-1")
    other = {"name": "Mehmet Öz", "email": "MEHMET@example.com"}
    second = await shopfront.place(customer=other)
    for q in (first["number"], first["number"].lower(), "AMZ-1", first["id"], "ayşe y"):
        assert await ids(api, f"q={q}") == [first["id"]], q
    for q in ("mehmet@EXAMPLE.com", "öz", "Mehmet"):
        assert await ids(api, f"q={q}") == [second["id"]], q
    assert await ids(api, "q=nobody") == []


async def test_the_timeline_reads_both_ways(api: httpx2.AsyncClient, shopfront: Shopfront) -> None:
    placed = await shopfront.place()
    path = f"/v1/orders/{placed['id']}"
    for text in ("one", "two"):
        added = await api.post(f"{path}/notes", json={"note": text})
        assert (added.status_code, added.json()["type"]) == (201, "note_added")
    newest = (await api.get(f"{path}/events?limit=2")).json()
    assert [event["note"] for event in newest["items"]] == ["two", "one"]
    rest = (await api.get(f"{path}/events?cursor={newest['next_cursor']}")).json()
    assert [event["type"] for event in rest["items"]] == ["order_placed"]
    assert rest["next_cursor"] is None
    oldest = (await api.get(f"{path}/events?order=asc&limit=1")).json()
    assert oldest["items"] == rest["items"]


async def test_feedback_counts_once_for_its_reference(
    api: httpx2.AsyncClient, shopfront: Shopfront, pool: Pool
) -> None:
    placed = await shopfront.place()
    path = f"/v1/orders/{placed['id']}/feedback"
    body: dict[str, Any] = {"score": 5, "comment": "Good.", "reference": "r1"}
    body["occurred_at"] = "2018-01-01T00:00:00Z"
    first, again = await api.post(path, json=body), await api.post(path, json=body)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    other = await api.post(path, json=body | {"score": 1})
    assert (other.status_code, other.json()["code"]) == (409, "feedback_exists")
    assert codes(await api.post(path, json={"score": 6})) == {"/score": "too_large"}
    later = {"score": 5, "occurred_at": "2999-01-01T00:00:00Z"}
    assert codes(await api.post(path, json=later)) == {"/occurred_at": "in_the_future"}
    assert await pool.fetchval("SELECT count(*) FROM feedback") == 1
    assert (await shopfront.get(placed["id"]))["feedback"][0]["comment"] == "Good."
    types = [event["type"] for event in await shopfront.events(placed["id"])]
    assert types == ["order_placed", "feedback_received"]


@pytest.mark.parametrize("call", ["notes", "feedback"])
async def test_nothing_is_said_about_an_order_that_is_not_there(
    standing_api: httpx2.AsyncClient, call: str
) -> None:
    body = {"note": "n"} if call == "notes" else {"score": 1}
    headers = {"idempotency-key": f"k-{call}"}
    response = await standing_api.post(f"/v1/orders/ord_none/{call}", json=body, headers=headers)
    assert response.status_code == 404


async def test_the_tracking_page_shows_stages_and_no_more_than_a_first_name(
    api: httpx2.AsyncClient, shopfront: Shopfront
) -> None:
    placed = await shopfront.place(customer={"name": "<b>Ayşe</b> Yılmaz"})
    link = (await shopfront.get(placed["id"]))["links"]["tracking_page"]
    page = await api.get(link.removeprefix("http://127.0.0.1:8000"), headers={"authorization": ""})
    assert page.status_code == 200
    assert placed["number"] in page.text
    assert "&lt;b&gt;Ayşe" in page.text
    assert "Yılmaz" not in page.text
    assert "Alındı" in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    style = await api.get("/track/style.css")
    assert style.headers["content-type"].startswith("text/css")


async def test_delivery_options_are_quoted(standing_api: httpx2.AsyncClient) -> None:
    home = await standing_api.post("/v1/shipping/quotes", json={"country": "TR"})
    assert [x["option"] for x in home.json()["items"]] == ["economy", "standard", "express"]
    assert home.json()["items"][1]["price"] == {"amount": 5_000, "currency": "TRY"}
    abroad = await standing_api.post(
        "/v1/shipping/quotes", json={"country": "JP", "currency": "JPY"}
    )
    assert abroad.json()["items"][0]["price"] == {"amount": 250, "currency": "JPY"}
    assert all(x["earliest_on"] <= x["latest_on"] for x in abroad.json()["items"])
