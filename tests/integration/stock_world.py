"""A small shop on a real database, in which everything happens that can happen to stock.

What is done is done by the code that does it in life: the activities, the picks, the corrections,
the holds. Only who calls them is played: people, and the relay that carries news to orders.
"""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus

from activities.contracts import (
    Asked,
    Cancel,
    Close,
    Confirm,
    HandOver,
    LabelResult,
    Packed,
    PackedParcel,
    ShortPick,
)
from activities.fulfillment import FulfillmentActivities
from activities.orders import OrderActivities
from api.holding import HoldAsk, HoldDesk
from db import availability, catalog, holds, orders, picks, reconciliation, reservations
from db.catalog import Correction, Why
from db.new_ids import new_id
from db.picks import Picked, Reporter
from db.pool import Pool
from domain.errors import Refused
from domain.order import FulfillmentOrder, Order
from domain.states import OrderStatus, ShipmentStatus
from tests.integration import shelves

SKUS = ("A", "B", "C", "D")
WAREHOUSES = ("EAST", "MAIN", "WEST")
_DEADLINE = 3_600.0
_PEOPLE = Reporter("tests", "warehouse")
# Settling ends: each round of news serves somebody, or is the last.
_ROUNDS = 50


@dataclass
class World:
    """The shop; `cast` are its orders, `checkouts` what customers keep in their baskets."""

    pool: Pool
    skus: Sequence[str] = SKUS
    cast: list[str] = field(default_factory=list)
    checkouts: list[str] = field(default_factory=list)
    _turns: dict[str, asyncio.Lock] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """The activities as a worker has them."""
        self.orders = OrderActivities(self.pool)
        self.goods = FulfillmentActivities(self.pool, "sandbox")
        self.desk = HoldDesk(lambda: self.pool)

    async def open(self, units: int) -> None:
        """Empty the database, and put some of everything everywhere."""
        await self.pool.execute(
            "TRUNCATE items, orders, outbox, stock_movements, stock_holds, stock_reconciliations,"
            " stock_checkpoint, stock_checkpoint_sums, stock_touches CASCADE"
        )
        for sku in self.skus:
            await shelves.put(self.pool, sku, dict.fromkeys(WAREHOUSES, units))

    # -- what people do ------------------------------------------------------------------------

    async def place(
        self,
        lines: Sequence[tuple[str, int]],
        policy: str,
        ship: str,
        priority: int,
        checkout: int | None = None,
    ) -> None:
        """An order is placed and paid, perhaps with what a checkout kept for it."""
        order_id, *_ = await shelves.order(self.pool, *lines, priority=priority)
        await self.pool.execute(
            "UPDATE orders SET out_of_stock = $2, ship = $3 WHERE id = $1", order_id, policy, ship
        )
        self.adopt([order_id])
        if checkout is not None and self.checkouts:
            hold_id = self.checkouts[checkout % len(self.checkouts)]
            async with self.pool.acquire() as conn, conn.transaction():
                await holds.bind(conn, hold_id, order_id)
        await self.confirm(order_id)

    def adopt(self, order_ids: Sequence[str]) -> None:
        """Orders that are there; each has one workflow, which does one thing at a time."""
        self.cast += order_ids
        self._turns |= {order_id: asyncio.Lock() for order_id in order_ids}

    async def confirm(self, order_id: str, by: OrderActivities | None = None) -> None:
        """An order is paid for: it gets its units, by this worker or another."""
        async with self._turns[order_id]:
            await self._confirm_now(order_id, "confirm", by)

    async def cancel(self, which: int) -> None:
        """Support cancels an order."""
        order_id = self._order(which)
        async with self._turns[order_id]:
            await self.orders.begin_cancel(Cancel(order_id, "cancel", "tests"))
            await self.orders.close_order(Close(order_id, OrderStatus.CANCELED))

    async def cancel_units(self, which: int, units: int) -> None:
        """Support cancels some units; what remains may be all there by now."""
        order_id = self._order(which)
        async with self._turns[order_id]:
            order = await self._load(order_id)
            line = order.lines[units % len(order.lines)]
            if order.closed or order.live_units <= units:
                return
            cause = new_id("units")
            await self.orders.cancel_units(Cancel(order_id, cause, "tests", lines={line.id: units}))
            await self._confirm_now(order_id, f"after-{cause}")

    async def pick(self, which: int, found: int, *, short: bool) -> None:
        """A warehouse finds units; with `short`, and does not find the rest."""
        work = await self._work(which)
        if work is None:
            return
        reason = "not there" if short else None
        reports = [
            Picked(line.line_id, min(found, line.to_pick), reason)
            for line in work[1].lines
            if line.to_pick
        ]
        if reports:
            async with self.pool.acquire() as conn, conn.transaction():
                await picks.pick(conn, work[0], work[1].id, reports, _PEOPLE)

    async def pack(self, which: int, units: int) -> None:
        """A warehouse packs a parcel, and it gets its label."""
        work = await self._work(which)
        if work is None:
            return
        order_id, there = work
        lines = {w.line_id: min(w.to_pack, units) for w in there.lines if min(w.to_pack, units)}
        if not lines:
            return
        parcel = new_id("shp")
        async with self._turns[order_id]:
            await self.goods.record_parcels(
                Packed(
                    order_id,
                    f"pack:{parcel}",
                    there.id,
                    [PackedParcel(parcel, lines, 500, 100, 100, 100)],
                    Asked(),
                )
            )
            await self.goods.record_label(LabelResult(order_id, parcel, parcel, parcel))

    async def ship(self, which: int) -> None:
        """Everything that is packed leaves."""
        order_id = self._order(which)
        async with self._turns[order_id]:
            ready = [
                shipment.id
                for shipment in (await self._load(order_id)).shipments
                if shipment.status is ShipmentStatus.LABEL_PURCHASED
            ]
            if ready:
                cause = new_id("ship")
                await self.goods.record_hand_over(
                    HandOver(order_id, cause, ready, Asked(), _DEADLINE)
                )

    async def correct(self, kind: str, sku: str, where: int, units: int) -> None:
        """Goods come, are counted, broken, moved or brought back."""
        here = WAREHOUSES[where % len(WAREHOUSES)]
        there = WAREHOUSES[(where + 1) % len(WAREHOUSES)]
        if kind == "transfer":
            lines = [
                Correction(sku, here, "transfer_out", -units),
                Correction(sku, there, "transfer_in", units),
            ]
        elif kind in {"damage", "safety"}:
            lines = [Correction(sku, here, kind, **{_COUNTERS[kind]: units})]
        else:
            lines = [Correction(sku, here, kind, units)]
        async with self.pool.acquire() as conn, conn.transaction():
            if kind == "count":
                levels = await catalog.lock_levels(conn, [(sku, here)])
                lines = [Correction(sku, here, kind, units - levels[sku, here]["on_hand"])]
            await catalog.correct(conn, lines, Why(new_id(kind), "tests"))

    async def keep(self, sku: str, units: int) -> None:
        """A checkout keeps units for its customer, unless somebody waits for them."""
        ask = HoldAsk("tests", "tests", None, b"", None, [(sku, units)], 600)
        answer = await self.desk.hold(ask)
        if answer.status == HTTPStatus.CREATED:
            self.checkouts.append(json.loads(answer.body)["id"])

    async def let_go(self, which: int, *, expire: bool) -> None:
        """A checkout is left, or its time is over."""
        if not self.checkouts:
            return
        hold_id = self.checkouts[which % len(self.checkouts)]
        async with self.pool.acquire() as conn, conn.transaction():
            if not expire:
                await holds.release(conn, hold_id)
                return
            await conn.execute(
                "UPDATE stock_holds SET expires_at = now() WHERE id = $1 AND order_id IS NULL",
                hold_id,
            )
            await holds.expire(conn, 10)

    # -- what the relay and the orders' workflows do -------------------------------------------

    async def settle(self) -> None:
        """Carry all news to the orders, until there is none; those of a round side by side."""
        for _ in range(_ROUNDS):
            news = await self.pool.fetch(
                "DELETE FROM outbox RETURNING id, order_id, kind, payload->>'cause' AS cause,"
                " payload->>'fulfillment_order_id' AS work"
            )
            if not news:
                return
            await asyncio.gather(
                *(
                    self._hear(row["order_id"], row["kind"], row["cause"], row["work"])
                    for row in sorted(news, key=lambda row: row["id"])
                )
            )
        message = "news goes round in a circle"
        raise AssertionError(message)

    async def _hear(self, order_id: str, kind: str, cause: str, work: str) -> None:
        async with self._turns[order_id]:
            order = await self._load(order_id)
            if order.closed:
                return
            if kind == "short_pick":
                await self.orders.record_short_pick(ShortPick(order_id, f"short:{cause}", work))
                if any(line.open for line in (await self._load(order_id)).lines):
                    await self._confirm_now(order_id, f"after-short:{cause}")
            elif kind == "stock_arrived" and order.waits_for_stock:
                await self._confirm_now(order_id, f"stock:{cause}")

    async def _confirm_now(
        self, order_id: str, cause: str, by: OrderActivities | None = None
    ) -> None:
        worker = by or self.orders
        confirmed = await worker.confirm_order(Confirm(order_id, cause, _DEADLINE))
        if confirmed.outcome == "unavailable" or not confirmed.order.live_units:
            await self.orders.begin_cancel(Cancel(order_id, "cancel", "out_of_stock"))
            await self.orders.close_order(Close(order_id, OrderStatus.CANCELED))

    # -- what must be true ---------------------------------------------------------------------

    async def wrongs(self) -> list[str]:
        """What is not as it must be when nothing moves any more; constraints hold at all times."""
        report = await reconciliation.reconcile(
            self.pool, new_id("rec"), "tests", full_every=timedelta(0), full=True
        )
        wrong = [f"{difference}" for difference in report["found"]]
        async with self.pool.acquire() as conn:
            items = await availability.availability(conn, self.skus)
            waiting = await conn.fetch(
                "SELECT order_id FROM reservations WHERE status = 'backordered'"
            )
            in_vain = await reservations.not_found(conn, [row["order_id"] for row in waiting])
        # Nobody waits while stock that could serve lies free. Where one who waits has looked in
        # vain, nothing is promised to that order before somebody counted.
        doubtful = {place for places in in_vain.values() for place in places}
        for item in items:
            free = sum(
                shelf.available
                for shelf in item.warehouses
                if (shelf.warehouse, item.sku) not in doubtful
            )
            if item.backordered and free:
                wrong.append(f"{item.sku}: {free} free, {item.backordered} waited for")
        return wrong

    async def deadlocks(self) -> int:
        """How many there were since the database was made."""
        await self.pool.execute("SELECT pg_stat_force_next_flush()")
        query = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        return int(await self.pool.fetchval(query))

    # -- helpers -------------------------------------------------------------------------------

    def _order(self, which: int) -> str:
        if not self.cast:
            raise Refused("nobody", "There is no order yet.")
        return self.cast[which % len(self.cast)]

    async def _load(self, order_id: str) -> Order:
        async with self.pool.acquire() as conn:
            return await orders.load(conn, order_id)

    async def _work(self, which: int) -> tuple[str, FulfillmentOrder] | None:
        order = await self._load(self._order(which))
        live = [work for work in order.fulfillment_orders if work.live]
        return (order.id, live[which % len(live)]) if live else None


_COUNTERS = {"damage": "damaged", "safety": "safety"}
