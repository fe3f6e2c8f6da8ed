"""Every state machine of Kervan as data: one machine per thing, one table per machine.

DESIGN: state is axes, not one big status. A status changes only through `advance`, so that a
step which the table does not have is an error and never a silent write.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import TypeVar

from domain.errors import IllegalTransition


class OrderStatus(StrEnum):
    """The order as a whole; written by its workflow only."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    COMPLETED = "completed"
    CANCELED = "canceled"
    EXPIRED = "expired"


class PaymentStatus(StrEnum):
    """Money of one tender, and (rolled up) of the order."""

    PENDING = "pending"
    AUTHORIZED = "authorized"
    PARTIALLY_PAID = "partially_paid"
    PAID = "paid"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"
    VOIDED = "voided"
    EXPIRED = "expired"
    FAILED = "failed"


class FulfillmentStatus(StrEnum):
    """Goods of the whole order, rolled up from fulfillment orders and shipments."""

    UNFULFILLED = "unfulfilled"
    IN_PROGRESS = "in_progress"
    ON_HOLD = "on_hold"
    PARTIALLY_FULFILLED = "partially_fulfilled"
    FULFILLED = "fulfilled"
    PARTIALLY_DELIVERED = "partially_delivered"
    DELIVERED = "delivered"


class ReturnStatus(StrEnum):
    """Returns of the whole order, rolled up."""

    NO_RETURN = "no_return"
    RETURN_REQUESTED = "return_requested"
    IN_PROGRESS = "in_progress"
    INSPECTION_COMPLETE = "inspection_complete"
    RETURNED = "returned"
    RETURN_FAILED = "return_failed"


class FulfillmentOrderStatus(StrEnum):
    """Work at one location."""

    OPEN = "open"
    SCHEDULED = "scheduled"
    IN_PROGRESS = "in_progress"
    ON_HOLD = "on_hold"
    INCOMPLETE = "incomplete"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class ShipmentStatus(StrEnum):
    """What we did with a parcel."""

    PENDING = "pending"
    PACKED = "packed"
    LABEL_PURCHASED = "label_purchased"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CANCELED = "canceled"


class TrackingStatus(StrEnum):
    """What the carrier says of a parcel: data, not our state."""

    UNKNOWN = "unknown"
    PRE_TRANSIT = "pre_transit"
    IN_TRANSIT = "in_transit"
    OUT_FOR_DELIVERY = "out_for_delivery"
    ATTEMPTED_DELIVERY = "attempted_delivery"
    AVAILABLE_FOR_PICKUP = "available_for_pickup"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    RETURN_TO_SENDER = "return_to_sender"
    LOST = "lost"
    FAILURE = "failure"


class OperationKind(StrEnum):
    """What was asked of a payment provider."""

    AUTHORIZE = "authorize"
    CAPTURE = "capture"
    VOID = "void"
    REFUND = "refund"


class OperationStatus(StrEnum):
    """How it went."""

    REQUESTED = "requested"
    ACTION_REQUIRED = "action_required"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"


class ReservationStatus(StrEnum):
    """A claim of one line on the stock of one warehouse."""

    HELD = "held"
    ALLOCATED = "allocated"
    BACKORDERED = "backordered"
    CONSUMED = "consumed"
    RELEASED = "released"
    EXPIRED = "expired"


class PurchaseStatus(StrEnum):
    """An order to a supplier; written by its workflow only."""

    DRAFT = "draft"
    APPROVED = "approved"
    SENT = "sent"
    PARTLY_RECEIVED = "partly_received"
    CLOSED = "closed"
    CANCELED = "canceled"


class OfferStatus(StrEnum):
    """A substitute that a customer was offered for units that wait."""

    OFFERED = "offered"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


class ExchangeStatus(StrEnum):
    """Goods sent in place of others: whether those pay for the new order."""

    PROMISED = "promised"
    GRANTED = "granted"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"


class ReturnStage(StrEnum):
    """One return, from the wish to the money; its workflow and the dock write it."""

    REQUESTED = "requested"
    APPROVED = "approved"
    DECLINED = "declined"
    IN_TRANSIT = "in_transit"
    PARTIALLY_RECEIVED = "partially_received"
    RECEIVED = "received"
    INSPECTED = "inspected"
    CLOSED = "closed"
    CANCELED = "canceled"
    EXPIRED = "expired"


