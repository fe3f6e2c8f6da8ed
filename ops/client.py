"""A client of the public API and of the sandbox providers' controls, as `demo`, `bench` and `chaos`
need one: it sends what was not answered again with the same Idempotency-Key, as a good client does.
"""

import asyncio
import contextlib
import json
import time
import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self

import httpx2

Json = dict[str, Any]
Condition = Callable[[Json], bool]

TERMINAL = frozenset({"completed", "canceled", "expired"})
"""Values of `status` after which nothing happens to an order by itself."""

_AGAIN = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})
_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 1.0
_TIMEOUT = httpx2.Timeout(20.0, connect=3.0)


class ApiError(Exception):
    """An answer that is an error; `code` and `current` as the problem document has them."""

    def __init__(self, method: str, path: str, status: int, problem: Json) -> None:
        """Keep what the API said."""
        self.method = method
        self.path = path
        self.status = status
        self.problem = problem
        self.code = str(problem.get("code", ""))
        self.current: Json = problem.get("current") or {}
        super().__init__(f"{method} {path}: {status} {self.code} {problem.get('detail', '')}")


class NotInTime(Exception):
    """A condition did not come true, or nobody answered, for as long as we were ready to wait."""


@dataclass(slots=True)
class Tally:
    """What the wire was like: answers by status, requests sent again, and answers of 5xx
    other than 503, which are defects of the server.
    """

    sent_again: int = 0
    defects: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Doors:
    """Where the API and the sandbox are, and the API's key."""

    api: str
    sandbox: str
    key: str


