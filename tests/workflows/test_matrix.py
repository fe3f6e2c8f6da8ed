"""Every action at every moment, with workers that live, and with workers that die at each step."""

import asyncio
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import httpx2
import pytest

from tests.workflows.deaths import Deaths, Servers, Step, mortal, patient
from tests.workflows.life import eventually
from tests.workflows.matrix import page
from tests.workflows.matrix.actions import NOT_THEIRS, NOTHING, Action
from tests.workflows.matrix.cells import Cell, Row, actions_at, cell
from tests.workflows.matrix.moments import PARTS, Moment
from tests.workflows.shop import Shop

WRITING = "WRITE_MATRIX" in os.environ
# Orders that are brought to their moment at once.
_AT_ONCE = 24
# Orders for which a worker stands still before it is killed: it has a hundred tasks at most.
_DYING = 60

# The suite lets a worker die at some of the steps; `DEATHS=all` at each, part by part.
_ALL, _SOME = os.environ.get("DEATHS") == "all", 20
MOMENTS = [moment for part in PARTS.values() for moment in part]
LIVED: Mapping[str, Sequence[Moment]] = PARTS if _ALL else {"all": MOMENTS}

Keys = dict[str, str]
Wanted = tuple[Moment, Action, Step | None]


@pytest.fixture
def changes(changes: dict[str, Any]) -> dict[str, Any]:
    """A death takes one try of an activity: nobody is asked for help because of it."""
    return {**changes, "step_attempts": 4}


@pytest.mark.skipif(WRITING, reason="the page is being written")
@pytest.mark.parametrize("moments", LIVED.values(), ids=LIVED)
@pytest.mark.timeout(600)
async def test_every_action_ends_as_the_page_says_whenever_a_worker_dies(
    shop: Shop, api: httpx2.AsyncClient, servers: Servers, moments: Sequence[Moment]
) -> None:
    keys, deaths, rows = await keys_of(api), Deaths(shop.pool), page.expected()
    await watched(shop, deaths)
    for moment in moments:
        assert {key for key in rows if key[0] == moment.name} == {
            (moment.name, action.who, action.name) for action in actions_at(moment)
        }
    found = await brought(shop, granted(moments, rows))
    deaths.arm_each({})
    await acted(found, api, keys)
    await agree(shop, found, rows)
    steps = [(one, step) for one in found for step in deaths.steps[one.life.order_id]]
    again = await brought(
        shop, [(one.moment, one.action, step) for one, step in steps[:: 1 if _ALL else _SOME]]
    )
    await shop.rest()
    acting = []
    for dying in [again[n : n + _DYING] for n in range(0, len(again), _DYING)]:
        dies_at = {one.life.order_id: one.dies_at for one in dying if one.dies_at}
        async with mortal(shop, servers, dies_at):
            acting.append(asyncio.create_task(acted(dying, api, keys)))
    await shop.work()
    await asyncio.gather(*acting)
    await agree(shop, again, rows, 90)


@pytest.mark.skipif(WRITING, reason="the page is being written")
async def test_what_is_refused_changes_nothing(shop: Shop, api: httpx2.AsyncClient) -> None:
    keys, rows = await keys_of(api), page.expected()
    orders = await brought(shop, [(moment, NOTHING, None) for moment in MOMENTS])
    await asyncio.gather(*(ask_what_is_refused(one, api, keys, rows) for one in orders))


async def ask_what_is_refused(
    order: Cell, api: httpx2.AsyncClient, keys: Keys, rows: Mapping[page.Key, Row]
) -> None:
    """All of it, one after the other, of the same order."""
    for action in actions_at(order.moment):
        wanted = rows[order.moment.name, action.who, action.name]
        if page.is_refused(wanted, rows[order.key]):
            asked = Cell(order.moment, action, order.life, order.sku)
            await asked.begin()
            await acted([asked], api, keys)
            assert (asked.key, await asked.row()) == (asked.key, wanted)


def granted(moments: Iterable[Moment], rows: Mapping[page.Key, Row]) -> list[Wanted]:
    """What is not refused at these moments."""
    return [
        (moment, action, None)
        for moment in moments
        for action in actions_at(moment)
        if not page.is_refused(
            rows[moment.name, action.who, action.name],
            rows[moment.name, NOTHING.who, NOTHING.name],
        )
    ]


async def keys_of(api: httpx2.AsyncClient) -> Keys:
    """A key for each scope."""
    found = {}
    for scope in ("storefront", "support", "warehouse", "reports"):
        made = await api.post("/v1/api-keys", json={"name": scope, "scopes": [scope]})
        found[scope] = made.json()["key"]
    return found


async def brought(shop: Shop, wanted: Sequence[Wanted]) -> list[Cell]:
    """An order at its moment for each action, or for each step of an action."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def bring(moment: Moment, action: Action, dies_at: Step | None) -> Cell:
        async with gate:
            one = await cell(shop, moment, action)
            await moment.reach(one.life)
            one.dies_at = dies_at
            return one

    found = await asyncio.gather(*(bring(*one) for one in wanted))
    await eventually(lambda: quiet(shop))
    await asyncio.gather(*(one.begin() for one in found))
    return found


async def acted(found: Iterable[Cell], api: httpx2.AsyncClient, keys: Keys) -> None:
    """Everybody asks at once."""
    await asyncio.gather(
        *(
            one.try_all(api, keys) if one.action.name == NOT_THEIRS else one.act(api, keys)
            for one in found
        )
    )


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


async def agree(
    shop: Shop, found: Sequence[Cell], rows: Mapping[page.Key, Row], seconds: float = 40
) -> None:
    """Wait until each cell is as its row says, and stays so."""
    off = list(found)

    async def same() -> bool:
        nonlocal off
        off = [one for one in off if await one.row() != rows[one.key]]
        # Reading is work, too.
        await asyncio.sleep(0.5)
        return not off and await quiet(shop)

    try:
        await eventually(same, seconds)
    except TimeoutError:
        seen = [(one.key, one.dies_at, await one.row(), rows[one.key]) for one in off]
        told = "\n".join(map(str, seen)) or "something is still on its way"
        raise AssertionError(told) from None
    assert [one.key for one in found if await one.row() != rows[one.key]] == []


async def watched(shop: Shop, deaths: Deaths) -> None:
    """From now on the steps of its worker are written down."""
    await shop.close()
    shop.accident = deaths
    shop.temporal = patient(shop.temporal)
    await shop.open()


@pytest.mark.skipif(not WRITING, reason="for writing the page")
@pytest.mark.timeout(1_200)
async def test_write_the_page(shop: Shop, api: httpx2.AsyncClient) -> None:
    keys = await keys_of(api)
    rows: dict[page.Key, Row] = {}
    for moments in PARTS.values():
        wanted = [(moment, action, None) for moment in moments for action in actions_at(moment)]
        found = await brought(shop, wanted)
        await acted(found, api, keys)
        # Nobody knows yet what to wait for.
        await asyncio.sleep(8)
        await eventually(lambda: quiet(shop))
        rows |= {one.key: await one.row() for one in found}
    page.PAGE.write_text(page.written(rows), "utf-8")
