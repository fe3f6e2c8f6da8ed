"""Rules by which a location is found: for the shop, and for a warehouse; and a look ahead."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

from pydantic import Field

from api.errors import FieldError, pointer
from api.schemas.fields import (
    Country,
    Currency,
    MoneyIn,
    Name,
    Quantity,
    ShortText,
    Sku,
    Strict,
)
from domain.sourcing import Destination, Exclusion, Rules, Zone
from domain.sourcing_rules import plain_postal_code

Criterion = Literal["parcels", "cost", "distance", "promise", "balance", "priority"]
Days = Annotated[int, Field(ge=0, le=365)]
ZoneNumber = Annotated[int, Field(ge=0, le=99, description="how far: 0 is nearest")]
# Letters and digits count, blanks and dashes are for the eye.
Prefix = Annotated[str, Field(max_length=20, pattern=r"^[0-9A-Za-z]([0-9A-Za-z -]*[0-9A-Za-z])?$")]


class CostIn(MoneyIn):
    """What a parcel or a unit costs; sums of many of them are still amounts."""

    amount: Annotated[int, Field(ge=0, le=1_000_000_000)]


class ReachIn(Strict):
    """How far, how long and how dear."""

    zone: ZoneNumber
    transit_days: Days
    parcel_cost: CostIn | None = None
    unit_cost: CostIn | None = None

    def zone_of(self, countries: Sequence[str] = (), prefixes: Sequence[str] = ()) -> Zone:
        """The zone as the planner knows it."""
        return Zone(
            self.zone,
            self.transit_days,
            self.parcel_cost.amount if self.parcel_cost else 0,
            self.unit_cost.amount if self.unit_cost else 0,
            tuple(countries),
            tuple(map(plain_postal_code, prefixes)),
        )

    def other_money(self, currency: str, *path: str | int) -> Iterator[FieldError]:
        """Costs that are not in the shop's currency."""
        for name in ("parcel_cost", "unit_cost"):
            cost: CostIn | None = getattr(self, name)
            if cost is not None and cost.currency != currency:
                where = pointer((*path, name, "currency"))
                yield FieldError(where, "currency_mismatch", f"Costs are in {currency}.")


class ZoneIn(ReachIn):
    """Destinations that are alike. Without countries any; prefixes stand within one country."""

    countries: Annotated[list[Country], Field(max_length=250, default_factory=list)]
    postal_prefixes: Annotated[list[Prefix], Field(max_length=1_000, default_factory=list)]

    @property
    def known(self) -> Zone:
        """The zone as the planner knows it."""
        return self.zone_of(self.countries, self.postal_prefixes)

    @property
    def places(self) -> Iterator[tuple[str, str]]:
        """The destinations that it names: country and prefix."""
        known = self.known
        for country in known.countries or ("",):
            for prefix in known.postal_prefixes or ("",):
                yield country, prefix


class ExclusionIn(Strict):
    """What the warehouse does not ship: every field that is set must fit."""

    category: Name | None = None
    sku: Sku | None = None
    country: Country | None = None
    postal_prefix: Prefix | None = None
    note: Name | None = None

    @property
    def known(self) -> Exclusion:
        """The exclusion as the planner knows it."""
        return Exclusion(
            self.category or "",
            self.sku or "",
            self.country or "",
            self.postal_prefix or "",
            self.note,
        )


class SourcingRulesIn(Strict):
    """What comes first, for the whole shop; all of it is replaced."""

    criteria: Annotated[list[Criterion], Field(min_length=1, max_length=6)]
    currency: Currency
    working_days: Annotated[
        list[Annotated[int, Field(ge=1, le=7)]],
        Field(
            min_length=1,
            max_length=7,
            default_factory=lambda: [1, 2, 3, 4, 5, 6, 7],
            description="ISO weekdays: 1 is Monday",
        ),
    ]
    home: ReachIn
    abroad: ReachIn

    @property
    def known(self) -> Rules:
        """The rules as the planner knows them."""
        return Rules(
            tuple(self.criteria),
            self.currency,
            tuple(sorted(self.working_days)),
            self.home.zone_of(),
            self.abroad.zone_of(),
        )

    def wrong(self, *path: str | int) -> list[FieldError]:
        """What single fields cannot tell."""
        errors = [*_twice(self.criteria, *path, "criteria")]
        errors += _twice(self.working_days, *path, "working_days")
        errors += self.home.other_money(self.currency, *path, "home")
        errors += self.abroad.other_money(self.currency, *path, "abroad")
        return errors


class WarehouseSourcingIn(Strict):
    """What a warehouse reaches, and what it does not ship; all of it is replaced."""

    handling_days: Days = 1
    zones: Annotated[list[ZoneIn], Field(max_length=200, default_factory=list)]
    exclusions: Annotated[list[ExclusionIn], Field(max_length=500, default_factory=list)]

    def wrong(self, currency: str) -> list[FieldError]:
        """What single fields cannot tell."""
        errors: list[FieldError] = []
        named: set[tuple[str, str]] = set()
        for number, zone in enumerate(self.zones):
            errors += zone.other_money(currency, "zones", number)
            if zone.postal_prefixes and len(zone.countries) != 1:
                errors.append(_one_country("zones", number, "postal_prefixes"))
            if not named.isdisjoint(places := set(zone.places)):
                where, detail = pointer(("zones", number)), "A zone before it names the same place."
                errors.append(FieldError(where, "duplicate", detail))
            named |= places
        for number, exclusion in enumerate(self.exclusions):
            if exclusion.postal_prefix and not exclusion.country:
                errors.append(_one_country("exclusions", number, "postal_prefix"))
            elif not (exclusion.category or exclusion.sku or exclusion.country):
                detail = "Name a category, an item or a country."
                errors.append(FieldError(pointer(("exclusions", number)), "required", detail))
        return errors


class PreviewLineIn(Strict):
    """Units of an item."""

    sku: Sku
    quantity: Quantity


class DestinationIn(Strict):
    """Whereto."""

    country: Country
    postal_code: Annotated[str, Field(max_length=20, pattern=r"^[^\x00]*$")] = ""
    city: ShortText | None = None

    @property
    def known(self) -> Destination:
        """The destination as the planner knows it."""
        return Destination(self.country, self.postal_code, self.city or "")


class SourcingPreviewIn(Strict):
    """An order that might be placed; with `rules`, as it would go under those."""

    lines: Annotated[list[PreviewLineIn], Field(min_length=1, max_length=500)]
    destination: DestinationIn
    rules: SourcingRulesIn | None = None


def _twice(values: Sequence[str | int], *path: str | int) -> Iterator[FieldError]:
    for place, value in enumerate(values):
        if value in values[:place]:
            yield FieldError(pointer((*path, place)), "duplicate", "It stands there twice.")


def _one_country(*path: str | int) -> FieldError:
    detail = "Postal prefixes stand within one country: name it."
    return FieldError(pointer(path), "country_required", detail)
