"""Keyset pages: an opaque cursor holds the place of the last item."""

import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any, TypeVar

import orjson
from fastapi import Query

from api.errors import FieldError, invalid

T = TypeVar("T")

Limit = Annotated[int, Query(ge=1, le=200, description="items on a page")]
Cursor = Annotated[
    str | None,
    Query(max_length=1_000, description="`next_cursor` of the page before"),
]
DEFAULT_LIMIT = 50


class _NotAPlace(ValueError):
    """A cursor that reads well and is none of ours."""


def encode(*place: object) -> str:
    """A place as a cursor."""
    return base64.urlsafe_b64encode(orjson.dumps(place)).decode().rstrip("=")


def decode(cursor: str | None, *kinds: type, name: str = "cursor") -> Any:  # noqa: ANN401 - a tuple of these kinds
    """The place of a cursor, None without one; 422 when it is not one of ours."""
    if not cursor:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        place = orjson.loads(base64.b64decode(padded.encode("ascii"), b"-_", validate=True))
        if not isinstance(place, list) or len(place) != len(kinds):
            raise _NotAPlace
        return tuple(_read(value, kind) for value, kind in zip(place, kinds, strict=True))
    except (binascii.Error, UnicodeError, ValueError, OverflowError):
        detail = "The cursor does not come from this list."
        raise invalid(
            [FieldError(f"/{name}", "bad_cursor", detail)], "invalid_parameters"
        ) from None


def _read(value: object, kind: type) -> object:
    if kind is datetime and isinstance(value, str):
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise _NotAPlace
        return moment
    if type(value) is not kind or (isinstance(value, str) and "\0" in value):
        raise _NotAPlace
    if isinstance(value, int) and not 0 <= value < 2**63:
        raise _NotAPlace
    return value


def cut(found: Sequence[T], limit: int, place: Callable[[T], str]) -> tuple[list[T], str | None]:
    """A page of what was asked for with one more than `limit`, and the cursor of the next."""
    page = list(found[:limit])
    return page, place(page[-1]) if len(found) > limit else None
