"""The timeline's events in words, for people who watch."""

from collections.abc import Callable, Mapping
from typing import Any

from domain.money import Money
from ops.demo.shop import CURRENCY

Data = Mapping[str, Any]


def amount(minor: int) -> str:
    """Return an amount of the demo's currency: `1 299.90`."""
    whole, point, part = Money(minor, CURRENCY).decimal().partition(".")
    return f"{int(whole):,}".replace(",", " ") + point + part


def _sum(words: str) -> Callable[[Data], str]:
    return lambda data: f"{words} {amount(data['amount'])} {CURRENCY}"


def _reason(words: str) -> Callable[[Data], str]:
    return lambda data: (
        words + (f" ({str(data['reason']).replace('_', ' ')})" if data.get("reason") else "")
    )


_WORDS: Mapping[str, str | Callable[[Data], str]] = {
    "order_placed": lambda data: f"placed, {amount(data['grand_total'])} {CURRENCY}",
    "payment_authorized": _sum("payment authorized,"),
    "payment_action_required": "the customer is asked to confirm at the bank",
    "payment_failed": _reason("payment failed"),
    "payment_requested": "the customer tries another payment",
    "capture_succeeded": _sum("money taken,"),
    "void_succeeded": "authorization voided, nothing was taken",
    "refund_succeeded": _sum("money given back,"),
    "order_confirmed": "confirmed",
    "stock_allocated": lambda data: (
        "stock reserved in "
        + " and ".join(sorted({source["warehouse"] for source in data["sources"]}))
    ),
    "out_of_stock": "no stock: waits for goods",
    "left_queue": "the customer does not wait any longer",
    "substitute_offered": lambda data: f"{data['sku']} offered instead of {data['ordered_sku']}",
    "substitute_accepted": lambda data: f"the customer takes {data['sku']}",
    "substitute_refused": lambda data: f"the customer does not want {data['sku']}",
    "work_recalled": lambda data: f"{data['warehouse']} is closed: its work is recalled",
    "fulfillment_opened": lambda data: f"work opened in {data['warehouse']}",
    "pick_started": "the warehouse begins to pick",
    "picked": "picked",
    "parcels_packed": "packed",
    "label_purchased": lambda data: f"label bought, {data['tracking_number']}",
    "label_voided": "label given back",
    "shipped": "handed to the carrier",
    "parcel_in_transit": "the carrier has it: in transit",
    "parcel_out_for_delivery": "out for delivery",
    "parcel_lost": "the carrier has lost it",
    "delivered": "delivered",
    "cancel_requested": _reason("cancellation asked for"),
    "cancel_started": "canceling: everything is undone in reverse",
    "order_canceled": "canceled",
    "return_requested": lambda data: f"{data['number']}: the customer wants to send something back",
    "return_approved": "the return is approved by the rules",
    "return_label_purchased": "label for the way back bought",
    "return_in_transit": "on its way back",
    "return_received": "back at the warehouse",
    "return_inspected": "looked at",
    "return_closed": "the return is over",
    "refund_requested": _sum("owed to the customer,"),
    "order_completed": "return window over: completed",
    "attention_needed": lambda data: f"asks for a person: {data['code'].replace('_', ' ')}",
    "notification_sent": lambda data: f"mail: {data['milestone'].replace('_', ' ')}",
}
# Each is followed by what came of it.
_SILENT = frozenset({"pack_requested", "ship_requested", "payment_added", "attention_cleared"})


def phrase(event: Mapping[str, Any]) -> str:
    """Return what happened, or nothing when another event tells it."""
    kind = event["type"]
    if kind in _SILENT:
        return ""
    words = _WORDS.get(kind, kind.replace("_", " "))
    return words if isinstance(words, str) else words(event["data"])
