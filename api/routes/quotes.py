"""Delivery options before buying: a static table, until carriers are asked for rates."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from fastapi import APIRouter, Request, Response

from api import views
from api.body import parse
from api.deps import STOREFRONT, admit
from api.openapi import describe
from api.schemas.answers import QuotesOut
from api.schemas.requests import QuoteIn
from domain.money import exponent

router = APIRouter(tags=["orders"])


@dataclass(frozen=True, slots=True)
class _Option:
    """A delivery option; `fee` in whole units of the currency, days counted as working days."""

    code: str
    name: str
    fee: int
    first_day: int
    last_day: int


_HOME = "TR"
_OPTIONS = (
    _Option("economy", "Economy", 30, 4, 7),
    _Option("standard", "Standard", 50, 2, 4),
    _Option("express", "Express", 120, 1, 1),
)
_ABROAD = (
    _Option("standard", "Standard, international", 250, 5, 12),
    _Option("express", "Express, international", 600, 2, 4),
)
_FREE_ITEMS = 10
_SATURDAY = 5


@router.post(
    "/v1/shipping/quotes",
    **describe(
        "Delivery options for a destination",
        QuotesOut,
        body=QuoteIn,
        example={"country": "TR", "lines": [{"sku": "TSHIRT-M", "quantity": 2}]},
        idempotent=False,
        scopes=STOREFRONT,
    ),
)
async def quote_shipping(request: Request) -> Response:
    """Fee and promised dates of each option; nothing is written."""
    await admit(request, STOREFRONT)
    body = (await parse(request, QuoteIn)).value
    currency = body.currency or "TRY"
    units = 10 ** exponent(currency)
    today = datetime.now(UTC)
    free = sum(line.quantity for line in body.lines) >= _FREE_ITEMS
    options = _OPTIONS if body.country == _HOME else _ABROAD
    items = [
        {
            "option": option.code,
            "name": option.name,
            "price": views.money(
                0 if free and option.code == "economy" else option.fee * units, currency
            ),
            "earliest_on": _working_day(today, option.first_day),
            "latest_on": _working_day(today, option.last_day),
        }
        for option in options
    ]
    return views.ok({"items": items}).response()


def _working_day(start: datetime, days: int) -> str:
    """The date that is `days` working days after `start`."""
    day = start
    while days:
        day += timedelta(days=1)
        days -= day.weekday() < _SATURDAY
    return day.date().isoformat()
