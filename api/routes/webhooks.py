"""News from payment providers and carriers: verify, write down, acknowledge."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request, Response

from api import views
from api.body import read_body
from api.deps import services
from api.errors import FieldError, Problem, not_found
from api.openapi import describe
from api.schemas.answers import WebhookOut
from db import inbox
from domain.errors import InvalidSignature, MalformedWebhook
from domain.ports import CarrierGateway, CarrierNews, PaymentGateway, PaymentNews

router = APIRouter(tags=["webhooks"])

_PROBLEMS = (400, 401, 404, 413)


@router.post(
    "/v1/webhooks/payments/{provider}",
    **describe("News of a payment provider", WebhookOut, problems=_PROBLEMS),
)
async def payment_webhook(request: Request, provider: str) -> Response:
    """Signed by the provider on the raw body; each event counts once."""
    return await _receive(request, "payments", provider, services(request).providers.payments)


@router.post(
    "/v1/webhooks/carriers/{provider}",
    **describe("News of a carrier", WebhookOut, problems=_PROBLEMS),
)
async def carrier_webhook(request: Request, provider: str) -> Response:
    """Signed by the carrier on the raw body; each event counts once."""
    return await _receive(request, "carriers", provider, services(request).providers.carriers)


@router.post(
    "/v1/webhooks/channels/{provider}",
    **describe(
        "News of a sales channel (none is connected yet)",
        WebhookOut,
        problems=_PROBLEMS,
    ),
)
async def channel_webhook(request: Request, provider: str) -> Response:
    """No channel sends webhooks yet."""
    return await _receive(request, "channels", provider, {})


async def _receive(
    request: Request,
    source: str,
    provider: str,
    adapters: Mapping[str, PaymentGateway] | Mapping[str, CarrierGateway],
) -> Response:
    adapter = adapters.get(provider)
    if adapter is None:
        raise not_found("provider", "unknown_provider")
    body = await read_body(request)
    headers = {name.lower(): value for name, value in request.headers.items()}
    try:
        news: Sequence[PaymentNews | CarrierNews] = adapter.parse_webhook(headers, body)
    except InvalidSignature:
        raise Problem(401, "invalid_signature", "The signature does not fit the body.") from None
    except MalformedWebhook:
        raise Problem(
            422,
            "malformed_webhook",
            "The body is signed, but not understood.",
            [FieldError("", "malformed_webhook", "Not the provider's format.")],
        ) from None
    told = [(one.event_id, _payload(one)) for one in news]
    async with services(request).pool.acquire() as conn:
        new = await inbox.receive(conn, source, provider, told)
    return views.ok({"received": len(told), "new": new}).response()


def _payload(news: PaymentNews | CarrierNews) -> dict[str, Any]:
    """The news as JSON: times in RFC 3339, money as amount and currency."""
    return {name: _plain(value) for name, value in asdict(news).items()}


def _plain(value: Any) -> Any:  # noqa: ANN401 - a field of the news
    return value.isoformat() if isinstance(value, datetime) else value
