"""What goes into an activity and comes out: one frozen dataclass each, without personal data.

Times are RFC 3339 strings, amounts minor units of the order's currency, durations seconds.
"""

from dataclasses import dataclass, field
from datetime import datetime

from domain.order import Order


@dataclass(frozen=True)
class PaymentCall:
    """Ask a provider about one tender. The operation's id is its idempotency key.

    `maybe_sent`: an earlier try may have reached the provider, so look first.
    """

    order_id: str
    payment_id: str
    kind: str
    cause: str
    amount: int
    maybe_sent: bool = False

    @property
    def operation_id(self) -> str:
        """Made from the tender and the operation, never from the attempt."""
        return f"{self.payment_id}-{self.cause}"


@dataclass(frozen=True)
class PaymentResult:
    """How an operation ended, or what a provider's webhook told."""

    order_id: str
    payment_id: str
    operation_id: str
    kind: str
    status: str
    amount: int
    provider_ref: str = ""
    reason: str = ""
    captured: bool = False
    expires_at: str = ""
    occurred_at: str = ""


@dataclass(frozen=True)
class Confirm:
    """Reserve stock for a paid order, by its policy, and ask the locations to prepare it.

    `everywhere`: those too which did not find its units before.
    """

    order_id: str
    cause: str
    pick_deadline: float
    everywhere: bool = False


@dataclass(frozen=True)
class Confirmed:
    """What came of it. `outcome`: allocated, waiting (for stock) or unavailable (nothing to do).

    `work` are the fulfillment orders that were opened, `warehouses` their places; `missing`
    tells that nobody had some units, and that the customer is to hear of it.
    """

    order: Order
    outcome: str
    work: list[str] = field(default_factory=list)
    warehouses: list[str] = field(default_factory=list)
    missing: bool = False


@dataclass(frozen=True)
class Asked:
    """Who asked for a step: what its timeline event says."""

    actor: str = "kervan"
    role: str = "system"
    request_event: int = 0


@dataclass(frozen=True)
class Cancel:
    """Begin to cancel (all of it), or cancel units of lines.

    `phases`: those in which who asks may, by the shop's policy; None asks no policy. `fees`: what
    is kept of the order, by phase.
    """

    order_id: str
    cause: str
    reason: str
    by: Asked = field(default_factory=Asked)
    lines: dict[str, int] = field(default_factory=dict)
    phases: list[str] | None = None
    fees: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Close:
    """End the order: completed, canceled or expired."""

    order_id: str
    status: str
    reason: str = ""
    by: Asked = field(default_factory=Asked)


@dataclass(frozen=True)
class HoldChange:
    """Add or release a hold; one that is added may end by itself: when, and what is done then."""

    order_id: str
    hold_id: str
    by: Asked
    reason: str = ""
    pick_deadline: float = 0.0
    ends_at: str = ""
    at_end: str = ""


@dataclass(frozen=True)
class Note:
    """A timeline event of the workflow: something asked, refused or noticed.

    `notify` is a milestone that the customer is to be told with it.
    """

    order_id: str
    cause: str
    type: str
    by: Asked = field(default_factory=Asked)
    data: dict[str, str] = field(default_factory=dict)
    notify: str = ""


@dataclass(frozen=True)
class AttentionSet:
    """The order waits for a person."""

    order_id: str
    code: str
    subject: str
    detail: str
    can: list[str]
    since: str = ""


@dataclass(frozen=True)
class AttentionCleared:
    """It does not any more: (code, subject) pairs."""

    order_id: str
    reasons: list[list[str]]


@dataclass(frozen=True)
class Packed:
    """Parcels of one location are packed."""

    order_id: str
    cause: str
    fulfillment_order_id: str
    parcels: list["PackedParcel"]
    by: Asked
    occurred_at: str = ""


@dataclass(frozen=True)
class PackedParcel:
    """One box: units per line, grams, millimetres; the pieces' serial numbers per line."""

    shipment_id: str
    lines: dict[str, int]
    weight_g: int
    length_mm: int
    width_mm: int
    height_mm: int
    serials: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class LabelCall:
    """Buy or void the label of a parcel; the key is made from the parcel."""

    order_id: str
    shipment_id: str
    maybe_sent: bool = False

    @property
    def key(self) -> str:
        """One label per parcel."""
        return f"{self.shipment_id}-label"


@dataclass(frozen=True)
class LabelResult:
    """The label is bought; its details stand in the parcel's row."""

    order_id: str
    shipment_id: str
    provider_ref: str
    tracking_number: str


@dataclass(frozen=True)
class HandOver:
    """Parcels leave the building."""

    order_id: str
    cause: str
    shipment_ids: list[str]
    by: Asked
    delivery_deadline: float
    occurred_at: str = ""


@dataclass(frozen=True)
class ParcelNews:
    """A parcel reached its customer, or its way changed."""

    order_id: str
    shipment_id: str
    status: str
    event_id: str
    occurred_at: str


@dataclass(frozen=True)
class ShortPick:
    """Units that were not found: take them off the counters and look for another source."""

    order_id: str
    cause: str
    fulfillment_order_id: str


@dataclass(frozen=True)
class Edit:
    """Do what the row of an edit asks for, if the order still has this version."""

    order_id: str
    edit_id: str
    version: int
    payment_id: str
    by: Asked


@dataclass(frozen=True)
class Leave:
    """The customer does not wait any longer: for all that is missing, or for units of `lines`."""

    order_id: str
    cause: str
    by: Asked
    lines: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Arrange:
    """Offer substitutes for what waits, each for so many seconds."""

    order_id: str
    cause: str
    seconds: float


@dataclass(frozen=True)
class TakeOffer:
    """The customer accepts a substitute."""

    order_id: str
    cause: str
    offer_id: str
    by: Asked = field(default_factory=Asked)


@dataclass(frozen=True)
class EndOffer:
    """A substitute was `refused`, or its offer has `expired`.

    `then`: the units wait on (`backorder`), or are given up (`cancel_lines`).
    """

    order_id: str
    cause: str
    offer_id: str
    status: str
    then: str
    by: Asked = field(default_factory=Asked)


@dataclass(frozen=True)
class Recall:
    """A warehouse was closed: take back what it has not packed."""

    order_id: str
    cause: str
    warehouse: str


@dataclass(frozen=True)
class DateMoved:
    """Units of `lines` that wait are expected on another day (empty: no day is known now)."""

    order_id: str
    cause: str
    expected_on: str
    lines: list[str]


@dataclass(frozen=True)
class Reconcile:
    """Compare stock with its ledger. The report's id comes from the run, so it is written once."""

    report_id: str
    full: bool = False


@dataclass(frozen=True)
class Reconciled:
    """What was found: how much was compared, how many differences, the first of them in words."""

    report_id: str
    scope: str
    levels: int
    movements: int
    differences: int
    seconds: float
    found: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class ExpireLots:
    """Look for lots that have expired. The cause comes from the run, so its rows stand once."""

    cause: str


@dataclass(frozen=True)
class LotsExpired:
    """Units that went into quarantine; and, in words, those that orders were promised."""

    units: int
    promised: list[str] = field(default_factory=list)


def moment(text: str) -> datetime | None:
    """A time of a contract; None where it was left empty."""
    return datetime.fromisoformat(text) if text else None
