"""What the shop sells, and where it lies."""

from fastapi import APIRouter, Request, Response

from api import paging, views
from api.body import parse
from api.deps import STOCK_READERS, WAREHOUSE, admit, services
from api.errors import FieldError, invalid, not_found
from api.openapi import describe
from api.schemas.answers import PageOut
from api.schemas.stock import ItemIn, WarehouseIn
from api.schemas.stock_answers import ItemOut, WarehouseOut
from db import catalog, sourcing
from db.sourcing import Author

router = APIRouter(tags=["stock"])

LONGEST_SKU = 100
LONGEST_CODE = 64


@router.put(
    "/v1/items/{sku:path}",
    **describe(
        "Make or change an item",
        ItemOut,
        body=ItemIn,
        example={
            "name": "T-shirt M",
            "weight_g": 180,
            "length_mm": 300,
            "width_mm": 200,
            "height_mm": 20,
            "hs_code": "6109.10",
            "origin": "TR",
        },
        idempotent=False,
        problems=(409,),
        scopes=WAREHOUSE,
    ),
)
async def put_item(request: Request, sku: str) -> Response:
    """Make or change an item; the same again changes nothing."""
    await admit(request, WAREHOUSE)
    body = (await parse(request, ItemIn)).value
    code = sku_of(sku)
    async with services(request).pool.acquire() as conn, conn.transaction():
        row = await catalog.put_item(conn, catalog.Item(code, **body.model_dump()))
    return views.ok(row).response()


@router.get("/v1/items", **describe("Items by sku", PageOut[ItemOut], scopes=STOCK_READERS))
async def list_items(
    request: Request,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Response:
    """All items."""
    await admit(request, STOCK_READERS)
    place = paging.decode(cursor, str)
    async with services(request).pool.acquire() as conn:
        found = await catalog.items(conn, after=place[0] if place else None, limit=limit + 1)
    rows, following = paging.cut(found, limit, lambda row: paging.encode(row["sku"]))
    return views.ok(views.page(rows, following)).response()


@router.get(
    "/v1/items/{sku:path}",
    **describe("An item", ItemOut, problems=(404,), scopes=STOCK_READERS),
)
async def get_item(request: Request, sku: str) -> Response:
    """One item."""
    await admit(request, STOCK_READERS)
    async with services(request).pool.acquire() as conn:
        found = await catalog.items(conn, sku=sku_of(sku))
    if not found:
        raise not_found("item")
    return views.ok(found[0]).response()


@router.put(
    "/v1/warehouses/{code}",
    **describe(
        "Make or change a warehouse",
        WarehouseOut,
        body=WarehouseIn,
        example={
            "name": "Main warehouse",
            "country": "TR",
            "city": "İstanbul",
            "postal_code": "34394",
            "kind": "own",
        },
        idempotent=False,
        scopes=WAREHOUSE,
    ),
)
async def put_warehouse(request: Request, code: str) -> Response:
    """Make or change a warehouse; the same again changes nothing."""
    caller = await admit(request, WAREHOUSE)
    body = (await parse(request, WarehouseIn)).value
    name = warehouse_code(code)
    author = Author(caller.name, caller.role)
    async with (
        services(request).pool.acquire() as conn,
        conn.transaction(),
        sourcing.watched(conn, name, author),
    ):
        row = await catalog.put_warehouse(conn, catalog.Warehouse(name, **body.model_dump()))
    return views.ok(row).response()


@router.get(
    "/v1/warehouses",
    **describe("Warehouses", PageOut[WarehouseOut], scopes=STOCK_READERS),
)
async def list_warehouses(
    request: Request,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Response:
    """All warehouses, by code."""
    await admit(request, STOCK_READERS)
    place = paging.decode(cursor, str)
    async with services(request).pool.acquire() as conn:
        found = await catalog.warehouses(conn, after=place[0] if place else None, limit=limit + 1)
    rows, following = paging.cut(found, limit, lambda row: paging.encode(row["code"]))
    return views.ok(views.page(rows, following)).response()


@router.get(
    "/v1/warehouses/{code}",
    **describe("A warehouse", WarehouseOut, problems=(404,), scopes=STOCK_READERS),
)
async def get_warehouse(request: Request, code: str) -> Response:
    """One warehouse."""
    await admit(request, STOCK_READERS)
    async with services(request).pool.acquire() as conn:
        found = await catalog.warehouses(conn, code=warehouse_code(code))
    if not found:
        raise not_found("warehouse")
    return views.ok(found[0]).response()


def sku_of(value: str) -> str:
    """An item's code in a path."""
    return path_code(value, "sku", LONGEST_SKU)


def warehouse_code(value: str) -> str:
    """A warehouse's code in a path."""
    return path_code(value, "code", LONGEST_CODE)


def path_code(value: str, name: str, longest: int) -> str:
    """A code in a path: the same characters as in a body."""
    if len(value) > longest or value != value.strip() or not value or not value.isprintable():
        detail = f"Not a {name}: 1 to {longest} printable characters, no blank at either end."
        raise invalid([FieldError(f"/{name}", "bad_format", detail)], "invalid_parameters")
    return value
