"""The same done to many orders: which, how far it is, and how it ended for each."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from db import outbox
from db.pool import Connection, Pool
from db.sourcing import Author
from db.sql import queries
from domain.bulk import BulkAction

_SQL = queries("bulk")

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Filter:
    """Which orders: living ones that fit all that is not None."""

    order_ids: Sequence[str] | None = None
    sku: str | None = None
    attention: str | None = None
    status: str | None = None
    channel: str | None = None
    warehouse: str | None = None
    hold: str | None = None
    placed_from: datetime | None = None
    placed_to: datetime | None = None

    def as_json(self) -> dict[str, Any]:
        """It as it is kept and shown: what was asked for alone."""
        told = {name: value for name, value in asdict(self).items() if value is not None}
        return {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in told.items()
        }


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done, why, and by whose word."""

    bulk_id: str
    action: BulkAction
    wanted: Filter
    reason: str
    note: str | None
    by: Author


async def matching(conn: Connection, wanted: Filter, limit: int) -> list[str]:
    """Ids of living orders that fit, the oldest first."""
    values = (getattr(wanted, name) for name in Filter.__slots__)
    rows = await conn.fetch(_SQL["match_orders"], *values, limit)
    return [row["id"] for row in rows]


async def begin(conn: Connection, told: Order, order_ids: Sequence[str]) -> None:
    """Write it down with its orders, and have it carried out."""
    await conn.execute(
        _SQL["add_bulk_action"],
        told.bulk_id,
        told.action.value,
        told.wanted.as_json(),
        told.reason,
        told.by.actor,
        told.by.role,
        told.note,
        len(order_ids),
    )
    await conn.execute(_SQL["add_bulk_items"], told.bulk_id, list(order_ids))
    await outbox.add(conn, told.bulk_id, outbox.START_BULK, {"total": len(order_ids)})


async def read(conn: Connection | Pool, bulk_id: str) -> Row | None:
    """One, with how far it is."""
    row = await conn.fetchrow(_SQL["read_bulk_actions"], bulk_id, None, 1)
    return dict(row) if row else None


async def listed(conn: Connection, before: str | None, limit: int) -> list[Row]:
    """All of them, newest first."""
    return [dict(row) for row in await conn.fetch(_SQL["read_bulk_actions"], None, before, limit)]


async def items(
    conn: Connection, bulk_id: str, status: str | None, after: int, limit: int
) -> list[Row]:
    """Its orders in their places, and how it went."""
    rows = await conn.fetch(_SQL["list_bulk_items"], bulk_id, status, after, limit)
    return [dict(row) for row in rows]


async def waiting(pool: Pool, bulk_id: str, limit: int) -> list[str]:
    """Orders that are still to be asked; none when it is to stop."""
    return [row["order_id"] for row in await pool.fetch(_SQL["waiting_items"], bulk_id, limit)]


async def item(conn: Connection | Pool, bulk_id: str, order_id: str) -> Row:
    """One order of it, with what is to be done."""
    row = await conn.fetchrow(_SQL["read_item"], bulk_id, order_id)
    assert row is not None, order_id  # noqa: S101 - items are never deleted
    return dict(row)


async def keep_event(
    conn: Connection, bulk_id: str, order_id: str, event: int, plan: Mapping[str, Any]
) -> None:
    """Where the request stands in the order's timeline, and what is asked with it."""
    await conn.execute(_SQL["keep_item_event"], bulk_id, order_id, event, dict(plan))


async def end_item(
    conn: Connection, bulk_id: str, order_id: str, status: str, code: str | None
) -> bool:
    """How it ended for one order. False when that was known."""
    return bool(await conn.fetchval(_SQL["end_item"], bulk_id, order_id, status, code))


async def stop(conn: Connection, bulk_id: str) -> bool:
    """Ask no further orders. False when it had ended."""
    return bool(await conn.fetchval(_SQL["stop_bulk_action"], bulk_id))


async def end(conn: Connection | Pool, bulk_id: str) -> None:
    """All were asked, or it was stopped."""
    await conn.execute(_SQL["end_bulk_action"], bulk_id)


async def failing(conn: Connection | Pool, order_id: str) -> list[str]:
    """Attentions of an order that another try may help."""
    return [row["code"] for row in await conn.fetch(_SQL["failing_codes"], order_id)]
