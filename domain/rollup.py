"""The order's axes, rolled up from its parts by pure functions (DESIGN: State)."""

from domain.order import Order
from domain.states import (
    FulfillmentOrderStatus,
    FulfillmentStatus,
    OrderStatus,
    PaymentStatus,
)


def payment_status(order: Order) -> PaymentStatus:
    """Where the money stands, over all tenders."""
    taken, given_back = order.captured, order.refunded + order.credited
    if given_back:
        all_back = given_back == taken
        return PaymentStatus.REFUNDED if all_back else PaymentStatus.PARTIALLY_REFUNDED
    if taken:
        return PaymentStatus.PAID if taken >= order.payable else PaymentStatus.PARTIALLY_PAID
    if not order.payable and order.live_units and not order.cancel_requested:
        return PaymentStatus.PAID
    return _untaken(order)


def _untaken(order: Order) -> PaymentStatus:
    """Where the money stands while none was taken."""
    statuses = {tender.status for tender in order.tenders if tender.amount}
    if PaymentStatus.AUTHORIZED in statuses and order.covered:
        return PaymentStatus.AUTHORIZED
    if any(tender.alive for tender in order.tenders if tender.amount):
        return PaymentStatus.PENDING
    for status in (PaymentStatus.EXPIRED, PaymentStatus.VOIDED, PaymentStatus.FAILED):
        if status in statuses:
            return status
    return PaymentStatus.VOIDED if order.closed else PaymentStatus.PENDING


def fulfillment_status(order: Order) -> FulfillmentStatus:
    """Where the goods are, over all locations and parcels."""
    live, shipped, delivered = order.live_units, order.shipped_units, order.delivered_units
    if not live:
        return FulfillmentStatus.UNFULFILLED
    if delivered:
        done = delivered >= live
        return FulfillmentStatus.DELIVERED if done else FulfillmentStatus.PARTIALLY_DELIVERED
    if shipped >= live:
        return FulfillmentStatus.FULFILLED
    if order.holds and not order.closed:
        return FulfillmentStatus.ON_HOLD
    if shipped:
        return FulfillmentStatus.PARTIALLY_FULFILLED
    working = any(
        work.status is FulfillmentOrderStatus.IN_PROGRESS or (work.live and work.begun)
        for work in order.fulfillment_orders
    )
    return FulfillmentStatus.IN_PROGRESS if working else FulfillmentStatus.UNFULFILLED


def ended_well(order: Order) -> bool:
    """Whether nothing is left to do but to let the return window pass."""
    return (
        order.status is OrderStatus.CONFIRMED
        and order.live_units > 0
        and order.delivered_units >= order.live_units
        and order.settled
    )
