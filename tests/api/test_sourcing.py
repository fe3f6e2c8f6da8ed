"""Rules of sourcing over the API: read, changed, refused when they are none, and tried out."""

import datetime as dt
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from api.schemas.sourcing import SourcingRulesIn
from db.pool import Pool
from tests.api.orders import codes, lira
from tests.api.test_access import bearer, key_with

RULES = {
    "criteria": ["cost", "parcels"],
    "currency": "TRY",
    "working_days": [1, 2, 3, 4, 5, 6, 7],
    "home": {"zone": 3, "transit_days": 2, "parcel_cost": lira(5_500), "unit_cost": lira(200)},
    "abroad": {"zone": 9, "transit_days": 7, "parcel_cost": lira(45_000), "unit_cost": lira(0)},
}
ZONE = {
    "countries": ["TR"],
    "postal_prefixes": ["34"],
    "zone": 1,
    "transit_days": 1,
    "parcel_cost": lira(4_500),
    "unit_cost": lira(150),
}
EXCLUSION = {
    "category": "batteries",
    "sku": None,
    "country": "DE",
    "postal_prefix": None,
    "note": "no licence",
}
SITE = {"handling_days": 2, "zones": [ZONE], "exclusions": [EXCLUSION]}


@pytest_asyncio.fixture
async def shop(api: httpx2.AsyncClient) -> httpx2.AsyncClient:
    """Two items at two warehouses; MAIN has both."""
    place = {"name": "W", "country": "TR", "city": "Ankara", "kind": "own"}
    await api.put("/v1/warehouses/MAIN", json=place)
    await api.put("/v1/warehouses/WEST", json=place | {"kind": "dropship", "priority": 200})
    await api.put("/v1/items/A", json={"name": "A"})
    await api.put("/v1/items/B", json={"name": "B", "category": "batteries"})
    for code, stock in (("MAIN", {"A": 5, "B": 5}), ("WEST", {"A": 50})):
        body = {
            "warehouse": code,
            "reference": "PO-1",
            "lines": [{"sku": sku, "quantity": units} for sku, units in stock.items()],
        }
        assert (await api.post("/v1/stock/receipts", json=body)).status_code == 201
    return api


async def test_rules_are_read_changed_and_every_change_is_kept(shop: httpx2.AsyncClient) -> None:
    old = (await shop.get("/v1/sourcing/rules")).json()
    assert old["criteria"] == ["parcels", "cost", "distance", "promise", "balance", "priority"]
    for _ in range(2):
        changed = await shop.put("/v1/sourcing/rules", json=RULES)
        assert (changed.status_code, changed.json()) == (200, RULES)
    assert (await shop.get("/v1/sourcing/rules")).json() == RULES
    # What is answered can be sent again.
    assert (await shop.put("/v1/sourcing/rules", json=old)).json() == old
    kept = (await shop.get("/v1/sourcing/changes")).json()["items"]
    assert [(row["before"], row["after"]) for row in kept] == [(RULES, old), (old, RULES)]
    assert {(row["warehouse"], row["actor"]) for row in kept} == {(None, "dev")}


async def test_a_warehouses_rules_are_read_and_changed(shop: httpx2.AsyncClient) -> None:
    path = "/v1/warehouses/MAIN/sourcing"
    bare = {"handling_days": 1, "zones": [], "exclusions": []}
    assert (await shop.get(path)).json() == bare
    for _ in range(2):
        changed = await shop.put(path, json=SITE)
        assert (changed.status_code, changed.json()) == (200, SITE)
    assert (await shop.get(path)).json() == SITE
    assert (await shop.get("/v1/warehouses/WEST/sourcing")).json() == bare
    # A warehouse's own facts come and go without its rules.
    place = {"name": "New", "country": "TR", "city": "Ankara", "kind": "3pl", "priority": 7}
    assert (await shop.put("/v1/warehouses/MAIN", json=place)).status_code == 200
    assert (await shop.get(path)).json() == SITE
    kept = (await shop.get("/v1/sourcing/changes?warehouse=MAIN")).json()["items"]
    assert [row["after"] for row in kept] == [
        {"kind": "3pl", "country": "TR", "priority": 7, "closed": False},
        SITE,
    ]
    assert (await shop.put(path, json={})).json() == bare


