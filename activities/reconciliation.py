"""Stock compared with its ledger: one read-only snapshot, then the report."""

from datetime import timedelta

import structlog
from temporalio import activity

from activities.contracts import Reconcile, Reconciled
from db import reconciliation
from db.pool import Pool
from db.reconciliation import Difference

log = structlog.get_logger(__name__)

_TOLD = 20


class ReconciliationActivities:
    """The check that a schedule runs."""

    def __init__(self, pool: Pool, full_every: timedelta) -> None:
        self._pool = pool
        self._full_every = full_every

    @activity.defn
    async def reconcile_stock(self, task: Reconcile) -> Reconciled:
        """Compare, write the report, and warn of what differs; nothing is repaired."""
        report = await reconciliation.reconcile(
            self._pool, task.report_id, "kervan", full_every=self._full_every, full=task.full
        )
        found = [str(Difference(**difference)) for difference in report["found"][:_TOLD]]
        if report["differences"]:
            log.warning(
                "stock_differs",
                report=task.report_id,
                differences=report["differences"],
                found=found,
            )
        return Reconciled(
            report_id=task.report_id,
            scope=report["scope"],
            levels=report["levels"],
            movements=report["movements"],
            differences=report["differences"],
            seconds=round((report["finished_at"] - report["started_at"]).total_seconds(), 3),
            found=found,
        )
