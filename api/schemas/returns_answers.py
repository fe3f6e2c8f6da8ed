"""What the API answers about returns, for its OpenAPI document."""

from datetime import datetime
from typing import Any

from api.schemas.answers import MoneyOut, Out
from api.schemas.order_answers import EventOut


class ReturnRuleOut(Out):
    """One rule; see the request."""

    country: str | None
    category: str | None
    reason: str | None
    window: str | None
    decides: str
    label: str
    shipping_paid_by: str
    fee: MoneyOut | None
    refund_to: str
    exchange_sent: str
    expires_after: str


class ReturnPolicyOut(Out):
    """All rules, in the order in which they are looked at."""

    rules: list[ReturnRuleOut]


class ReturnLineOut(Out):
    """Units of a line: announced, received, and what became of them.

    `paid_before` of the accepted ones bring no money: that was given back, or they were too many.
    """

    line_id: str
    sku: str
    reason: str
    note: str | None
    photos: list[str]
    quantity: int
    received: int
    restocked: int
    refurbished: int
    damaged: int
    scrapped: int
    rejected: int
    paid_before: int


class SentBackOut(Out):
    """The parcel by which rejected goods go back to the customer."""

    carrier: str
    tracking_number: str
    tracking_url: str | None
    label_url: str | None
    cost: MoneyOut


class ExchangeOfReturnOut(Out):
    """What is sent in place of the goods: the exchange, and its order."""

    id: str
    status: str
    new_order_id: str
    new_order_number: str


class ReturnOut(Out):
    """A return. `number` is the code that stands on the parcel; `policy` what the rules said.
    `exchange` is the last that was opened for it.
    """

    id: str
    number: str
    order_id: str
    status: str
    announced: bool
    reason: str | None
    label: str
    shipping_paid_by: str
    fee: MoneyOut
    refund_to: str
    warehouse: str
    carrier: str | None
    tracking_number: str | None
    tracking_url: str | None
    label_url: str | None
    label_cost: MoneyOut | None
    tracking_status: str
    sent_back: SentBackOut | None
    requested_by: str
    requested_at: datetime
    decided_at: datetime | None
    expires_at: datetime | None
    received_at: datetime | None
    inspected_at: datetime | None
    refund_due_at: datetime
    refund: MoneyOut | None
    refund_id: str | None
    closed_at: datetime | None
    policy: dict[str, Any]
    wants: str
    exchange_sent: str
    exchange: ExchangeOfReturnOut | None
    lines: list[ReturnLineOut]


class OneReturnOut(ReturnOut):
    """A return with what the order's timeline tells of it, oldest first."""

    events: list[EventOut]
