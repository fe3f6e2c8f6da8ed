"""What a mail is about: plain facts that an activity reads from the database."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.money import Money


class Milestone(StrEnum):
    """The moments in an order's life that the customer hears of."""

    CONFIRMED = "confirmed"
    PAYMENT_PROBLEM = "payment_problem"
    PAYMENT_REMINDER = "payment_reminder"
    OUT_OF_STOCK = "out_of_stock"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CANCELED = "canceled"
    REFUNDED = "refunded"
    EXPECTED_DATE_MOVED = "expected_date_moved"
    SUBSTITUTE_OFFERED = "substitute_offered"
    DELIVERY_ATTEMPTED = "delivery_attempted"
    DELIVERY_DELAYED = "delivery_delayed"
    PARCEL_REPLACED = "parcel_replaced"
    ORDER_CHANGED = "order_changed"
    FEEDBACK_REQUEST = "feedback_request"
    RETURN_APPROVED = "return_approved"
    RETURN_DECLINED = "return_declined"
    RETURN_REMINDER = "return_reminder"
    RETURN_RECEIVED = "return_received"
    RETURN_SENT_BACK = "return_sent_back"
    EXCHANGE_SHORT = "exchange_short"


@dataclass(frozen=True, slots=True)
class MailLine:
    """One article: how many units this mail speaks of, and what they cost together."""

    name: str
    quantity: int
    total: Money | None = None


@dataclass(frozen=True, slots=True)
class MailTotals:
    """The order's sums, all in one currency. What is zero is not shown, except the total.

    `discount` and `surcharge` are positive amounts; `tax` is part of the other amounts unless
    `tax_included` is false, when it is added to them.
    """

    items: Money
    shipping: Money
    total: Money
    discount: Money | None = None
    surcharge: Money | None = None
    tax: Money | None = None
    tax_included: bool = True


@dataclass(frozen=True, slots=True)
class MailShipment:
    """One parcel. `tracking_url` is shown when it is an http(s) address."""

    carrier: str
    tracking_number: str
    tracking_url: str = ""
    estimated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class MailPayment:
    """What is still to be paid, by when, and where.

    `reason` is the provider's stable code of what went wrong (`insufficient_funds`); an unknown
    code gives the general advice. `pay_url` falls back to the order's tracking page.
    """

    amount: Money
    pay_by: datetime | None = None
    pay_url: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class MailTender:
    """What goes back on one of the ways that the customer paid; `kind` is a method of payment, or
    `store_credit`. Nothing else is known of a card.
    """

    kind: str
    amount: Money


@dataclass(frozen=True, slots=True)
class MailSubstitute:
    """What the customer may have instead of `ordered`; `note` are the shop's words about it."""

    ordered: str
    name: str
    quantity: int
    answer_by: datetime
    note: str = ""


@dataclass(frozen=True, slots=True)
class MailReturn:
    """Goods that go back: the code on the parcel, its label, and until when it is expected.

    `exchanged`: others are sent in their place.
    """

    number: str
    label_url: str = ""
    send_by: datetime | None = None
    exchanged: bool = False


@dataclass(frozen=True, slots=True)
class MailFacts:
    """Everything a template may say. Fields that a milestone does not use stay at their default.

    `lines` are the articles this mail is about: all of them in `confirmed`, those in the parcel
    in `shipped`, those that are missing in `out_of_stock`. `partial` tells that the order has
    others beside them. `reason` is why an order was canceled (`customer`, `out_of_stock`,
    `payment_expired`, `not_delivered`; anything else gives no reason). `waiting` tells whether
    missing articles are waited for (backorder) or were canceled; `taken_out` are those that were
    canceled beside them, by the policy of their line. `refunded` is the amount that goes back
    (as credit to be spent in the shop when it is `store_credit`, else to the `tenders`),
    `new_total` what a changed order comes to, `fee` what a cancellation costs.
    Dates are shown in `time_zone` (an IANA name). `contact` is an address customers may write to.
    """

    shop_name: str
    order_number: str
    customer_name: str = ""
    tracking_page_url: str = ""
    contact: str = ""
    time_zone: str = "UTC"
    lines: tuple[MailLine, ...] = ()
    partial: bool = False
    totals: MailTotals | None = None
    shipments: tuple[MailShipment, ...] = ()
    payment: MailPayment | None = None
    waiting: bool = True
    taken_out: tuple[MailLine, ...] = ()
    substitute: MailSubstitute | None = None
    expected_at: datetime | None = None
    return_until: datetime | None = None
    reason: str = ""
    refunded: Money | None = None
    fee: Money | None = None
    store_credit: bool = False
    tenders: tuple[MailTender, ...] = ()
    new_total: Money | None = None
    goods_back: MailReturn | None = None


@dataclass(frozen=True, slots=True)
class RenderedMail:
    """The written mail: one-line subject, plain text, HTML, and the language it is in."""

    subject: str
    text: str
    html: str
    language: str
