"""How things look from outside: plain dicts in the shapes of docs/api.md, from database rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

import orjson

from api.errors import Answer
from api.return_views import exchanged, goods_back
from workflows import ids

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Links:
    """Where things can be looked at."""

    api_url: str
    temporal_ui_url: str
    namespace: str

    def of_order(self, order_id: str, token: str | None) -> dict[str, str | None]:
        """Addresses of an order: the customer's page, and the workflow in the Temporal UI."""
        return {
            "self": f"/v1/orders/{order_id}",
            "events": f"/v1/orders/{order_id}/events",
            "stream": f"/v1/orders/{order_id}/events/stream",
            "tracking_page": f"{self.api_url}/track/{token}" if token else None,
            "temporal_ui": self.of_workflow(ids.order_workflow_id(order_id)),
        }

    def of_workflow(self, workflow_id: str) -> str:
        """A workflow's page in the Temporal UI."""
        return f"{self._workflows}/{quote(workflow_id)}"

    def of_query(self, query: str) -> str:
        """What a query finds, in the Temporal UI."""
        return f"{self._workflows}?query={quote(query)}"

    @property
    def _workflows(self) -> str:
        return f"{self.temporal_ui_url}/namespaces/{quote(self.namespace)}/workflows"


def dumps(value: object) -> bytes:
    """JSON with times in UTC, as RFC 3339 with a Z."""
    return orjson.dumps(value, option=orjson.OPT_UTC_Z)


def ok(value: object, status: int = 200) -> Answer:
    """An answer that is no error."""
    return Answer(status, dumps(value))


def money(amount: int, currency: str) -> dict[str, Any]:
    """An amount with its currency."""
    return {"amount": amount, "currency": currency}


def _when(value: datetime | str | None) -> datetime | str | None:
    """Times inside of jsonb come as text with an offset of zero."""
    if isinstance(value, str):
        return value.removesuffix("+00:00") + "Z" if value.endswith("+00:00") else value
    return value


def order(row: Row, links: Links, *, contact: bool) -> dict[str, Any]:
    """An order; with `contact`, who bought it, where it goes, and what people wrote."""
    currency = row["currency"]
    view = _head(row)
    view |= {
        "lines": [_line(line, currency) for line in row["lines"] or ()],
        "fulfillment_orders": [_work_of_order(w) for w in row["fulfillment_orders"] or ()],
        "shipments": [shipment(s, contact=contact) for s in row["shipments"] or ()],
        "payments": [payment(p, currency, contact=contact) for p in row["payments"] or ()],
        "substitutions": [substitution(s) for s in row["substitutions"] or ()],
        "holds": [hold(h, contact=contact) for h in row["holds"] or ()],
        "attention": [_attention(a) for a in row["attention"] or ()],
        "returns": [goods_back(r, currency, contact=contact) for r in row["returns"] or ()],
        "exchanges": [exchanged(e) for e in row["exchanges"] or ()],
        "refunds": [_refund(f, currency) for f in row["refunds"] or ()],
        "feedback": [feedback(f, contact=contact) for f in row["feedback"] or ()],
        "links": links.of_order(row["id"], row["public_token"] if contact else None),
    }
    if contact:
        view |= _contact(row)
    return view


def _head(row: Row) -> dict[str, Any]:
    currency = row["currency"]
    return {
        "id": row["id"],
        "number": row["number"],
        "channel": row["channel"],
        "channel_order_id": row["channel_order_id"],
        "status": row["status"],
        "payment_status": row["payment_status"],
        "fulfillment_status": row["fulfillment_status"],
        "return_status": row["return_status"],
        "currency": currency,
        "locale": row["locale"],
        "customer": {"id": row["customer_id"]},
        "prices_include_tax": row["prices_include_tax"],
        "out_of_stock": row["out_of_stock"],
        "ship": row["ship"],
        "priority": row["priority"],
        "shipping": {
            "option": row["shipping_option"],
            "price": money(row["shipping_total"], currency),
        },
        "totals": {
            "subtotal": money(row["subtotal"], currency),
            "discount": money(row["discount_total"], currency),
            "shipping": money(row["shipping_total"], currency),
            "surcharge": money(row["surcharge_total"], currency),
            "tax": money(row["tax_total"], currency),
            "grand_total": money(row["grand_total"], currency),
        },
        "discounts": [_extra(e, currency) for e in row["discounts"]],
        "surcharges": [_extra(e, currency) for e in row["surcharges"]],
        "metadata": row["metadata"],
        "cancel_requested_at": row["cancel_requested_at"],
        "cancel_reason": row["cancel_reason"],
        "cancel_fee": money(row["cancel_fee"], currency) if row["cancel_fee"] else None,
        "placed_at": row["placed_at"],
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "confirmed_at": row["confirmed_at"],
        "delivered_at": row["delivered_at"],
        "closed_at": row["closed_at"],
        "version": row["version"],
    }


