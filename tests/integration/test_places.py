"""Places: their sum is `placed` at every commit, at any concurrency, whatever leaves and why."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from activities.contracts import Cancel, Confirm
from activities.orders import OrderActivities
from db import bins, catalog, cycle_counts, expiry, goods, handling, picks, stock
from db.catalog import Why
from db.expiry import expire_lots
from db.handling import BinMove
from db.new_ids import new_id
from db.pool import Connection, Pool
from domain.errors import Refused
from domain.sourcing import Allocation
from tests.integration import shelves
from tests.integration.agreement import everything_agrees

TODAY = datetime.now(UTC).date()
Work = Callable[[Connection], Awaitable[object]]
CLERK = picks.Reporter("clerk", "warehouse")


async def build(pool: Pool, *skus: str, lots: bool = False) -> None:
    """MAIN with a bin to receive, two to pick from, and a quarantine."""
    for sku in skus:
        await shelves.put(pool, sku, {"MAIN": 0})
    await pool.execute("UPDATE items SET lot_tracked = $1", lots)
    async with pool.acquire() as conn, conn.transaction():
        for number, (code, kind) in enumerate(
            [("IN", "receiving"), ("A", "pick"), ("B", "pick"), ("Q", "quarantine")]
        ):
            await bins.put(conn, bins.Bin("MAIN", code, "", number, kind))


def why(what: str = "test") -> Why:
    return Why(new_id("stk"), "tests", what)


async def receive(pool: Pool, *lines: goods.Goods) -> None:
    async with pool.acquire() as conn, conn.transaction():
        await goods.receive(conn, "MAIN", lines, why())


async def places(pool: Pool, sku: str) -> dict[tuple[str, str], int]:
    rows = await pool.fetch(
        "SELECT bin, lot, quantity FROM stock_places WHERE sku = $1 AND quantity > 0", sku
    )
    return {(row["bin"], row["lot"]): row["quantity"] for row in rows}


async def sold(pool: Pool, sku: str, quantity: int) -> tuple[str, str]:
    """An order with so many units allocated at MAIN; its id and its line's."""
    order_id, line_id = await shelves.order(pool, (sku, quantity))
    async with pool.acquire() as conn, conn.transaction():
        claim = [Allocation(line_id, sku, "MAIN", quantity)]
        await stock.allocate(conn, order_id, claim, f"{order_id}:test")
    return order_id, line_id


async def test_the_database_refuses_a_sum_that_is_wrong(pool: Pool) -> None:
    await build(pool, "A")
    await receive(pool, goods.Goods("A", 5, "A"))
    with pytest.raises(asyncpg.CheckViolationError, match="do not agree"):
        await pool.execute("UPDATE stock_levels SET placed = 4")
    with pytest.raises(asyncpg.CheckViolationError, match="do not agree"):
        await pool.execute("UPDATE stock_places SET quantity = 6")
    with pytest.raises(asyncpg.CheckViolationError, match="placed_within_on_hand"):
        await pool.execute("UPDATE stock_levels SET on_hand = 4")
    with pytest.raises(asyncpg.RestrictViolationError, match="append-only"):
        await pool.execute("DELETE FROM place_movements")
    await everything_agrees(pool)


async def test_the_database_refuses_goods_in_quarantine_that_are_for_sale(pool: Pool) -> None:
    await build(pool, "A")
    await receive(pool, goods.Goods("A", 5, "Q"))
    with pytest.raises(asyncpg.CheckViolationError, match="do not agree"):
        await pool.execute("UPDATE stock_levels SET quarantined = 4")


async def test_what_is_shipped_is_drawn_first_expired_first(pool: Pool) -> None:
    await build(pool, "M", lots=True)
    soon, late = TODAY + timedelta(days=5), TODAY + timedelta(days=50)
    await receive(
        pool,
        goods.Goods("M", 3, "A", "LATE", late),
        goods.Goods("M", 3, "B", "SOON", soon),
        goods.Goods("M", 3, "A", "SOON", soon),
    )
    order_id, line_id = await sold(pool, "M", 7)
    async with pool.acquire() as conn, conn.transaction():
        await stock.ship(conn, order_id, "MAIN", Counter({line_id: 4}), "ship-1")
    assert await places(pool, "M") == {("A", "LATE"): 3, ("B", "SOON"): 2}
    async with pool.acquire() as conn, conn.transaction():
        await stock.report_missing(conn, order_id, "MAIN", Counter({line_id: 3}), "short-1")
    assert await places(pool, "M") == {("A", "LATE"): 2}
    rows = await pool.fetch(
        "SELECT DISTINCT kind, order_id, line_id FROM place_movements WHERE quantity < 0"
    )
    assert [tuple(row) for row in rows] == [("draw", order_id, line_id)]
    await everything_agrees(pool)


