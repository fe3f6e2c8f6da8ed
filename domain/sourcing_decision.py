"""Why these warehouses: a compact account of a plan for the order's timeline.

It holds codes, units, costs and days, nothing of the customer: no postal code, no city.
"""

from collections.abc import Sequence
from typing import Any

from domain.money import LARGEST_AMOUNT
from domain.sourcing_rules import Rules, Site
from domain.sourcing_search import Found, Search, Weight

# Sites that a decision tells of; the others are counted.
MOST_TOLD = 10

# How a criterion speaks of the one that won by it, and of those that lost by it.
WON = {
    "parcels": "fewest_parcels",
    "cost": "cheaper",
    "distance": "nearer",
    "promise": "faster",
    "balance": "better_stocked",
    "priority": "priority",
    # Two plans that weigh the same: the first by its codes is taken.
    None: "first_by_code",
}
LOST = {
    "parcels": "more_parcels",
    "cost": "dearer",
    "distance": "farther",
    "promise": "slower",
    "balance": "less_stocked",
    "priority": "lower_priority",
    None: "later_by_code",
}
_ONLY_SOURCE, _NOT_COMPARED, NO_STOCK = "only_source", "not_compared", "no_stock"

Refusals = Sequence[tuple[Site, str]]


def served(search: Search, found: Found, refused: Refusals, missing: int) -> dict[str, Any]:
    """A plan in figures, and each site that was looked at: chosen ones first, refused ones last.

    `refused` are sites that give nothing, with the code why; `missing` are units nobody has.
    """
    offers, rules = search.offers, search.rules
    parcels = found.parcels
    rows = _chosen(search, found)
    if len(parcels) < len(offers):
        rows += _others(search, found)
    decision: dict[str, Any] = {
        "criteria": list(rules.criteria),
        "currency": rules.currency,
        "parcels": len(parcels),
        "cost": min(LARGEST_AMOUNT, sum([row["cost"] for row in rows[: len(parcels)]])),
        "promised_days": max([offers[number].days for number, _ in parcels]),
        "exact": found.exact,
        "looked_at": len(offers) + len(refused),
        "sites": rows[:MOST_TOLD],
    }
    if missing:
        decision["missing"] = missing
    if refused:
        decision["sites"] += _refusals(refused, MOST_TOLD - len(decision["sites"]))
    return decision


def unserved(rules: Rules, refused: Refusals, missing: int) -> dict[str, Any]:
    """Nobody gives anything: who was looked at, and why not."""
    return {
        "criteria": list(rules.criteria),
        "currency": rules.currency,
        "parcels": 0,
        "missing": missing,
        "looked_at": len(refused),
        "sites": _refusals(refused, MOST_TOLD),
    }


def _chosen(search: Search, found: Found) -> list[dict[str, Any]]:
    offers = search.offers
    if len(offers) == 1:
        return [_row(search, 0, found.parcels[0][1], _ONLY_SOURCE)]
    reason = WON[_won_by(search, found)]
    return [
        _row(search, number, units, _ONLY_SOURCE if _needed(search, found, number) else reason)
        for number, units in found.parcels
    ]


def _others(search: Search, found: Found) -> list[dict[str, Any]]:
    """Offers that were not taken: the nearest losers first."""
    used = {number for number, _ in found.parcels}
    seen = found.with_offer
    losers = sorted([number for number in seen if number not in used], key=seen.__getitem__)
    rest = [n for n in range(len(search.offers)) if n not in used and n not in seen]
    room = max(0, MOST_TOLD - len(used))
    return [
        _row(search, number, 0, _lost_by(search, found, number))
        for number in (losers + rest)[:room]
    ]


def _row(search: Search, number: int, given: int, why: str) -> dict[str, Any]:
    """An offer: `units` it could give, and what those it gives (else could give) would cost."""
    offer = search.offers[number]
    units = offer.units(search.wanted)
    zone = offer.zone
    row: dict[str, Any] = {
        "code": offer.site.code,
        "kind": offer.site.kind,
        "chosen": given > 0,
        "why": why,
        "units": units,
        "given": given,
        "cost": zone.cost_of(given or units),
        "zone": zone.number,
        "promised_days": offer.days,
    }
    if offer.limits:
        row["limits"] = list(offer.limits)
    return row


def _refusals(refused: Refusals, room: int) -> list[dict[str, Any]]:
    """Sites that may not give what they have say more than those that have nothing."""
    if len(refused) > 1:
        refused = sorted(refused, key=lambda entry: (entry[1] == NO_STOCK, entry[0].code))
    return [
        {"code": site.code, "kind": site.kind, "chosen": False, "why": why}
        for site, why in refused[:room]
    ]


def _needed(search: Search, found: Found, number: int) -> bool:
    """Whether it gives what the others together have too little of: any plan needs it."""
    for item, wanted in enumerate(search.wanted):
        if (number, item) in found.taking:
            held = sum([offer.shelf[item] for offer in search.offers])
            if held - search.offers[number].shelf[item] < wanted:
                return True
    return False


def _won_by(search: Search, found: Found) -> str | None:
    """The criterion that decided between the plan and the next best."""
    if found.runner_up is not None:
        return _differ(search, found.weight, found.runner_up)
    # No other plan was worth looking at: what would each of the others have made worse?
    used = {number for number, _ in found.parcels}
    worse = [_forced(search, found, n) for n in range(len(search.offers)) if n not in used]
    # The nearest of them: the one that differs last.
    order = [*search.rules.criteria, "parcels"]
    return max([name for name in worse if name], key=order.index, default=None)


def _lost_by(search: Search, found: Found, number: int) -> str:
    """What decided between the plan and the best that was seen with that offer in it."""
    if number in found.with_offer:
        return LOST[_differ(search, found.weight, found.with_offer[number])]
    return LOST[_forced(search, found, number)] if found.exact else _NOT_COMPARED


def _differ(search: Search, better: Weight, worse: Weight) -> str | None:
    """The first criterion by which the two weigh differently."""
    for name, a, b in zip(search.rules.criteria, better[0], worse[0], strict=True):
        if a != b:
            return name
    return None if better[1] == worse[1] else "parcels"


def _forced(search: Search, found: Found, number: int) -> str | None:
    """The criterion by which the plan would be worse with one unit from that offer instead."""
    shelf = search.offers[number].shelf
    giver, item = max(key for key in found.taking if shelf[key[1]])
    forced = {**found.taking, (number, item): 1, (giver, item): found.taking[giver, item] - 1}
    return _differ(search, found.weight, search.weigh(forced))
