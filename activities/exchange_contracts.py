"""What goes into the activities of an exchange and comes out: frozen, without personal data."""

from dataclasses import dataclass, replace

from domain.order import Order


@dataclass(frozen=True)
class ExchangeNews:
    """The goods that pay for an order have moved. `pick_deadline` in seconds."""

    order_id: str
    exchange_id: str
    cause: str
    pick_deadline: float = 0.0

    def failed(self) -> "ExchangeNews":
        """The step that follows when they do not come."""
        return replace(self, cause=f"{self.cause}:failed")


@dataclass(frozen=True)
class ExchangeSeen:
    """What that means: whether it is known what they are worth; none of them came, so that the
    order is to be canceled. `short` is what they were not worth and was taken off, `left` what
    could not be, for it is on its way back already (minor units).
    """

    order: Order
    decided: bool = False
    failed: bool = False
    short: int = 0
    left: int = 0
