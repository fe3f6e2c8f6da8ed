"""Sales summed up by day, and forecasts made of them: some days, or some items, at a time."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from temporalio import activity

from db import replenishment
from db.pool import Pool
from domain.forecast import forecast

_ITEMS = 500


@dataclass(frozen=True)
class Window:
    """Whole days, the first and the last, as ISO 8601 dates."""

    first: str
    last: str


@dataclass(frozen=True)
class Batch:
    """The items after this one; `window` is what they are judged by."""

    window: Window
    sku: str = ""


@dataclass(frozen=True)
class Done:
    """The last item it came to ("" when none was left), and how many forecasts it made."""

    sku: str = ""
    forecasts: int = 0


class ForecastActivities:
    """See the module. Days are those of `time_zone` (an IANA name)."""

    def __init__(self, pool: Pool, window: timedelta, time_zone: str) -> None:
        self._pool = pool
        self._days = max(1, window.days)
        self._time_zone = time_zone

    @activity.defn
    async def open_window(self) -> Window:
        """The days to look at: those that are over."""
        today = datetime.now(UTC).astimezone(ZoneInfo(self._time_zone)).date()
        first, last = today - timedelta(self._days), today - timedelta(1)
        return Window(first.isoformat(), last.isoformat())

    @activity.defn
    async def sum_demand(self, days: Window) -> None:
        """Sum up these days anew; what is older than the window is forgotten."""
        first, last = _days(days)
        async with self._pool.acquire() as conn, conn.transaction():
            await replenishment.sum_demand(
                conn,
                first,
                last + timedelta(1),
                self._time_zone,
                forget_before=first - timedelta(self._days),
            )

    @activity.defn
    async def forecast_items(self, batch: Batch) -> Done:
        """Forecast the next items, and say how far it came."""
        first, last = _days(batch.window)
        async with self._pool.acquire() as conn, conn.transaction():
            until = await replenishment.next_items(conn, batch.sku, _ITEMS)
            if until is None:
                return Done()
            skus = (batch.sku, until)
            found = await replenishment.series(conn, skus, first, last, self._time_zone)
            made = [(series, forecast(series.units)) for series in found]
            await replenishment.put_forecasts(conn, made, last)
        return Done(until, len(made))


def _days(window: Window) -> tuple[date, date]:
    return date.fromisoformat(window.first), date.fromisoformat(window.last)
