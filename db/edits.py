"""Edits of orders: what was asked for, the prices it is reckoned from, and the rows it changes."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from db.pool import Connection
from db.sql import queries
from domain.edits import Added, Priced, Sums

_SQL = queries("edits")
# A request that never reached the order's workflow is given up by then.
_OPEN_SECONDS = 60.0


async def add(
    conn: Connection,
    edit_id: str,
    order_id: str,
    changes: Mapping[str, Any],
    contact: Mapping[str, Any],
) -> None:
    """Write down what is wanted; `contact` holds addresses until the edit ends."""
    await conn.execute(_SQL["add_edit"], edit_id, order_id, changes, contact or None)


async def load(conn: Connection, edit_id: str) -> Mapping[str, Any]:
    """The edit, with addresses while it is open."""
    row = await conn.fetchrow(_SQL["edit"], edit_id)
    assert row is not None  # noqa: S101 - written before anybody is asked
    return dict(row)


async def an_earlier_is_open(conn: Connection, order_id: str, edit_id: str) -> bool:
    """Whether an earlier edit is under way: the first one is made, those after it are refused."""
    found = await conn.fetchval(_SQL["other_open_edit"], order_id, edit_id, _OPEN_SECONDS)
    return found is not None


async def end(
    conn: Connection,
    edit_id: str,
    status: str,
    *,
    code: str | None = None,
    result: Mapping[str, Any] | None = None,
) -> None:
    """It is `applied` or `refused`; its addresses are forgotten here."""
    await conn.execute(_SQL["end_edit"], edit_id, status, code, result)


async def end_given_up(conn: Connection, keep: timedelta, limit: int) -> int:
    """End edits that can never be done; answers how many.

    One whose order is still as it was may be asked for again while its key is known, for `keep`.
    """
    return len(await conn.fetch(_SQL["end_given_up"], _OPEN_SECONDS, keep, limit))


async def prices(conn: Connection, order_id: str) -> tuple[list[Priced], Sums]:
    """What the order's lines cost, and its sums."""
    rows = [dict(row) for row in await conn.fetch(_SQL["edited_prices"], order_id)]
    taxes = sum(row.pop("tax") for row in rows)
    sums = await conn.fetchrow(_SQL["edited_sums"], order_id)
    assert sums is not None  # noqa: S101 - the order is locked or loaded before
    return [Priced(**row) for row in rows], Sums(**sums, shipping_tax=sums["tax"] - taxes)


async def write_sums(conn: Connection, order_id: str, sums: Sums, option: str) -> None:
    """The order's sums and delivery option from now on."""
    await conn.execute(
        _SQL["write_sums"],
        order_id,
        sums.subtotal,
        sums.shipping,
        sums.tax,
        sums.grand_total,
        option,
    )


async def add_line(
    conn: Connection, order_id: str, line_id: str, line: Added, edit_id: str
) -> None:
    """New units are a line of their own; all of them are open."""
    await conn.execute(
        _SQL["add_line"],
        line_id,
        order_id,
        line.sku,
        line.name,
        line.quantity,
        line.unit_price,
        line.tax_rate_bp,
        line.tax,
        line.total,
        line.out_of_stock,
        edit_id,
    )


async def write_addresses(conn: Connection, edit_id: str) -> None:
    """Put the edit's addresses in the place of the order's."""
    await conn.execute(_SQL["write_addresses"], edit_id)
