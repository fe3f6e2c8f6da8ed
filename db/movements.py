"""A movement of stock: what is added to the counters of one level, and by what."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any


@dataclass(frozen=True, slots=True)
class Movement:
    """What is added to the counters of one level, by `cause`, on behalf of a line or of nobody.

    `kind` is one of the schema's; `quarantined` units are among the `damaged` ones.
    """

    sku: str
    warehouse: str
    kind: str
    cause: str
    line_id: str = ""
    order_id: str | None = None
    on_hand: int = 0
    allocated: int = 0
    held: int = 0
    safety: int = 0
    damaged: int = 0
    quarantined: int = 0
    incoming: int = 0


_COUNTERS = ("on_hand", "allocated", "held", "safety", "damaged", "quarantined", "incoming")
# Much faster than dataclasses.astuple, which copies deeply.
_place = attrgetter("sku", "warehouse", "kind", "cause", "line_id", "order_id")
_counters = attrgetter(*_COUNTERS)
_by_level = attrgetter("sku", "warehouse", "kind", "cause", "line_id")


def fields_of(movement: Movement) -> tuple[Any, ...]:
    """All of its fields, in their order."""
    return (*_place(movement), *_counters(movement))


def add_up(movements: Iterable[Movement]) -> list[Movement]:
    """One movement per level, kind, cause and line, in the order in which levels are locked."""
    summed: dict[tuple[str | None, ...], Movement] = {}
    for movement in movements:
        place = _place(movement)
        known = summed.get(place)
        summed[place] = movement if known is None else _sum(known, movement)
    return sorted(summed.values(), key=_by_level)


def _sum(one: Movement, other: Movement) -> Movement:
    counters = zip(_counters(one), _counters(other), strict=True)
    return replace(one, **dict(zip(_COUNTERS, (a + b for a, b in counters), strict=True)))
