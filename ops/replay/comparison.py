"""Where an order ended, held against where its file says it did. Pure, over answers of the API."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ops.client import Json
from ops.replay.steps import Expected, Life

_LEFT = frozenset({"shipped", "delivered"})
_MONEY = ("captured", "refunded")


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as the file says."""

    order_id: str
    what: str
    expected: Any
    found: Any

    def as_dict(self) -> Json:
        """The difference for JSON."""
        values = {name: getattr(self, name) for name in Difference.__slots__}
        return {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in values.items()
        }


@dataclass(frozen=True, slots=True)
class Ledger:
    """What the providers believe of one order: their payments and parcels."""

    payments: Sequence[Json] = ()
    parcels: Sequence[Json] = ()


def differences(life: Life, order: Json | None, ledger: Ledger) -> list[Difference]:
    """Everything about one order that is not as it should be."""
    if order is None:
        return [Difference(life.order_id, "order", "placed", None)]
    pairs = [
        *_axes(life.expected, order),
        *_totals(life.expected, order),
        *_tenders(life.expected, order),
        *_goods(life, order),
        *_parcels(life.expected, order),
        *_feedback(life.expected, order),
        *_payments_of_provider(order, ledger),
        *_parcels_of_carrier(life.expected, order, ledger),
    ]
    return [
        Difference(life.order_id, what, expected, found)
        for what, expected, found in pairs
        if expected != found
    ]


Pairs = Iterator[tuple[str, Any, Any]]


def _axes(expected: Expected, order: Json) -> Pairs:
    if order["status"] not in expected.status:
        yield "status", "|".join(sorted(expected.status)), order["status"]
    yield "payment_status", expected.payment_status, order["payment_status"]
    yield "fulfillment_status", expected.fulfillment_status, order["fulfillment_status"]
    yield "cancel_reason", expected.cancel_reason, order["cancel_reason"]


def _totals(expected: Expected, order: Json) -> Pairs:
    yield "grand_total", expected.grand_total, order["totals"]["grand_total"]["amount"]


def _tenders(expected: Expected, order: Json) -> Pairs:
    found = order["payments"]
    yield "tenders", len(expected.tenders), len(found)
    for place, (tender, ours) in enumerate(zip(expected.tenders, found, strict=False), 1):
        name = f"tender {place} ({tender.kind})"
        yield f"{name} method", tender.method, ours["method"]
        for what in ("amount", *_MONEY):
            yield f"{name} {what}", getattr(tender, what), ours[what]["amount"]


def _goods(life: Life, order: Json) -> Pairs:
    units: Counter[str] = Counter()
    for line in order["lines"]:
        units[line["sku"]] += line["quantity"]
    ordered = {sku: quantity for (sku, _), quantity in life.units.items()}
    yield "units", ordered, dict(units)
    if life.expected.all_picked:
        asked = sum(
            line["quantity"] for work in order["fulfillment_orders"] for line in work["lines"]
        )
        picked = sum(
            line["picked"] for work in order["fulfillment_orders"] for line in work["lines"]
        )
        yield "units at sources", sum(ordered.values()), asked
        yield "units picked", sum(ordered.values()), picked


def _parcels(expected: Expected, order: Json) -> Pairs:
    left = [parcel for parcel in order["shipments"] if parcel["status"] in _LEFT]
    yield "parcels handed over", expected.parcels, len(left)
    for parcel in left:
        yield f"tracking of {parcel['id']}", expected.tracking_status, parcel["tracking_status"]
        if expected.shipped_at is not None:
            yield f"hand-over of {parcel['id']}", expected.shipped_at, moment(parcel["shipped_at"])
        if expected.delivered_at is not None:
            found = moment(parcel["delivered_at"])
            yield f"delivery of {parcel['id']}", expected.delivered_at, found


def _feedback(expected: Expected, order: Json) -> Pairs:
    # Lists, which JSON knows.
    found = sorted([one["reference"], one["score"]] for one in order["feedback"])
    yield "feedback", sorted([reference, score] for reference, score in expected.feedback), found


def _payments_of_provider(order: Json, ledger: Ledger) -> Pairs:
    """The provider's books and ours: each tender that is worth something once, to the cent."""
    ours = {one["id"]: one for one in order["payments"] if one["amount"]["amount"]}
    theirs: Counter[str] = Counter(one["payment"] for one in ledger.payments)
    yield "payments at the provider", Counter(ours.keys()), theirs
    for one in ledger.payments:
        known = ours.get(one["payment"])
        for what in _MONEY:
            found = known[what]["amount"] if known else None
            yield f"{what} of {one['payment']} at the provider", found, one[what]["amount"]


def _parcels_of_carrier(expected: Expected, order: Json, ledger: Ledger) -> Pairs:
    theirs = Counter(p["tracking_number"] for p in ledger.parcels if p["handed_over_at"])
    ours = Counter(p["tracking_number"] for p in order["shipments"] if p["status"] in _LEFT)
    yield "parcels at the carrier", ours, theirs
    for parcel in ledger.parcels:
        if parcel["handed_over_at"] and expected.tracking_status is not None:
            number = parcel["tracking_number"]
            yield f"carrier's status of {number}", expected.tracking_status, parcel["status"]


def moment(text: str | None) -> datetime | None:
    """A time of the API."""
    return datetime.fromisoformat(text) if text else None


def units_gone(order: Json) -> Counter[str]:
    """Units by item that left the shelf for an order, canceled afterwards or not."""
    skus = {line["id"]: line["sku"] for line in order["lines"]}
    units: Counter[str] = Counter()
    for parcel in order["shipments"]:
        if parcel["status"] in _LEFT:
            for part in parcel["lines"]:
                units[skus[part["line_id"]]] += part["quantity"]
    return units


def stock_differences(
    lives: Iterable[Life],
    others: Iterable[Json],
    received: Mapping[tuple[str, str], int],
    levels: Iterable[Json],
) -> list[Difference]:
    """Whether each level is what was received less what left, and allocated what is still to leave.

    `others` are orders of the channel that are not compared otherwise (of an earlier run with
    another limit): what they hold is taken as they say.
    """
    gone: Counter[str] = Counter()
    allocated: Counter[str] = Counter()
    wanted: set[tuple[str, str]] = set()
    for life in lives:
        wanted |= life.units.keys()
        for (sku, _), quantity in life.units.items():
            gone[sku] += quantity if life.handed_over else 0
            allocated[sku] += quantity if life.holds_stock else 0
    for order in others:
        gone += units_gone(order)
        for line in order["lines"]:
            allocated[line["sku"]] += line["allocated"]
    found = {(level["sku"], level["warehouse"]): level for level in levels}
    result = []
    for sku, warehouse in sorted(wanted):
        level = found.get((sku, warehouse), {})
        expected = {
            "on_hand": received.get((sku, warehouse), 0) - gone[sku],
            "allocated": allocated[sku],
        }
        result += [
            Difference("", f"{what} of {sku} at {warehouse}", quantity, level.get(what, 0))
            for what, quantity in expected.items()
            if quantity != level.get(what, 0)
        ]
    return result
