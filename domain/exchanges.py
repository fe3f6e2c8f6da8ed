"""Goods sent in place of others: an order of its own, which the others pay for. Pure.

The new order is promised what the goods are worth that come back, and begins at once, so that its
stock is there; it leaves when the goods are handed over or accepted, as the rules say. What they
turn out not to be worth the customer owes, and what the new order does not need they get back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from domain.edits import Delivery, NewUnits, Priced, Sums
from domain.errors import Refused
from domain.returns import Return
from domain.states import RETURN, ExchangeStatus, ReturnStage
from domain.totals import QuotedLine, order_totals, tax_within


class Send(StrEnum):
    """When the new order may leave. `at_once`: nothing has to come back."""

    AT_ONCE = "at_once"
    ON_HANDOVER = "on_handover"
    ON_RECEIPT = "on_receipt"


# The goods are with a carrier, or with us.
_HANDED_OVER = frozenset(
    {
        ReturnStage.IN_TRANSIT,
        ReturnStage.PARTIALLY_RECEIVED,
        ReturnStage.RECEIVED,
        ReturnStage.INSPECTED,
        ReturnStage.CLOSED,
    }
)
# It was let, and nobody has said yet what the goods are worth.
_OPEN = _HANDED_OVER - {ReturnStage.INSPECTED, ReturnStage.CLOSED} | {ReturnStage.APPROVED}


@dataclass(frozen=True, slots=True)
class Exchange:
    """An exchange as it stands, in minor units of `currency`.

    `used` is what the new order takes of it, `granted` what the old order has given for that.
    """

    id: str
    order_id: str
    return_id: str
    new_order_id: str
    send: Send
    status: ExchangeStatus
    currency: str
    promised: int
    used: int
    granted: int

    @property
    def decided(self) -> bool:
        """Whether it is known what the goods were worth."""
        return self.status is not ExchangeStatus.PROMISED

    @property
    def unpaid(self) -> int:
        """What the new order took, and the goods were not worth."""
        return self.used - self.granted if self.decided else 0

    def may_leave(self, stage: ReturnStage | None) -> bool:
        """Whether the new order need not wait for the goods; `stage` of their return."""
        if self.decided:
            return self.status is ExchangeStatus.GRANTED
        return self.send is Send.ON_HANDOVER and stage in _HANDED_OVER


def can_exchange(ret: Return) -> None:
    """Send something in place of what comes back: until it is known what that is worth.

    Raises:
        Refused: the return was not let yet, was inspected, or is over.

    """
    if ret.status not in _OPEN:
        code = "return_not_open" if RETURN[ret.status] else "return_closed"
        detail = f"A return that is {ret.status} cannot be exchanged."
        raise Refused(code, detail, status=ret.status)


# -- the new order -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Goods:
    """A line of the new order: discount off, tax included in `total`."""

    sku: str
    name: str
    quantity: int
    unit_price: int
    tax_rate_bp: int
    out_of_stock: str | None
    discount: int
    tax: int
    total: int


def same_again(line: Priced, quantity: int, worth: int, *, prices_include_tax: bool) -> Goods:
    """Units of a line once more, for what was paid for them: `worth`, discounts off."""
    gross = quantity * line.unit_price
    tax = tax_within(worth, line.tax_rate_bp)
    net = worth if prices_include_tax else min(gross, worth - tax)
    return Goods(
        line.sku,
        line.name,
        quantity,
        line.unit_price,
        line.tax_rate_bp,
        line.out_of_stock,
        gross - net,
        tax if prices_include_tax else worth - net,
        worth,
    )


def another(new: NewUnits, *, prices_include_tax: bool) -> Goods:
    """Units of another item, at its price."""
    totals = order_totals(
        [QuotedLine(new.quantity, new.unit_price, new.tax_rate_bp)],
        prices_include_tax=prices_include_tax,
    )
    return Goods(
        new.sku,
        new.name,
        new.quantity,
        new.unit_price,
        new.tax_rate_bp,
        new.out_of_stock,
        0,
        totals.tax,
        totals.grand_total,
    )


def sums_of(goods: Sequence[Goods], delivery: Delivery, *, prices_include_tax: bool) -> Sums:
    """What the new order comes to."""
    sent = order_totals(
        [],
        shipping=delivery.price,
        shipping_tax_rate_bp=delivery.tax_rate_bp,
        prices_include_tax=prices_include_tax,
    )
    return Sums(
        subtotal=sum(one.quantity * one.unit_price for one in goods),
        discount=sum(one.discount for one in goods),
        shipping=delivery.price,
        surcharge=0,
        tax=sum(one.tax for one in goods) + sent.tax,
        grand_total=sum(one.total for one in goods) + sent.grand_total,
        prices_include_tax=prices_include_tax,
        shipping_tax=sent.tax,
    )
