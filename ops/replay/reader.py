"""Reads a directory of the Olist format. Nothing is dropped in silence: see `olist.Book`."""

import csv
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from domain.money import exponent
from ops.replay.olist import (
    CURRENCY,
    STATUSES,
    Book,
    Item,
    Oddity,
    OlistError,
    Order,
    Place,
    Product,
    Review,
    Tender,
)

T = TypeVar("T")
Row = Mapping[str, str]

# Each file with the columns that are read of it. The geolocation file is needed for nothing.
_COLUMNS: Mapping[str, str] = MappingProxyType(
    {
        "orders": "order_id customer_id order_status order_purchase_timestamp order_approved_at "
        "order_delivered_carrier_date order_delivered_customer_date "
        "order_estimated_delivery_date",
        "order_items": "order_id product_id seller_id price freight_value",
        "order_payments": "order_id payment_sequential payment_type payment_installments "
        "payment_value",
        "order_reviews": "review_id order_id review_score review_comment_title "
        "review_comment_message review_creation_date review_answer_timestamp",
        "customers": "customer_id customer_unique_id customer_zip_code_prefix customer_city "
        "customer_state",
        "products": "product_id product_category_name product_weight_g product_length_cm "
        "product_height_cm product_width_cm",
        "sellers": "seller_id seller_zip_code_prefix seller_city seller_state",
    }
)
_TRANSLATION = "product_category_name_translation.csv"
_BEST_SCORE = 5
_MILLIMETERS_IN_CENTIMETER = 10


class _Unreadable(ValueError):
    """A value that is not what its column holds."""


def read(directory: Path) -> Book:
    """All orders of the files, oldest first.

    Raises:
        OlistError: a file or a column is missing, or a file is no CSV in UTF-8.

    """
    return _Reader(directory).read()


