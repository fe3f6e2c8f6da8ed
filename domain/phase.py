"""How far an order has come, as far as canceling it is concerned. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from domain.order import Order
from domain.states import FulfillmentOrderStatus, OrderStatus, ShipmentStatus


class Phase(StrEnum):
    """The part of its life in which a cancellation finds an order; later ones undo more."""

    BEFORE_PAYMENT = "before_payment"
    BEFORE_PICKING = "before_picking"
    PICKING = "picking"
    PACKED = "packed"
    LABELED = "labeled"
    HANDED_OVER = "handed_over"


class Actor(StrEnum):
    """Who wants to cancel: the customer (by a storefront), or staff."""

    CUSTOMER = "customer"
    SUPPORT = "support"


@dataclass(frozen=True, slots=True)
class CancelRule:
    """Whether who asks may cancel in a phase; `fee` in minor units of `currency`, None for none."""

    allowed: bool
    fee: int | None = None
    currency: str = ""


def phase_of(order: Order) -> Phase:
    """The furthest that any part of the order has come.

    What the carrier lost or brings back, and what was settled, is as if it had never left.
    """
    left = {
        s.status
        for s in order.shipments
        if s.in_house
        or (s.on_its_way and not s.not_coming)
        or (s.status is ShipmentStatus.DELIVERED and not s.written_off)
    }
    if left & {ShipmentStatus.SHIPPED, ShipmentStatus.DELIVERED}:
        return Phase.HANDED_OVER
    if ShipmentStatus.LABEL_PURCHASED in left:
        return Phase.LABELED
    return Phase.PACKED if left else phase_of_units(order)


def phase_of_units(order: Order) -> Phase:
    """The same of units that are not packed yet."""
    if order.status is OrderStatus.PENDING:
        return Phase.BEFORE_PAYMENT
    begun = any(
        work.live and (work.begun or work.status is FulfillmentOrderStatus.IN_PROGRESS)
        for work in order.fulfillment_orders
    )
    return Phase.PICKING if begun else Phase.BEFORE_PICKING
