"""Exchanges: what a new order takes, and what the order before it gives for that.

Whoever changes one holds the lock of the order before, or of the new order; who takes both takes
the new order's first.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from asyncpg import Record

from db import orders, outbox, refunds, timeline
from db.pool import Connection, Pool
from db.sql import queries
from domain.exchanges import Exchange, Send
from domain.refunds import Destination
from domain.states import EXCHANGE, ExchangeStatus, ReturnStage, advance

_SQL = queries("exchanges")

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class NewExchange:
    """An exchange to be opened; `payment_id` is the new order's tender that it pays, if any."""

    id: str
    order_id: str
    return_id: str | None
    new_order_id: str
    send: Send
    currency: str
    amount: int
    payment_id: str | None
    actor: str


async def add(conn: Connection, new: NewExchange) -> None:
    """Open one. What needs nothing back is granted: open its refund in the same transaction."""
    status = ExchangeStatus.PROMISED if new.return_id else ExchangeStatus.GRANTED
    await conn.execute(
        _SQL["add_exchange"], new.id, new.order_id, new.return_id, new.new_order_id, new.send,
        status, new.currency, new.amount, new.actor,
    )  # fmt: skip
    if new.return_id is not None:
        await conn.execute(_SQL["want_exchange"], new.return_id)
    if new.payment_id is not None:
        cause = f"{new.payment_id}-authorize"
        await conn.execute(_SQL["use_exchange"], cause, new.id, new.amount)


async def contact_of(conn: Connection, order_id: str) -> Row:
    """Who bought, where it went, and how: the same goes for the new order."""
    row = await conn.fetchrow(_SQL["new_order_contact"], order_id)
    assert row is not None  # noqa: S101 - its lock is held
    return dict(row)


async def read(conn: Connection, exchange_id: str) -> Row:
    """An exchange as the API shows it."""
    row = await conn.fetchrow(_SQL["read_exchange"], exchange_id)
    assert row is not None  # noqa: S101 - it was opened in this transaction
    return dict(row)


# -- the order before, and its return ------------------------------------------------------------


async def promised_for(conn: Connection, return_id: str) -> Exchange | None:
    """What waits for the goods of a return."""
    return _exchange(await conn.fetchrow(_SQL["exchange_of_return"], return_id))


async def grant(conn: Connection, exchange: Exchange, amount: int) -> None:
    """The goods were accepted: so much was opened as a refund to pay for it."""
    await _save(conn, replace(exchange, granted=amount), ExchangeStatus.GRANTED)
    data = _told(exchange, amount=amount)
    await timeline.record(conn, exchange.order_id, "exchange_granted", data=data)
    await _tell(conn, exchange)


async def follow(conn: Connection, return_id: str, stage: ReturnStage, *, accepted: bool) -> None:
    """The return has moved: the new order hears of it. Without goods it has failed."""
    exchange = await promised_for(conn, return_id)
    if exchange is None:
        return
    if stage in _ENDS and not accepted:
        await _save(conn, exchange, ExchangeStatus.FAILED)
        data = _told(exchange, reason=stage.value)
        await timeline.record(conn, exchange.order_id, "exchange_failed", data=data)
    await _tell(conn, exchange)


_ENDS = frozenset(
    {ReturnStage.CLOSED, ReturnStage.DECLINED, ReturnStage.CANCELED, ReturnStage.EXPIRED}
)


async def _tell(conn: Connection, exchange: Exchange) -> None:
    news = {"exchange_id": exchange.id}
    await outbox.add(conn, exchange.new_order_id, outbox.EXCHANGE_MOVED, news)


# -- the new order -------------------------------------------------------------------------------


async def of_new_order(conn: Connection, order_id: str) -> Exchange | None:
    """What pays for an order."""
    return _exchange(await conn.fetchrow(_SQL["exchange_of_new_order"], order_id))


async def stage_of(conn: Connection, exchange: Exchange) -> ReturnStage | None:
    """Where its return is."""
    found = await conn.fetchval(_SQL["status_of_return"], exchange.return_id)
    return None if found is None else ReturnStage(found)


async def is_used(conn: Connection | Pool, cause: str) -> bool:
    """Whether that was taken, or given back."""
    return bool(await conn.fetchval(_SQL["is_exchange_used"], cause))


async def give_back(conn: Connection, order_id: str, amount: int, cause: str) -> None:
    """The new order `order_id` does not need so much of it; once for its cause.

    What was granted for it goes to the customer, to where the return's money goes.
    """
    exchange = await of_new_order(conn, order_id)
    assert exchange is not None  # noqa: S101 - it pays a tender of the order
    await orders.lock(conn, exchange.order_id)
    exchange = await of_new_order(conn, order_id)
    assert exchange is not None  # noqa: S101 - it is never deleted
    if not amount or not await conn.fetchval(_SQL["use_exchange"], cause, exchange.id, -amount):
        return
    used = exchange.used - amount
    spare = max(0, exchange.granted - used)
    after = replace(exchange, used=used, granted=exchange.granted - spare)
    await _save(conn, after, exchange.status)
    if spare:
        to = await conn.fetchval(_SQL["destination_of_return"], exchange.return_id)
        why = refunds.Opening(f"exchange:{cause}", "exchange", exchange_id=exchange.id)
        await refunds.give_exchanged_back(
            conn, exchange.order_id, spare, why, Destination(to or Destination.ORIGINAL)
        )
        data = _told(exchange, amount=spare)
        await timeline.record(conn, exchange.order_id, "exchange_given_back", data=data)


async def withdraw(conn: Connection, order_id: str, kept: int) -> None:
    """The new order ended before it lived: what it took of it and does not keep is given back."""
    exchange = await of_new_order(conn, order_id)
    if exchange is None or exchange.status is ExchangeStatus.FAILED:
        return
    await give_back(conn, order_id, exchange.used - kept, f"{exchange.id}:withdrawn")
    exchange = await of_new_order(conn, order_id)
    assert exchange is not None  # noqa: S101 - it is never deleted
    await _save(conn, exchange, ExchangeStatus.WITHDRAWN)
    data = _told(exchange, amount=exchange.promised)
    await timeline.record(conn, exchange.order_id, "exchange_withdrawn", data=data)


async def _save(conn: Connection, exchange: Exchange, status: ExchangeStatus) -> None:
    advance(EXCHANGE, exchange.status, status)
    await conn.execute(_SQL["save_exchange"], exchange.id, status, exchange.used, exchange.granted)


def _told(exchange: Exchange, **data: Any) -> dict[str, Any]:  # noqa: ANN401 - facts for a timeline
    return {"exchange_id": exchange.id, "new_order_id": exchange.new_order_id, **data}


def _exchange(row: Record | None) -> Exchange | None:
    if row is None:
        return None
    parts = dict(row)
    return Exchange(
        **parts | {"send": Send(parts["send"]), "status": ExchangeStatus(parts["status"])}
    )
