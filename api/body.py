"""Reading request bodies: bounded, strict, and with one hash for the same content."""

import hashlib
import re
from dataclasses import dataclass
from typing import Generic, TypeVar

import orjson
from fastapi import Request
from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect

from api.errors import FieldError, Problem, field_errors, invalid

MAX_BODY_BYTES = 1_048_576

M = TypeVar("M", bound=BaseModel)

_JSON = re.compile(r"application/(?:[\w.+-]+\+)?json\s*(?:;.*)?", re.IGNORECASE)
_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}")


@dataclass(frozen=True, slots=True)
class Parsed(Generic[M]):
    """A body that fits its model, and the hash of method, path and content."""

    value: M
    request_hash: bytes


async def read_body(request: Request) -> bytes:
    """The raw body; 413 when it is larger than a megabyte, however it is sent."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > MAX_BODY_BYTES:
        raise _too_large()
    chunks: list[bytes] = []
    size = 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > MAX_BODY_BYTES:
                raise _too_large()
            chunks.append(chunk)
    except ClientDisconnect:
        raise Problem(400, "client_disconnected", "The body ended too early.") from None
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def parse(request: Request, model: type[M]) -> Parsed[M]:
    """Read a JSON body into its model; every field that is wrong is named at once."""
    content_type = request.headers.get("content-type")
    if content_type is not None and not _JSON.fullmatch(content_type):
        raise Problem(415, "unsupported_media_type", "The body must be application/json.")
    raw = await read_body(request)
    if not raw.strip():
        raw = b"{}"
    try:
        value = model.model_validate_json(raw)
    except ValidationError as error:
        raise _explain(error) from None
    try:
        content = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise _not_json() from None
    return Parsed(value, request_hash(request, content))


def request_hash(request: Request, content: object) -> bytes:
    """The same for the same method, path and content, whatever the order of keys and blanks."""
    canonical = orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
    digest = hashlib.sha256(f"{request.method} {request.url.path}\n".encode())
    digest.update(canonical)
    return digest.digest()


def idempotency_key(request: Request) -> str | None:
    """The `Idempotency-Key` header, when there is one; 422 when it is not 1 to 255 printables."""
    key = request.headers.get("idempotency-key")
    if key is not None and not _IDEMPOTENCY_KEY.fullmatch(key):
        raise invalid(
            [
                FieldError(
                    "/Idempotency-Key",
                    "bad_format",
                    "A key is 1 to 255 printable ASCII characters.",
                )
            ],
            "bad_idempotency_key",
        )
    return key


def _explain(error: ValidationError) -> Problem:
    errors = error.errors(include_url=False, include_context=False, include_input=False)
    if errors[0]["type"] == "json_invalid":
        return Problem(422, "invalid_json", errors[0]["msg"])
    return invalid(field_errors(error))


def _not_json() -> Problem:
    return Problem(422, "invalid_json", "The body is not JSON (RFC 8259).")


def _too_large() -> Problem:
    return Problem(413, "body_too_large", f"A body is limited to {MAX_BODY_BYTES} bytes.")
