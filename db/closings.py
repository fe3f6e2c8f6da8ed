"""Warehouses that are closed for a while: nobody is served from there, and work is recalled."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from db import stock
from db.new_ids import new_id
from db.pool import Connection
from db.sql import queries
from domain.errors import NotFound, Refused

_SQL = queries("closings")

Row = Mapping[str, Any]


async def close(conn: Connection, warehouse: str, reason: str, actor: str) -> None:
    """No order is served from there any more; the relay tells those that were (`tell_orders`).

    Raises:
        NotFound: there is no such warehouse.
        Refused: it is closed already.

    """
    closed_at = await _lock(conn, warehouse)
    if closed_at is not None:
        raise Refused("already_closed", "The warehouse is closed.", closed_at=closed_at.isoformat())
    await conn.execute(_SQL["set_closed"], warehouse, True)  # noqa: FBT003 - an SQL parameter
    await conn.execute(_SQL["add_closing"], new_id("clo"), warehouse, reason, actor)


async def reopen(conn: Connection, warehouse: str, actor: str) -> None:
    """Orders are served from there again, those that wait for what lies there first.

    Raises:
        NotFound: there is no such warehouse.
        Refused: it is open.

    """
    if await _lock(conn, warehouse) is None:
        raise Refused("not_closed", "The warehouse is open.")
    await conn.execute(_SQL["set_closed"], warehouse, False)  # noqa: FBT003 - an SQL parameter
    closing_id = await conn.fetchval(_SQL["end_closing"], warehouse, actor)
    await wake_here(conn, warehouse, f"reopened:{closing_id}")


async def wake_here(conn: Connection, warehouse: str, cause: str) -> None:
    """More may be served from a warehouse than before: tell who waits for what is free there."""
    rows = await conn.fetch(_SQL["waited_for_here"], warehouse)
    await stock.wake_waiting(conn, [row["sku"] for row in rows], cause)


async def _lock(conn: Connection, warehouse: str) -> datetime | None:
    row = await conn.fetchrow(_SQL["lock_warehouse"], warehouse)
    if row is None:
        message = f"There is no warehouse {warehouse}."
        raise NotFound(message)
    closed_at: datetime | None = row["closed_at"]
    return closed_at


async def history(conn: Connection, warehouse: str, before: str | None, limit: int) -> list[Row]:
    """When a warehouse was closed, by whom and why, newest first."""
    rows = await conn.fetch(_SQL["read_closings"], warehouse, before, limit)
    return [dict(row) for row in rows]


async def is_closed(conn: Connection, warehouse: str) -> bool:
    """Whether nobody is served from there at present."""
    return bool(await conn.fetchval(_SQL["is_closed"], warehouse))


async def tell_orders(conn: Connection, limit: int) -> int:
    """Tell up to `limit` orders that have unpacked goods at a closed warehouse; how many.

    It looks at what is there and not at the moment of closing, so an order that was just being
    reserved then is found when its work is written.
    """
    if not await conn.fetchval(_SQL["any_closed"]):
        return 0
    return len(await conn.fetch(_SQL["tell_of_closings"], limit))
