"""How a picker walks: which units of which place are for which order, and who gets what was found.

Pure functions; `db.pick_lists` reads the needs and places, and writes the walk down.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Need:
    """Units of an order line that one location has yet to pick; `slot` is its place on the cart."""

    work_id: str
    slot: int
    line_id: str
    sku: str
    quantity: int


@dataclass(frozen=True)
class Spot:
    """Units that can be taken from a bin (of a lot); pickers pass bins by rising `sequence`."""

    sku: str
    bin: str
    lot: str
    sequence: int
    quantity: int


@dataclass(frozen=True)
class Part:
    """Units of a stop that are for one line."""

    work_id: str
    slot: int
    line_id: str
    quantity: int


@dataclass(frozen=True)
class Stop:
    """Where the picker stops: one item (and lot) of one bin, for all orders that want it.

    Without a bin the books do not know where the units lie.
    """

    sku: str
    bin: str
    lot: str
    parts: Sequence[Part]

    @property
    def quantity(self) -> int:
        """Units to take here."""
        return sum(part.quantity for part in self.parts)


def walk(needs: Sequence[Need], spots: Sequence[Spot]) -> list[Stop]:
    """The stops in walking order.

    Needs are served one after another, from the spots in the order given (first expired first);
    what no spot has comes last, without a bin.
    """
    left = [spot.quantity for spot in spots]
    parts: dict[tuple[bool, int, str, str, str], list[Part]] = {}
    for need in needs:
        rest = need.quantity
        for i, spot in enumerate(spots):
            take = min(left[i], rest) if spot.sku == need.sku else 0
            if take:
                left[i] -= take
                rest -= take
                place = (False, spot.sequence, spot.bin, spot.sku, spot.lot)
                parts.setdefault(place, []).append(_part(need, take))
        if rest:
            parts.setdefault((True, 0, "", need.sku, ""), []).append(_part(need, rest))
    return [Stop(place[3], place[2], place[4], parts[place]) for place in sorted(parts)]


def _part(need: Need, quantity: int) -> Part:
    return Part(need.work_id, need.slot, need.line_id, quantity)


def share(wanted: Sequence[int], found: int) -> list[int]:
    """How many of the units found each part gets, the first ones first.

    `found` is at most the sum of what is wanted.
    """
    shares = []
    for quantity in wanted:
        take = min(quantity, found)
        shares.append(take)
        found -= take
    return shares
