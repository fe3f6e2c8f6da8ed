"""The queries for the Temporal UI on a real server: each finds what it promises, and no other."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio
from temporalio.client import Client
from temporalio.common import SearchAttributePair, TypedSearchAttributes

from domain.attention import CAN, EXPIRED_PROMISED, OTHERS, PAYMENT_FAILED, STOCK_DIFFERS
from domain.purchasing import CAN as OF_PURCHASES
from tests.workflows.life import Life, eventually
from tests.workflows.shop import Shop
from workflows import ids
from workflows.saved_queries import IN_TEMPORAL, QUERIES, SavedQuery, of_code

PRICE = 59_800


def test_every_code_that_a_workflow_shows_has_one_view() -> None:
    shown = [code for one in QUERIES for code in one.codes]
    assert sorted(shown) == sorted(IN_TEMPORAL)
    assert IN_TEMPORAL | OTHERS.keys() == CAN.keys() | OF_PURCHASES.keys() | OTHERS.keys()
    assert IN_TEMPORAL & OTHERS.keys() == {STOCK_DIFFERS, EXPIRED_PROMISED}


@pytest_asyncio.fixture
async def stuck(temporal: Client) -> AsyncIterator[str]:
    """One workflow stuck for each code, and one for none; answers the channel they are from."""
    channel = uuid.uuid4().hex

    async def begin(code: str) -> None:
        pairs: list[SearchAttributePair[Any]] = [SearchAttributePair(ids.CHANNEL, channel)]
        if code:
            pairs.append(SearchAttributePair(ids.ATTENTION, [code]))
        # Nobody works on this queue: it stays as it is.
        await temporal.start_workflow(
            "Stuck",
            id=f"{channel}-{code}",
            task_queue=channel,
            search_attributes=TypedSearchAttributes(pairs),
        )

    codes = ["", *IN_TEMPORAL]
    await asyncio.gather(*(begin(code) for code in codes))
    yield channel
    handles = [temporal.get_workflow_handle(f"{channel}-{code}") for code in codes]
    await asyncio.gather(*(handle.terminate() for handle in handles))


async def found(temporal: Client, query: str, channel: str) -> set[str]:
    """The codes whose workflows a query finds."""
    listed = temporal.list_workflows(f"({query}) AND KervanChannel = '{channel}'")
    return {one.id.removeprefix(f"{channel}-") async for one in listed}


async def test_each_query_finds_what_it_promises(temporal: Client, stuck: str) -> None:
    async def all_there() -> bool:
        return await found(temporal, "ExecutionStatus = 'Running'", stuck) == {"", *IN_TEMPORAL}

    await eventually(all_there)
    for one in QUERIES:
        wanted = set(one.codes) or _of_no_code(one)
        assert await found(temporal, one.query, stuck) == wanted, one
    for code in IN_TEMPORAL:
        assert await found(temporal, of_code(code), stuck) == {code}


def _of_no_code(one: SavedQuery) -> set[str]:
    """What views of other things than codes find of the stuck: all that need somebody, or none."""
    return set(IN_TEMPORAL) if one.name == "needs a person" else set()


async def test_orders_that_are_stuck_are_found_by_their_own_view(shop: Shop) -> None:
    await shop.stock("SHIRT", 5)
    unpaid = await shop.place([("SHIRT", 1, PRICE)], token="tok_declined")
    without_goods = await shop.place([("SCARF", 1, PRICE)])
    well = await shop.place([("SHIRT", 1, PRICE)])
    await unpaid.asks_for_help(PAYMENT_FAILED)
    await without_goods.asks_for_help("waiting_for_stock")
    await well.until(lambda order: order.status == "confirmed")

    async def views_of(life: Life) -> set[str]:
        asked = f"WorkflowId = '{life.handle.id}'"
        return {
            one.name
            for one in QUERIES
            if (await shop.temporal.count_workflows(f"({one.query}) AND {asked}")).count
        } - {"past their next deadline"}

    async def each_by_its_own() -> bool:
        return [await views_of(life) for life in (unpaid, without_goods, well)] == [
            {"needs a person", "payment trouble"},
            {"needs a person", "waiting for goods"},
            {"one warehouse's orders"},
        ]

    await eventually(each_by_its_own)
