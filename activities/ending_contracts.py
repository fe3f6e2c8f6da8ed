"""What goes into the steps about parcels that do not arrive, and comes out; see contracts.py."""

from dataclasses import dataclass, field

from activities.contracts import Asked
from domain.order import Order


@dataclass(frozen=True)
class Trouble:
    """Something went wrong with a parcel: `event` is one of `domain.endings.Event`."""

    order_id: str
    cause: str
    shipment_id: str
    event: str


@dataclass(frozen=True)
class TroubleDecided:
    """What the rules say: `action` is empty when there is nothing (any more) to decide.

    `now`: its time has come already; `tell`: the customer is to hear of it. `here`: of a received
    parcel, units are here that are still owed; `settled`: units of it that are not owed any more.
    Both as it was when it was decided, whatever the order is by now; None: not kept yet.
    """

    order: Order
    event: str = ""
    action: str = ""
    now: bool = False
    tell: bool = False
    after: str = ""
    here: bool | None = None
    settled: int | None = None


@dataclass(frozen=True)
class WriteOff:
    """Send a parcel's units again (`replace`), or give their money back (`refund`)."""

    order_id: str
    cause: str
    shipment_id: str
    resolution: str
    event: str = ""
    by: Asked = field(default_factory=Asked)


@dataclass(frozen=True)
class CancelOnTheRoad:
    """Cancel an order of which a part has left: what is here, and the parcels that are `stopped`.

    `unstopped` are those that the carrier cannot stop any more. `fee` is what it costs in the end,
    which is kept while the stopped ones come back.
    """

    order_id: str
    cause: str
    reason: str
    stopped: list[str] = field(default_factory=list)
    unstopped: list[str] = field(default_factory=list)
    by: Asked = field(default_factory=Asked)
    fee: int = 0


@dataclass(frozen=True)
class Patience:
    """A person gives a parcel so many seconds more."""

    order_id: str
    cause: str
    shipment_id: str
    seconds: int
    by: Asked = field(default_factory=Asked)
