"""The one maker of workflow ids, task queues and search attribute keys."""

from temporalio.common import SearchAttributeKey

TASK_QUEUE = "kervan"

PHASE = SearchAttributeKey.for_keyword("KervanPhase")
ATTENTION = SearchAttributeKey.for_keyword_list("KervanAttention")
CHANNEL = SearchAttributeKey.for_keyword("KervanChannel")
WAREHOUSE = SearchAttributeKey.for_keyword_list("KervanWarehouse")
ORDER_NUMBER = SearchAttributeKey.for_keyword("KervanOrderNumber")
PLACED_AT = SearchAttributeKey.for_datetime("KervanPlacedAt")
DUE_AT = SearchAttributeKey.for_datetime("KervanDueAt")

SEARCH_ATTRIBUTES = (PHASE, ATTENTION, CHANNEL, WAREHOUSE, ORDER_NUMBER, PLACED_AT, DUE_AT)


def order_workflow_id(order_id: str) -> str:
    """The id of the workflow that is the life of this order."""
    return f"order-{order_id}"


def refund_workflow_id(refund_id: str) -> str:
    """The id of the workflow that carries out this refund."""
    return f"refund-{refund_id}"


def feedback_workflow_id(order_id: str) -> str:
    """The id of the workflow that asks the customer of this order how it was."""
    return f"feedback-{order_id}"


def bulk_workflow_id(bulk_id: str) -> str:
    """The id of the workflow that asks the orders of this bulk action."""
    return f"bulk-{bulk_id}"


def purchase_workflow_id(purchase_id: str) -> str:
    """The id of the workflow that is the life of this order to a supplier."""
    return f"purchase-{purchase_id}"


def return_workflow_id(return_id: str) -> str:
    """The id of the workflow that is the life of this return."""
    return f"return-{return_id}"


def forecast_id(task_queue: str) -> str:
    """The id of the schedule that renews forecasts, and the head of its runs' ids."""
    return f"{task_queue}-forecasts"


def lot_expiry_id(task_queue: str) -> str:
    """The id of the schedule that looks for expired lots, and the head of its runs' ids."""
    return f"{task_queue}-lot-expiry"


def reconciliation_id(task_queue: str) -> str:
    """The id of the schedule that compares stock with its ledger, and the head of its runs' ids."""
    return f"{task_queue}-stock-reconciliation"
