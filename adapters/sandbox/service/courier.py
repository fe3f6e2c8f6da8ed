"""Carries the queued webhooks to the shop until each is taken (2xx), however long that takes."""

import asyncio
import random
import sqlite3
from collections.abc import Sequence
from http import HTTPStatus

import httpx2
import structlog

from adapters.sandbox.service.store import Store
from adapters.sandbox.service.timing import Clock, text
from adapters.sandbox.signature import signed_headers

_log = structlog.get_logger(__name__)

_AT_ONCE = 16
_ANSWER_SECONDS = 10.0
_FIRST_RETRY = 0.25
# While the shop is down everything waits together, and one webhook asks whether it is back.
_LONGEST_PAUSE = 2.0
# A webhook that the shop refuses (4xx) or stumbles over (5xx) waits alone.
_LONGEST_RETRY = {True: 5.0, False: 60.0}


class Courier:
    """Sends what is due, `_AT_ONCE` at a time over connections that stay open; order is not kept.

    A webhook is signed anew at every attempt. It may arrive twice, when the shop's answer is lost.
    """

    def __init__(self, store: Store, clock: Clock, url: str, secret: str) -> None:
        self._store = store
        self._clock = clock
        self._url = url.rstrip("/")
        self._secret = secret
        self._changed = asyncio.Event()
        self._under_way: set[int] = set()
        self._failures = 0
        self._paused_until = 0.0
        store.on_commit(self._changed.set)

    async def run(self) -> None:
        """Carry until canceled."""
        limits = httpx2.Limits(max_connections=_AT_ONCE, max_keepalive_connections=_AT_ONCE)
        async with (
            httpx2.AsyncClient(limits=limits, timeout=_ANSWER_SECONDS, trust_env=False) as client,
            asyncio.TaskGroup() as group,
        ):
            while True:
                self._changed.clear()
                # One look at the clock for both, or what falls due between them is slept over.
                now = self._clock().timestamp()
                for webhook in self._due(now):
                    self._under_way.add(webhook["seq"])
                    group.create_task(self._carry(client, webhook))
                await self._wait(now)

    def _due(self, now: float) -> Sequence[sqlite3.Row]:
        at_once = 1 if self._failures else _AT_ONCE
        free = at_once - len(self._under_way)
        if free <= 0 or now < self._paused_until:
            return []
        rows = self._store.rows(
            """
            SELECT * FROM webhooks WHERE delivered_at IS NULL AND due <= ?
            ORDER BY due, seq LIMIT ?
            """,
            now,
            at_once + len(self._under_way),
        )
        return [row for row in rows if row["seq"] not in self._under_way][:free]

    async def _wait(self, now: float) -> None:
        wake = self._paused_until
        if wake <= now:
            wake = self._store.value(
                "SELECT min(due) FROM webhooks WHERE delivered_at IS NULL AND due > ?", now
            )
        delay = None if wake is None else max(0.0, wake - self._clock().timestamp())
        try:
            await asyncio.wait_for(self._changed.wait(), delay)
        except TimeoutError:
            return

    async def _carry(self, client: httpx2.AsyncClient, webhook: sqlite3.Row) -> None:
        try:
            headers = signed_headers(
                self._secret, webhook["id"], webhook["body"], self._clock()
            ) | {"content-type": "application/json"}
            answer = await client.post(
                self._url + webhook["path"], content=webhook["body"], headers=headers
            )
        except httpx2.RequestError as error:
            self._failed(webhook, type(error).__name__, shop_is_down=True)
        else:
            if answer.is_success:
                self._delivered(webhook)
            else:
                down = answer.is_server_error or answer.status_code == HTTPStatus.TOO_MANY_REQUESTS
                self._failed(webhook, f"http_{answer.status_code}", shop_is_down=down)
        finally:
            self._under_way.discard(webhook["seq"])
            self._changed.set()

    def _delivered(self, webhook: sqlite3.Row) -> None:
        if self._failures:
            _log.info("webhooks_flow_again", failures=self._failures)
        self._failures = 0
        self._paused_until = 0.0
        with self._store.transaction():
            self._store.write(
                "UPDATE webhooks SET delivered_at = ?, attempts = attempts + 1 WHERE seq = ?",
                text(self._clock()),
                webhook["seq"],
            )

    def _failed(self, webhook: sqlite3.Row, why: str, *, shop_is_down: bool) -> None:
        now = self._clock().timestamp()
        retry = _backoff(webhook["attempts"], _LONGEST_RETRY[shop_is_down])
        with self._store.transaction():
            self._store.write(
                "UPDATE webhooks SET attempts = attempts + 1, due = ? WHERE seq = ?",
                now + retry,
                webhook["seq"],
            )
        if not shop_is_down:
            _log.warning("webhook_refused", webhook=webhook["id"], why=why, path=webhook["path"])
        elif now >= self._paused_until:
            # Those that were under way together fail together: they count once.
            self._paused_until = now + _backoff(self._failures, _LONGEST_PAUSE)
            if self._failures == 0:
                _log.warning("webhooks_wait", why=why, url=self._url)
            self._failures += 1


def _backoff(failures: int, longest: float) -> float:
    """Seconds to wait after `failures` earlier failures: doubling, capped, and a little random."""
    exact: float = min(longest, _FIRST_RETRY * 2 ** min(failures, 16))
    return exact * random.uniform(0.8, 1.2)  # noqa: S311
