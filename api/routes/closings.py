"""Warehouses that are closed for a while, and opened again."""

from fastapi import APIRouter, Request, Response

from api import paging, views
from api.body import idempotency_key, parse
from api.deps import STOCK_READERS, WAREHOUSE, admit, services
from api.errors import Answer, not_found
from api.once import Once
from api.openapi import describe
from api.routes.catalog import warehouse_code
from api.schemas.absence import CloseIn, ReopenIn
from api.schemas.absence_answers import ClosingOut
from api.schemas.answers import PageOut
from api.schemas.stock_answers import WarehouseOut
from db import catalog, closings
from db.pool import Connection
from domain.errors import NotFound

router = APIRouter(tags=["stock"])


@router.post(
    "/v1/warehouses/{code}/close",
    **describe(
        "Close a warehouse",
        WarehouseOut,
        body=CloseIn,
        example={"reason": "stocktaking"},
        problems=(404,),
        scopes=WAREHOUSE,
    ),
)
async def close_warehouse(request: Request, code: str) -> Response:
    """Nobody is served from there; what it has not packed is sent from elsewhere, or waits."""
    caller = await admit(request, WAREHOUSE)
    own, key, name = services(request), idempotency_key(request), warehouse_code(code)
    parsed = await parse(request, CloseIn)

    async def effect(conn: Connection, _: str) -> Answer:
        try:
            await closings.close(conn, name, parsed.value.reason, caller.name)
        except NotFound:
            raise not_found("warehouse") from None
        return views.ok((await catalog.warehouses(conn, code=name))[0])

    once = Once(own, caller, parsed.request_hash, key)
    return (await once.do(effect, cause="close")).response()


@router.post(
    "/v1/warehouses/{code}/reopen",
    **describe(
        "Open a warehouse again",
        WarehouseOut,
        body=ReopenIn,
        example={},
        problems=(404,),
        scopes=WAREHOUSE,
        body_required=False,
    ),
)
async def reopen_warehouse(request: Request, code: str) -> Response:
    """Orders are served from there again; those that wait for what lies there are woken."""
    caller = await admit(request, WAREHOUSE)
    own, key, name = services(request), idempotency_key(request), warehouse_code(code)
    parsed = await parse(request, ReopenIn)

    async def effect(conn: Connection, _: str) -> Answer:
        try:
            await closings.reopen(conn, name, caller.name)
        except NotFound:
            raise not_found("warehouse") from None
        return views.ok((await catalog.warehouses(conn, code=name))[0])

    once = Once(own, caller, parsed.request_hash, key)
    return (await once.do(effect, cause="reopen")).response()


@router.get(
    "/v1/warehouses/{code}/closings",
    **describe(
        "When a warehouse was closed, newest first",
        PageOut[ClosingOut],
        problems=(404,),
        scopes=STOCK_READERS,
    ),
)
async def list_closings(
    request: Request,
    code: str,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Response:
    """By whom, why, and until when."""
    await admit(request, STOCK_READERS)
    place, name = paging.decode(cursor, str), warehouse_code(code)
    async with services(request).pool.acquire() as conn:
        if await catalog.unknown_warehouses(conn, [name]):
            raise not_found("warehouse")
        found = await closings.history(conn, name, place[0] if place else None, limit + 1)
    rows, following = paging.cut(found, limit, lambda row: paging.encode(row["id"]))
    return views.ok(views.page(rows, following)).response()
