"""Live timelines, by a server in its own process: streams are what in-process clients cannot do."""

import asyncio
import signal
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

import pytest_asyncio

from db.pool import Pool
from tests.api.server import Server, served


@pytest_asyncio.fixture
async def server(database_url: str) -> AsyncIterator[Server]:
    nowhere = "127.0.0.1:1"
    async with served(KERVAN_DATABASE_URL=database_url, KERVAN_TEMPORAL_ADDRESS=nowhere) as api:
        yield api


async def follow(
    server: Server, order_id: str, seen: str = ""
) -> AsyncGenerator[dict[str, str], None]:
    """Events of a stream, as their fields; ends when the server ends it."""
    headers = {"last-event-id": seen} if seen else {}
    path = f"/v1/orders/{order_id}/events/stream"
    async with server.client.stream("GET", path, headers=headers) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        fields: dict[str, str] = {}
        async for text in response.aiter_lines():
            name, _, value = text.partition(": ")
            if text:
                fields[name] = value
            elif "id" in fields:
                yield fields
                fields = {}


async def test_a_stream_tells_what_happens_and_ends_with_the_order(
    server: Server, pool: Pool
) -> None:
    order_id = (await server.shopfront.place())["id"]
    async with asyncio.timeout(30), aclosing(follow(server, order_id)) as stream:
        first = await anext(stream)
        assert first["event"] == "order_placed"
        await server.client.post(f"/v1/orders/{order_id}/notes", json={"note": "live"})
        second = await anext(stream)
        assert (second["event"], '"note":"live"' in second["data"]) == ("note_added", True)
        await pool.execute("UPDATE orders SET status = 'completed'")
        assert [event async for event in stream] == []
    async with aclosing(follow(server, order_id, first["id"])) as stream:
        assert [event["id"] async for event in stream] == [second["id"]]
    over = await server.client.get(
        f"/v1/orders/{order_id}/events/stream", headers={"last-event-id": second["id"]}
    )
    assert over.status_code == 204


async def test_open_streams_do_not_keep_the_server_from_stopping(server: Server) -> None:
    order_id = (await server.shopfront.place())["id"]
    streams = [follow(server, order_id) for _ in range(3)]
    async with asyncio.timeout(15):
        for stream in streams:
            await anext(stream)
        server.process.send_signal(signal.SIGTERM)
        for stream in streams:
            assert [event async for event in stream] == []
        await server.process.wait()
