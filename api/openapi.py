"""What the OpenAPI document says beyond what FastAPI reads from the functions' signatures."""

from typing import Any

import orjson
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from api.errors import FieldError, Problem
from api.schemas.answers import ProblemOut

_BODIES: set[type[BaseModel]] = set()

_REASONS = {
    400: "The request ended before its body did.",
    401: "No key, or one that is not known.",
    403: "The key does not carry the scope.",
    404: "There is no such thing.",
    409: "The state does not allow it; `current` tells the state.",
    413: "The body is larger than a megabyte.",
    415: "The body is not JSON.",
    422: "Malformed; `errors` names each field.",
    429: "Too many requests of this key; see Retry-After.",
    500: "A fault on our side.",
    503: "The database or the workflow engine cannot answer now; see Retry-After.",
}

_CONFLICT, _UNPROCESSABLE = 409, 422
# A code and its words for each status; the words of a field for 422.
_EXAMPLES = {
    400: ("client_disconnected", "The body ended too early."),
    401: ("unauthorized", "The API key is not known, or was revoked."),
    403: ("forbidden", "This needs a key with scope support or admin."),
    404: ("not_found", "There is no such order."),
    409: ("order_closed", "The order is completed."),
    413: ("body_too_large", "A body is limited to 1048576 bytes."),
    415: ("unsupported_media_type", "The body must be application/json."),
    422: ("too_small", "Input should be greater than or equal to 1"),
    429: ("rate_limited", "This key may send 60 requests a minute."),
    500: ("internal_error", "Something went wrong on our side."),
    503: ("database_unavailable", "The database cannot answer now."),
}

_IDEMPOTENCY_HEADER = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key and body get the same answer, at any concurrency.",
    "schema": {
        "type": "string",
        "minLength": 1,
        "maxLength": 255,
        "pattern": "^[!-~]{1,255}$",
    },
}


def describe(  # noqa: PLR0913 - what a call is
    summary: str,
    answer: type[BaseModel] | None,
    *,
    status: int = 200,
    body: type[BaseModel] | None = None,
    example: object = None,
    problems: tuple[int, ...] = (),
    scopes: tuple[str, ...] | None = None,
    idempotent: bool = True,
    body_required: bool = True,
) -> dict[str, Any]:
    """Keyword arguments of a route: summary, answers with every error, body, security."""
    errors = {422, 503, *problems}
    if scopes is not None:
        errors |= {401, 403, 429}
    extra: dict[str, Any] = {}
    if body is not None:
        errors |= {400, 413, 415}
        _BODIES.add(body)
        content: dict[str, Any] = {"schema": {"$ref": f"#/components/schemas/{body.__name__}"}}
        if example is not None:
            content["example"] = example
        extra["requestBody"] = {
            "required": body_required,
            "content": {"application/json": content},
        }
        if idempotent:
            errors |= {409}
            extra["parameters"] = [_IDEMPOTENCY_HEADER]
    if scopes is not None:
        extra["security"] = [{"key": []}]
        extra["x-scopes"] = list(scopes)
    else:
        extra["security"] = []
    responses: dict[int | str, dict[str, Any]] = {
        code: {
            "description": _REASONS[code],
            "model": ProblemOut,
            "content": {
                "application/problem+json": {
                    "schema": {"$ref": "#/components/schemas/ProblemOut"},
                    "example": _example(code),
                }
            },
        }
        for code in sorted(errors)
    }
    if answer is not None:
        responses[status] = {"model": answer, "description": summary}
    return {
        "summary": summary,
        "status_code": status,
        "responses": responses,
        "openapi_extra": extra,
        "response_model": None,
    }


def _example(status: int) -> dict[str, Any]:
    """A problem of that status, as it is sent."""
    code, detail = _EXAMPLES[status]
    errors = [FieldError("/lines/0/quantity", code, detail)] if status == _UNPROCESSABLE else ()
    current = {"status": "completed", "payment_status": "paid"} if status == _CONFLICT else None
    problem = Problem(status, "invalid_request" if errors else code, detail, errors, current)
    document: dict[str, Any] = orjson.loads(problem.answer().body)
    return document


def document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, made once."""
    if app.openapi_schema:
        return app.openapi_schema
    schema = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        routes=app.routes,
        tags=app.openapi_tags,
    )
    components = schema.setdefault("components", {})
    bodies = sorted(_BODIES, key=lambda model: model.__name__)
    _, definitions = models_json_schema(
        [(model, "validation") for model in bodies],
        ref_template="#/components/schemas/{model}",
    )
    schemas = components.setdefault("schemas", {})
    schemas.update(definitions.get("$defs", {}))
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    components["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "description": "An API key."}
    }
    for path in schema["paths"].values():
        for operation in path.values():
            _only_problems(operation)
            if scopes := operation.get("x-scopes"):
                told = operation.get("description", "")
                operation["description"] = f"{told}\n\nScopes: {', '.join(scopes)}.".strip()
    app.openapi_schema = schema
    return schema


def _only_problems(operation: dict[str, Any]) -> None:
    """Errors are problems, and nothing else: drop the media type that FastAPI adds by itself."""
    for code, response in operation.get("responses", {}).items():
        if int(code) >= 400:  # noqa: PLR2004 - the first status that is an error
            response.get("content", {}).pop("application/json", None)
