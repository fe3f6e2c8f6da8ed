"""Refunds: opened under the order's lock, so that nobody gives back the same money twice.

Opening one reserves it: the order owes less from then on, and its tenders hold back what is on its
way. Who carries it out then (`workflows/refund.py`) only asks providers and books their word.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from db import orders, outbox, timeline
from db.new_ids import new_id
from db.pool import Connection, Pool
from db.sql import queries
from domain.decisions import refused
from domain.order import Order
from domain.refunds import Before, Destination, Refund, Wanted, reckon
from domain.settlement import Settlement, give_back

_SQL = queries("refunds")

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Opening:
    """A refund to be opened: why, by whose word. `cause` makes it happen once for an order.

    `exchange_id` is what the refund pays for, or pays back.
    """

    cause: str
    reason: str
    actor: str = timeline.SYSTEM
    role: str = "system"
    note: str | None = None
    exchange_id: str | None = None


async def preview(conn: Connection, order: Order, wanted: Wanted) -> Refund:
    """What it would come to; nothing is written. Raises as `domain.refunds.reckon` does."""
    return reckon(order, wanted, (await before(conn, order.id)).shipping)


async def before(conn: Connection, order_id: str) -> Before:
    """What the order's refunds have given and kept until now."""
    row = await conn.fetchrow(_SQL["given_before"], order_id)
    assert row is not None  # noqa: S101 - sums without groups
    return Before(row["shipping"], row["fees"])


async def open_refund(conn: Connection, order_id: str, wanted: Wanted, why: Opening) -> str:
    """Write a refund down and have it carried out; answers its id. Take the order's lock first.

    Raises:
        Refused: as `domain.refunds.reckon`; `no_customer` for store credit of an order that names
            none.

    """
    known = await conn.fetchval(_SQL["refund_of_cause"], order_id, why.cause)
    if known is not None:
        return str(known)
    order = await orders.load(conn, order_id)
    refund = await preview(conn, order, wanted)
    refund_id = new_id("rfd")
    await _write(conn, refund_id, order, refund, why)
    if wanted.to is Destination.STORE_CREDIT and refund.paid:
        await _credit(conn, refund_id, order, refund.paid)
    data = {"refund_id": refund_id, "amount": refund.amount, "reason": why.reason}
    beside = {
        "exchanged": refund.exchanged,
        "already_given": wanted.already_given,
        "set_off": wanted.set_off,
    }
    data |= {name: amount for name, amount in beside.items() if amount}
    await timeline.record(
        conn,
        order_id,
        "refund_requested",
        actor=why.actor,
        role=why.role,
        data=data | {"to": wanted.to.value, "lines": dict(wanted.lines)},
        note=why.note,
    )
    await orders.save(conn, order_id)
    await outbox.add(conn, order_id, outbox.START_REFUND, {"refund_id": refund_id})
    if wanted.set_off:
        await outbox.add(conn, order_id, outbox.BALANCE_CHANGED, {})
    return refund_id


async def _write(
    conn: Connection, refund_id: str, order: Order, refund: Refund, why: Opening
) -> None:
    wanted = refund.wanted
    sums = (refund.goods, wanted.shipping, wanted.goodwill, wanted.fee, refund.amount)
    word = (why.reason, why.actor, why.role)
    head = (refund_id, order.id, why.cause, wanted.to.value, order.currency)
    rest = (refund.exchanged, why.exchange_id, wanted.already_given, wanted.set_off)
    await conn.execute(_SQL["add_refund"], *head, *sums, *word, *rest)
    for line_id, units in wanted.lines.items():
        await conn.execute(
            _SQL["add_refund_line"], refund_id, line_id, units, refund.shares[line_id]
        )
        await conn.execute(_SQL["give_units_back"], line_id, units)
    beside = wanted.shipping + wanted.goodwill - wanted.fee - wanted.already_given
    credited = refund.amount if wanted.to is Destination.STORE_CREDIT else refund.exchanged
    await conn.execute(_SQL["give_order_back"], order.id, beside, credited)
    await _add_parts(conn, refund_id, refund.parts)


async def _add_parts(conn: Connection, refund_id: str, parts: Sequence[Settlement]) -> None:
    for part in parts:
        await conn.execute(_SQL["add_refund_part"], refund_id, part.payment_id, part.amount)
        await conn.execute(_SQL["begin_refunding"], part.payment_id, part.amount)


