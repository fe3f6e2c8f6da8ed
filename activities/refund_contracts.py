"""What goes into the activities of a refund, without personal data; amounts are minor units."""

from dataclasses import dataclass, field

from activities.contracts import Asked


@dataclass(frozen=True)
class RefundPart:
    """What one tender gives back."""

    payment_id: str
    amount: int


@dataclass(frozen=True)
class RefundTask:
    """A refund that is to be carried out."""

    refund_id: str
    order_id: str
    parts: list[RefundPart] = field(default_factory=list)


@dataclass(frozen=True)
class PartEnded:
    """How a provider answered for one tender; `status` is an operation's."""

    refund_id: str
    order_id: str
    part: RefundPart
    operation_id: str
    status: str
    reason: str = ""
    occurred_at: str = ""


@dataclass(frozen=True)
class Waive:
    """Let the customer off what is not paid; `reason` is a code."""

    order_id: str
    cause: str
    reason: str
    by: Asked