class HoldReason(StrEnum):
    """Why an order waits for a person. Holds are rows, not a status."""

    AWAITING_PAYMENT = "awaiting_payment"
    HIGH_RISK_OF_FRAUD = "high_risk_of_fraud"
    INCORRECT_ADDRESS = "incorrect_address"
    INVENTORY_OUT_OF_STOCK = "inventory_out_of_stock"
    AWAITING_RETURN_ITEMS = "awaiting_return_items"
    PROVIDER_UNAVAILABLE = "provider_unavailable"
    OTHER = "other"


S = TypeVar("S", bound=StrEnum)
Table = Mapping[S, frozenset[S]]


def _table(rows: dict[S, set[S]]) -> Table[S]:
    return MappingProxyType({state: frozenset(nexts) for state, nexts in rows.items()})


O, P, F, H, N, R, B, A, G = (
    OrderStatus,
    PaymentStatus,
    FulfillmentOrderStatus,
    ShipmentStatus,
    OperationStatus,
    ReservationStatus,
    PurchaseStatus,
    OfferStatus,
    ReturnStage,
)

ORDER: Table[OrderStatus] = _table(
    {
        O.PENDING: {O.CONFIRMED, O.CANCELED, O.EXPIRED},
        O.CONFIRMED: {O.COMPLETED, O.CANCELED},
        O.COMPLETED: set(),
        O.CANCELED: set(),
        O.EXPIRED: set(),
    }
)

# One tender. A failed one stays failed: another try is another tender.
PAYMENT: Table[PaymentStatus] = _table(
    {
        P.PENDING: {P.AUTHORIZED, P.PARTIALLY_PAID, P.PAID, P.FAILED, P.VOIDED, P.EXPIRED},
        P.AUTHORIZED: {P.PARTIALLY_PAID, P.PAID, P.VOIDED, P.EXPIRED},
        P.PARTIALLY_PAID: {P.PAID, P.PARTIALLY_REFUNDED, P.REFUNDED},
        P.PAID: {P.PARTIALLY_REFUNDED, P.REFUNDED},
        P.PARTIALLY_REFUNDED: {P.REFUNDED},
        P.REFUNDED: set(),
        P.VOIDED: set(),
        # An authorization that ran out can be renewed with the same token.
        P.EXPIRED: {P.AUTHORIZED, P.FAILED, P.VOIDED},
        P.FAILED: set(),
    }
)

FULFILLMENT_ORDER: Table[FulfillmentOrderStatus] = _table(
    {
        F.SCHEDULED: {F.OPEN, F.ON_HOLD, F.CANCELLED},
        F.OPEN: {F.IN_PROGRESS, F.ON_HOLD, F.CANCELLED, F.INCOMPLETE, F.CLOSED},
        F.IN_PROGRESS: {F.ON_HOLD, F.CANCELLED, F.INCOMPLETE, F.CLOSED},
        F.ON_HOLD: {F.OPEN, F.IN_PROGRESS, F.SCHEDULED, F.CANCELLED, F.INCOMPLETE, F.CLOSED},
        F.INCOMPLETE: {F.CANCELLED, F.CLOSED},
        F.CLOSED: set(),
        F.CANCELLED: set(),
    }
)

SHIPMENT: Table[ShipmentStatus] = _table(
    {
        H.PENDING: {H.PACKED, H.CANCELED},
        H.PACKED: {H.LABEL_PURCHASED, H.CANCELED},
        H.LABEL_PURCHASED: {H.SHIPPED, H.CANCELED},
        H.SHIPPED: {H.DELIVERED},
        H.DELIVERED: set(),
        H.CANCELED: set(),
    }
)

OPERATION: Table[OperationStatus] = _table(
    {
        N.REQUESTED: {N.ACTION_REQUIRED, N.SUCCEEDED, N.FAILED, N.UNKNOWN},
        N.ACTION_REQUIRED: {N.SUCCEEDED, N.FAILED},
        N.UNKNOWN: {N.SUCCEEDED, N.FAILED, N.ACTION_REQUIRED},
        N.SUCCEEDED: set(),
        N.FAILED: set(),
    }
)

RESERVATION: Table[ReservationStatus] = _table(
    {
        # What a checkout keeps: a row of its own (stock_holds).
        R.HELD: {R.ALLOCATED, R.RELEASED, R.EXPIRED},
        # Units that were waited for and came are claimed by a new, allocated row.
        R.BACKORDERED: {R.RELEASED},
        R.ALLOCATED: {R.CONSUMED, R.RELEASED},
        R.CONSUMED: set(),
        R.RELEASED: set(),
        R.EXPIRED: set(),
    }
)

