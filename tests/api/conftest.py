"""The API in this process, on a database of the test's own; Temporal is real, or away."""

import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import asyncpg
import httpx2
import pytest
import pytest_asyncio
from pydantic import SecretStr

from api.app import create_app
from db.pool import Pool, open_pool
from settings import Settings
from tests.api.orders import Shopfront
from tests.api.storehouse import Storehouse
from tests.conftest import database_named

# Nothing listens on port 1: connecting is refused at once.
NOWHERE = "127.0.0.1:1"

Open = Callable[..., AbstractAsyncContextManager[httpx2.AsyncClient]]


@asynccontextmanager
async def opened(settings: Settings, key: str = "dev") -> AsyncIterator[httpx2.AsyncClient]:
    """A client of an API that was started with these settings."""
    app = create_app(settings)
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    headers = {"authorization": f"Bearer {key}"} if key else {}
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://kervan", headers=headers) as api,
    ):
        yield api


def settings_of(url: str, **changes: Any) -> Settings:
    """Settings of an API whose Temporal is away, unless the changes say where it is."""
    values: dict[str, Any] = {
        "database_url": SecretStr(url),
        "dev_api_key": SecretStr("dev"),
        "temporal_address": NOWHERE,
        "log_level": "CRITICAL",
    }
    return Settings(**(values | changes))


@pytest.fixture
def open_api(database_url: str) -> Open:
    """Open the API with settings of the test's own."""

    def open_with(key: str = "dev", **settings: Any) -> Any:
        return opened(settings_of(database_url, **settings), key)

    return open_with


@pytest_asyncio.fixture
async def api(open_api: Open) -> AsyncIterator[httpx2.AsyncClient]:
    """The API while Temporal is away, for everything that has to work then."""
    async with open_api() as client:
        yield client


@pytest.fixture
def shopfront(api: httpx2.AsyncClient) -> Shopfront:
    """Places orders at the API."""
    return Shopfront(api)


@pytest_asyncio.fixture
async def store(api: httpx2.AsyncClient, pool: Pool) -> Storehouse:
    """A warehouse with bins, and items with and without lots and serial numbers."""
    return await Storehouse(api, pool).build()


@pytest_asyncio.fixture(scope="session")
async def standing_database_url(
    postgres_url: str, template_database: str, _administrator: asyncpg.Connection
) -> AsyncIterator[str]:
    """A database that tests share which write nothing, since making one takes its time."""
    name = f"standing_{uuid.uuid4().hex}"
    await _administrator.execute(f"CREATE DATABASE {name} TEMPLATE {template_database}")
    yield database_named(postgres_url, name)
    await _administrator.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest_asyncio.fixture(scope="session")
async def standing_pool(standing_database_url: str) -> AsyncIterator[Pool]:
    """A pool on it, to see that nothing was written."""
    pool = await open_pool(standing_database_url, size=2)
    yield pool
    await pool.close()


@pytest_asyncio.fixture(scope="session")
async def standing_api(standing_database_url: str) -> AsyncIterator[httpx2.AsyncClient]:
    """An API on it, for requests that are refused or read what nobody wrote."""
    async with opened(settings_of(standing_database_url)) as client:
        yield client
