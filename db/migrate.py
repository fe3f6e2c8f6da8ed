"""Brings a database to the schema of `db/migrations`, safely also when four start at once.

A migration is a file `NNNN_verb_noun.sql`. Each runs in a transaction of its own, together with
the row in `schema_migrations` that records its name and the SHA-256 of its bytes; an applied file
is never edited, a mistake is corrected by the next file.

A file whose first line is `-- no-transaction` is for statements that PostgreSQL refuses inside a
transaction (`CREATE INDEX CONCURRENTLY`). Its statements, each ended by a semicolon at the end of
a line, run one by one, so it must be written to be repeatable: a crash between two of them runs
the file again from its beginning. A concurrent index that was interrupted stays behind as invalid;
begin such a file with `DROP INDEX CONCURRENTLY IF EXISTS`.
"""

import asyncio
import hashlib
import re
import time
from dataclasses import dataclass
from pathlib import Path

import asyncpg

MIGRATIONS = Path(__file__).parent / "migrations"

# Any constant will do, as long as every runner that shares a database uses the same.
_ADVISORY_LOCK = 0x6B65727661_6E  # "kervan"
_NAME = re.compile(r"(?P<number>\d{4})_[a-z0-9]+(_[a-z0-9]+)+\.sql")
_NO_TRANSACTION = "-- no-transaction"
_CREATE_TABLE = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    name text PRIMARY KEY,
    sha256 text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    duration_ms integer NOT NULL
)"""
_RECORD = "INSERT INTO schema_migrations (name, sha256, duration_ms) VALUES ($1, $2, $3)"


class MigrationError(Exception):
    """The schema could not be brought up to date."""


class BadMigrationFileError(MigrationError):
    """A file in the migrations directory has a name or a form that the runner refuses."""


class ChangedMigrationError(MigrationError):
    """A migration that this database has already seen was edited, renamed or deleted."""


class MigrationLockError(MigrationError):
    """Another runner held the migration lock for longer than we were ready to wait."""


class FailedMigrationError(MigrationError):
    """PostgreSQL refused a migration; its transaction was rolled back."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long the runner waits, in seconds."""

    turn: float = 300.0
    """For another runner to finish."""
    lock: float = 5.0
    """For a table lock, before the migration gives way to the traffic queued behind it."""
    lock_attempts: int = 6
    """Tries per file, when what it met was a table lock."""
    statement: float = 600.0
    """For one statement inside a transaction; concurrent index builds are not limited."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: its name, its text and the SHA-256 of its bytes."""

    name: str
    sql: str
    sha256: str

    @property
    def transactional(self) -> bool:
        """Whether the file runs in a transaction."""
        return not self.sql.startswith(_NO_TRANSACTION)

    def statements(self) -> list[str]:
        """Return the statements of a `-- no-transaction` file, one by one."""
        lines = [line for line in self.sql.splitlines() if not line.lstrip().startswith("--")]
        parts = re.split(r";[ \t]*$", "\n".join(lines), flags=re.MULTILINE)
        return [part.strip() for part in parts if part.strip()]


async def migrate(
    database_url: str, *, directory: Path = MIGRATIONS, timeouts: Timeouts | None = None
) -> list[str]:
    """Apply what is missing, in order, and return the names applied by this call.

    Any number of runners may start at once: one works, the others wait and find nothing to do.

    Raises:
        BadMigrationFileError: before anything is touched.
        ChangedMigrationError: before anything is applied.
        MigrationLockError: another runner did not finish within `timeouts.turn`.
        FailedMigrationError: files before the failing one stay applied.

    """
    waits = timeouts or Timeouts()
    migrations = read_migrations(directory)
    connection = await asyncpg.connect(database_url, timeout=30)
    try:
        await _take_turn(connection, waits.turn)
        return await _apply_missing(connection, migrations, waits)
    finally:
        # Closing the session gives the advisory lock back.
        await connection.close()


