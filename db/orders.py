"""The order's snapshot, its axes, holds, attention, and the steps that happen once."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from db.pool import Connection, Pool
from db.sql import queries
from domain import rollup
from domain.errors import NotFound
from domain.order import (
    FulfillmentOrder,
    Hold,
    Line,
    Offer,
    Order,
    ParcelLine,
    Shipment,
    Tender,
    WorkLine,
)
from domain.states import (
    ORDER,
    FulfillmentOrderStatus,
    FulfillmentStatus,
    OfferStatus,
    OrderStatus,
    PaymentStatus,
    ReturnStatus,
    ShipmentStatus,
    TrackingStatus,
    advance,
)

_SQL = queries("orders")


async def lock(conn: Connection, order_id: str) -> None:
    """Become the only writer of this order until the transaction ends."""
    if await conn.fetchval(_SQL["lock_order"], order_id) is None:
        message = f"There is no order {order_id}."
        raise NotFound(message)


async def load(conn: Connection, order_id: str) -> Order:
    """The snapshot as the transaction sees it. Lock first when it is going to be changed."""
    row = await conn.fetchrow(_SQL["load_order"], order_id)
    if row is None:
        message = f"There is no order {order_id}."
        raise NotFound(message)
    return _order(row)


def _order(row: Any) -> Order:  # noqa: ANN401 - asyncpg.Record has no static columns
    parts = dict(row)
    return Order(
        **parts
        | {
            "status": OrderStatus(parts["status"]),
            "payment_status": PaymentStatus(parts["payment_status"]),
            "fulfillment_status": FulfillmentStatus(parts["fulfillment_status"]),
            "return_status": ReturnStatus(parts["return_status"]),
            "lines": [Line(**line) for line in parts["lines"]],
            "tenders": [
                Tender(**tender | {"status": PaymentStatus(tender["status"])})
                for tender in parts["tenders"]
            ],
            "fulfillment_orders": [_work(work) for work in parts["fulfillment_orders"]],
            "shipments": [_shipment(shipment) for shipment in parts["shipments"]],
            "holds": [Hold(**hold) for hold in parts["holds"]],
            "offers": [
                Offer(**offer | {"status": OfferStatus(offer["status"])})
                for offer in parts["offers"]
            ],
        }
    )


def _work(data: dict[str, Any]) -> FulfillmentOrder:
    return FulfillmentOrder(
        id=data["id"],
        warehouse=data["warehouse"],
        status=FulfillmentOrderStatus(data["status"]),
        lines=[WorkLine(**line) for line in data["lines"]],
    )


def _shipment(data: dict[str, Any]) -> Shipment:
    return Shipment(
        **data
        | {
            "status": ShipmentStatus(data["status"]),
            "tracking_status": TrackingStatus(data["tracking_status"]),
            "lines": [ParcelLine(**line) for line in data["lines"]],
        }
    )


async def save(
    conn: Connection,
    order_id: str,
    status: OrderStatus | None = None,
    return_status: ReturnStatus | None = None,
) -> Order:
    """Roll the axes up from the parts as they now stand, write them, and answer the snapshot.

    `status` moves the order itself, by its transition table; `return_status` is what its returns
    come to, when one of them moved. Call it last in a transaction that holds the order's lock.
    """
    order = await load(conn, order_id)
    if status is not None:
        order = replace(order, status=advance(ORDER, order.status, status))
    order = replace(
        order,
        payment_status=rollup.payment_status(order),
        fulfillment_status=rollup.fulfillment_status(order),
        return_status=return_status or order.return_status,
    )
    version = await conn.fetchval(
        _SQL["save_axes"],
        order_id,
        order.status,
        order.payment_status,
        order.fulfillment_status,
        order.return_status,
    )
    return replace(order, version=version)


@dataclass
class Step:
    """One step of one order inside its transaction. `done` tells that it happened before."""

    conn: Connection
    order_id: str
    cause: str
    done: bool
    order: Order
    result: Any = None

    async def save(self, status: OrderStatus | None = None) -> Order:
        """Roll up and write the axes; see `save`."""
        self.order = await save(self.conn, self.order_id, status)
        return self.order


@asynccontextmanager
async def once(pool: Pool, order_id: str, cause: str) -> AsyncIterator[Step]:
    """A transaction that locks the order and does the step named `cause` at most once.

    The body must do nothing when `step.done`; `step.order` is then the present snapshot and
    `step.result` what the body had set when it did the step.
    """
    async with pool.acquire() as conn, conn.transaction():
        await lock(conn, order_id)
        claimed = await conn.fetchval(_SQL["begin_step"], order_id, cause)
        order = await load(conn, order_id)
        step = Step(conn, order_id, cause, done=not claimed, order=order)
        if step.done:
            step.result = await conn.fetchval(_SQL["step_result"], order_id, cause)
        yield step
        if not step.done and step.result is not None:
            await conn.execute(_SQL["finish_step"], order_id, cause, step.result)


async def request_cancel(conn: Connection, order_id: str, reason: str) -> None:
    """Make the cancellation visible until it is settled."""
    await conn.execute(_SQL["request_cancel"], order_id, reason)


async def keep_cancel_fee(conn: Connection, order_id: str, fee: int) -> None:
    """So much is kept of an order that is canceled."""
    await conn.execute(_SQL["keep_cancel_fee"], order_id, fee)


async def end_cancel(conn: Connection, order_id: str) -> None:
    """The cancellation is over, and the order lives on."""
    await conn.execute(_SQL["end_cancel"], order_id)


async def cancel_units(conn: Connection, line_id: str, quantity: int) -> None:
    """Cancel units of a line, those without goods first."""
    await conn.execute(_SQL["cancel_units"], line_id, quantity)


async def move_units(  # noqa: PLR0913 - the counters of one row
    conn: Connection,
    line_id: str,
    *,
    open_: int = 0,
    allocated: int = 0,
    backordered: int = 0,
    shipped: int = 0,
    canceled: int = 0,
) -> None:
    """Move units between a line's counters: the deltas must sum to zero (a CHECK sees to it)."""
    await conn.execute(
        _SQL["move_line_units"], line_id, open_, allocated, backordered, shipped, canceled
    )


