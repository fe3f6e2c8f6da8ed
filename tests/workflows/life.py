"""An order's life as a test drives it: storefront, customer, warehouse, carrier and support."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import orjson
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from db import canceling, intake, orders, picks, returning
from db.new_ids import new_id
from domain.order import Order
from domain.phase import Actor
from workflows import ids
from workflows.messages import (
    Asker,
    CancelRequest,
    HoldRequest,
    LeaveRequest,
    LineQuantity,
    OfferAnswer,
    Outcome,
    PackRequest,
    ParcelInput,
    PaymentRequest,
    ReleaseRequest,
    ResolveRequest,
    RetryRequest,
    ShipRequest,
    WaiveRequest,
)

if TYPE_CHECKING:
    from tests.workflows.shop import Shop

T = TypeVar("T")
SUPPORT = Asker("support@tests", "support")
WAREHOUSE = Asker("warehouse@tests", "warehouse")
CUSTOMER = Asker("shop@tests", "storefront")


@dataclass
class Life:
    """One order as a test drives it."""

    shop: "Shop"
    order_id: str

    @property
    def handle(self) -> WorkflowHandle[Any, Any]:
        """Its workflow."""
        return self._handle_of(None)

    def _handle_of(self, result_type: type | None) -> WorkflowHandle[Any, Any]:
        return self.shop.temporal.get_workflow_handle(
            ids.order_workflow_id(self.order_id), result_type=result_type
        )

    async def order(self) -> Order:
        """It as PostgreSQL has it."""
        async with self.shop.pool.acquire() as conn:
            return await orders.load(conn, self.order_id)

    async def until(self, wanted: Callable[[Order], object], seconds: float = 20) -> Order:
        """Wait until the order is as wanted."""
        try:
            async with asyncio.timeout(seconds):
                pause = pauses()
                while not wanted(order := await self.order()):
                    await asyncio.sleep(next(pause))
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

    async def axes(self) -> tuple[str, str, str, str]:
        """Order, payment, fulfillment and return status."""
        order = await self.order()
        return (
            order.status.value,
            order.payment_status.value,
            order.fulfillment_status.value,
            order.return_status.value,
        )

    async def until_types(self, type_: str, times: int = 1) -> None:
        """Wait until the timeline has so many events of a type."""

        async def there() -> bool:
            return (await self.types()).count(type_) >= times

        try:
            await eventually(there)
        except TimeoutError:
            raise AssertionError(await self.story()) from None

    async def has(self, type_: str) -> bool:
        """Whether its timeline has an event of a type."""
        return type_ in await self.types()

    async def until_operation(self, kind: str) -> None:
        """Wait until a provider is being asked."""
        query = "SELECT 1 FROM payment_operations WHERE order_id = $1 AND kind = $2"
        await eventually(lambda: self.shop.pool.fetchval(query, self.order_id, kind))

    async def _until_event(self, wanted: EventType.ValueType) -> None:
        async def there() -> bool:
            history = await self.handle.fetch_history()
            return any(event.event_type == wanted for event in history.events)

        await eventually(there)

    async def until_update_accepted(self) -> None:
        """Wait until a request is in its history."""
        await self._until_event(EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED)

    async def until_cancel_requested(self) -> None:
        """Wait until somebody's cancel in the Temporal UI is in its history."""
        await self._until_event(EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED)

    @contextlib.asynccontextmanager
    async def locked(self) -> AsyncIterator[None]:
        """Hold its row, so that its next step waits in the middle."""
        async with self.shop.pool.acquire() as conn, conn.transaction():
            await orders.lock(conn, self.order_id)
            yield

    async def asks_for_help(self, *codes: str) -> None:
        """Wait until the order waits for a person for exactly these reasons.

        In the database, and in `KervanAttention`, by which the Temporal UI lists it.
        """
        seen: tuple[list[str], list[str]] = ([], [])

        async def same() -> bool:
            nonlocal seen
            query = "SELECT DISTINCT code FROM attention WHERE order_id = $1 ORDER BY code"
            rows = await self.shop.pool.fetch(query, self.order_id)
            seen = ([row["code"] for row in rows], await self.attribute())
            return seen == (sorted(codes), sorted(codes))

        try:
            await eventually(same)
        except TimeoutError:
            message = f"{seen}\n{await self.story()}"
            raise AssertionError(message) from None

    async def attribute(self) -> list[str]:
        """`KervanAttention`, as the Temporal UI has it."""
        description = await self.handle.describe()
        return sorted(description.typed_search_attributes.get(ids.ATTENTION) or [])

    # -- support and storefront ----------------------------------------------------------------

    async def ask(self, update: str, request: object) -> Outcome:
        """Ask its workflow."""
        outcome: Outcome = await self.handle.execute_update(update, request, result_type=Outcome)
        return outcome

    async def refused(self, update: str, request: object) -> str:
        """Ask what its workflow must refuse; the refusal's code."""
        try:
            outcome = await self.ask(update, request)
        except WorkflowUpdateFailedError as error:
            cause = error.cause
            assert isinstance(cause, ApplicationError)
            assert cause.type == "Refused"
            assert set(cause.details[0]) == {"code", "detail", "current"}
            return str(cause.details[0]["code"])
        message = f"{update} was not refused: {outcome}"
        raise AssertionError(message)

    async def asked_at_the_end(self) -> str | None:
        """The code with which a cancellation is refused; None when nobody is left to ask."""
        try:
            return await self.refused("cancel", CancelRequest(SUPPORT, "customer"))
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return None

    async def cancel(self, reason: str = "customer") -> Outcome:
        """Cancel all of it."""
        return await self.ask("cancel", CancelRequest(SUPPORT, reason))

    async def second_thoughts(self, actor: Actor = Actor.SUPPORT, *, event: int = 1) -> Outcome:
        """Cancel all of it by the shop's policy, as the API asks; `event` tells requests apart."""
        return await self.ask("cancel", await self.cancel_request(actor, event=event))

    async def cancel_request(
        self, actor: Actor = Actor.SUPPORT, *, event: int = 1
    ) -> CancelRequest:
        """A cancellation by who may do it in the phases of the policy."""
        async with self.shop.pool.acquire() as conn:
            phases = await canceling.phases(conn, actor)
            fees = await canceling.fees(conn, actor, self.order_id)
        asker = Asker(f"{actor}@tests", actor, event)
        return CancelRequest(asker, "customer", phases=phases, fees=fees)

    async def cancel_units(self, *quantities: int, event: int = 1) -> Outcome:
        """Cancel units of its lines, in their order; `event` tells requests apart."""
        lines = [
            LineQuantity(line.id, quantity)
            for line, quantity in zip((await self.order()).lines, quantities, strict=False)
            if quantity
        ]
        asker = Asker("support@tests", "support", event)
        return await self.ask("cancel", CancelRequest(asker, "customer", lines))

    async def hold(self, reason: str = "incorrect_address") -> str:
        """Stop it; the hold's id."""
        return (await self.ask("hold", HoldRequest(SUPPORT, new_id("hld"), reason))).ids[0]

    async def release(self, hold_id: str) -> Outcome:
        """Take a hold away."""
        return await self.ask("release", ReleaseRequest(SUPPORT, hold_id))

    async def waive(self) -> None:
        """Support lets the customer off what nobody brings."""
        await self.ask("waive", WaiveRequest(SUPPORT, "kindness"))

    async def retry(self, code: str = "") -> Outcome:
        """Try again now."""
        return await self.ask("retry", RetryRequest(SUPPORT, code))

    async def leave(self, *quantities: int, event: int = 1) -> Outcome:
        """The customer does not wait: for anything, or for so many units of its lines."""
        lines = [
            LineQuantity(line.id, quantity)
            for line, quantity in zip((await self.order()).lines, quantities, strict=False)
            if quantity
        ]
        asker = Asker("customer", "customer", event)
        return await self.ask("leave_queue", LeaveRequest(asker, lines))

    async def offered(self, times: int = 1) -> str:
        """Wait until a substitute is offered, and the customer was told; the offer's id."""
        order = await self.until(lambda o: len(o.offers) >= times and o.offers[times - 1].open)
        offer_id = order.offers[times - 1].id
        query = "SELECT 1 FROM notifications WHERE subject = $1 AND status = 'sent'"
        await eventually(lambda: self.shop.pool.fetchval(query, offer_id))
        return offer_id

    async def answer(self, offer_id: str, *, accept: bool) -> Outcome:
        """The customer's word about a substitute."""
        return await self.ask("answer_offer", OfferAnswer(CUSTOMER, offer_id, accept))

    async def refused_payment(self) -> str:
        """Another payment that the order does not want; the refusal's code."""
        return await self.refused("add_payment", PaymentRequest(CUSTOMER, new_id("pay")))

    async def pay(
        self, amount: int, token: str | None = "tok_visa", *, method: str = "card"
    ) -> Outcome:
        """Another payment by the customer, as the API adds it."""
        tender = intake.NewTender(new_id("pay"), method, "sandbox", token, "on_shipment", 1, amount)
        async with self.shop.pool.acquire() as conn, conn.transaction():
            await orders.lock(conn, self.order_id)
            await intake.add_tender(conn, self.order_id, tender)
        return await self.ask("add_payment", PaymentRequest(CUSTOMER, tender.id))

    async def resolve(
        self, shipment_id: str, action: str, seconds: int = 0, *, event: int = 1
    ) -> Outcome:
        """A person decides about a parcel."""
        asker = Asker("support@tests", "support", event)
        request = ResolveRequest(asker, shipment_id, action, seconds)
        return await self.ask("resolve_parcel", request)

    # -- the warehouse -------------------------------------------------------------------------

    async def pick(self, quantity: int, *, short: str | None = None, index: int = 0) -> None:
        """The warehouse finds so many units of each line; with `short` the rest is missing."""
        order = await self.until(lambda o: len(o.fulfillment_orders) > index)
        work = order.fulfillment_orders[index]
        found = [picks.Picked(line.line_id, quantity, short) for line in work.lines]
        reporter = picks.Reporter("warehouse@tests", "warehouse")
        async with self.shop.pool.acquire() as conn, conn.transaction():
            await picks.pick(conn, self.order_id, work.id, found, reporter)

    async def pack(self, index: int = 0, quantity: int | None = None) -> list[str]:
        """Pack what is left at a location (or so many units of each line) into one parcel."""
        order = await self.until(lambda o: len(o.fulfillment_orders) > index)
        work = order.fulfillment_orders[index]
        lines = [
            LineQuantity(w.line_id, w.to_pack if quantity is None else quantity)
            for w in work.lines
            if w.to_pack
        ]
        parcel = ParcelInput(new_id("shp"), lines, 500, 200, 150, 100)
        outcome = await self.ask("pack", PackRequest(WAREHOUSE, work.id, [parcel]))
        return outcome.ids

    async def ship(self, index: int = 0) -> list[str]:
        """Hand over what is packed there."""
        work = (await self.order()).fulfillment_orders[index]
        return (await self.ask("ship", ShipRequest(WAREHOUSE, work.id))).ids

    async def send(self, index: int = 0) -> str:
        """Pack and hand over what is left at a location; the parcel's id."""
        [parcel] = await self.pack(index)
        await self.ship(index)
        return parcel

    async def receive_back(
        self, shipment_id: str, *, restock: int = 0, quarantine: int = 0
    ) -> None:
        """A parcel with units of one line is back at the warehouse, as the API writes it down."""
        [line] = [
            part.line_id
            for shipment in (await self.order()).shipments
            if shipment.id == shipment_id
            for part in shipment.lines
        ]
        came = ((restock, returning.RESTOCK), (quarantine, returning.QUARANTINE))
        back = [returning.Back(line, units, where) for units, where in came if units]
        receipt = returning.Receipt(shipment_id, "MAIN", "warehouse@tests", "warehouse", back)
        async with self.shop.pool.acquire() as conn, conn.transaction():
            await returning.receive(conn, self.order_id, receipt)

    # -- the providers -------------------------------------------------------------------------

    async def scan(self, shipment_id: str, status: str, **more: str) -> None:
        """The carrier scans a parcel, and tells by its webhook."""
        number = await self.shop.pool.fetchval(
            "SELECT tracking_number FROM shipments WHERE id = $1", shipment_id
        )
        assert number, shipment_id
        body = {"status": status, **more}
        await self.shop.sandbox.control(f"/parcels/{number}/advance", body)

    async def deliver(self, *shipment_ids: str) -> None:
        """The carrier brings these parcels."""
        for shipment_id in shipment_ids:
            await self.scan(shipment_id, "in_transit")
            await self.scan(shipment_id, "delivered")

    async def hear(self, shipment_id: str, status: str, at: datetime | None = None) -> str:
        """News of a carrier that the sandbox would not send; the event's id."""
        number = await self.shop.pool.fetchval(
            "SELECT tracking_number FROM shipments WHERE id = $1", shipment_id
        )
        event_id = secrets.token_hex(8)
        news: Mapping[str, Any] = {
            "tracking_number": number,
            "status": status,
            "occurred_at": (at or datetime.now(UTC)).isoformat(),
            "detail": "",
            "estimated_at": None,
            "proof": {},
        }
        await self.shop.tell("carriers", "sandbox", event_id, dict(news))
        return event_id

    async def customer(self, outcome: str, position: int = 0) -> None:
        """The customer acts at the bank: `succeed` or `fail`."""
        tender = (await self.order()).tenders[position]
        await self.shop.sandbox.control(f"/payments/{tender.id}/confirm", {"outcome": outcome})

    async def run_out(self, position: int = 0) -> None:
        """The authorization of a tender runs out."""
        tender = (await self.order()).tenders[position]
        await self.shop.sandbox.control(f"/payments/{tender.id}/expire")

    async def ledger(self, kind: str = "payments") -> list[dict[str, Any]]:
        """What the provider believes, oldest first."""
        async with self.shop.sandbox.client() as client:
            answer = await client.get(f"/ledger/{kind}", params={"order": self.order_id})
            items: list[dict[str, Any]] = answer.json()["items"]
            return items[::-1]

    async def at_provider(self) -> list[tuple[str, int, int]]:
        """Status, captured and refunded of each payment in the provider's own ledger."""
        return [
            (p["status"], p["captured"]["amount"], p["refunded"]["amount"])
            for p in await self.ledger()
        ]

    async def finished(self) -> Outcome:
        """Wait for the workflow's end."""
        async with asyncio.timeout(30):
            outcome: Outcome = await self._handle_of(Outcome).result()
            return outcome


async def eventually(look: Callable[[], Awaitable[T]], seconds: float = 20) -> T:
    """Wait until `look` answers something true."""
    async with asyncio.timeout(seconds):
        pause = pauses()
        while not (found := await look()):
            await asyncio.sleep(next(pause))
    return found


def pauses() -> Iterator[float]:
    """Seconds between two looks: longer ones later, since looking takes from what is waited for."""
    pause = 0.02
    while True:
        yield pause
        pause = min(pause * 1.3, 0.3)
