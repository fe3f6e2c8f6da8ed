"""`kervan keys create` and `kervan seed`, as an operator types them."""

import asyncio
import os
import sys

from db.pool import Pool
from tests.api.server import ROOT, served


async def kervan(*arguments: str, **environment: str) -> tuple[int | None, str]:
    """Run a command; its exit code, and what it printed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ops.cli", *arguments),
        cwd=ROOT,
        env=os.environ | environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return process.returncode, said.decode().strip()


async def test_a_key_from_the_command_line_seeds_the_shop_as_often_as_it_likes(
    database_url: str, pool: Pool
) -> None:
    unknown = await kervan("keys", "create", "--scope", "king", KERVAN_DATABASE_URL=database_url)
    assert (unknown[0], "no such scope: king" in unknown[1]) == (1, True)
    code, key = await kervan(
        *("keys", "create", "--scope", "warehouse", "--scope", "reports", "--name", "seed"),
        KERVAN_DATABASE_URL=database_url,
    )
    assert code == 0
    assert key.startswith("kvn_")
    nowhere = "127.0.0.1:1"
    async with served(KERVAN_DATABASE_URL=database_url, KERVAN_TEMPORAL_ADDRESS=nowhere) as server:
        for _ in range(2):
            seeded = await kervan("seed", KERVAN_API_URL=server.url, KERVAN_API_KEY=key)
            assert seeded == (0, "7 items with stock at MAIN")
        await pool.execute("DELETE FROM idempotency_keys")
        again = await kervan("seed", KERVAN_API_URL=server.url, KERVAN_API_KEY=key)
        assert again[0] == 0
        refused = await kervan("seed", KERVAN_API_URL=server.url, KERVAN_API_KEY="wrong")
        assert (refused[0], "401" in refused[1]) == (1, True)
    assert await pool.fetchval("SELECT count(*) FROM stock_movements") == 7
    unreachable = await kervan("seed", KERVAN_API_URL="http://127.0.0.1:1", KERVAN_API_KEY=key)
    assert (unreachable[0], "does not answer" in unreachable[1]) == (1, True)
