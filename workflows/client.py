"""Connecting to Temporal and starting orders: used by the API, the worker and the command line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol, Self

from pydantic import SecretStr
from temporalio.client import Client, TLSConfig
from temporalio.common import (
    Priority,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.runtime import Runtime
from temporalio.service import RPCError, RPCStatusCode

from activities.refund_contracts import RefundPart, RefundTask
from db import orders, purchasing, refunds, returns
from db.pool import Pool
from workflows import ids
from workflows.bulk import BulkInput
from workflows.messages import OrderInput, Policy
from workflows.purchase_messages import PurchaseInput, PurchasePolicy
from workflows.refund_messages import RefundInput
from workflows.return_messages import ReturnInput, ReturnPolicy

_TOP_PRIORITY = 100


class TemporalSettings(Protocol):
    """The settings that say where Temporal is."""

    @property
    def temporal_address(self) -> str: ...  # noqa: D102 - see settings.py
    @property
    def temporal_namespace(self) -> str: ...  # noqa: D102 - see settings.py
    @property
    def task_queue(self) -> str: ...  # noqa: D102 - see settings.py
    @property
    def temporal_api_key(self) -> SecretStr | None: ...  # noqa: D102 - see settings.py
    @property
    def temporal_tls(self) -> bool: ...  # noqa: D102 - see settings.py
    @property
    def temporal_tls_server_name(self) -> str | None: ...  # noqa: D102 - see settings.py
    @property
    def temporal_tls_ca_file(self) -> Path | None: ...  # noqa: D102 - see settings.py
    @property
    def temporal_tls_cert_file(self) -> Path | None: ...  # noqa: D102 - see settings.py
    @property
    def temporal_tls_key_file(self) -> Path | None: ...  # noqa: D102 - see settings.py


@dataclass(frozen=True)
class TemporalAddress:
    """Where Temporal is and how to be let in; TLS by files, or an API key (Temporal Cloud)."""

    address: str
    namespace: str = "default"
    task_queue: str = ids.TASK_QUEUE
    api_key: str | None = None
    tls: bool = False
    tls_server_name: str | None = None
    tls_ca_file: Path | None = None
    tls_cert_file: Path | None = None
    tls_key_file: Path | None = None

    @classmethod
    def of(cls, settings: TemporalSettings) -> Self:
        """Where the settings say that Temporal is."""
        key = settings.temporal_api_key
        return cls(
            settings.temporal_address,
            namespace=settings.temporal_namespace,
            task_queue=settings.task_queue,
            api_key=key.get_secret_value() if key else None,
            tls=settings.temporal_tls,
            tls_server_name=settings.temporal_tls_server_name,
            tls_ca_file=settings.temporal_tls_ca_file,
            tls_cert_file=settings.temporal_tls_cert_file,
            tls_key_file=settings.temporal_tls_key_file,
        )

    def tls_config(self) -> TLSConfig | bool:
        """What the SDK wants: False, True, or the files' contents."""
        files = (self.tls_ca_file, self.tls_cert_file, self.tls_key_file)
        if not any(files) and not self.tls_server_name:
            return self.tls or self.api_key is not None
        ca, cert, key = (file.read_bytes() if file else None for file in files)
        return TLSConfig(
            server_root_ca_cert=ca,
            client_cert=cert,
            client_private_key=key,
            domain=self.tls_server_name,
        )


async def connect(
    where: TemporalAddress, *, lazy: bool = False, runtime: Runtime | None = None
) -> Client:
    """A client; with `lazy` it connects at its first call, so that a process can start without."""
    return await Client.connect(
        where.address,
        namespace=where.namespace,
        api_key=where.api_key,
        tls=where.tls_config(),
        lazy=lazy,
        runtime=runtime,
    )


def urgency(priority: int) -> int:
    """Temporal's priority key for an order's priority: 1 is served first, 5 last."""
    if priority >= _TOP_PRIORITY:
        return 1
    if priority > 0:
        return 2
    return 3 if priority == 0 else 4


async def begin_order(
    client: Client, task_queue: str, pool: Pool, order_id: str, start: Mapping[str, Any]
) -> bool:
    """Start the life of an order from its outbox row; False when it has begun before.

    `start` is the row's payload: number, channel, placed_at, policy. The order itself is read as
    it stands, so the row stays small.
    """
    async with pool.acquire() as conn:
        order = await orders.load(conn, order_id)
    policy = Policy(**start["policy"])
    placed_at, number, channel = start["placed_at"], start["number"], start["channel"]
    life = OrderInput(order, number, channel, placed_at, policy)
    return await start_order(client, task_queue, life)


async def _begin_once(  # noqa: PLR0913 - what a workflow begins with
    client: Client,
    task_queue: str,
    kind: str,
    start: object,
    workflow_id: str,
    attributes: Sequence[SearchAttributePair[Any]],
    *,
    summary: str | None = None,
    reuse: WorkflowIDReusePolicy = WorkflowIDReusePolicy.REJECT_DUPLICATE,
    priority: Priority = Priority.default,
) -> bool:
    """Start a workflow; False when one of its id runs, or has run before."""
    try:
        await client.start_workflow(
            kind,
            start,
            id=workflow_id,
            task_queue=task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=reuse,
            static_summary=summary,
            priority=priority,
            search_attributes=TypedSearchAttributes(attributes),
        )
    except WorkflowAlreadyStartedError:
        return False
    return True


