"""Every action at every moment, with a worker that lives and with workers that die."""

import asyncio
import contextlib
import os
from collections.abc import Iterable
from typing import Any

import httpx2
import pytest

from tests.workflows import matrix
from tests.workflows.life import eventually
from tests.workflows.matrix import MOMENTS, Cell, Moment
from tests.workflows.shop import Shop
from workflows.messages import Policy

WRITING = "WRITE_MATRIX" in os.environ
# After so many activities a worker dies, and another one takes over.
DEATHS = (1, 3, 6)
_LONG, _SHORT = 3_600.0, 0.2

Rows = dict[tuple[str, str, str], tuple[str, ...]]


@pytest.fixture
def changes(changes: dict[str, Any]) -> dict[str, Any]:
    """A death takes one try of an activity: nobody is asked for help because of it."""
    return {**changes, "step_attempts": 4}


async def brought(shop: Shop, moment: Moment, number: int) -> list[Cell]:
    """Orders at that moment, all of them."""
    window = _SHORT if moment.closes else _LONG
    shop.policy = Policy(return_window=window, step_retry_interval=0.5, step_attempts=4)
    found = await matrix.cells(shop, moment, number)
    await asyncio.gather(*(moment.reach(cell.life) for cell in found))
    await eventually(lambda: quiet(shop))
    return found


async def quiet(shop: Shop) -> bool:
    """Whether nothing is on its way: no news, mail, money."""
    busy = await shop.pool.fetchval(
        "SELECT (SELECT count(*) FROM outbox)"
        " + (SELECT count(*) FROM inbox WHERE processed_at IS NULL)"
        " + (SELECT count(*) FROM notifications WHERE status = 'pending')"
        " + (SELECT count(*) FROM refunds WHERE status = 'requested')"
        " + (SELECT count(*) FROM payment_operations WHERE status IN ('requested', 'unknown'))"
    )
    return not busy


async def rows_of(found: Iterable[Cell]) -> Rows:
    """What came of it, when nothing moves any more."""
    return {cell.key: await cell.row() for cell in found}


async def agree(shop: Shop, found: list[Cell], seconds: float = 40) -> None:
    """Wait until each cell is as its row says."""
    wanted = _expected(found)
    seen: Rows = {}

    async def same() -> bool:
        nonlocal seen
        still = await quiet(shop)
        seen = await rows_of(found)
        return still and seen == wanted

    try:
        await eventually(same, seconds)
    except TimeoutError:
        off = {key: (seen[key], row) for key, row in wanted.items() if seen[key] != row}
        message = "\n".join(f"{key}:\n  {is_}\n  {shall}" for key, (is_, shall) in off.items())
        raise AssertionError(message or "something is still on its way") from None


def _expected(found: Iterable[Cell]) -> Rows:
    known = matrix.expected()
    return {
        (moment, who, what): known[moment[0].upper() + moment[1:], who, what]
        for moment, who, what in (cell.key for cell in found)
    }


@pytest.mark.skipif(WRITING, reason="the page is being written")
@pytest.mark.parametrize("moment", MOMENTS, ids=lambda m: m.name)
async def test_every_action_at_a_moment_ends_as_the_page_says(
    shop: Shop, api: httpx2.AsyncClient, moment: Moment
) -> None:
    found = await brought(shop, moment, 0)
    await asyncio.gather(*(cell.act(api) for cell in found))
    await agree(shop, found)


@pytest.mark.skipif(WRITING, reason="the page is being written")
@pytest.mark.parametrize("moment", [m for m in MOMENTS if m.deadly], ids=lambda m: m.name)
@pytest.mark.timeout(200)
async def test_workers_that_die_in_the_middle_change_no_row(
    shop: Shop, api: httpx2.AsyncClient, moment: Moment
) -> None:
    found = await brought(shop, moment, 0)
    acting = asyncio.gather(*(cell.act(api) for cell in found))
    died = 0
    for number in DEATHS:
        shop.accident.arm_after(number)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(shop.accident.happened.wait(), 3)
        died += shop.accident.happened.is_set()
        await shop.close()
        await shop.open()
    shop.accident.arm_after(0)
    await acting
    # What a dead worker had begun is begun again when its time is over: a minute for a mail.
    await agree(shop, found, 100)
    assert died


@pytest.mark.skipif(not WRITING, reason="for writing the page")
@pytest.mark.timeout(600)
async def test_write_the_page(shop: Shop, api: httpx2.AsyncClient) -> None:
    rows = {}
    for number, moment in enumerate(MOMENTS):
        found = await brought(shop, moment, number)
        await asyncio.gather(*(cell.act(api) for cell in found))
        # Nobody knows yet what to wait for.
        await asyncio.sleep(6)
        await eventually(lambda: quiet(shop))
        seen = await rows_of(found)
        rows[moment.name] = [seen[cell.key] for cell in found]
    matrix.PAGE.write_text(matrix.written(rows), "utf-8")
