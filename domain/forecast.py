"""What an item sells a day, reckoned from what was asked for, day by day.

A series holds the units of each day, oldest first, zeros included. Statistics are floats; mean and
deviation of a forecast are rounded to four places before anything is reckoned with them, so that
whoever reckons after us starts from the numbers that are shown.

Sources: Croston, J. D. (1972), Forecasting and stock control for intermittent demands, Operational
Research Quarterly 23(3); Syntetos, A. A. and Boylan, J. E. (2005), The accuracy of intermittent
demand estimates, International Journal of Forecasting 21(2); Syntetos, A. A., Boylan, J. E. and
Croston, J. D. (2005), On the categorization of demand patterns, Journal of the Operational
Research Society 56(5); Teunter, R. H., Syntetos, A. A. and Babai, M. Z. (2011), Intermittent
demand: linking forecasting to inventory obsolescence, European Journal of Operational Research
214(3).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import sqrt

# Where one method begins to beat the other, after Syntetos, Boylan and Croston (2005).
ADI_CUTOFF = 1.32
CV2_CUTOFF = 0.49

# How much a new observation weighs. Slow movers bring few, and are usually smoothed by 0.1.
ALPHA = 0.1
BETA = 0.1

# Days that the moving average looks back.
WINDOW = 28

PLACES = 4


class DemandClass(StrEnum):
    """How demand comes: how often (ADI), and how different its sizes are (CV²)."""

    NONE = "none"
    SMOOTH = "smooth"
    ERRATIC = "erratic"
    INTERMITTENT = "intermittent"
    LUMPY = "lumpy"


class Method(StrEnum):
    """How the mean was reckoned."""

    NONE = "none"
    MOVING_AVERAGE = "moving_average"
    CROSTON = "croston"
    SBA = "sba"
    TSB = "tsb"


@dataclass(frozen=True, slots=True)
class Pattern:
    """Where a series stands in the scheme. `adi`: mean days from one demand to the next."""

    demand_class: DemandClass
    adi: float
    cv2: float


@dataclass(frozen=True, slots=True)
class Forecast:
    """Units a day: mean and standard deviation, and how they came about."""

    demand_class: DemandClass
    method: Method
    mean_daily: float
    sigma_daily: float


def moving_average(series: Sequence[int], window: int = WINDOW) -> float:
    """The mean of the last `window` days (of all, when there are fewer)."""
    days = series[-window:]
    return sum(days) / len(days) if days else 0.0


def croston(series: Sequence[int], alpha: float = ALPHA) -> float:
    """Croston (1972): smoothed size of a demand over smoothed days between two.

    Both are brought up to date only on days with demand, and begin with the first one.
    """
    size = interval = 0.0
    waited = 0
    for units in series:
        waited += 1
        if not units:
            continue
        if not size:
            size, interval = float(units), float(waited)
        else:
            size += alpha * (units - size)
            interval += alpha * (waited - interval)
        waited = 0
    return size / interval if interval else 0.0


def sba(series: Sequence[int], alpha: float = ALPHA) -> float:
    """Syntetos and Boylan (2005): Croston's estimate is too high by about `alpha` / 2."""
    return (1 - alpha / 2) * croston(series, alpha)


def tsb(series: Sequence[int], alpha: float = ALPHA, beta: float = BETA) -> float:
    """Teunter, Syntetos and Babai (2011): chance of a demand times its size.

    The chance (weight `beta`) is brought up to date every day, so that the forecast of an item
    that is asked for no more dies away; Croston's would stand still. It begins with the share of
    days with demand up to the first one.
    """
    size = chance = 0.0
    for day, units in enumerate(series, 1):
        if not size:
            if units:
                size, chance = float(units), 1 / day
            continue
        chance += beta * ((1 if units else 0) - chance)
        if units:
            size += alpha * (units - size)
    return chance * size


def pattern(series: Sequence[int]) -> Pattern:
    """Syntetos, Boylan and Croston (2005): four classes by ADI (1.32) and CV² (0.49).

    ADI is days over days with demand; CV² the squared coefficient of variation of the sizes, by
    the population's variance.
    """
    sizes = [units for units in series if units]
    if not sizes:
        return Pattern(DemandClass.NONE, 0.0, 0.0)
    adi = len(series) / len(sizes)
    mean = sum(sizes) / len(sizes)
    cv2 = sum((size - mean) ** 2 for size in sizes) / len(sizes) / mean**2
    often, even = adi < ADI_CUTOFF, cv2 < CV2_CUTOFF
    if often:
        found = DemandClass.SMOOTH if even else DemandClass.ERRATIC
    else:
        found = DemandClass.INTERMITTENT if even else DemandClass.LUMPY
    return Pattern(found, adi, cv2)


def deviation(series: Sequence[int]) -> float:
    """The sample standard deviation of a day's units; 0 for fewer than two days."""
    if len(series) < 2:  # noqa: PLR2004 - one day has no deviation
        return 0.0
    mean = sum(series) / len(series)
    return sqrt(sum((units - mean) ** 2 for units in series) / (len(series) - 1))


def choose(series: Sequence[int]) -> tuple[DemandClass, Method]:
    """The class, and the method that serves it.

    Smooth and erratic demand comes nearly every day: a moving average follows it. Intermittent
    demand is what Croston's method was made for, without its bias (SBA). Lumpy demand, and any
    slow mover that has been silent for more than twice its usual interval, may be about to end:
    TSB lets the forecast fall while nothing is asked for.
    """
    found = pattern(series)
    if found.demand_class is DemandClass.NONE:
        return found.demand_class, Method.NONE
    if found.demand_class in (DemandClass.SMOOTH, DemandClass.ERRATIC):
        return found.demand_class, Method.MOVING_AVERAGE
    silent = next(days for days, units in enumerate(reversed(series)) if units)
    usual = (len(series) - silent) / sum(1 for units in series if units)
    if found.demand_class is DemandClass.LUMPY or silent > 2 * usual:
        return found.demand_class, Method.TSB
    return found.demand_class, Method.SBA


def forecast(series: Sequence[int], window: int = WINDOW) -> Forecast:
    """The forecast of the next days. The deviation is of the days that the mean is made of."""
    demand_class, method = choose(series)
    days = series
    if method is Method.MOVING_AVERAGE:
        days = series[-window:]
        mean = moving_average(series, window)
    elif method is Method.SBA:
        mean = sba(series)
    elif method is Method.TSB:
        mean = tsb(series)
    else:
        return Forecast(demand_class, method, 0.0, 0.0)
    return Forecast(demand_class, method, round(mean, PLACES), round(deviation(days), PLACES))
