"""Rules of sourcing as rows: stored, changed one after the other, kept, and obeyed."""

import asyncio
from typing import Any

import asyncpg
import pytest

from activities.reserving import ReservationDesk
from db import catalog, sourcing
from db.pool import Connection, Pool
from db.sourcing import Author, SiteRules
from domain.errors import Refused
from domain.sourcing import Destination, Exclusion, Rules, Zone
from tests.integration import shelves

ANN = Author("ann", "warehouse")
CHEAPEST = Rules(("cost", "priority"), "EUR", (1, 2, 3), Zone(2, 1, 500, 50), Zone(8, 6, 2_000, 90))
NEARBY = SiteRules(
    2,
    (
        Zone(1, 1, 450, 15, ("TR",), ("34", "41")),
        Zone(4, 3, 900, 0, ("TR", "CY"), ()),
        Zone(9, 9, 2_900, 0, (), ()),
    ),
    (
        Exclusion(category="batteries", country="DE", note="no licence"),
        Exclusion(sku="A"),
        Exclusion(country="TR", postal_prefix="06"),
    ),
)


async def put_site(conn: Connection | Pool, code: str, new: SiteRules, by: Author = ANN) -> Any:
    if isinstance(conn, asyncpg.Pool):
        async with conn.acquire() as own, own.transaction():
            return await sourcing.put_site_rules(own, code, new, by)
    return await sourcing.put_site_rules(conn, code, new, by)


async def put_rules(pool: Pool, new: Rules) -> Rules:
    async with pool.acquire() as conn, conn.transaction():
        return await sourcing.put_rules(conn, new, ANN)


async def changes(pool: Pool, warehouse: str | None = None) -> list[Any]:
    async with pool.acquire() as conn:
        return [*await sourcing.changes(conn, warehouse=warehouse, before=None, limit=50)]


async def test_a_new_shop_has_the_rules_that_the_code_has(pool: Pool) -> None:
    async with pool.acquire() as conn:
        assert await sourcing.rules(conn) == Rules()
        assert await sourcing.sites(conn, ["NONE"]) == {}
    assert await changes(pool) == []


async def test_rules_are_read_as_they_were_written_and_the_change_is_kept(pool: Pool) -> None:
    assert await put_rules(pool, CHEAPEST) == CHEAPEST
    assert await put_rules(pool, CHEAPEST) == CHEAPEST
    async with pool.acquire() as conn:
        assert await sourcing.rules(conn) == CHEAPEST
    (kept,) = await changes(pool)
    assert (kept["warehouse"], kept["actor"], kept["role"]) == (None, "ann", "warehouse")
    assert kept["before"] == sourcing.rules_data(Rules())
    assert kept["after"] == sourcing.rules_data(CHEAPEST)


async def test_a_warehouse_is_read_with_its_zones_and_exclusions_in_their_order(pool: Pool) -> None:
    await shelves.put(pool, "A", {"MAIN": 1, "WEST": 1})
    await put_site(pool, "MAIN", NEARBY)
    await put_site(pool, "MAIN", NEARBY)
    async with pool.acquire() as conn:
        sites = await sourcing.sites(conn, ["MAIN", "WEST"])
    main, west = sites["MAIN"], sites["WEST"]
    assert SiteRules(main.handling_days, main.zones, main.exclusions) == NEARBY
    assert (west.handling_days, west.zones, west.exclusions) == (1, (), ())
    assert (main.code, main.kind, main.country, main.closed) == ("MAIN", "own", "TR", False)
    assert main.zone_of(Destination("TR", "41 000")) == NEARBY.zones[0]
    (kept,) = await changes(pool, "MAIN")
    assert kept["after"] == sourcing.site_data(main, "TRY")
    # What is left out of the new list is gone.
    await put_site(pool, "MAIN", SiteRules(1, (), ()))
    async with pool.acquire() as conn:
        assert (await sourcing.sites(conn, ["MAIN"]))["MAIN"].zones == ()
    assert len(await changes(pool, "MAIN")) == 2
    assert await put_site(pool, "NONE", NEARBY) is None


async def test_the_currency_stays_while_zones_name_costs_in_it(pool: Pool) -> None:
    await shelves.put(pool, "A", {"MAIN": 1})
    await put_site(pool, "MAIN", NEARBY)
    with pytest.raises(Refused) as refused:
        await put_rules(pool, CHEAPEST)
    assert (refused.value.code, refused.value.current) == (
        "costs_in_other_currency",
        {"currency": "TRY"},
    )
    async with pool.acquire() as conn:
        assert await sourcing.rules(conn) == Rules()
    await put_site(pool, "MAIN", SiteRules(1, (Zone(1, 1),), ()))
    await put_rules(pool, CHEAPEST)


