"""`kervan chaos --stock`: everybody wants the same scarce goods at once, while the worker and
PostgreSQL are killed; then it is proven that nothing was sold twice, lost, or left lying.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import asyncpg

from ops.chaos import proof, shop
from ops.chaos.frame import ENVIRONMENT, Plan, private_shop, tell
from ops.chaos.storm import Kill, storm
from ops.client import ApiError, Json, NotInTime, ShopClient, new_key
from ops.stack.stack import Stack
from ops.stack.supervisor import Say

_PARTS = ("worker", "postgres")
_WAREHOUSES = ("EAST", "MAIN", "WEST")
_ITEMS = 50
# Units in the shop for each order, and units that come in while the storm blows: with the orders'
# about three units each, a good part of them waits to the end.
_UNITS_PER_ORDER = 1.6
_UNITS_LATER = 0.4
_CANCELED = 0.1
_IN_FLIGHT = 64
# Orders are taken faster than they are lived: people who cancel wait for theirs to be reached.
_PATIENCE = 1_200.0
_QUIET_SECONDS = 1_800.0
_ENVIRONMENT = {
    **ENVIRONMENT,
    # Thousands of orders at once are paid one after another: none runs out meanwhile.
    "KERVAN_PAYMENT_EXPIRY": "PT1H",
    "KERVAN_STOCK_RECONCILIATION": "PT5S",
}

# Each answers rows only where something is wrong, when nothing moves any more.
_STOCK: Mapping[str, str] = {
    "items that orders wait for while units of them lie free": """
        SELECT sku, sum(greatest(0, on_hand - allocated - held - safety - damaged)) AS free,
            (SELECT sum(quantity) FROM reservations r
             WHERE r.sku = l.sku AND r.status = 'backordered') AS waited_for
        FROM stock_levels l GROUP BY sku
        HAVING sum(greatest(0, on_hand - allocated - held - safety - damaged)) > 0
            AND EXISTS (SELECT FROM reservations r
                WHERE r.sku = l.sku AND r.status = 'backordered')""",
    "lines with units that nobody reserved, queued or canceled": """
        SELECT l.order_id, l.id, l.open FROM order_lines l JOIN orders o ON o.id = l.order_id
        WHERE l.open > 0""",
    "checks of the schedule that found a difference": """
        SELECT id, differences FROM stock_reconciliations WHERE differences > 0""",
}
_MOVING = """
    SELECT (SELECT count(*) FROM outbox) AS news,
        (SELECT count(*) FROM orders WHERE status = 'pending') AS pending,
        (SELECT count(*) FROM orders WHERE cancel_requested_at IS NOT NULL AND closed_at IS NULL)
            AS canceling,
        (SELECT count(*) FROM notifications WHERE status = 'pending') AS mails"""


@dataclass
class Report:
    """What happened; an empty `broken` is the proof."""

    plan: Plan
    kills: Sequence[Kill] = ()
    accepted: int = 0
    canceled: int = 0
    units: Mapping[str, int] = field(default_factory=dict)
    checks: int = 0
    sent_again: int = 0
    seconds: float = 0.0
    quiet_after: float = 0.0
    broken: list[str] = field(default_factory=list)

    def as_json(self) -> Json:
        """All of it as one object."""
        return {
            "seed": self.plan.seed,
            "orders": self.plan.orders,
            "accepted": self.accepted,
            "canceled": self.canceled,
            "units": dict(self.units),
            "kills": [asdict(kill) for kill in self.kills],
            "checks_meanwhile": self.checks,
            "requests_sent_again": self.sent_again,
            "seconds": round(self.seconds, 1),
            "quiet_after_seconds": round(self.quiet_after, 1),
            "broken": self.broken,
        }

    def summary(self) -> str:
        """What happened, in a sentence."""
        killed = Counter(kill.part for kill in self.kills)
        return (
            f"{self.accepted} orders accepted in {self.seconds:.0f} s, {self.canceled} of them"
            f" canceled; killed: {dict(killed) or 'nothing'};"
            f" {self.sent_again} requests sent again;"
            f" all decided {self.quiet_after:.0f} s later; units: {dict(self.units)}"
        )

    def truths(self) -> Sequence[str]:
        """What is proven when nothing is broken."""
        return (
            "every unit of every accepted order is allocated, waits, or was canceled",
            "no counter is below zero, and each is the sum of its movements",
            f"nobody waits for units that lie free; {self.checks} checks raised no false alarm",
            "no deadlock",
        )


def run(plan: Plan, *, as_json: bool, keep: Path | None = None) -> int:
    """Run and tell; return 1 when something broke."""
    what = f"{plan.orders} orders for {_ITEMS} items"
    return tell(plan, what, lambda say: stock_storm(plan, say, keep), as_json=as_json)


async def stock_storm(plan: Plan, say: Say, keep: Path | None = None) -> Report:
    """Place all orders at once on a private stack, kill, and ask the books afterwards."""
    report = Report(plan)
    async with private_shop(_ENVIRONMENT, say, keep, patience=_PATIENCE) as (stack, client):
        await _Storm(plan, stack, client, report, say).blow()
    return report


class _Storm:
    def __init__(
        self, plan: Plan, stack: Stack, client: ShopClient, report: Report, say: Say
    ) -> None:
        self._plan = plan
        self._stack = stack
        self._client = client
        self._report = report
        self._say = say
        self._rng = random.Random(plan.seed)  # noqa: S311 - a run that can be repeated, no secret
        self._placed: dict[str, str] = {}
        self._canceled = 0

    async def blow(self) -> None:
        """From the first order to the last proof."""
        report = self._report
        await self._open_shop()
        began = time.monotonic()
        weather = asyncio.create_task(
            storm(self._stack, self._rng, self._plan.kills, self._say, _PARTS)
        )
        try:
            report.broken += await self._place_all()
            report.kills = await weather
        finally:
            weather.cancel()
            await asyncio.gather(weather, return_exceptions=True)
        report.seconds = time.monotonic() - began
        self._say(f"{len(self._placed)} orders placed; waiting until nothing moves any more")
        await self._stack.wait_ready()
        connection = await asyncpg.connect(self._stack.urls.database)
        try:
            report.broken += await self._quiet(connection)
            report.quiet_after = time.monotonic() - began - report.seconds
            report.accepted, report.canceled = len(self._placed), self._canceled
            report.broken += await self._prove(connection)
        finally:
            await connection.close()
        report.sent_again = self._client.tally.sent_again
        report.broken += self._client.tally.defects

    async def _open_shop(self) -> None:
        for code in _WAREHOUSES:
            place = {"name": code.title(), "country": "TR", "city": "İstanbul", "kind": "own"}
            await self._client.put_warehouse(code, place)
        for number in range(_ITEMS):
            await self._client.put_item(_sku(number), {"name": _sku(number), "weight_g": 300})
        await self._receive(_UNITS_PER_ORDER, "OPENING")

    async def _receive(self, units_per_order: float, why: str) -> None:
        """Goods for all warehouses, so many for each order of the plan."""
        each = self._plan.orders * units_per_order / _ITEMS / len(_WAREHOUSES)
        for code in _WAREHOUSES:
            units = {_sku(n): round(self._rng.uniform(0.2, 1.8) * each) for n in range(_ITEMS)}
            units = {sku: quantity for sku, quantity in units.items() if quantity}
            if units:
                await self._client.receive(code, units, f"{why}-{code}")

    async def _place_all(self) -> list[str]:
        room = asyncio.Semaphore(_IN_FLIGHT)
        baskets = [self._basket() for _ in range(self._plan.orders)]
        regrets = [self._rng.random() < _CANCELED for _ in baskets]

        async def one(number: int) -> str:
            async with room:
                reference = f"S-{number}"
                try:
                    order = await self._client.place(
                        shop.order(reference, baskets[number]), new_key()
                    )
                    self._placed[order["id"]] = reference
                    if regrets[number]:
                        await self._client.cancel(order["id"], "customer_request")
                        self._canceled += 1
                except (ApiError, NotInTime) as error:
                    return f"{reference}: {error}"
                return ""

        async def later() -> None:
            """More goods when half of the orders are there."""
            while len(self._placed) < self._plan.orders / 2:
                await asyncio.sleep(0.1)
            await self._receive(_UNITS_LATER, "LATER")

        coming = asyncio.create_task(later())
        try:
            told = await asyncio.gather(*(one(number) for number in range(len(baskets))))
            await coming
        finally:
            coming.cancel()
        return [problem for problem in told if problem]

    def _basket(self) -> shop.Basket:
        rng = self._rng
        # Some items are wanted far more than others.
        skus = {_sku(min(rng.randrange(_ITEMS), rng.randrange(_ITEMS))) for _ in range(3)}
        units = {sku: rng.randint(1, 2) for sku in sorted(skus)[: rng.randint(1, 3)]}
        return shop.Basket(units, [shop.card("tok_visa")])

    async def _quiet(self, connection: asyncpg.Connection) -> list[str]:
        """Wait until all is decided; name what is not when patience ends."""
        deadline = time.monotonic() + _QUIET_SECONDS
        while True:
            row = await connection.fetchrow(_MOVING)
            if row is not None and not any(row.values()):
                return []
            if time.monotonic() > deadline:
                return [f"not quiet after {_QUIET_SECONDS:.0f} s: {dict(row or {})}"]
            await asyncio.sleep(0.5)

    async def _prove(self, connection: asyncpg.Connection) -> list[str]:
        wrong = await proof.books(connection, list(self._placed.values()))
        wrong += await proof.named(connection, _STOCK)
        check = await self._client.reconcile_stock()
        wrong += [f"the reconciler: {difference}" for difference in check["found"]]
        self._report.checks = await connection.fetchval(
            "SELECT count(*) FROM stock_reconciliations"
        )
        row = await connection.fetchrow(
            "SELECT sum(quantity)::int AS ordered, sum(allocated)::int AS allocated,"
            " sum(backordered)::int AS waiting, sum(canceled)::int AS canceled FROM order_lines"
        )
        self._report.units = dict(row) if row is not None else {}
        log = await asyncio.to_thread((self._stack.data_dir / "logs" / "postgres.log").read_text)
        if deadlocks := log.count("deadlock detected"):
            wrong.append(f"{deadlocks} deadlocks")
        return wrong


def _sku(number: int) -> str:
    return f"RARE-{number:02}"
