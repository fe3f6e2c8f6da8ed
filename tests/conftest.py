"""Servers and databases for the tests that ask for them; tests/unit asks for none."""

import hashlib
import os
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
import pytest_asyncio
from temporalio.client import Client
from temporalio.testing import TimeSkipper

from db.migrate import migrate, read_migrations
from db.pool import Pool, open_pool
from tests.servers import ensure_started, exclusively, stop_all
from workflows.client import TemporalAddress, connect

_RUN_DIRECTORY = "KERVAN_TEST_RUN_DIRECTORY"
_CONTROLLER = "KERVAN_TEST_CONTROLLER"


def pytest_configure(config: pytest.Config) -> None:
    """Name the run's directory; the workers of xdist inherit it by environment."""
    if not hasattr(config, "workerinput"):
        os.environ[_RUN_DIRECTORY] = tempfile.mkdtemp(prefix="kervan-tests-")
        os.environ[_CONTROLLER] = str(os.getpid())
    # A developer's own settings must not reach the tests.
    for name in [name for name in os.environ if name.startswith("KERVAN_")]:
        if name not in {_RUN_DIRECTORY, _CONTROLLER, "KERVAN_PG_BIN", "KERVAN_TEMPORAL_BIN"}:
            del os.environ[name]


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the servers when the whole run is over."""
    if not hasattr(config, "workerinput"):
        stop_all(_run_directory())


@pytest.fixture(scope="session")
def postgres_url() -> str:
    """URL of the `postgres` database on the run's PostgreSQL, as superuser."""
    return ensure_started("postgres", _run_directory(), int(os.environ[_CONTROLLER]))["url"]


@pytest_asyncio.fixture(scope="session")
async def template_database(postgres_url: str) -> str:
    """Name of a migrated database that nobody writes to, made once per run."""
    migrations = read_migrations(Path(__file__).parents[1] / "db" / "migrations")
    fingerprint = hashlib.sha256("".join(m.sha256 for m in migrations).encode()).hexdigest()
    name = f"template_{fingerprint[:16]}"
    with exclusively(_run_directory(), "template"):
        connection = await asyncpg.connect(postgres_url)
        try:
            known = "SELECT 1 FROM pg_database WHERE datname = $1"
            if not await connection.fetchval(known, name):
                await connection.execute(f"CREATE DATABASE {name}_draft")
                await migrate(database_named(postgres_url, f"{name}_draft"))
                await connection.execute(f"ALTER DATABASE {name}_draft RENAME TO {name}")
        finally:
            await connection.close()
    return name


@pytest_asyncio.fixture(scope="session")
async def _administrator(postgres_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(postgres_url)
    yield connection
    await connection.close()


@pytest_asyncio.fixture
async def empty_database_url(
    postgres_url: str, _administrator: asyncpg.Connection
) -> AsyncIterator[str]:
    """URL of a database of this test's own, without any table."""
    name = f"test_{uuid.uuid4().hex}"
    await _administrator.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    yield database_named(postgres_url, name)
    await _administrator.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest_asyncio.fixture
async def database_url(
    postgres_url: str, template_database: str, _administrator: asyncpg.Connection
) -> AsyncIterator[str]:
    """URL of a migrated database of this test's own."""
    name = f"test_{uuid.uuid4().hex}"
    copy = f"CREATE DATABASE {name} TEMPLATE {template_database} STRATEGY FILE_COPY"
    await _administrator.execute(copy)
    yield database_named(postgres_url, name)
    await _administrator.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest_asyncio.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    """Open a pool on this test's own database."""
    connections = await open_pool(database_url)
    yield connections
    await connections.close()


@pytest.fixture(scope="session")
def temporal_address() -> str:
    """Host and port of the run's Temporal server, with our search attributes."""
    return ensure_started("temporal", _run_directory(), int(os.environ[_CONTROLLER]))["address"]


@pytest_asyncio.fixture(scope="session")
async def temporal(temporal_address: str) -> Client:
    """Connect a client of the run's Temporal; isolate tests by workflow id and task queue."""
    return await connect(TemporalAddress(temporal_address))


@pytest.fixture(scope="session")
def time_skipper(temporal: Client) -> TimeSkipper:
    """Give a client whose workflows do not wait for their timers, on the same server."""
    return TimeSkipper(temporal)


@pytest.fixture
def task_queue() -> str:
    """Name a task queue of this test's own."""
    return f"test-{uuid.uuid4().hex}"


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """Make a short path for a private stack, removed afterwards."""
    directory = Path(tempfile.mkdtemp(prefix="kervan-stack-"))
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


def database_named(url: str, name: str) -> str:
    """Return the URL with another database."""
    return urlsplit(url)._replace(path=f"/{name}").geturl()


def _run_directory() -> Path:
    return Path(os.environ[_RUN_DIRECTORY])
