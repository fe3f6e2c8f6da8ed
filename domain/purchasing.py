"""An order to a supplier: its snapshot, what may be asked of it, and what a delivery does to it.

Days are ISO 8601 dates; a snapshot travels through workflow histories and holds no personal data.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from domain.errors import Refused
from domain.states import PURCHASE, PurchaseStatus, may_advance

_WHOLE_BP = 10_000

# Why a purchase order waits for a person, and what can be done, by the names of the API's calls.
LATE = "purchase_late"
MAIL_FAILED = "supplier_mail_failed"
STEP_FAILED = "purchase_step_failed"
CAN = {LATE: ("reschedule", "close", "cancel"), MAIL_FAILED: ("send", "cancel"), STEP_FAILED: ()}

# What became of the last sending; None when there was none, or when it was not needed any more.
PENDING, SENT, FAILED, BY_HAND = "pending", "sent", "failed", "by_hand"


@dataclass(frozen=True)
class PurchaseLine:
    """Units of an item that were ordered. `received` counts damaged ones too, and may be more
    than `quantity`; `incoming` of them stand in the stock's counter.
    """

    id: str
    sku: str
    quantity: int
    expected_on: str
    received: int = 0
    damaged: int = 0
    canceled: int = 0
    incoming: int = 0

    @property
    def open(self) -> int:
        """Units that are still to come."""
        return max(0, self.quantity - self.received - self.canceled)


@dataclass(frozen=True)
class Purchase:
    """An order to a supplier as it stands."""

    id: str
    number: str
    supplier: str
    warehouse: str
    status: PurchaseStatus
    lines: list[PurchaseLine] = field(default_factory=list)
    has_address: bool = False
    sendings: int = 0
    mail_status: str | None = None
    reminders: int = 0
    late: bool = False
    version: int = 1

    @property
    def over(self) -> bool:
        """Whether its life has ended."""
        return not PURCHASE[self.status]

    @property
    def open_units(self) -> int:
        """Units that are still to come."""
        return sum(line.open for line in self.lines)

    @property
    def received_any(self) -> bool:
        """Whether anything came."""
        return any(line.received for line in self.lines)

    @property
    def told(self) -> bool:
        """Whether the supplier may know of it by mail."""
        return self.sendings > 0 and self.mail_status in (PENDING, SENT)

    def axes(self) -> dict[str, str]:
        """What a refusal tells of it."""
        return {"status": str(self.status), "mail_status": self.mail_status or ""}


def can_approve(purchase: Purchase) -> None:
    """A draft can be approved."""
    _alive(purchase)
    if purchase.status is not PurchaseStatus.DRAFT:
        _refuse(purchase, "already_approved", "It was approved before.")


def can_send(purchase: Purchase, *, by_hand: bool) -> None:
    """An approved one can be sent: by mail to the supplier's address, or by the buyer's hand."""
    _alive(purchase)
    if purchase.status is PurchaseStatus.DRAFT:
        _refuse(purchase, "not_approved", "It has to be approved first.")
    if purchase.status is not PurchaseStatus.APPROVED:
        _refuse(purchase, "already_sent", "The supplier has it.")
    if by_hand:
        return
    if purchase.mail_status == PENDING:
        _refuse(purchase, "already_sending", "The mail is on its way.")
    if not purchase.has_address:
        _refuse(purchase, "no_supplier_email", "The supplier has no e-mail address.")


def can_cancel(purchase: Purchase) -> None:
    """What nothing came of can be canceled."""
    _alive(purchase)
    if purchase.received_any or not may_advance(PURCHASE, purchase.status, PurchaseStatus.CANCELED):
        _refuse(purchase, "partly_received", "Goods came: close it, then the rest will not come.")


def can_close(purchase: Purchase) -> None:
    """What the supplier has can be closed short: the rest will not come."""
    _alive(purchase)
    if not may_advance(PURCHASE, purchase.status, PurchaseStatus.CLOSED):
        _refuse(purchase, "not_sent", "Nothing is expected of it: cancel it instead.")


def can_reschedule(purchase: Purchase, line_ids: Sequence[str] = ()) -> None:
    """Lines that are still to come can get another day."""
    _alive(purchase)
    for line in purchase.lines:
        if line.id in line_ids and not line.open:
            _refuse(purchase, "line_not_open", "All units of the line came.", sku=line.sku)


def _alive(purchase: Purchase) -> None:
    if purchase.over:
        _refuse(purchase, "purchase_order_closed", f"The purchase order is {purchase.status}.")


def _refuse(purchase: Purchase, code: str, detail: str, **more: str) -> None:
    raise Refused(code, detail, **purchase.axes(), **more)


def after_delivery(purchase: Purchase) -> PurchaseStatus:
    """The status that the received units speak for."""
    if purchase.over or not purchase.received_any:
        return purchase.status
    return PurchaseStatus.PARTLY_RECEIVED if purchase.open_units else PurchaseStatus.CLOSED


def late_from(purchase: Purchase, grace: timedelta) -> datetime | None:
    """When the earliest day of what is still to come has passed, `grace` included; None when
    nothing is expected. A day ends at midnight UTC.
    """
    if purchase.status not in (PurchaseStatus.SENT, PurchaseStatus.PARTLY_RECEIVED):
        return None
    days = [date.fromisoformat(line.expected_on) for line in purchase.lines if line.open]
    if not days:
        return None
    return datetime.combine(min(days) + timedelta(days=1), time(), UTC) + grace


@dataclass(frozen=True, slots=True)
class Delivered:
    """Units of a line that came in one delivery."""

    line_id: str
    accepted: int
    damaged: int


@dataclass(frozen=True, slots=True)
class Effect:
    """What a delivery does to a line: `over` units were not ordered, `expected` fall from what
    is incoming.
    """

    line: PurchaseLine
    accepted: int
    damaged: int
    over: int
    expected: int

    @property
    def units(self) -> int:
        """All that came."""
        return self.accepted + self.damaged


def receive(
    purchase: Purchase, delivery: Sequence[Delivered], tolerance_bp: int, *, accept_over: bool
) -> list[Effect]:
    """What a delivery does, line by line; each line stands in it once.

    More than was ordered is taken up to `tolerance_bp` of the ordered quantity (rounded down),
    or without limit when `accept_over` says so.

    Raises:
        Refused: nothing is expected of this purchase order, or too much came.

    """
    _alive(purchase)
    if purchase.status is PurchaseStatus.DRAFT:
        _refuse(purchase, "not_approved", "Nothing was ordered yet: the purchase order is a draft.")
    lines = {line.id: line for line in purchase.lines}
    effects = []
    for part in delivery:
        line, units = lines[part.line_id], part.accepted + part.damaged
        allowed = line.quantity * tolerance_bp // _WHOLE_BP
        beyond = line.received + units - line.quantity
        if beyond > allowed and units > line.open and not accept_over:
            _refuse(
                purchase,
                "over_delivery",
                "More came than was ordered and is tolerated; accept_over_delivery takes it.",
                sku=line.sku,
                ordered=str(line.quantity),
                received=str(line.received),
                delivered=str(units),
                tolerated=str(allowed),
            )
        over = max(0, units - line.open)
        expected = min(units, line.incoming)
        effects.append(Effect(line, part.accepted, part.damaged, over, expected))
    return effects


def describe(purchase: Purchase) -> str:
    """What it waits for, in one sentence for the Temporal UI. Ids, codes and numbers only."""
    units = purchase.open_units
    sentences = {
        PurchaseStatus.DRAFT: "A draft: approving it moves it.",
        PurchaseStatus.APPROVED: "Approved: sending it to the supplier moves it.",
        PurchaseStatus.SENT: f"The supplier has it: {units} units are to come; a receipt moves it.",
        PurchaseStatus.PARTLY_RECEIVED: f"{units} units are still to come; a receipt moves it, or "
        "closing it short.",
        PurchaseStatus.CLOSED: "Closed; nothing is left to do.",
        PurchaseStatus.CANCELED: "Canceled; nothing is left to do.",
    }
    if purchase.status is PurchaseStatus.APPROVED and purchase.mail_status == PENDING:
        return "Approved: waits for the mail to the supplier to go out."
    return sentences[purchase.status]