def _extra(row: Row, currency: str) -> dict[str, Any]:
    extra = {"code": row["code"], "amount": money(row["amount"], currency)}
    return extra if "line" not in row else extra | {"line": row["line"]}


def _contact(row: Row) -> dict[str, Any]:
    contact = row["contact"] or {}
    return {
        "customer": {
            "id": row["customer_id"],
            "name": contact.get("name"),
            "email": contact.get("email"),
            "phone": contact.get("phone"),
        },
        "shipping_address": contact.get("shipping_address"),
        "billing_address": contact.get("billing_address"),
        "notes": contact.get("notes"),
    }


def _line(row: Row, currency: str) -> dict[str, Any]:
    return {
        "id": row["id"],
        "sku": row["sku"],
        "name": row["name"],
        "quantity": row["quantity"],
        "unit_price": money(row["unit_price"], currency),
        "tax_rate_bp": row["tax_rate_bp"],
        "discount": money(row["discount"], currency),
        "tax": money(row["tax"], currency),
        "total": money(row["total"], currency),
        "open": row["open"],
        "allocated": row["allocated"],
        "backordered": row["backordered"],
        "shipped": row["shipped"],
        "canceled": row["canceled"],
        "returned": row["returned"],
        "refunded": row["refunded"],
        "refunded_amount": money(row["refunded_amount"], currency),
        "out_of_stock": row["out_of_stock"],
        "ordered_sku": row["ordered_sku"],
        "expected_on": row["expected_on"],
    }


def substitution(row: Row) -> dict[str, Any]:
    """A substitute that the customer was offered."""
    return {
        "id": row["id"],
        "line_id": row["line_id"],
        "ordered_sku": row["ordered_sku"],
        "sku": row["sku"],
        "name": row["name"],
        "quantity": row["quantity"],
        "note": row["note"],
        "status": row["status"],
        "expires_at": _when(row["expires_at"]),
        "created_at": _when(row["created_at"]),
        "ended_at": _when(row["ended_at"]),
    }


_WORK_LINE = (
    "line_id",
    "sku",
    "quantity",
    "picked",
    "short",
    "packed",
    "shipped",
    "canceled",
)


def _work_of_order(row: Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "warehouse": row["warehouse"],
        "status": row["status"],
        "due_at": _when(row["due_at"]),
        "created_at": _when(row["created_at"]),
        "lines": [{name: line[name] for name in _WORK_LINE} for line in row["lines"] or ()],
    }


def work(row: Row) -> dict[str, Any]:
    """A fulfillment order for those who do it: no personal data."""
    return {
        "id": row["id"],
        "order_id": row["order_id"],
        "order_number": row["order_number"],
        "order_status": row["order_status"],
        "warehouse": row["warehouse"],
        "status": row["status"],
        "priority": row["priority"],
        "shipping_option": row["shipping_option"],
        "due_at": row["due_at"],
        "placed_at": row["placed_at"],
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "lines": [
            {name: line[name] for name in (*_WORK_LINE, "name")} for line in row["lines"] or ()
        ],
        "shipments": [shipment(s, contact=False) for s in row["shipments"] or ()],
    }


def _trouble(row: Row) -> dict[str, Any]:
    """What went wrong with a parcel, what the rules say, and how it was settled."""
    times = ("decided_at", "due_at", "resolved_at", "received_at", "intercepted_at")
    named = {name: row[name] for name in ("event", "action", "resolution", "warehouse")}
    return named | {name: _when(row[name]) for name in times}


