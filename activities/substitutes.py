"""Substitutes for units that wait: offered, accepted, and offers that are over.

Parts of steps: they run inside a step's transaction, under the order's lock.
"""

from collections import defaultdict
from typing import Any

from activities.contracts import Asked
from db import notifications, orders, reservations, sourcing, substitutes, timeline
from db.new_ids import new_id
from db.substitutes import Wanted
from domain.order import Offer
from domain.sourcing import Demand, servers
from domain.states import OfferStatus
from domain.substitution import Candidate, Place, choose, spread

_NOBODY = Asked()


async def lock(step: orders.Step) -> None:
    """Lock the levels of what the order was or could be offered, together with its own.

    Each step that may end an offer does this first: levels are locked in one order, and what is
    offered may come before what waits in it.
    """
    if step.order.may_be_substituted:
        await substitutes.lock(step.conn, step.order_id)


async def withdraw_needless(step: orders.Step, reason: str) -> bool:
    """Withdraw offers for more units than wait: what was ordered came, or is not wanted any more.

    Whether there were any. Each step that takes waiting units away does this last.
    """
    if not any(offer.open for offer in step.order.offers):
        return False
    order = step.order = await orders.load(step.conn, step.order_id)
    waiting = {line.id: line.backordered for line in order.lines}
    needless = [o for o in order.offers if o.open and waiting.get(o.line_id, 0) < o.quantity]
    for offer in needless:
        await end(step, offer, OfferStatus.WITHDRAWN, data={"reason": reason})
    return bool(needless)


async def end(
    step: orders.Step,
    offer: Offer,
    status: OfferStatus,
    by: Asked = _NOBODY,
    data: dict[str, Any] | None = None,
) -> None:
    """End an offer without taking it; its units are free again."""
    await substitutes.end(step.conn, offer, status)
    await _tell(step, offer, f"substitute_{status}", by, data or {})


async def accept(step: orders.Step, offer: Offer, by: Asked) -> list[str]:
    """Put the substitute in the place of the units that waited; the warehouses where it lies."""
    line_id, units = await substitutes.accept(step.conn, step.order_id, offer)
    sources = [{"warehouse": u.warehouse, "quantity": u.quantity} for u in units]
    await _tell(step, offer, "substitute_accepted", by, {"becomes": line_id, "sources": sources})
    return sorted({unit.warehouse for unit in units})


async def offer_what_is_there(step: orders.Step, seconds: float) -> bool:
    """Ask the customer about something else for units that wait; whether there was anything."""
    wanted: defaultdict[str, list[Wanted]] = defaultdict(list)
    for want in await substitutes.wanted(step.conn, step.order_id):
        wanted[want.line_id].append(want)
    if not wanted:
        return False
    skus = [want.sku for wants in wanted.values() for want in wants]
    may_serve = await _servers(step, skus)
    free, promised = await substitutes.shelves(step.conn, skus)
    shelves: defaultdict[str, list[Place]] = defaultdict(list)
    for shelf in free:
        if shelf.warehouse in may_serve[shelf.sku]:
            shelves[shelf.sku].append(Place(shelf.warehouse, shelf.available, shelf.priority))
    offered = False
    for wants in wanted.values():
        left = [
            Candidate(
                w.sku, sum(max(0, p.quantity) for p in shelves[w.sku]) - promised.get(w.sku, 0)
            )
            for w in wants
        ]
        chosen = choose(wants[0].waiting, left)
        if chosen is None:
            continue
        what = next(want for want in wants if want.sku == chosen.sku)
        places = spread(chosen.free, shelves[chosen.sku])
        shelves[chosen.sku] = _without(shelves[chosen.sku], places)
        await _offer(step, what, places, seconds)
        offered = True
    return offered


async def _servers(step: orders.Step, skus: list[str]) -> dict[str, frozenset[str]]:
    """The warehouses from which the rules let each of these items be sent where the order goes."""
    sites = (await sourcing.look(step.conn, set(skus))).sites
    row = (await reservations.lock_orders(step.conn, [step.order_id], wait=True))[step.order_id]
    destination = reservations.destination_of(row)
    demands = [Demand("", sku, 1) for sku in sorted(set(skus))]
    return {
        demand.sku: servers(demand, destination, sites.values())
        for demand in await sourcing.with_categories(step.conn, demands)
    }


def _without(shelves: list[Place], taken: list[Place]) -> list[Place]:
    units = {place.warehouse: place.quantity for place in taken}
    return [Place(p.warehouse, p.quantity - units.get(p.warehouse, 0), p.priority) for p in shelves]


async def _offer(step: orders.Step, what: Wanted, places: list[Place], seconds: float) -> None:
    offer_id, quantity = new_id("sub"), sum(place.quantity for place in places)
    expires_at = await substitutes.offer(step.conn, offer_id, step.order_id, what, places, seconds)
    offer = Offer(offer_id, what.line_id, what.sku, quantity, OfferStatus.OFFERED)
    held = [{"warehouse": p.warehouse, "quantity": p.quantity} for p in places]
    data = {
        "ordered_sku": what.ordered_sku,
        "expires_at": expires_at.isoformat(),
        "held": held,
    }
    await _tell(step, offer, "substitute_offered", _NOBODY, data)
    await notifications.plan(step.conn, step.order_id, "substitute_offered", offer_id)


async def _tell(
    step: orders.Step, offer: Offer, type_: str, by: Asked, data: dict[str, Any]
) -> None:
    known = {
        "substitution_id": offer.id,
        "line_id": offer.line_id,
        "sku": offer.sku,
        "quantity": offer.quantity,
    }
    await timeline.record(
        step.conn, step.order_id, type_, actor=by.actor, role=by.role, data=known | data
    )
