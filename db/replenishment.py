"""What was asked for day by day, what will be, and where stock stands against it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from db.pool import Connection
from db.sql import queries
from domain.forecast import Forecast
from domain.slotting import Bin

_SQL = queries("replenishment")

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Series:
    """Units asked for of an item at a warehouse, a day each from `first_day` on."""

    sku: str
    warehouse: str
    first_day: date
    units: Sequence[int]

    @property
    def last_demand_on(self) -> date | None:
        """The last day with any."""
        days = [day for day, units in enumerate(self.units) if units]
        return self.first_day + timedelta(days[-1]) if days else None


async def sum_demand(
    conn: Connection, first: date, end: date, time_zone: str, *, forget_before: date
) -> None:
    """Sum up what was asked for from `first` on and before `end`, anew."""
    await conn.execute(_SQL["forget_demand"], first, end, forget_before)
    await conn.execute(_SQL["sum_demand"], first, end, time_zone)


async def next_items(conn: Connection, after: str, limit: int) -> str | None:
    """The last of the next items by sku; None when there is none."""
    return await conn.fetchval(_SQL["next_items"], after, limit)  # type: ignore[no-any-return]


async def series(
    conn: Connection, skus: tuple[str, str], first: date, last: date, time_zone: str
) -> list[Series]:
    """Items after one sku up to another, with every day of the window that they existed."""
    rows = await conn.fetch(_SQL["demand_series"], *skus, first, last, time_zone)
    return [_series(dict(row), last) for row in rows]


def _series(row: Row, last: date) -> Series:
    since: date = row["since"]
    units = [0] * ((last - since).days + 1)
    for day, count in zip(row["days"] or (), row["units"] or (), strict=True):
        units[(day - since).days] = count
    return Series(row["sku"], row["warehouse"], since, units)


async def put_forecasts(
    conn: Connection, found: Sequence[tuple[Series, Forecast]], last: date
) -> None:
    """Keep forecasts in place of older ones."""
    await conn.execute(
        _SQL["put_forecasts"],
        [s.sku for s, _ in found],
        [s.warehouse for s, _ in found],
        [f.demand_class for _, f in found],
        [f.method for _, f in found],
        [f.mean_daily for _, f in found],
        [f.sigma_daily for _, f in found],
        [s.first_day for s, _ in found],
        [last] * len(found),
        [sum(1 for units in s.units if units) for s, _ in found],
        [sum(s.units) for s, _ in found],
        [s.last_demand_on for s, _ in found],
    )


@dataclass(frozen=True, slots=True)
class Sieve:
    """What is looked for: kinds (values of `Verdict`), and the rules that tell them apart."""

    kinds: Collection[str]
    z: float
    overstock_days: int
    default_lead_time_days: int
    warehouse: str | None = None
    supplier: str | None = None
    skus: Collection[str] | None = None


async def positions(
    conn: Connection, sieve: Sieve, *, after: tuple[str, str], limit: int
) -> list[Row]:
    """The next items by (sku, warehouse) that may be of these kinds, with all that a suggestion is
    reckoned from. None of them is left out; which of them are, the domain says.
    """
    rows = await conn.fetch(
        _SQL["positions"],
        *after,
        sieve.warehouse,
        sieve.supplier,
        None if sieve.skus is None else list(sieve.skus),
        list(sieve.kinds),
        limit,
        sieve.default_lead_time_days,
        sieve.z,
        sieve.overstock_days,
    )
    return [dict(row) for row in rows]


async def picks(conn: Connection, warehouse: str, since: datetime) -> dict[str, int]:
    """How often somebody walked for each item of a warehouse."""
    rows = await conn.fetch(_SQL["picks"], warehouse, since)
    return {row["sku"]: row["picks"] for row in rows}


async def bins(conn: Connection, warehouse: str) -> tuple[list[Bin], dict[str, str]]:
    """The places that pickers pass, in walking order, and what mainly lies in each."""
    rows = await conn.fetch(_SQL["bins"], warehouse)
    places = [Bin(row["code"], row["zone"], row["sequence"]) for row in rows]
    return places, {row["code"]: row["sku"] for row in rows if row["sku"]}
