"""Requests that PostgreSQL alone answers: effect, event, key and answer in one transaction."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from api.deps import Caller, Services
from api.errors import Answer, key_reused, refused
from db import idempotency
from db.pool import Connection
from domain.errors import Refused

Effect = Callable[[Connection, str], Awaitable[Answer]]
Refusal = Callable[[Connection, Refused], Awaitable[None]]


@dataclass(frozen=True)
class Once:
    """One request: who asks what, under which key."""

    services: Services
    caller: Caller
    request_hash: bytes
    key: str | None

    async def do(self, effect: Effect, *, cause: str, on_refused: Refusal | None = None) -> Answer:
        """Do `effect` in a transaction, at most once for a key; twins get the same answer.

        `effect` gets the connection and a cause that is the same for every twin: the key when
        there is one, else `cause`. When it raises `Refused` nothing of it is kept; then the
        refusal is stored as the key's answer in a second transaction, together with what
        `on_refused` writes down of it.
        """
        try:
            return await self._in_transaction(effect, cause)
        except Refused as refusal:
            if self.key is None and on_refused is None:
                raise
            return await self._refuse(refusal, on_refused)

    async def _in_transaction(self, effect: Effect, cause: str) -> Answer:
        async with self.services.pool.acquire() as conn, conn.transaction():
            if self.key is None:
                return await effect(conn, cause)
            if (stored := await self._claim(conn, self.key)) is not None:
                return stored
            return await self._store(conn, await effect(conn, f"{self.caller.id}:{self.key}"))

    async def _refuse(self, refusal: Refused, on_refused: Refusal | None) -> Answer:
        answer = refused(refusal).answer()
        async with self.services.pool.acquire() as conn, conn.transaction():
            if self.key is not None and (stored := await self._claim(conn, self.key)) is not None:
                return stored
            if on_refused is not None:
                await on_refused(conn, refusal)
            return await self._store(conn, answer)

    async def _claim(self, conn: Connection, key: str) -> Answer | None:
        try:
            stored = await idempotency.claim(conn, self.caller.id, key, self.request_hash)
        except idempotency.KeyReused:
            raise key_reused() from None
        if stored is None or stored.status is None:
            return None
        return Answer(stored.status, stored.response.encode())

    async def _store(self, conn: Connection, answer: Answer) -> Answer:
        if self.key is not None:
            text = answer.body.decode()
            await idempotency.answer(conn, self.caller.id, self.key, answer.status, text)
        return answer
