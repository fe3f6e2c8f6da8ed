"""A substitute for units that wait: which one is offered, and how its line is cut off, to the cent.

The customer never pays more than for what was ordered: the units' share of the line's total goes
with them, whatever the substitute costs in the shop.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from domain.money import apportion, share_of_quantity


@dataclass(frozen=True, slots=True)
class Candidate:
    """A substitute of an item, and how many units of it nobody is promised."""

    sku: str
    free: int


def choose(waiting: int, candidates: Sequence[Candidate]) -> Candidate | None:
    """The substitute to offer for `waiting` units; its `free` is the quantity to offer.

    The first of the shop's order that serves all of them, else the one that serves the most, so
    that the customer is asked once.
    """
    best = max(candidates, key=lambda c: min(c.free, waiting), default=None)
    if best is None or best.free <= 0 or waiting <= 0:
        return None
    return Candidate(best.sku, min(best.free, waiting))


@dataclass(frozen=True, slots=True)
class Place:
    """Units at a warehouse; a lower `priority` is preferred."""

    warehouse: str
    quantity: int
    priority: int = 0


def spread(quantity: int, free: Sequence[Place]) -> list[Place]:
    """Where to take `quantity` units from: as few warehouses as can be, so as few parcels."""
    taken: list[Place] = []
    for place in sorted(free, key=lambda p: (-min(p.quantity, quantity), p.priority, p.warehouse)):
        if (units := min(place.quantity, quantity)) > 0:
            taken.append(Place(place.warehouse, units, place.priority))
            quantity -= units
    return taken


@dataclass(frozen=True, slots=True)
class Priced:
    """What a line, or a part of it, comes to; amounts in minor units.

    `total` is `quantity * unit_price - discount`, plus `tax` where prices do not include it.
    """

    quantity: int
    unit_price: int
    discount: int
    tax: int
    total: int


def cut(
    line: Priced, quantity: int, *, canceled: int = 0, prices_include_tax: bool
) -> tuple[Priced, Priced]:
    """Cut `quantity` units off a line: what is left of it, and the part cut off.

    Each amount is split by largest remainder and sums to the line's exactly, and both parts add up
    by themselves. Of the two neighboring integers the total's share is the one that leaves what
    the line's `canceled` units are worth as it is, so that not a cent moves with the cut; one of
    them always does, since canceled units are among those that stay.
    """
    stays = line.quantity - quantity
    rest, part = apportion(line.total, [stays, quantity])
    worth = share_of_quantity(line.total, canceled, line.quantity)
    if share_of_quantity(rest, canceled, stays) != worth:
        rest = line.total * stays // line.quantity
        if share_of_quantity(rest, canceled, stays) != worth:
            rest += 1
        part = line.total - rest
    tax = apportion(line.tax, [stays, quantity])[0]
    on_top = 0 if prices_include_tax else tax
    discount = min(max(0, stays * line.unit_price + on_top - rest), line.discount)
    if not prices_include_tax:
        tax = rest - stays * line.unit_price + discount
    return (
        Priced(stays, line.unit_price, discount, tax, rest),
        Priced(quantity, line.unit_price, line.discount - discount, line.tax - tax, part),
    )
