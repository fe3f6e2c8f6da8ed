"""What an order costs: lines, discounts, tax and the grand total, from quoted prices alone.

All amounts are integers of minor units of one currency. Rates are basis points (2000 is 20%).
Rounding is half away from zero, per line, as most tax authorities accept; the order's tax is the
sum of its lines' taxes, so that the document adds up.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from domain.errors import KervanError
from domain.money import apportion

_WHOLE_BP = 10_000


class DiscountTooLarge(KervanError):
    """A discount is larger than what it is taken from; `index` is its place in the order."""

    code = "discount_too_large"

    def __init__(self, index: int) -> None:
        super().__init__(f"discount {index} exceeds what it is taken from")
        self.index = index


@dataclass(frozen=True, slots=True)
class QuotedLine:
    """A line as the storefront quoted it."""

    quantity: int
    unit_price: int
    tax_rate_bp: int = 0


@dataclass(frozen=True, slots=True)
class QuotedDiscount:
    """An amount off one line (by its place), or off the whole order's goods."""

    amount: int
    line: int | None = None


@dataclass(frozen=True, slots=True)
class LineTotals:
    """What a line comes to: its share of all discounts, its tax, and what is paid for it.

    `total` has the discounts taken off and the tax in it.
    """

    gross: int
    discount: int
    tax: int
    total: int


@dataclass(frozen=True, slots=True)
class OrderTotals:
    """What an order comes to; `grand_total` is what the tenders have to bring.

    With prices that include tax: subtotal - discount + shipping + surcharge. With prices that do
    not, plus tax.
    """

    lines: tuple[LineTotals, ...]
    subtotal: int
    discount: int
    shipping: int
    surcharge: int
    tax: int
    grand_total: int


def tax_within(amount: int, rate_bp: int) -> int:
    """The tax that `amount` contains: 2000 of 12000 at 20%."""
    return _round_half_up(amount * rate_bp, _WHOLE_BP + rate_bp)


def tax_on(amount: int, rate_bp: int) -> int:
    """The tax that comes on top of `amount`: 2000 on 10000 at 20%."""
    return _round_half_up(amount * rate_bp, _WHOLE_BP)


def order_totals(
    lines: Sequence[QuotedLine],
    discounts: Sequence[QuotedDiscount] = (),
    *,
    shipping: int = 0,
    shipping_tax_rate_bp: int = 0,
    surcharges: Sequence[int] = (),
    prices_include_tax: bool = True,
) -> OrderTotals:
    """Sum an order up.

    A discount on a line is taken off that line; one on the order is spread over what the lines
    cost after their own discounts, by largest remainder, so that the shares sum to it exactly.
    Surcharges (instalment interest) bear no tax here.

    Raises:
        DiscountTooLarge: a discount would make a line, or the goods, cost less than nothing.

    """
    gross = [line.quantity * line.unit_price for line in lines]
    off = _discounts_by_line(gross, discounts)
    tax_of = tax_within if prices_include_tax else tax_on
    parts = []
    for line, price, discount in zip(lines, gross, off, strict=True):
        net = price - discount
        tax = tax_of(net, line.tax_rate_bp)
        parts.append(LineTotals(price, discount, tax, net if prices_include_tax else net + tax))
    shipping_tax = tax_of(shipping, shipping_tax_rate_bp)
    tax = sum(part.tax for part in parts) + shipping_tax
    subtotal, discount, surcharge = sum(gross), sum(off), sum(surcharges)
    grand_total = subtotal - discount + shipping + surcharge
    if not prices_include_tax:
        grand_total += tax
    return OrderTotals(tuple(parts), subtotal, discount, shipping, surcharge, tax, grand_total)


def _discounts_by_line(gross: Sequence[int], discounts: Sequence[QuotedDiscount]) -> list[int]:
    """Each line's share of all discounts; those on single lines are taken first."""
    left = list(gross)
    for index, discount in enumerate(discounts):
        if discount.line is not None:
            left[discount.line] -= discount.amount
            if left[discount.line] < 0:
                raise DiscountTooLarge(index)
    for index, discount in enumerate(discounts):
        if discount.line is None:
            if discount.amount > sum(left):
                raise DiscountTooLarge(index)
            shares = apportion(discount.amount, left)
            left = [rest - share for rest, share in zip(left, shares, strict=True)]
    return [price - rest for price, rest in zip(gross, left, strict=True)]


def _round_half_up(numerator: int, denominator: int) -> int:
    return (2 * numerator + denominator) // (2 * denominator)
