"""What a part of the bench found, for people and for programs."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from ops.client import Json


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table; `floor` is what the same run measured beside it, in the same unit."""

    what: str
    value: float
    unit: str
    floor: float | None = None
    floor_is: str = ""
    target: str = ""
    missed: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """All figures of one part; `missed` on a row is a target that was not reached."""

    part: str
    rows: Sequence[Row]
    figures: Json
    notes: Sequence[str] = field(default=())


def ratio(value: float, floor: float) -> float | None:
    """Return `value` as a share of `floor`; None when there is no floor."""
    return round(value / floor, 3) if floor else None


def middle(values: Sequence[float]) -> float:
    """Return the median."""
    return float(median(values))


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value that `share` of all do not exceed; 0 of none."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
