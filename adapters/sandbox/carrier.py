"""The sandbox as a `CarrierGateway`."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from http import HTTPStatus
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

import httpx2
from pydantic import AwareDatetime, BaseModel, ValidationError

from adapters.http import Answer, Call, send
from adapters.sandbox.signature import verify
from domain.errors import MalformedWebhook
from domain.money import Money
from domain.ports import CarrierNews, Label, LabelRequest
from domain.states import TrackingStatus

_UNSEEN = frozenset({HTTPStatus.NOT_FOUND.value})
_USED = frozenset({HTTPStatus.CONFLICT.value})
_SCAN = "parcel.scan"

# The sandbox's words and ours: the same today, and still two vocabularies.
_WORDS: Mapping[str, TrackingStatus] = MappingProxyType(
    {
        "pre_transit": TrackingStatus.PRE_TRANSIT,
        "in_transit": TrackingStatus.IN_TRANSIT,
        "out_for_delivery": TrackingStatus.OUT_FOR_DELIVERY,
        "attempted_delivery": TrackingStatus.ATTEMPTED_DELIVERY,
        "available_for_pickup": TrackingStatus.AVAILABLE_FOR_PICKUP,
        "delayed": TrackingStatus.DELAYED,
        "delivered": TrackingStatus.DELIVERED,
        "return_to_sender": TrackingStatus.RETURN_TO_SENDER,
        "lost": TrackingStatus.LOST,
        "failure": TrackingStatus.FAILURE,
    }
)


class SandboxCarrier:
    """Speaks to the sandbox's carrier over a client that others share."""

    name = "sandbox"

    def __init__(self, client: httpx2.AsyncClient, url: str, key: str, webhook_secret: str) -> None:
        self._client = client
        self._url = url.rstrip("/")
        self._authorization = {"authorization": f"Bearer {key}"}
        self._webhook_secret = webhook_secret

    async def buy_label(self, request: LabelRequest) -> Label:
        """Buy a label; the same key gives the same label."""
        body = {
            "order": request.order_id,
            "shipment": request.shipment_id,
            "service": request.service,
            "origin": asdict(request.origin),
            "destination": asdict(request.destination),
            "parcel": asdict(request.parcel),
            "value": asdict(request.value),
        }
        return _label(await self._post("/labels", request.key, body))

    async def find_label(self, key: str) -> Label | None:
        """The label that was bought with `key`, when there is one."""
        answer = await self._get("/labels", {"key": key}, _UNSEEN)
        return None if answer.status in _UNSEEN else _label(answer)

    async def hand_over(self, key: str, provider_ref: str) -> None:
        """Tell the carrier that it has the parcel; does nothing when it knows."""
        await self._post(f"/labels/{quote(provider_ref, safe='')}/hand-over", key)

    async def void_label(self, key: str, provider_ref: str) -> bool:
        """Void an unused label; False when the parcel is already with the carrier."""
        path = f"/labels/{quote(provider_ref, safe='')}/void"
        return (await self._post(path, key, accept=_USED)).status not in _USED

    async def intercept(self, key: str, provider_ref: str) -> bool:
        """Stop a parcel and bring it back; False when the courier has it, or it is gone."""
        path = f"/labels/{quote(provider_ref, safe='')}/intercept"
        return (await self._post(path, key, accept=_USED)).status not in _USED

    async def track(self, tracking_number: str) -> Sequence[CarrierNews]:
        """All scans so far, oldest first; each has the event id of its webhook."""
        path = f"/parcels/{quote(tracking_number, safe='')}/scans"
        items = (await self._get(path, {})).body["items"]
        return [_news(_Scan.model_validate(item)) for item in items]

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> Sequence[CarrierNews]:
        """Verify the signature on the raw body and read the news (header names in lower case)."""
        now = datetime.now(UTC)
        verify(self._webhook_secret, headers, body, now)
        try:
            event = _Event.model_validate_json(body)
            return [_news(_Scan.model_validate(event.data))] if event.type == _SCAN else []
        except ValidationError:
            message = "not an event of the sandbox's carrier"
            raise MalformedWebhook(message) from None

    async def _get(
        self, path: str, params: Mapping[str, str], accept: frozenset[int] = frozenset()
    ) -> Answer:
        call = Call(
            "GET",
            self._url + path,
            self._authorization,
            params=params,
            accept=accept,
            effect=False,
        )
        return await send(self._client, call)

    async def _post(
        self,
        path: str,
        key: str,
        body: Mapping[str, Any] | None = None,
        accept: frozenset[int] = frozenset(),
    ) -> Answer:
        headers = self._authorization | {"idempotency-key": key}
        return await send(
            self._client, Call("POST", self._url + path, headers, body, accept=accept)
        )


class _Scan(BaseModel):
    id: str
    tracking_number: str
    status: str
    occurred_at: AwareDatetime
    detail: str = ""
    estimated_at: AwareDatetime | None = None
    proof: dict[str, str] = {}


class _Event(BaseModel):
    id: str
    type: str
    data: dict[str, Any]


def _label(answer: Answer) -> Label:
    body = answer.body
    estimate = body["estimated_at"]
    return Label(
        provider_ref=body["id"],
        carrier=body["carrier"],
        service=body["service"],
        tracking_number=body["tracking_number"],
        tracking_url=body["tracking_url"],
        label_url=body["label_url"],
        cost=Money(body["amount"]["amount"], body["amount"]["currency"]),
        estimated_at=datetime.fromisoformat(estimate) if estimate else None,
    )


def _news(scan: _Scan) -> CarrierNews:
    return CarrierNews(
        provider=SandboxCarrier.name,
        event_id=scan.id,
        tracking_number=scan.tracking_number,
        status=_WORDS.get(scan.status, TrackingStatus.UNKNOWN),
        occurred_at=scan.occurred_at,
        detail=scan.detail,
        estimated_at=scan.estimated_at,
        proof=scan.proof,
    )
