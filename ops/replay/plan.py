"""From an order's rows to the steps of its life and the end they must lead to. Pure functions."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import IntEnum
from types import MappingProxyType
from typing import Any

from ops.replay.olist import COUNTRY, CURRENCY, Book, Order, Place, Product, Review, Tender
from ops.replay.steps import (
    Approve,
    Cancel,
    Expected,
    ExpectedTender,
    Feedback,
    HandOver,
    Life,
    Parcel,
    Pick,
    RunOut,
    Scan,
    Start,
    Step,
)
from ops.replay.steps import Place as PlaceStep

CHANNEL = "olist"
CANCEL_REASON = "canceled_at_marketplace"
# The sandbox's token that waits until it is told how the customer decided.
TOKEN = "tok_manual"  # noqa: S105 - a name, no secret
# The sandbox's delivery option whose parcels move only when they are told to.
SHIPPING_OPTION = "manual"
INTEREST = "installment_interest"
DIFFERENCE = "payment_difference"
_UNKNOWN = "not published"
_UNNAMED_TENDER = "wallet"

METHODS: Mapping[str, str] = MappingProxyType(
    {
        "credit_card": "card",
        "debit_card": "card",
        "boleto": "bank_transfer",
        "voucher": "voucher",
    }
)


class Stage(IntEnum):
    """How far an order got before it ended or stopped."""

    PLACED = 0
    APPROVED = 1
    STARTED = 2
    PICKED = 3
    HANDED_OVER = 4
    DELIVERED = 5


_STAGES: Mapping[str, Stage] = MappingProxyType(
    {
        "created": Stage.PLACED,
        "approved": Stage.APPROVED,
        "unavailable": Stage.APPROVED,
        "processing": Stage.STARTED,
        "invoiced": Stage.PICKED,
        "shipped": Stage.HANDED_OVER,
        "delivered": Stage.DELIVERED,
    }
)


def plan(order: Order, book: Book) -> Life:
    """An order's life, with the file's times; where it has none see `oddities.EXPLANATIONS`."""
    return Life(
        order_id=order.id,
        status=order.status,
        ends_as=order.status if order.status != "created" or order.tendered else "approved",
        placed_at=order.purchased_at,
        promised_at=order.promised_at,
        steps=tuple(_steps(order, book)),
        parcels=_parcels(order, book),
        units=Counter((sku(i.product_id, i.seller_id), i.seller_id) for i in order.items),
        expected=_expected(order),
    )


def sku(product_id: str, seller_id: str) -> str:
    """The item's code: a product of a seller, so that the seller is its only source."""
    return f"{product_id}-{seller_id}"


def stage(order: Order) -> Stage:
    """How far the order got; what a canceled one has behind it tell its times."""
    if order.status != "canceled":
        return _STAGES[order.status]
    if order.handed_over_at or order.delivered_at:
        return Stage.HANDED_OVER
    return Stage.APPROVED if order.approved_at else Stage.PLACED


def _steps(order: Order, book: Book) -> Iterator[Step]:
    approved_at = order.approved_at or order.purchased_at
    handed_at = order.handed_over_at or approved_at
    reached, canceled = stage(order), order.status == "canceled"
    yield PlaceStep(_body(order, book))
    if reached >= Stage.APPROVED:
        yield Approve(approved_at)
    if order.status == "unavailable":
        yield RunOut()
    elif reached is Stage.STARTED:
        yield Start(approved_at)
    elif reached is Stage.PICKED:
        yield Pick(approved_at)
    elif reached >= Stage.HANDED_OVER:
        yield HandOver(handed_at)
        # Where only the promise tells when something happened, it did not do so before the start.
        end_at = order.delivered_at or max(order.promised_at or handed_at, handed_at)
        if canceled:
            yield Scan("return_to_sender", end_at)
        elif reached is Stage.DELIVERED:
            yield Scan("delivered", end_at)
        else:
            yield Scan("in_transit", handed_at)
    if canceled:
        yield Cancel(returned=reached is Stage.HANDED_OVER)
    for reference, review in _reviews(order):
        yield Feedback(_feedback(reference, review))


