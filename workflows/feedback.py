"""One question to one customer, when the order may be long closed."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.notifications import NotificationActivities
    from workflows import policies


@workflow.defn
class FeedbackWorkflow:
    """Asks by mail how it was; a mail server that is away is waited for."""

    @workflow.run
    async def run(self, order_id: str) -> str:
        """Answers what became of the mail: `sent`, `skipped`, `failed`, or `answered` before."""
        return await workflow.execute_activity_method(
            NotificationActivities.ask_for_feedback, order_id, **policies.NOTIFICATION
        )
