"""Rules for fraud and the queue of what is held, over HTTP."""

from typing import Any

import httpx2
import pytest

from db.pool import Pool
from tests.api.orders import Shopfront, codes
from tests.api.test_access import bearer, key_with

RULES = "/v1/risk-rules"
ONE = {
    "name": "large_first_order",
    "action": "hold",
    "total_over": {"amount": 5_000, "currency": "TRY"},
    "new_customer": True,
}
EMPTY = dict.fromkeys(
    (
        "total_over",
        "units_over",
        "new_customer",
        "orders_over",
        "within",
        "failed_payments_over",
        "countries_differ",
        "country",
    )
)


async def test_rules_are_read_changed_and_every_change_is_kept(api: httpx2.AsyncClient) -> None:
    assert (await api.get(RULES)).json() == {"rules": []}
    two = {"name": "many", "action": "note", "orders_over": 3, "within": "PT1H"}
    new = {"rules": [EMPTY | ONE, EMPTY | two]}
    for _ in range(2):
        changed = await api.put(RULES, json={"rules": [ONE, two]})
        assert (changed.status_code, changed.json()) == (200, new)
    assert (await api.get(RULES)).json() == new
    kept = (await api.get(f"{RULES}/changes")).json()["items"]
    assert [(row["before"], row["after"]) for row in kept] == [({"rules": []}, new)]
    desk = bearer(await key_with(api, "support"))
    assert (await api.get(RULES, headers=desk)).status_code == 200
    assert (await api.put(RULES, json=new, headers=desk)).status_code == 403


@pytest.mark.parametrize(
    ("rules", "where", "code"),
    [
        ([{"name": "x", "action": "hold"}], "/rules/0", "required"),
        ([{"name": "x", "action": "hold", "orders_over": 1}], "/rules/0/within", "required"),
        (
            [{"name": "x", "action": "hold", "orders_over": 1, "within": "PT0S"}],
            "/rules/0/within",
            "too_small",
        ),
        ([ONE, ONE], "/rules/1/name", "duplicate"),
        ([{"name": "x", "action": "shrug", "units_over": 1}], "/rules/0/action", "not_allowed"),
    ],
)
async def test_rules_that_are_none_are_refused(
    standing_api: httpx2.AsyncClient, rules: list[dict[str, Any]], where: str, code: str
) -> None:
    assert codes(await standing_api.put(RULES, json={"rules": rules})) == {where: code}


async def test_the_queue_shows_what_is_held_the_longest_first(
    api: httpx2.AsyncClient, pool: Pool
) -> None:
    shop = Shopfront(api)
    first, second = [await shop.place() for _ in range(2)]
    for n, (order, reason) in enumerate(
        ((first, "high_risk_of_fraud"), (second, "high_risk_of_fraud"), (second, "other"))
    ):
        await pool.execute(
            "INSERT INTO holds (id, order_id, reason, actor) VALUES ($1, $2, $3, 'kervan')",
            f"hld_{n}",
            order["id"],
            reason,
        )
    page = (await api.get("/v1/fraud-reviews", params={"limit": 1})).json()
    rest = (await api.get("/v1/fraud-reviews", params={"cursor": page["next_cursor"]})).json()
    items = page["items"] + rest["items"]
    assert [item["order_number"] for item in items] == [first["number"], second["number"]]
    assert items[0]["release"] == f"DELETE /v1/orders/{first['id']}/holds/hld_0"
    assert items[0]["found"] == []
    await pool.execute("UPDATE holds SET released_at = now(), released_by = 'x'")
    assert (await api.get("/v1/fraud-reviews")).json()["items"] == []
