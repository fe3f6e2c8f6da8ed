"""One replay against a running stack: make what the orders need, live them, compare the end."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ops.client import Json
from ops.replay.catalog import Catalog, wanted
from ops.replay.client import ReplayClient
from ops.replay.comparison import Difference, Ledger, differences, stock_differences
from ops.replay.driver import Driver, StepFailed
from ops.replay.figures import Both, figure_differences, figures
from ops.replay.olist import Book, Order
from ops.replay.plan import CHANNEL, plan
from ops.replay.progress import Meter, Teller
from ops.replay.steps import Life
from ops.replay.work_list import WorkList

# Orders in flight: enough to keep the stack busy, not more than it can look after.
AT_ONCE = 28
# Beyond so many orders a list of all is read faster than each on its own.
_SINGLE_READS = 100
_LOOK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Waits:
    """Seconds: for what the stack does by itself while an order lives; and, at the end, without
    any change until what differs is called a difference.
    """

    step: float = 120.0
    settle: float = 45.0


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it; `lived` orders were not at their end before, which took `seconds`."""

    lived: int
    seconds: float
    figures: Mapping[str, Both]
    differences: Sequence[Difference]


@dataclass
class _Found:
    """Orders of the channel by its order id, and the providers' books by our order id."""

    orders: dict[str, Json] = field(default_factory=dict)
    ledgers: dict[str, Ledger] = field(default_factory=dict)

    def differences(self, life: Life) -> list[Difference]:
        order = self.orders.get(life.order_id)
        return differences(life, order, self.ledger(order))

    def ledger(self, order: Json | None) -> Ledger:
        """The providers' books of one order."""
        return self.ledgers.get(order["id"] if order else "", Ledger())


