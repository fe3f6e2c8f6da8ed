"""The sandbox as a `PaymentGateway`."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

import httpx2
from pydantic import AwareDatetime, BaseModel, StrictInt, ValidationError

from adapters.http import Answer, Call, send
from adapters.sandbox.signature import verify
from domain.errors import MalformedWebhook, UnknownCurrency
from domain.money import Money, exponent
from domain.ports import AuthorizeRequest, PaymentNews, PaymentOutcome, SettleRequest
from domain.states import OperationKind, OperationStatus

_REFUSED = frozenset({HTTPStatus.PAYMENT_REQUIRED.value})
_UNSEEN = frozenset({HTTPStatus.NOT_FOUND.value})
_STATUSES: Mapping[str, OperationStatus] = MappingProxyType(
    {
        "action_required": OperationStatus.ACTION_REQUIRED,
        "succeeded": OperationStatus.SUCCEEDED,
        "failed": OperationStatus.FAILED,
    }
)
# The events that tell how an operation ended; all others are none of our business.
_EVENTS = frozenset(
    {
        "payment.authorized",
        "payment.captured",
        "payment.failed",
        "payment.expired",
        "payment.voided",
        "refund.succeeded",
    }
)


class SandboxPayments:
    """Speaks to the sandbox's payment provider over a client that others share.

    Outcomes of authorizations carry the payment's id as `provider_ref`, those of captures, voids
    and refunds the operation's own; webhooks carry the same.
    """

    name = "sandbox"

    def __init__(self, client: httpx2.AsyncClient, url: str, key: str, webhook_secret: str) -> None:
        self._client = client
        self._url = url.rstrip("/")
        self._authorization = {"authorization": f"Bearer {key}"}
        self._webhook_secret = webhook_secret

    async def authorize(self, request: AuthorizeRequest) -> PaymentOutcome:
        """Reserve (or take) the amount. Declined is an outcome with status FAILED."""
        body = {
            "order": request.order_id,
            "payment": request.payment_id,
            "method": request.method,
            "amount": _money(request.amount),
            "token": request.token,
            "capture": request.capture,
            "return_url": request.return_url,
        }
        return await self._post("/payments", request.key, body)

    async def capture(self, request: SettleRequest) -> PaymentOutcome:
        """Take (a part of) what was reserved."""
        return await self._settle("captures", request)

    async def void(self, request: SettleRequest) -> PaymentOutcome:
        """Give back what is reserved and not captured."""
        return await self._settle("voids", request)

    async def refund(self, request: SettleRequest) -> PaymentOutcome:
        """Give back (a part of) what was captured."""
        return await self._settle("refunds", request)

    async def look_up(
        self,
        kind: OperationKind,  # noqa: ARG002 - the port's; here the key alone says it
        key: str,
        provider_ref: str,  # noqa: ARG002 - likewise
    ) -> PaymentOutcome | None:
        """What became of the operation sent with `key`; None when the sandbox never saw it."""
        call = Call(
            "GET",
            f"{self._url}/operations",
            self._authorization,
            params={"key": key},
            accept=_UNSEEN,
            effect=False,
        )
        answer = await send(self._client, call)
        return None if answer.status in _UNSEEN else _outcome(answer)

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> Sequence[PaymentNews]:
        """Verify the signature on the raw body and read the news (header names in lower case)."""
        now = datetime.now(UTC)
        verify(self._webhook_secret, headers, body, now)
        try:
            event = _Event.model_validate_json(body)
            if event.type not in _EVENTS:
                return []
            return [_news(event.id, event.occurred_at, _Data.model_validate(event.data))]
        except (ValidationError, UnknownCurrency):
            message = "not an event of the sandbox's payments"
            raise MalformedWebhook(message) from None

    async def _settle(self, what: str, request: SettleRequest) -> PaymentOutcome:
        path = f"/payments/{quote(request.provider_ref, safe='')}/{what}"
        body = {"amount": _money(request.amount)} if request.amount else {}
        return await self._post(path, request.key, body)

    async def _post(self, path: str, key: str, body: Mapping[str, Any]) -> PaymentOutcome:
        headers = self._authorization | {"idempotency-key": key}
        call = Call("POST", self._url + path, headers, body, accept=_REFUSED)
        return _outcome(await send(self._client, call))


class _Money(BaseModel):
    amount: StrictInt
    currency: str

    def money(self) -> Money:
        exponent(self.currency)
        return Money(self.amount, self.currency)


class _Operation(BaseModel):
    id: str
    kind: OperationKind
    status: OperationStatus
    reason: str
    amount: _Money


class _Data(BaseModel):
    payment: str
    captured: bool
    operation: _Operation


class _Event(BaseModel):
    id: str
    type: str
    occurred_at: AwareDatetime
    data: dict[str, Any]


def _news(event_id: str, occurred_at: datetime, data: _Data) -> PaymentNews:
    return PaymentNews(
        provider=SandboxPayments.name,
        event_id=event_id,
        payment_id=data.payment,
        kind=data.operation.kind,
        status=data.operation.status,
        provider_ref=data.operation.id,
        amount=data.operation.amount.money(),
        occurred_at=occurred_at,
        captured=data.captured,
        reason=data.operation.reason,
    )


def _outcome(answer: Answer) -> PaymentOutcome:
    operation, payment = answer.body["operation"], answer.body["payment"]
    authorizes = operation["kind"] == OperationKind.AUTHORIZE
    expires_at = payment["expires_at"] if authorizes else None
    status = _STATUSES.get(operation["status"], OperationStatus.UNKNOWN)
    return PaymentOutcome(
        status=status,
        provider_ref=operation["id"],
        reason=operation["reason"],
        client_action=payment["client_action"] if authorizes else None,
        captured=authorizes and status is OperationStatus.SUCCEEDED and payment["captures_at_once"],
        expires_at=datetime.fromisoformat(expires_at) if expires_at else None,
    )


def _money(money: Money) -> dict[str, Any]:
    return {"amount": money.amount, "currency": money.currency}