async def test_changes_come_page_by_page(shop: httpx2.AsyncClient) -> None:
    for days in (3, 4):
        await shop.put("/v1/warehouses/MAIN/sourcing", json={"handling_days": days})
    await shop.put("/v1/sourcing/rules", json=RULES)
    first = (await shop.get("/v1/sourcing/changes?limit=2")).json()
    rest = (await shop.get(f"/v1/sourcing/changes?cursor={first['next_cursor']}")).json()
    assert [row["warehouse"] for row in first["items"] + rest["items"]] == [None, "MAIN", "MAIN"]
    assert rest["next_cursor"] is None
    shops_own = (await shop.get("/v1/sourcing/changes?warehouse=")).json()["items"]
    assert [row["warehouse"] for row in shops_own] == [None]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"criteria": []}, {"/criteria": "too_short"}),
        ({"criteria": ["luck"]}, {"/criteria/0": "not_allowed"}),
        ({"criteria": ["cost", "parcels", "cost"]}, {"/criteria/2": "duplicate"}),
        ({"currency": "TRL"}, {"/currency": "unknown_currency"}),
        ({"working_days": [0]}, {"/working_days/0": "too_small"}),
        ({"working_days": [1, 1]}, {"/working_days/1": "duplicate"}),
        ({"home": {"zone": 100, "transit_days": 1}}, {"/home/zone": "too_large"}),
        ({"home": {"zone": 1}}, {"/home/transit_days": "required"}),
        (
            {"abroad": RULES["abroad"] | {"unit_cost": {"amount": 1, "currency": "EUR"}}},  # type: ignore[operator]
            {"/abroad/unit_cost/currency": "currency_mismatch"},
        ),
        (
            {"home": RULES["home"] | {"unit_cost": lira(10**9 + 1)}},  # type: ignore[operator]
            {"/home/unit_cost/amount": "too_large"},
        ),
        ({"surprise": 1}, {"/surprise": "unknown_field"}),
    ],
)
async def test_rules_that_are_none_are_refused_field_by_field(
    standing_api: httpx2.AsyncClient,
    standing_pool: Pool,
    changes: dict[str, Any],
    expected: dict[str, str],
) -> None:
    refused = await standing_api.put("/v1/sourcing/rules", json=RULES | changes)
    assert codes(refused) == expected
    tried = {"lines": [{"sku": "A", "quantity": 1}], "destination": {"country": "TR"}}
    tried |= {"rules": RULES | changes}
    preview = await standing_api.post("/v1/sourcing/preview", json=tried)
    assert codes(preview) == {f"/rules{where}": code for where, code in expected.items()}
    assert await standing_pool.fetchval("SELECT count(*) FROM sourcing_changes") == 0


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"handling_days": -1}, {"/handling_days": "too_small"}),
        ({"zones": [ZONE | {"countries": []}]}, {"/zones/0/postal_prefixes": "country_required"}),
        (
            {"zones": [ZONE | {"countries": ["TR", "DE"]}]},
            {"/zones/0/postal_prefixes": "country_required"},
        ),
        ({"zones": [ZONE | {"countries": ["XX"]}]}, {"/zones/0/countries/0": "unknown_country"}),
        (
            {"zones": [ZONE | {"postal_prefixes": ["*"]}]},
            {"/zones/0/postal_prefixes/0": "bad_format"},
        ),
        ({"zones": [ZONE, ZONE | {"postal_prefixes": ["35", "3-4"]}]}, {"/zones/1": "duplicate"}),
        (
            {"zones": [ZONE | {"parcel_cost": {"amount": 1, "currency": "EUR"}}]},
            {"/zones/0/parcel_cost/currency": "currency_mismatch"},
        ),
        (
            {"zones": [ZONE | {"parcel_cost": lira(-1)}]},
            {"/zones/0/parcel_cost/amount": "too_small"},
        ),
        (
            {"zones": [ZONE | {"unit_cost": lira(2**53 - 1)}]},
            {"/zones/0/unit_cost/amount": "too_large"},
        ),
        ({"exclusions": [{"note": "all"}]}, {"/exclusions/0": "required"}),
        (
            {"exclusions": [{"category": "c", "postal_prefix": "34"}]},
            {"/exclusions/0/postal_prefix": "country_required"},
        ),
        ({"exclusions": [{"sku": " A"}]}, {"/exclusions/0/sku": "bad_format"}),
        ({"exclusions": [{"category": "a\0"}]}, {"/exclusions/0/category": "bad_format"}),
    ],
)
async def test_a_warehouses_rules_that_are_none_are_refused_field_by_field(
    standing_api: httpx2.AsyncClient,
    standing_pool: Pool,
    changes: dict[str, Any],
    expected: dict[str, str],
) -> None:
    refused = await standing_api.put("/v1/warehouses/NONE/sourcing", json=SITE | changes)
    assert codes(refused) == expected
    assert await standing_pool.fetchval("SELECT count(*) FROM sourcing_changes") == 0


