"""What the adapters make of a wire that misbehaves: may the request have had its effect?"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from adapters.http import Answer, Call, build_client, send
from domain.errors import OutcomeUnknown, ProviderRejected, ProviderUnavailable
from ops.stack.ports import LOOPBACK, PortReservation

_REFUSAL = b'{"code": "no_such_thing", "detail": "Ayse"}'


@contextlib.asynccontextmanager
async def provider(answer: bytes | None, *, hangs: bool = False) -> AsyncIterator[str]:
    """A server that reads a request and sends these bytes; None closes without any."""
    over = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if answer:
            writer.write(answer)
            await writer.drain()
        if hangs:
            await over.wait()
        writer.close()

    server = await asyncio.start_server(serve, LOOPBACK, 0)
    try:
        yield f"http://{LOOPBACK}:{server.sockets[0].getsockname()[1]}/thing"
    finally:
        over.set()
        server.close()
        await server.wait_closed()


def response(status: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
    return head.encode() + body


async def asked(url: str, *, effect: bool, accept: frozenset[int] = frozenset()) -> Answer:
    async with build_client(timedelta(seconds=0.3), trust_env=False) as client:
        return await send(client, Call("GET", url, {}, accept=accept, effect=effect))


async def test_nobody_listens_so_nothing_was_done() -> None:
    reserved = PortReservation()
    with pytest.raises(ProviderUnavailable):
        await asked(f"http://{LOOPBACK}:{reserved.port}/", effect=True)
    reserved.release()


@pytest.mark.parametrize(
    ("answer", "hangs"),
    [
        (None, False),
        (None, True),
        (b"HTTP/1.1 200 OK\r\ncontent-le", False),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{", False),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{", True),
        (b"what?\r\n\r\n", False),
        (response("200 OK", b"{not json"), False),
        (response("200 OK", b"[]"), False),
        (response("504 Gateway Timeout", b""), False),
    ],
)
async def test_without_a_readable_answer_an_effect_is_unknown_and_a_question_is_asked_again(
    answer: bytes | None,
    hangs: bool,  # noqa: FBT001 - a parameter of the case
) -> None:
    async with provider(answer, hangs=hangs) as url:
        with pytest.raises(OutcomeUnknown):
            await asked(url, effect=True)
        with pytest.raises(ProviderUnavailable):
            await asked(url, effect=False)


@pytest.mark.parametrize(
    "status",
    [
        "408 Request Timeout",
        "425 Too Early",
        "429 Too Many Requests",
        "500 Internal Server Error",
        "502 Bad Gateway",
        "503 Service Unavailable",
    ],
)
async def test_a_provider_that_is_busy_or_broken_is_asked_again(status: str) -> None:
    async with provider(response(status, b"<html>oops</html>")) as url:
        with pytest.raises(ProviderUnavailable, match=f"http_{status[:3]}"):
            await asked(url, effect=True)


async def test_a_refusal_is_final_and_tells_its_code_alone() -> None:
    async with provider(response("422 Unprocessable Entity", _REFUSAL)) as url:
        with pytest.raises(ProviderRejected) as refusal:
            await asked(url, effect=True)
    assert (refusal.value.reason, str(refusal.value)) == (
        "no_such_thing",
        "no_such_thing",
    )


async def test_an_expected_refusal_is_an_answer() -> None:
    async with provider(response("402 Payment Required", _REFUSAL)) as url:
        answer = await asked(url, effect=True, accept=frozenset({402}))
    assert (answer.status, answer.body["code"]) == (402, "no_such_thing")


async def test_an_answer_without_a_body_is_an_empty_one() -> None:
    async with provider(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n") as url:
        assert await asked(url, effect=True) == Answer(204, {})
