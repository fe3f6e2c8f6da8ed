"""The label of a return, and what a carrier says of its way."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from db import orders, outbox
from db.pool import Connection, Pool
from db.returns import By, load, move, need, record
from db.sql import queries
from domain import attention
from domain.ports import Label
from domain.states import ReturnStage, TrackingStatus, tracking_moves

_SQL = queries("returns")

Row = Mapping[str, Any]

_NOT_MOVING = frozenset({TrackingStatus.UNKNOWN, TrackingStatus.PRE_TRANSIT})


@dataclass(frozen=True, slots=True)
class LabelRow:
    """What a carrier needs to know of a return. `shipping_address` is personal data."""

    id: str
    order_id: str
    provider: str
    service: str
    currency: str
    shipping_address: dict[str, Any]
    warehouse_name: str
    line1: str
    city: str
    postal_code: str
    country: str
    weight_g: int
    value: int


async def for_label(conn: Connection | Pool, return_id: str, *, back: bool = False) -> LabelRow:
    """The return as a carrier needs it; `back`: what of it goes back to the customer."""
    row = await conn.fetchrow(_SQL["return_for_label"], return_id, back)
    assert row is not None, return_id  # noqa: S101 - returns are never deleted
    return LabelRow(**row)


async def keep_label(conn: Connection | Pool, return_id: str, label: Label) -> None:
    """The label's details; kept once."""
    await conn.execute(
        _SQL["keep_return_label"], return_id, label.carrier, label.provider_ref,
        label.tracking_number, label.tracking_url, label.label_url, label.cost.amount,
        label.cost.currency,
    )  # fmt: skip


async def keep_back_label(conn: Connection | Pool, return_id: str, label: Label) -> None:
    """The label of what was rejected; kept once."""
    kept = {
        "carrier": label.carrier,
        "provider_ref": label.provider_ref,
        "tracking_number": label.tracking_number,
        "tracking_url": label.tracking_url,
        "label_url": label.label_url,
        "cost": {"amount": label.cost.amount, "currency": label.cost.currency},
    }
    await conn.execute(_SQL["keep_back_label"], return_id, kept)


async def hear(conn: Connection, provider: str, news: Row) -> str | None:
    """A carrier's scan of a parcel that a customer sent: what became of it; None: no such parcel.

    It is on its way by the first scan that moves it. A lost one waits for a person. That it was
    delivered says nothing of what is in it: the warehouse receives it.
    """
    found = await conn.fetchrow(_SQL["find_return_by_tracking"], provider, news["tracking_number"])
    if found is None:
        return None
    await orders.lock(conn, found["order_id"])
    ret = await load(conn, found["id"])
    found = await conn.fetchrow(_SQL["find_return_by_tracking"], provider, news["tracking_number"])
    assert found is not None  # noqa: S101 - a label's number does not change
    status, at = TrackingStatus(news["status"]), datetime.fromisoformat(news["occurred_at"])
    known = TrackingStatus(found["tracking_status"])
    newer = found["tracking_at"] is None or at >= found["tracking_at"]
    if not tracking_moves(known, status, newer=newer):
        return "old"
    await conn.execute(_SQL["track_return"], ret.id, status, at)
    by = By(provider, "carrier")
    await record(conn, ret, f"return_parcel_{status}", by)
    if ret.status is ReturnStage.APPROVED and status not in _NOT_MOVING:
        ret = await move(conn, ret, ReturnStage.IN_TRANSIT)
    if status is TrackingStatus.LOST and not (ret.here or ret.over):
        detail = f"the carrier lost the parcel of {ret.number}"
        await need(conn, ret, attention.RETURN_LOST, detail)
    elif known is TrackingStatus.LOST:
        await orders.clear_attention(conn, ret.order_id, attention.RETURN_LOST, ret.id)
    if not ret.over:
        await outbox.add(conn, ret.id, outbox.RETURN_MOVED, {})
    return "told"
