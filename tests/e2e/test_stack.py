"""`kervan dev`: what it promises, and what it survives."""

import asyncio
import os
import signal
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import httpx2
import pytest
import pytest_asyncio
from temporalio.client import Client

from tests.e2e.dev_process import DevProcess, is_running, kervan_dev, nobody_works_in, until

# Some start the stack twice, and each start imports the house in three processes.
pytestmark = pytest.mark.timeout(300)

PARTS = {"api", "worker", "temporal", "postgres", "sandbox"}


@pytest_asyncio.fixture(scope="module")
async def dev() -> AsyncIterator[DevProcess]:
    """Run one `kervan dev` for all tests that leave it in good health."""
    with tempfile.TemporaryDirectory(prefix="kervan-stack-") as directory:
        async with kervan_dev(Path(directory)) as running:
            await running.wait_ready()
            yield running


async def get(url: str, **headers: str) -> int:
    async with httpx2.AsyncClient(trust_env=False) as client:
        return (await client.get(url, headers=headers, follow_redirects=True)).status_code


async def test_the_ready_line_tells_where_everything_is(dev: DevProcess) -> None:
    ready = dev.ready
    assert set(ready) == {
        "api",
        "docs",
        "temporal",
        "temporal_ui",
        "sandbox",
        "database",
        "pids",
    }
    assert set(ready["pids"]) == set(dev.pids()) == PARTS
    assert await get(f"{ready['api']}/readyz") == 200
    assert await get(ready["docs"]) == 200
    assert await get(ready["temporal_ui"]) == 200
    assert await get(f"{ready['sandbox']}/healthz") == 200
    await Client.connect(ready["temporal"])
    connection = await asyncpg.connect(ready["database"])
    assert await connection.fetchval("SELECT count(*) > 0 FROM schema_migrations")
    assert await connection.fetchval("SHOW fsync") == "on"
    await connection.close()


async def test_a_part_that_dies_is_started_again_on_its_port(dev: DevProcess) -> None:
    for name in ("postgres", "temporal", "sandbox", "worker", "api"):
        old = dev.pids()[name]
        assert old is not None
        os.kill(old, signal.SIGKILL)
        new = await dev.restarted(name, old)
        assert is_running(new)
        assert not is_running(old)
        assert f"{name} was ended by SIGKILL; starting it again" in dev.messages()
        assert f"{name} is up again" in dev.messages()
    assert await get(f"{dev.ready['api']}/readyz") == 200
    assert await get(f"{dev.ready['sandbox']}/healthz") == 200
    await Client.connect(dev.ready["temporal"])


async def test_all_parts_killed_at_once_come_back(dev: DevProcess) -> None:
    old = dev.pids()
    for pid in old.values():
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
    for name, pid in old.items():
        await dev.restarted(name, pid or 0)
    assert await get(f"{dev.ready['api']}/readyz") == 200


async def test_two_stacks_never_share_a_data_directory(dev: DevProcess) -> None:
    async with kervan_dev(dev.data_dir) as second:
        assert await asyncio.wait_for(second.process.wait(), 30) == 1
    assert f"another stack (pid {dev.process.pid}) is running in" in dev.messages()
    assert all(pid is not None and is_running(pid) for pid in dev.pids().values())
    assert await get(f"{dev.ready['api']}/readyz") == 200


async def test_a_signal_stops_everything_in_order_and_the_data_stays(data_dir: Path) -> None:
    async with kervan_dev(data_dir) as first:
        await first.wait_ready()
        assert first.pids() == first.ready["pids"]
        assert all(is_running(pid) for pid in first.ready["pids"].values())
        connection = await asyncpg.connect(first.ready["database"])
        await connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
        await connection.close()
        client = await Client.connect(first.ready["temporal"])
        await client.start_workflow("Waiting", id="kept", task_queue="nobody")
        assert await first.end(signal.SIGINT) == 0
        assert not any(is_running(pid) for pid in first.ready["pids"].values())
        assert not (data_dir / "pids.json").exists()
    async with kervan_dev(data_dir) as second:
        await second.wait_ready()
        connection = await asyncpg.connect(second.ready["database"])
        assert await connection.fetchval("SELECT number FROM kept") == 7
        await connection.close()
        client = await Client.connect(second.ready["temporal"])
        description = await client.get_workflow_handle("kept").describe()
        assert description.workflow_type == "Waiting"


async def test_a_killed_supervisor_leaves_no_process_and_the_next_one_starts(
    data_dir: Path,
) -> None:
    async with kervan_dev(data_dir) as first:
        await first.wait_ready()
        connection = await asyncpg.connect(first.ready["database"])
        await connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
        first.process.kill()
        await first.process.wait()
        # No pause: the next one has to wait by itself for what is left.
        async with kervan_dev(data_dir) as second:
            await second.wait_ready()
            assert not any(is_running(pid) for pid in first.ready["pids"].values())
            connection = await asyncpg.connect(second.ready["database"])
            assert await connection.fetchval("SELECT number FROM kept") == 7
            await connection.close()
            second.process.kill()
            await second.process.wait()
            await until(lambda: nobody_works_in(data_dir), within=10)


async def test_a_signal_during_the_start_leaves_nothing(data_dir: Path) -> None:
    async with kervan_dev(data_dir) as dev:
        await until(lambda: "is up" in dev.messages())
        assert await dev.end(signal.SIGTERM) == 0
    assert nobody_works_in(data_dir)


async def test_a_taken_port_is_named_with_the_variable_that_changes_it(data_dir: Path) -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, kervan_dev(data_dir, KERVAN_API_PORT=str(port)) as dev:
        assert await asyncio.wait_for(dev.process.wait(), 30) == 1
    assert f"port {port} on 127.0.0.1 is taken; set KERVAN_API_PORT" in dev.messages()