async def test_goods_in_quarantine_are_never_sent_to_a_customer(pool: Pool) -> None:
    await build(pool, "A")
    await receive(pool, goods.Goods("A", 4, "Q"), goods.Goods("A", 3, "A"), goods.Goods("A", 2))
    aside = catalog.Correction("A", "MAIN", "quarantine", damaged=2, quarantined=2)
    async with pool.acquire() as conn, conn.transaction():
        await catalog.correct(conn, [aside], why())
    # Four in the quarantine bin, two loose ones that wait as well, three for sale.
    order_id, line_id = await sold(pool, "A", 3)
    async with pool.acquire() as conn, conn.transaction():
        await stock.ship(conn, order_id, "MAIN", Counter({line_id: 3}), "ship-1")
    assert await places(pool, "A") == {("Q", ""): 4}
    await everything_agrees(pool)


async def test_quarantine_that_ends_without_a_bin_comes_out_of_the_quarantine_bins(
    pool: Pool,
) -> None:
    await build(pool, "A")
    await receive(pool, goods.Goods("A", 4, "Q"))
    async with pool.acquire() as conn, conn.transaction():
        await handling.decide(conn, "MAIN", "release", [BinMove("A", 1, to_bin="B")], why())
    assert await places(pool, "A") == {("Q", ""): 3, ("B", ""): 1}
    async with pool.acquire() as conn, conn.transaction():
        await handling.decide(conn, "MAIN", "scrap", [BinMove("A", 3)], why())
    assert await places(pool, "A") == {("B", ""): 1}
    assert await shelves.level(pool, "A") == {"MAIN": (1, 0)}
    await everything_agrees(pool)


async def test_a_picked_unit_is_loose_until_it_leaves_and_after_it_was_canceled(
    pool: Pool,
) -> None:
    await build(pool, "A")
    await receive(pool, goods.Goods("A", 5, "A"))
    order_id, line_id = await shelves.order(pool, ("A", 3))
    orders = OrderActivities(pool)
    [work_id] = (await orders.confirm_order(Confirm(order_id, "confirm", 60))).work
    async with pool.acquire() as conn, conn.transaction():
        found = [picks.Picked(line_id, 3, bin="A")]
        await picks.pick(conn, order_id, work_id, found, CLERK)
    assert await places(pool, "A") == {("A", ""): 2}
    await orders.begin_cancel(Cancel(order_id, "cancel", "tests"))
    assert await places(pool, "A") == {("A", ""): 2}
    async with pool.acquire() as conn, conn.transaction():
        await handling.put_away(conn, "MAIN", [BinMove("A", 3, to_bin="B")], why())
    assert await places(pool, "A") == {("A", ""): 2, ("B", ""): 3}
    assert await shelves.level(pool, "A") == {"MAIN": (5, 0)}
    await everything_agrees(pool)


async def test_two_pickers_at_one_bin_take_what_is_there_and_not_more(pool: Pool) -> None:
    await build(pool, "A")
    await receive(pool, goods.Goods("A", 4, "A"), goods.Goods("A", 6, "B"))
    orders = OrderActivities(pool)
    made = [await shelves.order(pool, ("A", 1)) for _ in range(10)]
    works = [
        (await orders.confirm_order(Confirm(order_id, "confirm", 60))).work[0]
        for order_id, _ in made
    ]

    async def pick(order_id: str, line_id: str, work_id: str) -> str:
        try:
            async with pool.acquire() as conn, conn.transaction():
                found = [picks.Picked(line_id, 1, bin="A")]
                await picks.pick(conn, order_id, work_id, found, CLERK)
        except Refused as refusal:
            return refusal.code
        return "picked"

    said = await asyncio.gather(
        *(
            pick(order_id, line_id, work_id)
            for (order_id, line_id), work_id in zip(made, works, strict=True)
        )
    )
    assert Counter(said) == {"picked": 4, "not_in_bin": 6}
    picked = await pool.fetchval("SELECT sum(picked) FROM fulfillment_order_lines")
    assert picked == 4
    assert await places(pool, "A") == {("B", ""): 6}
    await everything_agrees(pool)


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_whatever_happens_at_once_the_books_of_places_add_up(pool: Pool, seed: int) -> None:
    await build(pool, "A", "B")
    await receive(pool, goods.Goods("A", 60, "A"), goods.Goods("B", 60, "B"))
    await receive(pool, goods.Goods("A", 20), goods.Goods("B", 20))
    storm = Storm(pool, random.Random(seed))
    before = await _deadlocks(pool)
    said = await asyncio.gather(
        *(storm.once(storm.anything()) for _ in range(80)),
        *(storm.live() for _ in range(20)),
    )
    assert Counter(said)["done"] > 20
    assert await _deadlocks(pool) == before
    await everything_agrees(pool)


