"""What the customer is told: planned with the milestone's own transaction, once per subject."""

from collections.abc import Mapping, Sequence
from typing import Any

from db.pool import Connection, Pool
from db.sql import queries
from domain.notices import notification_id

_SQL = queries("notifications")


async def plan(
    conn: Connection,
    order_id: str,
    milestone: str,
    subject: str = "",
    data: Mapping[str, Any] | None = None,
) -> None:
    """Write down that the customer is to be told; planning it twice plans it once."""
    await conn.execute(
        _SQL["plan_notification"],
        notification_id(order_id, milestone, subject),
        order_id,
        milestone,
        subject,
        dict(data or {}),
    )


async def plan_all(
    conn: Connection, milestone: str, told: Sequence[tuple[str, Mapping[str, Any]]]
) -> None:
    """The same milestone of many orders: (order, data)."""
    if told:
        await conn.execute(
            _SQL["plan_notifications"],
            [notification_id(order_id, milestone) for order_id, _ in told],
            [order_id for order_id, _ in told],
            milestone,
            [dict(data) for _, data in told],
        )


async def load(conn: Connection | Pool, id_: str) -> Mapping[str, Any] | None:
    """The notification with the facts of its order. Holds personal data."""
    row = await conn.fetchrow(_SQL["notification"], id_)
    return None if row is None else dict(row)


async def lines(
    conn: Connection | Pool, order_id: str, shipment_id: str = ""
) -> list[Mapping[str, Any]]:
    """The order's lines as the customer knows them, or the units in one parcel."""
    return [
        dict(row) for row in await conn.fetch(_SQL["notification_lines"], order_id, shipment_id)
    ]


async def live_units(conn: Connection | Pool, order_id: str) -> int:
    """Units the customer shall get in all."""
    return int(await conn.fetchval(_SQL["live_units"], order_id) or 0)


async def shipments(
    conn: Connection | Pool, order_id: str, shipment_id: str = ""
) -> list[Mapping[str, Any]]:
    """The order's parcels that have a number (or the one)."""
    rows = await conn.fetch(_SQL["notification_shipments"], order_id, shipment_id)
    return [dict(row) for row in rows]


async def settle(conn: Connection, id_: str, status: str, reason: str | None = None) -> bool:
    """It was sent, will never be, or there is nobody to tell; False when that was known before."""
    done = await conn.execute(_SQL["settle_notification"], id_, status, reason)
    return done == "UPDATE 1"
