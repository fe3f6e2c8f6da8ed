"""Who gets which units: the decision for all orders that wait at one moment, as a pure function.

The caller has locked the levels of every item asked for, so that what is decided here can be
written as it is. Orders are served by their place in the queue: urgent first, then first come;
units for which somebody waits who is ahead of an order are not its to take.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NamedTuple

from domain import shortage
from domain.sourcing import (
    Allocation,
    Demand,
    Destination,
    Plan,
    Rules,
    Site,
    Source,
    plan,
    ration,
    servers,
)

ALLOCATED, WAITING, UNAVAILABLE = "allocated", "waiting", "unavailable"


class Wanted(NamedTuple):
    """A line: `open` units are new, `backordered` ones wait already; `live` are not canceled."""

    line_id: str
    sku: str
    open: int
    backordered: int
    live: int
    out_of_stock: str | None = None
    category: str = ""


@dataclass(frozen=True, slots=True)
class Held:
    """Units that a checkout keeps for the order at one location."""

    sku: str
    warehouse: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Request:
    """An order that wants its units, with its place in the queue.

    `not_found_at` are (warehouse, sku) that were asked for the order's units and did not find them.
    """

    order_id: str
    priority: int
    since: datetime
    confirmed: bool
    out_of_stock: str
    lines: Sequence[Wanted]
    held: Sequence[Held] = ()
    destination: Destination = field(default_factory=Destination)
    not_found_at: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Ahead:
    """Units of an item for which an order waits in the queue."""

    sku: str
    order_id: str
    priority: int
    since: datetime
    quantity: int
    category: str = ""
    destination: Destination = field(default_factory=Destination)
    not_found_at: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Reserved:
    """What becomes of one order's units.

    `from_hold` are those of the allocations that its checkout had kept. `queued` units wait from
    now on; `canceled` ones nobody has. `served` and `dropped` are waiting units that wait no more.
    `passed_over` are items of which units stay free, kept for somebody ahead. `decision` tells
    which locations were looked at, and why these.
    """

    order_id: str
    outcome: str
    allocations: tuple[Allocation, ...] = ()
    from_hold: tuple[Allocation, ...] = ()
    queued: tuple[Demand, ...] = ()
    canceled: tuple[Demand, ...] = ()
    served: Mapping[str, int] = field(default_factory=dict)
    dropped: Mapping[str, int] = field(default_factory=dict)
    missing: tuple[Demand, ...] = ()
    decision: Mapping[str, Any] = field(default_factory=dict)
    passed_over: tuple[str, ...] = ()


def reserve(
    requests: Iterable[Request],
    sources: Sequence[Source],
    waiting: Iterable[Ahead],
    sites: Mapping[str, Site],
    rules: Rules,
) -> list[Reserved]:
    """Serve the requests one after the other, by their place in the queue.

    `sites` are the warehouses of the sources, as far as they are known; `rules` say which of them
    ships what.
    """
    shelf = _Shelf(sources, waiting, sites, rules)
    return [
        shelf.serve(request)
        for request in sorted(requests, key=lambda r: (-r.priority, r.since, r.order_id))
    ]


class _Shelf:
    """What is left while the orders are served."""

    def __init__(
        self,
        sources: Sequence[Source],
        waiting: Iterable[Ahead],
        sites: Mapping[str, Site],
        rules: Rules,
    ) -> None:
        self._sites, self._rules = sites, rules
        self._left = {(s.warehouse, s.sku): s.available for s in sources}
        self._priority = {s.warehouse: s.priority for s in sources}
        self._places: defaultdict[str, list[str]] = defaultdict(list)
        for source in sources:
            self._places[source.sku].append(source.warehouse)
        self._queue: defaultdict[str, list[tuple[Ahead, frozenset[str]]]] = defaultdict(list)
        for one in waiting:
            self._queue[one.sku].append((one, self._choice(one)))

    def serve(self, request: Request) -> Reserved:
        """Find sources; what nobody has waits, is canceled, or ends the order, by policy."""
        wants = [w for w in request.lines if w.open + w.backordered]
        from_hold, rest = _take_held(wants, request.held, lambda want: self._servers(request, want))
        found = self._plan(request, rest) if rest else Plan((), ())
        policy = _policies(request, wants) if found.missing else {}
        if any(policy[demand.line_id] == shortage.CANCEL for demand in found.missing):
            return Reserved(
                request.order_id, UNAVAILABLE, missing=found.missing, decision=found.decision
            )
        for allocation in found.allocations:
            self._left[allocation.warehouse, allocation.sku] -= allocation.quantity
        settled = _settle(request, wants, from_hold, found, policy)
        if settled.served or settled.dropped:
            self._leave_queue(settled, wants)
        if found.missing and (skus := self._kept_from(found.missing)):
            settled = replace(settled, passed_over=skus)
        return settled

    def _kept_from(self, missing: Sequence[Demand]) -> tuple[str, ...]:
        """Items that are missing although units are free, as somebody ahead waits for them."""
        skus = {demand.sku for demand in missing if self._queue.get(demand.sku)}
        return tuple(
            sorted(sku for sku in skus if any(self._left[w, sku] > 0 for w in self._places[sku]))
        )

    def _leave_queue(self, settled: Reserved, wants: Sequence[Wanted]) -> None:
        """Units that an order does not wait for any more are not kept from those behind it."""
        for want in wants:
            gone = settled.served.get(want.line_id, 0) + settled.dropped.get(want.line_id, 0)
            queue = self._queue[want.sku] if gone else []
            for place, (one, choice) in enumerate(queue):
                if one.order_id == settled.order_id:
                    left = max(0, one.quantity - gone)
                    gone -= one.quantity - left
                    queue[place] = replace(one, quantity=left), choice

    def _servers(self, request: Request, want: Wanted) -> frozenset[str]:
        demand = Demand(want.line_id, want.sku, want.live, want.category)
        return servers(demand, request.destination, self._sites.values())

    def _plan(self, request: Request, demands: Sequence[Demand]) -> Plan:
        """Which locations ship it, of those that keep one of its items."""
        free: dict[tuple[str, str], int] = {}
        for sku in {demand.sku for demand in demands}:
            free |= self._free(request, sku)
        sites = {code: self._sites[code] for code, _ in free if code in self._sites}
        return plan(demands, free, sites, request.destination, self._rules)

    def _choice(self, one: Ahead) -> frozenset[str]:
        """The warehouses that may serve who waits: goods of others are not kept for them."""
        demand = Demand("", one.sku, one.quantity, one.category)
        places = [
            self._sites[w]
            for w in self._places[one.sku]
            if w in self._sites and (w, one.sku) not in one.not_found_at
        ]
        return servers(demand, one.destination, places)

    def _free(self, request: Request, sku: str) -> dict[tuple[str, str], int]:
        """What of an item is free for the order, by place: not what others wait for ahead of it."""
        places = [
            (warehouse, sku)
            for warehouse in self._places[sku]
            if (warehouse, sku) not in request.not_found_at
        ]
        if sku not in self._queue:
            return {place: self._left[place] for place in places}
        promised: Counter[tuple[str, frozenset[str]]] = Counter()
        for one, choice in self._queue.get(sku, ()):
            if _is_ahead(one, request):
                promised[sku, choice] += one.quantity
        if not promised:
            return {place: self._left[place] for place in places}
        sources = [Source(w, sku, self._left[w, sku], self._priority[w]) for w, _ in places]
        return {(s.warehouse, sku): s.available for s in ration(sources, promised)}


def _policies(request: Request, wants: Sequence[Wanted]) -> dict[str, str]:
    """What becomes of each line's units when nobody has them."""
    return {
        want.line_id: shortage.decide(
            request.out_of_stock, want.out_of_stock, confirmed=request.confirmed
        )
        for want in wants
    }


