"""Takes the steps of a life through the API and the sandbox, as customers, sellers, the carrier and
support would.

Every step can be taken again: requests carry keys made from order and step, and what has no key
(a scan) is looked up first when it may have been done.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, TypeVar

from ops.client import ApiError, Json, NotInTime, axes
from ops.replay.client import ReplayClient
from ops.replay.plan import CANCEL_REASON
from ops.replay.steps import (
    Approve,
    Cancel,
    Feedback,
    HandOver,
    Life,
    Pick,
    Place,
    RunOut,
    Scan,
    Start,
    Step,
)
from ops.replay.work_list import WorkList

T = TypeVar("T")

_TRIES = 5
_PAUSE_SECONDS = 0.3
_COMING_BACK = frozenset({"parcel_lost", "parcel_returned"})
_GONE = frozenset({"shipped", "delivered"})


class StepFailed(Exception):
    """An order could not go on; `step` names where, the message tells why."""

    def __init__(self, step: str, why: str) -> None:
        super().__init__(why)
        self.step = step


@dataclass
class _Living:
    """An order under way. `known` is how the stack had it when an earlier run has begun it."""

    life: Life
    known: Json | None
    order: Json = field(default_factory=dict)
    work: Mapping[str, Json] = field(default_factory=dict)
    tracking_numbers: list[str] = field(default_factory=list)

    @property
    def id(self) -> str:
        """The order's own id."""
        return str(self.order["id"])

    def key(self, *step: str) -> str:
        """The Idempotency-Key of a step: the same in every run."""
        return ":".join(("olist", self.life.order_id, *step))


class Driver:
    """Lives orders. `patience`: seconds to wait for what the stack does by itself."""

    def __init__(self, client: ReplayClient, work_list: WorkList, *, patience: float) -> None:
        self._client = client
        self._work_list = work_list
        self._patience = patience

    async def live(self, life: Life, known: Json | None) -> None:
        """One order from its first step to its last.

        Raises:
            StepFailed: a step was refused, or did not come to what it should in time.

        """
        living = _Living(life, known)
        for step in life.steps:
            try:
                await self._take(living, step)
            except (ApiError, NotInTime) as error:
                raise StepFailed(type(step).__name__, str(error)) from error

    async def _take(self, living: _Living, step: Step) -> None:
        match step:
            case Place():
                await self._place(living, step)
            case Approve():
                await self._approve(living, step)
            case RunOut():
                await self._until(living, "out of stock", lambda o: o["status"] == "canceled")
            case Start():
                await self._at_each_source(living, lambda work: self._start(living, work, step))
            case Pick():
                await self._at_each_source(living, lambda work: self._pick(living, work, step))
            case HandOver():
                await self._at_each_source(living, lambda work: self._hand_over(living, work, step))
            case Scan():
                await self._scan(living, step)
            case Cancel():
                await self._cancel(living, step)
            case Feedback():
                key = living.key("feedback", step.body["reference"])
                await self._client.give_feedback(living.id, step.body, key)

    async def _place(self, living: _Living, step: Place) -> None:
        # A known order is not sent again: its answer would only tell what we know.
        living.order = living.known or await self._client.place(step.body, living.key("place"))

    async def _approve(self, living: _Living, step: Approve) -> None:
        if living.known is None or living.known["payment_status"] == "pending":
            await asyncio.gather(
                *(
                    self._client.approve(payment["id"], step.at)
                    for payment in living.order["payments"]
                    if payment["amount"]["amount"]
                )
            )
        if living.life.finds_stock:
            living.work = await self._work(living)

    # -- the sellers ---------------------------------------------------------------------------

    async def _work(self, living: _Living) -> Mapping[str, Json]:
        """The order's work by location: seen in the list of open work; now and then read itself."""
        sources, deadline = living.life.sources, time.monotonic() + self._patience
        # Work that an earlier run has begun is not in the list any more.
        order = living.known
        while True:
            if order is not None and len(order["fulfillment_orders"]) >= sources:
                return {work["warehouse"]: work for work in order["fulfillment_orders"]}
            if time.monotonic() > deadline:
                stands = axes(order) if order else "unknown"
                message = f"no work at its sources in {self._patience:.0f} s: {stands}"
                raise NotInTime(message)
            found = await self._work_list.wait(living.id, sources)
            if found is not None:
                return found
            order = await self._client.order(living.id)

    async def _at_each_source(
        self, living: _Living, act: Callable[[Json], Awaitable[None]]
    ) -> None:
        await asyncio.gather(*(act(work) for work in living.work.values()))

    async def _start(self, living: _Living, work: Json, step: Start) -> None:
        await self._client.begin(work["id"], step.at, living.key("start", work["warehouse"]))

    async def _pick(self, living: _Living, work: Json, step: Pick | HandOver) -> None:
        await self._client.pick_all(work, step.at, living.key("pick", work["warehouse"]))

    async def _hand_over(self, living: _Living, work: Json, step: HandOver) -> None:
        if gone := _gone(living.known, work["id"]):
            living.tracking_numbers += gone
            return
        warehouse = work["warehouse"]
        await self._pick(living, work, step)
        await self._insist(
            living.key("pack", warehouse),
            lambda key: self._client.pack_all(work, living.life.parcels[warehouse], step.at, key),
        )
        living.tracking_numbers += await self._insist(
            living.key("ship", warehouse),
            lambda key: self._client.hand_over(work["id"], step.at, key),
        )

    # -- the carrier, and support --------------------------------------------------------------

    async def _scan(self, living: _Living, step: Scan) -> None:
        for number in living.tracking_numbers:
            await self._client.scan(
                living.id, number, step.status, step.at, doubt=living.known is not None
            )

    async def _cancel(self, living: _Living, step: Cancel) -> None:
        if step.returned:
            await self._until(
                living, "coming back", lambda o: o["status"] == "canceled" or _comes_back(o)
            )
        try:
            await self._insist(
                living.key("cancel"),
                lambda key: self._client.cancel(living.id, CANCEL_REASON, key=key),
            )
        except ApiError as error:
            if error.current.get("status") != "canceled":
                raise

    async def _insist(self, key: str, ask: Callable[[str], Awaitable[T]]) -> T:
        """Ask again when the order's state does not allow it yet: a refusal belongs to its key."""
        attempt = 1
        while True:
            try:
                return await ask(key if attempt == 1 else f"{key}:{attempt}")
            except ApiError as error:
                closed = error.current.get("status") in {"canceled", "completed", "expired"}
                if error.status != HTTPStatus.CONFLICT or closed or attempt == _TRIES:
                    raise
            await asyncio.sleep(_PAUSE_SECONDS * attempt)
            attempt += 1

    async def _until(self, living: _Living, what: str, condition: Callable[[Json], bool]) -> Json:
        return await self._client.wait(living.id, condition, what=what, within=self._patience)


def _comes_back(order: Mapping[str, Any]) -> bool:
    subjects = {one["subject"] for one in order["attention"] if one["code"] in _COMING_BACK}
    return bool(subjects) and subjects >= {parcel["id"] for parcel in order["shipments"]}


def _gone(known: Json | None, work_id: str) -> list[str]:
    """Tracking numbers of a location's parcels that an earlier run handed over."""
    return [
        parcel["tracking_number"]
        for parcel in (known or {}).get("shipments", ())
        if parcel["fulfillment_order_id"] == work_id and parcel["status"] in _GONE
    ]
