"""Whether the process lives, whether it can serve, and its figures."""

import asyncio

from fastapi import APIRouter, Request, Response

from api import views
from api.deps import services
from api.errors import PASSING_DATABASE_ERRORS, Problem
from api.openapi import describe
from api.schemas.answers import HealthOut, ReadyOut
from db import reads, reconciliation

router = APIRouter(tags=["operations"])

_PATIENCE_SECONDS = 2.0
_TROUBLE: tuple[type[Exception], ...] = (*PASSING_DATABASE_ERRORS, Problem)


@router.get("/healthz", **describe("The process is alive", HealthOut))
async def health(request: Request) -> Response:  # noqa: ARG001 - a route takes its request
    """Nothing is asked of anybody."""
    return Response(b'{"status":"ok"}', media_type="application/json")


@router.get("/readyz", **describe("The API can serve", ReadyOut))
async def ready(request: Request) -> Response:
    """200 when the database answers; the workflow engine is reported, and not needed for this."""
    own = services(request)
    detail = await _database_trouble(request)
    engine = "ok" if await own.engine.reachable() else "unavailable"
    body = {
        "status": "ready" if detail is None else "not_ready",
        "database": "ok" if detail is None else "unavailable",
        "database_detail": detail,
        "workflow_engine": engine,
    }
    return Response(
        views.dumps(body), 200 if detail is None else 503, media_type="application/json"
    )


async def _database_trouble(request: Request) -> str | None:
    """Why the database cannot be used, in words for an operator; None when it can."""
    own = services(request)
    if own.database is None:
        return getattr(request.app.state, "database_trouble", None) or "not connected yet"
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS), own.pool.acquire() as conn:
            await reads.ping(conn)
    except _TROUBLE as error:
        return type(error).__name__
    return None


@router.get("/metrics", include_in_schema=False)
async def metrics(request: Request) -> Response:
    """Figures for Prometheus."""
    backlog = check = None
    try:
        async with (
            asyncio.timeout(_PATIENCE_SECONDS),
            services(request).pool.acquire() as conn,
        ):
            backlog = await reads.backlog(conn)
            check = await reconciliation.last(conn)
    except _TROUBLE:
        backlog = None
    return Response(
        request.app.state.metrics.render(backlog, check),
        media_type="text/plain; version=0.0.4; charset=utf-8",
    )
