"""The same done to many orders: looked at first, then carried out durably, and followed."""

from typing import Any, Literal

from fastapi import APIRouter, Request, Response

from api import paging, views
from api.body import idempotency_key, parse
from api.deps import SUPPORT, admit, services
from api.errors import Answer, FieldError, invalid, not_found
from api.once import Once
from api.openapi import describe
from api.routes.orders import known_id
from api.schemas.answers import PageOut
from api.schemas.bulk import BulkIn, BulkItemOut, BulkOut
from api.schemas.requests import RetryIn
from api.words import coded
from db import bulk, canceling, orders, reads
from db.bulk import Row
from db.new_ids import new_id
from db.pool import Connection
from db.sourcing import Author
from domain.bulk import BulkAction, check, plan
from domain.errors import Refused
from domain.phase import Actor

router = APIRouter(tags=["bulk actions"])

_WHAT = "bulk action"
_MOST = 20_000
# Orders that a dry run looks at one by one.
_SAMPLE = 100
_EXAMPLE = {
    "action": "cancel_lines",
    "filter": {"sku": "TSHIRT-M"},
    "reason": "recalled",
    "note": "The dye is not fast.",
    "dry_run": True,
}


@router.post(
    "/v1/bulk-actions",
    **describe(
        "Do the same to many orders",
        BulkOut,
        status=201,
        body=BulkIn,
        example=_EXAMPLE,
        scopes=SUPPORT,
    ),
)
async def create_bulk_action(request: Request) -> Response:
    """Each order is asked as by a person, and may refuse; both stand in its timeline.

    A dry run, which is the default, tells what would happen, and stores nothing.
    """
    caller = await admit(request, SUPPORT)
    own, key = services(request), idempotency_key(request)
    parsed = await parse(request, BulkIn)
    body, by = parsed.value, Author(caller.name, caller.role)
    if errors := body.wrong():
        raise invalid(errors)
    reason, note = coded(body.reason, body.note)
    told = bulk.Order(new_id("blk"), BulkAction(body.action), body.filter.known, reason, note, by)
    if body.dry_run:
        async with own.pool.acquire() as conn:
            return views.ok(await _dry(conn, told), 201).response()

    async def effect(conn: Connection, _: str) -> Answer:
        found = await _matching(conn, told)
        await bulk.begin(conn, told, found)
        return views.ok(_view(await _read(conn, told.bulk_id)), 201)

    return (await Once(own, caller, parsed.request_hash, key).do(effect, cause="")).response()


@router.get(
    "/v1/bulk-actions",
    **describe("Bulk actions, newest first", PageOut[BulkOut], scopes=SUPPORT),
)
async def list_bulk_actions(
    request: Request,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Response:
    """With how far each is."""
    await admit(request, SUPPORT)
    place = paging.decode(cursor, str)
    async with services(request).pool.acquire() as conn:
        found = await bulk.listed(conn, place[0] if place else None, limit + 1)
    rows, following = paging.cut(found, limit, lambda row: paging.encode(row["id"]))
    return views.ok(views.page([_view(row) for row in rows], following)).response()


@router.get(
    "/v1/bulk-actions/{bulk_id}",
    **describe("A bulk action", BulkOut, problems=(404,), scopes=SUPPORT),
)
async def get_bulk_action(request: Request, bulk_id: str) -> Response:
    """How far it is."""
    await admit(request, SUPPORT)
    async with services(request).pool.acquire() as conn:
        return views.ok(_view(await _read(conn, known_id(bulk_id, _WHAT)))).response()


@router.get(
    "/v1/bulk-actions/{bulk_id}/orders",
    **describe("How it went for each order", PageOut[BulkItemOut], problems=(404,), scopes=SUPPORT),
)
async def list_bulk_orders(
    request: Request,
    bulk_id: str,
    *,
    status: Literal["waiting", "done", "refused", "skipped"] | None = None,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Response:
    """In the order in which they are asked: the oldest first."""
    await admit(request, SUPPORT)
    name, place = known_id(bulk_id, _WHAT), paging.decode(cursor, int)
    async with services(request).pool.acquire() as conn:
        await _read(conn, name)
        found = await bulk.items(conn, name, status, place[0] if place else 0, limit + 1)
    rows, following = paging.cut(found, limit, lambda row: paging.encode(row["position"]))
    items = [{name: value for name, value in row.items() if name != "position"} for row in rows]
    return views.ok(views.page(items, following)).response()


@router.post(
    "/v1/bulk-actions/{bulk_id}/stop",
    **describe(
        "Ask no further orders",
        BulkOut,
        body=RetryIn,
        example={"note": "Wrong item."},
        body_required=False,
        problems=(404,),
        scopes=SUPPORT,
    ),
)
async def stop_bulk_action(request: Request, bulk_id: str) -> Response:
    """What was done stays done; orders that are being asked are still asked."""
    caller = await admit(request, SUPPORT)
    own, key = services(request), idempotency_key(request)
    parsed, name = await parse(request, RetryIn), known_id(bulk_id, _WHAT)

    async def effect(conn: Connection, _: str) -> Answer:
        row = await _read(conn, name)
        if not await bulk.stop(conn, name):
            detail = f"The bulk action is {row['status']}."
            raise Refused("bulk_action_closed", detail, status=row["status"])
        return views.ok(_view(await _read(conn, name)))

    return (await Once(own, caller, parsed.request_hash, key).do(effect, cause="")).response()


async def _matching(conn: Connection, told: bulk.Order) -> list[str]:
    found = await bulk.matching(conn, told.wanted, _MOST + 1)
    if len(found) > _MOST:
        detail = f"More than {_MOST} orders fit: look for fewer at a time."
        raise invalid([FieldError("/filter", "too_many", detail)])
    return found


async def _dry(conn: Connection, told: bulk.Order) -> dict[str, Any]:
    found = await _matching(conn, told)
    phases = await canceling.phases(conn, Actor.SUPPORT)
    numbers = {row["id"]: row["number"] for row in await reads.orders(conn, found[:_SAMPLE])}
    sample = [
        {
            "order_id": order_id,
            "order_number": numbers[order_id],
            "refuses": await _refusal(conn, told, order_id, phases),
        }
        for order_id in found[:_SAMPLE]
    ]
    return _head(told) | {"total": len(found), "waiting": len(found), "sample": sample}


async def _refusal(
    conn: Connection, told: bulk.Order, order_id: str, phases: list[str]
) -> str | None:
    """The code with which the order would refuse now."""
    order = await orders.load(conn, order_id)
    wanted = plan(order, told.action, told.reason, told.wanted.sku or "")
    if wanted.nothing:
        return "nothing_to_do"
    failing = await bulk.failing(conn, order_id)
    try:
        check(order, wanted, phases, failing, told.wanted.attention or "")
    except Refused as error:
        return error.code
    return None


def _head(told: bulk.Order) -> dict[str, Any]:
    nothing = dict.fromkeys(("waiting", "done", "refused", "skipped"), 0)
    return {
        "id": None,
        "action": told.action.value,
        "filter": told.wanted.as_json(),
        "reason": told.reason,
        "actor": told.by.actor,
        "status": "dry_run",
        **nothing,
        "created_at": None,
        "ended_at": None,
    }


async def _read(conn: Connection, bulk_id: str) -> Row:
    row = await bulk.read(conn, bulk_id)
    if row is None:
        raise not_found(_WHAT)
    return row


def _view(row: Row) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in {"role", "note"}} | {
        "sample": []
    }
