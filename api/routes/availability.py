"""What channels ask of stock: what they may offer, and what has changed since."""

import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from api import paging, views
from api.body import parse
from api.deps import STOCK_READERS, admit, services
from api.errors import FieldError, Problem, invalid
from api.openapi import describe
from api.schemas.availability import AvailabilitiesOut, AvailabilityIn, ChangesOut
from api.schemas.fields import COUNTRIES
from db import availability, catalog
from db.availability import Place
from db.pool import Connection

router = APIRouter(tags=["stock"])

_SkuText = Annotated[str, Field(min_length=1, max_length=100)]
_CodeText = Annotated[str, Field(min_length=1, max_length=64)]
_Skus = Annotated[list[_SkuText], Query(min_length=1, max_length=500, description="repeatable")]
_Warehouses = Annotated[
    list[_CodeText] | None,
    Query(min_length=1, max_length=200, description="repeatable; tell of these alone"),
]
_Country = Annotated[
    str | None,
    Query(pattern="^[A-Z]{2}$", description="tell of warehouses that stand there alone"),
]
_LONGEST_WAIT = 30


@router.get(
    "/v1/stock/availability",
    **describe("What can be sold of many items", AvailabilitiesOut, scopes=STOCK_READERS),
)
async def get_availability(
    request: Request,
    sku: _Skus,
    warehouse: _Warehouses = None,
    country: _Country = None,
) -> Response:
    """Up to 500 items at once; an item that nobody knows is answered with `known` false."""
    await admit(request, STOCK_READERS)
    skus, places = _readable(sku, "sku"), _readable(warehouse or (), "warehouse")
    _must_be_a_country(country)
    return await _available(request, skus, places, country, "warehouse")


@router.post(
    "/v1/stock/availability",
    **describe(
        "What can be sold of very many items",
        AvailabilitiesOut,
        body=AvailabilityIn,
        example={"skus": ["TSHIRT-M", "TSHIRT-L"], "country": "TR"},
        idempotent=False,
        scopes=STOCK_READERS,
    ),
)
async def ask_availability(request: Request) -> Response:
    """The same for up to 5,000 items, which no address would hold. It only reads: no key."""
    await admit(request, STOCK_READERS)
    body = (await parse(request, AvailabilityIn)).value
    return await _available(request, body.skus, body.warehouses or (), body.country, "warehouses")


async def _available(
    request: Request,
    skus: Sequence[str],
    warehouses: Sequence[str],
    country: str | None,
    field: str,
) -> Response:
    once = list(dict.fromkeys(skus))
    async with services(request).pool.acquire() as conn:
        await _must_be_known(conn, warehouses, field)
        items = await availability.availability(
            conn, once, warehouses=warehouses or None, country=country
        )
    return views.ok({"items": items}).response()


@router.get(
    "/v1/stock/changes",
    **describe("What changed in stock", ChangesOut, problems=(409,), scopes=STOCK_READERS),
)
async def list_changes(
    request: Request,
    *,
    after: Annotated[
        str | None, Query(max_length=1_000, description="`cursor` of the answer before")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=500, description="items told at once")] = 200,
    wait: Annotated[
        float, Query(ge=0, le=_LONGEST_WAIT, description="seconds to wait while nothing changed")
    ] = 0,
    warehouse: _Warehouses = None,
    country: _Country = None,
) -> Response:
    """Every item whose stock changed after `after`, once, as it is now; without `after` nothing
    but the cursor from which to follow.

    No change is missed, whatever order transactions commit in; one may be told twice.
    """
    await admit(request, STOCK_READERS)
    place = paging.decode(after, str, int, int, int, name="after")
    own, until = services(request), time.monotonic() + wait
    while True:
        async with own.pool.acquire() as conn:
            now = await availability.now(conn)
            if place is None:
                start = {"items": [], "cursor": _cursor(now, Place(now.ended)), "more": False}
                return views.ok(start).response()
            _must_be_ours(place, now)
            changes = await availability.changes(conn, Place(*place[1:]), now, limit)
            items = await _as_now(conn, changes, _readable(warehouse or (), "warehouse"), country)
        left = until - time.monotonic()
        if items or left <= 0 or not await own.bell.beyond(changes.place, left):
            cursor = _cursor(now, changes.place)
            return views.ok({"items": items, "cursor": cursor, "more": changes.more}).response()
        place = (now.generation, *changes.place)


async def _as_now(
    conn: Connection,
    changes: availability.Changes,
    warehouses: Sequence[str],
    country: str | None,
) -> list[dict[str, object]]:
    """The changed items as they are now, which is never before the change."""
    if not changes.warehouses:
        return []
    items = await availability.availability(
        conn, list(changes.warehouses), warehouses=warehouses or None, country=country
    )
    return [asdict(item) | {"changed": changes.warehouses[item.sku]} for item in items]


def _cursor(now: availability.Now, place: Place) -> str:
    return paging.encode(now.generation, *place)


def _must_be_ours(place: tuple[str, int, int, int], now: availability.Now) -> None:
    """A cursor of another life of the ledger cannot tell what was missed."""
    if place[0] != now.generation or place[1] > now.unborn:
        detail = "The ledger was restored from a backup: read everything, then follow from now."
        raise Problem(409, "feed_restarted", detail)


def _must_be_a_country(code: str | None) -> None:
    if code is not None and code not in COUNTRIES:
        detail = "Not a country of ISO 3166-1 alpha-2."
        raise invalid([FieldError("/country", "unknown_country", detail)], "invalid_parameters")


async def _must_be_known(conn: Connection, warehouses: Sequence[str], field: str) -> None:
    """Of a warehouse that does not exist nothing can be sold: rather a slip than an answer."""
    unknown = await catalog.unknown_warehouses(conn, list(warehouses)) if warehouses else ()
    errors = [
        FieldError(f"/{field}/{i}", "unknown_warehouse", "There is no such warehouse.")
        for i, code in enumerate(warehouses)
        if code in unknown
    ]
    if errors:
        raise invalid(errors)


def _readable(values: Sequence[str], name: str) -> list[str]:
    """Query parameters that PostgreSQL can compare with."""
    wrong = [i for i, value in enumerate(values) if "\0" in value]
    if wrong:
        detail = "A NUL character is not allowed."
        errors = [FieldError(f"/{name}/{i}", "bad_format", detail) for i in wrong]
        raise invalid(errors, "invalid_parameters")
    return list(values)
