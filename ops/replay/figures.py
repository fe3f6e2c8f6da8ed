"""Counts and sums of all orders, by the file and by Kervan, side by side."""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from ops.client import Json
from ops.replay.comparison import Difference, Ledger, moment
from ops.replay.steps import Life

Ends = Sequence[tuple[Life, Json, Ledger]]


@dataclass(frozen=True, slots=True)
class Both:
    """A figure by the file, and as it was found."""

    file: Any
    kervan: Any


def figures(ends: Ends) -> dict[str, Both]:
    """All figures by name; amounts are centavos.

    Days of delivery and late orders leave out those whose time of delivery the file does not tell.
    An order is late when it is delivered after the promised moment (the date's first), and late by
    the day when that is after the promised date.
    """
    by_file = Counter(life.ends_as for life, _, __ in ends)
    found = Counter(as_olist(order) for _, order, __ in ends)
    result = {"orders": Both(sum(by_file.values()), sum(found.values()))}
    for status in sorted(by_file | found):
        result[f"orders {status}"] = Both(by_file[status], found[status])
    result |= _money(ends)
    result |= _deliveries(ends)
    result["parcels handed over"] = Both(
        sum(life.expected.parcels for life, _, __ in ends),
        sum(bool(parcel["handed_over_at"]) for _, __, ledger in ends for parcel in ledger.parcels),
    )
    result["feedback"] = Both(
        sum(len(life.expected.feedback) for life, _, __ in ends),
        sum(len(order["feedback"]) for _, order, __ in ends),
    )
    return result


def figure_differences(found: Mapping[str, Both]) -> list[Difference]:
    """The figures that differ; the orders that make the difference are named on their own."""
    return [
        Difference("", name, both.file, both.kervan)
        for name, both in found.items()
        if both.file != both.kervan
    ]


def as_olist(order: Json) -> str:
    """The status of the file that an order looks like by what Kervan tells of it."""
    if order["status"] == "canceled":
        return "unavailable" if order["cancel_reason"] == "out_of_stock" else "canceled"
    if order["status"] == "pending":
        return "created"
    progress = order["fulfillment_status"]
    if progress == "in_progress":
        lines = [line for work in order["fulfillment_orders"] for line in work["lines"]]
        done = all(line["picked"] == line["quantity"] for line in lines)
        return "invoiced" if done else "processing"
    words = {"unfulfilled": "approved", "fulfilled": "shipped", "delivered": "delivered"}
    return words.get(progress, f"{order['status']}/{progress}")


def _money(ends: Ends) -> dict[str, Both]:
    by_file: defaultdict[str, Counter[str]] = defaultdict(Counter)
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for life, order, ledger in ends:
        for tender in life.expected.tenders:
            for what in ("amount", "captured", "refunded"):
                by_file[what][tender.kind] += getattr(tender, what)
                by_file[what]["all tenders"] += getattr(tender, what)
        kinds = order["metadata"].get("olist_tenders", [])
        for kind, payment in zip(kinds, order["payments"], strict=False):
            for what in ("amount", "captured", "refunded"):
                found[what][kind] += payment[what]["amount"]
                found[what]["all tenders"] += payment[what]["amount"]
        for payment in ledger.payments:
            for what in ("captured", "refunded"):
                found[what]["the provider"] += payment[what]["amount"]
    for what in ("captured", "refunded"):
        by_file[what]["the provider"] = by_file[what]["all tenders"]
    return {
        f"{what} by {kind}": Both(by_file[what][kind], found[what][kind])
        for what in ("amount", "captured", "refunded")
        for kind in sorted(by_file[what].keys() | found[what].keys())
    }


def _deliveries(ends: Ends) -> dict[str, Both]:
    by_file, found = _Deliveries(), _Deliveries()
    for life, order, _ in ends:
        if life.expected.delivered_at is None:
            continue
        by_file.add(life.placed_at, life.expected.delivered_at, life.promised_at)
        times = [moment(parcel["delivered_at"]) for parcel in order["shipments"]]
        known = [time for time in times if time is not None]
        placed_at = moment(order["placed_at"])
        if known and placed_at is not None:
            promised = moment(order["metadata"].get("olist_promised_at"))
            found.add(placed_at, max(known), promised)
    return {
        name: Both(value, theirs)
        for (name, value), theirs in zip(
            by_file.as_dict().items(), found.as_dict().values(), strict=True
        )
    }


class _Deliveries:
    def __init__(self) -> None:
        self._count = 0
        self._time = timedelta()
        self._late = 0
        self._late_by_day = 0

    def add(self, placed_at: Any, delivered_at: Any, promised_at: Any) -> None:  # noqa: ANN401
        self._count += 1
        self._time += delivered_at - placed_at
        if promised_at is not None:
            self._late += delivered_at > promised_at
            self._late_by_day += delivered_at.date() > promised_at.date()

    def as_dict(self) -> dict[str, Any]:
        days = self._time / timedelta(days=1)
        return {
            "deliveries with a time": self._count,
            "delivery days, sum": round(days, 2),
            "delivery days, mean": round(days / self._count, 2) if self._count else 0.0,
            "late orders": self._late,
            "late orders by the day": self._late_by_day,
        }


def as_json(found: Mapping[str, Both]) -> dict[str, Json]:
    """Figures for JSON, under names of one word: `captured_by_voucher`, `delivery_days_mean`."""
    return {
        re.sub(r"\W+", "_", name): {"file": both.file, "kervan": both.kervan}
        for name, both in found.items()
    }
