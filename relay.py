"""Carries news: from the outbox to workflows and carriers, from the inbox to orders, and of
deadlines that have passed. Runs in every worker; rows are claimed, so each goes to one relay.

A relay that dies loses nothing: what it claimed comes due again, and whoever hears news twice
does nothing the second time.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import structlog
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from db import (
    closings,
    endings,
    expected,
    fulfillment,
    holds,
    late,
    orders,
    outbox,
    payments,
    return_parcels,
    substitutes,
    timeline,
    voices,
)
from db.new_ids import new_id
from db.outbox import InboxRow, OutboxRow
from db.pool import Connection, Pool
from domain.attention import CAN, LATE_PAYMENT
from domain.endings import Action, Event
from domain.errors import NotFound, ProviderRejected
from domain.order import Order
from domain.ports import AUTHORIZATION_EXPIRED, CarrierGateway
from domain.settlement import money_came_late
from domain.states import (
    OperationKind,
    OperationStatus,
    PaymentStatus,
    ShipmentStatus,
    TrackingStatus,
    tracking_moves,
)
from workflows import ids
from workflows.client import (
    begin_bulk,
    begin_feedback,
    begin_order,
    begin_purchase,
    begin_refund,
    begin_return,
    retry_refund,
    tell_purchase,
    tell_return,
)
from workflows.messages import CarrierSignal, DeadlineSignal, ExpectedSignal, PaymentSignal

log = structlog.get_logger(__name__)

_BATCH = 50
_AT_ONCE = 16
_IDLE_SECONDS = 0.15
_DEADLINES_SECONDS = 2.0
_PAUSE_AFTER_ERROR_SECONDS = 1.0
# News that finds no owner at first (the label is just being written) is looked at again.
_TRIES_TO_MATCH = 8

# Scans that tell where a parcel is and change nothing else: written, and no workflow is woken.
_QUIET = frozenset(
    {
        TrackingStatus.UNKNOWN,
        TrackingStatus.PRE_TRANSIT,
        TrackingStatus.IN_TRANSIT,
        TrackingStatus.OUT_FOR_DELIVERY,
        TrackingStatus.AVAILABLE_FOR_PICKUP,
    }
)
_NOT_MOVING = frozenset({TrackingStatus.UNKNOWN, TrackingStatus.PRE_TRANSIT})


class Relay:
    """See the module. `margin_seconds`: how early an authorization that runs out is told of.

    `date_shift`: by how much the day of units that wait has to move until their customer is told;
    every `dates_seconds` somebody looks. `feedback_after`: how long after the delivery customers
    are asked how it was; zero asks nobody.
    """

    def __init__(  # noqa: PLR0913 - its parts, and how often it looks
        self,
        pool: Pool,
        client: Client,
        task_queue: str,
        carriers: Mapping[str, CarrierGateway],
        *,
        margin_seconds: float,
        date_shift: timedelta = timedelta(days=3),
        dates_seconds: float = 60.0,
        feedback_after: timedelta = timedelta(),
    ) -> None:
        self._pool = pool
        self._client = client
        self._task_queue = task_queue
        self._carriers = carriers
        self._margin = margin_seconds
        self._date_shift = date_shift
        self._dates_seconds = dates_seconds
        self._feedback_after = feedback_after
        self._news = asyncio.Event()
        to = (client, task_queue)
        # What is told otherwise than by a signal to the order.
        self._tellers: dict[str, Callable[[OutboxRow], Awaitable[object]]] = {
            outbox.HAND_OVER: self._hand_over,
            outbox.START_ORDER: lambda row: begin_order(*to, pool, row.order_id, row.payload),
            outbox.START_PURCHASE: lambda row: begin_purchase(*to, pool, row.order_id, row.payload),
            outbox.GOODS_RECEIVED: lambda row: tell_purchase(
                client, pool, row.order_id, row.kind, row.payload
            ),
            outbox.START_RETURN: lambda row: begin_return(*to, pool, row.order_id, row.payload),
            outbox.RETURN_MOVED: lambda row: tell_return(client, pool, row.order_id, row.kind),
            outbox.START_REFUND: lambda row: begin_refund(*to, pool, row.payload["refund_id"]),
            outbox.RETRY_REFUND: lambda row: retry_refund(*to, pool, row.payload["refund_id"]),
            outbox.START_BULK: lambda row: begin_bulk(*to, row.order_id, row.payload["total"]),
            outbox.ASK_FOR_FEEDBACK: lambda row: begin_feedback(*to, row.order_id),
        }

    async def run(self) -> None:
        """Work until canceled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._forever(self._tell_workflows, _IDLE_SECONDS, self._news))
            group.create_task(self._forever(self._tell_carriers, _IDLE_SECONDS))
            group.create_task(self._forever(self._empty_inbox, _IDLE_SECONDS))
            group.create_task(self._forever(self._watch_deadlines, _DEADLINES_SECONDS))
            group.create_task(self._forever(self._watch_expected_dates, self._dates_seconds))
            if self._feedback_after:
                group.create_task(self._forever(self._ask_for_feedback, self._dates_seconds))

    async def _forever(
        self, work: Callable[[], Awaitable[bool]], pause: float, wake: asyncio.Event | None = None
    ) -> None:
        """Again at once while there is work, else after a pause, or when `wake` is set; errors
        are told and outlived.
        """
        while True:
            try:
                if await work():
                    continue
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await (wake or asyncio.Event()).wait()
            except Exception as error:  # noqa: BLE001 - the relay outlives a database restart
                log.warning("relay_failed", work=work.__name__, error=type(error).__name__)
                await asyncio.sleep(_PAUSE_AFTER_ERROR_SECONDS)

    # -- outbox --------------------------------------------------------------------------------

    async def _tell_workflows(self) -> bool:
        self._news.clear()
        return await self._empty_outbox(carriers=False)

    async def _tell_carriers(self) -> bool:
        """Apart, so that news for orders do not wait behind a carrier that does not answer."""
        return await self._empty_outbox(carriers=True)

    async def _empty_outbox(self, *, carriers: bool) -> bool:
        async with self._pool.acquire() as conn:
            rows = await outbox.claim(conn, _BATCH, carriers=carriers)
        limit = asyncio.Semaphore(_AT_ONCE)
        told = await asyncio.gather(*(self._try(row, limit) for row in rows))
        if done := [row_id for row_id in told if row_id is not None]:
            async with self._pool.acquire() as conn:
                await outbox.finish(conn, done)
        # While the other side is down nothing gets out: no reason to hurry through the backlog.
        return len(rows) == _BATCH and bool(done)

    async def _try(self, row: OutboxRow, limit: asyncio.Semaphore) -> int | None:
        async with limit:
            try:
                await self._tell(row)
            except Exception as error:  # noqa: BLE001 - one row must not take its batch along
                name = error.status.name if isinstance(error, RPCError) else type(error).__name__
                log.info("outbox_waits", row=row.id, kind=row.kind, order=row.order_id, error=name)
                async with self._pool.acquire() as conn:
                    await outbox.fail(conn, row.id, name)
                return None
            return row.id

    async def _tell(self, row: OutboxRow) -> None:
        await self._tellers.get(row.kind, self._signal)(row)

    async def _hand_over(self, row: OutboxRow) -> None:
        payload = row.payload
        try:
            await self._carriers[payload["provider"]].hand_over(
                payload["key"], payload["provider_ref"]
            )
        except ProviderRejected as error:
            # The parcel is on its way whatever the carrier's books say; scans will tell.
            log.warning("hand_over_refused", order=row.order_id, reason=error.reason)

    async def _signal(self, row: OutboxRow) -> None:
        handle = self._client.get_workflow_handle(ids.order_workflow_id(row.order_id))
        try:
            await handle.signal(row.kind, row.payload)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            if not await self._is_closed(row):
                raise

    async def _is_closed(self, row: OutboxRow) -> bool:
        """Whether the order's life is over, so that nobody is left to hear the news.

        Money that arrives after the end is put before a person.
        """
        async with self._pool.acquire() as conn, conn.transaction():
            await orders.lock(conn, row.order_id)
            order = await orders.load(conn, row.order_id)
            if not order.closed:
                return False
            if row.kind == outbox.PAYMENT_NEWS and _is_late_money(order, row.payload):
                payment_id, amount = row.payload["payment_id"], row.payload["amount"]
                detail = f"{amount} of {payment_id} arrived after the order was {order.status}"
                can = CAN[LATE_PAYMENT]
                await orders.set_attention(conn, order.id, LATE_PAYMENT, payment_id, detail, can)
                await timeline.record(
                    conn,
                    order.id,
                    "late_payment",
                    role="provider",
                    data={"payment_id": payment_id, "amount": amount},
                )
            if row.kind == outbox.CARRIER_NEWS:
                await late.note_delivery(conn, order, row.payload)
        return True

    # -- inbox ---------------------------------------------------------------------------------

    async def _empty_inbox(self) -> bool:
        async with self._pool.acquire() as conn:
            rows = await outbox.claim_inbox(conn, _BATCH)
        for row in rows:
            await self._read(row)
        if rows:
            self._news.set()
        return len(rows) == _BATCH

    async def _read(self, row: InboxRow) -> None:
        async with self._pool.acquire() as conn, conn.transaction():
            try:
                if row.source == "payments":
                    outcome = await self._payment(conn, row)
                else:
                    outcome = await self._scan(conn, row)
            except NotFound:
                if row.attempts < _TRIES_TO_MATCH:
                    return
                outcome = "unmatched"
            await outbox.finish_inbox(conn, row.id, outcome)

    async def _payment(self, conn: Connection, row: InboxRow) -> str:
        news = row.payload
        order_id = await payments.order_of(conn, news["payment_id"])
        await orders.lock(conn, order_id)
        order = await orders.load(conn, order_id)
        if not _is_news(order, news):
            return "known"
        signal = PaymentSignal(
            payment_id=news["payment_id"],
            kind=news["kind"],
            status=news["status"],
            amount=news["amount"]["amount"],
            provider_ref=news["provider_ref"],
            event_id=row.event_id,
            occurred_at=news["occurred_at"],
            captured=news["captured"],
            reason=news["reason"],
        )
        await outbox.add(conn, order_id, outbox.PAYMENT_NEWS, asdict(signal))
        return "told"

    async def _scan(self, conn: Connection, row: InboxRow) -> str:
        news = row.payload
        found = await fulfillment.find_shipment(conn, row.provider, news["tracking_number"])
        if found is None:
            heard = await return_parcels.hear(conn, row.provider, news)
            if heard is None:
                raise NotFound(news["tracking_number"])
            return heard
        await orders.lock(conn, found.order_id)
        parcel = await fulfillment.find_shipment(conn, row.provider, news["tracking_number"])
        if parcel is None:
            raise NotFound(news["tracking_number"])
        status = TrackingStatus(news["status"])
        occurred_at = datetime.fromisoformat(news["occurred_at"])
        if not await fulfillment.add_scan(
            conn, parcel.id, row.event_id, status, news["detail"], occurred_at
        ):
            return "known"
        newer = parcel.tracking_at is None or occurred_at >= parcel.tracking_at
        if not tracking_moves(parcel.tracking_status, status, newer=newer):
            return "old"
        estimate = news["estimated_at"]
        await fulfillment.save_tracking(
            conn,
            parcel.id,
            status,
            occurred_at,
            datetime.fromisoformat(estimate) if estimate else None,
            news["proof"],
        )
        forgotten = parcel.status is ShipmentStatus.LABEL_PURCHASED and status not in _NOT_MOVING
        recovered = parcel.tracking_status not in _QUIET
        if status in _QUIET and not forgotten and not recovered:
            await timeline.record(
                conn,
                parcel.order_id,
                f"parcel_{status}",
                actor=row.provider,
                role="carrier",
                data={"shipment_id": parcel.id},
                occurred_at=occurred_at,
            )
            return "written"
        signal = CarrierSignal(parcel.id, status, row.event_id, news["occurred_at"])
        await outbox.add(conn, parcel.order_id, outbox.CARRIER_NEWS, asdict(signal))
        return "told"

    # -- deadlines -----------------------------------------------------------------------------

    async def _watch_deadlines(self) -> bool:
        async with self._pool.acquire() as conn, conn.transaction():
            passed = [
                *(("pick", p) for p in await outbox.claim_overdue_work(conn, _BATCH)),
                *(("delivery", p) for p in await outbox.claim_overdue_parcels(conn, _BATCH)),
                *(
                    ("authorization", p)
                    for p in await outbox.claim_expiring_authorizations(conn, _BATCH, self._margin)
                ),
                *(("offer", p) for p in await substitutes.claim_ended(conn, _BATCH)),
            ]
            for kind, deadline in passed:
                signal = DeadlineSignal(kind, deadline.subject)
                await outbox.add(conn, deadline.order_id, outbox.DEADLINE_PASSED, asdict(signal))
            for hold_id, order_id, at_end in await orders.claim_ended_holds(conn, _BATCH):
                signal = DeadlineSignal("hold", hold_id, action=at_end)
                await outbox.add(conn, order_id, outbox.DEADLINE_PASSED, asdict(signal))
            troubled = await endings.claim_due(conn, _BATCH)
            for due in troubled:
                # Who was silent and is heard of again is not given up without a person.
                revived = due.moved and due.event == Event.NO_NEWS
                action = Action.ASK_PERSON if revived else due.action
                signal = DeadlineSignal("ending", due.shipment_id, due.event, action)
                await outbox.add(conn, due.order_id, outbox.DEADLINE_PASSED, asdict(signal))
            recalled = await closings.tell_orders(conn, _BATCH)
        if await self._end_holds() or passed or troubled or recalled:
            self._news.set()
        return recalled == _BATCH

    async def _watch_expected_dates(self) -> bool:
        """Tell orders whose goods come much later, or sooner, than their customers were told."""
        async with self._pool.acquire() as conn, conn.transaction():
            moved = await expected.moved(conn, self._date_shift)
            for one in moved:
                day = one.expected_on.isoformat() if one.expected_on else ""
                signal = ExpectedSignal(day, new_id("exp"), list(one.days))
                await outbox.add(conn, one.order_id, outbox.EXPECTED_MOVED, asdict(signal))
        if moved:
            self._news.set()
        return False

    async def _ask_for_feedback(self) -> bool:
        """Have customers asked whose orders arrived some days ago."""
        async with self._pool.acquire() as conn, conn.transaction():
            after = self._feedback_after.total_seconds()
            asked = await voices.claim_unasked(conn, after, _BATCH)
            for order_id in asked:
                await outbox.add(conn, order_id, outbox.ASK_FOR_FEEDBACK, {})
        if asked:
            self._news.set()
        return len(asked) == _BATCH

    async def _end_holds(self) -> bool:
        """Give back what checkouts kept for too long; whether there was any."""
        async with self._pool.acquire() as conn, conn.transaction():
            return bool(await holds.expire(conn, _BATCH))


def _is_news(order: Order, news: Mapping[str, Any]) -> bool:
    """Whether a payment webhook tells what the order does not know.

    What we asked for ourselves comes back as a webhook too; the workflow has its own answer.
    """
    tender = order.tender(news["payment_id"])
    if tender is None or news["kind"] != OperationKind.AUTHORIZE:
        return False
    if tender.status is PaymentStatus.PENDING:
        return True
    # A failure from before a success comes late sometimes; only running out ends what was granted.
    ran_out = news["reason"] == AUTHORIZATION_EXPIRED and tender.capturable > 0
    return ran_out or _is_late_money(order, news)


def _is_late_money(order: Order, news: Mapping[str, Any]) -> bool:
    tender = order.tender(news["payment_id"])
    succeeded = news["status"] == OperationStatus.SUCCEEDED
    return bool(succeeded and tender and money_came_late(tender, captured=news["captured"]))
