"""A hundred changes of mind, each at the very moment of something else; and several at once."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.service import RPCError, RPCStatusCode

from domain.errors import Refused
from domain.order import Order
from domain.states import OrderStatus, PaymentStatus, ShipmentStatus
from tests.workflows import witness
from tests.workflows.life import Life
from tests.workflows.shop import Shop
from workflows.messages import Policy

PRICE = 60_000
EACH = 20
Step = Callable[[Life], Awaitable[object]]


async def confirmed(life: Life) -> None:
    await life.until(lambda o: o.status is not OrderStatus.PENDING)


async def labeled(life: Life) -> None:
    await life.pack()
    await life.until_types("label_purchased")


async def sent(life: Life) -> None:
    await life.send()
    await life.until(lambda o: o.payment_status is PaymentStatus.PAID)


async def deliver(life: Life) -> None:
    [shipment] = (await life.order()).shipments
    await life.scan(shipment.id, "delivered")


# What the cancellation meets, and the steps before it.
MOMENTS: dict[str, tuple[Step, Step | None]] = {
    "payment": (confirmed, None),
    "pick": (lambda life: life.pick(2), confirmed),
    "pack": (lambda life: life.pack(), confirmed),
    "ship": (lambda life: life.ship(), labeled),
    "capture": (lambda life: life.until(lambda o: o.captured or o.closed), sent),
    "delivery": (deliver, sent),
}


async def tried(asked: Awaitable[object]) -> bool:
    """Whether it was done; a refusal, or that the order is over by now, is an answer too."""
    try:
        await asked
    except (WorkflowUpdateFailedError, Refused):
        return False
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return False
    return True


async def race(shop: Shop, moment: str, number: int) -> Life:
    """One order whose customer wants it no more, twice, at that moment."""
    step, before = MOMENTS[moment]
    life = await shop.place([("SHIRT", 2, PRICE)])
    if before is not None:
        await before(life)
    asked = [life.second_thoughts(event=1), life.second_thoughts(event=2), step(life)]
    if number % 2:
        asked.reverse()
    await asyncio.gather(*map(tried, asked))
    await end(life)
    return life


async def end(life: Life) -> None:
    """Whoever still can, brings the order to its end."""
    while not (order := await life.order()).closed:
        for shipment in order.shipments:
            if shipment.intercepted and shipment.on_its_way:
                await bring_back(life, shipment.id)
            elif shipment.status is ShipmentStatus.SHIPPED:
                await life.scan(shipment.id, "delivered")
            elif shipment.status is ShipmentStatus.LABEL_PURCHASED:
                await tried(life.ship())
        if _to_pack(order):
            await tried(life.pack())
        await asyncio.sleep(0.1)
    await life.finished()


async def bring_back(life: Life, shipment_id: str) -> None:
    await life.scan(shipment_id, "return_to_sender")
    await life.receive_back(shipment_id, restock=2)
    await life.until(lambda o: o.closed or not o.recalling)


def _to_pack(order: Order) -> bool:
    return any(
        work.live and any(w.to_pack for w in work.lines) for work in order.fulfillment_orders
    )


@pytest.mark.timeout(400)
@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_cancellation_meets_something_else(shop: Shop, moment: str) -> None:
    shop.policy = Policy(return_window=0.5, step_retry_interval=0.5, step_attempts=2)
    await shop.stock("SHIRT", 2 * EACH)
    lives = await asyncio.gather(*(race(shop, moment, number) for number in range(EACH)))
    kept = 0
    ends: Counter[str] = Counter()
    for life in lives:
        order, types = await life.order(), await life.types()
        ends[order.status] += 1
        [(_, taken, back)] = await life.at_provider()
        if order.status is OrderStatus.CANCELED:
            assert taken == back
            assert await witness.open_authorizations(life) == []
        else:
            assert (order.status, taken, back) == (OrderStatus.COMPLETED, PRICE, 0)
            kept += 2
        assert types.count("order_canceled") + types.count("order_completed") == 1
        told = [milestone for milestone, _ in await witness.told(life)]
        assert told.count("canceled") == (order.status is OrderStatus.CANCELED)
    assert sum(ends.values()) == EACH
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (2 * EACH - kept, 0)}
