"""Stock that a checkout keeps for its customer until the order is placed."""

from datetime import timedelta

from fastapi import APIRouter, Request, Response

from api import views
from api.body import idempotency_key, parse
from api.deps import STOREFRONT, Services, admit, services
from api.errors import Answer, FieldError, invalid, not_found
from api.holding import HoldAsk
from api.once import Once
from api.openapi import describe
from api.routes.orders import known_id
from api.schemas.stock import ExtendHoldIn, StockHoldIn
from api.schemas.stock_answers import StockHoldOut
from db import holds
from db.pool import Connection
from domain.errors import NotFound
from domain.sourcing import Destination

router = APIRouter(tags=["stock"])

_HOLD = "stock hold"


@router.post(
    "/v1/stock/holds",
    **describe(
        "Keep stock for a checkout",
        StockHoldOut,
        status=201,
        body=StockHoldIn,
        example={
            "reference": "cart-81",
            "lines": [{"sku": "TSHIRT-M", "quantity": 2}],
            "destination": {"country": "TR", "postal_code": "34720"},
        },
        scopes=STOREFRONT,
    ),
)
async def hold_stock(request: Request) -> Response:
    """All of it or nothing (409 `insufficient_stock`); it ends by itself when its time is over."""
    caller = await admit(request, STOREFRONT)
    own, key = services(request), idempotency_key(request)
    parsed = await parse(request, StockHoldIn)
    body = parsed.value
    ask = HoldAsk(
        caller.id,
        caller.name,
        key,
        parsed.request_hash,
        body.reference,
        [(line.sku, line.quantity) for line in body.lines],
        _seconds(own, body.expires_in_seconds),
        body.destination.known if body.destination else Destination(),
    )
    return (await own.holds.hold(ask)).response()


@router.get(
    "/v1/stock/holds/{hold_id}",
    **describe("A stock hold", StockHoldOut, problems=(404,), scopes=STOREFRONT),
)
async def get_hold(request: Request, hold_id: str) -> Response:
    """What is kept, and until when."""
    await admit(request, STOREFRONT)
    async with services(request).pool.acquire() as conn:
        return (await _view(conn, _hold_id(hold_id))).response()


@router.post(
    "/v1/stock/holds/{hold_id}/extend",
    **describe(
        "Keep it longer",
        StockHoldOut,
        body=ExtendHoldIn,
        example={"expires_in_seconds": 600},
        body_required=False,
        problems=(404,),
        scopes=STOREFRONT,
    ),
)
async def extend_hold(request: Request, hold_id: str) -> Response:
    """From now on, but in all never longer than the shop allows (`KERVAN_STOCK_HOLD_MAX`)."""
    caller = await admit(request, STOREFRONT)
    own, key = services(request), idempotency_key(request)
    parsed = await parse(request, ExtendHoldIn)
    seconds = _seconds(own, parsed.value.expires_in_seconds)
    name = _hold_id(hold_id)

    async def effect(conn: Connection, _: str) -> Answer:
        most = own.settings.stock_hold_max.total_seconds()
        try:
            await holds.extend(conn, name, seconds, most)
        except NotFound:
            raise not_found(_HOLD) from None
        return await _view(conn, name)

    return (await Once(own, caller, parsed.request_hash, key).do(effect, cause="")).response()


@router.delete(
    "/v1/stock/holds/{hold_id}",
    **describe("Give kept stock back", StockHoldOut, problems=(404, 409), scopes=STOREFRONT),
)
async def release_hold(request: Request, hold_id: str) -> Response:
    """The units are free again; giving them back again changes nothing."""
    await admit(request, STOREFRONT)
    name = _hold_id(hold_id)
    async with services(request).pool.acquire() as conn, conn.transaction():
        try:
            await holds.release(conn, name)
        except NotFound:
            raise not_found(_HOLD) from None
        return (await _view(conn, name)).response()


def _hold_id(value: str) -> str:
    """A checkout's hold: what is kept for an offer is released by its answer alone."""
    if not value.startswith("shd_"):
        raise not_found(_HOLD)
    return known_id(value, _HOLD)


async def _view(conn: Connection, hold_id: str) -> Answer:
    found = await holds.find(conn, hold_id)
    if found is None:
        raise not_found(_HOLD)
    return views.ok(found)


def _seconds(own: Services, wanted: int | None) -> float:
    """How long to keep the units: what is asked for, within what the shop allows."""
    if wanted is None:
        return own.settings.stock_hold.total_seconds()
    if timedelta(seconds=wanted) > own.settings.stock_hold_max:
        most = int(own.settings.stock_hold_max.total_seconds())
        errors = [FieldError("/expires_in_seconds", "too_large", f"At most {most} seconds.")]
        raise invalid(errors)
    return float(wanted)
