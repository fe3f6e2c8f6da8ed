"""What is wrong with an order beyond the shape of its fields: found all at once, named by field."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from api.errors import FieldError, invalid
from api.schemas.fields import MAX_AMOUNT, MoneyIn, e164
from api.schemas.orders import NEEDS_TOKEN, AddressIn, PlaceOrder
from domain.ports import STORE_CREDIT
from domain.totals import (
    DiscountTooLarge,
    OrderTotals,
    QuotedDiscount,
    QuotedLine,
    order_totals,
)

_CLOCK_SKEW = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Checked:
    """What was worked out while checking: sums, tenders' amounts, numbers in E.164."""

    totals: OrderTotals
    tender_amounts: list[int]
    phone: str | None


def check(order: PlaceOrder, providers: Collection[str], now: datetime) -> Checked:
    """Check an order as a whole.

    Raises:
        Problem: 422 with one entry for each field that is wrong.

    """
    errors = [*_currencies(order), *_phones(order), *_tenders(order, providers)]
    if order.placed_at is not None and order.placed_at > now + _CLOCK_SKEW:
        errors.append(FieldError("/placed_at", "in_the_future", "The order is not placed yet."))
    out_of_place = [*_misplaced_discounts(order)]
    errors += out_of_place
    totals = None if out_of_place else _totals(order, errors)
    amounts: list[int] = []
    if totals is not None and not any(e.code == "currency_mismatch" for e in errors):
        errors += _sums(order, totals)
        amounts = _amounts(order, totals.grand_total, errors)
    if errors or totals is None:
        raise invalid(errors)
    country = order.shipping_address.country
    phone = order.customer.phone if order.customer else None
    return Checked(totals, amounts, e164(phone, country) if phone else None)


def _amounts_of(order: PlaceOrder) -> Iterator[tuple[str, MoneyIn]]:
    for i, line in enumerate(order.lines):
        yield f"/lines/{i}/unit_price", line.unit_price
    yield "/shipping/price", order.shipping.price
    for i, discount in enumerate(order.discounts):
        yield f"/discounts/{i}/amount", discount.amount
    for i, surcharge in enumerate(order.surcharges):
        yield f"/surcharges/{i}/amount", surcharge.amount
    for i, payment in enumerate(order.payments):
        if payment.amount is not None:
            yield f"/payments/{i}/amount", payment.amount
    if order.totals is not None:
        yield "/totals/grand_total", order.totals.grand_total


def _currencies(order: PlaceOrder) -> Iterator[FieldError]:
    for pointer, money in _amounts_of(order):
        if money.currency != order.currency:
            yield FieldError(
                f"{pointer}/currency",
                "currency_mismatch",
                f"The order is in {order.currency}.",
            )


def _phones(order: PlaceOrder) -> Iterator[FieldError]:
    country = order.shipping_address.country
    numbers: list[tuple[str, str | None, str]] = [
        ("/shipping_address/phone", order.shipping_address.phone, country)
    ]
    if order.customer is not None:
        numbers.append(("/customer/phone", order.customer.phone, country))
    if order.billing_address is not None:
        billing: AddressIn = order.billing_address
        numbers.append(("/billing_address/phone", billing.phone, billing.country))
    for pointer, number, region in numbers:
        if number is not None and e164(number, region) is None:
            yield FieldError(pointer, "bad_phone", f"Not a phone number as dialed in {region}.")


def _tenders(order: PlaceOrder, providers: Collection[str]) -> Iterator[FieldError]:
    for i, payment in enumerate(order.payments):
        yield from tender_errors(payment, providers, f"/payments/{i}")


class AnyTender(Protocol):
    """A payment as a request names it."""

    @property
    def method(self) -> str: ...  # noqa: D102 - see the schemas
    @property
    def provider(self) -> str | None: ...  # noqa: D102 - see the schemas
    @property
    def token(self) -> str | None: ...  # noqa: D102 - see the schemas


def tender_errors(
    payment: AnyTender, providers: Collection[str], where: str = ""
) -> Iterator[FieldError]:
    """What is wrong with one payment at `where`: who serves it, and by which token."""
    known = sorted({*providers, STORE_CREDIT})
    if payment.provider is not None and payment.provider not in known:
        detail = f"Configured are: {', '.join(known)}."
        yield FieldError(f"{where}/provider", "unknown_provider", detail)
    if payment.provider == STORE_CREDIT:
        if payment.method != "voucher":
            detail = "Store credit is a voucher."
            yield FieldError(f"{where}/method", "not_allowed", detail)
    elif payment.method in NEEDS_TOKEN and payment.token is None:
        detail = f"A {payment.method} needs a token."
        yield FieldError(f"{where}/token", "token_required", detail)


def _misplaced_discounts(order: PlaceOrder) -> Iterator[FieldError]:
    for i, discount in enumerate(order.discounts):
        if discount.line is not None and discount.line >= len(order.lines):
            yield FieldError(f"/discounts/{i}/line", "unknown_line", "The order has no such line.")


def _totals(order: PlaceOrder, errors: list[FieldError]) -> OrderTotals | None:
    try:
        totals = order_totals(
            [QuotedLine(x.quantity, x.unit_price.amount, x.tax_rate_bp) for x in order.lines],
            [QuotedDiscount(d.amount.amount, d.line) for d in order.discounts],
            shipping=order.shipping.price.amount,
            shipping_tax_rate_bp=order.shipping.tax_rate_bp,
            surcharges=[s.amount.amount for s in order.surcharges],
            prices_include_tax=order.prices_include_tax,
        )
    except DiscountTooLarge as error:
        errors.append(
            FieldError(
                f"/discounts/{error.index}/amount",
                "discount_too_large",
                "The discount is larger than what it is taken from.",
            )
        )
        return None
    # Tax and discount are parts of these two; both have to stay exact in every client.
    if max(totals.subtotal, totals.grand_total) > MAX_AMOUNT:
        errors.append(
            FieldError(
                "/lines",
                "total_too_large",
                "The order's total is beyond 2^53 minor units.",
            )
        )
        return None
    return totals


def _sums(order: PlaceOrder, totals: OrderTotals) -> Iterator[FieldError]:
    if order.totals is not None and order.totals.grand_total.amount != totals.grand_total:
        yield FieldError(
            "/totals/grand_total/amount",
            "total_mismatch",
            f"By its lines the order comes to {totals.grand_total}.",
        )


def _amounts(order: PlaceOrder, grand_total: int, errors: list[FieldError]) -> list[int]:
    """What each tender brings; a single one may leave it to us."""
    payments = order.payments
    if not payments:
        if grand_total:
            errors.append(
                FieldError(
                    "/payments",
                    "payment_required",
                    f"Payments must bring {grand_total}.",
                )
            )
        return []
    if len(payments) == 1 and payments[0].amount is None:
        return [grand_total]
    missing = [i for i, payment in enumerate(payments) if payment.amount is None]
    errors += [
        FieldError(
            f"/payments/{i}/amount",
            "amount_required",
            "With several tenders each has its amount.",
        )
        for i in missing
    ]
    amounts = [payment.amount.amount for payment in payments if payment.amount is not None]
    if not missing and sum(amounts) != grand_total:
        errors.append(
            FieldError(
                "/payments",
                "tender_total_mismatch",
                f"The tenders bring {sum(amounts)}, the order comes to {grand_total}.",
            )
        )
    return amounts
