"""A part of the orders that has some of everything, the same at every call."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from ops.replay.olist import Oddity, Order
from ops.replay.plan import stage


def sample(orders: Sequence[Order], oddities: Iterable[Oddity], limit: int) -> list[Order]:
    """At most `limit` orders, oldest first.

    First as few as cover every trait (each status, how far canceled ones got, each oddity, each
    mix of tenders, several sellers), rare traits first, as far as the limit goes; then more of
    each status, in proportion to their numbers.
    """
    odd: defaultdict[str, set[str]] = defaultdict(set)
    for oddity in oddities:
        odd[oddity.order_id].add(oddity.code)
    traits = {order.id: set(_traits(order)) | odd[order.id] for order in orders}
    # By a hash of the id: as good as a draw, and the same every time.
    drawn = sorted(orders, key=lambda order: hashlib.sha256(order.id.encode()).digest())
    chosen = _cover(drawn, traits, limit)
    ids = {order.id for order in chosen}
    chosen += _spread([order for order in drawn if order.id not in ids], limit - len(chosen))
    return sorted(chosen, key=lambda order: (order.purchased_at, order.id))


def _traits(order: Order) -> Iterator[str]:
    yield f"status:{order.status}"
    yield f"reached:{order.status}:{stage(order).name}"
    yield "tenders:" + "+".join(sorted({tender.kind for tender in order.tenders}))
    if len(order.sellers) > 1:
        yield "several_sellers"


def _cover(drawn: Sequence[Order], traits: dict[str, set[str]], limit: int) -> list[Order]:
    """Greedily: of the rarest trait that is missing, the order that brings the most new ones."""
    counts = Counter(trait for order in drawn for trait in traits[order.id])
    missing, chosen = set(counts), list[Order]()
    # Statuses before anything else, for limits that are too small for all.
    ranked = sorted(counts, key=lambda t: (not t.startswith("status:"), counts[t], t))
    for trait in ranked:
        if trait not in missing or len(chosen) == limit:
            continue
        best = max(
            (order for order in drawn if trait in traits[order.id]),
            key=lambda order: len(traits[order.id] & missing),
        )
        chosen.append(best)
        missing -= traits[best.id]
    return chosen


def _spread(drawn: Sequence[Order], count: int) -> list[Order]:
    """`count` of them, each status by its share (largest remainder)."""
    by_status: defaultdict[str, list[Order]] = defaultdict(list)
    for order in drawn:
        by_status[order.status].append(order)
    # The k-th of n orders of a status stands at (k + 0.5) / n: the first `count` places of all.
    places = sorted(
        ((k + 0.5) / len(same), status, k)
        for status, same in by_status.items()
        for k in range(len(same))
    )
    return [by_status[status][k] for _, status, k in places[: max(0, count)]]