PURCHASE: Table[PurchaseStatus] = _table(
    {
        B.DRAFT: {B.APPROVED, B.CANCELED},
        # Goods that come before the mail went out say that the supplier knows.
        B.APPROVED: {B.SENT, B.PARTLY_RECEIVED, B.CLOSED, B.CANCELED},
        B.SENT: {B.PARTLY_RECEIVED, B.CLOSED, B.CANCELED},
        # What came stays: the rest is given up by closing, not by canceling.
        B.PARTLY_RECEIVED: {B.CLOSED},
        B.CLOSED: set(),
        B.CANCELED: set(),
    }
)

# One question to the customer. Another offer, of what is left, is another row.
OFFER: Table[OfferStatus] = _table(
    {
        A.OFFERED: {A.ACCEPTED, A.REFUSED, A.EXPIRED, A.WITHDRAWN},
        A.ACCEPTED: set(),
        A.REFUSED: set(),
        A.EXPIRED: set(),
        A.WITHDRAWN: set(),
    }
)


# Goods may stand at the dock before anybody decided, or after some of them came. What comes after
# the end is another return, that nobody announced.
RETURN: Table[ReturnStage] = _table(
    {
        G.REQUESTED: {
            G.APPROVED,
            G.DECLINED,
            G.CANCELED,
            G.PARTIALLY_RECEIVED,
            G.RECEIVED,
        },
        G.APPROVED: {G.IN_TRANSIT, G.PARTIALLY_RECEIVED, G.RECEIVED, G.CANCELED, G.EXPIRED},
        G.IN_TRANSIT: {G.PARTIALLY_RECEIVED, G.RECEIVED, G.CANCELED},
        G.PARTIALLY_RECEIVED: {G.RECEIVED},
        # More may come while it is looked at.
        G.RECEIVED: {G.INSPECTED},
        G.INSPECTED: {G.CLOSED},
        G.DECLINED: set(),
        G.CLOSED: set(),
        G.CANCELED: set(),
        G.EXPIRED: set(),
    }
)


# Promised when it is opened, granted when the goods are accepted (or need not come), failed when
# none is, withdrawn when the new order ends and needs nothing of it.
EXCHANGE: Table[ExchangeStatus] = _table(
    {
        ExchangeStatus.PROMISED: {
            ExchangeStatus.GRANTED,
            ExchangeStatus.FAILED,
            ExchangeStatus.WITHDRAWN,
        },
        ExchangeStatus.GRANTED: {ExchangeStatus.WITHDRAWN},
        ExchangeStatus.FAILED: set(),
        ExchangeStatus.WITHDRAWN: set(),
    }
)


def advance(table: Table[S], current: S, target: S) -> S:
    """`target`, when `table` leads there from `current`; staying where one is changes nothing."""
    if target is not current and target not in table[current]:
        message = f"{type(current).__name__}: {current} does not lead to {target}"
        raise IllegalTransition(message)
    return target


def may_advance(table: Table[S], current: S, target: S) -> bool:
    """Whether `advance` would accept the step."""
    return target is current or target in table[current]


# How far along a parcel is. News that would move it backward is old news and changes nothing.
_PROGRESS: Mapping[TrackingStatus, int] = MappingProxyType(
    {
        TrackingStatus.UNKNOWN: 0,
        TrackingStatus.PRE_TRANSIT: 1,
        TrackingStatus.IN_TRANSIT: 2,
        TrackingStatus.DELAYED: 2,
        TrackingStatus.AVAILABLE_FOR_PICKUP: 3,
        TrackingStatus.OUT_FOR_DELIVERY: 3,
        TrackingStatus.ATTEMPTED_DELIVERY: 3,
        TrackingStatus.FAILURE: 3,
        TrackingStatus.LOST: 4,
        TrackingStatus.RETURN_TO_SENDER: 4,
        TrackingStatus.DELIVERED: 5,
    }
)


def tracking_moves(current: TrackingStatus, news: TrackingStatus, *, newer: bool) -> bool:
    """Whether `news` replaces `current`.

    `newer` tells whether the scan's own time is later than that of the last scan: between scans
    of equal progress (out for delivery, attempted, out for delivery again) the later one counts.
    A delivery ends it: carriers do send late scans afterwards.
    """
    if current is TrackingStatus.DELIVERED:
        return False
    if _PROGRESS[news] != _PROGRESS[current]:
        return _PROGRESS[news] > _PROGRESS[current]
    return newer and news is not current
