"""What people and warehouses ask of an order, and report about it."""

from typing import Annotated, Literal

from pydantic import Field

from api.schemas.fields import (
    Code,
    Country,
    Currency,
    Id,
    MoneyIn,
    Name,
    Note,
    Quantity,
    Reference,
    Serials,
    Strict,
    When,
)
from api.schemas.orders import Capture, Method, Token

Millimetres = Annotated[int, Field(ge=1, le=100_000)]
Grams = Annotated[int, Field(ge=1, le=100_000_000)]
Scope = Literal["storefront", "support", "warehouse", "reports", "admin"]


class UnitsIn(Strict):
    """Some units of an order line."""

    line_id: Id
    quantity: Quantity


class CancelIn(Strict):
    """Cancel the order, or with `lines` some units of it. `reason` is best a stable code."""

    reason: Name
    lines: Annotated[list[UnitsIn], Field(min_length=1, max_length=500)] | None = None
    note: Note | None = None


class HoldIn(Strict):
    """Stop the order until a person releases it, or until `ends_at`: then `at_end` is done."""

    reason: Literal[
        "awaiting_payment",
        "high_risk_of_fraud",
        "incorrect_address",
        "inventory_out_of_stock",
        "awaiting_return_items",
        "provider_unavailable",
        "other",
    ]
    ends_at: When | None = None
    at_end: Literal["release", "ask_person", "cancel"] = "ask_person"
    note: Note | None = None


class RetryIn(Strict):
    """Try again now what keeps failing; with `code` (of an attention), only that."""

    code: Code | None = None
    note: Note | None = None


class WaiveIn(Strict):
    """Let the customer off what is not paid."""

    reason: Code
    note: Note | None = None


class AddPaymentIn(Strict):
    """Another try, or another method. Without `amount`, for all that is not covered yet."""

    method: Method
    provider: Code | None = None
    token: Token | None = None
    capture: Capture = "on_shipment"
    amount: MoneyIn | None = None
    installments: Annotated[int, Field(ge=1, le=60)] = 1


class NoteIn(Strict):
    """Something a person wants to remember about the order."""

    note: Note


class FeedbackIn(Strict):
    """What the customer says afterwards, once per `reference`."""

    score: Annotated[int, Field(ge=1, le=5)]
    title: Name | None = None
    comment: Note | None = None
    reference: Reference | None = None
    occurred_at: When | None = None


class StartIn(Strict):
    """The warehouse begins."""

    occurred_at: When | None = None


class PickedLineIn(Strict):
    """Units found. With `short_reason`, what is left of the line is missing.

    With a `bin` (and the lot, when several lie there), both are taken off it.
    """

    line_id: Id
    quantity: Annotated[int, Field(ge=0, le=1_000_000)]
    short_reason: Name | None = None
    bin: Code | None = None
    lot: Code | None = None
    serials: Serials = Field(default_factory=list)


class PickIn(Strict):
    """What was found, and what was not."""

    lines: Annotated[list[PickedLineIn], Field(min_length=1, max_length=500)]
    occurred_at: When | None = None


class PackedLineIn(UnitsIn):
    """Units in a parcel; their serial numbers, unless these were told when they were picked."""

    serials: Serials = Field(default_factory=list)


class ParcelIn(Strict):
    """A packed box: its units, grams and millimetres."""

    lines: Annotated[list[PackedLineIn], Field(min_length=1, max_length=500)]
    weight_g: Grams
    length_mm: Millimetres
    width_mm: Millimetres
    height_mm: Millimetres


class PackIn(Strict):
    """Parcels that are packed; packing what was not reported as picked implies the pick."""

    parcels: Annotated[list[ParcelIn], Field(min_length=1, max_length=100)]
    occurred_at: When | None = None


class ShipIn(Strict):
    """Parcels that are handed over: the named ones, or all that wait here."""

    shipment_ids: Annotated[list[Id], Field(max_length=100, default_factory=list)]
    occurred_at: When | None = None


class QuoteLineIn(Strict):
    """What is going to be sent."""

    sku: Reference
    quantity: Quantity


class QuoteIn(Strict):
    """Where to, and what."""

    country: Country
    postal_code: Annotated[str, Field(max_length=20, pattern=r"^[^\x00]*$")] | None = None
    lines: Annotated[list[QuoteLineIn], Field(max_length=500, default_factory=list)]
    currency: Currency | None = None


class ApiKeyIn(Strict):
    """A key for a person or a program."""

    name: Name
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=5)]
