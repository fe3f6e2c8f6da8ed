"""What has to be forgotten: idempotency keys after a week, with the answers they hold; addresses of
edits that can never be done.
"""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import structlog

from db import edits, idempotency
from db.pool import Pool

_log = structlog.get_logger("api.housekeeping")

KEEP = timedelta(days=7)
_BATCH = 1_000
_PAUSE_SECONDS = 600.0


async def forget_forever(pool: Callable[[], Pool]) -> None:
    """Delete old keys now and every ten minutes, in short transactions, until cancelled."""
    while True:
        more = False
        try:
            more = _BATCH in {await forget(pool()), await end_edits(pool())}
        except Exception as error:  # noqa: BLE001 - the database may be away; there is no hurry
            _log.warning("housekeeping_failed", error=type(error).__name__)
        await asyncio.sleep(0.1 if more else _PAUSE_SECONDS)


async def forget(pool: Pool) -> int:
    """Delete some of the keys that are older than a week; answers how many."""
    async with pool.acquire() as conn:
        return await idempotency.forget_old(conn, KEEP, _BATCH)


async def end_edits(pool: Pool) -> int:
    """End some of the edits whose request was given up; answers how many."""
    async with pool.acquire() as conn:
        return await edits.end_given_up(conn, KEEP, _BATCH)
