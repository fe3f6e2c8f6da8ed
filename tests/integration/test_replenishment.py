"""Sales summed up by day, forecasts made of them, and suggestions read from both."""

import random
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.testing import ActivityEnvironment
from temporalio.worker import Worker

from activities.forecasting import Batch, Done, ForecastActivities, Window
from api import buying
from api.purchase_views import reckoned
from db import replenishment
from db.pool import Pool
from db.replenishment import Sieve
from domain.replenishment import Verdict, suggest
from settings import Settings
from tests.integration import shelves
from tests.workflows.life import eventually
from worker import workflow_runner
from workflows.forecasting import ForecastWorkflow, weeks
from workflows.ids import forecast_id
from workflows.schedules import bring_about, forecasts

TODAY = datetime.now(UTC).date()
SETTINGS = Settings()


async def sold(
    pool: Pool,
    sku: str,
    units: int,
    day: date,
    *,
    claims: Mapping[str, int] | None = None,
    confirmed: bool = True,
    reason: str | None = None,
    hour: int = 12,
) -> None:
    """An order of that day, of which warehouses have claimed units."""
    order_id, line_id = await shelves.order(pool, (sku, units))
    placed = datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=hour)
    await pool.execute(
        "UPDATE orders SET placed_at = $2, confirmed_at = $3, cancel_reason = $4 WHERE id = $1",
        order_id,
        placed,
        placed if confirmed else None,
        reason,
    )
    for warehouse, quantity in (claims or {}).items():
        await pool.execute(
            "INSERT INTO reservations (order_id, line_id, sku, warehouse, quantity, status, cause,"
            " queued_at) VALUES ($1, $2, $3, $4, $5, 'consumed', 't', now())",
            order_id,
            line_id,
            sku,
            warehouse,
            quantity,
        )


async def sums(pool: Pool) -> list[tuple[Any, ...]]:
    """All of daily_demand."""
    rows = await pool.fetch(
        "SELECT sku, warehouse, day, units FROM daily_demand ORDER BY sku, warehouse, day"
    )
    return [tuple(row) for row in rows]


async def sum_up(pool: Pool, first: date, end: date, zone: str = "UTC") -> None:
    async with pool.acquire() as conn, conn.transaction():
        await replenishment.sum_demand(conn, first, end, zone, forget_before=first)


DAY = TODAY - timedelta(10)


async def test_units_count_where_they_were_shipped_and_the_rest_at_home(pool: Pool) -> None:
    await shelves.put(pool, "SHIRT", {"EAST": 5, "WEST": 5})
    await pool.execute("UPDATE warehouses SET priority = 1 WHERE code = 'WEST'")
    await sold(pool, "SHIRT", 10, DAY, claims={"EAST": 4, "WEST": 1})
    await sold(pool, "SHIRT", 2, DAY, claims={"EAST": 2})
    await sum_up(pool, DAY, DAY + timedelta(1))
    # Five units that nobody had are wanted at WEST, which comes first.
    assert await sums(pool) == [("SHIRT", "EAST", DAY, 6), ("SHIRT", "WEST", DAY, 6)]


async def test_what_was_never_paid_for_is_no_demand_but_what_we_did_not_have_is(
    pool: Pool,
) -> None:
    await shelves.put(pool, "SHIRT", {"MAIN": 5})
    await sold(pool, "SHIRT", 1, DAY)
    await sold(pool, "SHIRT", 10, DAY, confirmed=False)
    await sold(pool, "SHIRT", 100, DAY, confirmed=False, reason="payment_expired")
    await sold(pool, "SHIRT", 1_000, DAY, confirmed=False, reason="out_of_stock")
    await sold(pool, "UNKNOWN", 7, DAY)
    await sum_up(pool, DAY, DAY + timedelta(1))
    assert await sums(pool) == [("SHIRT", "MAIN", DAY, 1_001)]


