"""Which warehouse ships which units: a pure plan over what is available where, by the rules.

It runs while stock is locked, so it is quick for the usual order and bounded for any
(docs/sourcing.md tells what the rules mean, `sourcing_search` how the best plan is found).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from domain.sourcing_decision import NO_STOCK, served, unserved
from domain.sourcing_rules import (
    CRITERIA,
    Demand,
    Destination,
    Exclusion,
    Rules,
    Site,
    Zone,
    eligible,
    excluded,
)
from domain.sourcing_search import Found, Offer, Search

__all__ = [
    "CRITERIA",
    "Allocation",
    "Demand",
    "Destination",
    "Exclusion",
    "Plan",
    "Rules",
    "Site",
    "Source",
    "Zone",
    "eligible",
    "plan",
    "ration",
    "servers",
]


class Source(NamedTuple):
    """What one warehouse can give of one item; a lower `priority` is preferred."""

    warehouse: str
    sku: str
    available: int
    priority: int


class Allocation(NamedTuple):
    """Units of a line that a warehouse will ship."""

    line_id: str
    sku: str
    warehouse: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Who ships what, what nobody has, and why (in ids, codes and figures: JSON as it is)."""

    allocations: tuple[Allocation, ...]
    missing: tuple[Demand, ...]
    decision: dict[str, Any] = field(default_factory=dict)


def plan(
    demands: Sequence[Demand],
    available: Mapping[tuple[str, str], int],
    sites: Mapping[str, Site],
    destination: Destination,
    rules: Rules,
) -> Plan:
    """Serve as many units as can be served, in the way that the rules find best.

    `available` is keyed by (warehouse, sku); a warehouse that is not in `sites` gives nothing.
    Plans are compared criterion by criterion, ties end by code, so the same input gives the same
    plan. All sets of sites are compared up to a bound (`sourcing_search`); beyond it the plan may
    not be the best, but still serves every unit that can be served.
    """
    asked: dict[str, int] = {}
    for demand in demands:
        asked[demand.sku] = asked.get(demand.sku, 0) + demand.quantity
    skus = list(asked)
    offers, refused = _survey(demands, skus, available, sites, destination, rules)
    held = [sum(shelf) for shelf in zip(*[offer.shelf for offer in offers], strict=True)]
    wanted = [min(units, here) for units, here in zip(asked.values(), held, strict=False)]
    missing = sum(asked.values()) - sum(wanted)
    if not any(wanted):
        left = tuple([demand for demand in demands if demand.quantity])
        return Plan((), left, unserved(rules, refused, missing))
    search = Search(offers, wanted, rules)
    found = search.best()
    allocations, left = _hand_out(demands, skus, offers, found)
    return Plan(allocations, left, served(search, found, refused, missing))


def _survey(
    demands: Sequence[Demand],
    skus: Sequence[str],
    available: Mapping[tuple[str, str], int],
    sites: Mapping[str, Site],
    destination: Destination,
    rules: Rules,
) -> tuple[list[Offer], list[tuple[Site, str]]]:
    """Sites that can give something, by code; and those that cannot, with the code why."""
    offers: list[Offer] = []
    refused: list[tuple[Site, str]] = []
    for code in sorted(sites):
        site = sites[code]
        if site.closed:
            refused.append((site, "closed"))
            continue
        shelf = [max(0, available.get((code, sku), 0)) for sku in skus]
        limits: Sequence[str] = ()
        if site.exclusions:
            shelf, limits = _allowed(site, shelf, demands, skus, destination)
        if any(shelf):
            zone = rules.reach(site, destination)
            days = site.handling_days + zone.transit_days
            offers.append(Offer(site, zone, days, shelf, limits))
        else:
            refused.append((site, limits[0] if limits else NO_STOCK))
    return offers, refused


def _allowed(
    site: Site,
    shelf: Sequence[int],
    demands: Sequence[Demand],
    skus: Sequence[str],
    destination: Destination,
) -> tuple[list[int], tuple[str, ...]]:
    """The shelf without what the site's exclusions keep back, and their codes."""
    kept: dict[str, str] = {}
    for demand in demands:
        if demand.sku not in kept and (code := excluded(site.exclusions, demand, destination)):
            kept[demand.sku] = code
    left = [0 if sku in kept else units for sku, units in zip(skus, shelf, strict=True)]
    codes = {kept[sku] for sku, units in zip(skus, shelf, strict=True) if units and sku in kept}
    return left, tuple(sorted(codes))


def _hand_out(
    demands: Sequence[Demand], skus: Sequence[str], offers: Sequence[Offer], found: Found
) -> tuple[tuple[Allocation, ...], tuple[Demand, ...]]:
    """Units of items become units of lines: lines in their order, the largest parcel first."""
    places = {sku: item for item, sku in enumerate(skus)}
    left = dict(found.taking)
    rows: list[list[Allocation]] = [[] for _ in found.parcels]
    missing: list[Demand] = []
    for demand in demands:
        need = demand.quantity
        for row, (number, _) in zip(rows, found.parcels, strict=True):
            key = number, places[demand.sku]
            if units := min(need, left.get(key, 0)):
                code = offers[number].site.code
                row.append(Allocation(demand.line_id, demand.sku, code, units))
                left[key] -= units
                need -= units
        if need:
            missing.append(Demand(demand.line_id, demand.sku, need, demand.category))
    return tuple([row for parcel in rows for row in parcel]), tuple(missing)


def servers(demand: Demand, destination: Destination, sites: Iterable[Site]) -> frozenset[str]:
    """Which of the sites may serve that item there, whether they have it or not."""
    return frozenset([site.code for site in sites if eligible(site, demand, destination) is None])


def ration(
    sources: Sequence[Source], promised: Mapping[tuple[str, frozenset[str]], int]
) -> list[Source]:
    """Leave `promised` units to those who wait for longer: by item and who may serve them.

    Those with the fewest choices come first; units are kept at the least preferred of the
    warehouses that may serve them.
    """
    left = {(source.warehouse, source.sku): max(0, source.available) for source in sources}
    order = sorted(sources, key=lambda s: (-s.priority, s.warehouse))
    for (sku, choice), units in sorted(
        promised.items(), key=lambda entry: (len(entry[0][1]), entry[0][0], sorted(entry[0][1]))
    ):
        kept = units
        for source in order:
            if source.sku == sku and source.warehouse in choice:
                back = min(kept, left[source.warehouse, sku])
                left[source.warehouse, sku] -= back
                kept -= back
    return [Source(s.warehouse, s.sku, left[s.warehouse, s.sku], s.priority) for s in order]
