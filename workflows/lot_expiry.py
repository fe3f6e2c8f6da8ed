"""Lots that have expired leave the sale, at an interval: a schedule starts it, a person may."""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.contracts import ExpireLots, LotsExpired
    from activities.expiry import ExpiryActivities
    from domain.attention import EXPIRED_PROMISED
    from workflows import ids, policies


@workflow.defn
class LotExpiryWorkflow:
    """One look at all shelves."""

    @workflow.run
    async def run(self) -> LotsExpired:
        """Quarantine what is free; say in the UI what a person has to decide."""
        result = await workflow.execute_activity_method(
            ExpiryActivities.expire_lots,
            ExpireLots(f"expire:{workflow.info().run_id}"),
            start_to_close_timeout=timedelta(minutes=5),
            retry_policy=policies.BY_THE_CLOCK,
            summary="expired lots into quarantine",
        )
        details = [f"{result.units} units went into quarantine."]
        if result.promised:
            details += ["", "Expired, and promised to orders:", ""]
            details += [f"- {line}" for line in result.promised]
            workflow.upsert_search_attributes([ids.ATTENTION.value_set([EXPIRED_PROMISED])])
        workflow.set_current_details("\n".join(details))
        return result
