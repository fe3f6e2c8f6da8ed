"""An order's life on the real parts: PostgreSQL, Temporal, the sandbox providers, a worker."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import orjson
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Worker

from adapters.mail import FileMailer
from adapters.registry import Gateways
from db import intake, orders
from db.new_ids import new_id
from db.pool import Pool
from domain.order import Order
from relay import Relay
from settings import Settings
from tests.fakes.sandbox_service import SandboxService
from worker import build_worker
from workflows import ids
from workflows.client import begin_order
from workflows.messages import (
    Asker,
    CancelRequest,
    LineQuantity,
    Outcome,
    PackRequest,
    ParcelInput,
    Policy,
    ShipRequest,
)

T = TypeVar("T")
SUPPORT = Asker("support@tests", "support")
WAREHOUSE = Asker("warehouse@tests", "warehouse")


@dataclass
class Shop:
    """A shop with a worker of its own; kill and start the worker at will."""

    pool: Pool
    temporal: Client
    task_queue: str
    sandbox: SandboxService
    mail_dir: Path
    policy: Policy = field(default_factory=lambda: Policy(return_window=0.2, step_retry_interval=1))
    settings: Settings = field(init=False)
    gateways: Gateways = field(init=False)
    _worker: Worker | None = None
    _relay: asyncio.Task[None] | None = None

    def __post_init__(self) -> None:
        """Settings as the worker would read them."""
        self.settings = Settings(task_queue=self.task_queue, worker_drain=timedelta(seconds=0))
        self.gateways = self.sandbox.gateways(timeout=timedelta(seconds=2))

    async def open(self) -> None:
        """Start worker and relay."""
        mailer = FileMailer(self.mail_dir, sender=self.settings.mail_from)
        self._worker = build_worker(self.temporal, self.pool, self.gateways, mailer, self.settings)
        relay = Relay(
            self.pool,
            self.temporal,
            self.task_queue,
            self.gateways.carriers,
            margin_seconds=0,
        )
        await self._worker.__aenter__()
        self._relay = asyncio.create_task(relay.run())

    async def close(self) -> None:
        """Stop both."""
        if self._relay is not None:
            self._relay.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._relay
        if self._worker is not None:
            await self._worker.shutdown()
        self._worker = self._relay = None

    async def stock(self, sku: str, quantity: int, warehouse: str = "MAIN") -> None:
        """Put goods on a shelf, with their ledger row."""
        async with self.pool.acquire() as conn, conn.transaction():
            await conn.execute(
                "INSERT INTO items (sku, name, weight_g) VALUES ($1, $1, 300)"
                " ON CONFLICT DO NOTHING",
                sku,
            )
            await conn.execute(
                "INSERT INTO warehouses (code, name, country, kind) VALUES ($1, $1, 'TR', 'own')"
                " ON CONFLICT DO NOTHING",
                warehouse,
            )
            await conn.execute(
                "INSERT INTO stock_levels (sku, warehouse, on_hand) VALUES ($1, $2, $3)"
                " ON CONFLICT (sku, warehouse) DO UPDATE SET"
                " on_hand = stock_levels.on_hand + excluded.on_hand",
                sku,
                warehouse,
                quantity,
            )
            await conn.execute(
                "INSERT INTO stock_movements (sku, warehouse, kind, on_hand, cause, actor)"
                " VALUES ($1, $2, 'receipt', $3, $4, 'tests')",
                sku,
                warehouse,
                quantity,
                secrets.token_hex(8),
            )

    async def place(
        self,
        lines: Sequence[tuple[str, int, int]],
        *,
        token: str | None = "tok_visa",
        method: str = "card",
        capture: str = "on_shipment",
        postal_code: str = "34720",
        shipping: int = 0,
        tenders: Sequence[tuple[str, str, str | None, int]] = (),
        begin: bool = True,
        **options: Any,
    ) -> "Life":
        """Place an order of (sku, quantity, total of the line) as the API does, and begin it."""
        now = datetime.now(UTC)
        total = shipping + sum(amount for _, _, amount in lines)
        plan = tenders or [(method, capture, token, total)]
        order = intake.NewOrder(
            id=new_id("ord"),
            channel="tests",
            channel_order_id=secrets.token_hex(8),
            request_hash=b"",
            customer_id=None,
            currency="TRY",
            locale="tr-TR",
            out_of_stock=options.get("out_of_stock", "backorder"),
            ship=options.get("ship", "complete"),
            shipping_option=options.get("service", "standard"),
            priority=0,
            prices_include_tax=True,
            subtotal=total - shipping,
            discount_total=0,
            shipping_total=shipping,
            surcharge_total=0,
            tax_total=0,
            grand_total=total,
            discounts=[],
            surcharges=[],
            metadata={},
            public_token=secrets.token_urlsafe(8),
            placed_at=now,
            created_at=now,
            contact=intake.NewContact(
                "Ayşe Yılmaz",
                "ayse@example.com",
                None,
                {
                    "name": "Ayşe Yılmaz",
                    "line1": "Bağdat Cad. 1",
                    "city": "İstanbul",
                    "postal_code": postal_code,
                    "country": "TR",
                },
                None,
                None,
            ),
            lines=[
                intake.NewLine(
                    new_id("lin"), sku, sku, quantity, amount // quantity, 0, 0, 0, amount
                )
                for sku, quantity, amount in lines
            ],
            tenders=[
                intake.NewTender(new_id("pay"), how, "sandbox", tok, cap, 1, amount)
                for how, cap, tok, amount in plan
            ],
        )
        start = {"channel": "tests", "placed_at": now.isoformat(), "policy": asdict(self.policy)}
        placement = intake.Placement("tests", "storefront", "tests", None, "", "", {}, start)
        async with self.pool.acquire() as conn:
            placed = await intake.place(conn, order, placement)
            if begin:
                await intake.forget_starts(conn, [placed.outbox_id])
        life = Life(self, order.id)
        if begin:
            await begin_order(
                self.temporal,
                self.task_queue,
                self.pool,
                order.id,
                {**start, "number": placed.number},
            )
        return life

    async def tell(self, source: str, provider: str, event_id: str, news: dict[str, Any]) -> None:
        """A webhook's news, as the API puts them into the inbox."""
        await self.pool.execute(
            "INSERT INTO inbox (source, provider, event_id, payload) VALUES ($1, $2, $3, $4)"
            " ON CONFLICT DO NOTHING",
            source,
            provider,
            event_id,
            news,
        )