async def test_a_day_is_a_day_of_the_shop(pool: Pool) -> None:
    await shelves.put(pool, "SHIRT", {"MAIN": 5})
    await sold(pool, "SHIRT", 3, DAY, hour=22)
    await sum_up(pool, DAY, DAY + timedelta(1), "Europe/Istanbul")
    assert await sums(pool) == []
    await sum_up(pool, DAY, DAY + timedelta(2), "Europe/Istanbul")
    assert await sums(pool) == [("SHIRT", "MAIN", DAY + timedelta(1), 3)]


async def test_summing_up_again_replaces_what_was_there_and_forgets_the_old(pool: Pool) -> None:
    await shelves.put(pool, "SHIRT", {"MAIN": 5})
    await sold(pool, "SHIRT", 3, DAY)
    for _ in range(2):
        await sum_up(pool, DAY, DAY + timedelta(1))
    assert await sums(pool) == [("SHIRT", "MAIN", DAY, 3)]
    await sum_up(pool, DAY + timedelta(1), DAY + timedelta(2))
    assert await sums(pool) == []


async def test_an_item_is_not_judged_by_days_before_it_was_made(pool: Pool) -> None:
    await shelves.put(pool, "NEW", {"MAIN": 5})
    await shelves.put(pool, "OLD", {"MAIN": 5})
    await pool.execute("UPDATE items SET created_at = now() - interval '1 year' WHERE sku = 'OLD'")
    await sold(pool, "NEW", 3, TODAY - timedelta(2))
    await sum_up(pool, TODAY - timedelta(5), TODAY)
    async with pool.acquire() as conn:
        first, last = TODAY - timedelta(5), TODAY - timedelta(1)
        found = await replenishment.series(conn, ("", "Z"), first, last, "UTC")
    assert [(s.sku, list(s.units), s.last_demand_on) for s in found] == [
        ("NEW", [3, 0], TODAY - timedelta(2)),
        ("OLD", [0, 0, 0, 0, 0], None),
    ]


async def renewed(pool: Pool, settings: Settings = SETTINGS) -> int:
    """Sum up and forecast as the workflow does."""
    does, run = ForecastActivities(pool, settings.demand_window, "UTC"), ActivityEnvironment().run
    window = await run(does.open_window)
    for week in weeks(window):
        await run(does.sum_demand, week)
    forecasts, batch = 0, Batch(window)
    while (done := await run(does.forecast_items, batch)).sku:
        forecasts, batch = forecasts + done.forecasts, Batch(window, done.sku)
    assert done == Done()
    return forecasts


async def find(pool: Pool, *kinds: Verdict, **more: Any) -> dict[str, buying.Found]:
    async with pool.acquire() as conn:
        found = await buying.find(conn, SETTINGS, kinds=kinds, limit=1_000, **more)
    return {row["sku"]: (row, suggestion) for row, suggestion in found}


async def test_what_sells_and_runs_out_is_suggested_with_its_suppliers_terms(pool: Pool) -> None:
    await shelves.put(pool, "FAST", {"MAIN": 10})
    await shelves.put(pool, "DEAD", {"MAIN": 7})
    await shelves.put(pool, "MANY", {"MAIN": 5_000})
    await pool.execute("UPDATE items SET created_at = now() - interval '1 year'")
    await pool.execute(
        "INSERT INTO suppliers (code, name, currency, lead_time_days) VALUES"
        " ('ACME', 'Acme', 'EUR', 9), ('SLOW', 'Slow', 'EUR', 30)"
    )
    await pool.execute(
        "INSERT INTO item_suppliers (sku, supplier, unit_cost, currency, moq, pack_size, preferred)"
        " VALUES ('FAST', 'ACME', 500, 'EUR', 24, 12, true),"
        " ('FAST', 'SLOW', 100, 'EUR', 1, 1, false)"
    )
    for back in range(1, 85):
        for sku in ("FAST", "MANY"):
            await sold(pool, sku, 4, TODAY - timedelta(back), claims={"MAIN": 4})
    assert await renewed(pool) == 3
    low = await find(pool, Verdict.LOW)
    [(row, suggestion)] = low.values()
    assert (row["sku"], row["supplier"], row["lead_time_days"]) == ("FAST", "ACME", 9)
    assert (row["demand_class"], row["method"], row["mean_daily"]) == (
        "smooth",
        "moving_average",
        4,
    )
    # 4 x 9 = 36, no deviation; 36 + 28 = 64; 64 - 10 = 54, in dozens 60.
    assert (suggestion.levels.reorder_point, suggestion.levels.order_up_to) == (36, 64)
    assert (suggestion.need, suggestion.quantity) == (54, 60)
    assert set(await find(pool, Verdict.OVERSTOCK)) == {"MANY"}
    assert set(await find(pool, Verdict.DEAD)) == {"DEAD"}
    assert set(await find(pool, Verdict.LOW, supplier="SLOW")) == set()
    assert set(await find(pool, Verdict.LOW, warehouse="ELSEWHERE")) == set()