def shipment(row: Row, *, contact: bool) -> dict[str, Any]:
    """A parcel; with `contact`, the proof of delivery."""
    cost = row["label_cost"]
    last = row["last_scan"]
    view = {
        "id": row["id"],
        "fulfillment_order_id": row["fulfillment_order_id"],
        "status": row["status"],
        "tracking_status": row["tracking_status"],
        "carrier": row["carrier"],
        "service": row["service"],
        "tracking_number": row["tracking_number"],
        "tracking_url": row["tracking_url"],
        "label_url": row["label_url"],
        "label_cost": money(cost, row["label_currency"]) if cost is not None else None,
        "lines": [
            {"line_id": line["line_id"], "quantity": line["quantity"]}
            for line in row["lines"] or ()
        ],
        "weight_g": row["weight_g"],
        "length_mm": row["length_mm"],
        "width_mm": row["width_mm"],
        "height_mm": row["height_mm"],
        "estimated_at": _when(row["estimated_at"]),
        "packed_at": _when(row["packed_at"]),
        "shipped_at": _when(row["shipped_at"]),
        "delivered_at": _when(row["delivered_at"]),
        "tracking_events": {
            "count": row["scans"],
            "last": last
            and {
                "status": last["status"],
                "detail": last["detail"],
                "occurred_at": _when(last["occurred_at"]),
            },
        },
        "trouble": _trouble(row["trouble"]) if row["trouble"] else None,
    }
    if contact:
        view["proof"] = row["proof"]
    return view


def payment(row: Row, currency: str, *, contact: bool) -> dict[str, Any]:
    """A tender; `client_action` (what the customer must do) is shown to those who face them."""
    return {
        "id": row["id"],
        "method": row["method"],
        "provider": row["provider"],
        "capture": row["capture"],
        "installments": row["installments"],
        "status": row["status"],
        "amount": money(row["amount"], currency),
        "authorized": money(row["authorized"], currency),
        "captured": money(row["captured"], currency),
        "refunded": money(row["refunded"], currency),
        "client_action": row["client_action"] if contact else None,
        "failure": row["failure"],
        "expires_at": _when(row["expires_at"]),
        "created_at": _when(row["created_at"]),
    }


def _refund(row: Row, currency: str) -> dict[str, Any]:
    times = {name: _when(row[name]) for name in ("created_at", "ended_at")}
    return {**row, "amount": money(row["amount"], currency), **times}


def hold(row: Row, *, contact: bool) -> dict[str, Any]:
    """A hold; its note is for those who may read what people wrote."""
    return {
        "id": row["id"],
        "reason": row["reason"],
        "note": row["note"] if contact else None,
        "actor": row["actor"],
        "created_at": _when(row["created_at"]),
        "ends_at": _when(row["ends_at"]),
        "at_end": row["at_end"],
    }


def _attention(row: Row) -> dict[str, Any]:
    return {
        "code": row["code"],
        "subject": row["subject"] or None,
        "since": _when(row["since"]),
        "detail": row["detail"],
        "can": row["can"],
    }


def feedback(row: Row, *, contact: bool) -> dict[str, Any]:
    """What the customer said afterwards; the words are personal data."""
    return {
        "id": row["id"],
        "reference": row["reference"] or None,
        "score": row["score"],
        "title": row["title"] if contact else None,
        "comment": row["comment"] if contact else None,
        "occurred_at": _when(row["occurred_at"]),
        "created_at": _when(row["created_at"]),
    }


def event(row: Row, *, contact: bool) -> dict[str, Any]:
    """An entry of the timeline; its id is a place in it."""
    return {
        "id": str(row["id"]),
        "type": row["type"],
        "actor": row["actor"],
        "role": row["role"],
        "data": row["data"],
        "note": row["note"] if contact else None,
        "occurred_at": row["occurred_at"],
        "recorded_at": row["recorded_at"],
    }


def movement(row: Row) -> dict[str, Any]:
    """A row of the stock ledger."""
    return {**row, "id": str(row["id"])}


def page(items: Sequence[Mapping[str, Any]], next_cursor: str | None) -> dict[str, Any]:
    """One page of a list."""
    return {"items": list(items), "next_cursor": next_cursor}
