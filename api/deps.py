"""What a request needs: the services of the process, and who is asking."""

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError

from api.errors import Problem, invalid_parameters, unavailable
from db import keys, orders, timeline
from db.keys import KeyHolder
from db.pool import Pool
from settings import Settings

if TYPE_CHECKING:
    from api.bell import StockBell
    from api.engine import Engine
    from api.holding import HoldDesk
    from api.providers import Providers
    from api.starter import Starter
    from api.stream import EventHub

_KEY_CACHE_SECONDS = 5.0
_KEY_CACHE_SIZE = 10_000
_NO_KEY = "Send Authorization: Bearer and an API key."
_BAD_KEY = "The API key is not known, or was revoked."

# Who may call what (docs/api.md); `admin` may call everything.
STOREFRONT = ("storefront", "support", "admin")
SUPPORT = ("support", "admin")
WAREHOUSE = ("warehouse", "admin")
READERS = ("storefront", "support", "warehouse", "reports", "admin")
STOCK_READERS = ("warehouse", "support", "storefront", "reports", "admin")
BUYING_READERS = ("warehouse", "support", "reports", "admin")
ADMIN = ("admin",)
# Scopes that see who the customer is.
CONTACT_READERS = frozenset({"storefront", "support", "admin"})


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the key's id scopes idempotency, its name and role stand in the timeline."""

    id: str
    name: str
    role: str
    scopes: frozenset[str]

    @property
    def sees_contact(self) -> bool:
        """Whether personal data may be shown to it."""
        return not CONTACT_READERS.isdisjoint(self.scopes)


@dataclass
class Services:
    """All that routes use. `database` is None until PostgreSQL has answered for the first time."""

    settings: Settings
    engine: "Engine"
    starter: "Starter"
    hub: "EventHub"
    bell: "StockBell"
    providers: "Providers"
    guard: "Guard"
    holds: "HoldDesk"
    database: Pool | None = None

    @property
    def pool(self) -> Pool:
        """The pool; 503 while there is none."""
        if self.database is None:
            raise unavailable("database_unavailable", "The database cannot be reached yet.")
        return self.database


def services(request: Request) -> Services:
    """The services of this process."""
    found: Services = request.app.state.services
    return found


async def admit(request: Request, scopes: tuple[str, ...]) -> Caller:
    """The caller, when its key is good and carries one of `scopes`; else 401, 403 or 429."""
    own = services(request)
    holder = await own.guard.holder(request, lambda: own.pool)
    role = next((scope for scope in scopes if scope in holder.scopes), None)
    if role is None:
        await _write_down(request, holder)
        raise Problem(403, "forbidden", f"This needs a key with scope {' or '.join(scopes)}.")
    return Caller(holder.id, holder.name, role, holder.scopes)


async def _write_down(request: Request, holder: KeyHolder) -> None:
    """What a key may not do to an order stands in the order's timeline, like any refusal."""
    if request.method == "GET" or not request.path_params:
        return
    about = next(iter(request.path_params.values()))
    data = {"action": request.scope["route"].name, "code": "forbidden"}
    async with services(request).pool.acquire() as conn, conn.transaction():
        order_id = await timeline.order_of(conn, about)
        if order_id is None:
            return
        await orders.lock(conn, order_id)
        role = min(holder.scopes, default="none")
        await timeline.record(
            conn, order_id, "access_refused", actor=holder.name, role=role, data=data
        )


async def on_parameters(request: Request, error: Exception) -> Response:
    """FastAPI reads parameters before we know who asks: without a good key one hears of that."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - FastAPI calls it for these only
    extra = getattr(request.scope.get("route"), "openapi_extra", None) or {}
    if extra.get("security"):
        own = services(request)
        try:
            await own.guard.holder(request, lambda: own.pool)
        except Problem as problem:
            return problem.response()
    return invalid_parameters(error).response()


_DEVELOPER = KeyHolder("dev", "dev", frozenset(keys.SCOPES))


@dataclass
class Guard:
    """Knows keys for a few seconds, so that most requests need no look-up, and counts requests.

    A revoked key is refused after at most five seconds. The rate limit is per process.
    """

    dev_key: str | None
    per_minute: int = 0
    clock: Callable[[], float] = time.monotonic
    _known: "OrderedDict[str, tuple[float, KeyHolder | None]]" = field(default_factory=OrderedDict)
    _buckets: "OrderedDict[str, tuple[float, float]]" = field(default_factory=OrderedDict)

    async def holder(self, request: Request, pool: Callable[[], Pool]) -> KeyHolder:
        """Who holds the request's key; 401 without a good one."""
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        key = key.strip()
        if scheme.lower() != "bearer" or not key:
            raise _unauthorized(_NO_KEY)
        holder = self._developer(request, key) or await self._look_up(key, pool)
        if holder is None:
            raise _unauthorized(_BAD_KEY)
        if self.per_minute:
            self._count(holder.id)
        return holder

    def _developer(self, request: Request, key: str) -> KeyHolder | None:
        if self.dev_key is None or not secrets.compare_digest(key.encode(), self.dev_key.encode()):
            return None
        return _DEVELOPER if _is_loopback(request) else None

    async def _look_up(self, key: str, pool: Callable[[], Pool]) -> KeyHolder | None:
        now = self.clock()
        known = self._known.get(key)
        if known is not None and known[0] > now:
            return known[1]
        async with pool().acquire() as conn:
            holder = await keys.find(conn, key)
        self._known[key] = (now + _KEY_CACHE_SECONDS, holder)
        self._known.move_to_end(key)
        while len(self._known) > _KEY_CACHE_SIZE:
            self._known.popitem(last=False)
        return holder

    def _count(self, key_id: str) -> None:
        """A token bucket: a minute's worth may come at once, then as fast as it refills."""
        now = self.clock()
        tokens, since = self._buckets.get(key_id, (float(self.per_minute), now))
        tokens = min(float(self.per_minute), tokens + (now - since) * self.per_minute / 60)
        if tokens < 1:
            wait = max(1, round((1 - tokens) * 60 / self.per_minute))
            raise Problem(
                429,
                "rate_limited",
                f"This key may send {self.per_minute} requests a minute.",
                headers={"retry-after": str(wait)},
            )
        self._buckets[key_id] = (tokens - 1, now)
        self._buckets.move_to_end(key_id)
        while len(self._buckets) > _KEY_CACHE_SIZE:
            self._buckets.popitem(last=False)


def _is_loopback(request: Request) -> bool:
    if request.client is None:
        return False
    try:
        return ip_address(request.client.host).is_loopback
    except ValueError:
        return False


def _unauthorized(detail: str) -> Problem:
    return Problem(401, "unauthorized", detail, headers={"www-authenticate": "Bearer"})
