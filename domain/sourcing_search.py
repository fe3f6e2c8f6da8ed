"""Finds the set of warehouses that serves an order best: every small set is looked at.

A plan's weight is a vector in the order of the criteria. Each entry is a sum over the units taken
(unit costs, zones, shares of shelves, priorities) plus something that only grows with the set
(parcels, their costs, the longest promise). So for a given set the best way to take units is
item by item, cheapest vector first, and the best plan of all is the best over all sets: exact, as
long as the sets are few enough to be looked at one by one. Beyond that a greedy choice is improved
and said to be inexact.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb

from domain.sourcing_rules import CRITERIA, Rules, Site, Zone

# Sets of candidates that are looked at for one order, and shelves looked at in all of them: some
# milliseconds at most, since stock is locked meanwhile. 1023 are all the sets of ten candidates.
MOST_SETS = 1_023
MOST_LOOKS = 4_000
# A shelf's share is reckoned in parts per million.
_MILLION = 1_000_000


@dataclass(slots=True)
class Offer:
    """What a site could give: `shelf[n]` units of the n-th item that is asked for.

    `days` are working days until its parcel arrives, `limits` codes of what it may not give.
    """

    site: Site
    zone: Zone
    days: int
    shelf: Sequence[int]
    limits: Sequence[str] = ()

    def units(self, wanted: Sequence[int]) -> int:
        """Units of what is wanted that it could give alone."""
        return sum(map(min, self.shelf, wanted))


# Units taken, by (offer, item).
Taking = dict[tuple[int, int], int]
# In the order of the criteria; then parcels and codes, so that no two plans weigh the same.
Weight = tuple[tuple[int, ...], int, tuple[str, ...]]


@dataclass(slots=True)
class Found:
    """The best plan, the next best, and the best that was seen with each offer in it.

    `parcels` are the offers it uses and the units each gives, the largest first.
    """

    taking: Taking
    parcels: Sequence[tuple[int, int]]
    weight: Weight
    runner_up: Weight | None
    with_offer: dict[int, Weight]
    exact: bool


class Search:
    """Offers, by code, and what is wanted of each item: never more than they hold together."""

    __slots__ = ("_looks", "_places", "_ranked", "_seen", "_units", "offers", "rules", "wanted")

    def __init__(self, offers: Sequence[Offer], wanted: Sequence[int], rules: Rules) -> None:
        self.offers = offers
        self.wanted = wanted
        self.rules = rules
        self._places: list[int] = []
        # What a unit of each item from each offer weighs, and who holds the item, best first.
        self._units: list[list[tuple[int, int, int, int]]] = []
        self._ranked: list[list[int]] = []
        self._looks = 0
        self._seen: dict[frozenset[int], tuple[Weight, Taking]] = {}

    def best(self) -> Found:
        """The plan with the least weight."""
        if len(self.offers) == 1:
            return self._only()
        self._places = [CRITERIA.index(name) for name in self.rules.criteria]
        self._units = [
            [
                (o.zone.unit_cost, o.zone.number, _MILLION // max(1, units), o.site.priority)
                for units in o.shelf
            ]
            for o in self.offers
        ]
        self._ranked = [self._rank(item) for item in range(len(self.wanted))]
        exact = self._look_at_sets()
        if not exact:
            self._look_at_likely_sets()
        weight, taking = min(self._seen.values())
        runner_up: Weight | None = None
        with_offer: dict[int, Weight] = {}
        for used, (other, _) in self._seen.items():
            if other is not weight and (runner_up is None or other < runner_up):
                runner_up = other
            for number in used:
                if number not in with_offer or other < with_offer[number]:
                    with_offer[number] = other
        return Found(taking, _parcels(taking), weight, runner_up, with_offer, exact)

    def _only(self) -> Found:
        """Most orders: there is nothing to compare."""
        taking = {(0, item): units for item, units in enumerate(self.wanted) if units}
        return Found(taking, [(0, sum(self.wanted))], ((), 1, ()), None, {}, exact=True)

    def weigh(self, taking: Taking) -> Weight:
        """A plan's weight."""
        cost = distance = days = share = priority = 0
        used: set[int] = set()
        for (number, item), units in taking.items():
            if number not in used:
                used.add(number)
                offer = self.offers[number]
                cost += offer.zone.parcel_cost
                days = max(days, offer.days)
            a, b, c, d = self._units[number][item]
            cost += units * a
            distance += units * b
            share += units * c
            priority += units * d
        values = (len(used), cost, distance, days, share, priority)
        codes = tuple([self.offers[number].site.code for number in sorted(used)])
        return tuple([values[place] for place in self._places]), len(used), codes

    def _rank(self, item: int) -> list[int]:
        """Who holds the item, in the order in which a unit of it is best taken."""
        holders = [number for number, offer in enumerate(self.offers) if offer.shelf[item]]
        if len(holders) > 1:
            holders.sort(key=lambda number: self._of_a_unit(number, item))
        return holders

    def _of_a_unit(self, number: int, item: int) -> list[int]:
        """What one more unit of the item from the offer adds to the weight, its parcel apart."""
        cost, distance, share, priority = self._units[number][item]
        values = (0, cost, distance, 0, share, priority)
        return [values[place] for place in self._places]

    def _look_at_sets(self) -> bool:
        """Look at sets by size. False when they are too many, and not all were looked at."""
        count, left = len(self.offers), MOST_SETS
        fewest_first = self.rules.criteria[0] == "parcels"
        for size in range(self._fewest(), min(count, sum(self.wanted)) + 1):
            left -= comb(count, size)
            if left < 0 and size > 1:
                return False
            for chosen in combinations(range(count), size):
                self._look_at(frozenset(chosen))
                if self._looks > MOST_LOOKS and size > 1:
                    return False
            if fewest_first and self._seen:
                break
        return True

    def _fewest(self) -> int:
        """No smaller set can hold what is wanted of each item."""
        fewest = 1
        for item, wanted in enumerate(self.wanted):
            shelves = sorted([offer.shelf[item] for offer in self.offers], reverse=True)
            held = count = 0
            while held < wanted:
                held += shelves[count]
                count += 1
            fewest = max(fewest, count)
        return fewest

    def _look_at(self, chosen: frozenset[int]) -> Weight | None:
        """Weigh the best plan within a set; None when it cannot serve all that is wanted."""
        taking: Taking = {}
        for item, wanted in enumerate(self.wanted):
            self._looks += 1
            left = wanted
            for number in self._ranked[item] if left else ():
                if number in chosen:
                    units = self.offers[number].shelf[item]
                    if units >= left:
                        taking[number, item] = left
                        break
                    taking[number, item] = units
                    left -= units
            else:
                if left:
                    return None
        weight = self.weigh(taking)
        # What is best in a larger set may leave some of it out; it is the best of those it uses.
        self._seen.setdefault(frozenset([number for number, _ in taking]), (weight, taking))
        return weight

    def _look_at_likely_sets(self) -> None:
        """Too many sets: try who serves the most of what is left, who gives units cheapest, and
        the better of them with one parcel less, again and again.
        """
        for start in (self._most_first(), range(len(self.offers))):
            self._look_at(frozenset(start))
        used, (weight, _) = min(self._seen.items(), key=lambda seen: seen[1][0])
        for number in sorted(used, key=lambda n: (self.offers[n].units(self.wanted), n)):
            if self._looks > 2 * MOST_LOOKS:
                break
            found = self._look_at(used - {number})
            if found is not None and found < weight:
                used, weight = used - {number}, found

    def _most_first(self) -> Iterator[int]:
        left, others = list(self.wanted), set(range(len(self.offers)))
        alone = [self.weigh(self._all_of(number)) for number in range(len(self.offers))]
        while any(left):
            best = min(others, key=lambda n: (-self.offers[n].units(left), alone[n]))
            shelf = self.offers[best].shelf
            left = [max(0, units - held) for units, held in zip(left, shelf, strict=True)]
            others.remove(best)
            yield best

    def _all_of(self, number: int) -> Taking:
        """All that the offer could give."""
        shelf = self.offers[number].shelf
        return {
            (number, item): min(wanted, shelf[item])
            for item, wanted in enumerate(self.wanted)
            if wanted and shelf[item]
        }


def _parcels(taking: Taking) -> list[tuple[int, int]]:
    given: dict[int, int] = {}
    for (number, _), units in taking.items():
        given[number] = given.get(number, 0) + units
    return sorted(given.items(), key=lambda parcel: (-parcel[1], parcel[0]))
