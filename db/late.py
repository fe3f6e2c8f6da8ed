"""News that come after an order's end, when no workflow is left to hear them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from db import endings, fulfillment, orders, timeline
from db.pool import Connection
from domain.attention import CAN, DELIVERED_AFTER_ALL
from domain.order import Order
from domain.states import ShipmentStatus, TrackingStatus


async def note_delivery(conn: Connection, order: Order, news: Mapping[str, Any]) -> None:
    """A parcel that was sent again or paid back was delivered all the same: a person has to see it.

    The caller holds the order's lock.
    """
    parcel = order.shipment(news["shipment_id"])
    if news["status"] != TrackingStatus.DELIVERED or parcel is None or not parcel.written_off:
        return
    if parcel.status is not ShipmentStatus.SHIPPED or parcel.received:
        return
    await fulfillment.set_shipment_status(
        conn,
        parcel,
        ShipmentStatus.DELIVERED,
        occurred_at=datetime.fromisoformat(news["occurred_at"]),
    )
    await endings.drop_claim(conn, parcel.id, parcel.provider)
    detail = f"{parcel.id} was delivered after it was sent again or paid back"
    can = CAN[DELIVERED_AFTER_ALL]
    await orders.set_attention(conn, order.id, DELIVERED_AFTER_ALL, parcel.id, detail, can)
    await timeline.record(
        conn,
        order.id,
        "delivered_after_all",
        actor=parcel.provider,
        role="carrier",
        data={"shipment_id": parcel.id},
    )