class ShopClient:
    """Storefront, support, warehouse, and the player of customers and carriers.

    `patience` is how many seconds a request is repeated while the other side is away, `pace` how
    many seconds lie between two looks at an order that is waited for.
    """

    def __init__(
        self, doors: Doors, *, patience: float = 60.0, connections: int = 64, pace: float = 0.15
    ) -> None:
        """Describe the client; nothing is opened before the first request."""
        self._patience = patience
        self._pace = pace
        self.tally = Tally()
        limits = httpx2.Limits(max_connections=connections, max_keepalive_connections=connections)
        self._api = httpx2.AsyncClient(
            base_url=doors.api,
            headers={"authorization": f"Bearer {doors.key}"},
            timeout=_TIMEOUT,
            limits=limits,
            trust_env=False,
        )
        self._sandbox = httpx2.AsyncClient(
            base_url=doors.sandbox, timeout=_TIMEOUT, limits=limits, trust_env=False
        )

    async def __aenter__(self) -> Self:
        """Nothing to do yet."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connections."""
        await self._api.aclose()
        await self._sandbox.aclose()

    # -- storefront ----------------------------------------------------------------------------

    async def place(self, body: Mapping[str, Any], key: str | None = None) -> Json:
        """Place an order; answers it as it was placed."""
        return await self._post("/v1/orders", body, key)

    async def order(self, order_id: str) -> Json:
        """Read the order as it is."""
        return await self._get(f"/v1/orders/{order_id}")

    async def orders(self, **filters: str) -> list[Json]:
        """Read all orders that fit the filters of API.md, newest first."""
        return await self._all("/v1/orders", filters)

    async def events(self, order_id: str) -> list[Json]:
        """Read the whole timeline, oldest first."""
        return await self._all(f"/v1/orders/{order_id}/events", {"order": "asc"})

    async def follow(self, order_id: str) -> AsyncIterator[Json]:
        """Each event of the timeline as it happens, until the order is closed."""
        seen = "0"
        path = f"/v1/orders/{order_id}/events/stream"
        while True:
            with contextlib.suppress(httpx2.TransportError):
                headers = {"last-event-id": seen}
                async with self._api.stream("GET", path, headers=headers) as answer:
                    if answer.status_code == HTTPStatus.NO_CONTENT:
                        return
                    async for line in answer.aiter_lines():
                        if line.startswith("data:"):
                            event: Json = json.loads(line.removeprefix("data:"))
                            seen = event["id"]
                            yield event
            await asyncio.sleep(_FIRST_PAUSE)

    async def pay(self, order_id: str, payment: Mapping[str, Any], key: str | None = None) -> Json:
        """Try another payment; answers it, with the order within."""
        return await self._post(f"/v1/orders/{order_id}/payments", payment, key)

    async def wait(
        self, order_id: str, until: Condition, *, what: str, within: float = 30.0
    ) -> Json:
        """Read the order again and again until the condition holds.

        Raises:
            NotInTime: it did not hold within so many seconds; the message says how things are.

        """
        deadline = time.monotonic() + within
        while True:
            order = await self.order(order_id)
            if until(order):
                return order
            if time.monotonic() > deadline:
                message = f"{order['number']} was not {what} in {within:.0f} s: {axes(order)}"
                raise NotInTime(message)
            await asyncio.sleep(self._pace)

    # -- support -------------------------------------------------------------------------------

    async def cancel(
        self,
        order_id: str,
        reason: str,
        units: Mapping[str, int] | None = None,
        key: str | None = None,
    ) -> Json:
        """Cancel the order, or so many units of lines; answers the order after it."""
        body: Json = {"reason": reason}
        if units:
            body["lines"] = [{"line_id": line, "quantity": n} for line, n in units.items()]
        return await self._post(f"/v1/orders/{order_id}/cancel", body, key)

    async def attention_summary(self) -> Json:
        """How much waits for a person, by reason; and the views of the Temporal UI."""
        return await self._get("/v1/attention/summary")

    async def hold(self, order_id: str, reason: str, key: str | None = None) -> Json:
        """Hold the order; answers the hold, with the order within."""
        return await self._post(f"/v1/orders/{order_id}/holds", {"reason": reason}, key)

    async def release(self, order_id: str, hold_id: str, key: str | None = None) -> Json:
        """Release a hold; answers the order after it."""
        path = f"/v1/orders/{order_id}/holds/{hold_id}"
        return await self._call("DELETE", path, None, key or new_key())

    async def retry(self, order_id: str, code: str | None = None, key: str | None = None) -> Json:
        """Try again now what keeps failing; answers the order after it."""
        return await self._post(f"/v1/orders/{order_id}/retry", {"code": code} if code else {}, key)

    async def ask_return(
        self, order_id: str, units: Mapping[str, int], reason: str, key: str | None = None
    ) -> Json:
        """Ask to send units of lines back; answers the return."""
        lines = [{"line_id": line, "quantity": n, "reason": reason} for line, n in units.items()]
        return await self._post(f"/v1/orders/{order_id}/returns", {"lines": lines}, key)

    async def exchange(self, return_id: str, body: Json, key: str | None = None) -> Json:
        """Send something in place of what comes back; answers the exchange."""
        return await self._post(f"/v1/returns/{return_id}/exchange", body, key)

    async def edit(self, order_id: str, changes: Mapping[str, Any], key: str | None = None) -> Json:
        """Change the order as it stands; answers the edit, with the order within."""
        body = {
            "version": (await self.order(order_id))["version"],
            "commit": True,
            "reason": "customer_request",
            "changes": changes,
        }
        return await self._post(f"/v1/orders/{order_id}/edits", body, key)

    async def resolve(
        self, order_id: str, shipment_id: str, action: str, key: str | None = None
    ) -> Json:
        """Decide what becomes of a parcel in trouble; answers the order after it."""
        path = f"/v1/orders/{order_id}/parcels/{shipment_id}/resolve"
        return await self._post(path, {"action": action}, key)

    # -- warehouse -----------------------------------------------------------------------------

    async def start(self, work_id: str, key: str | None = None) -> Json:
        """Begin to work at a location."""
        return await self._post(f"/v1/fulfillment-orders/{work_id}/start", {}, key)

    async def pick(self, work: Mapping[str, Any], key: str | None = None) -> Json:
        """Report all that is left to pick of a fulfillment order as found."""
        lines = [
            {"line_id": line["line_id"], "quantity": _left(line, "picked")}
            for line in work["lines"]
            if _left(line, "picked")
        ]
        return await self._post(f"/v1/fulfillment-orders/{work['id']}/pick", {"lines": lines}, key)

    async def pack(
        self, work: Mapping[str, Any], *, parcels: int = 1, key: str | None = None
    ) -> Json:
        """Pack all that is left of a fulfillment order into so many parcels (at most its units)."""
        body = {"parcels": [_parcel(lines) for lines in _deal(work["lines"], parcels)]}
        return await self._post(f"/v1/fulfillment-orders/{work['id']}/pack", body, key)

    async def ship(
        self, work_id: str, shipment_ids: Sequence[str] = (), key: str | None = None
    ) -> Json:
        """Hand the named parcels, or all packed ones of the location, to the carrier."""
        path = f"/v1/fulfillment-orders/{work_id}/ship"
        return await self._post(path, {"shipment_ids": list(shipment_ids)}, key)

    async def receive_return(
        self, return_id: str, units: Mapping[str, int], key: str | None = None
    ) -> Json:
        """A return is at the dock: so many units of lines; answers the return after it."""
        lines = [{"line_id": line, "quantity": n} for line, n in units.items()]
        return await self._post(f"/v1/returns/{return_id}/receive", {"lines": lines}, key)

    async def inspect_return(
        self, return_id: str, units: Mapping[str, int], disposition: str, key: str | None = None
    ) -> Json:
        """Say what becomes of units that came back; answers the return after it."""
        lines = [
            {"line_id": line, "quantity": n, "disposition": disposition}
            for line, n in units.items()
        ]
        return await self._post(f"/v1/returns/{return_id}/inspect", {"lines": lines}, key)

    # -- stock ---------------------------------------------------------------------------------

    async def put_item(self, sku: str, item: Mapping[str, Any]) -> Json:
        """Make an item, or change it."""
        return await self._call("PUT", f"/v1/items/{sku}", item)

    async def put_warehouse(self, code: str, warehouse: Mapping[str, Any]) -> Json:
        """Make a warehouse, or change it."""
        return await self._call("PUT", f"/v1/warehouses/{code}", warehouse)

    async def receive(
        self, warehouse: str, units: Mapping[str, int], reference: str, key: str | None = None
    ) -> Json:
        """Take goods in: units by sku."""
        lines = [{"sku": sku, "quantity": quantity} for sku, quantity in units.items()]
        body = {"warehouse": warehouse, "reference": reference, "lines": lines}
        return await self._post("/v1/stock/receipts", body, key)

    async def stock(self, **filters: str) -> list[Json]:
        """Read all stock levels."""
        return await self._all("/v1/stock", filters)

    async def reconcile_stock(self, *, full: bool = True) -> Json:
        """Compare stock with its ledger now; answers what was found."""
        return await self._post("/v1/stock/reconciliations", {"full": full}, None)

    async def movements(self, **filters: str) -> list[Json]:
        """Read the whole stock ledger, newest first."""
        return await self._all("/v1/stock/movements", filters)

    # -- the sandbox ---------------------------------------------------------------------------

    async def provider_payments(self, order_id: str | None = None) -> list[Json]:
        """What the payment provider believes, of one order or of all."""
        return await self._ledger("payments", order_id)

    async def provider_parcels(self, order_id: str | None = None) -> list[Json]:
        """What the carrier believes, of one order or of all."""
        return await self._ledger("parcels", order_id)

    async def provider_summary(self) -> Json:
        """Counts and sums of the ledger, and how many webhooks still wait."""
        return await self._call("GET", "/ledger/summary", wire=self._sandbox)

    async def advance(self, tracking_number: str, status: str) -> Json:
        """Let the carrier scan a parcel now."""
        path = f"/parcels/{tracking_number}/advance"
        return await self._call("POST", path, {"status": status}, wire=self._sandbox)

    async def confirm(self, provider_payment_id: str, outcome: str = "succeed") -> Json:
        """Let the customer confirm (`succeed`) or give up (`fail`) a payment that waits."""
        path = f"/payments/{provider_payment_id}/confirm"
        return await self._call("POST", path, {"outcome": outcome}, wire=self._sandbox)

    async def _ledger(self, name: str, order_id: str | None) -> list[Json]:
        query = {"order": order_id} if order_id else {"limit": "1000"}
        return await self._all(f"/ledger/{name}", query, wire=self._sandbox)

    # -- the wire ------------------------------------------------------------------------------

    async def _post(self, path: str, body: Mapping[str, Any], key: str | None) -> Json:
        return await self._call("POST", path, body, key or new_key())

    async def _get(self, path: str, query: Mapping[str, str] | None = None) -> Json:
        return await self._call("GET", path, query=query)

    async def _all(
        self, path: str, query: Mapping[str, str], wire: httpx2.AsyncClient | None = None
    ) -> list[Json]:
        """All pages of a list."""
        items: list[Json] = []
        page = {"limit": "200", **query}
        while True:
            answer = await self._call("GET", path, query=page, wire=wire)
            items += answer["items"]
            if not answer.get("next_cursor"):
                return items
            page["cursor"] = answer["next_cursor"]

    async def _call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        key: str | None = None,
        *,
        query: Mapping[str, str] | None = None,
        wire: httpx2.AsyncClient | None = None,
    ) -> Json:
        """Send a request until it is answered.

        An answer that is lost is asked for again, which is safe: the key is the same.

        Raises:
            ApiError: the answer is an error, and asking again would not change it.
            NotInTime: no answer within the patience.

        """
        wire = wire or self._api
        headers = {"idempotency-key": key} if key else {}
        deadline = time.monotonic() + self._patience
        pause = _FIRST_PAUSE
        while True:
            try:
                answer = await wire.request(method, path, json=body, headers=headers, params=query)
            except httpx2.TransportError as error:
                why = type(error).__name__
            else:
                if answer.is_success:
                    return _object(answer)
                problem = ApiError(method, path, answer.status_code, _object(answer))
                if not self._worth_another_try(problem):
                    raise problem
                why = f"{answer.status_code} {problem.code}"
            if time.monotonic() > deadline:
                message = f"{method} {path}: no answer in {self._patience:.0f} s, last {why}"
                raise NotInTime(message)
            self.tally.sent_again += 1
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _worth_another_try(self, problem: ApiError) -> bool:
        if problem.status in _AGAIN or problem.code == "request_in_progress":
            return True
        if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            # Whether it is done is unknown, as with a lost answer; but it is never right.
            self.tally.defects.append(str(problem))
            return True
        return False


