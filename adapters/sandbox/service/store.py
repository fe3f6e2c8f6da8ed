"""The durable ledger: one SQLite file in WAL mode, written by one process.

A commit survives SIGKILL of the process (the operating system holds the pages); losing the
machine's power may lose the last moments (`synchronous=normal`), which a sandbox can afford.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_SCHEMA = """
CREATE TABLE IF NOT EXISTS payments (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    order_ref TEXT NOT NULL,
    payment_ref TEXT NOT NULL,
    method TEXT NOT NULL,
    token TEXT NOT NULL,
    currency TEXT NOT NULL,
    amount INTEGER NOT NULL CHECK (amount > 0),
    captured INTEGER NOT NULL DEFAULT 0 CHECK (captured BETWEEN 0 AND amount),
    refunded INTEGER NOT NULL DEFAULT 0 CHECK (refunded BETWEEN 0 AND captured),
    released INTEGER NOT NULL DEFAULT 0 CHECK (released BETWEEN 0 AND amount - captured),
    status TEXT NOT NULL CHECK (status IN
        ('action_required', 'authorized', 'captured', 'voided', 'failed', 'expired')),
    reason TEXT NOT NULL DEFAULT '',
    takes_at_once INTEGER NOT NULL,
    client_action TEXT,
    return_url TEXT,
    expires_at TEXT,
    created_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS payments_by_order ON payments (order_ref, seq);
CREATE INDEX IF NOT EXISTS payments_by_ref ON payments (payment_ref, seq);

-- One row per idempotency key, for ever: the record of the key is the operation itself.
CREATE TABLE IF NOT EXISTS operations (
    seq INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL CHECK (kind IN ('authorize', 'capture', 'void', 'refund')),
    payment_id TEXT NOT NULL REFERENCES payments (id),
    amount INTEGER NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('action_required', 'succeeded', 'failed')),
    reason TEXT NOT NULL DEFAULT '',
    fingerprint TEXT NOT NULL,
    created_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS operations_by_payment ON operations (payment_id, seq);

-- How often a key was answered with a passing failure (tok_flaky, tok_refund_fails_once).
CREATE TABLE IF NOT EXISTS stumbles (key TEXT PRIMARY KEY, times INTEGER NOT NULL);

CREATE TABLE IF NOT EXISTS parcels (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    key TEXT NOT NULL UNIQUE,
    fingerprint TEXT NOT NULL,
    order_ref TEXT NOT NULL,
    shipment_ref TEXT NOT NULL,
    tracking_number TEXT NOT NULL UNIQUE,
    service TEXT NOT NULL,
    destination TEXT NOT NULL,
    ending TEXT NOT NULL,
    weight_g INTEGER NOT NULL,
    cost INTEGER NOT NULL,
    currency TEXT NOT NULL,
    moves_itself INTEGER NOT NULL,
    status TEXT NOT NULL,
    estimated_at TEXT,
    created_at TEXT NOT NULL,
    handed_over_at TEXT,
    voided_at TEXT
);
CREATE INDEX IF NOT EXISTS parcels_by_order ON parcels (order_ref, seq);

CREATE TABLE IF NOT EXISTS scans (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    tracking_number TEXT NOT NULL REFERENCES parcels (tracking_number),
    status TEXT NOT NULL,
    occurred_at TEXT NOT NULL,
    detail TEXT NOT NULL,
    estimated_at TEXT,
    proof TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS scans_by_parcel ON scans (tracking_number, seq);

-- What happens by itself, and when (seconds since 1970): a restart goes on where it stopped.
CREATE TABLE IF NOT EXISTS jobs (
    seq INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    ref TEXT NOT NULL,
    step INTEGER NOT NULL DEFAULT 0,
    due REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS jobs_by_due ON jobs (due, seq);
CREATE INDEX IF NOT EXISTS jobs_by_ref ON jobs (ref);

CREATE TABLE IF NOT EXISTS webhooks (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    path TEXT NOT NULL,
    body BLOB NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    due REAL NOT NULL,
    delivered_at TEXT
);
CREATE INDEX IF NOT EXISTS webhooks_by_due ON webhooks (due, seq) WHERE delivered_at IS NULL;
"""


class Store:
    """The ledger's one connection. Call it from the event loop's thread only."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, isolation_level=None, timeout=5.0)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode=wal")
        self._connection.execute("PRAGMA synchronous=normal")
        self._connection.execute("PRAGMA foreign_keys=on")
        self._connection.executescript(_SCHEMA)
        self._listeners: list[Callable[[], None]] = []

    def on_commit(self, listener: Callable[[], None]) -> None:
        """Call `listener` after each commit."""
        self._listeners.append(listener)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of the block or nothing of it; within another transaction, a part of that one."""
        if self._connection.in_transaction:
            yield
            return
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")
        for listener in self._listeners:
            listener()

    def write(self, statement: str, *values: object) -> int:
        """Run one statement and tell how many rows it changed."""
        return self._connection.execute(statement, values).rowcount

    def row(self, query: str, *values: object) -> sqlite3.Row | None:
        """The first row, when there is one."""
        row: sqlite3.Row | None = self._connection.execute(query, values).fetchone()
        return row

    def rows(self, query: str, *values: object) -> list[sqlite3.Row]:
        """All rows."""
        return self._connection.execute(query, values).fetchall()

    def value(self, query: str, *values: object) -> Any:  # noqa: ANN401 - SQL decides the type
        """The first column of the first row, None without one."""
        row = self.row(query, *values)
        return row[0] if row else None

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
