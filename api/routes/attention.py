"""One list of everything that waits for a person: why, how long, and what can be done."""

from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote

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
from domain import purchasing
from domain.attention import CAN, OTHERS, Kind
from domain.endings import seconds
from workflows import ids
from workflows.saved_queries import IN_TEMPORAL, QUERIES, of_code

router = APIRouter(tags=["attention"])

_READERS = (*SUPPORT, "warehouse")
_CAN = {**CAN, **purchasing.CAN, **OTHERS}

# Where each kind can be looked at: the API's path, and the workflow that is its life, if any.
_PATHS = {
    Kind.RETURN: "/v1/returns/{id}",
    Kind.REFUND: "/v1/refunds/{id}",
    Kind.CLAIM: "/v1/claims?status=open",
    Kind.PURCHASE_ORDER: "/v1/purchase-orders/{id}",
    Kind.CYCLE_COUNT: "/v1/cycle-counts/{id}",
    Kind.RECONCILIATION: "/v1/stock/reconciliations/{id}",
    Kind.LOT: "/v1/stock/places?sku={id}&warehouse={warehouse}",
    Kind.QUARANTINE: "/v1/stock?sku={id}&warehouse={warehouse}",
    Kind.BULK_ACTION: "/v1/bulk-actions/{id}",
}
_WORKFLOWS = {
    Kind.RETURN: ids.return_workflow_id,
    Kind.REFUND: ids.refund_workflow_id,
    Kind.PURCHASE_ORDER: ids.purchase_workflow_id,
    Kind.BULK_ACTION: ids.bulk_workflow_id,
}


@router.get(
    "/v1/attention",
    **describe("What waits for a person", PageOut[WaitingOut], scopes=_READERS),
)
async def list_attention(  # noqa: PLR0913 - the filters of the list
    request: Request,
    *,
    code: Annotated[list[str] | None, Query(max_length=20)] = None,
    kind: Annotated[list[Kind] | None, Query(max_length=20)] = None,
    warehouse: Annotated[str | None, Query(max_length=64)] = None,
    channel: Annotated[str | None, Query(max_length=64)] = None,
    older_than: Annotated[Duration | None, Query(description="ISO 8601, `PT4H`")] = None,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Response:
    """What has waited longest comes first; a code or kind given twice takes either."""
    await admit(request, _READERS)
    if older_than is not None and (errors := duration_errors(older_than, "older_than")):
        raise invalid(errors, "invalid_parameters")
    own = services(request)
    wanted = attention.Wanted(
        [no_nul(one, "code") or "" for one in code or ()],
        kind,
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
        lambda row: paging.encode(row["since"], row["id"], row["code"], row["subject"]),
    )
    links = links_of(own)
    return views.ok(views.page([_view(row, links) for row in rows], following)).response()


@router.get(
    "/v1/attention/summary",
    **describe("How much waits for a person", WaitingSummaryOut, scopes=_READERS),
)
async def sum_attention(request: Request) -> Response:
    """For each reason how much waits, and how long the oldest has; and what the Temporal UI lists
    of it by a query.
    """
    await admit(request, _READERS)
    own = services(request)
    async with own.pool.acquire() as conn:
        rows = await attention.summary(conn)
    links = links_of(own)
    items = [{**row, "can": list(_can(row["code"])), "links": _of_code(row, links)} for row in rows]
    saved = [
        {"name": one.name, "query": one.query, "temporal_ui": links.of_query(one.query)}
        for one in QUERIES
        if not one.example
    ]
    return views.ok({"items": items, "views": saved}).response()


def _can(code: str) -> tuple[str, ...]:
    return _CAN.get(code, ())


def _of_code(row: Row, links: views.Links) -> dict[str, str | None]:
    code = row["code"]
    shown = links.of_query(of_code(code)) if code in IN_TEMPORAL else None
    return {"self": f"/v1/attention?code={quote(code)}", "temporal_ui": shown}


def _view(row: Row, links: views.Links) -> dict[str, Any]:
    order_id = row["order_id"]
    of_order = links.of_order(order_id, None) if order_id else {}
    kind = Kind(row["kind"])
    named = {name: quote(row[name] or "", safe="") for name in ("id", "warehouse")}
    path = _PATHS[kind].format(**named) if kind in _PATHS else of_order["self"]
    workflow_id = _WORKFLOWS[kind](row["id"]) if kind in _WORKFLOWS else None
    shown = links.of_workflow(workflow_id) if workflow_id else of_order.get("temporal_ui")
    return {
        **row,
        "subject": row["subject"] or None,
        "can": row["can"] if row["can"] is not None else list(_can(row["code"])),
        "links": {"self": path, "order": of_order.get("self"), "temporal_ui": shown},
    }