async def test_who_waits_is_bought_for_where_the_item_is_at_home(pool: Pool) -> None:
    await shelves.put(pool, "RARE", {"MAIN": 0, "WEST": 0})
    await pool.execute("UPDATE warehouses SET priority = 1 WHERE code = 'WEST'")
    order_id, line_id = await shelves.order(pool, ("RARE", 3))
    await pool.execute(
        "INSERT INTO reservations (order_id, line_id, sku, quantity, status, cause, queued_at)"
        " VALUES ($1, $2, 'RARE', 3, 'backordered', 't', now())",
        order_id,
        line_id,
    )
    [(row, suggestion)] = (await find(pool, Verdict.LOW)).values()
    assert (row["warehouse"], row["backordered"], suggestion.quantity) == ("WEST", 3, 3)
    # Nobody sells it: the shop's own lead time.
    assert (row["supplier"], row["lead_time_days"]) == (None, 14)


async def test_a_supplier_who_ships_himself_keeps_no_stock_of_ours(pool: Pool) -> None:
    await shelves.put(pool, "RARE", {"THEIRS": 0})
    await pool.execute("UPDATE warehouses SET kind = 'dropship'")
    await pool.execute("UPDATE stock_levels SET safety = 5")
    assert await find(pool, *Verdict) == {}


async def test_the_sieve_lets_through_all_that_the_domain_finds(pool: Pool) -> None:
    """Against the domain's word about every one of many made-up items."""
    await shelves.put(pool, "OTHER", {"MAIN": 0})
    rng = random.Random(7)
    for number in range(400):
        sku = f"S{number:03}"
        await pool.execute("INSERT INTO items (sku, name) VALUES ($1, $1)", sku)
        mean = rng.choice([0.0, round(rng.uniform(0, 0.2), 4), round(rng.uniform(0, 5), 4)])
        await pool.execute(
            "INSERT INTO forecasts (sku, warehouse, demand_class, method, mean_daily, sigma_daily,"
            " first_day, last_day, days_with_demand, total_units) VALUES"
            " ($1, 'MAIN', 'smooth', 'sba', $2, $3, '2026-01-01', '2026-12-31', 1, 1)",
            sku,
            mean,
            round(rng.uniform(0, 4), 4),
        )
        await pool.execute(
            "INSERT INTO stock_levels (sku, warehouse, on_hand, safety, incoming) VALUES"
            " ($1, 'MAIN', $2, $3, $4)",
            sku,
            rng.choice([0, rng.randint(0, 130), rng.randint(0, 900)]),
            rng.choice([0, 0, rng.randint(0, 20)]),
            rng.choice([0, 0, rng.randint(0, 20)]),
        )
    together = await find(pool, Verdict.LOW, Verdict.DEAD, Verdict.OVERSTOCK)
    async with pool.acquire() as conn:
        # A sieve so wide that nothing falls through.
        wide = Sieve(["low", "overstock"], 1e9, 0, 14)
        rows = await replenishment.positions(conn, wide, after=("", ""), limit=1_000)
    rules = buying.rules_of(SETTINGS)
    decided = {row["sku"]: suggest(*reckoned(row), rules) for row in rows}
    assert len(decided) == 401
    assert {sku: found for sku, (_, found) in together.items()} == {
        sku: found for sku, found in decided.items() if found.verdict is not Verdict.OK
    }
    for kind in (Verdict.LOW, Verdict.DEAD, Verdict.OVERSTOCK):
        alone = {sku: suggestion for sku, (_, suggestion) in (await find(pool, kind)).items()}
        assert alone == {sku: found for sku, found in decided.items() if found.verdict is kind}
        assert alone


