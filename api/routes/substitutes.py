"""What may be offered in place of an item."""

from fastapi import APIRouter, Request, Response

from api import views
from api.body import parse
from api.deps import STOCK_READERS, WAREHOUSE, admit, services
from api.errors import FieldError, invalid, not_found
from api.openapi import describe
from api.routes.catalog import sku_of
from api.schemas.absence import SubstitutesIn
from api.schemas.absence_answers import SubstitutesOut
from db import catalog, substitutes

router = APIRouter(tags=["stock"])


@router.put(
    "/v1/items/{sku:path}/substitutes",
    **describe(
        "Say what may be offered in place of an item",
        SubstitutesOut,
        body=SubstitutesIn,
        example={"items": [{"sku": "TSHIRT-L", "note": "One size larger."}]},
        idempotent=False,
        problems=(404,),
        scopes=WAREHOUSE,
    ),
)
async def put_substitutes(request: Request, sku: str) -> Response:
    """Replace the list, the best first; an empty one offers nothing."""
    await admit(request, WAREHOUSE)
    code, chosen = sku_of(sku), (await parse(request, SubstitutesIn)).value.items
    skus = [item.sku for item in chosen]
    async with services(request).pool.acquire() as conn, conn.transaction():
        unknown = await catalog.unknown_skus(conn, skus)
        errors = []
        for i, other in enumerate(skus):
            if other in unknown:
                errors.append(FieldError(f"/items/{i}/sku", "unknown_sku", "No such item."))
            elif other == code or other in skus[:i]:
                detail = "An item is no substitute of itself, and stands in the list once."
                errors.append(FieldError(f"/items/{i}/sku", "duplicate", detail))
        if errors:
            raise invalid(errors)
        if not await substitutes.put(conn, code, [(item.sku, item.note) for item in chosen]):
            raise not_found("item")
        listed = await substitutes.listed(conn, code)
    return views.ok({"sku": code, "items": listed}).response()


@router.get(
    "/v1/items/{sku:path}/substitutes",
    **describe(
        "What may be offered in place of an item",
        SubstitutesOut,
        problems=(404,),
        scopes=STOCK_READERS,
    ),
)
async def get_substitutes(request: Request, sku: str) -> Response:
    """The list, the best first."""
    await admit(request, STOCK_READERS)
    code = sku_of(sku)
    async with services(request).pool.acquire() as conn:
        if await catalog.unknown_skus(conn, [code]):
            raise not_found("item")
        listed = await substitutes.listed(conn, code)
    return views.ok({"sku": code, "items": listed}).response()
