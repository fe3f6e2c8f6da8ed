"""Stock of orders: reserved once, never oversold, at any concurrency and in any order."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest

from activities.contracts import Cancel, Confirm
from activities.orders import OrderActivities
from activities.reserving import ReservationDesk
from db import catalog, goods, handling, holds, ledger, sourcing, stock
from db.movements import Movement
from db.pool import Connection, Pool
from domain.sourcing import Allocation, Exclusion
from tests.integration import shelves

WAREHOUSES = ("EAST", "WEST")


async def reserve(pool: Pool, order_id: str, cause: str = "test") -> str:
    """Reserve what an order's lines want; the outcome."""
    return (await ReservationDesk(pool).reserve(order_id, cause)).outcome


async def test_an_allocation_moves_the_counter_and_the_ledger_together(pool: Pool) -> None:
    await shelves.put(pool, "A", {"EAST": 2, "WEST": 4})
    order_id, _ = await shelves.order(pool, ("A", 5))
    assert await reserve(pool, order_id) == "allocated"
    assert await shelves.level(pool, "A") == {"EAST": (2, 1), "WEST": (4, 4)}
    await shelves.books_agree(pool)


async def test_units_shipped_leave_the_shelf_and_the_claim(pool: Pool) -> None:
    await shelves.put(pool, "A", {"MAIN": 5})
    order_id, line_id = await shelves.order(pool, ("A", 3))
    await reserve(pool, order_id)
    async with pool.acquire() as conn, conn.transaction():
        await stock.ship(conn, order_id, "MAIN", Counter({line_id: 2}), "ship-1")
        await stock.release(conn, order_id, Counter({line_id: 1}), "release-1")
    assert await shelves.level(pool, "A") == {"MAIN": (3, 0)}
    claims = await pool.fetch("SELECT status, quantity FROM reservations ORDER BY status, id")
    assert [tuple(row) for row in claims] == [("consumed", 2), ("released", 1)]
    await shelves.books_agree(pool)


async def test_the_same_movement_twice_is_refused(pool: Pool) -> None:
    await shelves.put(pool, "A", {"MAIN": 5})
    order_id, line_id = await shelves.order(pool, ("A", 3))
    claim = [Allocation(line_id, "A", "MAIN", 1)]
    async with pool.acquire() as conn:
        async with conn.transaction():
            await stock.allocate(conn, order_id, claim, "once")
        with pytest.raises(Exception, match="each_movement_once"):
            async with conn.transaction():
                await stock.allocate(conn, order_id, claim, "once")
    assert await shelves.level(pool, "A") == {"MAIN": (5, 1)}
    await shelves.books_agree(pool)


async def test_safety_stock_is_not_promised_to_anybody(pool: Pool) -> None:
    await shelves.put(pool, "A", {"MAIN": 5})
    await pool.execute("UPDATE stock_levels SET safety = 4")
    order_id, _ = await shelves.order(pool, ("A", 3))
    assert await reserve(pool, order_id) == "waiting"
    assert await shelves.level(pool, "A") == {"MAIN": (5, 1)}


async def test_a_closed_warehouse_promises_nothing(pool: Pool) -> None:
    await shelves.put(pool, "A", {"EAST": 5, "WEST": 5})
    await pool.execute("UPDATE warehouses SET closed_at = now() WHERE code = 'EAST'")
    order_id, _ = await shelves.order(pool, ("A", 6))
    assert await reserve(pool, order_id) == "waiting"
    assert await shelves.level(pool, "A") == {"EAST": (5, 0), "WEST": (5, 5)}


async def waiting_orders(pool: Pool, *priorities: int) -> list[str]:
    """Orders of one unit that nobody has, in the order in which they came."""
    ids = []
    for priority in priorities:
        order_id, _ = await shelves.order(pool, ("A", 1), priority=priority)
        assert await reserve(pool, order_id) == "waiting"
        ids.append(order_id)
    return ids


async def test_the_queue_is_served_by_priority_and_then_by_age(pool: Pool) -> None:
    await shelves.put(pool, "A", {"MAIN": 0})
    ids = await waiting_orders(pool, 0, 5, 0, 0)
    await pool.execute("DELETE FROM outbox")
    await shelves.put_more(pool, "A", {"MAIN": 3})
    async with pool.acquire() as conn, conn.transaction():
        await stock.wake_waiting(conn, ["A"], "receipt-1")
    woken = await pool.fetch("SELECT order_id, payload FROM outbox ORDER BY id")
    # Three units serve three orders: the fourth is not woken for nothing.
    assert [row["order_id"] for row in woken] == [ids[1], ids[0], ids[2]]
    assert {row["payload"]["cause"] for row in woken} == {"receipt-1"}


