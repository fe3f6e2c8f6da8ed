"""What a count means: its difference to the books, and whether that needs a second pair of eyes."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Tolerance:
    """Differences of at most so many units, or so many per cent of the books, whichever is more."""

    units: int = 0
    percent: int = 0

    def allows(self, expected: int, counted: int) -> bool:
        """Whether the difference is booked without asking anybody."""
        limit = max(self.units, expected * self.percent // 100)
        return abs(counted - expected) <= limit

    def at_most(self, other: "Tolerance") -> "Tolerance":
        """The stricter of both."""
        return Tolerance(min(self.units, other.units), min(self.percent, other.percent))
