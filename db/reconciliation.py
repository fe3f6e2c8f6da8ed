"""Compares every number of stock that is written twice, and writes down where they differ.

It repairs nothing: a difference is a defect, and what is wrong must be found before it is changed.

All is read in one snapshot (REPEATABLE READ, read only), so that work in progress is seen whole or
not at all: no false alarms under load. The report is written in a second, short transaction, and
what the next check begins from in a third, which sums before its first write: a long one that has
written would hold the change feed up.

The ledger is summed from a checkpoint: the sums of all transactions before `upto`, which had all
ended when it was kept. The ledger is append-only, so those sums stay what they are, and a check
adds only what later transactions wrote. Once in a while everything is summed anew, which also sees
what was changed behind the ledger's back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from db.pool import Connection, Pool
from db.sql import queries

_SQL = queries("reconciliation")

Row = Mapping[str, Any]

_LISTED = 1_000
# Statements of a long ledger take longer than the pool's usual patience.
_PATIENCE_SECONDS = 900.0
# Checks beside the ledger's: what they are called in a report, and their statements.
_CHECKS = {
    "claims": _SQL["claims_against_levels"],
    "holds": _SQL["holds_against_levels"],
    "incoming": _SQL["expected_against_levels"],
    "places": _SQL["places_against_levels"],
    "place_ledger": _SQL["place_ledger_against_places"],
    "lines": _SQL["claims_against_lines"],
    "closed_orders": _SQL["claims_of_closed_orders"],
}


@dataclass(frozen=True, slots=True)
class Difference:
    """Two numbers that should be one: `expected` by the side that is believed, `found` else."""

    kind: str
    counter: str
    expected: int
    found: int
    sku: str | None = None
    warehouse: str | None = None
    order_id: str | None = None
    line_id: str | None = None

    def __str__(self) -> str:
        """One line, of ids and numbers."""
        where = (self.sku, self.warehouse, self.order_id, self.line_id)
        place = " ".join(part for part in where if part)
        return f"{self.kind}: {place} {self.counter} is {self.found}, not {self.expected}"


@dataclass(frozen=True, slots=True)
class Findings:
    """What a check has seen; `since` is the checkpoint it began from, None when it read all."""

    generation: str
    since: str | None
    ended: str
    began: datetime
    levels: int
    movements: int
    total: int
    differences: Sequence[Difference]

    @property
    def scope(self) -> str:
        """Whether the whole ledger was summed."""
        return "full" if self.since is None else "incremental"


async def reconcile(
    pool: Pool, report_id: str, actor: str, *, full_every: timedelta, full: bool = False
) -> Row:
    """Compare, write the report, and answer it with its differences (the first thousand).

    The same id again answers the report that is there. The whole ledger is summed when `full`
    asks for it, when that was not done for `full_every`, and when there is no checkpoint.
    """
    async with pool.acquire() as conn:
        if (known := await get(conn, report_id)) is not None:
            return known
        async with conn.transaction(isolation="repeatable_read", readonly=True):
            findings = await _compare(conn, full=full, full_every=full_every)
        async with conn.transaction():
            added = await _keep(conn, report_id, actor, findings)
        if added:
            async with conn.transaction():
                await _advance(conn, findings)
        report = await get(conn, report_id)
    assert report is not None  # noqa: S101 - just written
    return report


async def _compare(conn: Connection, *, full: bool, full_every: timedelta) -> Findings:
    await conn.fetchval(_SQL["think_big"])
    start = await conn.fetchrow(_SQL["checkpoint"])
    assert start is not None  # noqa: S101 - the migration wrote the feed's row
    since = start["upto"]
    if full or since is None or start["began"] - start["full_at"] >= full_every:
        since = None
    ledger = await conn.fetch(
        _SQL["ledger_against_counters"], since, _LISTED, timeout=_PATIENCE_SECONDS
    )
    compared, *rows = ledger
    found = [_difference("ledger", row) for row in rows]
    total = compared["total"]
    for kind, statement in _CHECKS.items():
        rows = await conn.fetch(statement, _LISTED, timeout=_PATIENCE_SECONDS)
        found += [_difference(kind, row) for row in rows]
        total += rows[0]["total"] if rows else 0
    return Findings(
        start["generation"],
        since,
        start["ended"],
        start["began"],
        levels=compared["found"],
        movements=compared["expected"],
        total=total,
        differences=found[:_LISTED],
    )


_NAMES = frozenset(f.name for f in fields(Difference))


def _difference(kind: str, row: asyncpg.Record) -> Difference:
    return Difference(kind=kind, **{name: value for name, value in row.items() if name in _NAMES})


async def _keep(conn: Connection, report_id: str, actor: str, findings: Findings) -> bool:
    """Write the report; False when a twin was faster."""
    added = await conn.fetchval(
        _SQL["add_reconciliation"],
        report_id,
        findings.scope,
        actor,
        findings.levels,
        findings.movements,
        findings.total,
        findings.began,
    )
    if added and findings.differences:
        columns = ("kind", "counter", "sku", "warehouse", "order_id", "line_id")
        await conn.execute(
            _SQL["add_differences"],
            report_id,
            *([getattr(d, name) for d in findings.differences] for name in columns),
            [d.expected for d in findings.differences],
            [d.found for d in findings.differences],
        )
    return bool(added)


async def _advance(conn: Connection, findings: Findings) -> None:
    """Keep the sums up to what had ended, for the next check to begin from."""
    await conn.fetchval(_SQL["think_big"])
    await conn.execute(_SQL["lock_sums"], timeout=_PATIENCE_SECONDS)
    kept: tuple[str, ...] = (_SQL["replace_sums"], findings.ended)
    if findings.since is not None:
        if await conn.fetchval(_SQL["sums_reach"], findings.generation) != findings.since:
            return  # another check was faster
        kept = (_SQL["add_to_sums"], findings.since, findings.ended)
    await conn.execute(*kept, timeout=_PATIENCE_SECONDS)
    await conn.execute(
        _SQL["keep_checkpoint"],
        findings.generation,
        findings.ended,
        findings.since is None,
        findings.began,
    )


async def get(conn: Connection, report_id: str) -> Row | None:
    """A report with its differences."""
    row = await conn.fetchrow(_SQL["get_reconciliation"], report_id)
    if row is None:
        return None
    differences = await conn.fetch(_SQL["differences_of"], report_id)
    return {**row, "found": [dict(difference) for difference in differences]}


async def reports(conn: Connection, before: tuple[datetime, str] | None, limit: int) -> list[Row]:
    """Reports without their differences, newest first."""
    began, report_id = before or (None, None)
    rows = await conn.fetch(_SQL["list_reconciliations"], began, report_id, limit)
    return [dict(row) for row in rows]


@dataclass(frozen=True, slots=True)
class LastCheck:
    """What the newest report says: differences, and its age in seconds."""

    differences: int
    age: float


async def last(conn: Connection) -> LastCheck | None:
    """The newest report, for the figures of a process; None before the first."""
    row = await conn.fetchrow(_SQL["last_reconciliation"])
    return LastCheck(**row) if row else None
