"""Requests that a workflow decides: claim, ask, and answer the same to every twin.

1. One transaction claims the idempotency key, makes ids (and rows) that the request needs, and
   writes `<what>_requested` to the timeline.
2. The workflow is asked by an update whose id comes from the key, so that asking again joins the
   first question instead of repeating it.
3. One transaction stores the answer; a refusal is written to the timeline too. When the engine
   cannot answer the key stays claimed without an answer, and the same request goes on from 2.
"""

import asyncio
import hashlib
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from api.deps import Caller, Services
from api.engine import EngineUnavailable, NotRunning, Rejected
from api.errors import Answer, Problem, key_reused, not_found, unavailable
from api.subjects import ORDERS, Entry, Subject
from db import idempotency
from db.pool import Connection
from domain.errors import NotFound
from workflows.messages import Asker, Outcome

Made = dict[str, Any]

# A step is done again within seconds of a worker's death.
NOT_RUNNING = "order_not_running"

_LOOKS = 6
_LOOK_SECONDS = 0.5


async def _make_nothing(_: Connection) -> Made:
    return {}


async def _undo_nothing(_: Connection, __: Made, ___: str) -> None:
    return None


@dataclass(frozen=True)
class Petition:
    """One request to an order, or to another `subject` of the id `order_id`. `make` runs in the
    claim's transaction, `refuse` in the refusal's.

    `make` answers what it made (ids), which `build` and `view` then get, also when the request is
    repeated; `data` and what was made stand in the timeline's event.
    """

    order_id: str
    update: str
    what: str
    build: Callable[[Asker, Made], object]
    view: Callable[[Connection, Outcome, Made], Awaitable[Answer]]
    data: Mapping[str, Any] = field(default_factory=dict)
    note: str | None = None
    occurred_at: datetime | None = None
    make: Callable[[Connection], Awaitable[Made]] = _make_nothing
    refuse: Callable[[Connection, Made, str], Awaitable[None]] = _undo_nothing
    subject: Subject = ORDERS


@dataclass(frozen=True, slots=True)
class _Claim:
    """A request that is ours to carry out. `event` is its entry in the timeline."""

    event: int
    made: Made


