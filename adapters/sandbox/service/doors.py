"""How one comes in: the shop's key, the key of each request with an effect, the way back."""

import hmac
from http import HTTPStatus
from typing import Annotated

from fastapi import Header, Request

from adapters.sandbox.service.problems import Problem

_LONGEST_KEY = 255


class Guard:
    """A dependency that lets in who brings the sandbox's key."""

    def __init__(self, key: str) -> None:
        self._expected = f"Bearer {key}".encode()

    async def __call__(self, authorization: Annotated[str, Header()] = "") -> None:
        """Compare in constant time."""
        if not hmac.compare_digest(authorization.encode(), self._expected):
            raise Problem(HTTPStatus.UNAUTHORIZED, "wrong_key", "The key is missing or wrong.")


async def idempotency_key(idempotency_key: Annotated[str, Header()] = "") -> str:
    """The request's Idempotency-Key; it is kept for ever."""
    if not 0 < len(idempotency_key) <= _LONGEST_KEY:
        detail = f"An Idempotency-Key of 1 to {_LONGEST_KEY} characters is needed."
        raise Problem(HTTPStatus.BAD_REQUEST, "idempotency_key_required", detail)
    return idempotency_key


class PublicUrl:
    """Where people reach this service: as it was told, else as the request did."""

    def __init__(self, told: str) -> None:
        self._told = told.rstrip("/")

    def __call__(self, request: Request) -> str:
        """The base of addresses for people, without a slash at its end."""
        return self._told or str(request.base_url).rstrip("/")
