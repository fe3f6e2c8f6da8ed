"""Making API keys from the command line, for the first administrator above all."""

import asyncpg

from db import keys
from settings import Settings


class UnknownScopeError(Exception):
    """A scope that no call asks for."""


async def create(settings: Settings, name: str, scopes: list[str]) -> str:
    """Make a key and answer its secret, which is stored nowhere.

    Raises:
        UnknownScopeError: one of `scopes` is not in `db.keys.SCOPES`.
        OSError, asyncpg.PostgresError: the database cannot be used.

    """
    unknown = sorted(set(scopes) - set(keys.SCOPES))
    if unknown:
        message = f"no such scope: {', '.join(unknown)}; there are {', '.join(keys.SCOPES)}"
        raise UnknownScopeError(message)
    connection = await asyncpg.connect(settings.database_url.get_secret_value(), timeout=10)
    try:
        _, secret = await keys.create(connection, name, scopes)
    finally:
        await connection.close()
    return secret
