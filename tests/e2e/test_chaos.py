"""A short storm over a private stack: everything is killed once, and nothing is lost."""

import random
from pathlib import Path

import pytest

from db.pool import Pool
from ops.chaos.frame import Plan
from ops.chaos.proof import books
from ops.chaos.run import chaos
from ops.chaos.scripts import SCRIPTS, deal
from ops.chaos.storm import turns
from ops.stack.stack import PARTS


@pytest.mark.timeout(600)
async def test_orders_end_right_whatever_is_killed_meanwhile(data_dir: Path) -> None:
    told: list[str] = []
    report = await chaos(Plan(orders=14, kills=len(PARTS), seed=7), told.append, data_dir)
    assert report.broken == [], told
    assert report.accepted == 14
    assert sorted(kill.part for kill in report.kills) == sorted(PARTS)


def test_every_script_is_dealt_before_any_comes_again() -> None:
    dealt = [script.name for script in deal(random.Random(1), len(SCRIPTS))]
    assert sorted(dealt) == sorted(script.name for script in SCRIPTS)


def test_the_same_seed_deals_the_same_orders_and_the_same_blows() -> None:
    first, again = (
        ([s.name for s in deal(random.Random(3), 40)], turns(random.Random(3), 12))
        for _ in range(2)
    )
    assert first == again


async def test_the_books_of_an_empty_shop_are_right(pool: Pool) -> None:
    async with pool.acquire() as connection:
        assert await books(connection, []) == []


async def test_a_counter_that_is_not_the_sum_of_its_movements_is_named(pool: Pool) -> None:
    async with pool.acquire() as connection:
        await connection.execute("""
            INSERT INTO items (sku, name) VALUES ('PEN', 'Pen');
            INSERT INTO warehouses (code, name, country, kind) VALUES ('EAST', 'East', 'TR', 'own');
            INSERT INTO stock_levels (sku, warehouse, on_hand, allocated)
            VALUES ('PEN', 'EAST', 5, 2);
        """)
        wrong = await books(connection, [])
    assert len(wrong) == 2
    assert wrong[0].startswith("1 stock counters that are not the sum of their movements: ")
    assert wrong[1].startswith("1 stock allocated without an order that claims it: ")
