"""What the API answers about orders and their work, for its OpenAPI document."""

from datetime import date, datetime
from typing import Any

from api.schemas.answers import MoneyOut, Out
from api.schemas.exchange_answers import ExchangeOut
from domain.states import (
    FulfillmentOrderStatus,
    FulfillmentStatus,
    HoldReason,
    OfferStatus,
    OrderStatus,
    PaymentStatus,
    ReturnStatus,
    ShipmentStatus,
    TrackingStatus,
)


class CustomerOut(Out):
    """Who bought; name and addresses only for scopes that may see them."""

    id: str | None
    name: str | None = None
    email: str | None = None
    phone: str | None = None


class LineOut(Out):
    """A line: quantity = open + allocated + backordered + shipped + canceled."""

    id: str
    sku: str
    name: str
    quantity: int
    unit_price: MoneyOut
    tax_rate_bp: int
    discount: MoneyOut
    tax: MoneyOut
    total: MoneyOut
    open: int
    allocated: int
    backordered: int
    shipped: int
    canceled: int
    returned: int
    refunded: int
    refunded_amount: MoneyOut
    # The line's own policy for want of stock; null is the order's.
    out_of_stock: str | None
    # What was ordered, where the customer accepted something else.
    ordered_sku: str | None
    # The day by which units that wait are expected; null when none wait, or no day is known.
    expected_on: date | None


class SubstitutionOut(Out):
    """A substitute that the customer was offered for units of a line that wait."""

    id: str
    line_id: str
    ordered_sku: str
    sku: str
    name: str
    quantity: int
    note: str | None
    status: OfferStatus
    expires_at: datetime
    created_at: datetime
    ended_at: datetime | None


class WorkLineOut(Out):
    """Units that one location prepares."""

    line_id: str
    sku: str
    name: str | None = None
    quantity: int
    picked: int
    short: int
    packed: int
    shipped: int
    canceled: int


class OrderWorkOut(Out):
    """Work at one location, within its order."""

    id: str
    warehouse: str
    status: FulfillmentOrderStatus
    due_at: datetime | None
    created_at: datetime
    lines: list[WorkLineOut]


class UnitsOut(Out):
    """Units of an order line."""

    line_id: str
    quantity: int


class ScanOut(Out):
    """A scan of the carrier."""

    status: TrackingStatus
    detail: str
    occurred_at: datetime


class ScansOut(Out):
    """How many scans there are, and the last."""

    count: int
    last: ScanOut | None


class TroubleOut(Out):
    """What went wrong with a parcel, what the rules say is done when, and how it was settled."""

    event: str
    action: str
    decided_at: datetime
    due_at: datetime
    resolution: str | None
    resolved_at: datetime | None
    received_at: datetime | None
    intercepted_at: datetime | None
    warehouse: str | None


class ShipmentOut(Out):
    """A parcel: `status` is ours, `tracking_status` the carrier's."""

    id: str
    fulfillment_order_id: str
    status: ShipmentStatus
    tracking_status: TrackingStatus
    carrier: str | None
    service: str | None
    tracking_number: str | None
    tracking_url: str | None
    label_url: str | None
    label_cost: MoneyOut | None
    lines: list[UnitsOut]
    weight_g: int
    length_mm: int
    width_mm: int
    height_mm: int
    estimated_at: datetime | None
    packed_at: datetime | None
    shipped_at: datetime | None
    delivered_at: datetime | None
    tracking_events: ScansOut
    trouble: TroubleOut | None
    proof: dict[str, Any] | None = None


class WorkOut(OrderWorkOut):
    """Work at one location, for those who do it."""

    order_id: str
    order_number: str
    order_status: OrderStatus
    priority: int
    shipping_option: str
    placed_at: datetime
    updated_at: datetime
    shipments: list[ShipmentOut]


class PaymentOut(Out):
    """A tender."""

    id: str
    method: str
    provider: str
    capture: str
    installments: int
    status: PaymentStatus
    amount: MoneyOut
    authorized: MoneyOut
    captured: MoneyOut
    refunded: MoneyOut
    client_action: dict[str, Any] | None
    failure: str | None
    expires_at: datetime | None
    created_at: datetime


class HoldOut(Out):
    """Why the order waits for a person."""

    id: str
    reason: HoldReason
    note: str | None
    actor: str
    created_at: datetime
    # When it is over by itself, and what is done then: release, ask_person, cancel.
    ends_at: datetime | None
    at_end: str | None


class AttentionOut(Out):
    """What keeps failing or is late, since when, and what may be done about it."""

    code: str
    subject: str | None
    since: datetime
    detail: str
    can: list[str]


class FeedbackOut(Out):
    """What the customer said."""

    id: str
    reference: str | None
    score: int
    title: str | None
    comment: str | None
    occurred_at: datetime
    created_at: datetime


class TotalsOut(Out):
    """What the order comes to."""

    subtotal: MoneyOut
    discount: MoneyOut
    shipping: MoneyOut
    surcharge: MoneyOut
    tax: MoneyOut
    grand_total: MoneyOut


class ShippingOut(Out):
    """The option that was chosen, and its price."""

    option: str
    price: MoneyOut


class ExtraOut(Out):
    """A discount or a surcharge."""

    code: str
    amount: MoneyOut
    line: int | None = None


class OrderLinksOut(Out):
    """Where the order can be looked at."""

    self: str
    events: str
    stream: str
    tracking_page: str | None
    temporal_ui: str


class OrderRefundOut(Out):
    """Money given back by staff, or for a return; `GET /v1/refunds/{id}` tells all of it."""

    id: str
    status: str
    to: str
    reason: str
    amount: MoneyOut
    created_at: datetime
    ended_at: datetime | None


class OrderOut(Out):
    """An order."""

    id: str
    number: str
    channel: str
    channel_order_id: str
    status: OrderStatus
    payment_status: PaymentStatus
    fulfillment_status: FulfillmentStatus
    return_status: ReturnStatus
    currency: str
    locale: str
    customer: CustomerOut
    shipping_address: dict[str, Any] | None = None
    billing_address: dict[str, Any] | None = None
    notes: str | None = None
    prices_include_tax: bool
    out_of_stock: str
    ship: str
    priority: int
    shipping: ShippingOut
    totals: TotalsOut
    discounts: list[ExtraOut]
    surcharges: list[ExtraOut]
    metadata: dict[str, Any]
    lines: list[LineOut]
    fulfillment_orders: list[OrderWorkOut]
    shipments: list[ShipmentOut]
    payments: list[PaymentOut]
    substitutions: list[SubstitutionOut]
    holds: list[HoldOut]
    attention: list[AttentionOut]
    returns: list[dict[str, Any]]
    exchanges: list[ExchangeOut]
    refunds: list[OrderRefundOut]
    feedback: list[FeedbackOut]
    links: OrderLinksOut
    cancel_requested_at: datetime | None
    cancel_reason: str | None
    cancel_fee: MoneyOut | None
    placed_at: datetime
    created_at: datetime
    updated_at: datetime
    confirmed_at: datetime | None
    delivered_at: datetime | None
    closed_at: datetime | None
    version: int


class HoldWithOrderOut(HoldOut):
    """The new hold, and its order."""

    order: OrderOut


class PaymentWithOrderOut(PaymentOut):
    """The new tender, and its order."""

    order: OrderOut


class EventOut(Out):
    """An entry of the timeline."""

    id: str
    type: str
    actor: str
    role: str
    data: dict[str, Any]
    note: str | None
    occurred_at: datetime
    recorded_at: datetime
