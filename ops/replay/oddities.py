"""What is odd about an order's rows, and how the replay represents each kind of it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from ops.replay.olist import Book, Oddity, Order

# More tenders than a cashier would take.
MANY_TENDERS = 5
KNOWN_TENDERS = frozenset({"credit_card", "debit_card", "boleto", "voucher"})
# What an order with this status has behind it: approved, handed over, delivered.
_BEHIND: Mapping[str, tuple[bool, bool, bool]] = MappingProxyType(
    {
        "created": (False, False, False),
        "approved": (True, False, False),
        "processing": (True, False, False),
        "invoiced": (True, False, False),
        "unavailable": (True, False, False),
        "shipped": (True, True, False),
        "delivered": (True, True, True),
    }
)

EXPLANATIONS: Mapping[str, str] = MappingProxyType(
    {
        "approved_after_hand_over": "Paid before it is shipped, the only possible order of "
        "things; both keep their real times as occurred_at.",
        "approved_before_purchase": "Driven in order, the real times kept.",
        "canceled_after_delivery": "A delivered parcel cannot be canceled: it is returned to the "
        "sender at the time of delivery, support cancels, the money goes back.",
        "canceled_after_hand_over": "A parcel on its way cannot be canceled: the carrier brings it "
        "back (at the promised time), support cancels, the money goes back.",
        "customer_missing": "No such row in customers: placed without city and postal code.",
        "delivered_before_hand_over": "Driven in order, the real times kept.",
        "delivered_before_purchase": "Driven in order, the real times kept.",
        "free_and_not_approved": "Nothing is to be paid, so it is confirmed at once.",
        "handed_over_before_purchase": "Driven in order, the real times kept.",
        "installments_zero": "Taken as one installment.",
        "many_tenders": f"More than {MANY_TENDERS} tenders; each is one of the order's payments.",
        "missing_approval": "Had to be paid to get where it is: approved at the time of purchase.",
        "missing_delivery_time": "Delivered at the promised time, for want of the real one; left "
        "out of delivery days and late orders on both sides.",
        "missing_hand_over": "Handed over at the time of approval, for want of the real one.",
        "missing_promise": "No promised date: it is never late.",
        "no_payments": "No row in payments: placed with a discount of all it costs.",
        "no_reviews": "Nothing to record.",
        "orphan_row": "Its order is not in the file: nothing to place.",
        "payment_sequence_gap": "The numbers of its tenders have a gap: placed with those there "
        "are.",
        "product_missing": "No such row in products: an item without sizes.",
        "product_without_sizes": "Packed in a parcel with the least sizes that are possible.",
        "review_id_shared": "Other orders have a review by this id: recorded for each of them, "
        "since a reference is the order's own.",
        "review_repeated": "Several rows of one id: equal ones are one, others are numbered.",
        "review_without_score": "No score from 1 to 5: not recorded.",
        "review_without_time": "No readable time: recorded without one.",
        "seller_missing": "No such row in sellers: a source without city and postal code.",
        "several_reviews": "All are recorded.",
        "tender_of_zero": "A payment of nothing: it is part of the order, no provider is asked.",
        "tender_undefined": "Of a kind the file does not tell: paid as a wallet.",
        "tenders_below_lines": "The difference is a discount (beyond the goods, off the freight).",
        "tenders_exceed_lines": "The difference is a surcharge: installment_interest when a card "
        "was paid in installments, else payment_difference.",
        "time_beyond_status": "Has a time of something its status has not reached: the status "
        "counts, the time is not used.",
        # Orders that cannot be placed.
        "duplicate_order": "Left out: a second row of an order's id.",
        "no_items": "Left out: an order is made of lines.",
        "unknown_status": "Left out: the format has no such status.",
        "unreadable_order": "Left out: a value that cannot be read.",
    }
)


Found = Iterator[tuple[str, str]]


def of_book(book: Book) -> list[Oddity]:
    """Everything that is odd in the book, the orders that are left out apart."""
    found = list(book.oddities)
    shared = _shared_reviews(book.orders)
    for order in book.orders:
        found += of_order(order, book)
        found += [
            Oddity("review_id_shared", order.id, review.id)
            for review in order.reviews
            if review.id in shared
        ]
    return found


def of_order(order: Order, book: Book) -> list[Oddity]:
    """What is odd about one order, each code once."""
    found: dict[str, Oddity] = {}
    for checks in (_money, _times, _progress, _goods, _voices):
        for code, detail in checks(order, book):
            found.setdefault(code, Oddity(code, order.id, detail))
    return list(found.values())


def _money(order: Order, _: Book) -> Found:
    difference = order.tendered - order.goods - order.freight
    if not order.tenders:
        yield "no_payments", ""
    elif difference:
        code = "tenders_exceed_lines" if difference > 0 else "tenders_below_lines"
        yield code, f"{difference:+d}"
    if len(order.tenders) > MANY_TENDERS:
        yield "many_tenders", str(len(order.tenders))
    if [t.sequence for t in order.tenders] != list(range(1, len(order.tenders) + 1)):
        yield "payment_sequence_gap", ",".join(str(t.sequence) for t in order.tenders)
    for tender in order.tenders:
        if not tender.value:
            yield "tender_of_zero", tender.kind
        if tender.kind not in KNOWN_TENDERS:
            yield "tender_undefined", tender.kind
        if not tender.installments:
            yield "installments_zero", tender.kind


def _times(order: Order, _: Book) -> Found:
    purchased, approved = order.purchased_at, order.approved_at
    handed, delivered = order.handed_over_at, order.delivered_at
    if approved and approved < purchased:
        yield "approved_before_purchase", ""
    if approved and handed and approved > handed:
        yield "approved_after_hand_over", ""
    if handed and handed < purchased:
        yield "handed_over_before_purchase", ""
    if delivered and delivered < purchased:
        yield "delivered_before_purchase", ""
    if handed and delivered and delivered < handed:
        yield "delivered_before_hand_over", ""
    if order.promised_at is None:
        yield "missing_promise", ""


def _progress(order: Order, _: Book) -> Found:
    approved, handed, delivered = (
        order.approved_at is not None,
        order.handed_over_at is not None,
        order.delivered_at is not None,
    )
    if order.status == "canceled":
        if delivered:
            yield "canceled_after_delivery", ""
        elif handed:
            yield "canceled_after_hand_over", ""
        must = (handed or delivered, delivered, False)
    else:
        must = _BEHIND[order.status]
    names = ("missing_approval", "missing_hand_over", "missing_delivery_time")
    for name, needed, has in zip(names, must, (approved, handed, delivered), strict=True):
        if needed and not has:
            yield name, ""
        if has and not needed and order.status != "canceled":
            yield "time_beyond_status", order.status
    if order.status == "created" and not order.tendered:
        yield "free_and_not_approved", ""


def _goods(order: Order, book: Book) -> Found:
    for item in order.items:
        product = book.products.get(item.product_id)
        if product is None:
            yield "product_missing", item.product_id
        elif not product.measured:
            yield "product_without_sizes", item.product_id
        if item.seller_id not in book.sellers:
            yield "seller_missing", item.seller_id


def _voices(order: Order, _: Book) -> Found:
    if not order.reviews:
        yield "no_reviews", ""
    if len(order.reviews) > 1:
        yield "several_reviews", str(len(order.reviews))
    if len({review.id for review in order.reviews}) < len(order.reviews):
        yield "review_repeated", ""
    for review in order.reviews:
        if review.score is None:
            yield "review_without_score", review.id


def _shared_reviews(orders: Iterable[Order]) -> set[str]:
    owners = Counter(review_id for order in orders for review_id in {r.id for r in order.reviews})
    return {review_id for review_id, count in owners.items() if count > 1}
