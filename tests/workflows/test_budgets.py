"""What stories cost on Temporal stays within the budget that `kervan bench` measures against."""

import asyncio

from db.new_ids import new_id
from ops.bench.budgets import BUDGETS, actions_of
from tests.workflows.life import WAREHOUSE, Life
from tests.workflows.shop import Shop
from workflows.messages import LineQuantity, PackRequest, ParcelInput

PRICE = 59_800


async def _two_parcels(life: Life) -> list[str]:
    order = await life.until(lambda o: o.fulfillment_orders)
    work = order.fulfillment_orders[0]
    parcels = [
        ParcelInput(new_id("shp"), [LineQuantity(work.lines[0].line_id, 1)], 500, 200, 150, 100)
        for _ in range(2)
    ]
    packed = await life.ask("pack", PackRequest(WAREHOUSE, work.id, parcels))
    await life.ship()
    return packed.ids


async def one_parcel(life: Life) -> None:
    await life.deliver(await life.send())


async def two_parcels(life: Life) -> None:
    await life.deliver(*await _two_parcels(life))


async def canceled(life: Life) -> None:
    await life.until(lambda o: o.fulfillment_orders)
    await life.second_thoughts()


async def lost(life: Life) -> None:
    parcel = await life.send()
    await life.scan(parcel, "in_transit")
    await life.scan(parcel, "lost")
    await life.asks_for_help("parcel_lost")
    await life.resolve(parcel, "replace")
    await life.deliver(await life.send(1))


STORIES = {
    "one parcel": one_parcel,
    "two parcels": two_parcels,
    "canceled before picking": canceled,
    "lost and sent again": lost,
}


async def test_stories_stay_within_their_budgets(shop: Shop) -> None:
    await shop.stock("SHIRT", 20)

    async def cost(name: str) -> tuple[int, int]:
        life = await shop.place([("SHIRT", 2, PRICE)])
        await STORIES[name](life)
        await life.finished()
        history = (await life.handle.fetch_history()).events
        return actions_of(history).total(), len(history)

    costs = dict(zip(STORIES, await asyncio.gather(*map(cost, STORIES)), strict=True))
    over = {
        name: found
        for name, found in costs.items()
        if found[0] > BUDGETS[name].actions or found[1] > BUDGETS[name].events
    }
    assert over == {}
    # What counts nothing would fit any budget.
    assert min(actions for actions, _ in costs.values()) >= 8
