"""Asking orders' workflows from outside of a workflow: used by the worker's activities.

No workflow: a workflow cannot send updates to another.
"""

import hashlib
from datetime import timedelta

from temporalio.client import Client, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from activities.bulk import Word
from activities.errors import REFUSED
from db import orders
from db.pool import Pool
from domain.bulk import BulkAction
from workflows import ids
from workflows.messages import (
    Asker,
    CancelRequest,
    HoldRequest,
    LineQuantity,
    Outcome,
    ReleaseRequest,
    RetryRequest,
)

_PATIENCE = timedelta(seconds=20)
_UPDATE = {BulkAction.CANCEL: "cancel", BulkAction.CANCEL_LINES: "cancel"}


class TemporalDoor:
    """See `activities.bulk.OrderDoor`."""

    def __init__(self, client: Client, pool: Pool) -> None:
        self._client = client
        self._pool = pool

    async def ask(self, order_id: str, word: Word, key: str) -> str:
        """See `activities.bulk.OrderDoor`."""
        handle = self._client.get_workflow_handle(ids.order_workflow_id(order_id))
        try:
            await handle.execute_update(
                _UPDATE.get(word.action, word.action.value),
                _request(word),
                id=hashlib.sha256(key.encode()).hexdigest()[:40],
                result_type=Outcome,
                rpc_timeout=_PATIENCE,
            )
        except WorkflowUpdateFailedError as error:
            cause = error.cause
            if isinstance(cause, ApplicationError) and cause.type == REFUSED and cause.details:
                return str(cause.details[0]["code"])
            if await self._is_over(order_id):
                return "order_closed"
            raise
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND and await self._is_over(order_id):
                return "order_closed"
            raise
        return ""

    async def _is_over(self, order_id: str) -> bool:
        async with self._pool.acquire() as conn:
            return (await orders.load(conn, order_id)).closed


def _request(word: Word) -> object:
    asker = Asker(word.actor, word.role, word.event)
    if word.action is BulkAction.HOLD:
        return HoldRequest(asker, word.hold_id, word.reason)
    if word.action is BulkAction.RELEASE:
        return ReleaseRequest(asker, word.hold_id)
    if word.action is BulkAction.RETRY:
        return RetryRequest(asker, word.code)
    lines = [LineQuantity(line_id, units) for line_id, units in word.lines.items()]
    return CancelRequest(asker, word.reason, lines, list(word.phases))