@pytest.mark.parametrize("state", ["draft", "approved"])
async def test_what_is_being_ordered_is_not_suggested_again(pool: Pool, state: str) -> None:
    await shelves.put(pool, "RARE", {"MAIN": 0})
    await pool.execute("UPDATE stock_levels SET safety = 5")
    assert set(await find(pool, Verdict.LOW)) == {"RARE"}
    await pool.execute(
        "INSERT INTO suppliers (code, name, currency, lead_time_days) VALUES ('A', 'A', 'EUR', 9)"
    )
    await pool.execute(
        "INSERT INTO purchase_orders (id, number, supplier, warehouse, status, currency,"
        " expected_on, created_by) VALUES ('pur_1', 'P-1', 'A', 'MAIN', $1, 'EUR', now(), 't')",
        state,
    )
    await pool.execute(
        "INSERT INTO purchase_lines (id, purchase_order_id, position, sku, quantity, unit_cost,"
        " expected_on) VALUES ('pln_1', 'pur_1', 0, 'RARE', 5, 1, now())"
    )
    assert await find(pool, Verdict.LOW) == {}
    await pool.execute("UPDATE purchase_orders SET status = 'canceled'")
    assert set(await find(pool, Verdict.LOW)) == {"RARE"}


def test_weeks_cover_the_window_once() -> None:
    assert weeks(Window("2026-03-01", "2026-03-16")) == [
        Window("2026-03-01", "2026-03-07"),
        Window("2026-03-08", "2026-03-14"),
        Window("2026-03-15", "2026-03-16"),
    ]


async def test_the_workflow_renews_all_of_it(pool: Pool, temporal: Client, task_queue: str) -> None:
    for number in range(3):
        await shelves.put(pool, f"S{number}", {"MAIN": 1})
        await sold(pool, f"S{number}", 2, TODAY - timedelta(3), claims={"MAIN": 2})
    does = ForecastActivities(pool, timedelta(days=15), "UTC")
    worker = Worker(
        temporal,
        task_queue=task_queue,
        workflows=[ForecastWorkflow],
        activities=[does.open_window, does.sum_demand, does.forecast_items],
        workflow_runner=workflow_runner(),
    )
    async with worker:
        items: int = await temporal.execute_workflow(
            ForecastWorkflow.run, id=task_queue, task_queue=task_queue
        )
    assert items == 3
    rows = await pool.fetch("SELECT sku, total_units, last_demand_on FROM forecasts ORDER BY sku")
    day = TODAY - timedelta(3)
    assert [tuple(row) for row in rows] == [("S0", 2, day), ("S1", 2, day), ("S2", 2, day)]


async def test_the_schedule_follows_the_setting_and_runs_at_once(
    pool: Pool, temporal: Client, task_queue: str
) -> None:
    await shelves.put(pool, "SHIRT", {"MAIN": 1})
    does = ForecastActivities(pool, timedelta(days=15), "UTC")
    worker = Worker(
        temporal,
        task_queue=task_queue,
        workflows=[ForecastWorkflow],
        activities=[does.open_window, does.sum_demand, does.forecast_items],
        workflow_runner=workflow_runner(),
    )
    handle = temporal.get_schedule_handle(forecast_id(task_queue))
    async with worker:
        await bring_about(temporal, forecasts(task_queue, timedelta(days=1)))

        async def renewed_once() -> bool:
            return bool(await pool.fetchval("SELECT count(*) FROM forecasts"))

        await eventually(renewed_once)
    for every in (timedelta(days=1), timedelta(hours=6)):
        await bring_about(temporal, forecasts(task_queue, every))
        [interval] = (await handle.describe()).schedule.spec.intervals
        assert interval.every == every
    await bring_about(temporal, forecasts(task_queue, timedelta()))
    await bring_about(temporal, forecasts(task_queue, timedelta()))
    with pytest.raises(RPCError):
        await handle.describe()