def new_key() -> str:
    """Return an Idempotency-Key for a new intention."""
    return uuid.uuid4().hex


def axes(order: Mapping[str, Any]) -> str:
    """Return the order's axes, and what it waits for a person for, in a few words."""
    words = [
        order["status"],
        order["payment_status"],
        order["fulfillment_status"],
        order["return_status"],
    ]
    codes = sorted({one["code"] for one in order["attention"]})
    return " / ".join(words) + (f" [{', '.join(codes)}]" if codes else "")


def closed(order: Mapping[str, Any]) -> bool:
    """Whether the order's life is over."""
    return order["status"] in TERMINAL


def attention(code: str) -> Condition:
    """Build the condition that the order asks for a person with this code."""
    return lambda order: any(one["code"] == code for one in order["attention"])


def open_work(order: Mapping[str, Any]) -> list[Json]:
    """Return the order's fulfillment orders that still have something to pack."""
    return [
        work
        for work in order["fulfillment_orders"]
        if work["status"] in {"open", "in_progress"}
        and any(_left(line, "packed") for line in work["lines"])
    ]


def _left(line: Mapping[str, Any], done: str) -> int:
    left: int = line["quantity"] - line["short"] - line["canceled"] - line[done]
    return max(0, left)


def _deal(lines: Sequence[Mapping[str, Any]], parcels: int) -> list[dict[str, int]]:
    """Deal the units that are left to pack out over parcels, like cards; none stays empty."""
    units = [line["line_id"] for line in lines for _ in range(_left(line, "packed"))]
    boxes: list[dict[str, int]] = [{} for _ in range(min(parcels, len(units)))]
    for i, line_id in enumerate(units):
        box = boxes[i % len(boxes)]
        box[line_id] = box.get(line_id, 0) + 1
    return boxes


def _parcel(units: Mapping[str, int]) -> Json:
    return {
        "lines": [{"line_id": line, "quantity": n} for line, n in units.items()],
        "weight_g": 400 * sum(units.values()),
        "length_mm": 300,
        "width_mm": 200,
        "height_mm": 100,
    }


def _object(answer: httpx2.Response) -> Json:
    try:
        value = answer.json()
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