async def add_hold(  # noqa: PLR0913 - a hold has these columns
    conn: Connection,
    order_id: str,
    hold_id: str,
    reason: str,
    actor: str,
    request_event: int,
    *,
    ends_at: datetime | None = None,
    at_end: str = "",
) -> None:
    """Add a hold; its note is the one of the request's timeline event.

    With `ends_at`, `at_end` says what is done then (`release`, `ask_person`, `cancel`).
    """
    await conn.execute(
        _SQL["add_hold"], hold_id, order_id, reason, actor, request_event, ends_at, at_end or None
    )


async def claim_ended_holds(conn: Connection, limit: int) -> list[tuple[str, str, str]]:
    """Holds whose time is over, each once: (hold, order, what is done)."""
    rows = await conn.fetch(_SQL["claim_ended_holds"], limit)
    return [(row["id"], row["order_id"], row["at_end"]) for row in rows]


async def release_hold(conn: Connection, hold_id: str, actor: str) -> None:
    """Take a hold away; the row stays."""
    await conn.execute(_SQL["release_hold"], hold_id, actor)


async def set_attention(
    conn: Connection, order_id: str, code: str, subject: str, detail: str, can: Sequence[str]
) -> bool:
    """The order waits for a person because of `code` at `subject`. False when it did already."""
    return bool(
        await conn.fetchval(_SQL["set_attention"], order_id, code, subject, detail, list(can))
    )


async def clear_attention(conn: Connection, order_id: str, code: str, subject: str) -> bool:
    """That reason is gone. False when it was not there."""
    return bool(await conn.fetchval(_SQL["clear_attention"], order_id, code, subject))


async def clear_all_attention(conn: Connection, order_id: str, keep: Sequence[str] = ()) -> None:
    """The order is closed: nothing waits for a person any more but the codes to `keep`."""
    await conn.execute(_SQL["clear_all_attention"], order_id, list(keep))
