"""Stock compared with its ledger: what differs is found and told, and never what is in progress."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest

from activities.contracts import Cancel, Confirm
from activities.orders import OrderActivities
from db import reconciliation
from db.new_ids import new_id
from db.pool import Pool
from tests.integration import shelves

Report = Mapping[str, Any]


async def check(pool: Pool, *, full: bool = False) -> Report:
    """One check."""
    return await reconciliation.reconcile(
        pool, new_id("rec"), "tests", full_every=timedelta(days=1), full=full
    )


def told(report: Report) -> list[tuple[str, str, str | None, int, int]]:
    """(what, counter, item, expected, found)."""
    return [(d["kind"], d["counter"], d["sku"], d["expected"], d["found"]) for d in report["found"]]


async def shop(pool: Pool) -> str:
    """Two items, an order for one of them that has two units and waits for one; its id."""
    await shelves.put(pool, "A", {"EAST": 1, "WEST": 1})
    await shelves.put(pool, "B", {"EAST": 5})
    order_id, _ = await shelves.order(pool, ("A", 3))
    await OrderActivities(pool).confirm_order(Confirm(order_id, "confirm", 60))
    await shelves.all_ended(pool)
    return order_id


async def test_books_that_agree_are_told_to_agree(pool: Pool) -> None:
    await shop(pool)
    first, second = await check(pool), await check(pool)
    assert (first["scope"], first["levels"], first["differences"]) == ("full", 3, 0)
    assert (second["scope"], second["differences"]) == ("incremental", 0)
    assert first["movements"] == await pool.fetchval("SELECT count(*) FROM stock_movements")


async def test_nothing_is_repaired_and_every_check_tells_it_again(pool: Pool) -> None:
    await shop(pool)
    await pool.execute("UPDATE stock_levels SET on_hand = 7 WHERE sku = 'B'")
    for _ in range(2):
        report = await check(pool)
        assert told(report) == [("ledger", "on_hand", "B", 5, 7)]
        assert report["differences"] == 1
    assert await pool.fetchval("SELECT on_hand FROM stock_levels WHERE sku = 'B'") == 7


@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize(
    ("defect", "found"),
    [
        (
            "UPDATE stock_levels SET safety = 1 WHERE sku = 'B'",
            [("ledger", "safety", "B", 0, 1)],
        ),
        (
            "UPDATE stock_levels SET damaged = 1, quarantined = 1 WHERE sku = 'B'",
            [("ledger", "damaged", "B", 0, 1), ("ledger", "quarantined", "B", 0, 1)],
        ),
        (
            "UPDATE stock_levels SET incoming = 4 WHERE sku = 'B'",
            [("ledger", "incoming", "B", 0, 4), ("incoming", "incoming", "B", 0, 4)],
        ),
        (
            """ALTER TABLE stock_levels DISABLE TRIGGER places_agree;
               UPDATE stock_levels SET placed = 2 WHERE sku = 'B'""",
            [("places", "placed", "B", 0, 2)],
        ),
        (
            """INSERT INTO bins (warehouse, code, kind) VALUES ('EAST', 'R1', 'pick');
               INSERT INTO stock_places (sku, warehouse, bin, quantity)
               VALUES ('B', 'EAST', 'R1', 2);
               UPDATE stock_levels SET placed = 2 WHERE sku = 'B'""",
            [("place_ledger", "R1", "B", 0, 2)],
        ),
        (
            "UPDATE stock_levels SET held = 2 WHERE sku = 'B'",
            [("ledger", "held", "B", 0, 2), ("holds", "held", "B", 0, 2)],
        ),
        (
            "UPDATE stock_levels SET allocated = 0 WHERE sku = 'A' AND warehouse = 'EAST'",
            [("ledger", "allocated", "A", 1, 0), ("claims", "allocated", "A", 1, 0)],
        ),
        (
            "UPDATE order_lines SET allocated = 1, open = 1",
            [("lines", "allocated", "A", 2, 1)],
        ),
        (
            "UPDATE reservations SET status = 'released' WHERE status = 'backordered'",
            [("lines", "backordered", "A", 0, 1)],
        ),
        (
            "UPDATE orders SET status = 'canceled'",
            [
                ("closed_orders", "allocated", "A", 0, 1),
                ("closed_orders", "allocated", "A", 0, 1),
                ("closed_orders", "backordered", "A", 0, 1),
            ],
        ),
    ],
    ids=[
        "safety",
        "quarantine",
        "incoming",
        "placed",
        "bin",
        "held",
        "allocated",
        "line",
        "queue",
        "closed",
    ],
)
async def test_each_number_that_differs_is_told_with_both_sides(
    pool: Pool, defect: str, found: Sequence[tuple[object, ...]], *, full: bool
) -> None:
    await shop(pool)
    assert (await check(pool))["differences"] == 0
    await pool.execute(defect)
    report = await check(pool, full=full)
    assert report["scope"] == ("full" if full else "incremental")
    assert sorted(told(report)) == sorted(found)
    assert report["differences"] == len(found)


async def test_work_in_progress_raises_no_alarm(pool: Pool) -> None:
    """Checks while orders are reserved and canceled all the time, from the first to the last."""
    for sku in "AB":
        await shelves.put(pool, sku, {"EAST": 10, "WEST": 10})
    orders = OrderActivities(pool)

    async def live() -> None:
        for _ in range(6):
            order_id, *_ = await shelves.order(pool, ("A", 2), ("B", 1))
            await orders.confirm_order(Confirm(order_id, "confirm", 60))
            await orders.begin_cancel(Cancel(order_id, "cancel", "tests"))

    living = asyncio.gather(*(live() for _ in range(5)))
    reports: list[Report] = []
    while not living.done():
        reports.append(await check(pool, full=len(reports) % 3 == 2))
    await living
    reports.append(await check(pool, full=True))
    assert {report["differences"] for report in reports} == {0}
    assert len(reports) > 2
    # Other databases of the server may keep the sums from reaching the end of the ledger.
    kept = await pool.fetch("SELECT sku, warehouse, on_hand, allocated FROM stock_checkpoint_sums")
    summed = await pool.fetch(
        "SELECT sku, warehouse, sum(on_hand), sum(allocated) FROM stock_movements"
        " WHERE xact < (SELECT upto FROM stock_checkpoint) GROUP BY 1, 2"
    )
    assert sorted(map(tuple, kept)) == sorted(map(tuple, summed))


async def test_a_transaction_that_commits_after_the_checkpoint_is_added_by_the_next(
    pool: Pool,
) -> None:
    await shelves.put(pool, "A", {"EAST": 5})
    await shelves.all_ended(pool)
    async with pool.acquire() as conn:
        slow = conn.transaction()
        await slow.start()
        await conn.execute(
            "INSERT INTO stock_movements (sku, warehouse, kind, on_hand, cause, actor)"
            " VALUES ('A', 'EAST', 'adjust', 1, 'slow', 'tests')"
        )
        await conn.execute("UPDATE stock_levels SET on_hand = on_hand + 1")
        assert (await check(pool))["differences"] == 0
        await slow.commit()
    report = await check(pool)
    assert (report["scope"], report["differences"], report["movements"]) == ("incremental", 0, 1)


async def test_a_ledger_that_was_changed_behind_its_back_is_found_by_the_full_check(
    pool: Pool,
) -> None:
    await shop(pool)
    await check(pool)
    await pool.execute(
        "ALTER TABLE stock_movements DISABLE TRIGGER append_only;"
        "UPDATE stock_movements SET on_hand = 4 WHERE sku = 'B'"
    )
    assert (await check(pool))["differences"] == 0
    assert told(await check(pool, full=True)) == [("ledger", "on_hand", "B", 4, 5)]


async def test_sums_of_another_life_of_the_ledger_are_not_used(pool: Pool) -> None:
    await shop(pool)
    await check(pool)
    await pool.execute("UPDATE stock_checkpoint_sums SET on_hand = 99")
    assert (await check(pool))["differences"] > 0
    await pool.execute("UPDATE stock_feed SET generation = 'restored'")
    report = await check(pool)
    assert (report["scope"], report["differences"]) == ("full", 0)


async def test_checks_beside_each_other_keep_the_sums_right(pool: Pool) -> None:
    await shop(pool)
    await asyncio.gather(*(check(pool, full=number % 2 == 0) for number in range(8)))
    assert (await check(pool))["differences"] == 0
    sums = await pool.fetchval("SELECT sum(on_hand) FROM stock_checkpoint_sums")
    assert sums == await pool.fetchval(
        "SELECT sum(on_hand) FROM stock_movements WHERE xact < (SELECT upto FROM stock_checkpoint)"
    )


async def test_the_same_check_twice_is_one_report(pool: Pool) -> None:
    await shop(pool)
    day = timedelta(days=1)
    first = await reconciliation.reconcile(pool, "rec_1", "tests", full_every=day)
    assert await reconciliation.reconcile(pool, "rec_1", "other", full_every=day) == first
    assert await pool.fetchval("SELECT count(*) FROM stock_reconciliations") == 1


async def test_the_ledger_is_summed_before_anything_is_written(pool: Pool) -> None:
    await shop(pool)
    async with pool.acquire() as other, other.transaction():
        await other.execute("LOCK TABLE stock_checkpoint_sums IN SHARE MODE")
        checking = asyncio.create_task(check(pool, full=True))
        waiting = (
            "SELECT backend_xid IS NULL FROM pg_stat_activity WHERE datname = current_database()"
            " AND wait_event_type = 'Lock' AND query LIKE '%INSERT INTO stock_checkpoint_sums%'"
        )
        while (unwritten := await pool.fetchval(waiting)) is None:
            await asyncio.sleep(0.02)
        assert unwritten
        assert await pool.fetchval("SELECT count(*) FROM stock_reconciliations") == 1
    assert (await checking)["differences"] == 0
