"""Units that come back and bring no money, since the customer has had it. Pure.

Two sources: units that reached the customer beside what the order owed (sent again or paid back,
and delivered all the same), and units that a person has paid for. No unit of either counts for two
returns.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Given:
    """Units of a line whose money a person gave back, or whose replacement was sent."""

    at: datetime
    units: int


@dataclass(frozen=True, slots=True)
class Claim:
    """Units of a line in a return. What was paid for before it was asked for, `since`, stays with
    the customer; of what nobody announced (None) it does not.
    """

    since: datetime | None
    units: int


def paid_before(
    claim: Claim, surplus: int, given: Sequence[Given], counted: Sequence[Claim]
) -> int:
    """How many of a claim's units bring no money; `counted` are those of other returns, in the
    order in which they came to it. Units too many count first, then what was given first.
    """
    left = [(None, surplus), *sorted((one.at, one.units) for one in given)]
    taken = 0
    for one in (*counted, claim):
        taken, left = _take(one, left)
    return taken


def _take(
    claim: Claim, left: Sequence[tuple[datetime | None, int]]
) -> tuple[int, list[tuple[datetime | None, int]]]:
    taken, rest = 0, []
    for at, units in left:
        may = at is None or claim.since is None or at >= claim.since
        n = min(units, claim.units - taken) if may else 0
        taken += n
        rest.append((at, units - n))
    return taken, rest
