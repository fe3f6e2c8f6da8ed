"""The application: composition root of the API. `uvicorn api.app:app` serves it."""

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator
from functools import partial

import asyncpg
import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from api import errors, housekeeping, logs, observe, openapi, providers
from api.bell import StockBell
from api.deps import Guard, Services, on_parameters
from api.engine import Engine
from api.holding import HoldDesk
from api.placing import OrderDesk
from api.routes import (
    absence,
    attention,
    availability,
    bins,
    bulk,
    cancel_policies,
    catalog,
    closings,
    counts,
    delivery_policies,
    edits,
    exchanges,
    health,
    holds,
    keys,
    orders,
    parcels,
    pick_lists,
    purchase_orders,
    purchase_requests,
    quarantine,
    quotes,
    reconciliations,
    refunds,
    replenishment,
    requests,
    return_goods,
    return_policies,
    returns,
    risk,
    serials,
    sourcing,
    stock,
    substitutes,
    suppliers,
    tracking,
    transfers,
    voices,
    warehouse,
    webhooks,
)
from api.starter import Starter
from api.stream import EventHub, ending_on
from db.pool import open_pool
from settings import Settings, load
from workflows.client import TemporalAddress

_log = structlog.get_logger("api")

_CONNECT_AGAIN_SECONDS = 0.5

_DESCRIPTION = """\
Kervan keeps orders from placement to closing. Every call, its rules and its errors are told in
`docs/api.md`. Errors are RFC 9457 problems with a stable `code`; POSTs take an `Idempotency-Key`.
"""


def create_app(settings: Settings | None = None) -> FastAPI:
    """An application with settings of its own. Nothing connects before it is started."""
    chosen = settings or load()
    metrics = observe.Metrics()
    app = FastAPI(
        title="Kervan",
        version="1",
        description=_DESCRIPTION,
        lifespan=_lifespan,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False, "operation_spans": False},
    )
    app.state.settings = chosen
    app.state.metrics = metrics
    app.state.methods = {}
    errors.install(app)
    app.add_exception_handler(RequestValidationError, on_parameters)
    app.add_middleware(observe.Observer, metrics=metrics)
    for module in (
        # They are looked through in this order: first what is asked most.
        orders,
        health,
        warehouse,
        requests,
        edits,
        webhooks,
        pick_lists,
        availability,
        stock,
        holds,
        bins,
        reconciliations,
        counts,
        quarantine,
        serials,
        transfers,
        absence,
        closings,
        # An item's path takes all that follows: what belongs to an item is looked for before.
        substitutes,
        suppliers,
        catalog,
        sourcing,
        parcels,
        returns,
        exchanges,
        return_goods,
        return_policies,
        delivery_policies,
        cancel_policies,
        refunds,
        attention,
        bulk,
        risk,
        purchase_orders,
        purchase_requests,
        replenishment,
        voices,
        quotes,
        keys,
        tracking,
    ):
        # Side by side: a router within the router costs each request a walk of its own.
        app.router.routes.extend(module.router.routes)
        for route in module.router.routes:
            if isinstance(route, APIRoute):
                app.state.methods.setdefault(route.path_format, set()).update(route.methods)
    app.openapi = partial(openapi.document, app)  # type: ignore[method-assign]
    return app


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    settings: Settings = app.state.settings
    app.state.metrics.access = logs.configure(settings)
    own = _services(settings)
    app.state.services = own
    app.state.desk = OrderDesk(own, orders.links_of(own))
    connecting = asyncio.create_task(_connect(app, own))
    # When the database is up the first request finds it; when it is not, we start all the same.
    await asyncio.wait([connecting], timeout=1)
    own.starter.run()
    own.hub.run()
    own.bell.run()
    forgetting = asyncio.create_task(housekeeping.forget_forever(lambda: own.pool))
    _settle_memory()
    try:
        with ending_on(own.hub, own.bell):
            yield
    finally:
        for task in (connecting, forgetting):
            task.cancel()
        await asyncio.gather(connecting, forgetting, return_exceptions=True)
        await own.hub.close()
        await own.bell.close()
        await own.starter.close()
        await own.providers.close()
        if own.database is not None:
            own.database.terminate()


def _settle_memory() -> None:
    """What was made at the start stays: spare every collection of garbage the walk over it."""
    if not gc.get_freeze_count():
        gc.collect()
        gc.freeze()


def _services(settings: Settings) -> Services:
    engine = Engine(TemporalAddress.of(settings))
    key = settings.dev_api_key
    own = Services(
        settings=settings,
        engine=engine,
        starter=Starter(engine, lambda: own.pool),
        hub=EventHub(lambda: own.pool),
        bell=StockBell(lambda: own.pool),
        providers=providers.configured(settings),
        guard=Guard(
            dev_key=key.get_secret_value() if key else None,
            per_minute=settings.rate_limit_per_minute,
        ),
        holds=HoldDesk(lambda: own.pool),
    )
    return own


async def _connect(app: FastAPI, own: Services) -> None:
    """Open the pool, however long the database takes; /readyz tells what is in the way."""
    url, size = (
        own.settings.database_url.get_secret_value(),
        own.settings.database_pool_size,
    )
    told = ""
    while own.database is None:
        try:
            own.database = await open_pool(url, size=size, name="kervan-api")
        except (
            OSError,
            TimeoutError,
            asyncpg.PostgresError,
            asyncpg.InterfaceError,
        ) as error:
            # The message of a refused connection names host and port, never the password.
            app.state.database_trouble = f"{type(error).__name__}: {error}"
            if app.state.database_trouble != told:
                told = app.state.database_trouble
                _log.warning("database_not_reachable", error=told)
            await asyncio.sleep(_CONNECT_AGAIN_SECONDS)


app = create_app()
