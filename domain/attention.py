"""When an order needs a person, and for how long: codes, what can be done, and when it is over."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from domain.order import Order
from domain.states import ShipmentStatus

PAYMENT_FAILED = "payment_failed"
PAYMENT_MISSING = "payment_missing"
PAYMENT_STUCK = "payment_provider_failing"
CAPTURE_FAILED = "capture_failed"
REFUND_FAILED = "refund_failed"
VOID_FAILED = "void_failed"
REFUND_STUCK = "refund_stuck"
AUTHORIZATION_EXPIRING = "authorization_expiring"
AUTHORIZATION_EXPIRED = "authorization_expired"
WAITING_FOR_STOCK = "waiting_for_stock"
PICK_OVERDUE = "pick_overdue"
HOLD_OVERDUE = "hold_overdue"
LABEL_FAILED = "label_failed"
DELIVERY_OVERDUE = "delivery_overdue"
DELIVERY_DELAYED = "delivery_delayed"
DELIVERY_ATTEMPTED = "delivery_attempted"
PARCEL_LOST = "parcel_lost"
PARCEL_RETURNED = "parcel_returned"
PARCEL_PROBLEM = "parcel_problem"
DELIVERED_AFTER_ALL = "delivered_after_all"
DATABASE_STEP_FAILED = "database_step_failed"
LATE_PAYMENT = "late_payment"
RETURN_DECISION = "return_decision"
RETURN_LABEL_FAILED = "return_label_failed"
RETURN_LOST = "return_lost"
RETURN_STEP_FAILED = "return_step_failed"
REFUND_DUE = "refund_due"

# What waits beside orders' own rows, and shows in the facts themselves (db/queries/attention.sql).
FRAUD_REVIEW = "fraud_review"
CLAIM_OPEN = "claim_open"
COUNT_DIFFERS = "count_differs"
STOCK_DIFFERS = "stock_differs"
EXPIRED_PROMISED = "expired_goods_promised"
QUARANTINED = "quarantined"
BULK_STUCK = "bulk_stuck"
EXCHANGE_WANTED = "exchange_wanted"

# What a person can do about it, by the names of the API's calls.
CAN: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        PAYMENT_FAILED: ("add_payment", "cancel"),
        PAYMENT_MISSING: ("add_payment", "waive", "cancel"),
        PAYMENT_STUCK: ("retry", "cancel"),
        CAPTURE_FAILED: ("retry", "waive"),
        REFUND_FAILED: ("retry",),
        VOID_FAILED: ("retry",),
        REFUND_STUCK: ("retry_refund",),
        AUTHORIZATION_EXPIRING: ("ship", "cancel"),
        AUTHORIZATION_EXPIRED: ("ship", "add_payment", "cancel"),
        WAITING_FOR_STOCK: ("retry", "cancel"),
        PICK_OVERDUE: ("hold", "cancel"),
        HOLD_OVERDUE: ("release", "cancel"),
        LABEL_FAILED: ("retry", "cancel"),
        DELIVERY_OVERDUE: ("resolve",),
        DELIVERY_DELAYED: ("resolve",),
        DELIVERY_ATTEMPTED: ("resolve",),
        PARCEL_LOST: ("resolve", "cancel"),
        PARCEL_RETURNED: ("resolve", "cancel"),
        PARCEL_PROBLEM: ("resolve",),
        DELIVERED_AFTER_ALL: (),
        DATABASE_STEP_FAILED: ("retry",),
        LATE_PAYMENT: (),
        RETURN_DECISION: ("approve_return", "decline_return"),
        RETURN_LABEL_FAILED: ("retry_return", "cancel_return"),
        RETURN_LOST: ("receive_return", "cancel_return"),
        RETURN_STEP_FAILED: (),
        REFUND_DUE: ("inspect_return", "retry_return"),
    }
)

OTHERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        FRAUD_REVIEW: ("release", "cancel"),
        CLAIM_OPEN: ("settle_claim",),
        COUNT_DIFFERS: ("approve_count", "reject_count", "recount"),
        STOCK_DIFFERS: ("reconcile",),
        EXPIRED_PROMISED: ("hold", "cancel", "expire"),
        QUARANTINED: ("release_goods", "condemn_goods", "scrap_goods"),
        BULK_STUCK: ("stop_bulk_action",),
        EXCHANGE_WANTED: ("exchange", "cancel_return"),
    }
)


class Kind(StrEnum):
    """What it is that waits."""

    ORDER = "order"
    PARCEL = "parcel"
    RETURN = "return"
    REFUND = "refund"
    CLAIM = "claim"
    PURCHASE_ORDER = "purchase_order"
    CYCLE_COUNT = "cycle_count"
    RECONCILIATION = "reconciliation"
    LOT = "lot"
    QUARANTINE = "quarantine"
    BULK_ACTION = "bulk_action"


# What a carrier's later word about the same parcel lifts.
OF_PARCELS = (
    DELIVERY_OVERDUE,
    DELIVERY_DELAYED,
    DELIVERY_ATTEMPTED,
    PARCEL_LOST,
    PARCEL_RETURNED,
    PARCEL_PROBLEM,
)

# Of a return, which lives on when its order is closed.
OF_RETURNS = (RETURN_DECISION, RETURN_LABEL_FAILED, RETURN_LOST, RETURN_STEP_FAILED, REFUND_DUE)

# What is still to be looked at when the order is closed: money that nobody asked for, or that is
# owed to the customer, goods that came although they were sent again or paid back, and returns.
OUTLIVING = (LATE_PAYMENT, REFUND_STUCK, DELIVERED_AFTER_ALL, *OF_RETURNS)


def still_needed(order: Order, code: str, subject: str) -> bool:
    """Whether the reason is still there. What the order does not show is lifted by its step."""
    if order.closed or code in OUTLIVING:
        return code in OUTLIVING
    if code in (PAYMENT_FAILED, PAYMENT_MISSING, AUTHORIZATION_EXPIRED):
        return not order.covered
    if code == WAITING_FOR_STOCK:
        return order.waits_for_stock
    if code == PICK_OVERDUE:
        work = order.fulfillment_order(subject)
        return work is not None and work.live and any(line.to_pack for line in work.lines)
    if code == AUTHORIZATION_EXPIRING:
        tender = order.tender(subject)
        return tender is not None and tender.capturable > 0
    held = any(hold.id == subject for hold in order.holds)
    return held if code == HOLD_OVERDUE else _parcel_needs(order, code, subject)


def _parcel_needs(order: Order, code: str, subject: str) -> bool:
    shipment = order.shipment(subject)
    if shipment is None:
        return True
    if code == LABEL_FAILED:
        return shipment.status is ShipmentStatus.PACKED
    return shipment.on_its_way