class Desk:
    """Carries requests of one caller to the workflow engine."""

    def __init__(
        self, services: Services, caller: Caller, request_hash: bytes, key: str | None
    ) -> None:
        """Take the request's identity: who asks, what exactly, under which key."""
        self._services = services
        self._caller = caller
        self._hash = request_hash
        self._key = key

    async def carry(self, petition: Petition) -> Answer:
        """The answer, stored when there is a key; 503 when the engine cannot give one now."""
        claim = await self._claim(petition)
        if isinstance(claim, Answer):
            return claim
        asker = Asker(self._caller.name, self._caller.role, claim.event)
        request = petition.build(asker, claim.made)
        try:
            outcome = await self._ask(petition, request)
        except Rejected as rejected:
            return await self._refuse(petition, claim, rejected)
        except EngineUnavailable:
            raise unavailable(
                "engine_unavailable",
                "The workflow engine cannot answer now: send the same request, with the same "
                "Idempotency-Key, again.",
            ) from None
        async with self._services.pool.acquire() as conn, conn.transaction():
            answer = await petition.view(conn, outcome, claim.made)
            return await self._store(conn, answer) or answer

    async def _claim(self, petition: Petition) -> "_Claim | Answer":
        async with self._services.pool.acquire() as conn, conn.transaction():
            if self._key is not None:
                try:
                    known = await idempotency.claim(conn, self._caller.id, self._key, self._hash)
                except idempotency.KeyReused:
                    raise key_reused() from None
                if known is not None and known.status is not None:
                    return Answer(known.status, known.response.encode())
                if known is not None:
                    return _Claim(**orjson.loads(known.response))
            subject = petition.subject
            try:
                await subject.lock(conn, petition.order_id)
            except NotFound:
                raise not_found(subject.name) from None
            made = await petition.make(conn)
            data = {**petition.data, **made}
            entry = Entry(self._caller, data, petition.note, petition.occurred_at)
            event = await subject.record(
                conn, petition.order_id, f"{petition.what}_requested", entry
            )
            if self._key is not None:
                remembered = orjson.dumps({"event": event, "made": made}).decode()
                await idempotency.remember(conn, self._caller.id, self._key, remembered)
            return _Claim(event, made)

    async def _ask(self, petition: Petition, request: object) -> Outcome:
        """The workflow's answer.

        A worker that dies in the middle of a step leaves rows that the workflow has yet to learn
        of; a refusal that rests on such a memory is asked for again.
        """
        for _ in range(_LOOKS):
            try:
                return await self._ask_once(petition, request)
            except Rejected as rejected:
                if not await self._is_behind(petition, rejected):
                    raise
            await asyncio.sleep(_LOOK_SECONDS)
        return await self._ask_once(petition, request)

    async def _is_behind(self, petition: Petition, rejected: Rejected) -> bool:
        """Whether the workflow knows less than the rows that only its own steps write."""
        axes = await self._axes(petition)
        return any(
            name in rejected.current and rejected.current[name] != axes.get(name)
            for name in petition.subject.compared
        )

    async def _axes(self, petition: Petition) -> dict[str, str]:
        async with self._services.pool.acquire() as conn:
            return await petition.subject.axes(conn, petition.order_id)

    async def _ask_once(self, petition: Petition, request: object) -> Outcome:
        try:
            return await self._ask_engine(petition, request)
        except NotRunning:
            ended = await self._ended(petition)
            if ended.code != NOT_RUNNING:
                raise ended from None
            # It has not begun yet, or somebody began it since we asked.
            await self._start(petition)
        try:
            return await self._ask_engine(petition, request)
        except NotRunning:
            raise await self._ended(petition) from None

    async def _ask_engine(self, petition: Petition, request: object) -> Outcome:
        subject = petition.subject
        workflow_id = subject.workflow_id(petition.order_id)
        outcome: Outcome = await self._services.engine.ask(
            workflow_id, petition.update, request, self._update_id(), subject.outcome
        )
        return outcome

    def _update_id(self) -> str:
        key = self._key or secrets.token_hex(16)
        return hashlib.sha256(f"{self._caller.id}\n{key}".encode()).hexdigest()[:40]

    async def _start(self, petition: Petition) -> None:
        """Begin a life when nobody has yet."""
        try:
            await petition.subject.start(self._services, petition.order_id)
        except Exception:  # noqa: BLE001 - whatever the engine's client raises, it did not start
            raise EngineUnavailable from None

    async def _ended(self, petition: Petition) -> Rejected:
        subject, axes = petition.subject, await self._axes(petition)
        status = axes.get("status", "")
        if status in subject.ends:
            code = f"{subject.name.replace(' ', '_')}_closed"
            return Rejected(code, f"The {subject.name} is {status}.", axes)
        return Rejected(NOT_RUNNING, f"The {subject.name} has no running workflow.", axes)

    async def _refuse(self, petition: Petition, claim: _Claim, rejected: Rejected) -> Answer:
        problem = Problem(409, rejected.code, rejected.detail, current=rejected.current)
        answer = problem.answer()
        async with self._services.pool.acquire() as conn, conn.transaction():
            await petition.subject.lock(conn, petition.order_id)
            if (stored := await self._store(conn, answer)) is not None:
                return stored
            await petition.refuse(conn, claim.made, rejected.code)
            data = {
                **petition.data,
                **claim.made,
                "code": rejected.code,
                "current": dict(rejected.current),
                "request_event": claim.event,
            }
            entry = Entry(self._caller, data)
            await petition.subject.record(
                conn, petition.order_id, f"{petition.what}_refused", entry
            )
        return answer

    async def _store(self, conn: Connection, answer: Answer) -> Answer | None:
        """Keep the answer for twins; what a twin stored first, when it did."""
        if self._key is None:
            return None
        text = answer.body.decode()
        if await idempotency.answer(conn, self._caller.id, self._key, answer.status, text):
            return None
        stored = await idempotency.read(conn, self._caller.id, self._key, self._hash)
        if stored is None or stored.status is None:
            return None
        return Answer(stored.status, stored.response.encode())
