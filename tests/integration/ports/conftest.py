"""The adapters that the port suites run against, each with a way to play the other side.

A real provider joins by a further `PaymentLab` or `CarrierLab` in `params`: its test mode, or a
recording server that answers as it does.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest
import pytest_asyncio

from domain.ports import CarrierGateway, PaymentGateway
from domain.states import TrackingStatus
from tests.fakes.sandbox_service import SandboxService, sandbox_service
from tests.fakes.webhook_receiver import Received, WebhookReceiver, webhook_receiver


class PaymentLab(Protocol):
    """A payment adapter under test, and its provider's hands."""

    gateway: PaymentGateway
    tokens: Mapping[str, str]
    """What to pay with for each case: good, declined, customer_acts."""

    async def customer_confirms(self, provider_ref: str) -> None:
        """Let the customer succeed at the bank."""
        ...

    async def webhook_about(self, payment_id: str) -> Received:
        """The latest webhook that tells of the payment, as it arrived."""
        ...


class CarrierLab(Protocol):
    """A carrier adapter under test, and its provider's hands."""

    gateway: CarrierGateway

    async def scan(self, tracking_number: str, status: TrackingStatus) -> None:
        """Let the carrier scan a parcel."""
        ...

    async def webhook_about(self, tracking_number: str) -> Received:
        """The latest webhook that tells of the parcel, as it arrived."""
        ...


@dataclass(slots=True)
class SandboxPaymentLab:
    """The sandbox, told what happens."""

    gateway: PaymentGateway
    service: SandboxService
    receiver: WebhookReceiver
    tokens: Mapping[str, str]

    async def customer_confirms(self, provider_ref: str) -> None:
        """By its control call."""
        await self.service.control(f"/payments/{provider_ref}/confirm", {"outcome": "succeed"})

    async def webhook_about(self, payment_id: str) -> Received:
        """Wait for one."""
        await self.receiver.until(lambda: bool(self.receiver.of(payment_id)))
        return self.receiver.of(payment_id)[-1]


@dataclass(slots=True)
class SandboxCarrierLab:
    """The sandbox at speed 0: parcels move when told."""

    gateway: CarrierGateway
    service: SandboxService
    receiver: WebhookReceiver

    async def scan(self, tracking_number: str, status: TrackingStatus) -> None:
        """By its control call."""
        await self.service.control(f"/parcels/{tracking_number}/advance", {"status": status})

    async def webhook_about(self, tracking_number: str) -> Received:
        """Wait for one."""
        await self.receiver.until(lambda: bool(self.receiver.of(tracking_number)))
        return self.receiver.of(tracking_number)[-1]


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def shop() -> AsyncIterator[WebhookReceiver]:
    """Where the providers send their webhooks."""
    async with webhook_receiver() as receiver:
        yield receiver


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def sandbox(
    tmp_path_factory: pytest.TempPathFactory, shop: WebhookReceiver
) -> AsyncIterator[SandboxService]:
    """One sandbox for the whole suite, at speed 0."""
    directory: Path = tmp_path_factory.mktemp("sandbox")
    async with sandbox_service(directory, shop.url) as service:
        yield service


@pytest_asyncio.fixture(scope="package", loop_scope="session", params=["sandbox"])
async def payments(sandbox: SandboxService, shop: WebhookReceiver) -> AsyncIterator[PaymentLab]:
    """Each payment adapter in turn."""
    gateways = sandbox.gateways()
    tokens = {
        "good": "tok_visa",
        "declined": "tok_declined",
        "customer_acts": "tok_manual",
    }
    yield SandboxPaymentLab(gateways.payments["sandbox"], sandbox, shop, tokens)
    await gateways.aclose()


@pytest_asyncio.fixture(scope="package", loop_scope="session", params=["sandbox"])
async def carrier(sandbox: SandboxService, shop: WebhookReceiver) -> AsyncIterator[CarrierLab]:
    """Each carrier adapter in turn."""
    gateways = sandbox.gateways()
    yield SandboxCarrierLab(gateways.carriers["sandbox"], sandbox, shop)
    await gateways.aclose()
