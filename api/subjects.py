"""What people ask something of: an order, a purchase order. Each has its rows and a workflow."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from api.deps import Caller, Services
from db import intake, orders, purchase_reads, purchasing, reads, returns, timeline
from db.pool import Connection
from db.purchasing import By
from workflows import ids
from workflows.messages import Outcome
from workflows.purchase_messages import PurchaseOutcome
from workflows.return_messages import ReturnOutcome


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a timeline: by whom, with which facts, in whose words."""

    caller: Caller
    data: Mapping[str, Any]
    note: str | None = None
    occurred_at: datetime | None = None


class Subject(Protocol):
    """How a thing with a workflow is locked, written down, read, and begun."""

    name: str
    outcome: type
    # States by which a workflow is seen to know less than the rows, and those that end it.
    compared: tuple[str, ...]
    ends: frozenset[str]

    def workflow_id(self, subject_id: str) -> str:
        """Whom to ask."""
        ...

    async def lock(self, conn: Connection, subject_id: str) -> None:
        """Become its only writer; NotFound when there is none."""
        ...

    async def record(self, conn: Connection, subject_id: str, type_: str, entry: Entry) -> int:
        """Write an entry of its timeline."""
        ...

    async def axes(self, conn: Connection, subject_id: str) -> dict[str, str]:
        """Its states."""
        ...

    async def start(self, own: Services, subject_id: str) -> None:
        """Begin its life when nobody has yet; raises whatever the engine's client raises."""
        ...


class Orders:
    """Orders of customers."""

    name = "order"
    outcome: type = Outcome
    compared: tuple[str, ...] = ("status", "payment_status")
    ends = frozenset({"completed", "canceled", "expired"})

    def workflow_id(self, subject_id: str) -> str:
        """See `Subject`."""
        return ids.order_workflow_id(subject_id)

    async def lock(self, conn: Connection, subject_id: str) -> None:
        """See `Subject`."""
        await orders.lock(conn, subject_id)

    async def record(self, conn: Connection, subject_id: str, type_: str, entry: Entry) -> int:
        """See `Subject`."""
        return await timeline.record(
            conn,
            subject_id,
            type_,
            actor=entry.caller.name,
            role=entry.caller.role,
            data=entry.data,
            note=entry.note,
            occurred_at=entry.occurred_at,
        )

    async def axes(self, conn: Connection, subject_id: str) -> dict[str, str]:
        """See `Subject`."""
        return dict(await reads.axes(conn, subject_id) or {})

    async def start(self, own: Services, subject_id: str) -> None:
        """See `Subject`."""
        async with own.pool.acquire() as conn:
            row = await intake.start_row(conn, subject_id)
        if row is not None:
            await own.engine.start(own.pool, subject_id, row.payload)
            async with own.pool.acquire() as conn:
                await intake.forget_starts(conn, [row.id])


class PurchaseOrders:
    """Orders to suppliers."""

    name = "purchase order"
    outcome: type = PurchaseOutcome
    compared: tuple[str, ...] = ("status", "mail_status")
    ends = frozenset({"closed", "canceled"})

    def workflow_id(self, subject_id: str) -> str:
        """See `Subject`."""
        return ids.purchase_workflow_id(subject_id)

    async def lock(self, conn: Connection, subject_id: str) -> None:
        """See `Subject`."""
        await purchasing.lock(conn, subject_id)

    async def record(self, conn: Connection, subject_id: str, type_: str, entry: Entry) -> int:
        """See `Subject`."""
        return await purchasing.record(
            conn,
            subject_id,
            type_,
            by=By(entry.caller.name, entry.caller.role),
            data=entry.data,
            note=entry.note,
            occurred_at=entry.occurred_at,
        )

    async def axes(self, conn: Connection, subject_id: str) -> dict[str, str]:
        """See `Subject`."""
        return await purchase_reads.axes(conn, subject_id) or {}

    async def start(self, own: Services, subject_id: str) -> None:
        """See `Subject`."""
        async with own.pool.acquire() as conn:
            row = await purchasing.start_row(conn, subject_id)
        if row is not None:
            await own.engine.start_purchase(own.pool, subject_id, row.payload)
            async with own.pool.acquire() as conn:
                await intake.forget_starts(conn, [row.id])


class Returns:
    """Returns of customers: their rows hang on the order, and so does their timeline."""

    name = "return"
    outcome: type = ReturnOutcome
    compared: tuple[str, ...] = ("status",)
    ends = frozenset({"closed", "declined", "canceled", "expired"})

    def workflow_id(self, subject_id: str) -> str:
        """See `Subject`."""
        return ids.return_workflow_id(subject_id)

    async def lock(self, conn: Connection, subject_id: str) -> None:
        """See `Subject`."""
        await orders.lock(conn, await returns.owner(conn, subject_id))

    async def record(self, conn: Connection, subject_id: str, type_: str, entry: Entry) -> int:
        """See `Subject`."""
        return await timeline.record(
            conn,
            await returns.owner(conn, subject_id),
            type_,
            actor=entry.caller.name,
            role=entry.caller.role,
            data={"return_id": subject_id, **entry.data},
            note=entry.note,
            occurred_at=entry.occurred_at,
        )

    async def axes(self, conn: Connection, subject_id: str) -> dict[str, str]:
        """See `Subject`."""
        return {"status": (await returns.load(conn, subject_id)).status.value}

    async def start(self, own: Services, subject_id: str) -> None:
        """See `Subject`."""
        async with own.pool.acquire() as conn:
            row = await returns.start_row(conn, subject_id)
        if row is not None:
            await own.engine.start_return(own.pool, subject_id, row.payload)
            async with own.pool.acquire() as conn:
                await intake.forget_starts(conn, [row.id])


ORDERS = Orders()
PURCHASE_ORDERS = PurchaseOrders()
RETURNS = Returns()
