"""Money given back for units that left us, for shipping, or as goodwill: what it comes to. Pure.

Canceled units give their money back by themselves (`settlement.refunds_due`); this is for what a
person, or a return, gives back beside that.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from domain.decisions import refused
from domain.order import Line, Order
from domain.settlement import Settlement, give_back
from domain.states import ShipmentStatus


class Destination(StrEnum):
    """Where the money goes: to the tenders it came from, or to the customer's store credit."""

    ORIGINAL = "original"
    STORE_CREDIT = "store_credit"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be given back: units of lines, shipping, goodwill; a fee is kept of it.

    Beside the fee comes off what the customer has already been given, or let off, for these units,
    and what is set off against what they still owe. Of what is left `exchange`, at most, pays for
    an order that is sent in exchange. Of units that are `settled` so, nothing may be left.
    """

    lines: Mapping[str, int] = field(default_factory=dict)
    shipping: int = 0
    goodwill: int = 0
    fee: int = 0
    to: Destination = Destination.ORIGINAL
    exchange: int = 0
    already_given: int = 0
    set_off: int = 0
    settled: bool = False


@dataclass(frozen=True, slots=True)
class Refund:
    """What it comes to: the units' shares by line, and what each tender gives back."""

    wanted: Wanted
    shares: Mapping[str, int]
    parts: list[Settlement]

    @property
    def goods(self) -> int:
        """The units' shares."""
        return sum(self.shares.values())

    @property
    def amount(self) -> int:
        """What the customer gets, in money, credit or other goods."""
        wanted = self.wanted
        given = self.goods + wanted.shipping + wanted.goodwill
        return given - wanted.fee - wanted.already_given - wanted.set_off

    @property
    def exchanged(self) -> int:
        """What of it pays for other goods."""
        return min(self.wanted.exchange, self.amount)

    @property
    def paid(self) -> int:
        """What of it goes back in money or credit."""
        return self.amount - self.exchanged


@dataclass(frozen=True, slots=True)
class Refundable:
    """What can be given back now, at most: units by line, what the delivery cost, and in all."""

    units: Mapping[str, int]
    shipping: int
    amount: int


def refundable(order: Order, shipping_given_back: int = 0) -> Refundable:
    """What is left to give back. Of money that is not taken yet, nothing is."""
    most = min(order.kept, order.payable)
    units = {line.id: units_refundable(order, line) for line in order.lines}
    shipping = max(0, order.delivery_price - shipping_given_back)
    return Refundable({i: n for i, n in units.items() if n}, shipping, max(0, most))


def units_refundable(order: Order, line: Line) -> int:
    """Units of a line that the customer has, or sent back, and has not got the money back for.

    What came back had arrived, whatever the carrier has said of it by now.
    """
    delivered = sum(
        part.owed
        for shipment in order.shipments
        if shipment.status is ShipmentStatus.DELIVERED
        for part in shipment.lines
        if part.line_id == line.id
    )
    return max(0, max(delivered, line.returned) - line.given_back)


@dataclass(frozen=True, slots=True)
class Before:
    """What refunds of an order gave back of its shipping, and kept as fees, until now."""

    shipping: int = 0
    fees: int = 0


def less_what_was_given(order: Order, wanted: Wanted, before: Before) -> Wanted:
    """The same, without what the customer has been given, or let off, before: nothing is worth more
    than what is left of the order's price. Fees that were kept, and surcharges, are not given.
    """
    shares = sum(line.share_of_next(wanted.lines.get(line.id, 0)) for line in order.lines)
    price = shares + wanted.shipping + wanted.goodwill
    left = max(0, order.payable - before.fees - order.surcharge_total)
    already = max(0, price - left)
    return replace(wanted, already_given=already, fee=min(wanted.fee, price - already))


def reckon(order: Order, wanted: Wanted, shipping_given_back: int = 0) -> Refund:
    """What a refund comes to, and which tender gives back how much: the newest first.

    Raises:
        Refused: `unknown_line`, `too_many_units` (more than the customer has), `nothing_to_refund`,
            `refund_too_large` (more than was taken and not given back), `not_delivered` (store
            credit before everything has arrived, which could still be canceled).

    """
    can = refundable(order, shipping_given_back)
    shares = {
        line_id: _share(order, line_id, units, can) for line_id, units in wanted.lines.items()
    }
    plain = Refund(wanted, shares, [])
    shipping = min(can.amount, can.shipping)
    told = {"refundable": str(can.amount), "shipping_refundable": str(shipping)}
    if not can.amount and not wanted.settled:
        detail = "Nothing that was taken is left to give back."
        raise refused(order, "nothing_to_refund", detail, **told)
    if plain.amount > can.amount or wanted.shipping > can.shipping:
        detail = f"{can.amount} can be given back, {shipping} of it for shipping."
        raise refused(order, "refund_too_large", detail, **told)
    if plain.amount < 0 or not (plain.amount or wanted.settled):
        raise refused(order, "nothing_to_refund", "Nothing is left after the fee.", **told)
    if wanted.to is Destination.STORE_CREDIT:
        if not order.closed and order.delivered_units < order.live_units:
            detail = "Store credit is given when everything has arrived."
            raise refused(order, "not_delivered", detail)
        return plain
    return Refund(wanted, shares, give_back(order, plain.paid))


def _share(order: Order, line_id: str, units: int, can: Refundable) -> int:
    line = order.line(line_id)
    if line is None:
        raise refused(order, "unknown_line", f"The order has no line {line_id}.")
    most = can.units.get(line_id, 0)
    if units > most:
        detail = f"{most} units of {line_id} can be given back."
        raise refused(order, "too_many_units", detail, line_id=line_id, units=str(most))
    return line.share_of_next(units)
