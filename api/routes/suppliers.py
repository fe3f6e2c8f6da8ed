"""Whom the shop buys from, and on which terms."""

from fastapi import APIRouter, Request, Response

from api import paging, purchase_views, views
from api.body import parse
from api.deps import BUYING_READERS, WAREHOUSE, admit, services
from api.errors import FieldError, invalid, not_found
from api.openapi import describe
from api.routes.catalog import LONGEST_CODE, LONGEST_SKU, path_code
from api.schemas.answers import PageOut
from api.schemas.purchasing import SupplierIn, TermsIn
from api.schemas.purchasing_answers import SupplierOut, TermsOut
from db import catalog, suppliers
from db.suppliers import ItemTerms, Supplier

router = APIRouter(tags=["buying"])


@router.put(
    "/v1/suppliers/{code}",
    **describe(
        "Make or change a supplier",
        SupplierOut,
        body=SupplierIn,
        example={
            "name": "Acme Textiles",
            "email": "orders@acme.example",
            "locale": "en",
            "currency": "EUR",
            "lead_time_days": 9,
        },
        idempotent=False,
        problems=(409,),
        scopes=WAREHOUSE,
    ),
)
async def put_supplier(request: Request, code: str) -> Response:
    """Make or change a supplier; the same again changes nothing."""
    await admit(request, WAREHOUSE)
    body = (await parse(request, SupplierIn)).value
    name = path_code(code, "code", LONGEST_CODE)
    async with services(request).pool.acquire() as conn, conn.transaction():
        row = await suppliers.put(conn, Supplier(name, **body.model_dump()))
    return views.ok(row).response()


@router.get("/v1/suppliers", **describe("Suppliers", PageOut[SupplierOut], scopes=BUYING_READERS))
async def list_suppliers(
    request: Request,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Response:
    """All suppliers, by code."""
    await admit(request, BUYING_READERS)
    place = paging.decode(cursor, str)
    async with services(request).pool.acquire() as conn:
        found = await suppliers.suppliers(conn, after=place[0] if place else None, limit=limit + 1)
    rows, following = paging.cut(found, limit, lambda row: paging.encode(row["code"]))
    return views.ok(views.page(rows, following)).response()


@router.get(
    "/v1/suppliers/{code}",
    **describe("A supplier", SupplierOut, problems=(404,), scopes=BUYING_READERS),
)
async def get_supplier(request: Request, code: str) -> Response:
    """One supplier."""
    await admit(request, BUYING_READERS)
    name = path_code(code, "code", LONGEST_CODE)
    async with services(request).pool.acquire() as conn:
        found = await suppliers.suppliers(conn, code=name)
    if not found:
        raise not_found("supplier")
    return views.ok(found[0]).response()


@router.get(
    "/v1/suppliers/{code}/items",
    **describe("What a supplier sells", PageOut[TermsOut], problems=(404,), scopes=BUYING_READERS),
)
async def list_terms(
    request: Request,
    code: str,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Response:
    """Its items with their terms, by sku."""
    await admit(request, BUYING_READERS)
    name, place = path_code(code, "code", LONGEST_CODE), paging.decode(cursor, str)
    async with services(request).pool.acquire() as conn:
        if not await suppliers.suppliers(conn, code=name):
            raise not_found("supplier")
        after = place[0] if place else None
        found = await suppliers.terms(conn, name, after=after, limit=limit + 1)
    rows, following = paging.cut(found, limit, lambda row: paging.encode(row["sku"]))
    return views.ok(views.page([purchase_views.terms(r) for r in rows], following)).response()


@router.put(
    "/v1/items/{sku:path}/suppliers/{code}",
    **describe(
        "Say how a supplier sells an item",
        TermsOut,
        body=TermsIn,
        example={
            "supplier_sku": "AC-1042",
            "unit_cost": {"amount": 410, "currency": "EUR"},
            "moq": 24,
            "pack_size": 12,
            "preferred": True,
        },
        idempotent=False,
        problems=(404,),
        scopes=WAREHOUSE,
    ),
)
async def put_terms(request: Request, sku: str, code: str) -> Response:
    """Make or change terms. A preferred supplier takes the place of the one before."""
    await admit(request, WAREHOUSE)
    body = (await parse(request, TermsIn)).value
    if body.beyond_amounts:
        detail = "The least that can be bought costs more than 2^53 minor units."
        raise invalid([FieldError("/unit_cost/amount", "too_large", detail)])
    item, name = path_code(sku, "sku", LONGEST_SKU), path_code(code, "code", LONGEST_CODE)
    async with services(request).pool.acquire() as conn, conn.transaction():
        supplier = await suppliers.lock(conn, name)
        if supplier is None:
            raise not_found("supplier")
        if await catalog.unknown_skus(conn, [item]):
            raise not_found("item")
        if supplier["currency"] != body.unit_cost.currency:
            detail = f"The supplier's currency is {supplier['currency']}."
            raise invalid([FieldError("/unit_cost/currency", "currency_mismatch", detail)])
        row = await suppliers.put_terms(
            conn,
            ItemTerms(
                item,
                name,
                body.supplier_sku,
                body.lead_time_days,
                body.unit_cost.amount,
                body.unit_cost.currency,
                body.moq,
                body.pack_size,
                body.preferred,
            ),
        )
    return views.ok(purchase_views.terms(row)).response()