@dataclass
class Life:
    """One order as a test drives it."""

    shop: Shop
    order_id: str

    @property
    def handle(self) -> WorkflowHandle[Any, Any]:
        """Its workflow."""
        return self.shop.temporal.get_workflow_handle(ids.order_workflow_id(self.order_id))

    async def order(self) -> Order:
        """It as PostgreSQL has it."""
        async with self.shop.pool.acquire() as conn:
            return await orders.load(conn, self.order_id)

    async def until(self, wanted: Callable[[Order], object], seconds: float = 20) -> Order:
        """Wait until the order is as wanted."""
        try:
            async with asyncio.timeout(seconds):
                while not wanted(order := await self.order()):
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(await self.story()) from None
        return order

    async def story(self) -> str:
        """Everything a failed test wants to know."""
        events = await self.events()
        return f"{await self.order()}\n{orjson.dumps(events, option=orjson.OPT_INDENT_2).decode()}"

    async def events(self) -> list[dict[str, Any]]:
        """Its timeline."""
        rows = await self.shop.pool.fetch(
            "SELECT type, data FROM events WHERE order_id = $1 ORDER BY id", self.order_id
        )
        return [dict(row) for row in rows]

    async def types(self) -> list[str]:
        """The types of its timeline's events."""
        return [event["type"] for event in await self.events()]

    async def ask(self, update: str, request: object) -> Outcome:
        """Ask its workflow."""
        outcome: Outcome = await self.handle.execute_update(update, request, result_type=Outcome)
        return outcome

    async def cancel(self, reason: str = "customer") -> Outcome:
        """Cancel all of it."""
        return await self.ask("cancel", CancelRequest(SUPPORT, reason))

    async def pack(self, index: int = 0) -> list[str]:
        """Pack all that is left at a location into one parcel."""
        order = await self.until(lambda o: len(o.fulfillment_orders) > index)
        work = order.fulfillment_orders[index]
        lines = [LineQuantity(w.line_id, w.to_pack) for w in work.lines if w.to_pack]
        parcel = ParcelInput(new_id("shp"), lines, 500, 200, 150, 100)
        outcome = await self.ask("pack", PackRequest(WAREHOUSE, work.id, [parcel]))
        return outcome.ids

    async def ship(self, index: int = 0) -> list[str]:
        """Hand over what is packed there."""
        work = (await self.order()).fulfillment_orders[index]
        return (await self.ask("ship", ShipRequest(WAREHOUSE, work.id))).ids

    async def scan(self, shipment_id: str, status: str) -> None:
        """The carrier scans a parcel."""
        number = await self.shop.pool.fetchval(
            "SELECT tracking_number FROM shipments WHERE id = $1", shipment_id
        )
        await self.shop.tell(
            "carriers",
            "sandbox",
            secrets.token_hex(8),
            {
                "tracking_number": number,
                "status": status,
                "occurred_at": datetime.now(UTC).isoformat(),
                "detail": "",
                "estimated_at": None,
                "proof": {},
            },
        )

    async def ledger(self, kind: str = "payments") -> list[dict[str, Any]]:
        """What the provider believes."""
        async with self.shop.sandbox.client() as client:
            answer = await client.get(f"/ledger/{kind}", params={"order": self.order_id})
            items: list[dict[str, Any]] = answer.json()["items"]
            return items

    async def at_provider(self) -> list[tuple[str, int, int]]:
        """Status, captured and refunded of each payment in the provider's own ledger."""
        return [
            (p["status"], p["captured"]["amount"], p["refunded"]["amount"])
            for p in await self.ledger()
        ]

    async def finished(self) -> Outcome:
        """Wait for the workflow's end."""
        async with asyncio.timeout(20):
            outcome: Outcome = await self.handle.result()
            return outcome


async def eventually(look: Callable[[], Awaitable[T]], seconds: float = 20) -> T:
    """Wait until `look` answers something true."""
    async with asyncio.timeout(seconds):
        while not (found := await look()):
            await asyncio.sleep(0.02)
    return found


@contextlib.asynccontextmanager
async def running(shop: Shop) -> AsyncIterator[Shop]:
    """Keep a shop's worker running for a while."""
    await shop.open()
    try:
        yield shop
    finally:
        await shop.close()
        await shop.gateways.aclose()
