"""What the API and the providers answer of an order that ended exactly as its life expects."""

from datetime import UTC, datetime
from typing import Any

from ops.client import Json
from ops.replay.comparison import Ledger
from ops.replay.plan import text
from ops.replay.steps import Life, Place

_SOME_DAY = datetime(2018, 3, 5, tzinfo=UTC)


def ended(life: Life) -> tuple[Json, Ledger]:
    """An order in the API's shape, and the books of its providers."""
    place = life.steps[0]
    assert isinstance(place, Place)
    body, expected = place.body, life.expected
    lines = [
        {
            "id": f"lin_{n}",
            "sku": line["sku"],
            "quantity": line["quantity"],
            "allocated": line["quantity"] if life.holds_stock else 0,
        }
        for n, line in enumerate(body["lines"])
    ]
    work = _work(life, lines)
    order: Json = {
        "id": f"ord_{life.order_id}",
        "channel_order_id": life.order_id,
        "status": max(expected.status),
        "payment_status": expected.payment_status,
        "fulfillment_status": expected.fulfillment_status,
        "cancel_reason": expected.cancel_reason,
        "placed_at": body["placed_at"],
        "metadata": body["metadata"],
        "totals": {"grand_total": {"amount": expected.grand_total}},
        "lines": lines,
        "payments": [
            {
                "id": f"pay_{n}",
                "method": tender.method,
                "amount": {"amount": tender.amount},
                "captured": {"amount": tender.captured},
                "refunded": {"amount": tender.refunded},
            }
            for n, tender in enumerate(expected.tenders)
        ],
        "fulfillment_orders": work,
        "shipments": _shipments(life, work),
        "feedback": [
            {"reference": reference, "score": score} for reference, score in expected.feedback
        ],
        "attention": [],
    }
    return order, _ledger(life, order)


def _work(life: Life, lines: list[Json]) -> list[Json]:
    if not life.finds_stock or "pending" in life.expected.status:
        return []
    return [
        {
            "id": f"ful_{warehouse}",
            "warehouse": warehouse,
            "lines": [
                {
                    "line_id": line["id"],
                    "quantity": line["quantity"],
                    "picked": line["quantity"] if life.expected.all_picked else 0,
                }
                for line in lines
                if (line["sku"], warehouse) in life.units
            ],
        }
        for warehouse in life.parcels
    ]


def _shipments(life: Life, work: list[Json]) -> list[Json]:
    expected = life.expected
    if not expected.parcels:
        return []
    arrived = expected.tracking_status == "delivered"
    delivered_at: Any = text(expected.delivered_at or _SOME_DAY) if arrived else None
    return [
        {
            "id": f"shp_{one['warehouse']}",
            "fulfillment_order_id": one["id"],
            "status": "delivered" if arrived else "shipped",
            "tracking_status": expected.tracking_status,
            "tracking_number": f"SBX{one['warehouse']}",
            "shipped_at": text(expected.shipped_at or _SOME_DAY),
            "delivered_at": delivered_at,
            "lines": [
                {"line_id": line["line_id"], "quantity": line["quantity"]} for line in one["lines"]
            ],
        }
        for one in work
    ]


def _ledger(life: Life, order: Json) -> Ledger:
    payments = [
        {"payment": one["id"], "captured": one["captured"], "refunded": one["refunded"]}
        for one in order["payments"]
        if one["amount"]["amount"]
    ]
    parcels = [
        {
            "tracking_number": one["tracking_number"],
            "handed_over_at": text(_SOME_DAY),
            "status": life.expected.tracking_status,
        }
        for one in order["shipments"]
    ]
    return Ledger(payments, parcels)
