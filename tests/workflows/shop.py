"""A shop on the real parts: PostgreSQL, Temporal, the sandbox providers, a worker."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from temporalio.client import Client
from temporalio.worker import Worker

from adapters.mail import FileMailer
from adapters.registry import Gateways
from db import intake, stock
from db.new_ids import new_id
from db.pool import Pool
from relay import Relay
from settings import Settings
from tests.fakes.sandbox_service import SandboxService
from tests.fakes.webhook_receiver import Received
from tests.workflows.faults import Accident
from tests.workflows.life import Life
from worker import build_worker
from workflows.client import begin_order
from workflows.messages import Policy

_CLOSE_SECONDS = 20


@dataclass
class Shop:
    """A shop with a worker of its own; kill and start the worker at will."""

    pool: Pool
    temporal: Client
    task_queue: str
    sandbox: SandboxService
    mail_dir: Path
    policy: Policy = field(
        default_factory=lambda: Policy(return_window=0.2, step_retry_interval=0.5, step_attempts=2)
    )
    # Webhooks that arrived for the shop, and how early it hears of authorizations that run out.
    letters: asyncio.Queue[Received] = field(default_factory=asyncio.Queue)
    margin_seconds: float = 0
    feedback_after: timedelta = timedelta()
    accident: Accident = field(default_factory=Accident)
    settings: Settings = field(init=False)
    gateways: Gateways = field(init=False)
    _worker: Worker | None = None
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Settings as the worker would read them."""
        self.settings = Settings(task_queue=self.task_queue, worker_drain=timedelta(seconds=0))
        self.gateways = self.sandbox.gateways(timeout=timedelta(seconds=1))

    async def open(self) -> None:
        """Start worker, relay and letter box."""
        await self.work()
        relay = Relay(
            self.pool,
            self.temporal,
            self.task_queue,
            self.gateways.carriers,
            margin_seconds=self.margin_seconds,
            date_shift=self.settings.expected_date_shift,
            dates_seconds=0.2,
            feedback_after=self.feedback_after,
        )
        self._tasks = [asyncio.create_task(relay.run()), asyncio.create_task(self._read_letters())]

    async def close(self) -> None:
        """Stop all, without letting anything end first."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._tasks = []
        await self.rest()

    async def work(self) -> None:
        """Start the worker alone."""
        mailer = FileMailer(self.mail_dir, sender=self.settings.mail_from)
        client = self.accident.client_of(self.temporal)
        self._worker = build_worker(client, self.pool, self.gateways, mailer, self.settings)
        await self._worker.__aenter__()

    async def rest(self) -> None:
        """Stop the worker alone."""
        if self._worker is not None:
            # Now and then the SDK's core never says that it ended, though it polls no more.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._worker.shutdown(), _CLOSE_SECONDS)
        self._worker = None

    async def _read_letters(self) -> None:
        """Write the providers' webhooks into the inbox, as the API does."""
        while True:
            letter = await self.letters.get()
            source = letter.path.split("/")[-2]
            gateway = getattr(self.gateways, source)["sandbox"]
            for news in gateway.parse_webhook(letter.headers, letter.body):
                await self.tell(source, "sandbox", news.event_id, plain(asdict(news)))

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

    async def receive(self, sku: str, quantity: int, warehouse: str = "MAIN") -> None:
        """Goods arrive, and those who wait for them hear of it."""
        await self.stock(sku, quantity, warehouse)
        async with self.pool.acquire() as conn, conn.transaction():
            await stock.wake_waiting(conn, [sku], secrets.token_hex(8))

    async def place(
        self,
        lines: Sequence[tuple[str, int, int]],
        *,
        token: str | None = "tok_visa",
        method: str = "card",
        capture: str = "on_shipment",
        postal_code: str = "34720",
        shipping: int = 0,
        tenders: Sequence[tuple[str, str, str | None, int]] | None = None,
        begin: bool = True,
        **options: Any,
    ) -> Life:
        """Place an order of (sku, quantity, total of the line) as the API does, and begin it."""
        now = datetime.now(UTC)
        total = shipping + sum(amount for _, _, amount in lines)
        plan = tenders if tenders is not None else [(method, capture, token, total)]
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
            priority=options.get("priority", 0),
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
                    new_id("lin"),
                    sku,
                    sku,
                    quantity,
                    -(-amount // quantity),
                    0,
                    -(-amount // quantity) * quantity - amount,
                    0,
                    amount,
                    options.get("policies", {}).get(sku),
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


def plain(value: Any) -> Any:
    """News as JSON has them."""
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    return value.isoformat() if isinstance(value, datetime) else value


@contextlib.asynccontextmanager
async def running(shop: Shop) -> AsyncIterator[Shop]:
    """Keep a shop's worker running for a while."""
    await shop.open()
    try:
        yield shop
    finally:
        await shop.close()
        await shop.gateways.aclose()