async def test_rules_of_a_warehouse_that_does_not_exist_are_404(
    standing_api: httpx2.AsyncClient,
) -> None:
    for answer in (
        await standing_api.get("/v1/warehouses/NONE/sourcing"),
        await standing_api.put("/v1/warehouses/NONE/sourcing", json=SITE),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_the_currency_cannot_change_under_the_costs(shop: httpx2.AsyncClient) -> None:
    await shop.put("/v1/warehouses/MAIN/sourcing", json=SITE)
    reach = {"zone": 1, "transit_days": 1}
    euro = {"criteria": ["cost"], "currency": "EUR", "home": reach, "abroad": reach}
    refused = await shop.put("/v1/sourcing/rules", json=euro)
    assert (refused.status_code, refused.json()["code"]) == (409, "costs_in_other_currency")
    assert refused.json()["current"] == {"currency": "TRY"}
    assert (await shop.get("/v1/sourcing/rules")).json()["currency"] == "TRY"


async def preview(api: httpx2.AsyncClient, *lines: tuple[str, int], **more: Any) -> Any:
    body = {
        "lines": [{"sku": sku, "quantity": units} for sku, units in lines],
        "destination": {"country": "TR", "postal_code": "34720", "city": "İstanbul"},
    }
    answer = await api.post("/v1/sourcing/preview", json=body | more)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_costs_stored_before_they_were_bounded_are_told_as_amounts(
    shop: httpx2.AsyncClient, pool: Pool
) -> None:
    await shop.put("/v1/warehouses/MAIN/sourcing", json=SITE)
    await pool.execute("UPDATE sourcing_zones SET parcel_cost = $1, unit_cost = $1", 2**53 - 1)
    lines = [{"sku": "B", "quantity": 5_000}]
    body = {"warehouse": "MAIN", "reference": "PO-2", "lines": lines}
    await shop.post("/v1/stock/receipts", json=body)
    found = await preview(shop, ("B", 3_000))
    assert found["parcels"][0]["cost"] == lira(2**53 - 1)
    assert found["decision"]["cost"] == found["decision"]["sites"][0]["cost"] == 2**53 - 1


async def test_a_preview_tells_the_plan_and_reserves_nothing(
    shop: httpx2.AsyncClient, pool: Pool
) -> None:
    await shop.put("/v1/warehouses/MAIN/sourcing", json=SITE)
    today = dt.datetime.now(dt.UTC).date()
    found = await preview(shop, ("A", 2), ("B", 9))
    assert found["parcels"] == [
        {
            "warehouse": "MAIN",
            "kind": "own",
            "zone": 1,
            "cost": lira(4_500 + 7 * 150),
            "promised_on": (today + dt.timedelta(days=3)).isoformat(),
            "lines": [
                {"line": 0, "sku": "A", "quantity": 2},
                {"line": 1, "sku": "B", "quantity": 5},
            ],
        }
    ]
    assert found["missing"] == [{"line": 1, "sku": "B", "quantity": 4}]
    assert found["promised_on"] == found["parcels"][0]["promised_on"]
    assert found["decision"]["sites"][0]["why"] == "only_source"
    assert await pool.fetchval("SELECT sum(allocated) FROM stock_levels") == 0
    assert await pool.fetchval("SELECT count(*) FROM events") == 0


async def test_a_preview_shows_what_other_rules_would_do(shop: httpx2.AsyncClient) -> None:
    # From WEST it is half a lira cheaper and four times as far.
    far = {"zone": 4, "transit_days": 6, "parcel_cost": lira(4_450)}
    await shop.put("/v1/warehouses/MAIN/sourcing", json=SITE)
    await shop.put("/v1/warehouses/WEST/sourcing", json={"zones": [far]})
    now = await preview(shop, ("A", 1))
    nearest = {**RULES, "criteria": ["distance"]}
    tried = await preview(shop, ("A", 1), rules=nearest)
    assert [p["warehouse"] for p in now["parcels"] + tried["parcels"]] == ["WEST", "MAIN"]
    assert tried["decision"]["sites"][0]["why"] == "nearer"
    assert await preview(shop, ("A", 1)) == now
    assert SourcingRulesIn.model_validate(nearest).known.criteria == ("distance",)
    await shop.put("/v1/sourcing/rules", json=nearest)
    assert (await preview(shop, ("A", 1)))["parcels"] == tried["parcels"]


async def test_a_preview_obeys_exclusions(shop: httpx2.AsyncClient) -> None:
    await shop.put("/v1/warehouses/MAIN/sourcing", json=SITE)
    found = await preview(shop, ("B", 1), destination={"country": "DE"})
    assert (found["parcels"], found["promised_on"]) == ([], None)
    assert found["missing"] == [{"line": 0, "sku": "B", "quantity": 1}]
    assert [(s["code"], s["why"]) for s in found["decision"]["sites"]] == [
        ("MAIN", "excluded_category")
    ]


async def test_a_preview_of_what_does_not_exist_is_refused(shop: httpx2.AsyncClient) -> None:
    body = {"lines": [{"sku": "A", "quantity": 1}, {"sku": "Z", "quantity": 1}]}
    wrong = await shop.post("/v1/sourcing/preview", json=body | {"destination": {"country": "TR"}})
    assert codes(wrong) == {"/lines/1/sku": "unknown_sku"}
    assert codes(await shop.post("/v1/sourcing/preview", json=body)) == {"/destination": "required"}


async def test_readers_of_stock_look_and_the_warehouse_changes(api: httpx2.AsyncClient) -> None:
    shopfront, hall = await key_with(api, "storefront"), await key_with(api, "warehouse")
    assert (await api.get("/v1/sourcing/rules", headers=bearer(shopfront))).status_code == 200
    refused = await api.put("/v1/sourcing/rules", json=RULES, headers=bearer(shopfront))
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert (
        await api.put("/v1/sourcing/rules", json=RULES, headers=bearer(hall))
    ).status_code == 200


async def test_a_checkout_keeps_goods_where_its_order_would_be_shipped_from(
    shop: httpx2.AsyncClient, pool: Pool
) -> None:
    await shop.put("/v1/warehouses/MAIN/sourcing", json={"exclusions": [{"country": "DE"}]})
    kept = {}
    for country in ("TR", "DE"):
        body = {"lines": [{"sku": "A", "quantity": 1}], "destination": {"country": country}}
        rules = RULES | {"criteria": ["priority"]}
        await shop.put("/v1/sourcing/rules", json=rules)
        made = await shop.post("/v1/stock/holds", json=body)
        assert made.status_code == 201, made.text
        kept[country] = made.json()["lines"][0]["warehouse"]
    assert kept == {"TR": "MAIN", "DE": "WEST"}
    batteries = {"lines": [{"sku": "B", "quantity": 1}], "destination": {"country": "DE"}}
    assert (await shop.post("/v1/stock/holds", json=batteries)).status_code == 409
    assert await pool.fetchval("SELECT sum(held) FROM stock_levels WHERE sku = 'B'") == 0
