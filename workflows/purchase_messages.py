"""What goes into a purchase order's workflow and comes out of it, without personal data.

Days are ISO 8601 dates, durations seconds. They grow by fields with defaults.
"""

from dataclasses import dataclass, field

from domain.purchasing import Purchase
from workflows.messages import Asker


@dataclass(frozen=True)
class PurchasePolicy:
    """The shop's deadlines as they were when the draft was made (seconds)."""

    grace: float = 43_200.0
    chase_interval: float = 259_200.0
    step_attempts: int = 6
    step_retry_interval: float = 300.0


@dataclass(frozen=True)
class PurchaseInput:
    """Starts the life of a purchase order that PostgreSQL already holds."""

    purchase: Purchase
    policy: PurchasePolicy = field(default_factory=PurchasePolicy)


@dataclass(frozen=True)
class ApproveRequest:
    """Approve the draft."""

    asker: Asker


@dataclass(frozen=True)
class SendRequest:
    """Send it to the supplier's address; or it was sent `by_hand`, and nothing is mailed."""

    asker: Asker
    by_hand: bool = False


@dataclass(frozen=True)
class EndRequest:
    """Cancel it, or close it short: what is still to come will not."""

    asker: Asker
    reason: str = ""


@dataclass(frozen=True)
class LineDate:
    """Another day for a line."""

    line_id: str
    expected_on: str


@dataclass(frozen=True)
class RescheduleRequest:
    """The supplier named other days."""

    asker: Asker
    lines: list[LineDate] = field(default_factory=list)


@dataclass(frozen=True)
class PurchaseOutcome:
    """How a request ended: the purchase order's states after it."""

    status: str
    mail_status: str = ""


@dataclass(frozen=True)
class GoodsReceived:
    """A delivery was written down."""

    receipt_id: str
