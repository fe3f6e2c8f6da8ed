"""How returns look from outside: plain dicts in the shapes of docs/api.md, from database rows."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

Row = Mapping[str, Any]

_UNITS = (
    "quantity",
    "received",
    "restocked",
    "refurbished",
    "damaged",
    "scrapped",
    "rejected",
    "paid_before",
)
_PLAIN = (
    "id",
    "number",
    "order_id",
    "status",
    "announced",
    "label",
    "shipping_paid_by",
    "refund_to",
    "warehouse",
    "carrier",
    "tracking_number",
    "tracking_url",
    "label_url",
    "tracking_status",
    "requested_by",
    "refund_id",
    "wants",
    "exchange_sent",
    "exchange",
)
_TIMES = (
    "requested_at",
    "decided_at",
    "expires_at",
    "received_at",
    "inspected_at",
    "refund_due_at",
    "closed_at",
)


def _when(value: datetime | str | None) -> datetime | str | None:
    """Times inside of jsonb come as text with an offset of zero."""
    if isinstance(value, str):
        return value.removesuffix("+00:00") + "Z" if value.endswith("+00:00") else value
    return value


def goods_back(row: Row, currency: str, *, contact: bool) -> dict[str, Any]:
    """A return; with `contact`, what the customer wrote and showed."""
    view = {name: row[name] for name in _PLAIN} | {name: _when(row[name]) for name in _TIMES}
    amount, cost = row["refund_amount"], row["label_cost"]
    return view | {
        "reason": row["reason_code"],
        "fee": {"amount": row["fee"], "currency": currency},
        "label_cost": None if cost is None else {"amount": cost, "currency": row["label_currency"]},
        "sent_back": _sent_back(row["back_label"]),
        "refund": None if amount is None else {"amount": amount, "currency": currency},
        "policy": row["why"],
        "lines": [
            {
                "line_id": line["line_id"],
                "sku": line["sku"],
                "reason": line["reason"],
                "note": line["note"] if contact else None,
                "photos": line["photos"] if contact else [],
                **{name: line[name] for name in _UNITS},
            }
            for line in row["lines"] or ()
        ],
    }


def _sent_back(label: Row | None) -> dict[str, Any] | None:
    """The parcel by which rejected goods go back to the customer."""
    names = ("carrier", "tracking_number", "tracking_url", "label_url", "cost")
    return None if label is None else {name: label.get(name) for name in names}


def exchanged(row: Row) -> dict[str, Any]:
    """An exchange, from its row or from jsonb."""
    names = (
        "id", "status", "send", "order_id", "return_id", "new_order_id", "new_order_number",
    )  # fmt: skip
    sums = {
        name: {"amount": row[name], "currency": row["currency"]}
        for name in ("promised", "used", "granted")
    }
    return {name: row[name] for name in names} | sums | {"created_at": _when(row["created_at"])}
