"""When somebody who waits for goods can have them: the queue laid over what is on its way."""

from collections.abc import Sequence
from datetime import date

Arrival = tuple[date, int]


def expected_date(
    arrivals: Sequence[Arrival], *, ahead: int, units: int, today: date
) -> date | None:
    """The day by which `units` are there for one who has `ahead` units before him in the queue.

    `arrivals` are days and quantities in any order. What should have come before `today` is
    promised to nobody: its day is past and no other is known. None when what is on its way does
    not reach that far.
    """
    needed = ahead + units
    for day, quantity in sorted(arrivals):
        if day < today:
            continue
        needed -= quantity
        if needed <= 0:
            return day
    return None
