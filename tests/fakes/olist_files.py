"""Small files in the public Olist format, made up row by row."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_HEADINGS: Mapping[str, Sequence[str]] = {
    "olist_orders_dataset.csv": (
        "order_id",
        "customer_id",
        "order_status",
        "order_purchase_timestamp",
        "order_approved_at",
        "order_delivered_carrier_date",
        "order_delivered_customer_date",
        "order_estimated_delivery_date",
    ),
    "olist_order_items_dataset.csv": (
        "order_id",
        "order_item_id",
        "product_id",
        "seller_id",
        "shipping_limit_date",
        "price",
        "freight_value",
    ),
    "olist_order_payments_dataset.csv": (
        "order_id",
        "payment_sequential",
        "payment_type",
        "payment_installments",
        "payment_value",
    ),
    "olist_order_reviews_dataset.csv": (
        "review_id",
        "order_id",
        "review_score",
        "review_comment_title",
        "review_comment_message",
        "review_creation_date",
        "review_answer_timestamp",
    ),
    "olist_customers_dataset.csv": (
        "customer_id",
        "customer_unique_id",
        "customer_zip_code_prefix",
        "customer_city",
        "customer_state",
    ),
    "olist_products_dataset.csv": (
        "product_id",
        "product_category_name",
        "product_name_lenght",
        "product_description_lenght",
        "product_photos_qty",
        "product_weight_g",
        "product_length_cm",
        "product_height_cm",
        "product_width_cm",
    ),
    "olist_sellers_dataset.csv": (
        "seller_id",
        "seller_zip_code_prefix",
        "seller_city",
        "seller_state",
    ),
    "product_category_name_translation.csv": (
        "product_category_name",
        "product_category_name_english",
    ),
}

PURCHASED = "2018-03-01 10:00:00"
APPROVED = "2018-03-01 12:30:00"
HANDED_OVER = "2018-03-03 09:15:00"
DELIVERED = "2018-03-08 18:45:30"
PROMISED = "2018-03-20 00:00:00"

# Product, seller, price, freight.
Item = tuple[str, str, str, str]
# Kind, installments, value.
Tender = tuple[str, str, str]
# Id, score.
Review = tuple[str, str]

ITEM: Item = ("soap", "shop-a", "40.0", "9.9")
TENDERS: Sequence[Tender] = (("credit_card", "1", "49.9"),)


@dataclass
class OlistFiles:
    """Rows by file; products `soap`, `lamp` and `rug`, sellers `shop-a` and `shop-b` are there.

    `item` is what orders have when they are not given others.
    """

    item: Item = ITEM
    rows: dict[str, list[tuple[str, ...]]] = field(
        default_factory=lambda: {name: [] for name in _HEADINGS}
    )

    def __post_init__(self) -> None:
        self._add("products", "soap", "beleza_saude", "10", "100", "1", "250", "10", "4", "6")
        self._add("products", "lamp", "moveis", "10", "100", "1", "1800.0", "40", "10", "30")
        self._add("products", "rug", "", "", "", "", "", "", "", "")
        self._add("sellers", "shop-a", "04726", "sao paulo", "SP")
        self._add("sellers", "shop-b", "80010", "curitiba", "PR")
        if self.item[1] not in {"shop-a", "shop-b"}:
            self._add("sellers", self.item[1], "30110", "belo horizonte", "MG")
        self.rows["product_category_name_translation.csv"].append(("beleza_saude", "health_beauty"))

    def add(
        self,
        order_id: str,
        status: str,
        *,
        purchased: str = PURCHASED,
        approved: str = "",
        handed_over: str = "",
        delivered: str = "",
        promised: str = PROMISED,
        items: Iterable[Item] | None = None,
        tenders: Iterable[Tender] = TENDERS,
        reviews: Iterable[Review] = (),
    ) -> "OlistFiles":
        """Add an order with all its rows."""
        customer = f"customer-of-{order_id}"
        self._add("customers", customer, f"person-of-{order_id}", "01310", "sao paulo", "SP")
        self._add(
            "orders",
            *(order_id, customer, status, purchased, approved, handed_over, delivered, promised),
        )
        for number, (product, seller, price, freight) in enumerate(
            [self.item] if items is None else items, 1
        ):
            self._add(
                "order_items", order_id, str(number), product, seller, PROMISED, price, freight
            )
        for number, tender in enumerate(tenders, 1):
            self._add("order_payments", order_id, str(number), *tender)
        for review_id, score in reviews:
            self._add(
                "order_reviews", review_id, order_id, score, "", "tudo bem", DELIVERED, DELIVERED
            )
        return self

    def delivered(self, order_id: str, **rest: Iterable[Item | Tender | Review]) -> "OlistFiles":
        """Add an order that went as it should."""
        return self.add(
            order_id,
            "delivered",
            approved=APPROVED,
            handed_over=HANDED_OVER,
            delivered=DELIVERED,
            **rest,  # type: ignore[arg-type]
        )

    def write(self, directory: Path) -> Path:
        """Write all files, as a spreadsheet would: with a mark of UTF-8 at the beginning."""
        directory.mkdir(parents=True, exist_ok=True)
        for name, heading in _HEADINGS.items():
            with (directory / name).open("w", encoding="utf-8-sig", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(heading)
                writer.writerows(self.rows[name])
        return directory

    def _add(self, name: str, *values: str) -> None:
        self.rows[f"olist_{name}_dataset.csv"].append(values)
