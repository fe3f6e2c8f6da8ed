"""Items, warehouses, and movements of stock."""

from typing import Annotated, Literal

from pydantic import Field

from api.schemas.fields import (
    Code,
    Country,
    LongName,
    Name,
    Quantity,
    Reference,
    ShortText,
    Sku,
    Strict,
    When,
)
from api.schemas.sourcing import DestinationIn

Size = Annotated[int, Field(ge=0, le=100_000_000)]
Lines = Field(min_length=1, max_length=1_000)


class ItemIn(Strict):
    """What the shop sells: grams and millimetres."""

    name: LongName
    weight_g: Size = 0
    length_mm: Size = 0
    width_mm: Size = 0
    height_mm: Size = 0
    hs_code: Annotated[str, Field(pattern=r"^[0-9]{4}([0-9. ]{0,8}[0-9])?$")] | None = None
    origin: Country | None = None
    category: Name | None = None


class WarehouseIn(Strict):
    """Where goods lie. A lower `priority` is asked first."""

    name: Name
    country: Country
    city: ShortText
    postal_code: Annotated[str, Field(max_length=20, pattern=r"^[^\x00]*$")] = ""
    line1: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")] = ""
    kind: Literal["own", "3pl", "dropship"]
    priority: Annotated[int, Field(ge=0, le=1_000_000)] = 100


class StockLineIn(Strict):
    """Units of an item."""

    sku: Sku
    quantity: Quantity


class ReceiptIn(Strict):
    """Goods that came in."""

    warehouse: Code
    reference: Reference
    lines: Annotated[list[StockLineIn], Lines]
    occurred_at: When | None = None


class AdjustedLineIn(Strict):
    """A correction: `quantity` is added (or taken off) on hand, or to what is damaged or safety."""

    sku: Sku
    quantity: Annotated[int, Field(ge=-1_000_000, le=1_000_000)]
    counter: Literal["on_hand", "damaged", "safety"] = "on_hand"


class AdjustmentIn(Strict):
    """A correction with its reason."""

    warehouse: Code
    reason: Name
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
    """Goods moved from one warehouse to another."""

    from_warehouse: Code
    to_warehouse: Code
    reference: Reference
    lines: Annotated[list[StockLineIn], Lines]
    occurred_at: When | None = None


class StockHoldIn(Strict):
    """Units that a checkout wants to keep; without `expires_in_seconds`, as the shop does.

    With a `destination` they are kept where the order would be shipped from.
    """

    reference: Reference | None = None
    lines: Annotated[list[StockLineIn], Field(min_length=1, max_length=500)]
    destination: DestinationIn | None = None
    expires_in_seconds: Annotated[int, Field(ge=1, le=31_536_000)] | None = None


class ExtendHoldIn(Strict):
    """Keep the units for that long from now."""

    expires_in_seconds: Annotated[int, Field(ge=1, le=31_536_000)] | None = None
