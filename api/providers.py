"""The outside parties as the API needs them: names for checking, adapters for webhooks."""

from collections.abc import Mapping
from dataclasses import dataclass

from adapters.registry import Gateways, SandboxAccess, build
from domain.ports import CarrierGateway, PaymentGateway
from settings import Settings


@dataclass(frozen=True, slots=True)
class Providers:
    """Configured providers by name; `default_payment` serves payments that name none."""

    payments: Mapping[str, PaymentGateway]
    carriers: Mapping[str, CarrierGateway]
    default_payment: str
    gateways: Gateways

    async def close(self) -> None:
        """Close what was opened."""
        await self.gateways.aclose()


def configured(settings: Settings) -> Providers:
    """The providers that the settings switch on; nothing is connected."""
    gateways = build(
        sandbox=SandboxAccess(
            settings.sandbox_url,
            settings.sandbox_key.get_secret_value(),
            settings.sandbox_webhook_secret.get_secret_value(),
        ),
        timeout=settings.provider_timeout,
    )
    return Providers(gateways.payments, gateways.carriers, next(iter(gateways.payments)), gateways)
