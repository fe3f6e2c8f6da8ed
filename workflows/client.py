"""Connecting to Temporal and starting orders: used by the API, the worker and the command line."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from temporalio.client import Client, TLSConfig
from temporalio.common import (
    Priority,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError

from workflows import ids
from workflows.messages import OrderInput


@dataclass(frozen=True)
class TemporalAddress:
    """Where Temporal is and how to be let in; TLS by files, or an API key (Temporal Cloud)."""

    address: str
    namespace: str = "default"
    api_key: str | None = None
    tls: bool = False
    tls_server_name: str | None = None
    tls_ca_file: Path | None = None
    tls_cert_file: Path | None = None
    tls_key_file: Path | None = None

    def tls_config(self) -> TLSConfig | bool:
        """What the SDK wants: False, True, or the files' contents."""
        files = (self.tls_ca_file, self.tls_cert_file, self.tls_key_file)
        if not any(files) and not self.tls_server_name:
            return self.tls or self.api_key is not None
        ca, cert, key = (file.read_bytes() if file else None for file in files)
        return TLSConfig(
            server_root_ca_cert=ca, client_cert=cert, client_private_key=key,
            domain=self.tls_server_name,
        )


async def connect(where: TemporalAddress, *, lazy: bool = False) -> Client:
    """A client; with `lazy` it connects at its first call, so that a process can start without."""
    return await Client.connect(
        where.address,
        namespace=where.namespace,
        api_key=where.api_key,
        tls=where.tls_config(),
        lazy=lazy,
    )


async def start_order(client: Client, order: OrderInput, *, urgency: int = 3) -> bool:
    """Start the life of an order. False when it runs, or has run, already.

    `urgency` is Temporal's priority key: 1 is served first, 5 last.
    """
    try:
        await client.start_workflow(
            "OrderWorkflow",
            order,
            id=ids.order_workflow_id(order.order.id),
            task_queue=ids.TASK_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
            static_summary=f"{order.number} from {order.channel}",
            priority=Priority(priority_key=urgency),
            search_attributes=TypedSearchAttributes(
                [
                    SearchAttributePair(ids.PHASE, "payment"),
                    SearchAttributePair(ids.CHANNEL, order.channel),
                    SearchAttributePair(ids.ORDER_NUMBER, order.number),
                    SearchAttributePair(ids.PLACED_AT, datetime.fromisoformat(order.placed_at)),
                ]
            ),
        )
    except WorkflowAlreadyStartedError:
        return False
    return True
