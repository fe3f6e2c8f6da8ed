"""Work at locations, parcels, labels, scans. Callers hold the order's lock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from db.pool import Connection, Pool
from db.sql import queries
from domain.order import FulfillmentOrder, ParcelLine, Shipment
from domain.ports import Label, Parcel
from domain.states import (
    FULFILLMENT_ORDER,
    SHIPMENT,
    FulfillmentOrderStatus,
    ShipmentStatus,
    TrackingStatus,
    advance,
)

_SQL = queries("fulfillment")


@dataclass(frozen=True, slots=True)
class UnassignedClaim:
    """Allocated units that no location was asked to prepare yet."""

    line_id: str
    sku: str
    warehouse: str
    quantity: int


@dataclass(frozen=True, slots=True)
class LabelRow:
    """What a carrier needs to know of a parcel. `shipping_address` is personal data."""

    id: str
    order_id: str
    provider: str
    service: str
    status: str
    weight_g: int
    length_mm: int
    width_mm: int
    height_mm: int
    currency: str
    grand_total: int
    shipping_address: dict[str, Any]
    warehouse: str
    warehouse_name: str
    line1: str
    city: str
    postal_code: str
    country: str


@dataclass(frozen=True, slots=True)
class TrackedShipment:
    """The parcel that a carrier's news is about."""

    id: str
    order_id: str
    status: ShipmentStatus
    tracking_status: TrackingStatus
    tracking_at: datetime | None


async def unassigned_claims(conn: Connection, order_id: str) -> list[UnassignedClaim]:
    """What could be prepared and nobody was asked to."""
    return [UnassignedClaim(**row) for row in await conn.fetch(_SQL["unassigned_claims"], order_id)]


async def was_short(conn: Connection | Pool, order_id: str) -> bool:
    """Whether a location has ever reported units of the order missing."""
    return bool(await conn.fetchval(_SQL["was_short"], order_id))


async def open_work(  # noqa: PLR0913 - one row
    conn: Connection,
    work_id: str,
    order_id: str,
    warehouse: str,
    claims: Sequence[UnassignedClaim],
    *,
    cause: str,
    due_seconds: float,
    on_hold: bool,
) -> None:
    """Ask a location to prepare these units."""
    status = FulfillmentOrderStatus.ON_HOLD if on_hold else FulfillmentOrderStatus.OPEN
    held = FulfillmentOrderStatus.OPEN if on_hold else None
    await conn.execute(
        _SQL["open_work"], work_id, order_id, warehouse, status, held, cause, due_seconds
    )
    await conn.execute(
        _SQL["open_work_lines"],
        work_id,
        [claim.line_id for claim in claims],
        [claim.sku for claim in claims],
        [claim.quantity for claim in claims],
    )


async def set_work_status(
    conn: Connection, work: FulfillmentOrder, status: FulfillmentOrderStatus
) -> None:
    """Move a fulfillment order along its table."""
    if status is not work.status:
        advance(FULFILLMENT_ORDER, work.status, status)
        await conn.execute(_SQL["set_work_status"], work.id, status)


async def hold_work(conn: Connection, order_id: str) -> None:
    """Stop the locations; each remembers where it stood."""
    await conn.execute(_SQL["hold_work"], order_id)


async def release_work(conn: Connection, order_id: str, due_seconds: float) -> None:
    """Let the locations go on, with at least `due_seconds` until their deadline."""
    await conn.execute(_SQL["release_work"], order_id, due_seconds)


async def cancel_work(conn: Connection, order_id: str) -> None:
    """Recall what the locations have not finished."""
    await conn.execute(_SQL["cancel_work"], order_id)


async def cancel_work_units(conn: Connection, work_id: str, line_id: str, quantity: int) -> None:
    """Recall units of a line at one location."""
    await conn.execute(_SQL["cancel_work_units"], work_id, line_id, quantity)


async def add_picked(
    conn: Connection, work_id: str, line_id: str, *, picked: int = 0, short: int = 0
) -> None:
    """Units found, and units that are not where they should be."""
    await conn.execute(_SQL["add_picked"], work_id, line_id, picked, short)


