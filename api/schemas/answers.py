"""What the API answers, for its OpenAPI document; `api.views` makes it from rows."""

from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from domain.states import (
    FulfillmentOrderStatus,
    FulfillmentStatus,
    HoldReason,
    OrderStatus,
    PaymentStatus,
    ReturnStatus,
    ShipmentStatus,
    TrackingStatus,
)

T = TypeVar("T")


class Out(BaseModel):
    """Base of all answers; they grow by fields, so clients must ignore what they do not know."""

    model_config = ConfigDict(use_enum_values=True)


class FieldErrorOut(Out):
    """What is wrong with one field."""

    pointer: str = Field(description="RFC 6901", examples=["/lines/0/quantity"])
    code: str = Field(description="stable", examples=["too_small"])
    detail: str


class ProblemOut(Out):
    """RFC 9457."""

    type: str
    title: str
    status: int
    code: str = Field(description="stable", examples=["invalid_request"])
    detail: str
    current: dict[str, Any] | None = Field(
        default=None, description="the states that stand in the way of a 409"
    )
    errors: list[FieldErrorOut] | None = None


class MoneyOut(Out):
    """An amount in minor units."""

    amount: int
    currency: str


class PageOut(Out, Generic[T]):
    """One page of a list."""

    items: list[T]
    next_cursor: str | None


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
    holds: list[HoldOut]
    attention: list[AttentionOut]
    returns: list[dict[str, Any]]
    feedback: list[FeedbackOut]
    links: OrderLinksOut
    cancel_requested_at: datetime | None
    cancel_reason: str | None
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


class LevelOut(Out):
    """Stock of an item at a warehouse; `available` is what can be promised."""

    sku: str
    warehouse: str
    on_hand: int
    allocated: int
    held: int
    safety: int
    damaged: int
    available: int
    incoming: int


class MovementOut(Out):
    """A row of the stock ledger: what was added to each counter."""

    id: str
    sku: str
    warehouse: str
    kind: str
    on_hand: int
    allocated: int
    held: int
    safety: int
    damaged: int
    cause: str
    order_id: str | None
    line_id: str | None
    reason: str | None
    actor: str
    occurred_at: datetime


class CorrectionOut(Out):
    """The ledger's cause, and the levels it has touched."""

    cause: str
    levels: list[LevelOut]


class ItemOut(Out):
    """What the shop sells."""

    sku: str
    name: str
    weight_g: int
    length_mm: int
    width_mm: int
    height_mm: int
    hs_code: str | None
    origin: str | None
    category: str | None
    created_at: datetime
    updated_at: datetime


class WarehouseOut(Out):
    """Where goods lie."""

    code: str
    name: str
    country: str
    city: str
    postal_code: str
    line1: str
    kind: str
    priority: int
    created_at: datetime
    updated_at: datetime


class QuoteOut(Out):
    """A delivery option: its fee and when it promises to be there."""

    option: str
    name: str
    price: MoneyOut
    earliest_on: str
    latest_on: str


class QuotesOut(Out):
    """The options for a destination."""

    items: list[QuoteOut]


class ApiKeyOut(Out):
    """A key, without the key itself."""

    id: str
    name: str
    scopes: list[str]
    created_at: datetime
    revoked_at: datetime | None


class NewApiKeyOut(ApiKeyOut):
    """A new key; `key` is shown this once."""

    key: str


class WebhookOut(Out):
    """How many pieces of news the webhook held, and how many of them were new."""

    received: int
    new: int


class HealthOut(Out):
    """The process is alive."""

    status: Literal["ok"]


class ReadyOut(Out):
    """Whether the API can serve; the engine is told apart, since intake and reads need it not."""

    status: Literal["ready", "not_ready"]
    database: Literal["ok", "unavailable"]
    database_detail: str | None = None
    workflow_engine: Literal["ok", "unavailable"]
