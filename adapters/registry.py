"""Which providers serve. Without settings of a real one, the sandbox does."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import httpx2

from adapters.http import build_client
from adapters.sandbox.carrier import SandboxCarrier
from adapters.sandbox.payments import SandboxPayments
from domain.ports import CarrierGateway, PaymentGateway


@dataclass(frozen=True, slots=True)
class SandboxAccess:
    """How to reach the sandbox providers, and how to know their webhooks."""

    url: str
    key: str
    webhook_secret: str


@dataclass(frozen=True, slots=True)
class Gateways:
    """The outside parties of this process by the provider's name, over one HTTP client."""

    payments: Mapping[str, PaymentGateway]
    carriers: Mapping[str, CarrierGateway]
    client: httpx2.AsyncClient

    async def aclose(self) -> None:
        """Close all connections."""
        await self.client.aclose()


def build(*, sandbox: SandboxAccess, timeout: timedelta) -> Gateways:
    """All gateways. Nothing is opened before the first request, so parsing webhooks costs none.

    `timeout` bounds each wait for an answer; the sandbox is never reached through a proxy.
    """
    client = build_client(timeout, trust_env=False)
    access = (client, sandbox.url, sandbox.key, sandbox.webhook_secret)
    return Gateways(
        payments={SandboxPayments.name: SandboxPayments(*access)},
        carriers={SandboxCarrier.name: SandboxCarrier(*access)},
        client=client,
    )
