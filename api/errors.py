"""Every error as RFC 9457 `application/problem+json` with a stable `code`, never a stack trace."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import asyncpg
import orjson
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from domain.errors import KervanError, Refused

_log = structlog.get_logger("api")

PROBLEM_JSON = "application/problem+json"

# Pydantic's error types, as the codes that clients may rely on.
_CODES = {
    "missing": "required",
    "extra_forbidden": "unknown_field",
    "string_too_short": "too_short",
    "too_short": "too_short",
    "string_too_long": "too_long",
    "too_long": "too_long",
    "greater_than": "too_small",
    "greater_than_equal": "too_small",
    "less_than": "too_large",
    "less_than_equal": "too_large",
    "literal_error": "not_allowed",
    "enum": "not_allowed",
    "string_pattern_mismatch": "bad_format",
    "datetime_parsing": "bad_time",
    "datetime_from_date_parsing": "bad_time",
    "datetime_object_invalid": "bad_time",
    "datetime_type": "bad_time",
    "date_parsing": "bad_time",
    "date_type": "bad_time",
    "date_from_datetime_inexact": "bad_time",
    "timezone_aware": "bad_time",
    "invalid_key": "bad_format",
    "int_parsing_size": "too_large",
    "int_parsing": "wrong_type",
}


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field; `pointer` is RFC 6901, `code` is stable."""

    pointer: str
    code: str
    detail: str

    def as_dict(self) -> dict[str, str]:
        """The field error as it is answered."""
        return {"pointer": self.pointer, "code": self.code, "detail": self.detail}


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and a body, as they are sent, and stored for a repeated request."""

    status: int
    body: bytes

    def response(self, headers: Mapping[str, str] | None = None) -> Response:
        """The answer on the wire; errors carry the media type of problems."""
        media_type = "application/json" if self.status < HTTPStatus.BAD_REQUEST else PROBLEM_JSON
        return Response(
            self.body,
            self.status,
            headers=dict(headers) if headers else None,
            media_type=media_type,
        )


@dataclass(eq=False)
class Problem(Exception):
    """An answer that is an error. `current` tells the states that stand in the way of a 409."""

    status: int
    code: str
    detail: str
    errors: Sequence[FieldError] = ()
    current: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def answer(self) -> Answer:
        """The problem document."""
        document: dict[str, Any] = {
            "type": f"urn:kervan:problem:{self.code}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
        }
        if self.current is not None:
            document["current"] = dict(self.current)
        if self.errors:
            document["errors"] = [error.as_dict() for error in self.errors]
        return Answer(self.status, orjson.dumps(document))

    def response(self) -> Response:
        """The problem on the wire."""
        return self.answer().response(self.headers)


def invalid(errors: Sequence[FieldError], code: str = "invalid_request") -> Problem:
    """422 with one entry for each field that is wrong."""
    count = len(errors)
    detail = errors[0].detail if count == 1 else f"{count} fields are not as they must be."
    return Problem(422, code, detail, errors)


def key_reused() -> Problem:
    """422: the key stands for another request."""
    detail = "The Idempotency-Key was used for another request."
    return invalid(
        [FieldError("/Idempotency-Key", "idempotency_key_reused", detail)],
        "idempotency_key_reused",
    )


def not_found(what: str, code: str = "not_found") -> Problem:
    """404; `what` is a kind of thing, never what the client sent."""
    return Problem(404, code, f"There is no such {what}.")


def unavailable(code: str, detail: str, *, retry_after: int = 2) -> Problem:
    """503 with Retry-After: asking again later, with the same key, is safe."""
    return Problem(503, code, detail, headers={"retry-after": str(retry_after)})


def refused(error: Refused) -> Problem:
    """409 for a state that does not allow it."""
    return Problem(409, error.code, error.detail, current=error.current)


def pointer(parts: Sequence[str | int]) -> str:
    """The RFC 6901 pointer of a path of field names and places."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def field_errors(error: ValidationError, prefix: Sequence[str] = ()) -> list[FieldError]:
    """All that pydantic found, in our codes."""
    return [
        FieldError(pointer((*prefix, *found["loc"])), _code(found["type"]), found["msg"])
        for found in error.errors(include_url=False, include_context=False, include_input=False)
    ]


def _code(kind: str) -> str:
    if kind in _CODES:
        return _CODES[kind]
    return "wrong_type" if kind.endswith("_type") else kind


async def _on_problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)  # noqa: S101 - FastAPI calls it for this class only
    return error.response()


def invalid_parameters(error: RequestValidationError) -> Problem:
    """422 for query and path parameters, which FastAPI reads."""
    found = [
        FieldError(pointer(e["loc"][1:] or e["loc"]), _code(e["type"]), e["msg"])
        for e in error.errors()
    ]
    return invalid(found, "invalid_parameters")


_HTTP_CODES = {
    404: ("not_found", "There is nothing at this address."),
    405: ("method_not_allowed", "This address does not know that method."),
}


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - as above
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        # A route knows its own method only; others may serve the same address.
        template = getattr(request.scope.get("route"), "path_format", "")
        methods = request.app.state.methods.get(template)
        headers |= {"allow": ", ".join(sorted(methods))} if methods else {}
    code, detail = _HTTP_CODES.get(
        error.status_code,
        (HTTPStatus(error.status_code).name.lower(), str(error.detail)),
    )
    return Problem(error.status_code, code, detail, headers=headers).response()


async def _on_domain(_: Request, error: Exception) -> Response:
    assert isinstance(error, KervanError)  # noqa: S101 - as above
    if isinstance(error, Refused):
        return refused(error).response()
    status = error.http_status
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return unavailable(error.code, type(error).__doc__ or "").response()
    return Problem(status, error.code, (type(error).__doc__ or "").strip()).response()


async def _on_database(_: Request, error: Exception) -> Response:
    """PostgreSQL is away, overloaded, or gave up a lock: nothing was written."""
    _log.warning("database_unavailable", error=type(error).__name__)
    return unavailable("database_unavailable", "The database cannot answer now.").response()


async def _on_data(_: Request, error: Exception) -> Response:
    """A value that a column cannot hold and no check of ours has met."""
    _log.warning("value_refused_by_database", error=type(error).__name__)
    return Problem(422, "invalid_request", "A value is out of range.").response()


async def _on_anything(_: Request, error: Exception) -> Response:
    # Starlette logs the trace by raising it on; the client is told nothing of it.
    _log.error("unexpected_error", error=type(error).__name__)
    return Problem(500, "internal_error", "Something went wrong on our side.").response()


# What asyncpg raises when a transaction could not be carried through for reasons that pass.
PASSING_DATABASE_ERRORS: tuple[type[Exception], ...] = (
    asyncpg.PostgresConnectionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.TransactionRollbackError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.LockNotAvailableError,
    asyncpg.ReadOnlySQLTransactionError,
    # The schema is not there yet, or not all of it.
    asyncpg.UndefinedTableError,
    asyncpg.UndefinedColumnError,
    # What the driver says when a connection was cut in the middle.
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)


def install(app: FastAPI) -> None:
    """Answer every error in the one form."""
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(KervanError, _on_domain)
    for passing in PASSING_DATABASE_ERRORS:
        app.add_exception_handler(passing, _on_database)
    app.add_exception_handler(asyncpg.DataError, _on_data)
    app.add_exception_handler(Exception, _on_anything)