async def test_changes_at_the_same_moment_come_one_after_the_other(pool: Pool) -> None:
    await shelves.put(pool, "A", {"MAIN": 1})
    wanted = [SiteRules(days, (Zone(1, days),), ()) for days in range(2, 10)]
    await asyncio.gather(*(put_site(pool, "MAIN", new) for new in wanted))
    kept = (await changes(pool, "MAIN"))[::-1]
    assert [row["before"] for row in kept[1:]] == [row["after"] for row in kept[:-1]]
    assert len(kept) == len(wanted)
    async with pool.acquire() as conn:
        site = (await sourcing.sites(conn, ["MAIN"]))["MAIN"]
    assert sourcing.site_data(site, "TRY") == kept[-1]["after"]


async def test_what_was_changed_stays_written(pool: Pool) -> None:
    await put_rules(pool, CHEAPEST)
    for change in ("UPDATE sourcing_changes SET actor = 'bob'", "DELETE FROM sourcing_changes"):
        with pytest.raises(asyncpg.RestrictViolationError):
            await pool.execute(change)


REFUSED = [
    ("UPDATE warehouses SET handling_days = -1", "handling_days_are_counted"),
    ("UPDATE sourcing_rules SET criteria = '{}'", "criteria_are_known"),
    ("UPDATE sourcing_rules SET criteria = '{luck}'", "criteria_are_known"),
    ("UPDATE sourcing_rules SET working_days = '{8}'", "there_are_working_days"),
    ("UPDATE sourcing_rules SET id = false", "sourcing_rules_id_check"),
    ("UPDATE sourcing_zones SET parcel_cost = -1", "sourcing_zones_parcel_cost_check"),
    (
        "UPDATE sourcing_zones SET countries = '{}' WHERE position = 0",
        "prefixes_stand_within_a_country",
    ),
    (
        "UPDATE sourcing_exclusions SET country = '', category = '' WHERE position = 0",
        "excludes_something",
    ),
    (
        "UPDATE sourcing_exclusions SET country = '', sku = 'A' WHERE position = 2",
        "prefix_stands_within_a_country",
    ),
]


async def test_a_row_that_no_rule_can_be_is_refused(pool: Pool) -> None:
    await shelves.put(pool, "A", {"MAIN": 1})
    await put_site(pool, "MAIN", NEARBY)
    for change, constraint in REFUSED:
        with pytest.raises(asyncpg.CheckViolationError) as refused:
            await pool.execute(change)
        assert refused.value.constraint_name == constraint, change


async def test_what_orders_wait_for_is_not_offered_to_a_new_one(pool: Pool) -> None:
    await shelves.put(pool, "A", {"MAIN": 0})
    await shelves.put(pool, "B", {"MAIN": 3})
    order_id, _ = await shelves.order(pool, ("A", 2))
    await ReservationDesk(pool).reserve(order_id, "test")
    await pool.execute("UPDATE stock_levels SET on_hand = 5, safety = 1 WHERE sku = 'A'")
    async with pool.acquire() as conn:
        free, _ = await sourcing.shelves(conn, ["A", "B"])
    assert free == {("MAIN", "A"): 2, ("MAIN", "B"): 3}


# --- Rules at work ---------------------------------------------------------------------------


async def ship_to(pool: Pool, order_id: str, country: str, postal_code: str) -> None:
    address = {"country": country, "postal_code": postal_code, "city": "Ankara"}
    await pool.execute(
        "INSERT INTO order_contacts (order_id, shipping_address) VALUES ($1, $2)", order_id, address
    )


async def reserve(pool: Pool, *lines: tuple[str, int], to: tuple[str, str]) -> str:
    order_id, *_ = await shelves.order(pool, *lines)
    await ship_to(pool, order_id, *to)
    await ReservationDesk(pool).reserve(order_id, "test")
    return order_id


async def event(pool: Pool, order_id: str, type_: str) -> Any:
    return await pool.fetchval(
        "SELECT data FROM events WHERE order_id = $1 AND type = $2", order_id, type_
    )