async def begin_purchase(
    client: Client, task_queue: str, pool: Pool, purchase_id: str, start: Mapping[str, Any]
) -> bool:
    """Start the life of a purchase order from its outbox row; False when it has begun before."""
    purchase = await purchasing.load(pool, purchase_id)
    return await _begin_once(
        client,
        task_queue,
        "PurchaseOrderWorkflow",
        PurchaseInput(purchase, PurchasePolicy(**start["policy"])),
        ids.purchase_workflow_id(purchase_id),
        [
            SearchAttributePair(ids.PHASE, purchase.status),
            SearchAttributePair(ids.ORDER_NUMBER, purchase.number),
            SearchAttributePair(ids.WAREHOUSE, [purchase.warehouse]),
        ],
        summary=f"{purchase.number} to {purchase.supplier}",
    )


async def begin_feedback(client: Client, task_queue: str, order_id: str) -> bool:
    """Ask the customer of an order how it was; False when that has been done before."""
    return await _begin_once(
        client,
        task_queue,
        "FeedbackWorkflow",
        order_id,
        ids.feedback_workflow_id(order_id),
        [SearchAttributePair(ids.PHASE, "feedback")],
    )


async def begin_bulk(client: Client, task_queue: str, bulk_id: str, total: int) -> bool:
    """Have a bulk action carried out; False when that has begun before."""
    return await _begin_once(
        client,
        task_queue,
        "BulkActionWorkflow",
        BulkInput(bulk_id, total),
        ids.bulk_workflow_id(bulk_id),
        [SearchAttributePair(ids.PHASE, "bulk")],
        summary=f"{total} orders",
    )


async def begin_refund(client: Client, task_queue: str, pool: Pool, refund_id: str) -> bool:
    """Have a refund carried out; False when that is done, or under way.

    A workflow that was ended by hand is begun anew, with what tenders have not given back yet.
    """
    row = await refunds.read(pool, refund_id)
    if row is None or row["status"] != "requested":
        return False
    left = [part for part in row["parts"] if part["status"] == "requested"]
    parts = [RefundPart(part["payment_id"], part["amount"]) for part in left]
    return await _begin_once(
        client,
        task_queue,
        "RefundWorkflow",
        RefundInput(RefundTask(refund_id, row["order_id"], parts)),
        ids.refund_workflow_id(refund_id),
        [SearchAttributePair(ids.PHASE, "refund")],
        summary=f"{row['amount']} {row['currency']} of {row['order_id']}",
        reuse=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
    )


async def retry_refund(client: Client, task_queue: str, pool: Pool, refund_id: str) -> None:
    """Have a refund's providers asked again at once; nothing when it is given back by now."""
    await begin_refund(client, task_queue, pool, refund_id)
    try:
        await client.get_workflow_handle(ids.refund_workflow_id(refund_id)).signal("retry")
    except RPCError as error:
        row = await refunds.read(pool, refund_id)
        if error.status is not RPCStatusCode.NOT_FOUND or (row and row["status"] == "requested"):
            raise


async def tell_purchase(
    client: Client, pool: Pool, purchase_id: str, kind: str, payload: Mapping[str, Any]
) -> None:
    """Give a purchase order's workflow its news; nobody is left to hear them when it is over."""
    handle = client.get_workflow_handle(ids.purchase_workflow_id(purchase_id))
    try:
        await handle.signal(kind, payload)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        if not (await purchasing.load(pool, purchase_id)).over:
            raise


async def begin_return(
    client: Client, task_queue: str, pool: Pool, return_id: str, start: Mapping[str, Any]
) -> bool:
    """Start the life of a return from its outbox row; False when it has begun before."""
    ret = await returns.load(pool, return_id)
    return await _begin_once(
        client,
        task_queue,
        "ReturnWorkflow",
        ReturnInput(ret, ReturnPolicy(**start["policy"])),
        ids.return_workflow_id(return_id),
        [
            SearchAttributePair(ids.PHASE, ret.status),
            SearchAttributePair(ids.ORDER_NUMBER, start["order_number"]),
        ],
        summary=f"{ret.number} of {start['order_number']}",
    )


async def tell_return(client: Client, pool: Pool, return_id: str, kind: str) -> None:
    """Let a return's workflow read its rows; nobody is left to do so when it is over."""
    handle = client.get_workflow_handle(ids.return_workflow_id(return_id))
    try:
        await handle.signal(kind, {})
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        if not (await returns.load(pool, return_id)).over:
            raise


async def start_order(client: Client, task_queue: str, order: OrderInput) -> bool:
    """Start the life of an order. False when it runs, or has run, already."""
    return await _begin_once(
        client,
        task_queue,
        "OrderWorkflow",
        order,
        ids.order_workflow_id(order.order.id),
        [
            SearchAttributePair(ids.PHASE, "payment"),
            SearchAttributePair(ids.CHANNEL, order.channel),
            SearchAttributePair(ids.ORDER_NUMBER, order.number),
            SearchAttributePair(ids.PLACED_AT, datetime.fromisoformat(order.placed_at)),
            SearchAttributePair(
                ids.DUE_AT,
                datetime.now(UTC) + timedelta(seconds=order.policy.payment_expiry),
            ),
        ],
        summary=f"{order.number} from {order.channel}",
        priority=Priority(priority_key=urgency(order.order.priority)),
    )
