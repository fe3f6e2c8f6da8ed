"""The connection pool: one per process, capped (LIBRARIES: most ways slow beyond 8 connections)."""

from typing import TYPE_CHECKING, Any, TypeAlias

import asyncpg
import orjson

if TYPE_CHECKING:  # asyncpg's classes are generic in their stubs only
    from asyncpg.pool import PoolConnectionProxy

    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]
    Pool: TypeAlias = asyncpg.Pool[asyncpg.Record]
else:
    Connection = asyncpg.Connection
    Pool = asyncpg.Pool


def _dumps(value: Any) -> str:  # noqa: ANN401 - JSON is anything
    return orjson.dumps(value).decode()


async def _prepare_connection(connection: Connection) -> None:
    for name in ("json", "jsonb"):
        await connection.set_type_codec(
            name, schema="pg_catalog", encoder=_dumps, decoder=orjson.loads
        )


async def _keep_session(_: Connection) -> None:
    """Leave the session as it is between two users of a connection.

    The pool would send a reset statement at every release, which costs as much as a short query.
    Nobody changes the session: no LISTEN, no advisory locks, no SET on pooled connections. The
    pool still rolls back a transaction that was left open.
    """


async def open_pool(database_url: str, *, size: int = 8, name: str = "kervan") -> Pool:
    """Connect; jsonb columns come and go as Python values, times as aware datetimes."""
    return await asyncpg.create_pool(
        database_url,
        min_size=1,
        max_size=size,
        init=_prepare_connection,
        reset=_keep_session,
        command_timeout=30,
        server_settings={"application_name": name, "timezone": "UTC", "lock_timeout": "10s"},
    )
