"""One order of a chaos run: what its people do, told as small steps that scripts put together."""

import asyncio
import random
import time
from collections.abc import Callable

from ops.chaos import shop
from ops.client import ApiError, Json, NotInTime, ShopClient, axes, closed, new_key, open_work

PATIENCE = 150.0
"""Seconds that people wait for anything: several parts may be down, one after another."""
_MOMENT = 0.5


class Life:
    """An order and the people around it. Each is as patient as the storm is long."""

    def __init__(
        self, client: ShopClient, reference: str, basket: shop.Basket, rng: random.Random
    ) -> None:
        """Nothing is placed yet."""
        self.client = client
        self.reference = reference
        self.basket = basket
        self.rng = rng
        self.order: Json = {}
        self.played = False

    @property
    def id(self) -> str:
        """The order's id."""
        return str(self.order["id"])

    @property
    def accepted(self) -> bool:
        """Whether the API has answered 201."""
        return bool(self.order)

    async def place(self, copies: int = 1) -> None:
        """Place the order, by impatient people in several copies at once: it is one order."""
        key, body = new_key(), shop.order(self.reference, self.basket)
        answers = await asyncio.gather(*(self.client.place(body, key) for _ in range(copies)))
        if any(answer != answers[0] for answer in answers):
            message = f"{self.reference}: {copies} copies were not answered alike"
            raise NotInTime(message)
        self.order = answers[0]

    async def until(self, condition: Callable[[Json], bool], what: str) -> Json:
        """Wait until the order is so; an order that was closed instead never will be."""

        def settled(order: Json) -> bool:
            return condition(order) or closed(order)

        self.order = await self.client.wait(self.id, settled, what=what, within=PATIENCE)
        if not condition(self.order):
            message = f"{self.order['number']} was to be {what}, but is {axes(self.order)}"
            raise NotInTime(message)
        return self.order

    async def ready(self, locations: int = 1) -> list[Json]:
        """Wait for the work at so many locations."""
        order = await self.until(lambda o: len(open_work(o)) >= locations, "ready to be packed")
        return open_work(order)

    async def pack(self, work: Json, parcels: int = 1) -> None:
        """Pick and pack; some warehouses tell that they begin, some do not."""
        if self.rng.random() < 0.5:  # noqa: PLR2004 - a coin
            await self.client.start(work["id"])
        if self.rng.random() < 0.5:  # noqa: PLR2004 - a coin
            await self.client.pick(work)
        await self.client.pack(work, parcels=parcels)

    async def fulfill(self, locations: int = 1, parcels: int = 1) -> None:
        """Pack and hand over everything."""
        for work in await self.ready(locations):
            await self.pack(work, parcels)
            await self.ship(work["id"])

    async def ship(self, work_id: str) -> None:
        """Hand over what is packed; when the authorization ran out just now, a moment later."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                await self.client.ship(work_id)
            except ApiError as error:
                if error.code != "payment_missing" or time.monotonic() > deadline:
                    raise
            else:
                return
            await asyncio.sleep(_MOMENT)

    async def labeled(self) -> None:
        """Wait until a label is bought."""
        await self.until(
            lambda o: any(s["status"] == "label_purchased" for s in o["shipments"]), "labeled"
        )

    async def cancel(self, reason: str = "customer_request") -> None:
        """Have support cancel the order."""
        await self.client.cancel(self.id, reason)

    async def end(self) -> None:
        """Wait until the order is closed."""
        await self.until(closed, "closed")
