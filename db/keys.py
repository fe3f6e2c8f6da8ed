"""API keys: only their SHA-256 is stored; they are long and random, so no slow hash is needed."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from db.new_ids import new_id
from db.pool import Connection
from db.sql import queries

_SQL = queries("keys")

SCOPES = ("storefront", "support", "warehouse", "reports", "admin")


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """Whose key it is, and what it may do."""

    id: str
    name: str
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as an administrator sees it: never the key itself."""

    id: str
    name: str
    scopes: list[str]
    created_at: datetime
    revoked_at: datetime | None


def digest(key: str) -> bytes:
    """What is stored of a key."""
    return hashlib.sha256(key.encode()).digest()


async def find(conn: Connection, key: str) -> KeyHolder | None:
    """The holder of a key that is not revoked."""
    row = await conn.fetchrow(_SQL["find_key"], digest(key))
    return KeyHolder(row["id"], row["name"], frozenset(row["scopes"])) if row else None


async def create(conn: Connection, name: str, scopes: Sequence[str]) -> tuple[ApiKey, str]:
    """A new key: its row, and the secret, which is shown this once."""
    secret = f"kvn_{secrets.token_urlsafe(32)}"
    row = await conn.fetchrow(
        _SQL["create_key"], new_id("key"), name, digest(secret), sorted(set(scopes))
    )
    assert row is not None  # noqa: S101 - INSERT … RETURNING answers a row
    return ApiKey(**row), secret


async def newest(conn: Connection, before: str | None, limit: int) -> list[ApiKey]:
    """Keys older than `before` (an id), newest first."""
    return [ApiKey(**row) for row in await conn.fetch(_SQL["list_keys"], before, limit)]


async def revoke(conn: Connection, key_id: str) -> ApiKey | None:
    """Take a key back; None when there is no such key."""
    row = await conn.fetchrow(_SQL["revoke_key"], key_id)
    return ApiKey(**row) if row else None
