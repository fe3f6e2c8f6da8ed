"""The money ledger: each fact is booked once, and the tenders' counters are its sums."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from activities.contracts import PaymentResult
from activities.payments import PaymentActivities
from db import payments
from db.new_ids import new_id
from db.pool import Pool
from domain.states import OperationKind, OperationStatus, PaymentStatus
from tests.integration import shelves

K, S = OperationKind, OperationStatus


async def a_tender(pool: Pool, amount: int = 1_000) -> tuple[str, str]:
    """An order with one pending card; both ids."""
    [order_id] = await shelves.order(pool)
    payment_id = new_id("pay")
    await pool.execute(
        "INSERT INTO payments (id, order_id, position, method, provider, token, capture, currency,"
        " amount) VALUES ($1, $2, 0, 'card', 'sandbox', 'tok_visa', 'on_shipment', 'TRY', $3)",
        payment_id,
        order_id,
        amount,
    )
    return order_id, payment_id


async def book(pool: Pool, payment_id: str, kind: OperationKind, amount: int, cause: str) -> None:
    async with pool.acquire() as conn, conn.transaction():
        await payments.book(conn, payments.Booking(kind, payment_id, amount, cause))


async def state(pool: Pool, payment_id: str) -> tuple[str, int, int, int]:
    row = await pool.fetchrow(
        "SELECT status, authorized, captured, refunded FROM payments WHERE id = $1", payment_id
    )
    assert row is not None
    return tuple(row)


async def test_the_counters_follow_the_bookings(pool: Pool) -> None:
    _, pay = await a_tender(pool)
    seen = []
    for kind, amount, cause in (
        (K.AUTHORIZE, 1_000, "a"),
        (K.CAPTURE, 400, "c1"),
        (K.CAPTURE, 600, "c2"),
        (K.REFUND, 100, "r1"),
        (K.REFUND, 900, "r2"),
    ):
        await book(pool, pay, kind, amount, cause)
        seen.append(await state(pool, pay))
    assert seen == [
        ("authorized", 1_000, 0, 0),
        ("partially_paid", 1_000, 400, 0),
        ("paid", 1_000, 1_000, 0),
        ("partially_refunded", 1_000, 1_000, 100),
        ("refunded", 1_000, 1_000, 1_000),
    ]


async def test_a_fact_that_is_told_twice_counts_once(pool: Pool) -> None:
    _, pay = await a_tender(pool)
    await book(pool, pay, K.AUTHORIZE, 1_000, "a")
    await asyncio.gather(*(book(pool, pay, K.CAPTURE, 400, "c1") for _ in range(8)))
    assert await state(pool, pay) == ("partially_paid", 1_000, 400, 0)
    assert await pool.fetchval("SELECT count(*) FROM money_ledger") == 2


async def test_a_void_leaves_nothing_to_be_captured(pool: Pool) -> None:
    _, pay = await a_tender(pool)
    await book(pool, pay, K.AUTHORIZE, 1_000, "a")
    await book(pool, pay, K.VOID, 1_000, "v")
    assert (await state(pool, pay))[0] == "voided"
    with pytest.raises(Exception, match="voided does not lead to paid"):
        await book(pool, pay, K.CAPTURE, 1_000, "c")
    assert (await state(pool, pay))[0] == "voided"


async def test_an_authorization_that_ran_out_leaves_what_was_captured(pool: Pool) -> None:
    _, pay = await a_tender(pool)
    await book(pool, pay, K.AUTHORIZE, 1_000, "a")
    await book(pool, pay, K.CAPTURE, 400, "c")
    async with pool.acquire() as conn, conn.transaction():
        await payments.fail(conn, pay, "ran_out", PaymentStatus.EXPIRED)
    assert await state(pool, pay) == ("partially_paid", 400, 400, 0)
    rows = await pool.fetch("SELECT kind, amount FROM money_ledger ORDER BY id")
    assert [tuple(row) for row in rows] == [
        ("authorize", 1_000), ("capture", 400), ("expire", 600),
    ]  # fmt: skip


def result(order_id: str, payment_id: str, status: OperationStatus, **more: Any) -> PaymentResult:
    given: dict[str, Any] = {"kind": K.AUTHORIZE, "amount": 1_000, "provider_ref": "ref-1"} | more
    return PaymentResult(order_id, payment_id, f"{payment_id}-authorize", status=status, **given)


@pytest.mark.parametrize(
    ("ends", "status"),
    [
        ([S.SUCCEEDED], "authorized"),
        ([S.FAILED], "failed"),
        ([S.ACTION_REQUIRED], "pending"),
        ([S.ACTION_REQUIRED, S.SUCCEEDED], "authorized"),
        ([S.ACTION_REQUIRED, S.FAILED], "failed"),
        ([S.UNKNOWN, S.SUCCEEDED], "authorized"),
        ([S.UNKNOWN, S.FAILED], "failed"),
        ([S.UNKNOWN, S.ACTION_REQUIRED, S.SUCCEEDED], "authorized"),
        # A webhook can be faster than the answer to the call itself.
        ([S.SUCCEEDED, S.ACTION_REQUIRED], "authorized"),
        ([S.SUCCEEDED, S.SUCCEEDED], "authorized"),
    ],
)
async def test_an_operation_comes_to_its_end_once(
    pool: Pool, ends: list[OperationStatus], status: str
) -> None:
    order_id, pay = await a_tender(pool)
    async with pool.acquire() as conn:
        row = await payments.for_call(conn, pay)
        await payments.request_operation(
            conn, f"{pay}-authorize", row, K.AUTHORIZE, "authorize", 1_000
        )
    steps = PaymentActivities(pool, {}, "")
    for end in ends:
        for _ in range(2):
            await steps.record_payment(result(order_id, pay, end))
    assert (await state(pool, pay))[0] == status
    booked = await pool.fetchval("SELECT count(*) FROM money_ledger WHERE kind = 'authorize'")
    assert booked == (1 if status == "authorized" else 0)
    types = [row["type"] for row in await pool.fetch("SELECT type FROM events ORDER BY id")]
    assert len(types) == len(set(types))


async def test_what_is_captured_at_once_is_authorized_and_paid(pool: Pool) -> None:
    order_id, pay = await a_tender(pool)
    async with pool.acquire() as conn:
        row = await payments.for_call(conn, pay)
        await payments.request_operation(
            conn, f"{pay}-authorize", row, K.AUTHORIZE, "authorize", 1_000
        )
    steps = PaymentActivities(pool, {}, "")
    at = datetime(2026, 11, 22, 8, tzinfo=UTC)
    order = await steps.record_payment(
        result(order_id, pay, S.SUCCEEDED, captured=True, occurred_at=at.isoformat())
    )
    assert order.payment_status is PaymentStatus.PAID
    assert await state(pool, pay) == ("paid", 1_000, 1_000, 0)
    rows = await pool.fetch("SELECT kind, amount, occurred_at FROM money_ledger ORDER BY id")
    assert [tuple(row) for row in rows] == [("authorize", 1_000, at), ("capture", 1_000, at)]
