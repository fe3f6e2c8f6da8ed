"""What the HTTP adapters share: one client, and one reading of what can go wrong on the wire.

The question is always the same: may the request have had its effect? Only a request that never
left, or one that was answered, is certain; everything between is `OutcomeUnknown`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import httpx2
import orjson

from domain.errors import OutcomeUnknown, ProviderRejected, ProviderUnavailable

# Answers that promise that nothing was done and that asking again is right.
_ASK_AGAIN = frozenset(
    {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
)
# The request did not leave this process.
_NOT_SENT = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.UnsupportedProtocol,
)
_CONNECT_SECONDS = 3.0
_KEEPALIVE_SECONDS = 30.0


def build_client(
    timeout: timedelta, *, max_connections: int = 100, trust_env: bool = True
) -> httpx2.AsyncClient:
    """A pooled client for all adapters of a process. Retries belong to Temporal: it makes none.

    `timeout` bounds each wait for the other side. `trust_env` honours the proxy variables.
    Nothing is opened before the first request.
    """
    seconds = timeout.total_seconds()
    return httpx2.AsyncClient(
        timeout=httpx2.Timeout(seconds, connect=min(seconds, _CONNECT_SECONDS)),
        limits=httpx2.Limits(
            max_connections=max_connections,
            max_keepalive_connections=max_connections,
            keepalive_expiry=_KEEPALIVE_SECONDS,
        ),
        trust_env=trust_env,
    )


@dataclass(frozen=True, slots=True)
class Answer:
    """A provider's answer: the HTTP status and the JSON object it came with."""

    status: int
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `accept` lists the 4xx answers that are results, not errors.

    `effect` is False for mere questions: asking those again is always safe.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: Mapping[str, Any] | None = None
    params: Mapping[str, str] | None = None
    accept: frozenset[int] = frozenset()
    effect: bool = True


async def send(client: httpx2.AsyncClient, call: Call) -> Answer:
    """Send `call` and read its answer.

    Raises `ProviderUnavailable` (nothing happened: not connected, 408, 425, 429, 5xx),
    `OutcomeUnknown` (sent, and no readable answer) or `ProviderRejected` (other 4xx, with the
    provider's code). Messages hold codes only, since they end in workflow histories.
    """
    headers = dict(call.headers)
    content = None
    if call.body is not None:
        headers["content-type"] = "application/json"
        content = orjson.dumps(call.body)
    try:
        response = await client.request(
            call.method, call.url, headers=headers, content=content, params=call.params
        )
    except _NOT_SENT as error:
        raise ProviderUnavailable(type(error).__name__) from None
    except httpx2.RequestError as error:
        raise _unanswered(call, type(error).__name__) from None
    return _judge(call, response)


def _unanswered(call: Call, why: str) -> OutcomeUnknown | ProviderUnavailable:
    return OutcomeUnknown(why) if call.effect else ProviderUnavailable(why)


def _judge(call: Call, response: httpx2.Response) -> Answer:
    status = response.status_code
    body = _object(response.content)
    if response.is_success or status in call.accept:
        if body is None:
            raise _unanswered(call, "unreadable_answer")
        return Answer(status, body)
    code = _code(body) or f"http_{status}"
    if status == HTTPStatus.GATEWAY_TIMEOUT:
        # Somebody between us and the provider sent it on and heard nothing.
        raise _unanswered(call, code)
    if status in _ASK_AGAIN or response.is_server_error:
        raise ProviderUnavailable(code)
    raise ProviderRejected(code)


def _object(content: bytes) -> Mapping[str, Any] | None:
    if not content:
        return {}
    try:
        value = orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


def _code(body: Mapping[str, Any] | None) -> str:
    code = (body or {}).get("code")
    return code if isinstance(code, str) else ""
