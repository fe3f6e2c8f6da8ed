"""A movement of stock: what is added to the counters of one level, and by what."""

from collections.abc import Iterable
from operator import itemgetter
from typing import NamedTuple


class Movement(NamedTuple):
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


# A movement names its level and why, then what it adds to each counter.
_WHY = Movement._fields.index("on_hand")
_COUNTERS = Movement._fields[_WHY:]
_by_level = itemgetter(slice(_WHY - 1))


def add_up(movements: Iterable[Movement]) -> list[Movement]:
    """One movement per level, kind, cause and line, in the order in which levels are locked."""
    summed: dict[tuple[object, ...], Movement] = {}
    for movement in movements:
        why = movement[:_WHY]
        known = summed.get(why)
        summed[why] = movement if known is None else _sum(known, movement)
    return sorted(summed.values(), key=_by_level)


def _sum(one: Movement, other: Movement) -> Movement:
    counters = {name: getattr(one, name) + getattr(other, name) for name in _COUNTERS}
    return one._replace(**counters)
