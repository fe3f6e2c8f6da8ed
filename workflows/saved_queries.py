"""What people look for in the Temporal UI: queries over search attributes, as data.

The runbook's table is made of it (`make docs`), and `GET /v1/attention/summary` links to each.
"""

from dataclasses import dataclass

from domain import attention, purchasing
from domain.attention import CAN, EXPIRED_PROMISED, STOCK_DIFFERS

_RUNNING = "ExecutionStatus = 'Running'"

# Codes that some workflow shows as `KervanAttention`; others stand in PostgreSQL alone.
IN_TEMPORAL = frozenset({*CAN, *purchasing.CAN, STOCK_DIFFERS, EXPIRED_PROMISED})


@dataclass(frozen=True, slots=True)
class SavedQuery:
    """A view: its name, the query, and the codes that it promises to find.

    An `example` names a warehouse, a day or an order, in whose place another is to be put.
    """

    name: str
    query: str
    codes: tuple[str, ...] = ()
    example: bool = False


def of_code(code: str) -> str:
    """Everything that says so, ended workflows too: what is left of an order may outlive it."""
    return f"KervanAttention = '{code}'"


def _of(name: str, *codes: str) -> SavedQuery:
    if len(codes) == 1:
        return SavedQuery(name, of_code(codes[0]), codes)
    listed = ", ".join(f"'{code}'" for code in codes)
    return SavedQuery(name, f"KervanAttention IN ({listed})", codes)


QUERIES = (
    SavedQuery("needs a person", f"KervanAttention IS NOT NULL AND {_RUNNING}"),
    _of(
        "payment trouble",
        attention.PAYMENT_FAILED,
        attention.PAYMENT_MISSING,
        attention.PAYMENT_STUCK,
        attention.CAPTURE_FAILED,
        attention.AUTHORIZATION_EXPIRING,
        attention.AUTHORIZATION_EXPIRED,
        attention.LATE_PAYMENT,
    ),
    _of(
        "money to give back",
        attention.REFUND_FAILED,
        attention.VOID_FAILED,
        attention.REFUND_STUCK,
        attention.REFUND_DUE,
    ),
    _of("waiting for goods", attention.WAITING_FOR_STOCK),
    _of("late at the warehouse", attention.PICK_OVERDUE),
    _of("no label", attention.LABEL_FAILED, attention.RETURN_LABEL_FAILED),
    _of(
        "late or lost on the way",
        attention.DELIVERY_OVERDUE,
        attention.DELIVERY_DELAYED,
        attention.DELIVERY_ATTEMPTED,
        attention.PARCEL_LOST,
        attention.PARCEL_RETURNED,
        attention.PARCEL_PROBLEM,
        attention.DELIVERED_AFTER_ALL,
        attention.RETURN_LOST,
    ),
    _of("a hold is over", attention.HOLD_OVERDUE),
    _of("returns to decide", attention.RETURN_DECISION),
    _of("orders to suppliers", purchasing.LATE, purchasing.MAIL_FAILED),
    _of("stock to look at", STOCK_DIFFERS, EXPIRED_PROMISED),
    _of(
        "a row is refused: a defect",
        attention.DATABASE_STEP_FAILED,
        attention.RETURN_STEP_FAILED,
        purchasing.STEP_FAILED,
    ),
    SavedQuery("held by a bug", "TemporalReportedProblems IS NOT NULL"),
    SavedQuery(
        "one warehouse's orders",
        f"KervanWarehouse = 'MAIN' AND KervanPhase = 'fulfillment' AND {_RUNNING}",
        example=True,
    ),
    SavedQuery(
        "past their next deadline",
        f"KervanDueAt < '2026-11-22T00:00:00Z' AND {_RUNNING}",
        example=True,
    ),
    SavedQuery("one order", "KervanOrderNumber = 'K-100042'", example=True),
)
