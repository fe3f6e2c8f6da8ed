"""The migration runner, on a real PostgreSQL."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from db.migrate import (
    BadMigrationFileError,
    ChangedMigrationError,
    FailedMigrationError,
    MigrationLockError,
    Timeouts,
    migrate,
)

TABLE = (
    "CREATE TABLE things (id int PRIMARY KEY, name text);\nINSERT INTO things VALUES (1, 'a');\n"
)
INDEX = """-- no-transaction
-- An interrupted build leaves an invalid index behind.
DROP INDEX CONCURRENTLY IF EXISTS things_by_name;
CREATE INDEX CONCURRENTLY things_by_name ON things (name);
"""


def write(directory: Path, **files: str) -> Path:
    """Write `m0001_add_things=...` as `0001_add_things.sql`."""
    for name, sql in files.items():
        (directory / f"{name.removeprefix('m')}.sql").write_text(sql)
    return directory


async def fetch(url: str, query: str) -> list[tuple[object, ...]]:
    connection = await asyncpg.connect(url)
    try:
        return [tuple(row) for row in await connection.fetch(query)]
    finally:
        await connection.close()


async def test_four_runners_at_once_apply_every_file_once(
    empty_database_url: str, tmp_path: Path
) -> None:
    write(
        tmp_path,
        m0001_add_things=TABLE,
        m0002_index_things=INDEX,
        m0003_add_more="CREATE TABLE more (id int); INSERT INTO more VALUES (7);",
    )
    results = await asyncio.gather(
        *(migrate(empty_database_url, directory=tmp_path) for _ in range(4))
    )
    names = ["0001_add_things.sql", "0002_index_things.sql", "0003_add_more.sql"]
    assert sorted(results, key=len) == [[], [], [], names]
    assert await fetch(empty_database_url, "SELECT id FROM more") == [(7,)]
    valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'things_by_name'::regclass"
    assert await fetch(empty_database_url, valid) == [(True,)]
    recorded = "SELECT name FROM schema_migrations ORDER BY name"
    assert await fetch(empty_database_url, recorded) == [(name,) for name in names]


async def test_a_new_file_is_applied_to_a_migrated_database(
    empty_database_url: str, tmp_path: Path
) -> None:
    write(tmp_path, m0001_add_things=TABLE)
    assert await migrate(empty_database_url, directory=tmp_path) == ["0001_add_things.sql"]
    write(tmp_path, m0002_drop_name="ALTER TABLE things DROP COLUMN name;")
    assert await migrate(empty_database_url, directory=tmp_path) == ["0002_drop_name.sql"]
    assert await migrate(empty_database_url, directory=tmp_path) == []


async def test_an_edited_file_is_refused_and_nothing_is_applied(
    empty_database_url: str, tmp_path: Path
) -> None:
    write(tmp_path, m0001_add_things=TABLE)
    await migrate(empty_database_url, directory=tmp_path)
    write(tmp_path, m0001_add_things=TABLE + "\n", m0002_add_more="CREATE TABLE more (id int);")
    with pytest.raises(ChangedMigrationError, match=r"0001_add_things\.sql was edited"):
        await migrate(empty_database_url, directory=tmp_path)
    assert await fetch(empty_database_url, "SELECT to_regclass('more') IS NULL") == [(True,)]


async def test_a_deleted_file_is_refused_but_one_of_a_newer_release_is_not(
    empty_database_url: str, tmp_path: Path
) -> None:
    write(tmp_path, m0001_add_things=TABLE, m0002_add_more="CREATE TABLE more (id int);")
    await migrate(empty_database_url, directory=tmp_path)
    (tmp_path / "0002_add_more.sql").unlink()
    assert await migrate(empty_database_url, directory=tmp_path) == []
    (tmp_path / "0001_add_things.sql").unlink()
    write(tmp_path, m0002_add_more="CREATE TABLE more (id int);")
    with pytest.raises(ChangedMigrationError, match=r"has applied 0001_add_things\.sql"):
        await migrate(empty_database_url, directory=tmp_path)


async def test_a_failing_file_leaves_no_trace_and_is_applied_once_it_is_right(
    empty_database_url: str, tmp_path: Path
) -> None:
    write(
        tmp_path, m0001_add_things=TABLE, m0002_add_more="CREATE TABLE more (id int); SELECT 1/0;"
    )
    with pytest.raises(FailedMigrationError, match=r"0002_add_more\.sql: division by zero"):
        await migrate(empty_database_url, directory=tmp_path)
    assert await fetch(empty_database_url, "SELECT to_regclass('more') IS NULL") == [(True,)]
    write(tmp_path, m0002_add_more="CREATE TABLE more (id int);")
    assert await migrate(empty_database_url, directory=tmp_path) == ["0002_add_more.sql"]


async def test_a_table_held_by_somebody_delays_a_file_without_queueing_for_long(
    empty_database_url: str, tmp_path: Path
) -> None:
    write(tmp_path, m0001_add_things=TABLE)
    await migrate(empty_database_url, directory=tmp_path)
    write(tmp_path, m0002_drop_name="ALTER TABLE things DROP COLUMN name;")
    quick = Timeouts(lock=0.05, lock_attempts=3)
    holder = await asyncpg.connect(empty_database_url)
    try:
        transaction = holder.transaction()
        await transaction.start()
        await holder.execute("SELECT * FROM things")
        with pytest.raises(FailedMigrationError, match="lock timeout"):
            await migrate(empty_database_url, directory=tmp_path, timeouts=quick)
        await transaction.rollback()
    finally:
        await holder.close()
    applied = await migrate(empty_database_url, directory=tmp_path, timeouts=quick)
    assert applied == ["0002_drop_name.sql"]


async def test_a_runner_that_never_ends_is_not_waited_for_forever(
    empty_database_url: str, tmp_path: Path
) -> None:
    write(tmp_path, m0001_add_slowly="SELECT pg_sleep(30);")
    first = asyncio.create_task(migrate(empty_database_url, directory=tmp_path))
    locked = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted"
    while await fetch(empty_database_url, locked) == [(0,)]:
        await asyncio.sleep(0)
    with pytest.raises(MigrationLockError):
        await migrate(empty_database_url, directory=tmp_path, timeouts=Timeouts(turn=0.2))
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"m1_add_things": TABLE}, "named NNNN_verb_noun"),
        ({"m0001_things": TABLE}, "named NNNN_verb_noun"),
        ({"m0001_add_things": TABLE, "m0001_add_more": TABLE}, "share the number 0001"),
        ({"m0001_add_function": "-- no-transaction\nDO $$ BEGIN END $$;"}, "dollar-quoted"),
    ],
)
async def test_odd_files_are_refused_before_the_database_is_touched(
    tmp_path: Path, files: dict[str, str], message: str
) -> None:
    write(tmp_path, **files)
    with pytest.raises(BadMigrationFileError, match=message):
        await migrate("postgresql://nobody@127.0.0.1:1/none", directory=tmp_path)
