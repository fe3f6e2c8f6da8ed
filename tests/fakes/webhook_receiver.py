"""A shop's webhook address: takes what is posted, and answers as the test wants."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from ops.stack.ports import LOOPBACK

_PATIENCE = 20.0


@dataclass(frozen=True, slots=True)
class Received:
    """One request. Header names are in lower case."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    connection: int

    @property
    def event(self) -> dict[str, Any]:
        """The body."""
        event: dict[str, Any] = json.loads(self.body)
        return event


class WebhookReceiver:
    """A small HTTP/1.1 server on the test's own loop.

    `answer` decides each status; `None` closes the connection without one.
    """

    def __init__(self) -> None:
        """Nothing is received before `open`."""
        self.requests: list[Received] = []
        self.answer: Callable[[Received], HTTPStatus | None] = lambda _: HTTPStatus.OK
        self.port = 0
        self._connections = 0
        self._conversations: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._changed = asyncio.Condition()
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """Its base address."""
        return f"http://{LOOPBACK}:{self.port}"

    async def open(self) -> None:
        """Listen; on the same port when it was open before."""
        self._server = await asyncio.start_server(self._serve, LOOPBACK, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening and drop all connections."""
        if self._server is not None:
            self._server.close()
            for writer in self._conversations.values():
                writer.close()
            await asyncio.gather(*self._conversations)
            await self._server.wait_closed()
            self._server = None

    def of(self, reference: str) -> list[Received]:
        """All requests that tell of an order, a payment, a shipment or a parcel."""
        return [one for one in self.requests if reference in one.event["data"].values()]

    async def until(self, enough: Callable[[], bool]) -> None:
        """Wait until `enough` is true; asked anew after each request."""
        async with self._changed, asyncio.timeout(_PATIENCE):
            await self._changed.wait_for(enough)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        connection = self._connections
        task = asyncio.current_task()
        assert task is not None
        self._conversations[task] = writer
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                request = await _read(reader, connection)
                status = self.answer(request)
                async with self._changed:
                    self.requests.append(request)
                    self._changed.notify_all()
                if status is None:
                    break
                head = f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-length: 0\r\n\r\n"
                writer.write(head.encode())
                await writer.drain()
        del self._conversations[task]
        writer.close()


async def _read(reader: asyncio.StreamReader, connection: int) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("ascii").split("\r\n")
    pairs = [line.split(": ", 1) for line in head[1:] if line]
    headers = {name.lower(): value for name, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Received(head[0].split(" ")[1], headers, body, connection)


@contextlib.asynccontextmanager
async def webhook_receiver() -> AsyncIterator[WebhookReceiver]:
    """Listen on a free port."""
    receiver = WebhookReceiver()
    await receiver.open()
    try:
        yield receiver
    finally:
        await receiver.close()
