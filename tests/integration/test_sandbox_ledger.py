"""The sandbox's ledger: what it tells, and that a kill at any moment loses none of it."""

import asyncio
from collections import Counter
from datetime import timedelta
from pathlib import Path

from domain.errors import OutcomeUnknown, ProviderUnavailable
from domain.money import Money
from domain.ports import (
    Address,
    AuthorizeRequest,
    CarrierGateway,
    LabelRequest,
    Parcel,
    PaymentGateway,
    SettleRequest,
)
from domain.states import OperationStatus
from tests.fakes.sandbox_service import SandboxService, sandbox_service
from tests.fakes.webhook_receiver import WebhookReceiver, webhook_receiver

PRICE = Money(1000, "TRY")
HOME = Address("Ayşe Yılmaz", "Bağdat Cad. 1", "İstanbul", "TR", "34720")


def asked(number: int, amount: Money = PRICE) -> AuthorizeRequest:
    return AuthorizeRequest(
        key=f"authorize-{number}",
        order_id=f"ord_{number}",
        payment_id=f"pay_{number}",
        method="card",
        amount=amount,
        token="tok_visa",
    )


def capturing(request: AuthorizeRequest, provider_ref: str) -> SettleRequest:
    return SettleRequest(
        f"capture-{request.key}",
        request.order_id,
        request.payment_id,
        provider_ref,
        request.amount,
    )


def label(number: int) -> LabelRequest:
    return LabelRequest(
        key=f"label-{number}",
        order_id=f"ord_{number}",
        shipment_id=f"shp_{number}",
        origin=HOME,
        destination=HOME,
        parcel=Parcel(500, 100, 100, 100),
        service="standard",
        value=PRICE,
    )


async def test_all_is_listed_page_by_page_newest_first(tmp_path: Path) -> None:
    async with (
        webhook_receiver() as shop,
        sandbox_service(tmp_path, shop.url) as sandbox,
    ):
        gateways = sandbox.gateways()
        for number in range(5):
            await gateways.payments["sandbox"].authorize(asked(number))
            await gateways.carriers["sandbox"].buy_label(label(number))
        await gateways.aclose()
        async with sandbox.client() as client:
            for kind in ("payments", "parcels"):
                seen, cursor = [], None
                while True:
                    params = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
                    page = (await client.get(f"/ledger/{kind}", params=params)).json()
                    seen += [item["order"] for item in page["items"]]
                    cursor = page["next_cursor"]
                    if cursor is None:
                        break
                assert seen == [f"ord_{number}" for number in (4, 3, 2, 1, 0)]
            assert (await client.get("/ledger/payments?order=nobody")).json()["items"] == []
            for wrong in ("limit=0", "limit=x", "cursor=x", "limit=1001"):
                assert (await client.get(f"/ledger/parcels?{wrong}")).status_code == 422


async def test_the_summary_adds_up_by_currency(tmp_path: Path) -> None:
    async with (
        webhook_receiver() as shop,
        sandbox_service(tmp_path, shop.url) as sandbox,
    ):
        gateways = sandbox.gateways()
        gateway = gateways.payments["sandbox"]
        for number, currency in enumerate(("TRY", "TRY", "EUR")):
            request = asked(number, Money(700, currency))
            outcome = await gateway.authorize(request)
            await gateway.capture(capturing(request, outcome.provider_ref))
        await gateways.aclose()
        async with sandbox.client() as client:
            rows = (await client.get("/ledger/summary")).json()["payments"]
    assert [(row["currency"], row["count"], row["captured"]) for row in rows] == [
        ("EUR", 1, 700),
        ("TRY", 2, 1400),
    ]


class Buyer:
    """Goes through one order after the other, as a worker does: again until it is certain."""

    def __init__(
        self, payments: PaymentGateway, carrier: CarrierGateway, finished: asyncio.Queue[int]
    ) -> None:
        self._finished = finished
        self._payments = payments
        self._carrier = carrier
        self.disturbed = 0

    async def live_through(self, numbers: range) -> None:
        for number in numbers:
            while not await self._try(number):
                self.disturbed += 1
                # Nobody listens while it is restarted; the loop must have its turn.
                await asyncio.sleep(0.01)
            self._finished.put_nowait(number)

    async def _try(self, number: int) -> bool:
        try:
            request = asked(number)
            outcome = await self._payments.authorize(request)
            parcel = await self._carrier.buy_label(label(number))
            await self._carrier.hand_over(f"hand-over-{number}", parcel.provider_ref)
            captured = await self._payments.capture(capturing(request, outcome.provider_ref))
        except (OutcomeUnknown, ProviderUnavailable):
            return False
        assert captured.status is OperationStatus.SUCCEEDED
        return True


async def _kill_again_and_again(
    sandbox: SandboxService, finished: asyncio.Queue[int], times: int
) -> None:
    for _ in range(times):
        for _ in range(8):
            await asyncio.wait_for(finished.get(), 20)
        await sandbox.kill()
        await sandbox.start()


def _arrived(shop: WebhookReceiver, orders: set[str]) -> bool:
    told = {(one.event["data"]["order"], one.event["type"]) for one in shop.requests}
    delivered = {
        one.event["data"]["order"]
        for one in shop.requests
        if one.event["data"].get("status") == "delivered"
    }
    return delivered == orders and {(order, "payment.captured") for order in orders} <= told


async def test_killed_in_mid_flight_it_charges_once_and_tells_everything(
    tmp_path: Path,
) -> None:
    numbers = 80
    orders = {f"ord_{number}" for number in range(numbers)}
    # A parcel is at the door within 0.1 s, so that scans too are under way at each kill.
    async with (
        webhook_receiver() as shop,
        sandbox_service(tmp_path, shop.url, speed=864_000.0) as sandbox,
    ):
        gateways = sandbox.gateways(timeout=timedelta(seconds=2))
        parties = gateways.payments["sandbox"], gateways.carriers["sandbox"]
        finished: asyncio.Queue[int] = asyncio.Queue()
        buyers = [Buyer(*parties, finished) for _ in range(4)]
        async with asyncio.TaskGroup() as group:
            for index, buyer in enumerate(buyers):
                group.create_task(buyer.live_through(range(index, numbers, len(buyers))))
            group.create_task(_kill_again_and_again(sandbox, finished, times=3))
        assert sum(buyer.disturbed for buyer in buyers) > 0
        await shop.until(lambda: _arrived(shop, orders))
        async with sandbox.client() as client:
            payments = (await client.get("/ledger/payments?limit=1000")).json()["items"]
            parcels = (await client.get("/ledger/parcels?limit=1000")).json()["items"]
        await gateways.aclose()
    assert Counter(item["order"] for item in payments) == Counter(orders)
    assert {item["captured"]["amount"] for item in payments} == {PRICE.amount}
    assert {len(item["captures"]) for item in payments} == {1}
    assert Counter(item["order"] for item in parcels) == Counter(orders)
    assert {item["status"] for item in parcels} == {"delivered"}
    assert {len(item["scans"]) for item in parcels} == {4}
