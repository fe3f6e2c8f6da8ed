"""Who may do what: keys, scopes, the developer's key, and the rate limit."""

import httpx2
import pytest

from api.app import create_app
from db.pool import Pool
from tests.api.conftest import Open
from tests.api.orders import order

OPEN_TO_ALL = ("/healthz", "/readyz", "/metrics", "/track/", "/v1/webhooks/")


def guarded() -> list[tuple[str, str]]:
    """Every call that needs a key."""
    return [
        (method.upper(), path)
        for path, operations in create_app().openapi()["paths"].items()
        if not path.startswith(OPEN_TO_ALL)
        for method in operations
    ]


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


async def key_with(api: httpx2.AsyncClient, *scopes: str) -> str:
    made = await api.post("/v1/api-keys", json={"name": "-".join(scopes), "scopes": scopes})
    assert made.status_code == 201
    key: str = made.json()["key"]
    return key


def test_there_are_calls_to_guard() -> None:
    assert len(guarded()) > 30


@pytest.mark.parametrize(("method", "path"), guarded())
async def test_no_call_is_open_without_a_key(
    standing_api: httpx2.AsyncClient, method: str, path: str
) -> None:
    for headers in (
        {"authorization": ""},
        bearer("wrong"),
        {"authorization": "Basic ZGV2OmRldg=="},
    ):
        response = await standing_api.request(method, path, headers=headers)
        assert response.status_code == 401, path
        assert response.headers["www-authenticate"] == "Bearer"
        assert response.json()["code"] == "unauthorized"


async def test_a_key_does_what_its_scopes_say(api: httpx2.AsyncClient, pool: Pool) -> None:
    shop, hall = await key_with(api, "storefront"), await key_with(api, "warehouse")
    placed = await api.post("/v1/orders", json=order(), headers=bearer(shop))
    assert placed.status_code == 201
    path = f"/v1/orders/{placed.json()['id']}"
    refused = await api.post(f"{path}/cancel", json={"reason": "r"}, headers=bearer(shop))
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert (await api.post("/v1/orders", json=order(), headers=bearer(hall))).status_code == 403
    assert (await api.get("/v1/api-keys", headers=bearer(shop))).status_code == 403
    assert await pool.fetchval("SELECT count(*) FROM orders") == 1
    events = await api.get(f"{path}/events?order=asc", headers=bearer(hall))
    assert events.json()["items"][0]["actor"] == "storefront"


async def test_what_a_key_may_not_do_to_an_order_stands_in_its_timeline(
    api: httpx2.AsyncClient,
) -> None:
    shop, hall = await key_with(api, "storefront"), await key_with(api, "warehouse")
    path = f"/v1/orders/{(await api.post('/v1/orders', json=order())).json()['id']}"
    work = "/v1/fulfillment-orders/ful_none/start"
    for key, what in ((shop, f"{path}/cancel"), (hall, f"{path}/refunds"), (shop, work)):
        assert (await api.post(what, json={}, headers=bearer(key))).status_code == 403
    assert (await api.get(f"{path}/events", headers=bearer(shop))).status_code == 200
    events = (await api.get(f"{path}/events?order=asc")).json()["items"]
    refused = [event for event in events if event["type"] == "access_refused"]
    assert [(e["actor"], e["role"], e["data"]) for e in refused] == [
        ("storefront", "storefront", {"action": "cancel_order", "code": "forbidden"}),
        ("warehouse", "warehouse", {"action": "create_refund", "code": "forbidden"}),
    ]


@pytest.mark.parametrize(
    ("scope", "sees"),
    [
        ("storefront", True),
        ("support", True),
        ("admin", True),
        ("warehouse", False),
        ("reports", False),
    ],
)
async def test_who_bought_is_shown_to_those_who_face_customers(
    api: httpx2.AsyncClient, scope: str, *, sees: bool
) -> None:
    placed = (await api.post("/v1/orders", json=order())).json()
    key = await key_with(api, scope)
    one = await api.get(f"/v1/orders/{placed['id']}", headers=bearer(key))
    many = await api.get("/v1/orders?q=ayşe", headers=bearer(key))
    assert ("Ayşe" in one.text) is sees
    assert (one.json()["links"]["tracking_page"] is not None) is sees
    assert bool(many.json()["items"]) is sees


async def test_a_revoked_key_is_refused(open_api: Open) -> None:
    async with open_api() as first:
        key = await key_with(first, "support")
        listed = (await first.get("/v1/api-keys")).json()["items"][0]
        assert key not in str(listed)
        revoked = await first.delete(f"/v1/api-keys/{listed['id']}")
        assert revoked.json()["revoked_at"] is not None
        assert (await first.get("/v1/orders", headers=bearer(key))).status_code == 401
        assert (await first.delete("/v1/api-keys/key_none")).status_code == 404


async def test_the_stored_answer_to_a_new_key_does_not_hold_it(
    api: httpx2.AsyncClient, pool: Pool
) -> None:
    body, headers = {"name": "n", "scopes": ["reports"]}, {"idempotency-key": "k"}
    first = await api.post("/v1/api-keys", json=body, headers=headers)
    again = await api.post("/v1/api-keys", json=body, headers=headers)
    assert first.json()["key"].startswith("kvn_")
    assert again.json() == first.json() | {"key": None}
    assert first.json()["key"] not in await pool.fetchval("SELECT response FROM idempotency_keys")


async def test_the_developers_key_works_from_loopback_only(open_api: Open) -> None:
    async with open_api(dev_api_key=None) as api:
        assert (await api.get("/v1/orders")).status_code == 401
    async with open_api() as api:
        inner = api._transport
        assert isinstance(inner, httpx2.ASGITransport)
        for peer, status in ((("127.0.0.1", 9), 200), (("::1", 9), 200), (("10.0.0.8", 9), 401)):
            transport = httpx2.ASGITransport(inner.app, client=peer)
            async with httpx2.AsyncClient(transport=transport, base_url="http://kervan") as client:
                response = await client.get("/v1/orders", headers=bearer("dev"))
                assert response.status_code == status


async def test_a_key_that_asks_too_often_is_told_when_to_come_back(open_api: Open) -> None:
    async with open_api(rate_limit_per_minute=3) as api:
        answers = [await api.get("/v1/stock") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert 1 <= int(answers[3].headers["retry-after"]) <= 20
        assert answers[3].json()["code"] == "rate_limited"