async def test_whoever_asks_first_leaves_to_those_ahead_what_they_wait_for(pool: Pool) -> None:
    await shelves.put(pool, "A", {"MAIN": 0})
    first, second = await waiting_orders(pool, 0, 0)
    await shelves.put_more(pool, "A", {"MAIN": 1})
    late, _ = await shelves.order(pool, ("A", 1))
    assert await reserve(pool, late) == "waiting"
    assert await reserve(pool, second, "woken") == "waiting"
    assert await reserve(pool, first, "woken") == "allocated"
    assert await shelves.level(pool, "A") == {"MAIN": (1, 1)}
    await shelves.books_agree(pool)


async def test_sixty_orders_for_twenty_units_get_exactly_twenty(pool: Pool) -> None:
    await shelves.put(pool, "A", {"EAST": 8, "WEST": 12})
    orders = OrderActivities(pool)
    ids = [(await shelves.order(pool, ("A", 1)))[0] for _ in range(60)]
    answers = await asyncio.gather(
        *(orders.confirm_order(Confirm(id_, "confirm", 60)) for id_ in ids)
    )
    assert Counter(answer.outcome for answer in answers) == {"allocated": 20, "waiting": 40}
    assert await shelves.level(pool, "A") == {"EAST": (8, 8), "WEST": (12, 12)}
    await shelves.books_agree(pool)
    # The same step again changes nothing, at any concurrency.
    again = await asyncio.gather(
        *(orders.confirm_order(Confirm(id_, "confirm", 60)) for id_ in ids)
    )
    assert [a.outcome for a in again] == [a.outcome for a in answers]
    assert await shelves.level(pool, "A") == {"EAST": (8, 8), "WEST": (12, 12)}


async def test_orders_of_many_items_never_wait_for_each_other_in_a_circle(pool: Pool) -> None:
    for sku in "ABCD":
        await shelves.put(pool, sku, {"EAST": 40, "WEST": 40})
    await pool.execute("ALTER DATABASE " + await _name(pool) + " SET deadlock_timeout = '20ms'")
    orders = OrderActivities(pool)
    ids = []
    for number in range(24):
        skus = "ABCD" if number % 2 else "DCBA"
        ids.append((await shelves.order(pool, *((sku, 2) for sku in skus)))[0])
    before = await _deadlocks(pool)

    async def live(order_id: str) -> None:
        await orders.confirm_order(Confirm(order_id, "confirm", 60))
        await orders.begin_cancel(Cancel(order_id, "cancel", "tests"))

    await asyncio.gather(*(live(order_id) for order_id in ids))
    assert await _deadlocks(pool) == before
    for sku in "ABCD":
        assert await shelves.level(pool, sku) == {"EAST": (40, 0), "WEST": (40, 0)}
    await shelves.books_agree(pool)


async def _name(pool: Pool) -> str:
    return str(await pool.fetchval("SELECT current_database()"))


async def _deadlocks(pool: Pool) -> int:
    await pool.execute("SELECT pg_stat_force_next_flush()")
    query = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    return int(await pool.fetchval(query))


async def test_units_set_free_while_the_first_in_the_queue_leaves_it_reach_the_next(
    pool: Pool,
) -> None:
    await shelves.put(pool, "A", {"MAIN": 0})
    first, second = await waiting_orders(pool, 0, 0)
    await pool.execute("DELETE FROM outbox")
    async with pool.acquire() as conn:
        goods_come = conn.transaction()
        await goods_come.start()
        await catalog.correct(
            conn, [catalog.Correction("A", "MAIN", "receipt", 1)], catalog.Why("receipt-1", "tests")
        )
        # The receipt tells the first; the first is just being canceled, and sees no receipt yet.
        leaving = asyncio.create_task(
            OrderActivities(pool).begin_cancel(Cancel(first, "cancel", "tests"))
        )
        await shelves.somebody_waits_for_a_lock(pool, leaving)
        await goods_come.commit()
    await leaving
    told = await pool.fetch("SELECT order_id FROM outbox WHERE kind = 'stock_arrived' ORDER BY id")
    assert second in {row["order_id"] for row in told}


async def test_units_that_go_while_an_order_looks_at_them_are_not_taken_twice(pool: Pool) -> None:
    await shelves.put(pool, "A", {"EAST": 5})
    await shelves.put(pool, "B", {"EAST": 5, "WEST": 5})
    order_id, _, _ = await shelves.order(pool, ("A", 3), ("B", 2))
    async with pool.acquire() as conn:
        taking = conn.transaction()
        await taking.start()
        gone = [Movement("A", "EAST", "damage", "fell", damaged=3)]
        await ledger.write(conn, gone, actor="tests")
        # It sees five of each, decides, writes, and then stands before the lock of A.
        asking = asyncio.create_task(reserve(pool, order_id))
        await shelves.somebody_waits_for_a_lock(pool, asking)
        await taking.commit()
    assert await asking == "waiting"
    assert await shelves.level(pool, "A") == {"EAST": (5, 2)}
    assert await shelves.level(pool, "B") == {"EAST": (5, 2), "WEST": (5, 0)}
    claims = await pool.fetch("SELECT sku, status, quantity FROM reservations ORDER BY sku, status")
    assert [tuple(row) for row in claims] == [
        ("A", "allocated", 2),
        ("A", "backordered", 1),
        ("B", "allocated", 2),
    ]
    await shelves.books_agree(pool)


