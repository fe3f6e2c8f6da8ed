"""The database refuses what must never be true, whatever the code does."""

from dataclasses import dataclass

import asyncpg
import pytest
import pytest_asyncio

from db.new_ids import new_id
from db.pool import Pool
from tests.integration import shelves


@dataclass(frozen=True)
class Row:
    """An order of five shirts with a paid card, work, a parcel, and goods on the shelf."""

    pool: Pool
    order: str
    line: str
    payment: str
    work: str
    parcel: str


@pytest_asyncio.fixture
async def row(pool: Pool) -> Row:
    """See `Row`."""
    await shelves.put(pool, "SHIRT", {"MAIN": 5})
    order, line = await shelves.order(pool, ("SHIRT", 5))
    payment, work, parcel = new_id("pay"), new_id("ful"), new_id("shp")
    await pool.execute(
        "INSERT INTO payments (id, order_id, position, method, provider, capture, currency, amount,"
        " authorized, captured, refunded, status) VALUES ($1, $2, 0, 'card', 'sandbox',"
        " 'on_shipment', 'TRY', 1000, 800, 500, 100, 'partially_refunded')",
        payment,
        order,
    )
    await pool.execute(
        "INSERT INTO fulfillment_orders (id, order_id, warehouse, cause)"
        " VALUES ($1, $2, 'MAIN', 'tests')",
        work,
        order,
    )
    await pool.execute(
        "INSERT INTO fulfillment_order_lines (fulfillment_order_id, line_id, sku, quantity, picked,"
        " packed) VALUES ($1, $2, 'SHIRT', 5, 3, 2)",
        work,
        line,
    )
    await pool.execute(
        "INSERT INTO shipments (id, order_id, fulfillment_order_id, provider, tracking_number,"
        " weight_g, length_mm, width_mm, height_mm)"
        " VALUES ($1, $2, $3, 'sandbox', 'SBX1', 1, 1, 1, 1)",
        parcel,
        order,
        work,
    )
    await pool.execute(
        "INSERT INTO money_ledger (order_id, payment_id, kind, amount, currency, cause)"
        " VALUES ($1, $2, 'capture', 500, 'TRY', 'capture-1')",
        order,
        payment,
    )
    await pool.execute(
        "INSERT INTO events (order_id, type, actor, role) VALUES ($1, 'order_placed', 't', 't')",
        order,
    )
    return Row(pool, order, line, payment, work, parcel)


REFUSED = [
    # Per line: ordered = open + allocated + backordered + shipped + canceled.
    ("UPDATE order_lines SET shipped = 1", "every_unit_is_somewhere"),
    ("UPDATE order_lines SET open = 4", "every_unit_is_somewhere"),
    # What was given back is compared with what was shipped, too, and its name comes first.
    ("UPDATE order_lines SET open = 6, shipped = -1", "given_back_was_shipped"),
    ("UPDATE order_lines SET given_back = 1", "given_back_was_shipped"),
    ("UPDATE orders SET credited = -1", "credited_is_not_negative"),
    ("UPDATE payments SET refunding = captured - refunded + 1", "refunding_within_captured"),
    ("UPDATE order_lines SET open = -1, allocated = 6", "order_lines_open_check"),
    ("UPDATE order_lines SET allocated = -1, open = 6", "order_lines_allocated_check"),
    ("UPDATE order_lines SET backordered = -1, open = 6", "order_lines_backordered_check"),
    ("UPDATE order_lines SET canceled = -1, open = 6", "order_lines_canceled_check"),
    ("UPDATE order_lines SET returned = 1", "returned_was_shipped"),
    ("UPDATE order_lines SET refunded = 1", "refunded_was_shipped_or_canceled"),
    ("UPDATE order_lines SET refunded_amount = 1001", "refund_within_share"),
    ("UPDATE order_lines SET quantity = 0, open = 0", "order_lines_quantity_check"),
    # Money: refunded within captured within authorized within the amount.
    ("UPDATE payments SET authorized = 1001", "authorized_within_amount"),
    ("UPDATE payments SET authorized = -1, captured = -1", "authorized_within_amount"),
    ("UPDATE payments SET captured = 801", "captured_within_authorized"),
    ("UPDATE payments SET refunded = 501", "refunded_within_captured"),
    ("UPDATE payments SET refunded = -1", "refunded_within_captured"),
    ("UPDATE payments SET status = 'stolen'", "payments_status_check"),
    # Stock: never oversold, never below zero.
    ("UPDATE stock_levels SET allocated = 6", "never_oversold"),
    ("UPDATE stock_levels SET allocated = 4, damaged = 2", "never_oversold"),
    ("UPDATE stock_levels SET held = 6", "never_oversold"),
    ("UPDATE stock_levels SET on_hand = -1", "never_oversold"),
    ("UPDATE stock_levels SET allocated = -1", "stock_levels_allocated_check"),
    # Work: nothing is picked, packed or shipped that was not asked for.
    ("UPDATE fulfillment_order_lines SET picked = 6", "picked_was_asked"),
    ("UPDATE fulfillment_order_lines SET short = 3", "picked_was_asked"),
    ("UPDATE fulfillment_order_lines SET packed = 4", "packed_was_picked"),
    ("UPDATE fulfillment_order_lines SET shipped = 3", "shipped_was_packed"),
    # States are those of the domain.
    ("UPDATE orders SET status = 'done'", "orders_status_check"),
    ("UPDATE orders SET payment_status = 'done'", "orders_payment_status_check"),
    ("UPDATE orders SET fulfillment_status = 'done'", "orders_fulfillment_status_check"),
    ("UPDATE fulfillment_orders SET status = 'done'", "fulfillment_orders_status_check"),
    ("UPDATE shipments SET status = 'done'", "shipments_status_check"),
    ("UPDATE orders SET grand_total = -1", "orders_grand_total_check"),
]


