"""Stock compared with its ledger: reports of the schedule's checks, and a check on demand."""

import hashlib
from datetime import datetime

from fastapi import APIRouter, Request, Response

from api import paging, views
from api.body import idempotency_key, parse
from api.deps import WAREHOUSE, Caller, admit, services
from api.errors import Answer, not_found
from api.once import Once
from api.openapi import describe
from api.schemas.answers import PageOut
from api.schemas.reconciliations import (
    ReconciliationIn,
    ReconciliationOut,
    ReconciliationReportOut,
)
from db import reconciliation
from db.new_ids import new_id
from db.pool import Connection

router = APIRouter(tags=["stock"])


@router.post(
    "/v1/stock/reconciliations",
    **describe(
        "Compare stock with its ledger now",
        ReconciliationReportOut,
        status=201,
        body=ReconciliationIn,
        body_required=False,
        example={"full": True},
        scopes=WAREHOUSE,
    ),
)
async def reconcile_stock(request: Request) -> Response:
    """By PostgreSQL alone, so that it answers while the workflow engine is away; the schedule
    runs the same check. Nothing is repaired.
    """
    caller = await admit(request, WAREHOUSE)
    key, parsed = idempotency_key(request), await parse(request, ReconciliationIn)
    own = services(request)
    # Before the key's row is written: a transaction that writes for long holds the feed up. The
    # same key names the same report, so a twin of the request adds none.
    report = await reconciliation.reconcile(
        own.pool,
        _named_by(caller, key) if key else new_id("rec"),
        caller.name,
        full_every=own.settings.stock_reconciliation_full,
        full=parsed.value.full,
    )

    async def effect(_conn: Connection, _cause: str) -> Answer:
        return views.ok(report, 201)

    once = Once(own, caller, parsed.request_hash, key)
    return (await once.do(effect, cause=report["id"])).response()


def _named_by(caller: Caller, key: str) -> str:
    digest = hashlib.sha256(f"{caller.id}:{key}".encode()).hexdigest()
    return f"rec_{digest[:32]}"


@router.get(
    "/v1/stock/reconciliations",
    **describe("Checks of stock, newest first", PageOut[ReconciliationOut], scopes=WAREHOUSE),
)
async def list_reconciliations(
    request: Request,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Response:
    """When stock was compared with its ledger, and how many differences there were."""
    await admit(request, WAREHOUSE)
    place = paging.decode(cursor, datetime, str)
    async with services(request).pool.acquire() as conn:
        found = await reconciliation.reports(conn, place, limit + 1)
    rows, following = paging.cut(
        found, limit, lambda row: paging.encode(row["started_at"], row["id"])
    )
    return views.ok(views.page(rows, following)).response()


@router.get(
    "/v1/stock/reconciliations/{report_id}",
    **describe("A check of stock", ReconciliationReportOut, problems=(404,), scopes=WAREHOUSE),
)
async def get_reconciliation(request: Request, report_id: str) -> Response:
    """A check with what it has found."""
    await admit(request, WAREHOUSE)
    async with services(request).pool.acquire() as conn:
        report = None if "\0" in report_id else await reconciliation.get(conn, report_id)
    if report is None:
        raise not_found("reconciliation")
    return views.ok(report).response()
