"""Pieces by their serial numbers: where one is, and where it went."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from api import paging, views
from api.deps import STOCK_READERS, admit, services
from api.openapi import describe
from api.routes.orders import no_nul
from api.schemas.answers import PageOut
from api.schemas.handling_answers import SerialOut
from db import serials

router = APIRouter(tags=["stock"])

Filter = Annotated[str | None, Query(max_length=128)]


@router.get(
    "/v1/serials",
    **describe("Pieces and their story", PageOut[SerialOut], scopes=STOCK_READERS),
)
async def list_serials(  # noqa: PLR0913 - filters
    request: Request,
    *,
    serial: Filter = None,
    sku: Filter = None,
    status: Literal["in_stock", "picked", "packed", "in_transit", "shipped", "gone"] | None = None,
    warehouse: Filter = None,
    order_id: Filter = None,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Response:
    """Pieces by item and number; one that was shipped names its order and parcel."""
    await admit(request, STOCK_READERS)
    where = {
        "serial": no_nul(serial, "serial"),
        "sku": no_nul(sku, "sku"),
        "status": status,
        "warehouse": no_nul(warehouse, "warehouse"),
        "order_id": no_nul(order_id, "order_id"),
    }
    async with services(request).pool.acquire() as conn:
        found = await serials.listed(conn, where, paging.decode(cursor, str, str), limit + 1)
    rows, following = paging.cut(found, limit, lambda row: paging.encode(row["sku"], row["serial"]))
    return views.ok(views.page(rows, following)).response()
