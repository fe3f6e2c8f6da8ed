"""A purchase order as a test drives it: the buyer, the supplier's mailbox, the dock."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from temporalio.client import Client, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from db import purchasing
from db.new_ids import new_id
from db.purchasing import By, NewPurchase, NewPurchaseLine, Receipt
from domain.purchasing import Delivered, Purchase, receive
from tests.workflows.life import eventually
from tests.workflows.shop import Shop
from workflows import ids
from workflows.client import begin_purchase
from workflows.messages import Asker
from workflows.purchase_messages import (
    ApproveRequest,
    EndRequest,
    LineDate,
    PurchaseOutcome,
    PurchasePolicy,
    RescheduleRequest,
    SendRequest,
)

BUYER = Asker("buyer@tests", "warehouse")
SUPPLIER = "orders@supplier.example"
QUICK = PurchasePolicy(grace=0, step_attempts=1, step_retry_interval=0.3)


@dataclass
class Buying:
    """One purchase order of a shop."""

    shop: Shop
    purchase_id: str
    client: Client

    @property
    def handle(self) -> WorkflowHandle[Any, Any]:
        """Its workflow."""
        return self.client.get_workflow_handle(ids.purchase_workflow_id(self.purchase_id))

    async def purchase(self) -> Purchase:
        """It as PostgreSQL has it."""
        return await purchasing.load(self.shop.pool, self.purchase_id)

    async def until(self, wanted: Callable[[Purchase], object]) -> Purchase:
        """Wait until it is as wanted."""

        async def look() -> Purchase | None:
            found = await self.purchase()
            return found if wanted(found) else None

        try:
            found = await eventually(look)
        except TimeoutError:
            message = f"{await self.purchase()}\n{await self.events()}"
            raise AssertionError(message) from None
        assert found is not None
        return found

    async def events(self) -> list[str]:
        """The types of its timeline's events."""
        rows = await self.shop.pool.fetch(
            "SELECT type FROM purchase_events WHERE purchase_order_id = $1 ORDER BY id",
            self.purchase_id,
        )
        return [row["type"].removeprefix("purchase_order_") for row in rows]

    async def attention(self) -> list[str]:
        """Why it waits for a person, as the API tells."""
        rows = await self.shop.pool.fetch(
            "SELECT code FROM purchase_attention WHERE purchase_order_id = $1 ORDER BY code",
            self.purchase_id,
        )
        return [row["code"] for row in rows]

    async def asks_for_help(self, *codes: str) -> None:
        """Wait until it waits for a person for exactly these reasons: by API and in the UI."""

        async def same() -> bool:
            description = await self.handle.describe()
            shown = sorted(description.typed_search_attributes.get(ids.ATTENTION) or [])
            return shown == sorted(codes) == await self.attention()

        await eventually(same)

    async def levels(self) -> dict[str, tuple[int, int, int]]:
        """On hand, damaged and incoming at its warehouse, by item."""
        rows = await self.shop.pool.fetch(
            "SELECT sku, on_hand, damaged, incoming FROM stock_levels WHERE warehouse = $1",
            (await self.purchase()).warehouse,
        )
        return {row["sku"]: (row["on_hand"], row["damaged"], row["incoming"]) for row in rows}

    # -- the buyer -------------------------------------------------------------------------------

    async def ask(self, update: str, request: object) -> PurchaseOutcome:
        """Ask its workflow."""
        handle = self.shop.temporal.get_workflow_handle(ids.purchase_workflow_id(self.purchase_id))
        outcome: PurchaseOutcome = await handle.execute_update(
            update, request, result_type=PurchaseOutcome
        )
        return outcome

    async def refused(self, update: str, request: object) -> str:
        """Ask what it must refuse; the refusal's code."""
        try:
            outcome = await self.ask(update, request)
        except WorkflowUpdateFailedError as error:
            cause = error.cause
            assert isinstance(cause, ApplicationError)
            assert cause.type == "Refused"
            return str(cause.details[0]["code"])
        message = f"{update} was not refused: {outcome}"
        raise AssertionError(message)

    async def approve(self) -> PurchaseOutcome:
        """Approve the draft."""
        return await self.ask("approve", ApproveRequest(BUYER))

    async def send(self, *, by_hand: bool = False) -> PurchaseOutcome:
        """Send it."""
        return await self.ask("send", SendRequest(BUYER, by_hand))

    async def cancel(self) -> PurchaseOutcome:
        """Cancel it."""
        return await self.ask("cancel", EndRequest(BUYER, "not_needed"))

    async def close(self) -> PurchaseOutcome:
        """Close it short."""
        return await self.ask("close", EndRequest(BUYER, "discontinued"))

    async def reschedule(self, days: int, event: int = 1) -> PurchaseOutcome:
        """All that is open gets another day."""
        day = (datetime.now(UTC).date() + timedelta(days)).isoformat()
        lines = [LineDate(x.id, day) for x in (await self.purchase()).lines if x.open]
        asker = Asker(BUYER.actor, BUYER.role, event)
        return await self.ask("reschedule", RescheduleRequest(asker, lines))

    # -- the supplier and the dock -----------------------------------------------------------------

    def letters(self) -> dict[str, EmailMessage]:
        """The mails to the supplier, by `kind.number`."""
        found = {}
        for file in sorted(self.shop.mail_dir.glob("P-*.eml")):
            message = message_from_bytes(file.read_bytes(), policy=policy.SMTPUTF8)
            assert isinstance(message, EmailMessage)
            assert message["To"] == SUPPLIER
            found[file.stem.partition(".")[2]] = message
        return found

    async def until_letter(self, name: str) -> EmailMessage:
        """Wait for a mail."""

        async def there() -> EmailMessage | None:
            return self.letters().get(name)

        letter = await eventually(there)
        assert letter is not None
        return letter

    async def deliver(self, damaged: int = 0, *, over: bool = False, **units: int) -> str:
        """Units by item arrive (`damaged` of each among them), as the API writes it down."""
        receipt = new_id("rcp")
        async with self.shop.pool.acquire() as conn, conn.transaction():
            await purchasing.lock(conn, self.purchase_id)
            purchase = await purchasing.load(conn, self.purchase_id)
            lines = {line.sku: line.id for line in purchase.lines}
            delivery = [Delivered(lines[s], n - damaged, damaged) for s, n in units.items()]
            effects = receive(purchase, delivery, 0, accept_over=over)
            await purchasing.receive(
                conn, purchase, effects, Receipt(receipt, "D-1", f"t:{receipt}", "dock", None)
            )
        return receipt

    async def finished(self) -> None:
        """Wait for the workflow's end."""
        async with asyncio.timeout(30):
            await self.handle.result()