async def add_parcel(  # noqa: PLR0913 - one row
    conn: Connection,
    shipment_id: str,
    order_id: str,
    work_id: str,
    lines: Sequence[ParcelLine],
    parcel: Parcel,
    *,
    provider: str,
    service: str,
    packed_at: datetime | None,
) -> None:
    """A packed box with its units."""
    await conn.execute(
        _SQL["add_shipment"],
        shipment_id,
        order_id,
        work_id,
        provider,
        service,
        parcel.weight_g,
        parcel.length_mm,
        parcel.width_mm,
        parcel.height_mm,
        packed_at,
    )
    await conn.execute(
        _SQL["add_shipment_lines"],
        shipment_id,
        [line.line_id for line in lines],
        [line.quantity for line in lines],
    )
    for line in lines:
        await conn.execute(_SQL["add_packed"], work_id, line.line_id, line.quantity)


async def unpack(conn: Connection, shipment_id: str) -> None:
    """Take a parcel's units out again."""
    await conn.execute(_SQL["unpack"], shipment_id)


async def add_shipped(conn: Connection, work_id: str, line_id: str, quantity: int) -> None:
    """Units of a line left the location."""
    await conn.execute(_SQL["add_shipped"], work_id, line_id, quantity)


async def for_label(conn: Connection | Pool, shipment_id: str) -> LabelRow:
    """The parcel as a carrier needs it."""
    row = await conn.fetchrow(_SQL["shipment_for_label"], shipment_id)
    assert row is not None, shipment_id  # noqa: S101 - shipments are never deleted
    return LabelRow(**row)


async def keep_label(conn: Connection | Pool, shipment_id: str, label: Label) -> None:
    """The label's details; the parcel's status moves by `set_shipment_status`."""
    await conn.execute(
        _SQL["keep_label"],
        shipment_id,
        label.carrier,
        label.service,
        label.provider_ref,
        label.tracking_number,
        label.tracking_url,
        label.label_url,
        label.cost.amount,
        label.cost.currency,
        label.estimated_at,
    )


async def set_shipment_status(
    conn: Connection,
    shipment: Shipment,
    status: ShipmentStatus,
    *,
    occurred_at: datetime | None = None,
    due_seconds: float = 0,
) -> None:
    """Move a parcel along its table; a shipped one is due by its estimate plus `due_seconds`."""
    advance(SHIPMENT, shipment.status, status)
    await conn.execute(_SQL["set_shipment_status"], shipment.id, status, occurred_at, due_seconds)


async def find_shipment(
    conn: Connection, provider: str, tracking_number: str
) -> TrackedShipment | None:
    """The parcel with that number, when it is ours."""
    row = await conn.fetchrow(_SQL["find_shipment"], provider, tracking_number)
    if row is None:
        return None
    return TrackedShipment(
        id=row["id"],
        order_id=row["order_id"],
        status=ShipmentStatus(row["status"]),
        tracking_status=TrackingStatus(row["tracking_status"]),
        tracking_at=row["tracking_at"],
    )


async def add_scan(
    conn: Connection,
    shipment_id: str,
    event_id: str,
    status: TrackingStatus,
    detail: str,
    occurred_at: datetime,
) -> bool:
    """Keep a scan. False when it was known."""
    added = await conn.fetchval(
        _SQL["add_scan"], shipment_id, event_id, status, detail, occurred_at
    )
    return added is not None


async def save_tracking(
    conn: Connection,
    shipment_id: str,
    status: TrackingStatus,
    occurred_at: datetime,
    estimated_at: datetime | None,
    proof: Mapping[str, str] | None,
) -> None:
    """The carrier's latest word."""
    await conn.execute(
        _SQL["save_tracking"],
        shipment_id,
        status,
        occurred_at,
        estimated_at,
        dict(proof) if proof else None,
    )


async def keep_estimate(conn: Connection, shipment_id: str, estimated_at: datetime) -> None:
    """The carrier's estimate of the delivery moved."""
    await conn.execute(_SQL["keep_estimate"], shipment_id, estimated_at)
