"""The public Olist format in our own words: what the files say of an order, as they say it.

https://www.kaggle.com/datasets/olistbr/brazilian-ecommerce. Times have no zone in the files and
are taken as UTC, so that differences between them stay what they are. Amounts are centavos.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

CURRENCY = "BRL"
COUNTRY = "BR"

STATUSES = (
    "created",
    "approved",
    "processing",
    "invoiced",
    "shipped",
    "delivered",
    "canceled",
    "unavailable",
)


class OlistError(Exception):
    """The directory does not hold the Olist format; the message says which file and what."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody lives, as far as the files tell: five digits, city, state."""

    zip_prefix: str = ""
    city: str = ""
    state: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """One unit of a product from a seller, with its share of the freight."""

    product_id: str
    seller_id: str
    price: int
    freight: int


@dataclass(frozen=True, slots=True)
class Tender:
    """One payment. `kind` is the file's word: credit_card, boleto, voucher, debit_card…"""

    sequence: int
    kind: str
    installments: int
    value: int


@dataclass(frozen=True, slots=True)
class Review:
    """What the customer said. `score` is None when the file has none between 1 and 5."""

    id: str
    score: int | None
    title: str
    comment: str
    answered_at: datetime | None


@dataclass(frozen=True, slots=True)
class Product:
    """A product's category (in English where the files translate it), grams and millimeters."""

    id: str
    category: str
    weight_g: int
    length_mm: int
    width_mm: int
    height_mm: int

    @property
    def measured(self) -> bool:
        """Whether the file knows its weight and all its sizes."""
        return all((self.weight_g, self.length_mm, self.width_mm, self.height_mm))


@dataclass(frozen=True, slots=True)
class Order:
    """All that the files say of one order. Times that a file leaves empty are None."""

    id: str
    status: str
    person_id: str
    place: Place
    purchased_at: datetime
    approved_at: datetime | None
    handed_over_at: datetime | None
    delivered_at: datetime | None
    promised_at: datetime | None
    items: tuple[Item, ...] = ()
    tenders: tuple[Tender, ...] = ()
    reviews: tuple[Review, ...] = ()

    @property
    def sellers(self) -> tuple[str, ...]:
        """Each seller once."""
        return tuple(sorted({item.seller_id for item in self.items}))

    @property
    def goods(self) -> int:
        """What the lines cost."""
        return sum(item.price for item in self.items)

    @property
    def freight(self) -> int:
        """What the delivery costs."""
        return sum(item.freight for item in self.items)

    @property
    def tendered(self) -> int:
        """What the payments bring."""
        return sum(tender.value for tender in self.tenders)


@dataclass(frozen=True, slots=True)
class Oddity:
    """A row that is not as one would expect; `code` is explained in `oddities.EXPLANATIONS`."""

    code: str
    order_id: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Book:
    """The files as a whole.

    `oddities` holds what was odd about rows as such; `left_out` the orders that cannot be placed,
    with the reason; `in_file` counts the order rows.
    """

    orders: tuple[Order, ...]
    products: Mapping[str, Product] = field(default_factory=lambda: MappingProxyType({}))
    sellers: Mapping[str, Place] = field(default_factory=lambda: MappingProxyType({}))
    oddities: tuple[Oddity, ...] = ()
    left_out: tuple[Oddity, ...] = ()
    in_file: int = 0
