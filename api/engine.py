"""Asking the workflow engine: the only module of the API that talks to Temporal."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from temporalio.client import (
    Client,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from db.pool import Pool
from workflows.client import (
    TemporalAddress,
    begin_order,
    begin_purchase,
    begin_return,
    connect,
)
from workflows.messages import Outcome

_UPDATE_TIMEOUT = timedelta(seconds=15)
# The SDK retries some failures of the connection beyond the RPC's own time-out.
_UPDATE_PATIENCE = 17.0
_PING_TIMEOUT = timedelta(seconds=1)
# The server's word for a workflow that ended while it worked on an update.
_ENDED_MEANWHILE = "AcceptedUpdateCompletedWorkflow"


class EngineUnavailable(Exception):
    """The engine or its workers did not answer in time; asking again is safe."""


class NotRunning(Exception):
    """There is no such running workflow."""


@dataclass(eq=False)
class Rejected(Exception):
    """The workflow said no: a stable code, and the states that stand in the way."""

    code: str
    detail: str
    current: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Engine:
    """A client that connects at its first call, so that the API starts and reads without it."""

    where: TemporalAddress
    connect: Callable[..., Any] = connect
    _client: Client | None = None

    async def client(self) -> Client:
        """The client; lazy, so this does not connect."""
        if self._client is None:
            self._client = await self.connect(self.where, lazy=True)
        return self._client

    async def start(self, pool: Pool, order_id: str, start: Mapping[str, Any]) -> bool:
        """Begin the life of an order from its outbox row; False when it has begun before."""
        return await begin_order(await self.client(), self.where.task_queue, pool, order_id, start)

    async def reachable(self) -> bool:
        """Whether the engine's frontend answers."""
        try:
            async with asyncio.timeout(_PING_TIMEOUT.total_seconds() + 0.5):
                client = await self.client()
                return await client.service_client.check_health(timeout=_PING_TIMEOUT)
        except (RPCError, RuntimeError, OSError, TimeoutError, ValueError):
            return False

    async def start_purchase(self, pool: Pool, purchase_id: str, start: Mapping[str, Any]) -> bool:
        """Begin the life of a purchase order, as `start` does for an order."""
        client = await self.client()
        return await begin_purchase(client, self.where.task_queue, pool, purchase_id, start)

    async def start_return(self, pool: Pool, return_id: str, start: Mapping[str, Any]) -> bool:
        """Begin the life of a return, as `start` does for an order."""
        client = await self.client()
        return await begin_return(client, self.where.task_queue, pool, return_id, start)

    async def ask(
        self,
        workflow_id: str,
        update: str,
        request: object,
        update_id: str,
        outcome_type: type = Outcome,
    ) -> Any:  # noqa: ANN401 - of `outcome_type`
        """Ask a workflow, and wait for how it ended. The same id asks the same question.

        Raises:
            Rejected: the workflow refused.
            NotRunning: it has not begun, or it is over.
            EngineUnavailable: no answer; nothing is known about how it ended.

        """
        client = await self.client()
        handle = client.get_workflow_handle(workflow_id)
        try:
            async with asyncio.timeout(_UPDATE_PATIENCE):
                outcome = await handle.execute_update(
                    update,
                    request,
                    id=update_id,
                    result_type=outcome_type,
                    rpc_timeout=_UPDATE_TIMEOUT,
                )
        except WorkflowUpdateFailedError as error:
            raise _rejected(error) from None
        except (WorkflowUpdateRPCTimeoutOrCancelledError, TimeoutError):
            raise EngineUnavailable from None
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                raise NotRunning from None
            raise EngineUnavailable from None
        except (RuntimeError, OSError, ValueError):
            # What the SDK raises when it cannot connect for the first time, or to no such address.
            raise EngineUnavailable from None
        return outcome


def _rejected(error: WorkflowUpdateFailedError) -> Rejected | NotRunning:
    cause = error.cause
    if isinstance(cause, ApplicationError):
        if cause.type == _ENDED_MEANWHILE:
            return NotRunning()
        if cause.type == "Refused" and cause.details and isinstance(cause.details[0], dict):
            told: dict[str, Any] = cause.details[0]
            return Rejected(
                str(told.get("code", "refused")),
                str(told.get("detail", cause.message)),
                told.get("current") or {},
            )
        return Rejected("request_failed", "The workflow could not carry it out.")
    return Rejected("request_failed", "The workflow ended before it was carried out.")
