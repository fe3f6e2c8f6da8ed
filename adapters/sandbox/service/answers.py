"""Answers of the service: JSON, problems, and the answer that gets lost."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from adapters.sandbox.service.problems import Problem

_TRANSPORT = "kervan.sandbox.transport"


class Json(Response):
    """A JSON body."""

    media_type = "application/json"

    def render(self, content: object) -> bytes:
        """As orjson writes it."""
        return orjson.dumps(content)


def problem(error: Problem, more: Mapping[str, Any] | None = None) -> Json:
    """`application/problem+json`, with a Retry-After where asking again helps."""
    body = {
        "type": "about:blank",
        "title": error.status.phrase,
        "status": error.status.value,
        "code": error.code,
        "detail": error.detail,
    }
    headers = {"retry-after": "1"} if error.status is HTTPStatus.SERVICE_UNAVAILABLE else None
    return Json(
        body | dict(more or {}),
        error.status.value,
        headers,
        media_type="application/problem+json",
    )


class Lost(Response):
    """No answer at all: the connection closes, as when a cable is pulled after the work is done."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Close the connection and wait until the server has noticed."""
        scope[_TRANSPORT].close()
        while (await receive())["type"] != "http.disconnect":
            pass


class Cables:
    """The outermost ASGI layer: gives `Lost` the connection it is to close.

    ASGI has no word for it, so this leans on uvicorn: its `send` belongs to an object that holds
    the transport.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on."""
        if scope["type"] == "http":
            scope[_TRANSPORT] = send.__self__.transport  # type: ignore[attr-defined]
        await self._app(scope, receive, send)
