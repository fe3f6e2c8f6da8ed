"""A return: its snapshot, what may be asked of it, and where it leads. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from domain.decisions import on_the_road, units_not_coming
from domain.errors import Refused
from domain.order import Line, Order, ParcelLine, Shipment
from domain.return_rules import CUSTOMER, ON_RECEIPT, Decides
from domain.states import RETURN, ReturnStage, ReturnStatus, ShipmentStatus, may_advance


class Disposition(StrEnum):
    """What becomes of a unit that was looked at. `reject`: it goes back to the customer."""

    RESTOCK = "restock"
    REFURBISH = "refurbish"
    DAMAGED = "damaged"
    SCRAP = "scrap"
    REJECT = "reject"


# -- the snapshot --------------------------------------------------------------------------------


@dataclass(frozen=True)
class ReturnLine:
    """Units of an order line in a return: announced, received, and what became of them."""

    line_id: str
    sku: str
    quantity: int
    reason: str
    received: int = 0
    restocked: int = 0
    refurbished: int = 0
    damaged: int = 0
    scrapped: int = 0
    rejected: int = 0
    paid_before: int = 0

    @property
    def accepted(self) -> int:
        """Units that are ours again; of `paid_before` the customer has had the money."""
        return self.restocked + self.refurbished + self.damaged + self.scrapped

    @property
    def to_inspect(self) -> int:
        """Units that are here and were not looked at."""
        return self.received - self.accepted - self.rejected

    @property
    def taken(self) -> int:
        """Units that no other return may ask for, while this one lives."""
        return max(self.quantity, self.received) - self.rejected


@dataclass(frozen=True)
class Return:
    """A return as it stands, without personal data. Times are RFC 3339."""

    id: str
    order_id: str
    number: str
    status: ReturnStage
    decides: Decides
    label: str
    shipping_paid_by: str
    fee: int
    refund_to: str
    refund_due_at: str
    has_label: bool = False
    label_cost: int = 0
    expires_at: str = ""
    remind_at: str = ""
    reminded: bool = False
    refund_amount: int | None = None
    refund_id: str = ""
    exchange_sent: str = ON_RECEIPT
    wants: str = "refund"
    has_back_label: bool = False
    lines: list[ReturnLine] = field(default_factory=list)
    attention: list[str] = field(default_factory=list)

    @property
    def over(self) -> bool:
        """Whether its life is over."""
        return not RETURN[self.status]

    @property
    def here(self) -> bool:
        """Whether something of it has come."""
        return any(line.received for line in self.lines)

    @property
    def goes_back(self) -> bool:
        """Whether all was looked at, and something was rejected that has no label yet."""
        judged = self.status in {ReturnStage.INSPECTED, ReturnStage.CLOSED}
        return judged and not self.has_back_label and any(line.rejected for line in self.lines)

    @property
    def complete(self) -> bool:
        """Whether all that was announced has come."""
        return all(line.received >= line.quantity for line in self.lines)

    @property
    def accepted(self) -> dict[str, int]:
        """Units by line that were accepted."""
        return {line.line_id: line.accepted for line in self.lines if line.accepted}

    @property
    def expected(self) -> dict[str, int]:
        """Units by line that are here or may still come, without those that were rejected."""
        may_come = self.status not in _ALL_HERE
        units = {x.line_id: x.taken if may_come else x.received - x.rejected for x in self.lines}
        return {line_id: n for line_id, n in units.items() if n}

    def line(self, line_id: str) -> ReturnLine | None:
        """Its line of that id."""
        return next((line for line in self.lines if line.line_id == line_id), None)


# Nothing more of it will come.
_ALL_HERE = frozenset({ReturnStage.RECEIVED, ReturnStage.INSPECTED, ReturnStage.CLOSED})


def describe(ret: Return) -> str:
    """What the Temporal UI says of it."""
    units = sum(line.quantity for line in ret.lines)
    here = sum(line.received for line in ret.lines)
    return f"**{ret.number}** is {ret.status}: {here} of {units} units are here"


# -- what may be asked ---------------------------------------------------------------------------


def delivered(order: Order, line_id: str) -> int:
    """Units of a line that reached the customer, with those that are `surplus`."""
    return sum(part.quantity for part in _arrived(order, line_id))


def surplus(order: Order, line_id: str) -> int:
    """Units of a line that reached the customer after they were sent again or paid back."""
    return sum(part.written_off for part in _arrived(order, line_id))


def gone(order: Order, line: Line) -> int:
    """Units of a line that left us and may come back from the customer: what the carrier lost, or
    brings back itself, is received as the parcel that it is.
    """
    stopped = sum(
        part.owed
        for parcel in on_the_road(order)
        if parcel.intercepted
        for part in parcel.lines
        if part.line_id == line.id
    )
    return line.shipped - units_not_coming(order, line.id) - stopped + surplus(order, line.id)


def proven(order: Order, units: Mapping[str, int]) -> list[Shipment]:
    """Parcels that have been delivered, whatever the carrier says, when so many units of each line
    have come back from the customer in all: the first that left.
    """
    missing = {line_id: n - delivered(order, line_id) for line_id, n in units.items()}
    found = []
    for shipment in on_the_road(order):
        if shipment.intercepted:
            continue
        here = [part for part in shipment.lines if missing.get(part.line_id, 0) > 0]
        for part in here:
            missing[part.line_id] -= part.owed
        if here:
            found.append(shipment)
    return found


def _arrived(order: Order, line_id: str) -> Iterator[ParcelLine]:
    return (
        part
        for shipment in order.shipments
        if shipment.status is ShipmentStatus.DELIVERED
        for part in shipment.lines
        if part.line_id == line_id
    )


def can_ask(
    order: Order, wanted: Mapping[str, int], taken: Mapping[str, int], *, arrived: bool = False
) -> None:
    """Units may come back that the customer has and that no other return has or had.

    `taken` are those. With `arrived` they stand at the dock: then it is enough that they left us.

    Raises:
        Refused: `unknown_line`, `not_delivered`, `return_exists`, `too_many_units`.

    """
    for line_id, quantity in wanted.items():
        line = order.line(line_id)
        if line is None:
            raise Refused("unknown_line", f"The order has no line {line_id}.", line_id=line_id)
        left_us = gone(order, line)
        had = left_us if arrived else min(left_us, delivered(order, line_id))
        left = had - taken.get(line_id, 0)
        current = {"line_id": line_id, "left": str(max(0, left))}
        if not had:
            detail = f"No unit of {line_id} has been delivered."
            raise Refused("not_delivered", detail, **current)
        if left <= 0:
            detail = f"All units of {line_id} are in a return already."
            raise Refused("return_exists", detail, **current)
        if quantity > left:
            detail = f"{left} units of {line_id} can be sent back."
            raise Refused("too_many_units", detail, **current)


def _must_lead(ret: Return, target: ReturnStage, verb: str) -> None:
    if ret.status is target or not may_advance(RETURN, ret.status, target):
        code = "return_closed" if ret.over else "return_not_open"
        raise Refused(code, f"A return that is {ret.status} is not {verb}.", status=ret.status)


def can_approve(ret: Return) -> None:
    """Let the customer send it.

    Raises:
        Refused: it was decided before.

    """
    _must_lead(ret, ReturnStage.APPROVED, "approved")


def can_decline(ret: Return) -> None:
    """Say no.

    Raises:
        Refused: it was decided before.

    """
    _must_lead(ret, ReturnStage.DECLINED, "declined")


def can_cancel(ret: Return) -> None:
    """Nothing of it will come.

    Raises:
        Refused: something of it is here, or it is over.

    """
    _must_lead(ret, ReturnStage.CANCELED, "canceled")


def can_receive(ret: Return) -> None:
    """Goods of it are at the dock; more may come until it is inspected.

    Raises:
        Refused: it was inspected, or it is over.

    """
    receiving = {ReturnStage.PARTIALLY_RECEIVED, ReturnStage.RECEIVED}
    if ret.status not in receiving:
        _must_lead(ret, ReturnStage.RECEIVED, "received")


def can_give_up_rest(ret: Return) -> None:
    """What has not come by now will not.

    Raises:
        Refused: nothing of it is here; it was inspected, or it is over.

    """
    if not ret.here and not ret.over:
        detail = "Nothing of it is here: cancel the return instead."
        raise Refused("nothing_received", detail, status=ret.status)
    can_receive(ret)


def can_inspect(ret: Return, units: Mapping[str, int]) -> None:
    """Look at units that are here.

    Raises:
        Refused: nothing is here; it was inspected; more units than wait for it.

    """
    if ret.status not in {ReturnStage.PARTIALLY_RECEIVED, ReturnStage.RECEIVED}:
        code = "return_closed" if ret.over else "nothing_received"
        detail = f"Nothing of the return ({ret.status}) is to be looked at."
        raise Refused(code, detail, status=ret.status)
    for line_id, quantity in units.items():
        line = ret.line(line_id)
        left = line.to_inspect if line else 0
        if quantity > left:
            detail = f"{left} units of {line_id} are to be looked at."
            raise Refused("too_many_units", detail, line_id=line_id, left=str(left))


def can_retry(ret: Return, failing: bool) -> None:  # noqa: FBT001 - one fact
    """Try again now what fails.

    Raises:
        Refused: nothing of it keeps failing.

    """
    if not failing:
        detail = "Nothing that could be tried again is failing."
        raise Refused("nothing_to_retry", detail, status=ret.status)


def after_receipt(ret: Return, *, complete: bool) -> ReturnStage:
    """Where a return is when goods have come; `complete`: no more will."""
    if ret.status is ReturnStage.RECEIVED or complete or ret.complete:
        return ReturnStage.RECEIVED
    return ReturnStage.PARTIALLY_RECEIVED


# -- money ---------------------------------------------------------------------------------------


def kept_back(ret: Return, value: int) -> int:
    """Fee and, when the customer pays for it, the label: never more than the goods are worth."""
    label = ret.label_cost if ret.shipping_paid_by == CUSTOMER else 0
    return min(value, ret.fee + label)


# -- the order's axis ----------------------------------------------------------------------------


def rolled_up(parts: Sequence[tuple[ReturnStage, int]]) -> ReturnStatus:
    """The order's return status from its returns: (status, accepted units) of each."""
    live = [status for status, _ in parts if RETURN[status]]
    if live:
        if all(status is ReturnStage.REQUESTED for status in live):
            return ReturnStatus.RETURN_REQUESTED
        if all(status is ReturnStage.INSPECTED for status in live):
            return ReturnStatus.INSPECTION_COMPLETE
        return ReturnStatus.IN_PROGRESS
    if any(accepted for _, accepted in parts):
        return ReturnStatus.RETURNED
    failed = {ReturnStage.DECLINED, ReturnStage.EXPIRED, ReturnStage.CLOSED}
    if any(status in failed for status, _ in parts):
        return ReturnStatus.RETURN_FAILED
    return ReturnStatus.NO_RETURN
