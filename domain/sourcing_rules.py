"""What the rules say of a warehouse and a destination: may it serve, how far, how dear, how soon.

Rules are data that an operator reads and changes (docs/sourcing.md). Costs are minor units of the
one currency that the shop-wide rules name.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import NamedTuple

from domain.money import LARGEST_AMOUNT

# What plans can be compared by. Shop-wide rules put them into an order, and may leave some out.
CRITERIA = ("parcels", "cost", "distance", "promise", "balance", "priority")

_NOT_IN_POSTAL_CODES = re.compile(r"[^0-9A-Z]")


class Demand(NamedTuple):
    """Units of an order line that need a source. An item has one category."""

    line_id: str
    sku: str
    quantity: int
    category: str = ""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where an order goes. Postal code and city are personal: no repr shows them."""

    country: str = ""
    postal_code: str = field(default="", repr=False)
    city: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "postal_code", plain_postal_code(self.postal_code))


@dataclass(frozen=True, slots=True)
class Zone:
    """Destinations that are alike for a warehouse: how far, how long, how dear.

    Without countries it is any destination; postal prefixes stand within its countries.
    """

    number: int
    transit_days: int = 0
    parcel_cost: int = 0
    unit_cost: int = 0
    countries: tuple[str, ...] = ()
    postal_prefixes: tuple[str, ...] = ()

    def cost_of(self, units: int) -> int:
        """What a parcel of so many units costs: told no higher than an amount can be."""
        return min(LARGEST_AMOUNT, self.parcel_cost + units * self.unit_cost)


@dataclass(frozen=True, slots=True)
class Exclusion:
    """What a warehouse does not ship, or whereto: every field that is set must fit."""

    category: str = ""
    sku: str = ""
    country: str = ""
    postal_prefix: str = ""
    note: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "postal_prefix", plain_postal_code(self.postal_prefix))

    @property
    def code(self) -> str:
        """The stable code by which decisions name it: its narrowest field."""
        if self.sku:
            return "excluded_sku"
        if self.category:
            return "excluded_category"
        return "excluded_postal_code" if self.postal_prefix else "excluded_country"

    def fits(self, demand: Demand, destination: Destination) -> bool:
        """Whether it stands between this item and this destination."""
        return (
            (not self.sku or self.sku == demand.sku)
            and (not self.category or self.category == demand.category)
            and (not self.country or self.country == destination.country)
            and destination.postal_code.startswith(self.postal_prefix)
        )


@dataclass(frozen=True, slots=True)
class Site:
    """A warehouse as rules see it. A lower `priority` is preferred."""

    code: str
    kind: str = "own"
    country: str = ""
    city: str = ""
    postal_code: str = ""
    priority: int = 100
    closed: bool = False
    handling_days: int = 1
    zones: tuple[Zone, ...] = ()
    exclusions: tuple[Exclusion, ...] = ()
    # Zones by (country, prefix), so that an order need not walk through hundreds of them.
    _lanes: dict[tuple[str, str], Zone] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        # Where two zones name the same destinations, the first in the list counts.
        for zone in self.zones:
            for country in zone.countries or ("",):
                for prefix in zone.postal_prefixes or ("",):
                    self._lanes.setdefault((country, plain_postal_code(prefix)), zone)

    def zone_of(self, destination: Destination) -> Zone | None:
        """The zone with the longest postal prefix that fits, then the country's, then any."""
        if not self._lanes:
            return None
        country, postal_code = destination.country, destination.postal_code
        for length in range(len(postal_code), -1, -1):
            if (found := self._lanes.get((country, postal_code[:length]))) is not None:
                return found
        return self._lanes.get(("", ""))


@dataclass(frozen=True, slots=True)
class Rules:
    """Shop-wide: what comes first, and what holds where a warehouse names no zone.

    `working_days` are ISO weekdays (1 is Monday) on which goods are handled and carried.
    """

    criteria: tuple[str, ...] = CRITERIA
    currency: str = "TRY"
    working_days: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7)
    home: Zone = Zone(number=1, transit_days=2)
    abroad: Zone = Zone(number=9, transit_days=7)

    def reach(self, site: Site, destination: Destination) -> Zone:
        """The site's own zone for the destination, else the shop's for home or abroad."""
        own = site.zone_of(destination)
        if own is not None:
            return own
        abroad = destination.country and destination.country != site.country
        return self.abroad if abroad else self.home

    def promised_on(self, today: date, days: int) -> date:
        """The day that is `days` working days after `today`; never a day that is none."""
        day = today
        while days > 0 or day.isoweekday() not in self.working_days:
            day += timedelta(days=1)
            days -= day.isoweekday() in self.working_days
        return day


def plain_postal_code(text: str) -> str:
    """Letters and digits alone: `SW1A 1AA` and `sw1a1aa` are one place."""
    if text.isalnum() and text.isascii() and text == text.upper():
        return text
    return _NOT_IN_POSTAL_CODES.sub("", text.upper())


def eligible(site: Site, demand: Demand, destination: Destination) -> str | None:
    """Why the site cannot serve that item there, as a stable code; None when it can."""
    if site.closed:
        return "closed"
    return excluded(site.exclusions, demand, destination)


def excluded(
    exclusions: Sequence[Exclusion], demand: Demand, destination: Destination
) -> str | None:
    """The code of the first exclusion that fits."""
    for exclusion in exclusions:
        if exclusion.fits(demand, destination):
            return exclusion.code
    return None
