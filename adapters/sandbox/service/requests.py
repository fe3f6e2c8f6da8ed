"""The bodies the service accepts. What does not fit is 422, with a pointer to the field."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
)
from pydantic import StrictInt as Int

from domain.errors import UnknownCurrency
from domain.money import exponent
from domain.states import TrackingStatus

# Far above any order, far below what SQLite's integers hold.
_MOST = 10**15


def _storable(value: str) -> str:
    # JSON can spell half of a surrogate pair, which is no text and cannot be stored.
    if any("\ud800" <= character <= "\udfff" for character in value):
        message = "not valid text"
        raise ValueError(message)
    return value


def _currency(value: str) -> str:
    try:
        exponent(value)
    except UnknownCurrency:
        message = "not an ISO 4217 currency"
        raise ValueError(message) from None
    return value


def _moment(value: Any) -> datetime:  # noqa: ANN401 - whatever the JSON holds
    message = "not an RFC 3339 time with an offset"
    try:
        moment = datetime.fromisoformat(value)
        in_utc = moment.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(message) from None
    if moment.tzinfo is None:
        raise ValueError(message)
    return in_utc


Text = Annotated[str, Field(max_length=500), AfterValidator(_storable)]
Id = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_storable)]
Moment = Annotated[datetime, BeforeValidator(_moment)]


class Body(BaseModel):
    """Unknown fields are refused: a misspelt `occurred_at` must not pass unseen."""

    model_config = ConfigDict(extra="forbid")


class MoneyBody(Body):
    """An amount above zero, in minor units."""

    amount: Annotated[Int, Field(gt=0, le=_MOST)]
    currency: Annotated[str, AfterValidator(_currency)]


class AuthorizeBody(Body):
    """`POST /payments`. `order` and `payment` are the shop's own ids."""

    order: Id
    payment: Id
    method: Literal["card", "wallet", "bank_transfer", "cash_on_delivery", "voucher"]
    amount: MoneyBody
    token: Text | None = None
    capture: StrictBool = False
    return_url: Annotated[str, Field(pattern="^https?://", max_length=2000)] | None = None


class SettleBody(Body):
    """`POST /payments/{id}/captures`, `/voids`, `/refunds`; without an amount all that is left."""

    amount: MoneyBody | None = None


class ConfirmBody(Body):
    """`POST /payments/{id}/confirm`."""

    outcome: Literal["succeed", "fail"]
    occurred_at: Moment | None = None


class ExpireBody(Body):
    """`POST /payments/{id}/expire`."""

    occurred_at: Moment | None = None


class AddressBody(Body):
    """A postal address."""

    name: Text
    line1: Text
    city: Text
    country: Annotated[str, Field(pattern="^[A-Z]{2}$")]
    postal_code: Text = ""
    line2: Text = ""
    region: Text = ""
    company: Text = ""
    phone: Text = ""


class ParcelBody(Body):
    """One box: grams and millimetres."""

    weight_g: Annotated[Int, Field(gt=0, le=10**6)]
    length_mm: Annotated[Int, Field(ge=0, le=10**5)]
    width_mm: Annotated[Int, Field(ge=0, le=10**5)]
    height_mm: Annotated[Int, Field(ge=0, le=10**5)]


class LabelBody(Body):
    """`POST /labels`. The label is priced in the currency of `value`."""

    order: Id
    shipment: Id
    service: Id
    origin: AddressBody
    destination: AddressBody
    parcel: ParcelBody
    value: "ValueBody"


class ValueBody(Body):
    """What the goods are worth; a free gift is worth nothing."""

    amount: Annotated[Int, Field(ge=0, le=_MOST)]
    currency: Annotated[str, AfterValidator(_currency)]


class AdvanceBody(Body):
    """`POST /parcels/{tracking_number}/advance`."""

    status: TrackingStatus
    occurred_at: Moment | None = None
    location: Text | None = None
    signed_by: Text | None = None
