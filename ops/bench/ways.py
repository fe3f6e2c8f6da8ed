"""Three ways to take units of an item that everybody wants, side by side on bare tables.

Each reservation writes a claim and a row of the ledger, and refuses what is not there. What the
desk does beyond (several lines, queue, sources, timeline) is left out here, so that only the ways
to share one counter differ. The numbers behind ADR 0010.
"""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Sequence

from db.pool import Pool
from db.together import Together

_UNITS = 40_000
_SECONDS = 1.5

_TABLES = """
DROP SCHEMA IF EXISTS ways CASCADE;
CREATE SCHEMA ways;
CREATE TABLE ways.levels (
    sku text PRIMARY KEY, on_hand int NOT NULL, allocated int NOT NULL DEFAULT 0,
    CHECK (allocated <= on_hand)
) WITH (fillfactor = 50);
CREATE TABLE ways.units (
    id bigint PRIMARY KEY, sku text NOT NULL, claimed_by text
) WITH (fillfactor = 70);
CREATE INDEX ON ways.units (sku, id) WHERE claimed_by IS NULL;
CREATE TABLE ways.claims (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, line text NOT NULL, sku text NOT NULL,
    quantity int NOT NULL
);
CREATE TABLE ways.ledger (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, sku text NOT NULL, cause text NOT NULL,
    allocated int NOT NULL, UNIQUE (cause, sku)
);
"""
_SHELF = """
WITH level AS (INSERT INTO ways.levels (sku, on_hand) VALUES ('HOT', $1))
INSERT INTO ways.units (id, sku) SELECT n, 'HOT' FROM generate_series(1, $1::int) n
"""

_ROW = """
WITH taken AS (
    UPDATE ways.levels SET allocated = allocated + 1
    WHERE sku = 'HOT' AND on_hand - allocated >= 1 RETURNING sku
), claim AS (
    INSERT INTO ways.claims (line, sku, quantity) SELECT $1, sku, 1 FROM taken
)
INSERT INTO ways.ledger (sku, cause, allocated) SELECT sku, $1, 1 FROM taken RETURNING true
"""

_UNIT = """
WITH free AS (
    SELECT id FROM ways.units WHERE sku = 'HOT' AND claimed_by IS NULL
    ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
), taken AS (
    UPDATE ways.units u SET claimed_by = $1 FROM free WHERE u.id = free.id RETURNING u.sku
), claim AS (
    INSERT INTO ways.claims (line, sku, quantity) SELECT $1, sku, 1 FROM taken
)
INSERT INTO ways.ledger (sku, cause, allocated) SELECT sku, $1, 1 FROM taken RETURNING true
"""

_LOCK = "SELECT on_hand - allocated FROM ways.levels WHERE sku = 'HOT' FOR NO KEY UPDATE"

_BATCH = """
WITH moved AS (
    UPDATE ways.levels SET allocated = allocated + cardinality($1::text[]) WHERE sku = 'HOT'
), claim AS (
    INSERT INTO ways.claims (line, sku, quantity) SELECT line, 'HOT', 1 FROM unnest($1) AS line
)
INSERT INTO ways.ledger (sku, cause, allocated) SELECT 'HOT', line, 1 FROM unnest($1) AS line
"""

WAITING = (8, 32, 64)


async def compare(pool: Pool) -> dict[str, dict[int, float]]:
    """Reservations per second of each way, by the number of requests that wait."""
    rates: dict[str, dict[int, float]] = {}
    for name, way in _ways(pool).items():
        rates[name] = {}
        for waiting in WAITING:
            await pool.execute(_TABLES)
            await pool.execute(_SHELF, _UNITS)
            await pool.execute("ANALYZE ways.units")
            rates[name][waiting] = await _rate(way, waiting)
            await _must_agree(pool)
    await pool.execute("DROP SCHEMA ways CASCADE")
    return rates


def _ways(pool: Pool) -> dict[str, Callable[[str], Awaitable[bool]]]:
    async def row(line: str) -> bool:
        return bool(await pool.fetchval(_ROW, line))

    async def unit(line: str) -> bool:
        return bool(await pool.fetchval(_UNIT, line))

    async def batch(lines: Sequence[str]) -> list[bool | None]:
        async with pool.acquire() as conn, conn.transaction():
            free: int = await conn.fetchval(_LOCK)
            await conn.execute(_BATCH, list(lines[:free]))
        return [place < free for place in range(len(lines))]

    async def alone(line: str) -> bool:
        return bool((await batch([line]))[0])

    together = Together[str, bool](batch, alone)
    return {"one row": row, "unit rows, SKIP LOCKED": unit, "written together": together.do}


async def _rate(way: Callable[[str], Awaitable[bool]], waiting: int) -> float:
    """Everybody asks again as soon as it is answered."""
    names = itertools.count()
    done = 0
    began = time.perf_counter()

    async def ask() -> None:
        nonlocal done
        while time.perf_counter() - began < _SECONDS and await way(f"line-{next(names)}"):
            done += 1

    await asyncio.gather(*(ask() for _ in range(waiting)))
    return done / (time.perf_counter() - began)


async def _must_agree(pool: Pool) -> None:
    """Claims and ledger tell of the same units, and of no more than there were."""
    claims, ledger = await pool.fetchrow(
        "SELECT (SELECT count(*) FROM ways.claims), (SELECT count(*) FROM ways.ledger)"
    ) or (0, 1)
    if claims != ledger or claims > _UNITS:
        message = f"{claims} claims, {ledger} rows of the ledger, {_UNITS} units"
        raise RuntimeError(message)
