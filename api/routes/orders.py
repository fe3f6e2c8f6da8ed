"""Placing and reading orders."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from api import paging, views
from api.body import idempotency_key, parse
from api.deps import READERS, STOREFRONT, Caller, Services, admit, services
from api.errors import FieldError, invalid, not_found
from api.openapi import describe
from api.placing import OrderDesk
from api.schemas.answers import PageOut
from api.schemas.fields import When
from api.schemas.order_answers import EventOut, OrderOut
from api.schemas.orders import EXAMPLE_ORDER, PlaceOrder
from db import reads
from domain.states import FulfillmentStatus, OrderStatus, PaymentStatus, ReturnStatus

router = APIRouter(tags=["orders"])

_MAX_EVENT_ID = 2**63 - 1


def no_nul(value: str | None, name: str) -> str | None:
    """A query parameter that PostgreSQL can compare with."""
    if value is not None and "\0" in value:
        detail = "A NUL character is not allowed."
        raise invalid([FieldError(f"/{name}", "bad_format", detail)], "invalid_parameters")
    return value


@router.post(
    "/v1/orders",
    **describe(
        "Place an order",
        OrderOut,
        status=201,
        body=PlaceOrder,
        example=EXAMPLE_ORDER,
        scopes=STOREFRONT,
    ),
)
async def place_order(request: Request) -> Response:
    """Place an order; the same order sent twice, or ten times at once, is one order."""
    caller = await admit(request, STOREFRONT)
    key = idempotency_key(request)
    parsed = await parse(request, PlaceOrder)
    desk: OrderDesk = request.app.state.desk
    answer = await desk.place(parsed, caller, key)
    return answer.response()


@router.get(
    "/v1/orders",
    **describe("List orders, newest first", PageOut[OrderOut], scopes=READERS),
)
async def list_orders(  # noqa: PLR0913 - the filters of the list
    request: Request,
    *,
    status: Annotated[list[OrderStatus] | None, Query()] = None,
    payment_status: Annotated[list[PaymentStatus] | None, Query()] = None,
    fulfillment_status: Annotated[list[FulfillmentStatus] | None, Query()] = None,
    return_status: Annotated[list[ReturnStatus] | None, Query()] = None,
    channel: Annotated[str | None, Query(max_length=64)] = None,
    customer_id: Annotated[str | None, Query(max_length=128)] = None,
    attention: Annotated[
        str | None, Query(max_length=64, description="a code, or `true` for any")
    ] = None,
    q: Annotated[
        str | None,
        Query(
            max_length=254,
            description="a number, a channel's order id, a tracking number, an e-mail address, or "
            "a part of a name",
        ),
    ] = None,
    placed_from: Annotated[When | None, Query(description="inclusive")] = None,
    placed_to: Annotated[When | None, Query(description="exclusive")] = None,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Response:
    """Orders that fit all filters; a filter given twice takes either value."""
    caller = await admit(request, READERS)
    own = services(request)
    wanted = reads.OrderFilter(
        status=status or (),
        payment_status=payment_status or (),
        fulfillment_status=fulfillment_status or (),
        return_status=return_status or (),
        channel=no_nul(channel, "channel"),
        customer_id=no_nul(customer_id, "customer_id"),
        attention={"true": "any"}.get(attention or "", no_nul(attention, "attention")),
        q=no_nul(q, "q"),
        contact=caller.sees_contact,
        placed_from=placed_from,
        placed_to=placed_to,
    )
    before = paging.decode(cursor, datetime, str)
    async with own.pool.acquire() as conn:
        ids = await reads.find_orders(conn, wanted, before, limit + 1)
        rows = await reads.orders(conn, ids[:limit])
    more = len(ids) > limit and rows
    last = rows[-1] if rows else None
    following = paging.encode(last["placed_at"], last["id"]) if more and last else None
    links = links_of(own)
    items = [views.order(row, links, contact=caller.sees_contact) for row in rows]
    return views.ok(views.page(items, following)).response()


@router.get(
    "/v1/orders/{order_id}",
    **describe("An order", OrderOut, problems=(404,), scopes=READERS),
)
async def get_order(request: Request, order_id: str) -> Response:
    """An order with all its parts; personal data only for storefront, support and admin."""
    caller = await admit(request, READERS)
    own = services(request)
    async with own.pool.acquire() as conn:
        row = await reads.order(conn, known_id(order_id, "order"))
    if row is None:
        raise not_found("order")
    return views.ok(views.order(row, links_of(own), contact=caller.sees_contact)).response()


@router.get(
    "/v1/orders/{order_id}/events",
    **describe("An order's timeline", PageOut[EventOut], problems=(404,), scopes=READERS),
)
async def list_events(
    request: Request,
    order_id: str,
    order: Annotated[
        Literal["desc", "asc"],
        Query(description="`desc` newest first, `asc` oldest first"),
    ] = "desc",
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Response:
    """Who did what and when, refused requests included; newest first, unless `order=asc`."""
    caller = await admit(request, READERS)
    own = services(request)
    place = paging.decode(cursor, int)
    async with own.pool.acquire() as conn:
        if await reads.axes(conn, known_id(order_id, "order")) is None:
            raise not_found("order")
        found = await reads.events(
            conn,
            order_id,
            place[0] if place else None,
            limit + 1,
            oldest_first=order == "asc",
        )
    rows, following = paging.cut(found, limit, lambda row: paging.encode(row["id"]))
    items = [views.event(row, contact=caller.sees_contact) for row in rows]
    return views.ok(views.page(items, following)).response()


_STREAM = describe("An order's timeline as it happens", None, problems=(404,), scopes=READERS)
_STREAM["responses"][200] = {
    "description": "Server-sent events: `id` is the event's id, `event` its type, `data` its JSON. "
    "The stream ends when the order is closed; a reconnect is then answered with 204.",
    # OpenAPI 3.2 describes the events of a stream by `itemSchema`; older readers pass over it.
    "content": {
        "text/event-stream": {
            "itemSchema": {
                "type": "object",
                "properties": {name: {"type": "string"} for name in ("id", "event", "data")},
            }
        }
    },
}
_STREAM["responses"][204] = {"description": "The order is closed, and all was told."}


@router.get("/v1/orders/{order_id}/events/stream", **_STREAM)
async def stream_events(request: Request, order_id: str) -> Response:
    """Events after `Last-Event-ID` (all of them without it), then each as it happens."""
    caller = await admit(request, READERS)
    own = services(request)
    seen = _last_event_id(request)
    async with own.pool.acquire() as conn:
        axes = await reads.axes(conn, known_id(order_id, "order"))
        if axes is None:
            raise not_found("order")
        waiting = await reads.events(conn, order_id, seen, 1, oldest_first=True)
    if not waiting and axes["status"] in ("completed", "canceled", "expired"):
        return Response(status_code=204)
    return StreamingResponse(
        _server_sent(own, caller, order_id, seen),
        media_type="text/event-stream",
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )


async def _server_sent(
    own: Services, caller: Caller, order_id: str, seen: int
) -> AsyncIterator[bytes]:
    yield b"retry: 2000\n\n"
    async for row in own.hub.follow(order_id, seen):
        if row is None:
            yield b": still here\n\n"
            continue
        data = views.dumps(views.event(row, contact=caller.sees_contact))
        yield b"id: %d\nevent: %s\ndata: %s\n\n" % (
            row["id"],
            row["type"].encode(),
            data,
        )


def _last_event_id(request: Request) -> int:
    """Where a reader left off; 0 for one who begins, or who sends what is no id of ours."""
    text = request.headers.get("last-event-id", "")
    seen = int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else 0  # noqa: PLR2004
    return min(seen, _MAX_EVENT_ID)


def known_id(value: str, what: str) -> str:
    """A path's id, when it can be one at all; 404 otherwise."""
    if not value.isascii() or not value.replace("_", "").isalnum() or len(value) > 64:  # noqa: PLR2004
        raise not_found(what)
    return value


def links_of(own: Services) -> views.Links:
    """Where orders can be looked at."""
    settings = own.settings
    return views.Links(settings.api_url, settings.temporal_ui_url, settings.temporal_namespace)
