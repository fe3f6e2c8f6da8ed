"""How parcels travel, as data: the ending is read off the last digit of the postal code."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType

from domain.states import TrackingStatus as T


@dataclass(frozen=True, slots=True)
class Step:
    """One scan of a parcel that moves by itself, `after` the one before (in life's time)."""

    after: timedelta
    status: T


def _hours(*steps: tuple[int, T]) -> tuple[Step, ...]:
    return tuple(Step(timedelta(hours=hours), status) for hours, status in steps)


# What the carrier promises at the sale: the next day, and some hours of slack.
PROMISE = timedelta(hours=28)

_NORMAL = _hours((4, T.IN_TRANSIT), (16, T.OUT_FOR_DELIVERY), (4, T.DELIVERED))

JOURNEYS: Mapping[str, tuple[Step, ...]] = MappingProxyType(
    dict.fromkeys("01234", _NORMAL)
    | {
        "5": _hours(
            (4, T.IN_TRANSIT),
            (20, T.DELAYED),
            (16, T.OUT_FOR_DELIVERY),
            (4, T.DELIVERED),
        ),
        "6": _hours(
            (4, T.IN_TRANSIT),
            (16, T.OUT_FOR_DELIVERY),
            (4, T.ATTEMPTED_DELIVERY),
            (16, T.OUT_FOR_DELIVERY),
            (4, T.DELIVERED),
        ),
        "7": _hours(
            (4, T.IN_TRANSIT),
            (16, T.OUT_FOR_DELIVERY),
            (4, T.ATTEMPTED_DELIVERY),
            (12, T.RETURN_TO_SENDER),
        ),
        "8": _hours((4, T.IN_TRANSIT), (40, T.LOST)),
        "9": (),
        # Stopped on its way because the shop asked for it.
        "R": _hours((12, T.RETURN_TO_SENDER)),
    }
)
INTERCEPTED = "R"
# Once the courier has it, or it is gone, nobody stops it any more.
STOPPABLE = frozenset({"purchased", "handed_over", T.PRE_TRANSIT, T.IN_TRANSIT, T.DELAYED})

# The carrier's own word for where or why it scanned; never a person's name.
DETAILS: Mapping[T, str] = MappingProxyType(
    {
        T.PRE_TRANSIT: "LABEL_CREATED",
        T.IN_TRANSIT: "DEPARTED_DEPOT",
        T.OUT_FOR_DELIVERY: "WITH_COURIER",
        T.ATTEMPTED_DELIVERY: "NOBODY_HOME",
        T.AVAILABLE_FOR_PICKUP: "AT_PICKUP_POINT",
        T.DELAYED: "HELD_AT_DEPOT",
        T.DELIVERED: "AT_THE_DOOR",
        T.RETURN_TO_SENDER: "RETURNED",
        T.LOST: "NOT_FOUND",
        T.FAILURE: "DAMAGED",
        T.UNKNOWN: "",
    }
)


def ending(postal_code: str) -> str:
    """The digit that decides: the last one of `postal_code`, `0` (normal) when it has none."""
    digits = [character for character in postal_code if character.isdecimal()]
    return str(int(digits[-1])) if digits else "0"


def price_minor(weight_g: int, exponent: int) -> int:
    """The label's price: 5 units of the currency, and 2 for each started kilogram."""
    price: int = (5 + 2 * -(-weight_g // 1000)) * 10**exponent
    return price
