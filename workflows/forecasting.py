"""Forecasts renewed by the clock: sales summed up week by week, then item by item."""

from datetime import date, timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from activities.forecasting import Batch, ForecastActivities, Window

_WEEK = 7
_STEP: dict[str, Any] = {
    "start_to_close_timeout": timedelta(minutes=10),
    "retry_policy": RetryPolicy(
        initial_interval=timedelta(seconds=1),
        maximum_interval=timedelta(minutes=1),
        maximum_attempts=20,
    ),
}


@workflow.defn
class ForecastWorkflow:
    """One renewal; its result is how many forecasts it made. Every step can be done again."""

    @workflow.run
    async def run(self) -> int:
        """Sum up, then forecast."""
        window = await workflow.execute_activity_method(ForecastActivities.open_window, **_STEP)
        for week in weeks(window):
            await workflow.execute_activity_method(
                ForecastActivities.sum_demand, week, summary=f"sales from {week.first}", **_STEP
            )
        forecasts, batch = 0, Batch(window)
        while True:
            done = await workflow.execute_activity_method(
                ForecastActivities.forecast_items, batch, summary=f"after {batch.sku}", **_STEP
            )
            if not done.sku:
                break
            forecasts += done.forecasts
            batch = Batch(window, done.sku)
        workflow.set_current_details(f"{forecasts} forecasts, {window.first} to {window.last}.")
        return forecasts


def weeks(window: Window) -> list[Window]:
    """The window in parts that one statement sums up."""
    first, last = date.fromisoformat(window.first), date.fromisoformat(window.last)
    parts = []
    while first <= last:
        end = min(last, first + timedelta(_WEEK - 1))
        parts.append(Window(first.isoformat(), end.isoformat()))
        first = end + timedelta(1)
    return parts
