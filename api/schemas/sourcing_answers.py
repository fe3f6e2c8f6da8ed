"""What the API answers about rules and plans of sourcing, for its OpenAPI document."""

from datetime import date, datetime
from typing import Any

from pydantic import Field

from api.schemas.answers import MoneyOut, Out


class ReachOut(Out):
    """How far, how long and how dear."""

    zone: int
    transit_days: int
    parcel_cost: MoneyOut
    unit_cost: MoneyOut


class ZoneOut(ReachOut):
    """Destinations that are alike for a warehouse."""

    countries: list[str]
    postal_prefixes: list[str]


class ExclusionOut(Out):
    """What a warehouse does not ship, or whereto."""

    category: str | None
    sku: str | None
    country: str | None
    postal_prefix: str | None
    note: str | None


class SourcingRulesOut(Out):
    """What comes first, for the whole shop."""

    criteria: list[str]
    currency: str
    working_days: list[int]
    home: ReachOut
    abroad: ReachOut


class WarehouseSourcingOut(Out):
    """What a warehouse reaches, and what it does not ship."""

    handling_days: int
    zones: list[ZoneOut]
    exclusions: list[ExclusionOut]


class SourcingChangeOut(Out):
    """Who changed which rules when; without `warehouse`, those of the shop."""

    id: str
    warehouse: str | None
    actor: str
    role: str
    before: dict[str, Any]
    after: dict[str, Any]
    occurred_at: datetime


class PreviewLineOut(Out):
    """Units of a line, by its place in the request."""

    line: int
    sku: str
    quantity: int


class PreviewParcelOut(Out):
    """What one location would ship, and when it would be there."""

    warehouse: str
    kind: str
    zone: int
    cost: MoneyOut
    promised_on: date
    lines: list[PreviewLineOut]


class SourcedSiteOut(Out):
    """A location that was looked at: what it could give, gives and costs, and the code why."""

    code: str
    kind: str
    chosen: bool
    why: str = Field(examples=["cheaper"])
    units: int | None = None
    given: int | None = None
    cost: int | None = Field(default=None, description="minor units")
    zone: int | None = None
    promised_days: int | None = None
    limits: list[str] | None = Field(default=None, description="what it may not give, by code")


class SourcingDecisionOut(Out):
    """Which locations were looked at, and why these; the timeline of orders holds the same."""

    criteria: list[str]
    currency: str
    parcels: int
    cost: int | None = Field(default=None, description="minor units")
    promised_days: int | None = None
    exact: bool | None = Field(default=None, description="whether all small sets were compared")
    missing: int | None = None
    looked_at: int
    sites: list[SourcedSiteOut]


class SourcingPreviewOut(Out):
    """What would be reserved now; `promised_on` is when the last parcel would be there."""

    parcels: list[PreviewParcelOut]
    missing: list[PreviewLineOut]
    promised_on: date | None
    decision: SourcingDecisionOut
