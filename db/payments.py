"""Tenders, the operations asked of providers, and the money ledger."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from db.pool import Connection, Pool
from db.sql import queries
from domain.errors import NotFound
from domain.states import (
    OPERATION,
    PAYMENT,
    OperationKind,
    OperationStatus,
    PaymentStatus,
    advance,
)

_SQL = queries("payments")
_ENDED = frozenset({OperationStatus.SUCCEEDED, OperationStatus.FAILED})


@dataclass(frozen=True, slots=True)
class PaymentRow:
    """A tender with its secret token, for the adapter's call."""

    id: str
    order_id: str
    method: str
    provider: str
    token: str | None
    capture: str
    currency: str
    amount: int
    authorized: int
    captured: int
    refunded: int
    provider_ref: str
    status: str


@dataclass(frozen=True, slots=True)
class Money:
    """The counters of one tender, in minor units of `currency`."""

    id: str
    order_id: str
    currency: str
    amount: int
    authorized: int
    captured: int
    refunded: int
    status: PaymentStatus


async def for_call(conn: Connection | Pool, payment_id: str) -> PaymentRow:
    """The tender as an adapter needs it."""
    row = await conn.fetchrow(_SQL["payment_for_call"], payment_id)
    assert row is not None, payment_id  # noqa: S101 - payments are never deleted
    return PaymentRow(**row)


async def request_operation(
    conn: Connection | Pool,
    operation_id: str,
    payment: PaymentRow,
    kind: OperationKind,
    cause: str,
    amount: int,
) -> bool:
    """Write down what is going to be asked, before it is asked. False when it was before: then
    it may have been sent.
    """
    return bool(
        await conn.fetchval(
            _SQL["request_operation"],
            operation_id,
            payment.id,
            payment.order_id,
            kind,
            cause,
            amount,
        )
    )


async def keep_client_action(
    conn: Connection | Pool, payment_id: str, action: Mapping[str, str] | None
) -> None:
    """Keep what the customer has to do (a page to open, an account to pay to)."""
    await conn.execute(_SQL["keep_client_action"], payment_id, dict(action or {}))


async def settle_operation(
    conn: Connection,
    operation_id: str,
    status: OperationStatus,
    provider_ref: str | None,
    reason: str | None,
) -> bool:
    """Write how an operation ended. False when that was known already."""
    current = await conn.fetchval(_SQL["operation_status"], operation_id)
    if current is None or current == status or current in _ENDED:
        # How it ended counts once: its webhook may be faster than the answer to the call itself.
        return False
    advance(OPERATION, OperationStatus(current), status)
    await conn.execute(
        _SQL["settle_operation"], operation_id, status, provider_ref or None, reason or None
    )
    return True


@dataclass(frozen=True, slots=True)
class Booking:
    """A fact about money at a provider. `cause` is the operation's id: a fact counts once.

    `more_to_come`: what is reserved may still be taken, after all that was taken went back.
    """

    kind: OperationKind
    payment_id: str
    amount: int
    cause: str
    provider_ref: str = ""
    captured: bool = False
    expires_at: datetime | None = None
    occurred_at: datetime | None = None
    more_to_come: bool = False