async def draft(
    shop: Shop,
    lines: Mapping[str, int],
    *,
    days: int = 10,
    email: str | None = SUPPLIER,
    policy_: PurchasePolicy = QUICK,
    client: Client | None = None,
    begin: bool = True,
) -> Buying:
    """A draft to a supplier, expected in so many days, with its workflow begun."""
    purchase_id, expected = new_id("pur"), datetime.now(UTC).date() + timedelta(days)
    for sku in lines:
        await shop.stock(sku, 0)
    start = {"policy": asdict(policy_)}
    async with shop.pool.acquire() as conn, conn.transaction():
        await conn.execute(
            "INSERT INTO suppliers (code, name, email, locale, currency, lead_time_days)"
            " VALUES ('ACME', 'Acme Ltd', $1, 'en', 'EUR', 7)"
            " ON CONFLICT (code) DO UPDATE SET email = excluded.email",
            email,
        )
        await purchasing.add(
            conn,
            NewPurchase(
                purchase_id,
                "ACME",
                "MAIN",
                "EUR",
                None,
                "buyer@tests",
                [line(sku, units, expected) for sku, units in lines.items()],
            ),
            start,
            By("buyer@tests", "warehouse"),
        )
        await conn.execute("DELETE FROM outbox WHERE order_id = $1 AND $2", purchase_id, begin)
    buying = Buying(shop, purchase_id, client or shop.temporal)
    if begin:
        await begin_purchase(buying.client, shop.task_queue, shop.pool, purchase_id, start)
    return buying


def line(sku: str, units: int, expected: date) -> NewPurchaseLine:
    """A line at five euros."""
    return NewPurchaseLine(new_id("pln"), sku, f"A-{sku}", units, 500, expected)


async def sent(shop: Shop, lines: Mapping[str, int], **options: Any) -> Buying:
    """One that the supplier has."""
    buying = await draft(shop, lines, **options)
    await buying.approve()
    await buying.send()
    return buying
