"""What is done to an order, in the order of its life, and what it must have come to in the end."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Place:
    """Send the order; `body` is that of `POST /v1/orders`."""

    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Approve:
    """Every tender that is worth something is confirmed at its provider."""

    at: datetime


@dataclass(frozen=True, slots=True)
class RunOut:
    """Nobody has the goods: wait until the order has canceled itself."""


@dataclass(frozen=True, slots=True)
class Start:
    """Each seller begins to work."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Pick:
    """Each seller has found all units."""

    at: datetime


@dataclass(frozen=True, slots=True)
class HandOver:
    """Each seller picks and packs one parcel and hands it to the carrier."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Scan:
    """The carrier scans every parcel; `status` is a tracking status."""

    status: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Cancel:
    """Support cancels. With `returned`, once every parcel is known to come back."""

    returned: bool = False


@dataclass(frozen=True, slots=True)
class Feedback:
    """The customer says something; `body` is that of `POST …/feedback`."""

    body: Mapping[str, Any]


Step = Place | Approve | RunOut | Start | Pick | HandOver | Scan | Cancel | Feedback


@dataclass(frozen=True, slots=True)
class Parcel:
    """Grams and millimeters, each at least 1."""

    weight_g: int
    length_mm: int
    width_mm: int
    height_mm: int


@dataclass(frozen=True, slots=True)
class ExpectedTender:
    """A payment as it must have ended. `kind` is the file's word, `method` ours."""

    kind: str
    method: str
    amount: int
    captured: int
    refunded: int


@dataclass(frozen=True, slots=True)
class Expected:
    """Where an order must end.

    `shipped` counts units that left, `parcels` what the carrier got; `delivered_at` is None when
    nothing is delivered or the file does not tell when. `late` compares with the promised moment.
    """

    status: frozenset[str]
    payment_status: str
    fulfillment_status: str
    cancel_reason: str | None
    all_picked: bool
    tenders: tuple[ExpectedTender, ...]
    parcels: int
    tracking_status: str | None
    shipped_at: datetime | None
    delivered_at: datetime | None
    feedback: frozenset[tuple[str, int]]

    @property
    def grand_total(self) -> int:
        """What the tenders bring."""
        return sum(tender.amount for tender in self.tenders)


@dataclass(frozen=True, slots=True)
class Life:
    """One order: its steps, the parcel each source packs, its end.

    `ends_as` is the file's status that the end looks like: `status`, but for a free order, which
    is never unpaid. `units` counts by (sku, warehouse).
    """

    order_id: str
    status: str
    ends_as: str
    placed_at: datetime
    promised_at: datetime | None
    steps: tuple[Step, ...]
    parcels: Mapping[str, Parcel]
    units: Mapping[tuple[str, str], int]
    expected: Expected

    @property
    def sources(self) -> int:
        """How many locations have work to do."""
        return len(self.parcels)

    @property
    def handed_over(self) -> bool:
        """Whether its goods leave the shelf."""
        return self.expected.parcels > 0

    @property
    def holds_stock(self) -> bool:
        """Whether goods are allocated to it in the end: paid for, and still on the shelf."""
        return not self.handed_over and self.expected.status == {"confirmed"}

    @property
    def finds_stock(self) -> bool:
        """Whether its goods are on the shelf when it comes."""
        return not any(isinstance(step, RunOut) for step in self.steps)
