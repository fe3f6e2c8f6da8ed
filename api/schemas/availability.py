"""Availability and its change feed: what is asked, and what is answered."""

from typing import Annotated

from pydantic import Field

from api.schemas.answers import Out
from api.schemas.fields import Code, Country, Sku, Strict

MOST_BY_POST = 5_000


class AvailabilityIn(Strict):
    """Items to tell of; with `warehouses` or `country` only what lies there."""

    skus: Annotated[list[Sku], Field(min_length=1, max_length=MOST_BY_POST)]
    warehouses: Annotated[list[Code], Field(min_length=1, max_length=200)] | None = None
    country: Country | None = None


class ShelfOut(Out):
    """An item at a warehouse."""

    warehouse: str
    country: str = Field(description="where the warehouse stands")
    closed: bool = Field(description="nothing is promised from a warehouse that is closed")
    on_hand: int
    allocated: int
    held: int
    safety: int
    damaged: int
    available: int = Field(
        description="on_hand - allocated - held - safety - damaged, never below 0; 0 when closed"
    )
    sellable: int = Field(description="available, less what orders that wait will take")
    incoming: int


class AvailabilityOut(Out):
    """What there is of an item, summed over the warehouses told."""

    sku: str
    known: bool = Field(description="whether the catalog has the item")
    backordered: int = Field(description="units that orders wait for, in all warehouses")
    available: int
    sellable: int = Field(description="what a channel may offer: a new order would get it")
    incoming: int
    warehouses: list[ShelfOut]


class AvailabilitiesOut(Out):
    """One entry for each item asked for, in the order asked."""

    items: list[AvailabilityOut]


class ChangedOut(AvailabilityOut):
    """An item that changed, as it is now."""

    changed: list[str] = Field(
        description="warehouses where its ledger moved; none when only its queue or a warehouse did"
    )


class ChangesOut(Out):
    """What changed after the cursor sent."""

    items: list[ChangedOut]
    cursor: str = Field(description="send it as `after` next time")
    more: bool = Field(description="whether more is there already")
