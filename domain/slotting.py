"""Which items belong near the packing tables: ABC classes by picks, and moves that shorten ways.

Picks are lines that somebody walked for, whatever their quantity: the way is the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

# Shares of all picks, in basis points: class A ends where 80% are reached, class B at 95%.
A_ENDS = 8_000
B_ENDS = 9_500
_WHOLE = 10_000


class AbcClass(StrEnum):
    """How often an item is walked for."""

    A = "A"
    B = "B"
    C = "C"


@dataclass(frozen=True, slots=True)
class Ranked:
    """An item's rank (1 is picked most), and its shares in basis points."""

    rank: int
    sku: str
    picks: int
    share_bp: int
    cumulative_bp: int
    abc: AbcClass


@dataclass(frozen=True, slots=True)
class Bin:
    """A place on the walk through the warehouse: `sequence` 1 is passed first."""

    code: str
    zone: str
    sequence: int


@dataclass(frozen=True, slots=True)
class Move:
    """Put the item into `to`; what lies there (`instead`, "" for nothing) goes to `place`.

    `gain` is how many places nearer, times the item's picks more than those of what it displaces.
    """

    sku: str
    abc: AbcClass
    picks: int
    place: Bin
    to: Bin
    instead: str
    gain: int


def rank(picks: Mapping[str, int]) -> list[Ranked]:
    """Items by picks, with the share of all picks reached with each (rounded down).

    The item with which a limit is reached still belongs to the better class, so that a shop with
    one bestseller has a class A; what nobody picked is C.
    """
    total = sum(picks.values())
    ranked, before = [], 0
    for place, (sku, count) in enumerate(sorted(picks.items(), key=lambda p: (-p[1], p[0])), 1):
        found = AbcClass.C
        if count and before * _WHOLE < A_ENDS * total:
            found = AbcClass.A
        elif count and before * _WHOLE < B_ENDS * total:
            found = AbcClass.B
        before += count
        share = count * _WHOLE // total if total else 0
        reached = before * _WHOLE // total if total else 0
        ranked.append(Ranked(place, sku, count, share, reached, found))
    return ranked


def moves(
    ranked: Sequence[Ranked], bins: Sequence[Bin], stored: Mapping[str, str], limit: int
) -> list[Move]:
    """Swaps that bring fast movers nearer, the one that saves most first.

    `stored` names the item of each bin that holds exactly one (its main one); bins that are empty
    are not in it. From the fastest mover down, each takes the nearest bin that is nearer than its
    own and holds nothing, or something that is picked less and is of a lower class. Each bin is
    in one move at most, so that the moves can be done in any order.
    """
    walk = sorted(bins, key=lambda b: (b.sequence, b.code))
    by_sku = {item.sku: item for item in ranked}
    place_of: dict[str, Bin] = {}
    for here in walk:
        if here.code in stored:
            place_of.setdefault(stored[here.code], here)
    taken: set[str] = set()
    found = []
    for item in ranked:
        place = place_of.get(item.sku)
        if item.abc is AbcClass.C or place is None or place.code in taken:
            continue
        target = _nearer(item, place, walk, taken, stored, by_sku)
        if target is None:
            continue
        other = by_sku.get(stored.get(target.code, ""))
        taken |= {place.code, target.code}
        gain = (place.sequence - target.sequence) * (item.picks - (other.picks if other else 0))
        instead = stored.get(target.code, "")
        found.append(Move(item.sku, item.abc, item.picks, place, target, instead, gain))
    return sorted(found, key=lambda move: (-move.gain, move.sku))[:limit]


def _nearer(
    item: Ranked,
    place: Bin,
    walk: Sequence[Bin],
    taken: set[str],
    stored: Mapping[str, str],
    by_sku: Mapping[str, Ranked],
) -> Bin | None:
    for candidate in walk:
        if candidate.sequence >= place.sequence:
            return None
        if candidate.code in taken:
            continue
        other = by_sku.get(stored.get(candidate.code, ""))
        if other is None or (other.abc > item.abc and other.picks < item.picks):
            return candidate
    return None
