"""Bins of warehouses, what lies in them, and goods that are put into them or moved between them."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api import paging, views
from api.body import idempotency_key, parse
from api.deps import STOCK_READERS, WAREHOUSE, admit, services
from api.errors import Answer, not_found
from api.once import Once
from api.openapi import describe
from api.routes.catalog import LONGEST_CODE, path_code, warehouse_code
from api.routes.orders import no_nul
from api.routes.warehouse import reported_at
from api.schemas.answers import PageOut
from api.schemas.fields import Day
from api.schemas.handling import BinIn, MoveIn, PutawayIn
from api.schemas.handling_answers import BinOut, PlaceMovementOut, PlaceOut
from api.schemas.stock_answers import CorrectionOut
from api.stock_checks import Goods, ToldLine, must_be_told, must_exist
from db import bins, catalog, places
from db.handling import BinMove, put_away
from db.new_ids import new_id
from db.pool import Connection

router = APIRouter(tags=["stock"])


Filter = Annotated[str | None, Query(max_length=100)]


@router.put(
    "/v1/warehouses/{code}/bins/{bin:path}",
    **describe(
        "Make or change a bin",
        BinOut,
        body=BinIn,
        example={"zone": "A", "sequence": 10, "kind": "pick"},
        body_required=False,
        idempotent=False,
        problems=(404, 409),
        scopes=WAREHOUSE,
    ),
)
async def put_bin(request: Request, code: str, bin: str) -> Response:  # noqa: A002 - the path's
    """Make or change a bin; the same again changes nothing."""
    await admit(request, WAREHOUSE)
    body = (await parse(request, BinIn)).value
    warehouse = warehouse_code(code)
    made = bins.Bin(
        warehouse, path_code(bin, "bin", LONGEST_CODE), body.zone or "", body.sequence, body.kind
    )
    async with services(request).pool.acquire() as conn, conn.transaction():
        await _must_be_known(conn, warehouse)
        await bins.put(conn, made)
        [row] = await bins.listed(conn, warehouse, code=made.code)
    return views.ok(row).response()


async def _must_be_known(conn: Connection, warehouse: str) -> None:
    if await catalog.unknown_warehouses(conn, [warehouse]):
        raise not_found("warehouse")


@router.get(
    "/v1/warehouses/{code}/bins",
    **describe("Bins in walking order", PageOut[BinOut], problems=(404,), scopes=STOCK_READERS),
)
async def list_bins(
    request: Request,
    code: str,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Response:
    """All bins of a warehouse, with the units in them."""
    await admit(request, STOCK_READERS)
    warehouse = warehouse_code(code)
    async with services(request).pool.acquire() as conn:
        await _must_be_known(conn, warehouse)
        after = paging.decode(cursor, int, str)
        found = await bins.listed(conn, warehouse, after=after, limit=limit + 1)
    rows, following = paging.cut(
        found, limit, lambda row: paging.encode(row["sequence"], row["code"])
    )
    return views.ok(views.page(rows, following)).response()


@router.get(
    "/v1/warehouses/{code}/bins/{bin:path}",
    **describe("A bin", BinOut, problems=(404,), scopes=STOCK_READERS),
)
async def get_bin(request: Request, code: str, bin: str) -> Response:  # noqa: A002 - the path's
    """One bin, with the units in it."""
    await admit(request, STOCK_READERS)
    warehouse = warehouse_code(code)
    async with services(request).pool.acquire() as conn:
        found = await bins.listed(conn, warehouse, code=path_code(bin, "bin", LONGEST_CODE))
    if not found:
        raise not_found("bin")
    return views.ok(found[0]).response()


@router.get(
    "/v1/stock/places",
    **describe("What lies where, in walking order", PageOut[PlaceOut], scopes=STOCK_READERS),
)
async def list_places(  # noqa: PLR0913 - filters
    request: Request,
    *,
    warehouse: Filter = None,
    sku: Filter = None,
    bin: Filter = None,  # noqa: A002 - the field's word
    lot: Filter = None,
    expires_before: Day | None = None,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Response:
    """Units by bin and lot. What a level has beyond its places is loose: on a cart, in a parcel."""
    await admit(request, STOCK_READERS)
    where = {
        "warehouse": no_nul(warehouse, "warehouse"),
        "sku": no_nul(sku, "sku"),
        "bin": no_nul(bin, "bin"),
        "lot": no_nul(lot, "lot"),
        "expires_before": expires_before,
    }
    after = paging.decode(cursor, str, int, str, str, str)
    async with services(request).pool.acquire() as conn:
        found = await places.listed(conn, where=where, after=after, limit=limit + 1)
    rows, following = paging.cut(found, limit, _place)
    return views.ok(views.page(rows, following)).response()


def _place(row: places.Row) -> str:
    return paging.encode(
        row["warehouse"], row["sequence"], row["bin"], row["sku"], row["lot"] or ""
    )


@router.get(
    "/v1/stock/places/movements",
    **describe(
        "The ledger of places, newest first", PageOut[PlaceMovementOut], scopes=STOCK_READERS
    ),
)
async def list_place_movements(  # noqa: PLR0913 - filters
    request: Request,
    *,
    warehouse: Filter = None,
    sku: Filter = None,
    bin: Filter = None,  # noqa: A002 - the field's word
    lot: Filter = None,
    order_id: Filter = None,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Response:
    """Every change of a place; with `lot`, whose orders it went into."""
    await admit(request, STOCK_READERS)
    where = {
        "warehouse": no_nul(warehouse, "warehouse"),
        "sku": no_nul(sku, "sku"),
        "bin": no_nul(bin, "bin"),
        "lot": no_nul(lot, "lot"),
        "order_id": no_nul(order_id, "order_id"),
    }
    place = paging.decode(cursor, int)
    async with services(request).pool.acquire() as conn:
        found = await places.movements(
            conn, where=where, before=place[0] if place else None, limit=limit + 1
        )
    rows, following = paging.cut(found, limit, lambda row: paging.encode(row["id"]))
    return views.ok(views.page([views.movement(row) for row in rows], following)).response()


@router.post(
    "/v1/stock/putaways",
    **describe(
        "Goods are put into bins",
        CorrectionOut,
        status=201,
        body=PutawayIn,
        example={
            "warehouse": "MAIN",
            "lines": [{"sku": "TSHIRT-M", "quantity": 40, "bin": "A-01"}],
        },
        scopes=WAREHOUSE,
    ),
)
async def put_goods_away(request: Request) -> Response:
    """Put units that are in no bin into bins; in one of kind quarantine they are set aside."""
    caller = await admit(request, WAREHOUSE)
    key, parsed = idempotency_key(request), await parse(request, PutawayIn)
    body = parsed.value
    reported_at(body.occurred_at)
    told = [ToldLine(x.sku, x.quantity, {"bin": x.bin}, x.lot, pieces=False) for x in body.lines]
    moves = [BinMove(x.sku, x.quantity, to_bin=x.bin, lot=x.lot or "") for x in body.lines]

    async def effect(conn: Connection, cause: str) -> Answer:
        await must_exist(conn, [x.sku for x in body.lines], {"/warehouse": body.warehouse})
        await must_be_told(conn, Goods(body.warehouse, lots=True), told)
        why = catalog.Why(f"putaway:{cause}", caller.name, None, body.occurred_at)
        levels = await put_away(conn, body.warehouse, moves, why)
        return views.ok({"cause": why.cause, "levels": levels}, 201)

    once = Once(services(request), caller, parsed.request_hash, key)
    return (await once.do(effect, cause=new_id("stk"))).response()


@router.post(
    "/v1/stock/moves",
    **describe(
        "Goods change their bins",
        CorrectionOut,
        status=201,
        body=MoveIn,
        example={
            "warehouse": "MAIN",
            "lines": [{"sku": "TSHIRT-M", "quantity": 20, "from_bin": "BULK-1", "to_bin": "A-01"}],
        },
        scopes=WAREHOUSE,
    ),
)
async def move_goods(request: Request) -> Response:
    """From bin to bin within a warehouse; into one of kind quarantine means to set aside."""
    caller = await admit(request, WAREHOUSE)
    key, parsed = idempotency_key(request), await parse(request, MoveIn)
    body = parsed.value
    reported_at(body.occurred_at)
    told = [
        ToldLine(
            x.sku, x.quantity, {"from_bin": x.from_bin, "to_bin": x.to_bin}, x.lot, pieces=False
        )
        for x in body.lines
    ]
    moves = [BinMove(x.sku, x.quantity, x.from_bin, x.to_bin, x.lot or "") for x in body.lines]

    async def effect(conn: Connection, cause: str) -> Answer:
        await must_exist(conn, [x.sku for x in body.lines], {"/warehouse": body.warehouse})
        await must_be_told(conn, Goods(body.warehouse), told)
        why = catalog.Why(f"move:{cause}", caller.name, body.reason, body.occurred_at)
        levels = await put_away(conn, body.warehouse, moves, why)
        return views.ok({"cause": why.cause, "levels": levels}, 201)

    once = Once(services(request), caller, parsed.request_hash, key)
    return (await once.do(effect, cause=new_id("stk"))).response()