def _is_ahead(one: Ahead, request: Request) -> bool:
    if one.order_id == request.order_id:
        return False
    return (-one.priority, one.since) < (-request.priority, request.since)


def _take_held(
    wants: Sequence[Wanted],
    held: Sequence[Held],
    servers_of: Callable[[Wanted], frozenset[str]],
) -> tuple[tuple[Allocation, ...], list[Demand]]:
    """Units that the checkout keeps for these lines, and the demand that is left.

    The checkout may not have said whereto: what its location may not send there is not taken.
    """
    if not held:
        return (), [Demand(w.line_id, w.sku, w.open + w.backordered, w.category) for w in wants]
    kept = {(h.sku, h.warehouse): h.quantity for h in held}
    taken, rest = [], []
    for want in wants:
        left = want.open + want.backordered
        allowed = servers_of(want)
        for (sku, warehouse), there in kept.items():
            take = min(left, there) if sku == want.sku and warehouse in allowed else 0
            if take:
                taken.append(Allocation(want.line_id, sku, warehouse, take))
                kept[sku, warehouse] -= take
                left -= take
        if left:
            rest.append(Demand(want.line_id, want.sku, left, want.category))
    return tuple(taken), rest


def _settle(
    request: Request,
    wants: Sequence[Wanted],
    from_hold: tuple[Allocation, ...],
    found: Plan,
    policy: Mapping[str, str],
) -> Reserved:
    """Reckon what each line's units become."""
    allocations = (*from_hold, *found.allocations)
    units: defaultdict[str, int] = defaultdict(int)
    for allocation in allocations:
        units[allocation.line_id] += allocation.quantity
    lacks = {demand.line_id: demand.quantity for demand in found.missing}
    queued, canceled, served, dropped = [], [], {}, {}
    for want in wants:
        # Units that wait are served before new ones of the same line.
        if waited := min(want.backordered, units[want.line_id]):
            served[want.line_id] = waited
        if not (lack := lacks.get(want.line_id, 0)):
            continue
        still_waiting = want.backordered - waited
        if policy[want.line_id] in shortage.WAITING:
            if lack > still_waiting:
                queued.append(Demand(want.line_id, want.sku, lack - still_waiting))
            continue
        canceled.append(Demand(want.line_id, want.sku, lack))
        if still_waiting:
            dropped[want.line_id] = still_waiting
    live = sum(w.live for w in request.lines) - sum(d.quantity for d in canceled)
    waits = any(policy[line_id] in shortage.WAITING for line_id in lacks)
    return Reserved(
        request.order_id,
        UNAVAILABLE if not live else WAITING if waits else ALLOCATED,
        allocations,
        from_hold,
        tuple(queued),
        tuple(canceled),
        served,
        dropped,
        found.missing,
        found.decision,
    )
