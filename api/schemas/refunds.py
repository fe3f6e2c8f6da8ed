"""Money given back by staff: what is asked, and what is answered."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from api.schemas.answers import MoneyOut, Out
from api.schemas.fields import MoneyIn, Name, Note, Strict
from api.schemas.order_answers import UnitsOut
from api.schemas.requests import UnitsIn
from domain.refunds import Destination, Wanted


class RefundIn(Strict):
    """Give back units that the customer has, shipping, or an amount as goodwill; less a fee.

    `reason` is best a stable code. Amounts are in the order's currency.
    """

    reason: Name
    lines: Annotated[list[UnitsIn], Field(max_length=500)] = Field(default_factory=list)
    shipping: MoneyIn | None = None
    goodwill: MoneyIn | None = None
    fee: MoneyIn | None = None
    to: Literal["original", "store_credit"] = "original"
    note: Note | None = None

    @property
    def wanted(self) -> Wanted:
        """It as the decision knows it; a line that is named twice is asked for the sum."""
        units: dict[str, int] = {}
        for line in self.lines:
            units[line.line_id] = units.get(line.line_id, 0) + line.quantity
        shipping, goodwill, fee = (
            money.amount if money else 0 for money in (self.shipping, self.goodwill, self.fee)
        )
        return Wanted(units, shipping, goodwill, fee, Destination(self.to))


class RefundLineOut(UnitsOut):
    """Units whose money goes back, and their share of the line."""

    amount: MoneyOut


class RefundPartOut(Out):
    """What one tender gives back; `reason` is why it did not at the last try."""

    payment_id: str
    amount: MoneyOut
    status: str
    reason: str | None = None


class RefundPlanOut(Out):
    """What a refund comes to: goods + shipping + goodwill - fee, and from which tenders."""

    to: str
    amount: MoneyOut
    goods: MoneyOut
    shipping: MoneyOut
    goodwill: MoneyOut
    fee: MoneyOut
    lines: list[RefundLineOut]
    parts: list[RefundPartOut]


class RefundOut(RefundPlanOut):
    """A refund: `requested` until every tender has given its part back, then `succeeded`.

    Off a return's goods comes beside the fee what the customer had `already_given` back, or was
    let off, and what they still owed and is `set_off`. `exchanged` is what of the amount paid for
    `exchange_id`; below zero, what that gave back again.
    """

    id: str
    order_id: str
    status: Literal["requested", "succeeded"]
    reason: str
    actor: str
    already_given: MoneyOut
    set_off: MoneyOut
    exchanged: MoneyOut
    exchange_id: str | None
    created_at: datetime
    ended_at: datetime | None


class CreditEntryOut(Out):
    """A part of a customer's store credit, and the order it came from."""

    id: str
    amount: MoneyOut
    order_id: str
    created_at: datetime


class StoreCreditOut(Out):
    """What a customer has to spend, by currency, and the entries it is the sum of, newest first."""

    customer_id: str
    balances: list[MoneyOut]
    items: list[CreditEntryOut]
    next_cursor: str | None
