"""What goes into the activities of a return: frozen dataclasses without personal data."""

from dataclasses import dataclass, field

from activities.contracts import Asked


@dataclass(frozen=True)
class ReturnTask:
    """A step of a return; `cause` makes it happen once. `reason` is a code."""

    return_id: str
    cause: str
    by: Asked = field(default_factory=Asked)
    reason: str = ""


@dataclass(frozen=True)
class ReturnLabel:
    """Buy the label of a return. `maybe_sent`: an earlier try may have reached the carrier; `back`:
    for rejected goods, to the customer.
    """

    return_id: str
    maybe_sent: bool = False
    back: bool = False

    @property
    def key(self) -> str:
        """Made from the return, never from the attempt."""
        return f"{self.return_id}-back-label" if self.back else f"{self.return_id}-label"