async def test_what_somebody_waits_for_is_not_taken_at_a_look(pool: Pool) -> None:
    await shelves.put(pool, "A", {"MAIN": 0})
    await waiting_orders(pool, 0)
    await shelves.put_more(pool, "A", {"MAIN": 5})
    async with pool.acquire() as conn, conn.transaction():
        assert await stock.lock_unless_waited_for(conn, ["A"]) == []
        assert [source.available for source in await stock.lock_sources(conn, ["A"])] == [5]


async def test_a_movement_needs_a_level(pool: Pool) -> None:
    await shelves.put(pool, "A", {"MAIN": 5})
    moves = [Movement("A", place, "receipt", "test", on_hand=1) for place in ("MAIN", "EAST")]
    async with pool.acquire() as conn:
        with pytest.raises(LookupError):
            async with conn.transaction():
                await ledger.write(conn, moves, actor="tests")
    assert await shelves.level(pool, "A") == {"MAIN": (5, 0)}
    await shelves.books_agree(pool)


async def test_what_a_checkout_kept_and_its_order_did_not_take_reaches_who_waits(
    pool: Pool,
) -> None:
    await shelves.put(pool, "A", {"MAIN": 3})
    kept = holds.NewHold("shd_1", None, "tests", 600, [Allocation("", "A", "MAIN", 3)])
    async with pool.acquire() as conn, conn.transaction():
        await stock.lock_sources(conn, ["A"])
        await holds.add(conn, [kept])
    (waiting,) = await waiting_orders(pool, 0)
    await pool.execute("DELETE FROM outbox")
    order_id, _ = await shelves.order(pool, ("A", 1))
    async with pool.acquire() as conn, conn.transaction():
        assert await holds.bind(conn, "shd_1", order_id)
    assert await reserve(pool, order_id) == "allocated"
    told = await pool.fetch("SELECT order_id FROM outbox WHERE kind = 'stock_arrived'")
    assert [row["order_id"] for row in told] == [waiting]
    assert await reserve(pool, waiting, "woken") == "allocated"
    await shelves.books_agree(pool)


async def woken(pool: Pool) -> list[str]:
    """Orders that were told of stock, in the order of the news; the news are gone then."""
    rows = await pool.fetch("SELECT order_id FROM outbox WHERE kind = 'stock_arrived' ORDER BY id")
    await pool.execute("DELETE FROM outbox")
    return [row["order_id"] for row in rows]


Bring = Callable[[Connection, str, catalog.Why], Awaitable[object]]


async def corrected(conn: Connection, warehouse: str, why: catalog.Why) -> None:
    await catalog.correct(conn, [catalog.Correction("A", warehouse, "receipt", 1)], why)


async def received(conn: Connection, warehouse: str, why: catalog.Why) -> None:
    await goods.receive(conn, warehouse, [goods.Goods("A", 1)], why)


async def taken_out_of_quarantine(conn: Connection, warehouse: str, why: catalog.Why) -> None:
    await handling.decide(conn, warehouse, "release", [handling.BinMove("A", 1)], why)


@pytest.mark.parametrize("bring", [corrected, received, taken_out_of_quarantine])
async def test_goods_that_come_to_two_warehouses_at_once_wake_as_many_as_they_serve(
    pool: Pool, bring: Bring
) -> None:
    await shelves.put(pool, "A", {"EAST": 1, "WEST": 1})
    aside = [catalog.Correction("A", w, "quarantine", damaged=1, quarantined=1) for w in WAREHOUSES]
    nothing = [catalog.Correction("A", w, "adjust", -1) for w in WAREHOUSES]
    async with pool.acquire() as conn, conn.transaction():
        before = aside if bring is taken_out_of_quarantine else nothing
        await catalog.correct(conn, before, catalog.Why("before", "tests"))
    ids = await waiting_orders(pool, 0, 0)
    await woken(pool)
    await pool.execute("ALTER DATABASE " + await _name(pool) + " SET deadlock_timeout = '20ms'")
    deadlocks = await _deadlocks(pool)

    async def one(warehouse: str) -> None:
        async with pool.acquire() as conn, conn.transaction():
            await bring(conn, warehouse, catalog.Why(f"{bring.__name__}:{warehouse}", "tests"))

    await asyncio.gather(*(one(warehouse) for warehouse in WAREHOUSES))
    assert set(await woken(pool)) == set(ids)
    assert await _deadlocks(pool) == deadlocks


