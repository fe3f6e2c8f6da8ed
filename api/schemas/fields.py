"""The kinds of values that requests are made of, each with its bounds and its own error code."""

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Annotated, Any

import orjson
import phonenumbers
from babel import Locale, UnknownLocaleError
from email_validator import EmailNotValidError, validate_email
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
)
from pydantic_core import PydanticCustomError

from domain.errors import UnknownCurrency
from domain.money import LARGEST_AMOUNT, exponent

MAX_AMOUNT = LARGEST_AMOUNT
MAX_QUANTITY = 1_000_000
_MAX_METADATA_BYTES = 16_384
_EARLIEST_YEAR = 1970

# PostgreSQL holds no NUL; a code has no control characters and no blank at either end.
_CODE = r"^[^\s\x00-\x1f\x7f](?:[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f])?$"
_TEXT = r"^[^\x00]*[^\s\x00][^\x00]*$"

# CLDR knows more regions than ISO 3166-1 assigns (exceptional reservations and groupings).
_NOT_IN_ISO_3166 = frozenset(
    ("AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "XK", "ZZ")
)
COUNTRIES = (
    frozenset(code for code in map(str, Locale("en").territories) if re.fullmatch("[A-Z]{2}", code))
    - _NOT_IN_ISO_3166
)

# Most addresses are plain, and are recognized without the full grammar of RFC 5321.
_PLAIN_EMAIL = re.compile(
    r"[A-Za-z0-9_%+-]+(?:\.[A-Za-z0-9_%+-]+)*@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+"
    r"[A-Za-z]{2,63}"
)
_MAX_LOCAL_PART = 64
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DATE_AND_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}")


class Strict(BaseModel):
    """Base of all requests: what is not known is refused, nothing is coerced."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


def _country(code: str) -> str:
    if code not in COUNTRIES:
        raise PydanticCustomError("unknown_country", "Not a country of ISO 3166-1 alpha-2.")
    return code


def _currency(code: str) -> str:
    try:
        exponent(code)
    except UnknownCurrency:
        raise PydanticCustomError("unknown_currency", "Not a currency of ISO 4217.") from None
    return code


@lru_cache(maxsize=1024)
def _known_locale(tag: str) -> bool:
    try:
        Locale.parse(tag, sep="-")
    except (ValueError, UnknownLocaleError, TypeError):
        return False
    return True


def _locale(tag: str) -> str:
    if not _known_locale(tag):
        raise PydanticCustomError("unknown_locale", "Not a language tag of BCP 47 that is known.")
    return tag


def _email(address: str) -> str:
    if _PLAIN_EMAIL.fullmatch(address) and address.index("@") <= _MAX_LOCAL_PART:
        return address
    try:
        return validate_email(
            address, check_deliverability=False, globally_deliverable=False
        ).normalized
    except EmailNotValidError:
        raise PydanticCustomError("bad_email", "Not an e-mail address.") from None


def _rfc3339(value: object) -> object:
    """Pydantic also reads seconds since 1970 from a text of digits; we do not.

    A text is read here: after a validator of ours a strict model takes no text for a time.
    """
    if not isinstance(value, str):
        return value
    try:
        moment = datetime.fromisoformat(value.upper())
    except ValueError:
        moment = None
    if moment is None or not _DATE_AND_TIME.match(value):
        raise PydanticCustomError("bad_time", "Not a time of RFC 3339.")
    return moment


def _instant(value: datetime) -> datetime:
    try:
        moment = value.astimezone(UTC)
    except OverflowError:
        moment = None
    if moment is None or moment.year < _EARLIEST_YEAR:
        raise PydanticCustomError("out_of_range", "The time is before 1970 or beyond the calendar.")
    return moment


def _day(value: object) -> object:
    """A date as it is written, and nothing that pydantic would also take for one."""
    if isinstance(value, str) and _DATE.fullmatch(value):
        with suppress(ValueError):
            return date.fromisoformat(value)
    raise PydanticCustomError("bad_date", "Not a date of the form YYYY-MM-DD.")


def _each_once(values: list[str]) -> list[str]:
    if len(set(values)) != len(values):
        raise PydanticCustomError("duplicate", "Something is named twice.")
    return values


def _no_nul(value: JsonValue) -> bool:
    if isinstance(value, str):
        return "\0" not in value
    if isinstance(value, list):
        return all(map(_no_nul, value))
    if isinstance(value, Mapping):
        return all("\0" not in key and _no_nul(item) for key, item in value.items())
    return True


def _metadata(value: dict[str, JsonValue]) -> dict[str, JsonValue]:
    if not value:
        return value
    try:
        encoded = orjson.dumps(value)
    except TypeError:
        raise PydanticCustomError(
            "number_out_of_range", "Metadata holds a number beyond 64 bits."
        ) from None
    if len(encoded) > _MAX_METADATA_BYTES:
        raise PydanticCustomError("too_long", "Metadata is limited to 16 KiB.")
    if not _no_nul(value):
        raise PydanticCustomError("bad_format", "Metadata holds a NUL character.")
    return value


def _text(length: int, *, pattern: str = _TEXT) -> Any:  # noqa: ANN401 - a type is built
    return Annotated[str, Field(min_length=1, max_length=length, pattern=pattern)]


Code = _text(64, pattern=_CODE)
Reference = _text(128, pattern=_CODE)
Sku = _text(100, pattern=_CODE)
Name = _text(200)
LongName = _text(300)
ShortText = _text(100)
Note = _text(5_000)
Id = _text(64, pattern=r"^[a-z]{3}_[0-9a-z]{1,60}$")
Country = Annotated[
    str,
    Field(min_length=2, max_length=2, pattern="^[A-Z]{2}$"),
    AfterValidator(_country),
]
Currency = Annotated[
    str,
    Field(min_length=3, max_length=3, pattern="^[A-Z]{3}$"),
    AfterValidator(_currency),
]
LocaleTag = Annotated[
    str,
    Field(min_length=2, max_length=35, pattern="^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$"),
    AfterValidator(_locale),
]
Email = Annotated[str, Field(min_length=3, max_length=254), AfterValidator(_email)]
Phone = _text(40)
Quantity = Annotated[int, Field(ge=1, le=MAX_QUANTITY)]
Amount = Annotated[int, Field(ge=0, le=MAX_AMOUNT)]
TaxRate = Annotated[int, Field(ge=0, le=100_000, description="basis points: 2000 is 20%")]
Day = Annotated[date, BeforeValidator(_day)]
SerialNumber = Annotated[str, Field(min_length=1, max_length=128, pattern=_CODE)]
Serials = Annotated[list[SerialNumber], Field(max_length=1_000), AfterValidator(_each_once)]
When = Annotated[AwareDatetime, BeforeValidator(_rfc3339), AfterValidator(_instant)]
Metadata = Annotated[dict[str, JsonValue], AfterValidator(_metadata)]


class MoneyIn(Strict):
    """An amount in minor units of its currency."""

    amount: Amount
    currency: Currency


@lru_cache(maxsize=8192)
def e164(number: str, country: str) -> str | None:
    """The number in E.164 (`+905551112233`), read as dialed in `country`; None when it is none."""
    try:
        parsed = phonenumbers.parse(number, country)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(parsed):
        return None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
