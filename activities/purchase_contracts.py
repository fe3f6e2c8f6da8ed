"""What goes into the activities of a purchase order: frozen dataclasses without personal data."""

from dataclasses import dataclass, field

from activities.contracts import Asked


@dataclass(frozen=True)
class PurchaseTask:
    """A step of a purchase order; `cause` makes it happen once. `reason` is a code."""

    purchase_id: str
    cause: str
    by: Asked = field(default_factory=Asked)
    reason: str = ""


@dataclass(frozen=True)
class Sending:
    """It is given to the mail, or was sent by hand."""

    purchase_id: str
    cause: str
    by: Asked
    by_hand: bool = False


@dataclass(frozen=True)
class Dates:
    """Other days for lines: ISO 8601 dates by line id."""

    purchase_id: str
    cause: str
    by: Asked
    lines: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Trouble:
    """Why it waits for a person."""

    purchase_id: str
    code: str
    detail: str


@dataclass(frozen=True)
class SupplierMail:
    """A mail to the supplier: `kind` is order, reminder or cancellation; `number` tells two of
    one kind apart. The message's id is made from both, never from the attempt.
    """

    purchase_id: str
    kind: str
    number: int
