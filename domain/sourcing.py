"""Which warehouse ships which units: a pure plan over what is available where."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Demand:
    """Units of an order line that need a source."""

    line_id: str
    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Source:
    """What one warehouse can give of one item; a lower `priority` is preferred."""

    warehouse: str
    sku: str
    available: int
    priority: int


@dataclass(frozen=True, slots=True)
class Allocation:
    """Units of a line that a warehouse will ship."""

    line_id: str
    sku: str
    warehouse: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Who ships what, and what nobody has."""

    allocations: tuple[Allocation, ...]
    missing: tuple[Demand, ...]


def plan(demands: Sequence[Demand], sources: Sequence[Source]) -> Plan:
    """Fewest parcels first: the warehouse that serves the most units, then the next, and so on.

    Ties go to the lower priority number, then to the code, so the same input gives the same plan.
    """
    stock = {(s.warehouse, s.sku): max(0, s.available) for s in sources}
    priority = {s.warehouse: s.priority for s in sources}
    left = {d.line_id: d.quantity for d in demands}
    allocations: list[Allocation] = []
    candidates = set(priority)
    while candidates and any(left.values()):
        offers = {w: _offer(w, demands, left, stock) for w in candidates}
        best = min(candidates, key=lambda w: (-sum(offers[w].values()), priority[w], w))
        if not any(offers[best].values()):
            break
        for demand in demands:
            if units := offers[best].get(demand.line_id, 0):
                allocations.append(Allocation(demand.line_id, demand.sku, best, units))
                left[demand.line_id] -= units
        candidates.remove(best)
    missing = tuple(Demand(d.line_id, d.sku, left[d.line_id]) for d in demands if left[d.line_id])
    return Plan(tuple(allocations), missing)


def _offer(
    warehouse: str,
    demands: Sequence[Demand],
    left: dict[str, int],
    stock: dict[tuple[str, str], int],
) -> dict[str, int]:
    """What the warehouse could give of what is left, per line; lines may share an item."""
    remaining = {sku: n for (w, sku), n in stock.items() if w == warehouse}
    offer: dict[str, int] = {}
    for demand in demands:
        units = min(left[demand.line_id], remaining.get(demand.sku, 0))
        if units:
            offer[demand.line_id] = units
            remaining[demand.sku] -= units
    return offer


def ration(sources: Sequence[Source], promised: dict[str, int]) -> list[Source]:
    """Leave `promised` units of each item to those who wait for longer.

    Taken from the least preferred warehouses first.
    """
    left = dict(promised)
    rationed = []
    for source in sorted(sources, key=lambda s: (-s.priority, s.warehouse)):
        kept_back = min(max(0, source.available), left.get(source.sku, 0))
        left[source.sku] = left.get(source.sku, 0) - kept_back
        rationed.append(
            Source(source.warehouse, source.sku, source.available - kept_back, source.priority)
        )
    return rationed
