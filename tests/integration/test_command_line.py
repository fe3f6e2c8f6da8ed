"""The command line, as a process."""

import asyncio
import os
import sys
from pathlib import Path

import asyncpg

ROOT = Path(__file__).parents[2]


async def kervan(*arguments: str, **variables: str) -> tuple[int, str, str]:
    """Run `kervan`; return exit code, stdout and stderr."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ops.cli", *arguments),
        cwd=ROOT,
        env={**os.environ, **variables},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def test_migrate_names_what_it_applied_and_nothing_the_second_time(
    empty_database_url: str,
) -> None:
    code, out, _ = await kervan("migrate", KERVAN_DATABASE_URL=empty_database_url)
    names = sorted(path.name for path in (ROOT / "db" / "migrations").glob("*.sql"))
    assert (code, out.split()) == (0, names)
    assert await kervan("migrate", KERVAN_DATABASE_URL=empty_database_url) == (
        0,
        "",
        "0 applied, the schema is up to date\n",
    )


async def test_migrate_says_in_one_line_that_there_is_no_database(empty_database_url: str) -> None:
    for url in ("postgresql://kervan@127.0.0.1:1/none", f"{empty_database_url}_gone"):
        code, out, err = await kervan("migrate", KERVAN_DATABASE_URL=url)
        assert (code, out, err.count("\n")) == (1, "", 1)
        assert err.startswith("migrate: ")


async def test_an_edited_migration_stops_the_command(empty_database_url: str) -> None:
    await kervan("migrate", KERVAN_DATABASE_URL=empty_database_url)
    connection = await asyncpg.connect(empty_database_url)
    await connection.execute("UPDATE schema_migrations SET sha256 = 'another'")
    await connection.close()
    code, _, err = await kervan("migrate", KERVAN_DATABASE_URL=empty_database_url)
    assert code == 1
    assert "was edited after this database had applied it" in err


async def test_a_setting_that_cannot_be_read_is_named() -> None:
    code, _, err = await kervan("dev", KERVAN_API_PORT="many", KERVAN_RETURN_WINDOW="soon")
    assert code == 2
    assert "KERVAN_API_PORT: " in err
    assert "KERVAN_RETURN_WINDOW: " in err
    assert "Traceback" not in err
