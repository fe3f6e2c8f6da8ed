"""The service: the books behind HTTP, and the two loops that work on their own."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from adapters.sandbox.service.answers import Cables, Json, problem
from adapters.sandbox.service.clockwork import Clockwork
from adapters.sandbox.service.courier import Courier
from adapters.sandbox.service.doors import Guard, PublicUrl
from adapters.sandbox.service.ledger_routes import LedgerRoutes
from adapters.sandbox.service.news import News
from adapters.sandbox.service.pages import Pages
from adapters.sandbox.service.parcel_book import ParcelBook
from adapters.sandbox.service.parcel_routes import ParcelRoutes
from adapters.sandbox.service.payment_book import PaymentBook
from adapters.sandbox.service.payment_routes import PaymentRoutes
from adapters.sandbox.service.problems import Problem
from adapters.sandbox.service.store import Store
from adapters.sandbox.service.timing import Schedule, wall_clock

_log = structlog.get_logger(__name__)
_PAUSE_AFTER_A_FAULT = 1.0


@dataclass(frozen=True, slots=True)
class Config:
    """How the service runs.

    `webhook_url` is the shop's base address; `public_url` is where customers reach this service
    (empty: as the shop reaches it); `speed` is how much faster than life things happen.
    """

    data: Path
    key: str
    webhook_url: str
    webhook_secret: str
    speed: float
    public_url: str = ""


def create_app(config: Config) -> ASGIApp:
    """The ASGI app. It opens its ledger when the server starts it."""
    store = Store(config.data)
    schedule = Schedule(store, wall_clock, config.speed)
    news = News(store, wall_clock)
    payments = PaymentBook(store, news, schedule, wall_clock)
    parcels = ParcelBook(store, news, schedule, wall_clock)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        courier = Courier(store, wall_clock, config.webhook_url, config.webhook_secret)
        loops = [asyncio.create_task(_keep_running("courier", courier.run))]
        if config.speed:
            clockwork = Clockwork(store, payments, parcels, wall_clock)
            loops.append(asyncio.create_task(_keep_running("clockwork", clockwork.run)))
        yield
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)
        store.close()

    app = FastAPI(title="Kervan sandbox providers", lifespan=lifespan)
    guard = Guard(config.key)
    public_url = PublicUrl(config.public_url)
    app.include_router(PaymentRoutes(store, payments, public_url).router(guard))
    app.include_router(ParcelRoutes(parcels, public_url).router(guard))
    app.include_router(LedgerRoutes(store).router())
    app.include_router(Pages(payments, parcels).router())
    app.add_api_route("/healthz", _healthz, methods=["GET"], tags=["process"])
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_no_route)
    return Cables(app)


async def _healthz() -> Response:
    """The process serves."""
    return Json({"status": "ok"})


async def _keep_running(name: str, run: Callable[[], Coroutine[Any, Any, None]]) -> None:
    while True:
        try:
            await run()
        except Exception:  # noqa: BLE001 - it is logged, and the loop goes on
            # What it was doing is still in the ledger, and is tried again.
            _log.exception("sandbox_loop_failed", loop=name)
            await asyncio.sleep(_PAUSE_AFTER_A_FAULT)


async def _on_problem(_: Request, error: Exception) -> Response:
    if not isinstance(error, Problem):
        raise error
    return problem(error)


async def _on_no_route(_: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    status = HTTPStatus(error.status_code)
    code = status.phrase.lower().replace(" ", "_")
    return problem(Problem(status, code, "The service has no such call."))


async def _on_invalid(_: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    errors = [
        {
            "pointer": "".join(f"/{part}" for part in one["loc"][1:]),
            "code": one["type"],
            "detail": one["msg"],
        }
        for one in error.errors()
    ]
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    invalid = Problem(status, "invalid_request", "The request is malformed.")
    return problem(invalid, {"errors": errors})