class _Reader:
    """One reading. What is odd, and which orders are unusable and why, is collected on the way."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._oddities: list[Oddity] = []
        self._unusable: dict[str, str] = {}

    def read(self) -> Book:
        """Put the files together by their ids."""
        orders, left_out, in_file = self._heads()
        items = self._parts("order_items", _item)
        tenders = self._parts("order_payments", _tender)
        reviews = self._parts("order_reviews", self._review)
        fit = []
        for head in orders:
            order = replace(
                head,
                items=tuple(items.get(head.id, ())),
                tenders=tuple(sorted(tenders.get(head.id, ()), key=lambda t: t.sequence)),
                reviews=tuple(reviews.get(head.id, ())),
            )
            reason = self._why_not(order)
            if reason is None:
                fit.append(order)
            else:
                left_out.append(reason)
        known = {order.id for order in orders} | {oddity.order_id for oddity in left_out}
        for name, parts in (("item", items), ("payment", tenders), ("review", reviews)):
            for order_id in parts.keys() - known:
                self._note("orphan_row", order_id, f"{name} of an order that is not in the file")
        return Book(
            orders=tuple(sorted(fit, key=lambda order: (order.purchased_at, order.id))),
            products=self._products(),
            sellers={
                row["seller_id"]: _place(row, "seller") for row in self._rows(*_file("sellers"))
            },
            oddities=tuple(self._oddities),
            left_out=tuple(left_out),
            in_file=in_file,
        )

    def _heads(self) -> tuple[list[Order], list[Oddity], int]:
        customers = {row["customer_id"]: row for row in self._rows(*_file("customers"))}
        orders: dict[str, Order] = {}
        left_out: list[Oddity] = []
        rows = list(self._rows(*_file("orders")))
        for row in rows:
            order_id = row["order_id"]
            if order_id in orders:
                left_out.append(Oddity("duplicate_order", order_id, "another row has this id"))
                continue
            try:
                orders[order_id] = self._head(row, customers.get(row["customer_id"]))
            except _Unreadable as error:
                left_out.append(Oddity("unreadable_order", order_id, str(error)))
        return list(orders.values()), left_out, len(rows)

    def _head(self, row: Row, customer: Row | None) -> Order:
        purchased_at = _time(row["order_purchase_timestamp"])
        if not row["order_id"] or purchased_at is None:
            message = "no id, or no time of purchase"
            raise _Unreadable(message)
        if customer is None:
            self._note("customer_missing", row["order_id"], row["customer_id"])
        return Order(
            id=row["order_id"],
            status=row["order_status"],
            person_id=customer["customer_unique_id"] if customer else row["customer_id"],
            place=_place(customer, "customer") if customer else Place(),
            purchased_at=purchased_at,
            approved_at=_time(row["order_approved_at"]),
            handed_over_at=_time(row["order_delivered_carrier_date"]),
            delivered_at=_time(row["order_delivered_customer_date"]),
            promised_at=_time(row["order_estimated_delivery_date"]),
        )

    def _why_not(self, order: Order) -> Oddity | None:
        """Why an order cannot be placed at all."""
        if order.id in self._unusable:
            return Oddity("unreadable_order", order.id, self._unusable[order.id])
        if order.status not in STATUSES:
            return Oddity("unknown_status", order.id, order.status)
        if not order.items:
            return Oddity("no_items", order.id)
        return None

    def _parts(self, name: str, make: Callable[[Row], T]) -> dict[str, list[T]]:
        """Rows of a file by their order; one that cannot be read makes its order unusable."""
        parts: defaultdict[str, list[T]] = defaultdict(list)
        for row in self._rows(*_file(name)):
            try:
                parts[row["order_id"]].append(make(row))
            except _Unreadable as error:
                self._unusable[row["order_id"]] = f"{name}: {error}"
        return parts

    def _review(self, row: Row) -> Review:
        score = row["review_score"].removesuffix(".0")
        known = score.isascii() and score.isdecimal() and 1 <= int(score) <= _BEST_SCORE
        try:
            answered_at = _time(row["review_answer_timestamp"] or row["review_creation_date"])
        except _Unreadable:
            answered_at = None
            self._note("review_without_time", row["order_id"], row["review_id"])
        return Review(
            id=row["review_id"],
            score=int(score) if known else None,
            title=row["review_comment_title"].strip(),
            comment=row["review_comment_message"].strip(),
            answered_at=answered_at,
        )

    def _products(self) -> dict[str, Product]:
        translated = {}
        if (self._directory / _TRANSLATION).is_file():
            columns = ("product_category_name", "product_category_name_english")
            translated = {
                row[columns[0]]: row[columns[1]] for row in self._rows(_TRANSLATION, columns)
            }
        return {
            row["product_id"]: _product(row, translated) for row in self._rows(*_file("products"))
        }

    def _rows(self, name: str, columns: tuple[str, ...]) -> Iterator[Row]:
        """Rows of a CSV file with a heading; an absent value is an empty text."""
        path = self._directory / name
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                reader = csv.DictReader(file, restval="")
                missing = [name for name in columns if name not in (reader.fieldnames or ())]
                if missing:
                    message = f"{path} has no column {', '.join(missing)}"
                    raise OlistError(message)
                yield from reader
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            message = f"{path} cannot be read: {error}"
            raise OlistError(message) from None

    def _note(self, code: str, order_id: str, detail: str) -> None:
        self._oddities.append(Oddity(code, order_id, detail))


def _file(name: str) -> tuple[str, tuple[str, ...]]:
    return f"olist_{name}_dataset.csv", tuple(_COLUMNS[name].split())


def _item(row: Row) -> Item:
    return Item(
        product_id=row["product_id"],
        seller_id=row["seller_id"],
        price=centavos(row["price"]),
        freight=centavos(row["freight_value"]),
    )


def _tender(row: Row) -> Tender:
    return Tender(
        sequence=_whole(row["payment_sequential"]),
        kind=row["payment_type"],
        installments=_whole(row["payment_installments"]),
        value=centavos(row["payment_value"]),
    )


def _product(row: Row, translated: Mapping[str, str]) -> Product:
    category = row["product_category_name"]
    return Product(
        id=row["product_id"],
        category=translated.get(category, category),
        weight_g=_size(row["product_weight_g"], 1),
        length_mm=_size(row["product_length_cm"], _MILLIMETERS_IN_CENTIMETER),
        width_mm=_size(row["product_width_cm"], _MILLIMETERS_IN_CENTIMETER),
        height_mm=_size(row["product_height_cm"], _MILLIMETERS_IN_CENTIMETER),
    )


def _place(row: Row, whose: str) -> Place:
    return Place(row[f"{whose}_zip_code_prefix"], row[f"{whose}_city"], row[f"{whose}_state"])


def centavos(text: str) -> int:
    """An amount of the files in minor units, exactly: `99.9` is 9990; no rounding."""
    amount = _decimal(text).scaleb(exponent(CURRENCY))
    if amount < 0 or amount != amount.to_integral_value():
        message = f"{text!r} is no amount of {CURRENCY}"
        raise _Unreadable(message)
    return int(amount)


def _whole(text: str) -> int:
    number = _decimal(text)
    if number < 0 or number != number.to_integral_value():
        message = f"{text!r} is no count"
        raise _Unreadable(message)
    return int(number)


def _size(text: str, unit: int) -> int:
    """A weight or a length, 0 where the file has none that can be read."""
    try:
        return max(0, round(_decimal(text) * unit))
    except _Unreadable:
        return 0


def _decimal(text: str) -> Decimal:
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        message = f"{text!r} is no number"
        raise _Unreadable(message)
    return number


def _time(text: str) -> datetime | None:
    """A time of the files, which have no zone, as UTC; None where the file has none."""
    if not text.strip():
        return None
    try:
        return datetime.fromisoformat(text.strip()).replace(tzinfo=UTC)
    except ValueError:
        message = f"{text!r} is no time"
        raise _Unreadable(message) from None
