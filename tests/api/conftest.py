"""The API in this process, on a database of the test's own; Temporal is real, or away."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from pydantic import SecretStr

from api.app import create_app
from settings import Settings
from tests.api.orders import Shopfront

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


@pytest.fixture
def open_api(database_url: str) -> Open:
    """Open the API with settings of the test's own; Temporal is away unless they say where."""

    def open_with(key: str = "dev", **settings: Any) -> Any:
        values = {
            "database_url": SecretStr(database_url),
            "dev_api_key": SecretStr("dev"),
            "temporal_address": NOWHERE,
            "log_level": "CRITICAL",
        }
        return opened(Settings(**(values | settings)), key)

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
