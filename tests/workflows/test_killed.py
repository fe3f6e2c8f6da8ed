"""A worker that is killed right after a step's work is done: nobody has heard of it, nor of the
steps before it in the same workflow task. Whoever comes next finds them all done.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest
from temporalio.client import WorkflowUpdateFailedError

from domain.endings import Action, Event
from tests.workflows import mishaps, witness
from tests.workflows.deaths import Deaths, Servers, Step, mortal, patient
from tests.workflows.life import Life
from tests.workflows.shop import Shop

PRICE = 59_800
# Seconds that a worker's death may take until another one goes on.
_PATIENCE = 90
T = TypeVar("T")
Drive = Callable[[Life], Awaitable[object]]

STEPS_OF_A_LIFE = [
    "authorize_payment",
    "record_payment",
    "confirm_order",
    "send_notification",
    "record_parcels",
    "buy_label",
    "record_label",
    "record_hand_over",
    "capture_payment",
    "record_parcel_news",
    "close_order",
]
STEPS_OF_A_CANCELLATION = [
    "begin_cancel",
    "void_label",
    "void_payment",
    "record_payment",
    "close_order",
]
STEPS_OF_A_LOSS = ["record_parcel_news", "decide_trouble", "write_off_parcel"]


async def killed(
    shop: Shop, servers: Servers, steps: list[str], *, begin: Drive, drive: Drive
) -> list[Life]:
    """An order for each step, which began as told and was driven on while a worker died there."""
    shop.accident, shop.temporal = Deaths(shop.pool), patient(shop.temporal)
    await shop.stock("SHIRT", 10 * len(steps))
    lives = [await shop.place([("SHIRT", 2, PRICE)]) for _ in steps]
    await asyncio.gather(*(begin(life) for life in lives))
    await shop.rest()
    deaths: dict[str, Step] = {
        life.order_id: (step, 1) for life, step in zip(lives, steps, strict=True)
    }
    async with mortal(shop, servers, deaths):
        driving = asyncio.gather(*(drive(life) for life in lives))
    await shop.work()
    await driving
    return lives


async def insist(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask as the API does: whoever comes after a dead worker has yet to learn what is done."""
    async with asyncio.timeout(_PATIENCE):
        while True:
            try:
                return await ask()
            except WorkflowUpdateFailedError:
                await asyncio.sleep(0.5)


async def ended(life: Life) -> None:
    """Wait for its end, through a worker's death."""
    await life.until(lambda o: o.closed, _PATIENCE)
    await life.finished()


async def nothing(_: Life) -> None:
    """It is placed, and nobody works."""


async def test_at_any_step_of_a_life(shop: Shop, servers: Servers) -> None:
    async def drive(life: Life) -> None:
        await life.until(lambda o: o.fulfillment_orders, _PATIENCE)
        [parcel] = await insist(life.pack)
        await insist(life.ship)
        await life.deliver(parcel)
        await ended(life)

    await shop.rest()
    for life in await killed(shop, servers, STEPS_OF_A_LIFE, begin=nothing, drive=drive):
        assert await life.axes() == ("completed", "paid", "delivered", "no_return")
        assert await life.at_provider() == [("captured", PRICE, 0)]
        assert len(await life.ledger("parcels")) == 1
        told = await witness.told(life)
        assert sorted(told) == [("confirmed", "sent"), ("delivered", "sent"), ("shipped", "sent")]
        once = ("order_confirmed", "shipped", "delivered", "capture_succeeded", "order_completed")
        types = await life.types()
        assert {type_: types.count(type_) for type_ in once} == dict.fromkeys(once, 1)
    left = 8 * len(STEPS_OF_A_LIFE)
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (left, 0)}


async def test_at_any_step_of_a_cancellation(shop: Shop, servers: Servers) -> None:
    async def labeled(life: Life) -> None:
        await life.pack()
        await life.until_types("label_purchased")

    async def drive(life: Life) -> None:
        assert (await life.cancel()).status == "canceled"
        await ended(life)

    for life in await killed(shop, servers, STEPS_OF_A_CANCELLATION, begin=labeled, drive=drive):
        assert await life.axes() == ("canceled", "voided", "unfulfilled", "no_return")
        assert await life.at_provider() == [("voided", 0, 0)]
        assert {p["status"] for p in await life.ledger("parcels")} == {"voided"}
        assert (await life.types()).count("order_canceled") == 1
    here = 10 * len(STEPS_OF_A_CANCELLATION)
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (here, 0)}


@pytest.mark.parametrize("action", [Action.REFUND, Action.REPLACE])
async def test_at_any_step_of_a_loss_that_is_settled_at_once(
    shop: Shop, servers: Servers, action: Action
) -> None:
    await mishaps.rule(shop, Event.LOST, action)

    async def sent(life: Life) -> None:
        await life.send()
        await life.until(lambda o: o.captured)

    async def drive(life: Life) -> None:
        [parcel] = (await life.order()).shipments
        await life.scan(parcel.id, "lost")
        if action is Action.REPLACE:
            await life.until(lambda o: len(o.fulfillment_orders) > 1, _PATIENCE)
            await life.deliver(await life.send(1))
        await ended(life)

    replaced = action is Action.REPLACE
    for life in await killed(shop, servers, STEPS_OF_A_LOSS, begin=sent, drive=drive):
        assert (await life.axes())[:2] == (
            ("completed", "paid") if replaced else ("canceled", "refunded")
        )
        assert await life.at_provider() == [("captured", PRICE, 0 if replaced else PRICE)]
        assert len(await mishaps.claims(life)) == 1
