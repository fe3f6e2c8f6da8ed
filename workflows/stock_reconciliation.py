"""Stock compared with its ledger, at an interval: a schedule starts it, a person may."""

from dataclasses import dataclass
from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.contracts import Reconcile, Reconciled
    from activities.reconciliation import ReconciliationActivities
    from domain.attention import STOCK_DIFFERS
    from workflows import ids, policies


@dataclass(frozen=True)
class StockReconciliation:
    """How to check; `full` sums the whole ledger, whenever that was last done."""

    full: bool = False


@workflow.defn
class StockReconciliationWorkflow:
    """One check. It ends well also when something differs: that is its result, not its failure."""

    @workflow.run
    async def run(self, how: StockReconciliation) -> Reconciled:
        """Compare; say in the UI what was found."""
        run = workflow.info().run_id.replace("-", "")
        result = await workflow.execute_activity_method(
            ReconciliationActivities.reconcile_stock,
            Reconcile(f"rec_{run}", full=how.full),
            start_to_close_timeout=timedelta(minutes=30),
            retry_policy=policies.BY_THE_CLOCK,
            summary="compare counters, claims and lines with the ledger",
        )
        workflow.set_current_details(_in_words(result))
        if result.differences:
            workflow.upsert_search_attributes([ids.ATTENTION.value_set([STOCK_DIFFERS])])
        return result


def _in_words(result: Reconciled) -> str:
    compared = (
        f"{result.levels} levels compared with {result.movements} movements ({result.scope})"
        f" in {result.seconds} s"
    )
    if not result.differences:
        return f"Nothing differs: {compared}."
    lines = [f"**{result.differences} differences**: {compared}. Report `{result.report_id}`.", ""]
    return "\n".join([*lines, *(f"- {line}" for line in result.found)])