def read_migrations(directory: Path) -> list[Migration]:
    """Read the files in the order of their numbers; refuse odd names and shared numbers."""
    migrations: list[Migration] = []
    seen: dict[str, str] = {}
    for path in sorted(directory.glob("*.sql")):
        match = _NAME.fullmatch(path.name)
        if match is None:
            message = f"{path.name}: a migration is named NNNN_verb_noun.sql"
            raise BadMigrationFileError(message)
        other = seen.setdefault(match["number"], path.name)
        if other != path.name:
            message = f"{path.name} and {other} share the number {match['number']}"
            raise BadMigrationFileError(message)
        content = path.read_bytes()
        migration = Migration(path.name, content.decode(), hashlib.sha256(content).hexdigest())
        # Splitting at semicolons would cut a function body in two.
        if not migration.transactional and "$$" in migration.sql:
            message = f"{path.name}: a file without a transaction cannot hold dollar-quoted text"
            raise BadMigrationFileError(message)
        migrations.append(migration)
    return migrations


async def _take_turn(connection: asyncpg.Connection, patience: float) -> None:
    """Take the advisory lock by asking again and again.

    A blocking `pg_advisory_lock` is a statement with a snapshot, for which a concurrent index
    build in the runner ahead waits, which itself holds the lock: a deadlock.
    """
    deadline = time.monotonic() + patience
    while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _ADVISORY_LOCK):
        if time.monotonic() > deadline:
            message = f"another migration has been running for more than {patience:.0f} s"
            raise MigrationLockError(message)
        await asyncio.sleep(0.1)


async def _apply_missing(
    connection: asyncpg.Connection, migrations: list[Migration], waits: Timeouts
) -> list[str]:
    await connection.execute("SET client_min_messages = warning")
    await connection.execute(_CREATE_TABLE)
    rows = await connection.fetch("SELECT name, sha256 FROM schema_migrations")
    recorded = {row["name"]: row["sha256"] for row in rows}
    _refuse_changes(migrations, recorded)
    missing = [migration for migration in migrations if migration.name not in recorded]
    for migration in missing:
        await _apply(connection, migration, waits)
    return [migration.name for migration in missing]


def _refuse_changes(migrations: list[Migration], recorded: dict[str, str]) -> None:
    for migration in migrations:
        if recorded.get(migration.name, migration.sha256) != migration.sha256:
            message = (
                f"{migration.name} was edited after this database had applied it; "
                "restore it, and put the change into a new migration"
            )
            raise ChangedMigrationError(message)
    # A recorded name beyond our last file comes from a newer release that runs beside us.
    newest = max((migration.name for migration in migrations), default="")
    gone = sorted(name for name in recorded.keys() - {m.name for m in migrations} if name < newest)
    if gone:
        message = f"this database has applied {', '.join(gone)}, which no longer exists here"
        raise ChangedMigrationError(message)


async def _apply(connection: asyncpg.Connection, migration: Migration, waits: Timeouts) -> None:
    """Apply one file, trying again when all it met was a busy table."""
    attempt = 1
    while True:
        try:
            if migration.transactional:
                await _apply_in_transaction(connection, migration, waits)
            else:
                await _apply_statements(connection, migration)
        except asyncpg.LockNotAvailableError as error:
            if attempt >= waits.lock_attempts:
                raise FailedMigrationError(_describe(migration, error)) from error
            await asyncio.sleep(min(2.0**attempt, 20.0) * waits.lock / 10)
            attempt += 1
        except asyncpg.PostgresError as error:
            raise FailedMigrationError(_describe(migration, error)) from error
        else:
            return


async def _apply_in_transaction(
    connection: asyncpg.Connection, migration: Migration, waits: Timeouts
) -> None:
    started = time.monotonic()
    async with connection.transaction():
        await connection.execute(f"SET LOCAL lock_timeout = {round(waits.lock * 1000)}")
        await connection.execute(f"SET LOCAL statement_timeout = {round(waits.statement * 1000)}")
        await connection.execute(migration.sql)
        await _record(connection, migration, started)


async def _apply_statements(connection: asyncpg.Connection, migration: Migration) -> None:
    # A concurrent index build waits for older transactions and blocks nobody: no time-outs.
    started = time.monotonic()
    for statement in migration.statements():
        await connection.execute(statement)
    await _record(connection, migration, started)


async def _record(connection: asyncpg.Connection, migration: Migration, started: float) -> None:
    milliseconds = round((time.monotonic() - started) * 1000)
    await connection.execute(_RECORD, migration.name, migration.sha256, milliseconds)


def _describe(migration: Migration, error: asyncpg.PostgresError) -> str:
    lines = [f"{migration.name}: {error}"]
    lines += [str(part) for part in (getattr(error, "detail", None), error.hint) if part]
    return "\n  ".join(lines)