async def test_the_first_goods_of_an_item_may_come_to_two_warehouses_at_once(pool: Pool) -> None:
    await shelves.put(pool, "OTHER", {"EAST": 0, "WEST": 0})
    await shelves.put(pool, "A", {})
    ids = await waiting_orders(pool, 0, 0)
    await woken(pool)

    async def one(warehouse: str) -> None:
        async with pool.acquire() as conn, conn.transaction():
            await received(conn, warehouse, catalog.Why(f"first:{warehouse}", "tests"))

    await asyncio.gather(*(one(warehouse) for warehouse in WAREHOUSES))
    assert set(await woken(pool)) == set(ids)


async def test_who_was_passed_over_is_told_when_the_one_ahead_has_his(pool: Pool) -> None:
    await shelves.put(pool, "A", {"NEAR": 0, "FAR": 0})
    await pool.execute("UPDATE warehouses SET priority = 1 WHERE code = 'NEAR'")
    await pool.execute(
        "INSERT INTO sourcing_exclusions (warehouse, position, country) VALUES ('NEAR', 0, 'DE')"
    )
    at_home, abroad = await waiting_orders(pool, 0, 0)
    for order_id, country in ((at_home, "TR"), (abroad, "DE")):
        await pool.execute(
            "INSERT INTO order_contacts (order_id, shipping_address) VALUES ($1, $2)",
            order_id,
            {"country": country},
        )
    await shelves.put_more(pool, "A", {"NEAR": 1, "FAR": 1})
    await woken(pool)
    # The far unit is kept for whoever is ahead, and he takes the near one.
    assert await reserve(pool, abroad, "woken") == "waiting"
    assert await woken(pool) == []
    assert await reserve(pool, at_home, "woken") == "allocated"
    assert await woken(pool) == [abroad]
    assert await reserve(pool, abroad, "again") == "allocated"
    await shelves.books_agree(pool)


async def test_no_unit_is_kept_where_the_one_ahead_will_not_take_it(pool: Pool) -> None:
    await shelves.put(pool, "A", {"MAIN": 0})
    (ahead,) = await waiting_orders(pool, 0)
    await shelves.put_more(pool, "A", {"MAIN": 1})
    await pool.execute(
        "INSERT INTO stock_movements (sku, warehouse, kind, cause, order_id, actor)"
        " VALUES ('A', 'MAIN', 'short', 'pick', $1, 'tests')",
        ahead,
    )
    late, _ = await shelves.order(pool, ("A", 1))
    assert await reserve(pool, late) == "allocated"


async def test_nothing_is_reserved_for_an_order_that_is_being_canceled(pool: Pool) -> None:
    await shelves.put(pool, "A", {"MAIN": 5})
    order_id, _ = await shelves.order(pool, ("A", 3))
    orders = OrderActivities(pool)
    await orders.begin_cancel(Cancel(order_id, "cancel", "tests"))
    confirmed = await orders.confirm_order(Confirm(order_id, "confirm", 60))
    assert (confirmed.order.status, confirmed.work) == ("pending", [])
    assert await shelves.level(pool, "A") == {"MAIN": (5, 0)}
    await shelves.books_agree(pool)


async def test_a_rule_that_is_lifted_is_told_to_who_waits(pool: Pool) -> None:
    await shelves.put(pool, "A", {"MAIN": 1})
    nobody = sourcing.SiteRules(1, (), (Exclusion(sku="A"),))
    by = sourcing.Author("tests", "warehouse")
    async with pool.acquire() as conn, conn.transaction():
        await sourcing.put_site_rules(conn, "MAIN", nobody, by)
    ids = await waiting_orders(pool, 0)
    await woken(pool)
    async with pool.acquire() as conn, conn.transaction():
        await sourcing.put_site_rules(conn, "MAIN", sourcing.SiteRules(1, (), ()), by)
    assert await woken(pool) == ids
    assert await reserve(pool, ids[0], "woken") == "allocated"


async def test_a_part_of_what_is_waited_for_leaves_the_rest_in_the_queue(pool: Pool) -> None:
    await shelves.put(pool, "A", {"MAIN": 0})
    order_id, _ = await shelves.order(pool, ("A", 5))
    assert await reserve(pool, order_id) == "waiting"
    await shelves.put_more(pool, "A", {"MAIN": 2})
    assert await reserve(pool, order_id, "woken") == "waiting"
    rows = await pool.fetch(
        "SELECT status, quantity FROM reservations WHERE order_id = $1 ORDER BY status", order_id
    )
    assert [tuple(row) for row in rows] == [("allocated", 2), ("backordered", 3), ("released", 2)]
    await shelves.books_agree(pool)
