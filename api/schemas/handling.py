"""Bins, put-away, quarantine, pick lists and counts, as the warehouse asks for them."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from api.schemas.fields import (
    Code,
    Day,
    Id,
    Name,
    Note,
    Quantity,
    Serials,
    ShortText,
    Sku,
    Strict,
    When,
)
from api.schemas.stock import Lines, ReasonCode

Units = Annotated[int, Field(ge=0, le=1_000_000)]
Counted = Annotated[int, Field(ge=0, le=1_000_000_000)]


class BinIn(Strict):
    """A place for goods; pickers pass bins by rising `sequence`."""

    zone: ShortText | None = None
    sequence: Annotated[int, Field(ge=0, le=1_000_000_000)] = 0
    kind: Literal["pick", "bulk", "receiving", "quarantine"] = "pick"


class PutawayLineIn(Strict):
    """Units that are in no bin yet, and where they are put."""

    sku: Sku
    quantity: Quantity
    bin: Code
    lot: Code | None = None


class PutawayIn(Strict):
    """Goods are put into bins."""

    warehouse: Code
    lines: Annotated[list[PutawayLineIn], Lines]
    occurred_at: When | None = None


class MovedLineIn(Strict):
    """Units that go from one bin to another; the lot is needed when several lie there."""

    sku: Sku
    quantity: Quantity
    from_bin: Code
    to_bin: Code
    lot: Code | None = None


class MoveIn(Strict):
    """Goods change their bins."""

    warehouse: Code
    reason: Name | None = None
    lines: Annotated[list[MovedLineIn], Lines]
    occurred_at: When | None = None


class AsideLineIn(Strict):
    """Units that are set aside or decided about: the bin they lie in, and the one they go to."""

    sku: Sku
    quantity: Quantity
    bin: Code | None = None
    to_bin: Code | None = None
    lot: Code | None = None


class AsideIn(Strict):
    """Goods that cannot be sold until somebody decides, or the decision."""

    warehouse: Code
    reason_code: ReasonCode = "quality"
    note: Note | None = None
    lines: Annotated[list[AsideLineIn], Lines]
    occurred_at: When | None = None


class ScrappedLineIn(AsideLineIn):
    """Units that leave the books, with the serial numbers they have."""

    serials: Serials = Field(default_factory=list)


class ScrapIn(Strict):
    """Goods are thrown away: those in quarantine, or those condemned before."""

    warehouse: Code
    reason_code: ReasonCode = "write_off"
    note: Note | None = None
    condemned: bool = False
    lines: Annotated[list[ScrappedLineIn], Lines]
    occurred_at: When | None = None


class ExpireIn(Strict):
    """Put what has expired into quarantine; `today` is UTC's day when left out."""

    today: Day | None = None


class PickListIn(Strict):
    """A round for one picker: over named work, or over the most urgent that waits."""

    warehouse: Code
    picker: Name | None = None
    fulfillment_orders: Annotated[list[Id], Field(min_length=1, max_length=100)] | None = None
    max_orders: Annotated[int, Field(ge=1, le=100)] = 20


class FoundIn(Strict):
    """What was found at a stop. With `short_reason` the rest of it is missing.

    `bin` and `lot` tell of another place than the list's.
    """

    task: Annotated[int, Field(ge=1, le=1_000_000)]
    quantity: Units
    short_reason: Name | None = None
    bin: Code | None = None
    lot: Code | None = None
    serials: Serials = Field(default_factory=list)


class PickTasksIn(Strict):
    """What a picker found."""

    tasks: Annotated[list[FoundIn], Field(min_length=1, max_length=500)]
    occurred_at: When | None = None


class EmptyIn(Strict):
    """Nothing has to be said."""


class CycleCountIn(Strict):
    """What is to be counted: bins, items, or the items of a class (A, B, C by units shipped).

    Tolerances are the shop's; a warehouse key can only make them stricter.
    """

    warehouse: Code
    bins: Annotated[list[Code], Field(max_length=500)] = Field(default_factory=list)
    skus: Annotated[list[Sku], Field(max_length=500)] = Field(default_factory=list)
    abc_class: Literal["A", "B", "C"] | None = None
    days: Annotated[int, Field(ge=1, le=3_650)] = 90
    limit: Annotated[int, Field(ge=1, le=1_000)] = 200
    reason: Name | None = None
    tolerance_units: Units | None = None
    tolerance_percent: Annotated[int, Field(ge=0, le=100)] | None = None

    @model_validator(mode="after")
    def _of_something(self) -> Self:
        if not self.bins and not self.skus and self.abc_class is None:
            message = "Say what to count: bins, skus or abc_class."
            raise PydanticCustomError("required", message)
        return self


class CountedPlaceIn(Strict):
    """What is in a place; without a bin, all there is of the item."""

    sku: Sku
    bin: Code | None = None
    lot: Code | None = None
    counted: Counted


class CountedIn(Strict):
    """What was found; `counted_at` is when it was looked at, now when left out."""

    lines: Annotated[list[CountedPlaceIn], Field(max_length=1_000)]
    counted_at: When | None = None


class CountDecisionIn(Strict):
    """Agree to differences, refuse them, or have them counted again: all, or those of lines."""

    lines: Annotated[list[int], Field(min_length=1, max_length=1_000)] | None = None
    note: Note | None = None


class ArrivedLineIn(Strict):
    """Units of a transfer that are there; a difference needs its reason."""

    sku: Sku
    lot: Code | None = None
    quantity: Units
    bin: Code | None = None
    reason: Name | None = None
    serials: Serials | None = None


class TransferReceiptIn(Strict):
    """A transfer arrived; lines that are not named came as they were sent."""

    lines: Annotated[list[ArrivedLineIn], Field(max_length=1_000)] = Field(default_factory=list)
    occurred_at: When | None = None
