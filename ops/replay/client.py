"""The API's client, with what a replay says beyond it: when things happened."""

import asyncio
import time
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any

import httpx2

from ops.client import ApiError, Doors, Json, NotInTime, ShopClient
from ops.replay.plan import text
from ops.replay.steps import Parcel

_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 0.8
# The usual wait follows the last ten or so, and aims early.
_LEARNING = 0.1
_EARLY = 0.7
# What the sandbox answers when a payment does not wait for the customer any more.
_CONFIRMED = frozenset({"payment_captured", "payment_authorized"})


class ReplayClient(ShopClient):
    """Requests carry keys made from order and step, so that a repeated run repeats none of them.

    `patience` is how many seconds a request is repeated while a service is away.
    """

    def __init__(self, doors: Doors, *, patience: float, connections: int) -> None:
        """Describe the client; nothing is opened before the first request."""
        super().__init__(doors, patience=patience, connections=connections)
        self._wait = patience
        self._usual_wait = 0.0

    async def check(self) -> None:
        """Ask both services for something small, once.

        Raises:
            ApiError: the key is refused, or this is not what it should be.
            NotInTime: nobody answers there.

        """
        asked = (self._api, "/v1/orders?limit=1"), (self._sandbox, "/ledger/summary")
        for wire, path in asked:
            try:
                answer = await wire.get(path)
            except httpx2.TransportError as error:
                message = f"{wire.base_url} does not answer: {type(error).__name__}"
                raise NotInTime(message) from None
            if not answer.is_success:
                raise ApiError("GET", f"{wire.base_url}{path}", answer.status_code, {})

    async def open_work(self) -> list[Json]:
        """Read the newest work that nobody has begun."""
        page = await self._get("/v1/fulfillment-orders", {"status": "open", "limit": "200"})
        items: list[Json] = page["items"]
        return items

    async def begin(self, work_id: str, at: datetime, key: str) -> None:
        """Begin to work at a location."""
        await self._work(work_id, "start", {}, at, key)

    async def pick_all(self, work: Mapping[str, Any], at: datetime, key: str) -> None:
        """Report all units of a fulfillment order as found."""
        await self._work(work["id"], "pick", {"lines": _units(work)}, at, key)

    async def pack_all(
        self, work: Mapping[str, Any], parcel: Parcel, at: datetime, key: str
    ) -> None:
        """Pack all units of a fulfillment order into one parcel."""
        sizes = {name: getattr(parcel, name) for name in Parcel.__slots__}
        body = {"parcels": [{"lines": _units(work), **sizes}]}
        await self._work(work["id"], "pack", body, at, key)

    async def hand_over(self, work_id: str, at: datetime, key: str) -> list[str]:
        """Hand all parcels of a location over; answers their tracking numbers."""
        work = await self._work(work_id, "ship", {}, at, key)
        return [parcel["tracking_number"] for parcel in work["shipments"]]

    async def give_feedback(self, order_id: str, body: Mapping[str, Any], key: str) -> None:
        """Record what the customer said."""
        await self._post(f"/v1/orders/{order_id}/feedback", body, key)

    async def items(self) -> list[Json]:
        """Read all items."""
        return await self._all("/v1/items", {})

    async def warehouses(self) -> list[Json]:
        """Read all warehouses."""
        return await self._all("/v1/warehouses", {})

    async def approve(self, payment_id: str, at: datetime) -> None:
        """Let the customer confirm a payment, as soon as the provider knows of it.

        Raises:
            ApiError: the payment is neither waiting nor confirmed.
            NotInTime: the provider never heard of it.

        """
        path = f"/payments/{payment_id}/confirm"
        body = {"outcome": "succeed", "occurred_at": text(at)}
        began = time.monotonic()
        # Asking too early is work for everybody: the first time as soon as is usual by now.
        pause = max(_FIRST_PAUSE, self._usual_wait)
        while True:
            await asyncio.sleep(pause)
            try:
                await self._call("POST", path, body, wire=self._sandbox)
            except ApiError as error:
                if error.code in _CONFIRMED:
                    return
                waited = time.monotonic() - began
                if error.status != HTTPStatus.NOT_FOUND or waited > self._wait:
                    raise
                pause = min(max(_FIRST_PAUSE, waited / 4), _LONGEST_PAUSE)
            else:
                waited = min(time.monotonic() - began, _LONGEST_PAUSE)
                self._usual_wait += _LEARNING * (_EARLY * waited - self._usual_wait)
                return

    async def scan(
        self, order_id: str, tracking_number: str, status: str, at: datetime, *, doubt: bool
    ) -> None:
        """Let the carrier scan a parcel, once: in `doubt` its ledger is asked first.

        Raises:
            ApiError: the carrier does not know the parcel.
            NotInTime: nobody answers.

        """
        path = f"/parcels/{tracking_number}/advance"
        body = {"status": status, "occurred_at": text(at)}
        deadline, pause = time.monotonic() + self._wait, _FIRST_PAUSE
        while True:
            if doubt and await self._scanned(order_id, tracking_number, status):
                return
            try:
                answer = await self._sandbox.post(path, json=body)
            except httpx2.TransportError as error:
                why = type(error).__name__
            else:
                if answer.is_success:
                    return
                if answer.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
                    raise ApiError("POST", path, answer.status_code, answer.json())
                why = str(answer.status_code)
            # It may have been done although no answer came.
            doubt = True
            if time.monotonic() > deadline:
                message = f"POST {path}: no answer in {self._wait:.0f} s, last {why}"
                raise NotInTime(message)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _scanned(self, order_id: str, tracking_number: str, status: str) -> bool:
        return any(
            scan["status"] == status
            for parcel in await self.provider_parcels(order_id)
            if parcel["tracking_number"] == tracking_number
            for scan in parcel["scans"]
        )

    async def _work(
        self, work_id: str, what: str, body: Mapping[str, Any], at: datetime, key: str
    ) -> Json:
        path = f"/v1/fulfillment-orders/{work_id}/{what}"
        return await self._post(path, {**body, "occurred_at": text(at)}, key)


def _units(work: Mapping[str, Any]) -> list[Json]:
    return [{"line_id": line["line_id"], "quantity": line["quantity"]} for line in work["lines"]]
