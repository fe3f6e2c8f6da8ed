"""What Kervan asks of outside parties: one Protocol per kind of party, plain data in and out.

Every request that has an effect carries `key`, made from the order and the operation and never
from the attempt. Adapters raise the typed errors of `domain.errors`; a refusal that belongs to
the business (a declined card) is a result, not an error.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from domain.money import Money
from domain.states import OperationKind, OperationStatus, TrackingStatus


@dataclass(frozen=True, slots=True)
class Address:
    """A postal address. `country` is ISO 3166-1 alpha-2. Personal data: never in a workflow."""

    name: str
    line1: str
    city: str
    country: str
    postal_code: str = ""
    line2: str = ""
    region: str = ""
    company: str = ""
    phone: str = ""


@dataclass(frozen=True, slots=True)
class AuthorizeRequest:
    """Reserve `amount` at the provider; `capture` takes it at once.

    `method` is card, wallet, bank_transfer, cash_on_delivery or voucher; `token` is what the
    storefront got from the provider for the customer's instrument.
    """

    key: str
    order_id: str
    payment_id: str
    method: str
    amount: Money
    token: str | None
    capture: bool = False
    return_url: str | None = None


@dataclass(frozen=True, slots=True)
class SettleRequest:
    """Capture, void or refund. `provider_ref` is the authorization's; `amount` None for a void."""

    key: str
    order_id: str
    payment_id: str
    provider_ref: str
    amount: Money | None


@dataclass(frozen=True, slots=True)
class PaymentOutcome:
    """How an operation ended at the provider.

    `reason` is the provider's stable code when it failed; `client_action` is what the customer
    must do when action is required (`{"type": "redirect", "url": …}`); `captured` tells that an
    authorization took the money at once; `expires_at` is when an authorization runs out.
    """

    status: OperationStatus
    provider_ref: str = ""
    reason: str = ""
    client_action: Mapping[str, str] | None = None
    captured: bool = False
    expires_at: datetime | None = None


# The provider's name of what customers have to spend with us, and of goods that pay for those sent
# in their place.
STORE_CREDIT = "store_credit"
EXCHANGE = "exchange"
# The reason of a failed authorization that had been granted, and ran out.
AUTHORIZATION_EXPIRED = "authorization_expired"


@dataclass(frozen=True, slots=True)
class PaymentNews:
    """One fact from a payment webhook. `kind` and `status` say which operation came to what end.

    `event_id` is the provider's own id of the event and makes it count once. `kind` AUTHORIZE
    with status FAILED and reason `AUTHORIZATION_EXPIRED` tells that an authorization ran out.
    """

    provider: str
    event_id: str
    payment_id: str
    kind: OperationKind
    status: OperationStatus
    provider_ref: str
    amount: Money
    occurred_at: datetime
    captured: bool = False
    reason: str = ""


class PaymentGateway(Protocol):
    """A payment provider."""

    name: str

    async def authorize(self, request: AuthorizeRequest) -> PaymentOutcome:
        """Reserve (or take) the amount. Declined is an outcome with status FAILED."""
        ...

    async def capture(self, request: SettleRequest) -> PaymentOutcome:
        """Take (a part of) what was reserved."""
        ...

    async def void(self, request: SettleRequest) -> PaymentOutcome:
        """Give back what is reserved and not captured."""
        ...

    async def refund(self, request: SettleRequest) -> PaymentOutcome:
        """Give back (a part of) what was captured."""
        ...

    async def look_up(
        self, kind: OperationKind, key: str, provider_ref: str
    ) -> PaymentOutcome | None:
        """What became of the operation sent with `key`; None when the provider never saw it."""
        ...

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> Sequence[PaymentNews]:
        """Verify the signature on the raw body and read the news (header names in lower case)."""
        ...


@dataclass(frozen=True, slots=True)
class Parcel:
    """One box: grams and millimetres."""

    weight_g: int
    length_mm: int
    width_mm: int
    height_mm: int


@dataclass(frozen=True, slots=True)
class LabelRequest:
    """Buy a label for one parcel. `service` is the delivery option's code."""

    key: str
    order_id: str
    shipment_id: str
    origin: Address
    destination: Address
    parcel: Parcel
    service: str
    value: Money


@dataclass(frozen=True, slots=True)
class Label:
    """A bought label. `provider_ref` identifies it to `void_label`."""

    provider_ref: str
    carrier: str
    service: str
    tracking_number: str
    tracking_url: str
    label_url: str
    cost: Money
    estimated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CarrierNews:
    """One scan of a parcel. `detail` is the carrier's code or place, never a person's name.

    `proof` holds a delivery's proof (`signed_by`, `photo_url`, `location`); it is personal data.
    """

    provider: str
    event_id: str
    tracking_number: str
    status: TrackingStatus
    occurred_at: datetime
    detail: str = ""
    estimated_at: datetime | None = None
    proof: Mapping[str, str] = field(default_factory=dict)


class CarrierGateway(Protocol):
    """A carrier, or a service that speaks to many."""

    name: str

    async def buy_label(self, request: LabelRequest) -> Label:
        """Buy a label; the same key gives the same label."""
        ...

    async def find_label(self, key: str) -> Label | None:
        """The label that was bought with `key`, when there is one."""
        ...

    async def hand_over(self, key: str, provider_ref: str) -> None:
        """Tell the carrier that it has the parcel (manifest); does nothing when it knows."""
        ...

    async def void_label(self, key: str, provider_ref: str) -> bool:
        """Void an unused label; False when the carrier will not take it back."""
        ...

    async def intercept(self, key: str, provider_ref: str) -> bool:
        """Stop a parcel on its way and bring it back to its sender; False when it is too late.

        Asking again is no harm. That it comes back is told by a scan `return_to_sender`.
        """
        ...

    async def track(self, tracking_number: str) -> Sequence[CarrierNews]:
        """All scans so far, oldest first: for carriers or days without webhooks."""
        ...

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> Sequence[CarrierNews]:
        """Verify the signature on the raw body and read the news (header names in lower case)."""
        ...


@dataclass(frozen=True, slots=True)
class RiskFinding:
    """Something that speaks for fraud, by the name of the rule; `hold`: a person has to look."""

    rule: str
    hold: bool


class RiskAssessor(Protocol):
    """Looks at orders that are paid for, before their goods are sought."""

    name: str

    async def assess(self, order_id: str) -> Sequence[RiskFinding]:
        """What speaks for fraud; nothing when nothing does."""
        ...


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with a mail; `kind` is its media type (`text/csv`), text being UTF-8."""

    name: str
    kind: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Email:
    """A mail ready to be sent; `message_id` is the same at every attempt (RFC 5322 form).

    Answers go to `reply_to` when there is one, else to the sender.
    """

    message_id: str
    to: str
    subject: str
    text: str
    html: str
    language: str
    reply_to: str = ""
    attachments: tuple[Attachment, ...] = ()


class Mailer(Protocol):
    """A way to send e-mail."""

    async def send(self, email: Email) -> None:
        """Hand the mail over; raises `MailUnavailable` (try again) or `MailRejected` (final)."""
        ...
