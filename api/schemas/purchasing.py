"""Suppliers, their terms, and orders to them."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from api.schemas.fields import (
    MAX_AMOUNT,
    Code,
    Currency,
    Day,
    Email,
    LocaleTag,
    MoneyIn,
    Name,
    Note,
    Quantity,
    Reference,
    Sku,
    Strict,
    When,
)
from api.schemas.stock import ReceivedLineIn

Days = Annotated[int, Field(ge=0, le=1_000)]
BasisPoints = Annotated[int, Field(ge=0, le=100_000, description="basis points: 500 is 5%")]
ExpectedDay = Annotated[Day, Field(ge=date(1970, 1, 1), le=date(2199, 12, 31))]
_LINES = Field(min_length=1, max_length=500)
LARGEST_TOTAL = MAX_AMOUNT


class SupplierIn(Strict):
    """Whom the shop buys from. Without `email`, orders go out by hand."""

    name: Name
    email: Email | None = None
    locale: LocaleTag = "en"
    currency: Currency
    lead_time_days: Days
    over_delivery_bp: BasisPoints | None = Field(
        default=None, description="more than ordered that is taken; the shop's setting without it"
    )
    active: bool = True


class TermsIn(Strict):
    """How the supplier sells the item: our units, the cost of one of them."""

    supplier_sku: Reference | None = None
    lead_time_days: Days | None = None
    unit_cost: MoneyIn
    moq: Quantity = 1
    pack_size: Quantity = 1
    preferred: bool = False

    @property
    def beyond_amounts(self) -> bool:
        """Whether the least that can be bought costs more than an amount can be."""
        return self.unit_cost.amount * max(self.moq, self.pack_size) > MAX_AMOUNT


class PurchaseLineIn(Strict):
    """Units of an item. Cost and day come from the supplier's terms when they are left out."""

    sku: Sku
    quantity: Quantity
    unit_cost: MoneyIn | None = None
    expected_on: ExpectedDay | None = None


class PurchaseIn(Strict):
    """A draft: its lines, or `from_suggestions` what is low (of `skus`, when they are named)."""

    supplier: Code
    warehouse: Code
    lines: Annotated[list[PurchaseLineIn], _LINES] | None = None
    from_suggestions: bool = False
    skus: Annotated[list[Sku], _LINES] | None = None
    expected_on: ExpectedDay | None = None
    note: Note | None = None


class ApproveIn(Strict):
    """Approve a draft."""

    note: Note | None = None


class SendIn(Strict):
    """Send it: `email` to the supplier, `hand` when the buyer has told the supplier."""

    by: Literal["email", "hand"] = "email"
    note: Note | None = None


class EndPurchaseIn(Strict):
    """Cancel it, or close it short. `reason` is best a stable code."""

    reason: Name
    note: Note | None = None


class LineDayIn(Strict):
    """Another day for an item."""

    sku: Sku
    expected_on: ExpectedDay


class RescheduleIn(Strict):
    """Other days: `expected_on` for all that is still to come, or day by day in `lines`."""

    expected_on: ExpectedDay | None = None
    lines: Annotated[list[LineDayIn], _LINES] | None = None
    note: Note | None = None


class DeliveredLineIn(ReceivedLineIn):
    """Units that came; `damaged` of them cannot be sold. An item of several lots or bins stands
    there once for each.
    """

    damaged: Annotated[int, Field(ge=0, le=1_000_000)] = 0


class DeliveryIn(Strict):
    """A delivery. `reference` is the delivery note's number."""

    reference: Reference
    lines: Annotated[list[DeliveredLineIn], _LINES]
    accept_over_delivery: bool = False
    occurred_at: When | None = None
