"""Items, warehouses, and movements of stock."""

from typing import Annotated, Literal

from pydantic import Field

from api.schemas.fields import (
    Code,
    Country,
    Day,
    LongName,
    Name,
    Note,
    Quantity,
    Reference,
    Serials,
    ShortText,
    Sku,
    Strict,
    When,
)
from api.schemas.sourcing import DestinationIn

Size = Annotated[int, Field(ge=0, le=100_000_000)]
Lines = Field(min_length=1, max_length=1_000)


class ItemIn(Strict):
    """What the shop sells: grams and millimetres.

    `lot_tracked` and `serial_tracked` stay as they are when left out, and begin before any stock.
    """

    name: LongName
    weight_g: Size = 0
    length_mm: Size = 0
    width_mm: Size = 0
    height_mm: Size = 0
    hs_code: Annotated[str, Field(pattern=r"^[0-9]{4}([0-9. ]{0,8}[0-9])?$")] | None = None
    origin: Country | None = None
    category: Name | None = None
    lot_tracked: bool | None = None
    serial_tracked: bool | None = None


class WarehouseIn(Strict):
    """Where goods lie. A lower `priority` is preferred, where the rules of sourcing ask for it."""

    name: Name
    country: Country
    city: ShortText
    postal_code: Annotated[str, Field(max_length=20, pattern=r"^[^\x00]*$")] = ""
    line1: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")] = ""
    kind: Literal["own", "3pl", "dropship"]
    priority: Annotated[int, Field(ge=0, le=1_000_000)] = 100


# Why people correct stock, for reports; `note` tells the rest.
ReasonCode = Literal[
    "broken",
    "customer_return",
    "data_entry",
    "expired",
    "found",
    "internal_use",
    "lost",
    "quality",
    "sample",
    "supplier_error",
    "theft",
    "write_off",
    "other",
]


class StockLineIn(Strict):
    """Units of an item: of which lot and which pieces, where the item wants that."""

    sku: Sku
    quantity: Quantity
    bin: Code | None = None
    lot: Code | None = None
    serials: Serials = Field(default_factory=list)


class ReceivedLineIn(StockLineIn):
    """Units that came in; goods of a lot without a bin lie in the first one for what comes in."""

    expires_on: Day | None = None


class ReceiptIn(Strict):
    """Goods that came in."""

    warehouse: Code
    reference: Reference
    lines: Annotated[list[ReceivedLineIn], Lines]
    occurred_at: When | None = None


class AdjustedLineIn(Strict):
    """A correction: `quantity` is added to (or taken off) units on hand, or another counter.

    `quarantined` sets units aside, so that `damaged` rises with it. Bin, lot and serial numbers
    tell which units on hand were found, or are gone.
    """

    sku: Sku
    quantity: Annotated[int, Field(ge=-1_000_000, le=1_000_000)]
    counter: Literal["on_hand", "damaged", "safety", "quarantined"] = "on_hand"
    bin: Code | None = None
    lot: Code | None = None
    serials: Serials = Field(default_factory=list)


class AdjustmentIn(Strict):
    """A correction with its reason: in words, or by a code with a note."""

    warehouse: Code
    reason: Name | None = None
    reason_code: ReasonCode | None = None
    note: Note | None = None
    lines: Annotated[list[AdjustedLineIn], Lines]
    occurred_at: When | None = None


class CountedLineIn(Strict):
    """What is really on the shelf."""

    sku: Sku
    counted: Annotated[int, Field(ge=0, le=1_000_000_000)]


class CountIn(Strict):
    """A count; the difference to the books is corrected."""

    warehouse: Code
    reason: Name | None = None
    lines: Annotated[list[CountedLineIn], Lines]
    occurred_at: When | None = None


class TransferIn(Strict):
    """Goods moved from one warehouse to another: at once, or received later (`in_transit`).

    A line's bin is the one that the goods leave.
    """

    from_warehouse: Code
    to_warehouse: Code
    reference: Reference
    lines: Annotated[list[StockLineIn], Lines]
    in_transit: bool = False
    occurred_at: When | None = None


class HeldLineIn(Strict):
    """Units of an item, wherever they lie."""

    sku: Sku
    quantity: Quantity


class StockHoldIn(Strict):
    """Units that a checkout wants to keep; without `expires_in_seconds`, as the shop does.

    With a `destination` they are kept where the order would be shipped from.
    """

    reference: Reference | None = None
    lines: Annotated[list[HeldLineIn], Field(min_length=1, max_length=500)]
    destination: DestinationIn | None = None
    expires_in_seconds: Annotated[int, Field(ge=1, le=31_536_000)] | None = None


class ExtendHoldIn(Strict):
    """Keep the units for that long from now."""

    expires_in_seconds: Annotated[int, Field(ge=1, le=31_536_000)] | None = None
