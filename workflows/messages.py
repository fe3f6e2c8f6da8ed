"""What goes into a workflow and comes out of it: one frozen dataclass each, without personal data.

They grow by fields with defaults, since histories written today are replayed for months.
Amounts are integers of minor units; times are RFC 3339 strings in UTC; durations are seconds.
"""

from dataclasses import dataclass, field

from domain.order import Order


@dataclass(frozen=True)
class Policy:
    """The shop's deadlines as they were when the order was placed (seconds)."""

    payment_expiry: float = 259_200.0
    payment_reminder: float = 86_400.0
    return_window: float = 1_209_600.0
    pick_deadline: float = 86_400.0
    delivery_deadline: float = 604_800.0
    step_attempts: int = 6
    step_retry_interval: float = 300.0
    substitute_offer: float = 172_800.0
    substitute_refused: str = "backorder"


@dataclass(frozen=True)
class OrderInput:
    """Starts the life of an order that PostgreSQL already holds; `order` is it as placed."""

    order: Order
    number: str
    channel: str
    placed_at: str
    policy: Policy = field(default_factory=Policy)


@dataclass(frozen=True)
class Asker:
    """Who asks. `request_event` is the timeline event that holds the request and its note."""

    actor: str
    role: str
    request_event: int = 0


@dataclass(frozen=True)
class LineQuantity:
    """Some units of an order line; when they are packed, the serial numbers they have."""

    line_id: str
    quantity: int
    serials: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class CancelRequest:
    """Cancel the whole order, or (with `lines`) some units of it.

    `phases` (of `domain.phase.Phase`) are those in which who asks may cancel, by the policy of the
    moment. Without, it is canceled before hand-over only. `fees` are what is kept of a whole order,
    by phase, in minor units of its currency.
    """

    asker: Asker
    reason: str
    lines: list[LineQuantity] = field(default_factory=list)
    phases: list[str] | None = None
    fees: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class LeaveRequest:
    """The customer does not wait any longer: for anything, or (with `lines`) for some units."""

    asker: Asker
    lines: list[LineQuantity] = field(default_factory=list)


@dataclass(frozen=True)
class OfferAnswer:
    """What the customer says to a substitute."""

    asker: Asker
    offer_id: str
    accept: bool


@dataclass(frozen=True)
class HoldRequest:
    """Stop the order for a reason of `domain.states.HoldReason`.

    At `ends_at` it is over by itself: `at_end` is `release`, `ask_person` or `cancel`.
    """

    asker: Asker
    hold_id: str
    reason: str
    ends_at: str = ""
    at_end: str = ""


@dataclass(frozen=True)
class ReleaseRequest:
    """Take one hold away."""

    asker: Asker
    hold_id: str


@dataclass(frozen=True)
class RetryRequest:
    """Try again now what keeps failing; with `code`, only that."""

    asker: Asker
    code: str = ""


@dataclass(frozen=True)
class WaiveRequest:
    """Let the customer off what is not paid; `reason` is a code."""

    asker: Asker
    reason: str


@dataclass(frozen=True)
class PaymentRequest:
    """Use another tender, which is already a `pending` row of payments."""

    asker: Asker
    payment_id: str


@dataclass(frozen=True)
class EditRequest:
    """Do what a row of order_edits asks for; `payment_id` is its tender's row, if it has one."""

    asker: Asker
    edit_id: str
    version: int
    payment_id: str = ""


@dataclass(frozen=True)
class ParcelInput:
    """One packed box: which units, grams, millimetres."""

    shipment_id: str
    lines: list[LineQuantity]
    weight_g: int
    length_mm: int
    width_mm: int
    height_mm: int


@dataclass(frozen=True)
class PackRequest:
    """Parcels of one fulfillment order are packed."""

    asker: Asker
    fulfillment_order_id: str
    parcels: list[ParcelInput]
    occurred_at: str = ""


@dataclass(frozen=True)
class ShipRequest:
    """Packed parcels are handed over: the named ones, or all of the fulfillment order."""

    asker: Asker
    fulfillment_order_id: str
    shipment_ids: list[str] = field(default_factory=list)
    occurred_at: str = ""


@dataclass(frozen=True)
class Outcome:
    """How a request ended: the order's axes after it, and the ids it made or touched."""

    status: str
    payment_status: str
    fulfillment_status: str
    return_status: str
    ids: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class PaymentSignal:
    """News of a payment provider about one tender."""

    payment_id: str
    kind: str
    status: str
    amount: int
    provider_ref: str
    event_id: str
    occurred_at: str
    captured: bool = False
    reason: str = ""


@dataclass(frozen=True)
class CarrierSignal:
    """A scan that changes what happens next (delivered, delayed, lost, returned, attempted…)."""

    shipment_id: str
    status: str
    event_id: str
    occurred_at: str


@dataclass(frozen=True)
class StockSignal:
    """Stock that this order waits for may have come."""

    cause: str


@dataclass(frozen=True)
class ClosingSignal:
    """A warehouse was closed where the order has goods; `cause` names the closing."""

    warehouse: str
    cause: str


@dataclass(frozen=True)
class ExchangeSignal:
    """The goods that pay for the order have moved, as their rows say."""

    exchange_id: str


@dataclass(frozen=True)
class ExpectedSignal:
    """The day by which units that wait are expected has moved (empty: no day is known now)."""

    expected_on: str
    cause: str
    lines: list[str]


@dataclass(frozen=True)
class ShortPickSignal:
    """The warehouse did not find all units: `cause` names the pick."""

    fulfillment_order_id: str
    cause: str


@dataclass(frozen=True)
class DeadlineSignal:
    """A deadline of a row has passed: `pick delivery authorization offer ending hold`.

    Of an `ending` (a parcel in trouble) `event` and `action` tell what was decided, and why; of a
    `hold` `action` tells what is done now.
    """

    kind: str
    subject: str
    event: str = ""
    action: str = ""


@dataclass(frozen=True)
class ResolveRequest:
    """A person decides about a parcel: `replace`, `refund` or `wait` (so many seconds)."""

    asker: Asker
    shipment_id: str
    action: str
    seconds: int = 0


@dataclass(frozen=True)
class ReceivedSignal:
    """A parcel is back at a warehouse of ours, or more of it: `before` is how many of its units
    were here already, None when it was not received before.
    """

    shipment_id: str
    before: int | None = None