class Session:
    """See the module."""

    def __init__(self, client: ReplayClient, book: Book, teller: Teller, waits: Waits) -> None:
        self._client = client
        self._book = book
        self._teller = teller
        self._waits = waits
        self._catalog = Catalog(client, book, at_once=AT_ONCE)
        self._failures: list[Difference] = []

    async def run(self, orders: Sequence[Order]) -> Result:
        """Live the orders that are not at their end, then hold all of them against the file."""
        found = await self._read()
        lives = [plan(order, self._book) for order in orders]
        todo = [life for life in lives if found.differences(life)]
        if len(todo) < len(lives):
            self._teller.say(f"{len(lives) - len(todo)} orders are at their end already")
        began = time.monotonic()
        if todo:
            await self._live_all(orders, todo, found)
        seconds = time.monotonic() - began
        self._teller.say("comparing with the file and the providers' ledgers")
        found = await self._settle(lives)
        return Result(len(todo), seconds, *await self._compare(lives, found))

    # -- living --------------------------------------------------------------------------------

    async def _live_all(self, orders: Sequence[Order], todo: Sequence[Life], found: _Found) -> None:
        self._teller.say("items, sources and stock")
        await self._catalog.make(orders)
        first, later = wanted(self._placed(orders, found), self._strangers(found))
        await self._catalog.receive(first)
        with self._teller.count("orders", len(todo)) as meter:
            async with asyncio.TaskGroup() as group:
                work_list = WorkList(self._client)
                looking = group.create_task(work_list.run())
                driver = Driver(self._client, work_list, patience=self._waits.step)
                scarce = [life for life in todo if not life.finds_stock]
                await self._live(driver, scarce, found, meter)
                await self._catalog.receive(later)
                plenty = [life for life in todo if life.finds_stock]
                await self._live(driver, plenty, found, meter)
                looking.cancel()

    def _placed(self, orders: Sequence[Order], found: _Found) -> list[Life]:
        """These orders, and those of the file that an earlier run has placed: all need stock."""
        ids = {order.id for order in orders} | found.orders.keys()
        return [plan(order, self._book) for order in self._book.orders if order.id in ids]

    def _strangers(self, found: _Found) -> list[Json]:
        """Orders of the channel that came with another file: what was received is theirs, too."""
        ids = {order.id for order in self._book.orders}
        return [order for order_id, order in found.orders.items() if order_id not in ids]

    async def _live(
        self, driver: Driver, lives: Sequence[Life], found: _Found, meter: Meter
    ) -> None:
        """All of them, oldest first; those that could not go on once more, when all others are
        done: what stood in the way (a service that was away for long) may be over.
        """
        failed = await self._try(driver, lives, found, meter.step)
        if failed:
            self._teller.say(f"{len(failed)} orders could not go on, and are taken up again")
            again = [life for life in lives if life.order_id in failed]
            failed = await self._try(driver, again, await self._read(), lambda: None)
        self._failures += failed.values()

    async def _try(
        self,
        driver: Driver,
        lives: Sequence[Life],
        found: _Found,
        done: Callable[[], None],
    ) -> dict[str, Difference]:
        """A bounded number at once; answers those that could not go on."""
        queue, failed = iter(lives), dict[str, Difference]()

        async def work() -> None:
            for life in queue:
                try:
                    await driver.live(life, found.orders.get(life.order_id))
                except StepFailed as error:
                    what = f"step {error.step}"
                    failed[life.order_id] = Difference(life.order_id, what, "done", str(error))
                done()

        async with asyncio.TaskGroup() as group:
            for _ in range(min(AT_ONCE, len(lives))):
                group.create_task(work())
        return failed

    # -- comparing -----------------------------------------------------------------------------

    async def _read(self) -> _Found:
        found = _Found(
            {o["channel_order_id"]: o for o in await self._client.orders(channel=CHANNEL)}
        )
        payments, parcels = (
            _by_order(await self._client.provider_payments()),
            _by_order(await self._client.provider_parcels()),
        )
        for order in found.orders.values():
            order_id = order["id"]
            found.ledgers[order_id] = Ledger(payments[order_id], parcels[order_id])
        return found

    async def _settle(self, lives: Sequence[Life]) -> _Found:
        """How all ended, once nothing is different or nothing changes any more."""
        found = await self._read()
        unlike = [life for life in lives if found.differences(life)]
        seen, changed_at = _signature(found, unlike), time.monotonic()
        while unlike and time.monotonic() - changed_at < self._waits.settle:
            await asyncio.sleep(_LOOK_SECONDS)
            if len(unlike) > _SINGLE_READS:
                found = await self._read()
            else:
                await self._read_again(found, unlike)
            unlike = [life for life in unlike if found.differences(life)]
            if (now := _signature(found, unlike)) != seen:
                seen, changed_at = now, time.monotonic()
        return found

    async def _read_again(self, found: _Found, lives: Iterable[Life]) -> None:
        for life in lives:
            order = found.orders.get(life.order_id)
            if order is not None:
                order_id = order["id"]
                found.orders[life.order_id] = await self._client.order(order_id)
                found.ledgers[order_id] = Ledger(
                    await self._client.provider_payments(order_id),
                    await self._client.provider_parcels(order_id),
                )

    async def _compare(
        self, lives: Sequence[Life], found: _Found
    ) -> tuple[Mapping[str, Both], Sequence[Difference]]:
        ends = [
            (life, order, found.ledger(order))
            for life in lives
            if (order := found.orders.get(life.order_id)) is not None
        ]
        compared = figures(ends)
        ids = {life.order_id for life in lives}
        others = [order for order_id, order in found.orders.items() if order_id not in ids]
        stock = stock_differences(
            lives, others, await self._catalog.received(), await self._client.stock()
        )
        single = [one for life in lives for one in found.differences(life)]
        return compared, [*self._failures, *single, *stock, *figure_differences(compared)]


def _by_order(items: Iterable[Json]) -> Mapping[str, list[Json]]:
    groups: defaultdict[str, list[Json]] = defaultdict(list)
    for item in items:
        groups[item["order"]].append(item)
    return groups


def _signature(found: _Found, lives: Iterable[Life]) -> set[tuple[str, str, str]]:
    return {
        (one.order_id, one.what, str(one.found))
        for life in lives
        for one in found.differences(life)
    }
