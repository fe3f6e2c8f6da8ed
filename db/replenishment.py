"""What was asked for day by day, what will be, and where stock stands against it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from db.pool import Connection
from db.sql import queries
from domain.forecast import Forecast

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


async def series(
    conn: Connection,
    after: tuple[str, str],
    first: date,
    last: date,
    time_zone: str,
    limit: int,
) -> list[Series]:
    """The next items by (sku, warehouse), with every day of the window that they existed."""
    rows = await conn.fetch(_SQL["demand_series"], *after, first, last, time_zone, limit)
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


async def positions(
    conn: Connection,
    *,
    after: tuple[str, str] = ("", ""),
    warehouse: str | None = None,
    supplier: str | None = None,
    skus: Collection[str] | None = None,
    limit: int,
) -> list[Row]:
    """The next items by (sku, warehouse) with all that a suggestion is reckoned from."""
    wanted = None if skus is None else list(skus)
    rows = await conn.fetch(_SQL["positions"], *after, warehouse, supplier, wanted, limit)
    return [dict(row) for row in rows]


async def picks(conn: Connection, warehouse: str, since: datetime) -> dict[str, int]:
    """How often somebody walked for each item of a warehouse."""
    rows = await conn.fetch(_SQL["picks"], warehouse, since)
    return {row["sku"]: row["picks"] for row in rows}