# -- the order as it is placed -----------------------------------------------------------------


def _body(order: Order, book: Book) -> dict[str, Any]:
    shipping, discount, surcharge = _adjustments(order)
    name = f"Customer {order.person_id[:8]}" if order.person_id else "Customer"
    body: dict[str, Any] = {
        "channel": CHANNEL,
        "channel_order_id": order.id,
        "currency": CURRENCY,
        "locale": "pt-BR",
        "customer": {"id": order.person_id or None, "name": name},
        "shipping_address": {"name": name, "line1": _UNKNOWN, **address(order.place)},
        "lines": _lines(order, book),
        "shipping": {"option": SHIPPING_OPTION, "price": _money(shipping)},
        "discounts": [{"code": DIFFERENCE, "amount": _money(discount)}] if discount else [],
        "surcharges": (
            [{"code": _surcharge_code(order), "amount": _money(surcharge)}] if surcharge else []
        ),
        "payments": [_payment(tender) for tender in order.tenders],
        "totals": {"grand_total": _money(order.tendered)},
        "out_of_stock": "cancel" if order.status == "unavailable" else "backorder",
        "placed_at": text(order.purchased_at),
        "metadata": {
            "olist_promised_at": text(order.promised_at) if order.promised_at else None,
            "olist_tenders": [tender.kind for tender in order.tenders],
        },
    }
    region = order.place.state.strip()
    if region:
        body["shipping_address"]["region"] = region
    return body


def address(place: Place) -> dict[str, str]:
    """City, postal code and country of an address."""
    return {
        "city": place.city.strip()[:100] or _UNKNOWN,
        "postal_code": place.zip_prefix.strip()[:20],
        "country": COUNTRY,
    }


def _lines(order: Order, book: Book) -> list[dict[str, Any]]:
    """A line for each item and price; the file has a row for each unit."""
    units = Counter((i.product_id, i.seller_id, i.price) for i in order.items)
    return [
        {
            "sku": sku(product_id, seller_id),
            "name": item_name(product_id, book),
            "quantity": quantity,
            "unit_price": _money(price),
        }
        for (product_id, seller_id, price), quantity in units.items()
    ]


def item_name(product_id: str, book: Book) -> str:
    """The files have no names of products: its category and the beginning of its id."""
    product = book.products.get(product_id)
    category = product.category.replace("_", " ").strip() if product else ""
    return f"{category or 'product'} {product_id[:8]}"


def _adjustments(order: Order) -> tuple[int, int, int]:
    """Shipping price, discount and surcharge that bring the order to what was tendered."""
    difference = order.tendered - order.goods - order.freight
    discount = min(max(0, -difference), order.goods)
    shipping = order.freight - max(0, -difference - discount)
    return shipping, discount, max(0, difference)


def _surcharge_code(order: Order) -> str:
    on_credit = any(t.kind == "credit_card" and t.installments > 1 for t in order.tenders)
    return INTEREST if on_credit else DIFFERENCE


def _payment(tender: Tender) -> dict[str, Any]:
    return {
        "method": _method(tender),
        "provider": "sandbox",
        "token": TOKEN,
        # At this marketplace an approved payment is one that was taken.
        "capture": "immediate",
        "amount": _money(tender.value),
        "installments": max(1, tender.installments),
    }


def _method(tender: Tender) -> str:
    return METHODS.get(tender.kind, _UNNAMED_TENDER)


def _money(amount: int) -> dict[str, Any]:
    return {"amount": amount, "currency": CURRENCY}


def text(moment: datetime) -> str:
    """A time as the API takes it."""
    return moment.isoformat().replace("+00:00", "Z")


# -- parcels and feedback ----------------------------------------------------------------------


