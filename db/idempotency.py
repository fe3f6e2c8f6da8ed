"""Idempotency keys: the same key and request get the same answer, at any concurrency.

A key's row is the first write of the transaction of its effect, so a twin of the request waits on
the unique index until the first has committed, and then reads its answer. A row without a status
is a claim: its effect is under way outside PostgreSQL, and `response` holds what the claim made.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from db.pool import Connection
from db.sql import queries

_SQL = queries("idempotency")


class KeyReused(Exception):
    """The key was used for another request before."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What a key's row holds. Without `status`, a claim that is not answered yet."""

    status: int | None
    response: str


async def claim(
    conn: Connection, actor: str, key: str, request_hash: bytes, made: str = ""
) -> Stored | None:
    """Claim a key; None when it is ours, else what its row holds.

    Raises:
        KeyReused: the row belongs to another request.

    """
    if await conn.fetchval(_SQL["claim_key"], actor, key, request_hash, made):
        return None
    return await read(conn, actor, key, request_hash)


async def read(conn: Connection, actor: str, key: str, request_hash: bytes) -> Stored | None:
    """What a key's row holds; None when there is none."""
    row = await conn.fetchrow(_SQL["read_key"], actor, key)
    if row is None:
        return None
    if row["request_hash"] != request_hash:
        raise KeyReused
    return Stored(row["status"], row["response"] or "")


async def remember(conn: Connection, actor: str, key: str, made: str) -> None:
    """Keep what a claim has made for those who repeat the request."""
    await conn.execute(_SQL["store_claim"], actor, key, made)


async def answer(conn: Connection, actor: str, key: str, status: int, response: str) -> bool:
    """Store the answer; False when a twin of the request has stored its own before."""
    return bool(await conn.fetchval(_SQL["store_answer"], actor, key, status, response))


async def claim_all(
    conn: Connection, keys: Sequence[tuple[str, str, bytes]]
) -> set[tuple[str, str]]:
    """Claim (actor, key, request hash) of many requests; the (actor, key) that are ours now."""
    if not keys:
        return set()
    rows = await conn.fetch(_SQL["claim_keys"], *zip(*keys, strict=True))
    return {(row["actor"], row["key"]) for row in rows}


async def answer_all(conn: Connection, answers: Sequence[tuple[str, str, int, str]]) -> None:
    """Store (actor, key, status, response) of keys that were claimed in this transaction."""
    if answers:
        await conn.execute(_SQL["store_answers"], *zip(*answers, strict=True))


async def forget_old(conn: Connection, age: timedelta, limit: int) -> int:
    """Delete keys older than `age`, at most `limit`; answers how many."""
    done: str = await conn.execute(_SQL["forget_old"], age, limit)
    return int(done.rpartition(" ")[2])
