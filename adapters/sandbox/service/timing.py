"""Time in the sandbox: wall clock, identifiers, and what is due by itself and when."""

import hashlib
import json
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from adapters.sandbox.service.store import Store

Clock = Callable[[], datetime]


def wall_clock() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)


def text(moment: datetime) -> str:
    """`moment` as the ledger and all answers have it: RFC 3339 in UTC."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def new_id(prefix: str) -> str:
    """An id that nobody can guess, sortable by time."""
    return f"{prefix}_{time.time_ns() // 1_000_000:012x}{secrets.token_hex(8)}"


def fingerprint(*parts: object) -> str:
    """What an idempotency key was used for, without telling it."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


class Schedule:
    """Things that happen by themselves, at `speed` times the pace of life; at 0 none does."""

    def __init__(self, store: Store, clock: Clock, speed: float) -> None:
        self._store = store
        self._clock = clock
        self.speed = speed

    def in_life(self, life: timedelta) -> timedelta:
        """How long `life` takes here. At speed 0 nothing runs, and promises are made in life."""
        return life / self.speed if self.speed else life

    def add(self, kind: str, ref: str, delay: timedelta, step: int = 0) -> None:
        """Let `kind` happen to `ref` after `delay` of real time; at speed 0 it never does."""
        if self.speed:
            due = (self._clock() + delay).timestamp()
            self._store.write(
                "INSERT INTO jobs (kind, ref, step, due) VALUES (?, ?, ?, ?)",
                kind,
                ref,
                step,
                due,
            )

    def drop(self, ref: str) -> None:
        """Nothing more happens to `ref` by itself."""
        self._store.write("DELETE FROM jobs WHERE ref = ?", ref)