async def give_exchanged_back(
    conn: Connection, order_id: str, amount: int, why: Opening, to: Destination
) -> None:
    """What had paid for an exchange goes to the customer after all. Take the order's lock first."""
    order = await orders.load(conn, order_id)
    refund_id = new_id("rfd")
    credit = to is Destination.STORE_CREDIT and await customer(conn, order_id)
    head = (refund_id, order_id, why.cause, "store_credit" if credit else "original")
    word = (why.reason, why.actor, why.role)
    await conn.execute(
        _SQL["add_refund"], *head, order.currency, 0, 0, 0, 0, 0, *word, -amount, why.exchange_id,
        0, 0,
    )  # fmt: skip
    if credit:
        await _credit(conn, refund_id, order, amount)
    else:
        await _add_parts(conn, refund_id, give_back(order, amount))
        await conn.execute(_SQL["give_order_back"], order_id, 0, -amount)
    await orders.save(conn, order_id)
    await outbox.add(conn, order_id, outbox.START_REFUND, {"refund_id": refund_id})


async def waive(conn: Connection, order_id: str, amount: int) -> None:
    """So much is not owed any more, though nobody paid it."""
    await conn.execute(_SQL["give_order_back"], order_id, amount, 0)


async def customer(conn: Connection, order_id: str) -> str | None:
    """Who can be given store credit; nobody for a guest's order."""
    found: str | None = await conn.fetchval(_SQL["customer_of"], order_id)
    return found


async def _credit(conn: Connection, refund_id: str, order: Order, amount: int) -> None:
    owner = await customer(conn, order.id)
    if not owner:
        raise refused(order, "no_customer", "The order names no customer to credit.")
    await conn.execute(_SQL["add_store_credit"], owner, order.currency, amount, order.id, refund_id)


async def parts(conn: Connection | Pool, refund_id: str) -> list[Settlement]:
    """What tenders still have to give back."""
    rows = await conn.fetch(_SQL["refund_parts"], refund_id)
    return [Settlement(r["payment_id"], r["amount"]) for r in rows if r["status"] == "requested"]


async def end_part(conn: Connection, refund_id: str, part: Settlement) -> bool:
    """A tender has given its part back: book it right after. False when that was known."""
    if not await conn.fetchval(_SQL["end_refund_part"], refund_id, part.payment_id):
        return False
    await conn.execute(_SQL["end_refunding"], part.payment_id, part.amount)
    return True


async def note_part(conn: Connection, refund_id: str, payment_id: str, reason: str) -> None:
    """Why a tender has not given its part back yet."""
    await conn.execute(_SQL["note_refund_part"], refund_id, payment_id, reason)


async def retry(conn: Connection, order_id: str, refund_id: str) -> None:
    """Somebody wants it tried again now."""
    await outbox.add(conn, order_id, outbox.RETRY_REFUND, {"refund_id": refund_id})


async def end(conn: Connection, refund_id: str) -> bool:
    """The refund is done when all its parts are. False when they are not, or it was before."""
    return bool(await conn.fetchval(_SQL["end_refund"], refund_id))


async def read(conn: Connection | Pool, refund_id: str) -> Row | None:
    """A refund with its lines and parts."""
    rows = await conn.fetch(_SQL["read_refunds"], refund_id, None, None, None, 1)
    return dict(rows[0]) if rows else None


async def listed(
    conn: Connection, order_id: str | None, status: str | None, before: str | None, limit: int
) -> list[Row]:
    """Refunds, newest first."""
    rows = await conn.fetch(_SQL["read_refunds"], None, order_id, status, before, limit)
    return [dict(row) for row in rows]


async def balances(conn: Connection, customer_id: str) -> list[Row]:
    """A customer's store credit by currency."""
    return [dict(row) for row in await conn.fetch(_SQL["store_credit"], customer_id)]


async def entries(
    conn: Connection, customer_id: str, before: int | None, limit: int
) -> Sequence[Row]:
    """What a customer's store credit is made of, newest first."""
    rows = await conn.fetch(_SQL["store_credit_entries"], customer_id, before, limit)
    return [dict(row) for row in rows]


async def spend(conn: Connection, order_id: str, amount: int, currency: str, cause: str) -> str:
    """Take credit for an order, once for its cause; why not, when it cannot be taken."""
    owner = await customer(conn, order_id)
    if not owner:
        return "no_customer"
    await conn.execute(_SQL["lock_balance"], owner, currency)
    if await is_booked(conn, cause):
        return ""
    held = {row["currency"]: row["amount"] for row in await balances(conn, owner)}
    if held.get(currency, 0) < amount:
        return "insufficient_credit"
    await conn.execute(_SQL["add_store_credit"], owner, currency, -amount, order_id, cause)
    return ""


async def return_credit(
    conn: Connection, order_id: str, amount: int, currency: str, cause: str
) -> None:
    """Give credit back that an order had taken, once for its cause.

    Also of an order whose customer was erased: the entry that took it still names who had it.
    """
    customer = await conn.fetchval(_SQL["spender_of"], order_id, currency)
    await conn.execute(_SQL["add_store_credit"], customer, currency, amount, order_id, cause)


async def is_booked(conn: Connection | Pool, cause: str) -> bool:
    """Whether an entry of that cause stands in the books."""
    return bool(await conn.fetchval(_SQL["is_booked"], cause))