async def book(conn: Connection, booking: Booking) -> None:
    """Bring a fact into the ledger and the tender's counters."""
    money = await _locked(conn, booking.payment_id)
    if not await _enter(conn, money, booking.kind, booking.amount, booking):
        return
    if booking.kind is OperationKind.AUTHORIZE:
        # A renewal after a partial capture adds to what was captured, which keeps its status.
        target = PaymentStatus.AUTHORIZED if not money.captured else money.status
        changed = replace(
            money,
            authorized=money.captured + booking.amount,
            status=advance(PAYMENT, money.status, target),
        )
        if booking.captured:
            await _enter(conn, money, OperationKind.CAPTURE, booking.amount, booking)
            changed = replace(changed, captured=booking.amount, status=PaymentStatus.PAID)
    elif booking.kind is OperationKind.CAPTURE:
        captured = money.captured + booking.amount
        full = captured >= money.authorized
        target = PaymentStatus.PAID if full else PaymentStatus.PARTIALLY_PAID
        if money.refunded:
            # Goodwill for what had arrived; now the rest is taken.
            target = PaymentStatus.PARTIALLY_REFUNDED
        changed = replace(money, captured=captured, status=advance(PAYMENT, money.status, target))
    elif booking.kind is OperationKind.REFUND:
        refunded = money.refunded + booking.amount
        full = refunded >= money.captured and not booking.more_to_come
        target = PaymentStatus.REFUNDED if full else PaymentStatus.PARTIALLY_REFUNDED
        changed = replace(money, refunded=refunded, status=advance(PAYMENT, money.status, target))
    else:
        changed = replace(money, status=advance(PAYMENT, money.status, PaymentStatus.VOIDED))
    await _save(conn, changed, booking.provider_ref, None, booking.expires_at)


async def fail(
    conn: Connection,
    payment_id: str,
    reason: str,
    status: PaymentStatus = PaymentStatus.FAILED,
    *,
    cause: str = "",
) -> None:
    """A tender that brings nothing (more): declined, refused, given up, or run out.

    `cause` tells one running out of a renewed tender from the next in the ledger.
    """
    money = await _locked(conn, payment_id)
    changed = money
    if not money.captured:
        changed = replace(money, status=advance(PAYMENT, money.status, status))
    if status is PaymentStatus.EXPIRED and money.authorized > money.captured:
        await conn.fetchval(
            _SQL["book"],
            money.order_id,
            money.id,
            "expire",
            money.authorized - money.captured,
            money.currency,
            f"expired:{cause}",
            None,
        )
        changed = replace(changed, authorized=money.captured)
    await _save(conn, changed, "", reason, None)


async def settle_zero_tenders(conn: Connection, order_id: str) -> None:
    """Tenders of zero are paid without asking anybody."""
    await conn.execute(_SQL["settle_zero_tenders"], order_id)


async def order_of(conn: Connection, payment_id: str) -> str:
    """The order that a tender belongs to."""
    order_id = await conn.fetchval(_SQL["order_of_payment"], payment_id)
    if order_id is None:
        message = f"There is no payment {payment_id}."
        raise NotFound(message)
    return str(order_id)


async def keep_reference(conn: Connection, payment_id: str, provider_ref: str) -> None:
    """The provider's name for a payment that waits for the customer."""
    await conn.execute(_SQL["keep_reference"], payment_id, provider_ref or None)


async def being_refunded(conn: Connection, payment_id: str) -> int:
    """What a provider was asked to give back, and has not told the end of (minor units)."""
    amount: int = await conn.fetchval(_SQL["being_refunded"], payment_id)
    return amount


async def mark_refunded(conn: Connection, order_id: str) -> None:
    """The money of canceled units went back: write it on their lines."""
    await conn.execute(_SQL["mark_refunded"], order_id)


async def _locked(conn: Connection, payment_id: str) -> Money:
    row = await conn.fetchrow(_SQL["payment_for_update"], payment_id)
    assert row is not None, payment_id  # noqa: S101 - payments are never deleted
    return Money(**dict(row) | {"status": PaymentStatus(row["status"])})


async def _enter(
    conn: Connection, money: Money, kind: OperationKind, amount: int, booking: Booking
) -> bool:
    entered = await conn.fetchval(
        _SQL["book"],
        money.order_id,
        money.id,
        kind,
        amount,
        money.currency,
        booking.cause,
        booking.occurred_at,
    )
    return entered is not None


async def _save(
    conn: Connection, money: Money, ref: str, failure: str | None, expires_at: datetime | None
) -> None:
    await conn.execute(
        _SQL["save_payment"],
        money.id,
        money.status,
        money.authorized,
        money.captured,
        money.refunded,
        ref or None,
        failure,
        expires_at,
    )