async def test_a_row_that_breaks_an_invariant_is_refused(row: Row) -> None:
    for change, constraint in REFUSED:
        with pytest.raises(asyncpg.CheckViolationError) as refused:
            await row.pool.execute(change)
        assert refused.value.constraint_name == constraint, change


FORBIDDEN = [
    "UPDATE stock_movements SET on_hand = 6",
    "DELETE FROM stock_movements",
    "UPDATE money_ledger SET amount = 1",
    "DELETE FROM money_ledger",
    "DELETE FROM events",
]


async def test_ledgers_are_only_appended_to(row: Row) -> None:
    for change in FORBIDDEN:
        with pytest.raises(asyncpg.RestrictViolationError):
            await row.pool.execute(change)


async def test_a_booking_counts_once(row: Row) -> None:
    with pytest.raises(asyncpg.UniqueViolationError) as refused:
        await row.pool.execute(
            "INSERT INTO money_ledger (order_id, payment_id, kind, amount, currency, cause)"
            " SELECT order_id, payment_id, kind, amount, currency, cause FROM money_ledger"
        )
    assert refused.value.constraint_name == "each_booking_once"


async def test_a_movement_counts_once(row: Row) -> None:
    with pytest.raises(asyncpg.UniqueViolationError) as refused:
        await row.pool.execute(
            "INSERT INTO stock_movements (sku, warehouse, kind, on_hand, cause, actor)"
            " SELECT sku, warehouse, kind, on_hand, cause, actor FROM stock_movements"
        )
    assert refused.value.constraint_name == "each_movement_once"


SECOND_ORDER = """
    INSERT INTO orders (id, number, channel, channel_order_id, request_hash, currency, locale,
        out_of_stock, ship, shipping_option, subtotal, discount_total, shipping_total, tax_total,
        grand_total, placed_at)
    SELECT 'ord_2', 'K-2', channel, channel_order_id, '', currency, locale, out_of_stock, ship,
        shipping_option, 0, 0, 0, 0, 0, placed_at FROM orders
"""
SECOND_PARCEL = """
    INSERT INTO shipments (id, order_id, fulfillment_order_id, provider, tracking_number, weight_g,
        length_mm, width_mm, height_mm)
    SELECT 'shp_2', order_id, fulfillment_order_id, provider, tracking_number, 1, 1, 1, 1
    FROM shipments
"""
SECOND_TENDER = """
    INSERT INTO payments (id, order_id, position, method, provider, capture, currency, amount)
    SELECT 'pay_2', order_id, position, method, provider, capture, currency, amount FROM payments
"""


COPIES = [
    (SECOND_ORDER, "once_per_channel"),
    (SECOND_PARCEL, "shipments_by_tracking"),
    (SECOND_TENDER, "payments_order_id_position_key"),
]


async def test_what_must_be_unique_is(row: Row) -> None:
    for copy, constraint in COPIES:
        with pytest.raises(asyncpg.UniqueViolationError) as refused:
            await row.pool.execute(copy)
        assert refused.value.constraint_name == constraint


async def test_an_allocated_claim_names_its_warehouse(row: Row) -> None:
    claim = (
        "INSERT INTO reservations (order_id, line_id, sku, warehouse, quantity, status, cause,"
        " queued_at) VALUES ($1, $2, 'SHIRT', $3, 1, $4, 'tests', now())"
    )
    for status in ("allocated", "held", "consumed"):
        with pytest.raises(asyncpg.CheckViolationError):
            await row.pool.execute(claim, row.order, row.line, None, status)
    await row.pool.execute(claim, row.order, row.line, None, "backordered")
    await row.pool.execute(claim, row.order, row.line, "MAIN", "allocated")
