"""The rules of capture, void and refund: what is refused, why, and what changes."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from adapters.sandbox.service.tokens import Behavior
from domain.states import OperationKind


@dataclass(frozen=True, slots=True)
class Asked:
    """An amount in minor units; None for all that is left."""

    amount: int | None = None
    currency: str | None = None


EVENTS: Mapping[OperationKind, str] = MappingProxyType(
    {
        OperationKind.CAPTURE: "payment.captured",
        OperationKind.VOID: "payment.voided",
        OperationKind.REFUND: "refund.succeeded",
    }
)

# Each takes the amount and the payment's id.
EFFECTS: Mapping[OperationKind, str] = MappingProxyType(
    {
        OperationKind.CAPTURE: """
            UPDATE payments SET captured = captured + ?, status = 'captured', expires_at = NULL
            WHERE id = ?
        """,
        OperationKind.VOID: """
            UPDATE payments SET released = released + ?, client_action = NULL, expires_at = NULL,
                status = CASE WHEN captured = 0 THEN 'voided' ELSE status END
            WHERE id = ?
        """,
        OperationKind.REFUND: "UPDATE payments SET refunded = refunded + ? WHERE id = ?",
    }
)

# Why a payment in this state takes no capture and no void.
_CLOSED: Mapping[str, str] = MappingProxyType(
    {
        "voided": "payment_voided",
        "failed": "payment_failed",
        "expired": "authorization_expired",
    }
)


def amount(kind: OperationKind, payment: sqlite3.Row, asked: Asked) -> int:
    """What the operation is about: the asked amount, or all that is left."""
    return _left(kind, payment) if asked.amount is None else asked.amount


def refusal(kind: OperationKind, payment: sqlite3.Row, nature: Behavior, asked: Asked) -> str:
    """The stable code of why the operation is refused; empty when it is not."""
    if kind is OperationKind.REFUND:
        return _refund_refusal(payment, asked)
    if payment["status"] in _CLOSED:
        return _CLOSED[payment["status"]]
    if kind is OperationKind.CAPTURE:
        return _capture_refusal(payment, nature, asked)
    return "already_captured" if _left(kind, payment) == 0 else ""


def _capture_refusal(payment: sqlite3.Row, nature: Behavior, asked: Asked) -> str:
    if payment["status"] == "action_required":
        return "action_required"
    if nature.capture_refused:
        return nature.capture_refused
    left = _left(OperationKind.CAPTURE, payment)
    if left == 0:
        return "authorization_released" if payment["released"] else "already_captured"
    return "over_capture" if (asked.amount or 0) > left else ""


def _refund_refusal(payment: sqlite3.Row, asked: Asked) -> str:
    if payment["captured"] == 0:
        return "not_captured"
    left = _left(OperationKind.REFUND, payment)
    if left == 0:
        return "already_refunded"
    return "over_refund" if (asked.amount or 0) > left else ""


def _left(kind: OperationKind, payment: sqlite3.Row) -> int:
    if kind is OperationKind.REFUND:
        left: int = payment["captured"] - payment["refunded"]
    else:
        left = payment["amount"] - payment["captured"] - payment["released"]
    return left
