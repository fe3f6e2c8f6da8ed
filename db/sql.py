"""Loads `db/queries/*.sql`: statements by name, each with a comment that says what it is for.

A file holds blocks that begin with `-- name: verb_noun`. tests/integration prepares every one.
"""

import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType

_HEADER = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


@cache
def queries(file: str) -> Mapping[str, str]:
    """The statements of `db/queries/<file>.sql`, by name."""
    text = (resources.files("db") / "queries" / f"{file}.sql").read_text(encoding="utf-8")
    parts = _HEADER.split(text)
    names, bodies = parts[1::2], parts[2::2]
    if len(set(names)) != len(names):
        message = f"db/queries/{file}.sql names a statement twice"
        raise ValueError(message)
    return MappingProxyType({name: body.strip() for name, body in zip(names, bodies, strict=True)})
