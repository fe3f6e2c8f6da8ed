"""One list of everything that waits for a person: why, how long, and what can be done."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from api import paging, views
from api.deps import SUPPORT, admit, services
from api.errors import invalid
from api.openapi import describe
from api.routes.orders import links_of, no_nul
from api.schemas.answers import PageOut
from api.schemas.attention import WaitingOut, WaitingSummaryOut
from api.schemas.endings import Duration, duration_errors
from db import attention
from db.attention import Row
from domain.attention import CAN
from domain.endings import seconds

router = APIRouter(tags=["attention"])

_READERS = (*SUPPORT, "warehouse")


@router.get(
    "/v1/attention",
    **describe("What waits for a person", PageOut[WaitingOut], scopes=_READERS),
)
async def list_attention(  # noqa: PLR0913 - the filters of the list
    request: Request,
    *,
    code: Annotated[list[str] | None, Query(max_length=20)] = None,
    warehouse: Annotated[str | None, Query(max_length=64)] = None,
    channel: Annotated[str | None, Query(max_length=64)] = None,
    older_than: Annotated[Duration | None, Query(description="ISO 8601, `PT4H`")] = None,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Response:
    """What has waited longest comes first; a code given twice takes either."""
    await admit(request, _READERS)
    if older_than is not None and (errors := duration_errors(older_than, "older_than")):
        raise invalid(errors, "invalid_parameters")
    own = services(request)
    wanted = attention.Wanted(
        [no_nul(one, "code") or "" for one in code or ()],
        no_nul(channel, "channel"),
        no_nul(warehouse, "warehouse"),
        seconds(older_than) if older_than else None,
    )
    place = paging.decode(cursor, datetime, str, str, str)
    async with own.pool.acquire() as conn:
        found = await attention.listed(conn, wanted, place, limit + 1)
    rows, following = paging.cut(
        found,
        limit,
        lambda row: paging.encode(row["since"], row["order_id"], row["code"], row["subject"]),
    )
    links = links_of(own)
    return views.ok(views.page([_view(row, links) for row in rows], following)).response()


@router.get(
    "/v1/attention/summary",
    **describe("How much waits for a person", WaitingSummaryOut, scopes=_READERS),
)
async def sum_attention(request: Request) -> Response:
    """For each reason how many orders, and how long the oldest has waited."""
    await admit(request, _READERS)
    async with services(request).pool.acquire() as conn:
        rows = await attention.summary(conn)
    items = [{**row, "can": list(CAN.get(row["code"], ()))} for row in rows]
    return views.ok({"items": items}).response()


def _view(row: Row, links: views.Links) -> dict[str, Any]:
    of_order = links.of_order(row["order_id"], None)
    known = {name: value for name, value in row.items() if name != "number"}
    return known | {
        "order_number": row["number"],
        "subject": row["subject"] or None,
        "links": {"order": of_order["self"], "temporal_ui": of_order["temporal_ui"]},
    }