def _parcels(order: Order, book: Book) -> dict[str, Parcel]:
    """One parcel for each seller: weights add up, and things lie on top of each other."""
    contents: defaultdict[str, list[Product]] = defaultdict(list)
    for item in order.items:
        product = book.products.get(item.product_id) or Product(item.product_id, "", 0, 0, 0, 0)
        contents[item.seller_id].append(product)
    return {
        seller_id: Parcel(
            weight_g=max(1, sum(p.weight_g for p in products)),
            length_mm=max(1, *(p.length_mm for p in products)),
            width_mm=max(1, *(p.width_mm for p in products)),
            height_mm=max(1, sum(p.height_mm for p in products)),
        )
        for seller_id, products in sorted(contents.items())
    }


def _reviews(order: Order) -> Iterator[tuple[str, Review]]:
    """Reviews with a score, each with its reference; equal rows are one, others are numbered."""
    seen: list[Review] = []
    taken: Counter[str] = Counter()
    for review in order.reviews:
        if review.score is None or review in seen:
            continue
        seen.append(review)
        taken[review.id] += 1
        number = taken[review.id]
        yield (review.id if number == 1 else f"{review.id}-{number}"), review


def _feedback(reference: str, review: Review) -> dict[str, Any]:
    body: dict[str, Any] = {"reference": reference, "score": review.score}
    if review.title:
        body["title"] = review.title[:200]
    if review.comment:
        body["comment"] = review.comment[:5000]
    if review.answered_at:
        body["occurred_at"] = text(review.answered_at)
    return body


# -- the end -----------------------------------------------------------------------------------


def _expected(order: Order) -> Expected:
    reached = stage(order)
    undone = order.status in ("canceled", "unavailable")
    left = reached >= Stage.HANDED_OVER
    tenders = tuple(_expected_tender(t, reached, undone=undone) for t in order.tenders)
    paid = reached >= Stage.APPROVED or not order.tendered
    tracking = "return_to_sender" if undone else "in_transit"
    return Expected(
        status=_order_status(undone=undone, paid=paid, delivered=reached is Stage.DELIVERED),
        payment_status=_payment_status(order, undone=undone, paid=paid),
        fulfillment_status=_fulfillment_status(reached, undone=undone),
        cancel_reason=_cancel_reason(order),
        all_picked=reached >= Stage.PICKED,
        tenders=tenders,
        parcels=len(order.sellers) if left else 0,
        tracking_status=("delivered" if reached is Stage.DELIVERED else tracking) if left else None,
        shipped_at=order.handed_over_at if left else None,
        delivered_at=order.delivered_at if reached is Stage.DELIVERED else None,
        feedback=frozenset(
            (reference, review.score)
            for reference, review in _reviews(order)
            if review.score is not None
        ),
    )


def _expected_tender(tender: Tender, reached: Stage, *, undone: bool) -> ExpectedTender:
    taken = tender.value if reached >= Stage.APPROVED else 0
    return ExpectedTender(tender.kind, _method(tender), tender.value, taken, taken if undone else 0)


def _order_status(*, undone: bool, paid: bool, delivered: bool) -> frozenset[str]:
    if undone:
        return frozenset({"canceled"})
    if not paid:
        return frozenset({"pending"})
    # Completed when the shop's return window is over.
    return frozenset({"confirmed", "completed"} if delivered else {"confirmed"})


def _payment_status(order: Order, *, undone: bool, paid: bool) -> str:
    if not undone:
        return "paid" if paid else "pending"
    return "refunded" if paid and order.tendered else "voided"


def _fulfillment_status(reached: Stage, *, undone: bool) -> str:
    if undone or reached <= Stage.APPROVED:
        return "unfulfilled"
    if reached >= Stage.HANDED_OVER:
        return "delivered" if reached is Stage.DELIVERED else "fulfilled"
    return "in_progress"


def _cancel_reason(order: Order) -> str | None:
    return {"canceled": CANCEL_REASON, "unavailable": "out_of_stock"}.get(order.status)
