"""Items, sources and stock that the orders need. Run again, it makes only what is missing."""

import asyncio
import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TypeVar

from ops.client import Json
from ops.replay.client import ReplayClient
from ops.replay.olist import Book, Order, Place
from ops.replay.plan import address, item_name, sku
from ops.replay.steps import Life

T = TypeVar("T")
Units = Mapping[tuple[str, str], int]

REFERENCE = "olist"
"""What the receipts of a replay refer to."""

_LINES_OF_A_RECEIPT = 1000


class Catalog:
    """Makes what the orders need. `at_once` bounds the requests in flight."""

    def __init__(self, client: ReplayClient, book: Book, *, at_once: int) -> None:
        self._client = client
        self._book = book
        self._at_once = at_once

    async def make(self, orders: Iterable[Order]) -> None:
        """Items and warehouses, those that are there already left alone."""
        goods = {(item.product_id, item.seller_id) for order in orders for item in order.items}
        items = {sku(product, seller): product for product, seller in goods}
        sellers = {seller for _, seller in goods}
        for item in await self._client.items():
            items.pop(item["sku"], None)
        for warehouse in await self._client.warehouses():
            sellers.discard(warehouse["code"])
        await self._all(sorted(sellers), self._put_seller)
        await self._all(sorted(items.items()), self._put_item)

    async def receive(self, wanted: Units) -> None:
        """Bring what was received for replays up to what is wanted, a receipt for each seller."""
        received = await self.received()
        missing: defaultdict[str, dict[str, int]] = defaultdict(dict)
        for (code, warehouse), quantity in sorted(wanted.items()):
            if quantity > (there := received[code, warehouse]):
                missing[warehouse][code] = quantity - there
        await self._all(
            [
                (warehouse, dict(lines[start : start + _LINES_OF_A_RECEIPT]), received)
                for warehouse, units in missing.items()
                for lines in (list(units.items()),)
                for start in range(0, len(lines), _LINES_OF_A_RECEIPT)
            ],
            self._receive,
        )

    async def received(self) -> Counter[tuple[str, str]]:
        """Units that receipts of replays have brought in, by item and warehouse."""
        received: Counter[tuple[str, str]] = Counter()
        for movement in await self._client.movements(kind="receipt"):
            if movement["reason"] == REFERENCE:
                received[movement["sku"], movement["warehouse"]] += movement["on_hand"]
        return received

    async def _put_item(self, item: tuple[str, str]) -> None:
        code, product_id = item
        body: Json = {"name": item_name(product_id, self._book)}
        if product := self._book.products.get(product_id):
            body |= {
                "weight_g": product.weight_g,
                "length_mm": product.length_mm,
                "width_mm": product.width_mm,
                "height_mm": product.height_mm,
            }
            if product.category:
                body["category"] = product.category
        await self._client.put_item(code, body)

    async def _put_seller(self, seller_id: str) -> None:
        place = self._book.sellers.get(seller_id, Place())
        name = f"Seller {seller_id[:8]}"
        body = {"name": name, "kind": "dropship", **address(place)}
        await self._client.put_warehouse(seller_id, body)

    async def _receive(
        self, receipt: tuple[str, Mapping[str, int], Counter[tuple[str, str]]]
    ) -> None:
        warehouse, units, received = receipt
        # What was there before is part of the key: the same step is not done twice, the next is.
        content = sorted((code, received[code, warehouse], n) for code, n in units.items())
        digest = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:24]
        key = f"olist:receipt:{warehouse}:{digest}"
        await self._client.receive(warehouse, units, REFERENCE, key)

    async def _all(self, things: Iterable[T], act: Callable[[T], Awaitable[None]]) -> None:
        limit = asyncio.Semaphore(self._at_once)

        async def one(thing: T) -> None:
            async with limit:
                await act(thing)

        async with asyncio.TaskGroup() as group:
            for thing in things:
                group.create_task(one(thing))


def wanted(lives: Iterable[Life], strangers: Iterable[Json] = ()) -> tuple[Units, Units]:
    """Units that must be received, by (sku, warehouse): before all orders, and after the orders
    that shall run out of stock, because those want some of the same goods.

    `strangers` are orders of other files, as the API tells them.
    """
    lives = list(lives)
    scarce = {key for life in lives if not life.finds_stock for key in life.units}
    units: Counter[tuple[str, str]] = Counter()
    for life in lives:
        if life.finds_stock:
            units.update(life.units)
    sources = dict(units.keys())
    for order in strangers:
        for line in order["lines"]:
            if order["cancel_reason"] != "out_of_stock" and line["sku"] in sources:
                units[line["sku"], sources[line["sku"]]] += line["quantity"]
    first = {key: quantity for key, quantity in units.items() if key not in scarce}
    later = {key: quantity for key, quantity in units.items() if key in scarce}
    return first, later
