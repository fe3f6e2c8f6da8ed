"""The order as its workflow and the API see it: a snapshot without personal data, and its sums.

Loaded from PostgreSQL by `db.orders.load`, carried through the workflow history, never changed in
place. Amounts are integers of minor units of `Order.currency`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from domain.money import share_of_quantity
from domain.shortage import SUBSTITUTE
from domain.states import (
    FulfillmentOrderStatus,
    FulfillmentStatus,
    OfferStatus,
    OrderStatus,
    PaymentStatus,
    ReturnStatus,
    ShipmentStatus,
    TrackingStatus,
)

# Tenders that can no longer bring money.
DEAD_TENDERS = frozenset({PaymentStatus.FAILED, PaymentStatus.VOIDED, PaymentStatus.EXPIRED})
# Work that is still to be done at a location.
LIVE_WORK = frozenset(
    {
        FulfillmentOrderStatus.OPEN,
        FulfillmentOrderStatus.SCHEDULED,
        FulfillmentOrderStatus.IN_PROGRESS,
        FulfillmentOrderStatus.ON_HOLD,
    }
)
# Packed, and still in our hands.
IN_HOUSE = frozenset(
    {ShipmentStatus.PENDING, ShipmentStatus.PACKED, ShipmentStatus.LABEL_PURCHASED}
)
# The carrier will not bring it any more.
NOT_COMING = frozenset({TrackingStatus.LOST, TrackingStatus.RETURN_TO_SENDER})


@dataclass(frozen=True)
class Line:
    """An order line; `quantity == open + allocated + backordered + shipped + canceled`.

    `total` is what the customer pays for all of it: discounts off, tax included. `out_of_stock`
    is the line's own policy; None is the order's. Of the `shipped` units `given_back` are not paid
    for any more.
    """

    id: str
    sku: str
    quantity: int
    total: int
    open: int
    allocated: int = 0
    backordered: int = 0
    shipped: int = 0
    canceled: int = 0
    returned: int = 0
    refunded: int = 0
    out_of_stock: str | None = None
    given_back: int = 0

    @property
    def canceled_share(self) -> int:
        """What the canceled units would have cost."""
        return share_of_quantity(self.total, self.canceled, self.quantity)

    @property
    def given_back_share(self) -> int:
        """What was given back for units that had been shipped."""
        gone = share_of_quantity(self.total, self.canceled + self.given_back, self.quantity)
        return gone - self.canceled_share

    def share_of_next(self, units: int) -> int:
        """What so many more units are worth, after those that were canceled or given back."""
        gone = self.canceled + self.given_back
        after = share_of_quantity(self.total, gone + units, self.quantity)
        return after - share_of_quantity(self.total, gone, self.quantity)


@dataclass(frozen=True)
class Tender:
    """One payment of the order. `action_required`: the customer has to do something; `refunding`:
    a refund is on its way back to the customer, and the provider has not said yet that it is there.
    """

    id: str
    position: int
    method: str
    provider: str
    capture: str
    amount: int
    status: PaymentStatus = PaymentStatus.PENDING
    authorized: int = 0
    captured: int = 0
    refunded: int = 0
    provider_ref: str = ""
    action_required: bool = False
    refunding: int = 0

    @property
    def alive(self) -> bool:
        """Whether it brings money, or may still bring it."""
        return self.status not in DEAD_TENDERS

    @property
    def capturable(self) -> int:
        """What is authorized and not yet taken."""
        return self.authorized - self.captured if self.alive else 0

    @property
    def refundable(self) -> int:
        """What was taken, and neither given back nor about to be."""
        return self.captured - self.refunded - self.refunding


@dataclass(frozen=True)
class WorkLine:
    """Units of an order line that one location prepares."""

    line_id: str
    sku: str
    quantity: int
    picked: int = 0
    short: int = 0
    packed: int = 0
    shipped: int = 0
    canceled: int = 0

    @property
    def to_pick(self) -> int:
        """Units the warehouse has neither found nor reported missing."""
        return self.quantity - self.picked - self.short - self.canceled

    @property
    def to_pack(self) -> int:
        """Units that can go into a parcel (packing implies having picked)."""
        return self.quantity - self.short - self.canceled - self.packed


@dataclass(frozen=True)
class FulfillmentOrder:
    """Work at one location."""

    id: str
    warehouse: str
    status: FulfillmentOrderStatus
    lines: list[WorkLine] = field(default_factory=list)

    @property
    def live(self) -> bool:
        """Whether the location still has to do something."""
        return self.status in LIVE_WORK

    @property
    def begun(self) -> bool:
        """Whether a hand has touched it."""
        return any(line.picked or line.packed for line in self.lines)


@dataclass(frozen=True)
class ParcelLine:
    """Units of an order line in one parcel; `written_off` ones are not owed through it any more.

    `came_back` is what a warehouse received of a parcel that is back; None: all of it.
    """

    line_id: str
    quantity: int
    written_off: int = 0
    came_back: int | None = None

    @property
    def owed(self) -> int:
        """Units that shall reach, or have reached, the customer in this parcel."""
        return self.quantity - self.written_off

    @property
    def here(self) -> int:
        """Of a received parcel, units that warehouses have."""
        return self.quantity if self.came_back is None else self.came_back

    @property
    def owed_and_back(self) -> int:
        """Of a received parcel, units that are here and still owed: what is settled came first."""
        return max(0, min(self.owed, self.here - self.written_off))


@dataclass(frozen=True)
class Shipment:
    """One parcel."""

    id: str
    fulfillment_order_id: str
    status: ShipmentStatus
    tracking_status: TrackingStatus = TrackingStatus.UNKNOWN
    provider: str = ""
    provider_ref: str = ""
    lines: list[ParcelLine] = field(default_factory=list)
    received: bool = False
    intercepted: bool = False

    @property
    def missing(self) -> dict[str, int]:
        """Units of each line that no warehouse has received back."""
        return {p.line_id: p.quantity - (p.here if self.received else 0) for p in self.lines}

    @property
    def in_house(self) -> bool:
        """Whether it has not left us."""
        return self.status in IN_HOUSE

    @property
    def not_coming(self) -> bool:
        """Whether the carrier lost it or brings it back; `received`: it is back."""
        gone = self.tracking_status in NOT_COMING or self.received
        return self.status is ShipmentStatus.SHIPPED and gone

    @property
    def owed_and_back(self) -> bool:
        """Whether, when it was received, units of it are here that are still owed."""
        return any(part.owed_and_back for part in self.lines)

    @property
    def settled(self) -> int:
        """Units of it that are not owed any more."""
        return sum(part.written_off for part in self.lines)

    @property
    def written_off(self) -> bool:
        """Whether nothing of it is owed any more."""
        return bool(self.lines) and not any(part.owed for part in self.lines)

    @property
    def on_its_way(self) -> bool:
        """Whether it left us, and something of it is still to reach the customer."""
        return self.status is ShipmentStatus.SHIPPED and not self.written_off


@dataclass(frozen=True)
class Hold:
    """A reason why the order must wait, until a person takes it away."""

    id: str
    reason: str


@dataclass(frozen=True)
class Offer:
    """`sku` in place of units of a line that wait; `expires_at` is RFC 3339."""

    id: str
    line_id: str
    sku: str
    quantity: int
    status: OfferStatus
    expires_at: str = ""

    @property
    def open(self) -> bool:
        """Whether the customer may still answer."""
        return self.status is OfferStatus.OFFERED


@dataclass(frozen=True)
class Order:
    """A whole order at one version.

    `given_back` is what the customer got back, or was let off, beside the shares of units
    (shipping, goodwill; fees off), `credited` how much of all that was given back became store
    credit, or paid for an order in exchange. `cancel_fee` is kept of an order that is canceled.
    `shipping_tax` comes on top of `shipping_total`, where prices are without tax.
    """

    id: str
    currency: str
    shipping_total: int
    surcharge_total: int
    grand_total: int
    out_of_stock: str
    ship: str
    shipping_option: str
    priority: int = 0
    version: int = 1
    status: OrderStatus = OrderStatus.PENDING
    payment_status: PaymentStatus = PaymentStatus.PENDING
    fulfillment_status: FulfillmentStatus = FulfillmentStatus.UNFULFILLED
    return_status: ReturnStatus = ReturnStatus.NO_RETURN
    cancel_requested: bool = False
    lines: list[Line] = field(default_factory=list)
    tenders: list[Tender] = field(default_factory=list)
    fulfillment_orders: list[FulfillmentOrder] = field(default_factory=list)
    shipments: list[Shipment] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)
    offers: list[Offer] = field(default_factory=list)
    given_back: int = 0
    credited: int = 0
    cancel_fee: int = 0
    shipping_tax: int = 0

    def line(self, line_id: str) -> Line | None:
        """The line of that id."""
        return next((line for line in self.lines if line.id == line_id), None)

    def tender(self, payment_id: str) -> Tender | None:
        """The tender of that id."""
        return next((tender for tender in self.tenders if tender.id == payment_id), None)

    def fulfillment_order(self, fulfillment_order_id: str) -> FulfillmentOrder | None:
        """The fulfillment order of that id."""
        return next((f for f in self.fulfillment_orders if f.id == fulfillment_order_id), None)

    def shipment(self, shipment_id: str) -> Shipment | None:
        """The parcel of that id."""
        return next((s for s in self.shipments if s.id == shipment_id), None)

    def offer(self, offer_id: str) -> Offer | None:
        """The offer of that id."""
        return next((offer for offer in self.offers if offer.id == offer_id), None)

    @property
    def closed(self) -> bool:
        """Whether its life is over."""
        return self.status not in (OrderStatus.PENDING, OrderStatus.CONFIRMED)

    @property
    def recalling(self) -> bool:
        """Whether it is canceled as soon as parcels are back that the carrier was asked to stop."""
        return self.cancel_requested and any(s.intercepted and s.on_its_way for s in self.shipments)

    @property
    def live_units(self) -> int:
        """Units the customer shall get: ordered and not canceled."""
        return sum(line.quantity - line.canceled for line in self.lines)

    @property
    def shipped_units(self) -> int:
        """Units that left us."""
        return sum(line.shipped for line in self.lines)

    @property
    def delivered_units(self) -> int:
        """Units that reached the customer; what was sent again or paid back does not count."""
        return sum(
            part.owed
            for shipment in self.shipments
            if shipment.status is ShipmentStatus.DELIVERED
            for part in shipment.lines
        )

    @property
    def waits_for_stock(self) -> bool:
        """Whether some units are neither here nor canceled."""
        return any(line.backordered for line in self.lines)

    @property
    def may_be_substituted(self) -> bool:
        """Whether a line's policy is to offer something else for want of stock."""
        return any((line.out_of_stock or self.out_of_stock) == SUBSTITUTE for line in self.lines)

    @property
    def payable(self) -> int:
        """What the customer owes for what is not canceled, less what is given back.

        Shipping and surcharges are owed as long as anything is delivered at all; when nothing is,
        the fee for canceling, as far as there is money. While parcels of a canceled order come back
        part by part, it is never less than that.
        """
        fee = max(0, min(self.cancel_fee, self.secured))
        if self.lines and not self.live_units:
            return fee
        price = self.grand_total - sum(line.canceled_share for line in self.lines)
        owed = max(0, price - self.given_back_in_all)
        return max(owed, fee) if self.cancel_requested else owed

    @property
    def delivery_price(self) -> int:
        """What the customer pays for the delivery, tax included."""
        return self.shipping_total + self.shipping_tax

    @property
    def given_back_in_all(self) -> int:
        """What persons and returns gave back: units' shares, shipping, goodwill; fees off."""
        return self.given_back + sum(line.given_back_share for line in self.lines)

    def paid_for(self, units: Mapping[str, int]) -> int:
        """What the customer paid for units of lines: discounts off, tax included."""
        return sum(
            share_of_quantity(line.total, units[line.id], line.quantity)
            for line in self.lines
            if line.id in units
        )

    @property
    def captured(self) -> int:
        """Money taken, over all tenders."""
        return sum(tender.captured for tender in self.tenders)

    @property
    def refunded(self) -> int:
        """Money given back, over all tenders."""
        return sum(tender.refunded for tender in self.tenders)

    @property
    def kept(self) -> int:
        """Money that was taken for the order and stays so: not given back, nor on its way back."""
        return sum(tender.refundable for tender in self.tenders) - self.credited

    @property
    def secured(self) -> int:
        """Money taken or reserved, net of refunds."""
        return self.kept + sum(tender.capturable for tender in self.tenders)

    @property
    def covered(self) -> bool:
        """Whether the money for all that is not canceled is taken or reserved."""
        return self.secured >= self.payable

    @property
    def due(self) -> int:
        """What may be captured by now: the shipped units' share, shipping with the first parcel.

        Cumulative, so that the last parcel takes the exact rest.
        """
        if not self.shipped_units:
            return 0
        if self.shipped_units == self.live_units:
            return self.payable
        goods = sum(
            share_of_quantity(line.total, line.shipped, line.quantity) for line in self.lines
        )
        owed = goods + self.delivery_price + self.surcharge_total - self.given_back_in_all
        return min(self.payable, max(0, owed))

    @property
    def settled(self) -> bool:
        """Whether exactly what is owed was taken, and not more."""
        return self.kept == self.payable