async def test_an_order_is_shipped_from_where_the_rules_say_and_its_timeline_tells_why(
    pool: Pool,
) -> None:
    await shelves.put(pool, "A", {"EAST": 9, "WEST": 9})
    near, far = (Zone(1, 1, 300, 0, ("TR",), ("34",)), Zone(5, 4, 700))
    await put_site(pool, "EAST", SiteRules(1, (far,), ()))
    await put_site(pool, "WEST", SiteRules(1, (near, far), ()))
    order_id = await reserve(pool, ("A", 2), to=("TR", "34720"))
    assert await shelves.level(pool, "A") == {"EAST": (9, 0), "WEST": (9, 2)}
    decision = (await event(pool, order_id, "stock_allocated"))["sourcing"]
    assert [(s["code"], s["chosen"], s["why"], s["cost"]) for s in decision["sites"]] == [
        ("WEST", True, "cheaper", 300),
        ("EAST", False, "dearer", 700),
    ]
    assert "34720" not in str(decision)
    assert "Ankara" not in str(decision)
    await shelves.books_agree(pool)


async def test_excluded_and_closed_locations_are_left_alone_and_the_order_waits(pool: Pool) -> None:
    await shelves.put(pool, "A", {"EAST": 9, "WEST": 9, "SOUTH": 9})
    await pool.execute("UPDATE items SET category = 'batteries'")
    await pool.execute("UPDATE warehouses SET closed_at = now() WHERE code = 'WEST'")
    no_batteries = Exclusion(category="batteries")
    await put_site(pool, "EAST", SiteRules(1, (), (no_batteries,)))
    await put_site(pool, "SOUTH", SiteRules(1, (), (Exclusion(country="GR"),)))
    served = await reserve(pool, ("A", 2), to=("TR", "06100"))
    assert (await event(pool, served, "stock_allocated"))["sources"][0]["warehouse"] == "SOUTH"
    unserved = await reserve(pool, ("A", 2), to=("GR", "10431"))
    told = await event(pool, unserved, "out_of_stock")
    assert told["decision"] == "backordered"
    assert {site["code"]: site["why"] for site in told["sourcing"]["sites"]} == {
        "EAST": "excluded_category",
        "SOUTH": "excluded_country",
        "WEST": "closed",
    }
    assert sum(allocated for _, allocated in (await shelves.level(pool, "A")).values()) == 2
    await shelves.books_agree(pool)


async def test_orders_that_reserve_together_are_each_served_by_their_own_destination(
    pool: Pool,
) -> None:
    await shelves.put(pool, "A", {"EAST": 20, "WEST": 20})
    await put_site(pool, "EAST", SiteRules(1, (Zone(1, 1, 0, 0, ("TR",), ("06",)), Zone(5, 5)), ()))
    await put_site(pool, "WEST", SiteRules(1, (Zone(1, 1, 0, 0, ("TR",), ("34",)), Zone(5, 5)), ()))
    desk, ids = ReservationDesk(pool), []
    for number in range(16):
        order_id, _ = await shelves.order(pool, ("A", 1))
        await ship_to(pool, order_id, "TR", "34720" if number % 4 else "06100")
        ids.append(order_id)
    await asyncio.gather(*(desk.reserve(order_id, "test") for order_id in ids))
    assert await shelves.level(pool, "A") == {"EAST": (20, 4), "WEST": (20, 12)}
    await shelves.books_agree(pool)


async def test_goods_are_not_kept_for_those_whom_no_rule_lets_have_them(pool: Pool) -> None:
    await shelves.put(pool, "A", {"EAST": 0, "WEST": 0})
    await put_site(pool, "EAST", SiteRules(1, (), (Exclusion(country="GR"),)))
    greek = await reserve(pool, ("A", 2), to=("GR", "10431"))
    german = await reserve(pool, ("A", 2), to=("DE", "10115"))
    async with pool.acquire() as conn, conn.transaction():
        why = catalog.Why("receipt-1", "tests")
        await catalog.correct(conn, [catalog.Correction("A", "EAST", "receipt", 3)], why)
    # The first who waits may not have them, so the second has to hear of them too.
    woken = await pool.fetch("SELECT order_id FROM outbox WHERE payload ->> 'cause' = 'receipt-1'")
    assert [row["order_id"] for row in woken] == [greek, german]
    turkish = await reserve(pool, ("A", 3), to=("TR", "34720"))
    told = await event(pool, turkish, "stock_allocated")
    assert [(s["warehouse"], s["quantity"]) for s in told["sources"]] == [("EAST", 1)]
    await ReservationDesk(pool).reserve(german, "again")
    assert await shelves.level(pool, "A") == {"EAST": (3, 3), "WEST": (0, 0)}
    await shelves.books_agree(pool)