@dataclass
class Storm:
    """Random work on two items, all of it at once."""

    pool: Pool
    chance: random.Random

    async def once(self, work: Work) -> str:
        try:
            async with self.pool.acquire() as conn, conn.transaction():
                await work(conn)
        except Refused as refusal:
            return refusal.code
        return "done"

    def anything(self) -> Work:
        chance = self.chance
        sku, bin_ = chance.choice("AB"), chance.choice(["A", "B", "Q"])
        other, units = chance.choice(["A", "B", "Q"]), chance.randint(1, 6)
        kind = chance.choice(["receive", "put", "move", "decide", "adjust", "count", "two"])
        if kind == "receive":
            line = goods.Goods(sku, units, bin_)
            return lambda conn: goods.receive(conn, "MAIN", [line], why())
        if kind == "put":
            return lambda conn: handling.put_away(
                conn, "MAIN", [BinMove(sku, units, to_bin=bin_)], why()
            )
        if kind in {"move", "two"}:
            # Two items in either order: levels are locked sorted all the same.
            moves = [BinMove(sku, units, bin_, other)]
            moves += [BinMove("B" if sku == "A" else "A", 1, other, bin_)] if kind == "two" else []
            return lambda conn: handling.put_away(conn, "MAIN", moves, why())
        if kind == "decide":
            decision = chance.choice(["quarantine", "release", "condemn", "scrap"])
            where = bin_ if chance.random() < 0.5 else ""
            return lambda conn: handling.decide(
                conn, "MAIN", decision, [BinMove(sku, units, where)], why()
            )
        off = catalog.Correction(sku, "MAIN", "adjust", -units)
        return lambda conn: handling.change(
            conn, [handling.Change(off, chance.choice(["", bin_]))], why()
        )

    async def live(self) -> str:
        """An order that is picked short, and shipped or canceled."""
        sku, quantity = self.chance.choice("AB"), self.chance.randint(1, 5)
        bin_, orders = self.chance.choice("AB"), OrderActivities(self.pool)
        order_id, line_id = await shelves.order(self.pool, (sku, quantity))
        confirmed = await orders.confirm_order(Confirm(order_id, "confirm", 60))
        if not confirmed.work:
            return "waiting"
        found = [picks.Picked(line_id, quantity - 1, "lost", bin=bin_)]
        [work_id] = confirmed.work
        said = await self.once(lambda conn: picks.pick(conn, order_id, work_id, found, CLERK))
        if said == "done" and quantity > 2:
            units = Counter({line_id: quantity - 1})
            cause = f"{order_id}:ship"
            return await self.once(lambda conn: stock.ship(conn, order_id, "MAIN", units, cause))
        await orders.begin_cancel(Cancel(order_id, "cancel", "tests"))
        return said


async def _deadlocks(pool: Pool) -> int:
    await pool.execute("SELECT pg_stat_force_next_flush()")
    query = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    return int(await pool.fetchval(query))


async def test_expiry_running_twice_at_once_moves_each_unit_once(pool: Pool) -> None:
    await build(pool, "M", lots=True)
    tomorrow = TODAY + timedelta(days=1)
    await receive(pool, goods.Goods("M", 5, "A", "L", tomorrow))

    async def run() -> int:
        async with pool.acquire() as conn, conn.transaction():
            found = await expire_lots(conn, tomorrow + timedelta(days=1))
            return sum(row["quantity"] for row in found.moved)

    assert sorted(await asyncio.gather(*(run() for _ in range(4)))) == [0, 0, 0, 5]
    assert await places(pool, "M") == {("Q", "L"): 5}
    await everything_agrees(pool)


async def test_expired_lots_of_many_shelves_leave_in_slices(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expiry, "_SLICE", 1)
    await build(pool, "M", "N", lots=True)
    for sku in ("M", "N"):
        await receive(pool, goods.Goods(sku, 5, "A", "L", datetime.now(UTC).date()))
    await pool.execute("UPDATE lots SET expires_on = expires_on - 9")
    found = await expiry.expire_in_slices(pool, "expire:test")
    assert [(row["sku"], row["quantity"]) for row in found.moved] == [("M", 5), ("N", 5)]
    rows = await pool.fetch("SELECT sku, xmin FROM stock_levels")
    assert len({row["xmin"] for row in rows}) == 2
    await everything_agrees(pool)


async def test_two_approvals_at_once_book_a_difference_once(pool: Pool) -> None:
    await build(pool, "A")
    await receive(pool, goods.Goods("A", 5, "A"))
    counter = cycle_counts.Person("counter", "key_1")
    async with pool.acquire() as conn, conn.transaction():
        await cycle_counts.create(conn, "cnt_1", cycle_counts.Sheet("MAIN", ["A"]), counter)
        seen = [cycle_counts.Counted("A", "A", "", 3)]
        await cycle_counts.report(conn, "cnt_1", seen, counter)

    async def approve(number: int) -> str:
        boss = cycle_counts.Person(f"boss {number}", f"key_boss_{number}")
        try:
            async with pool.acquire() as conn, conn.transaction():
                await cycle_counts.decide(conn, "cnt_1", "approve", None, boss, None)
        except Refused as refusal:
            return refusal.code
        return "approved"

    said = await asyncio.gather(*(approve(number) for number in range(4)))
    assert Counter(said) == {"approved": 1, "count_closed": 3}
    assert await places(pool, "A") == {("A", ""): 3}
    await everything_agrees(pool)
