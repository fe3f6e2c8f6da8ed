"""What the API answers about buying, for its OpenAPI document."""

from datetime import date, datetime
from typing import Any, Literal

from pydantic import Field

from api.schemas.answers import MoneyOut, Out
from api.schemas.stock_answers import LevelOut


class SupplierOut(Out):
    """Whom the shop buys from."""

    code: str
    name: str
    email: str | None
    locale: str
    currency: str
    lead_time_days: int
    over_delivery_bp: int | None
    active: bool
    created_at: datetime
    updated_at: datetime


class TermsOut(Out):
    """How a supplier sells an item."""

    sku: str
    supplier: str
    supplier_sku: str | None
    lead_time_days: int | None
    unit_cost: MoneyOut
    moq: int
    pack_size: int
    preferred: bool
    created_at: datetime
    updated_at: datetime


class PurchaseLineOut(Out):
    """An item of a purchase order; `received` counts damaged ones, `open` are still to come."""

    id: str
    sku: str
    supplier_sku: str | None
    quantity: int
    received: int
    damaged: int
    canceled: int
    open: int
    over: int
    unit_cost: MoneyOut
    total: MoneyOut
    expected_on: date


class PurchaseAttentionOut(Out):
    """Why it waits for a person, and which calls help."""

    code: str
    since: datetime
    detail: str
    can: list[str]


class PurchaseMailOut(Out):
    """What became of the last sending to the supplier."""

    status: Literal["pending", "sent", "failed", "by_hand"] | None
    sendings: int


class DeliveredLineOut(Out):
    """Units of an item in a delivery."""

    sku: str
    accepted: int
    damaged: int
    over: int


class DeliveryOut(Out):
    """A delivery."""

    id: str
    reference: str
    actor: str
    lines: list[DeliveredLineOut]
    occurred_at: datetime
    recorded_at: datetime


class PurchaseOut(Out):
    """An order to a supplier."""

    id: str
    number: str
    supplier: str
    supplier_name: str
    warehouse: str
    status: Literal["draft", "approved", "sent", "partly_received", "closed", "canceled"]
    total: MoneyOut
    lines: list[PurchaseLineOut]
    expected_on: date
    late: bool
    late_since: datetime | None
    reminders: int
    mail: PurchaseMailOut
    attention: list[PurchaseAttentionOut]
    note: str | None
    created_by: str
    approved_by: str | None
    created_at: datetime
    updated_at: datetime
    approved_at: datetime | None
    sent_at: datetime | None
    closed_at: datetime | None
    version: int
    links: dict[str, str]


class OnePurchaseOut(PurchaseOut):
    """An order to a supplier with its deliveries."""

    receipts: list[DeliveryOut]


class ReceivedOut(Out):
    """A delivery, the purchase order after it, and the levels it has touched."""

    receipt: DeliveryOut
    purchase_order: PurchaseOut
    levels: list[LevelOut]


class PurchaseEventOut(Out):
    """An entry of the timeline."""

    id: str
    type: str
    actor: str
    role: str
    data: dict[str, Any]
    note: str | None
    occurred_at: datetime
    recorded_at: datetime


class StepOut(Out):
    """A line of the reckoning: the formula, the same with numbers, and what came out."""

    name: str
    formula: str
    numbers: str
    value: float | None


class DemandOut(Out):
    """What the item sells, and how that was found."""

    demand_class: str = Field(alias="class")
    method: str
    mean_daily: float
    sigma_daily: float
    first_day: date | None
    last_day: date | None
    days: int
    days_with_demand: int
    total_units: int
    last_demand_on: date | None
    computed_at: datetime | None


class SuggestionTermsOut(Out):
    """From whom, and how."""

    supplier: str | None
    supplier_sku: str | None
    lead_time_days: int
    moq: int
    pack_size: int
    unit_cost: MoneyOut | None


class StockOut(Out):
    """What is there, on its way, and promised."""

    on_hand: int
    allocated: int
    held: int
    damaged: int
    safety: int
    incoming: int
    preparing: int
    backordered: int


class RulesOut(Out):
    """The shop's settings that went into it."""

    service_level: float
    z: float
    review_days: int
    overstock_days: int
    dead_days: int


class SuggestionOut(Out):
    """What a buyer should do about an item at a warehouse, and why."""

    sku: str
    name: str
    warehouse: str
    kind: Literal["low", "overstock", "dead"]
    quantity: int = Field(description="units to buy")
    cost: MoneyOut | None
    surplus: int = Field(description="units beyond the order-up-to level")
    cover_days: float | None
    reorder_point: int
    order_up_to: int
    safety_stock: int
    position: int
    demand: DemandOut
    stock: StockOut
    terms: SuggestionTermsOut
    rules: RulesOut
    steps: list[StepOut]


class BinOut(Out):
    """A place on the walk."""

    code: str
    zone: str
    sequence: int


class SlotOut(Out):
    """An item's rank by picks; shares in percent, with what is reached with it."""

    rank: int
    sku: str
    picks: int
    abc: Literal["A", "B", "C"] = Field(alias="class")
    share: float
    cumulative: float


class MoveOut(Out):
    """Bring the item nearer; `instead` changes places with it."""

    sku: str
    abc: Literal["A", "B", "C"] = Field(alias="class")
    picks: int
    from_bin: BinOut
    to_bin: BinOut
    instead: str | None
    gain: int


class SlottingOut(Out):
    """A page of classes; the moves are told on the first page."""

    items: list[SlotOut]
    next_cursor: str | None
    since: datetime
    total_picks: int
    moves: list[MoveOut]
