"""The money of a return: what was accepted goes back by a refund, less what is kept of it."""

from collections.abc import Mapping
from dataclasses import replace

from db import exchanges, orders, refunds
from db.pool import Connection
from db.sql import queries
from domain.order import Order
from domain.refunds import Destination, Refundable, Wanted, reckon, refundable
from domain.returns import Return, kept_back

_SQL = queries("refunds")


async def give_back(conn: Connection, ret: Return) -> tuple[int, str | None]:
    """Open the refund of a return that was inspected: (amount, its id), (0, None) for nothing.

    An order that was sent in exchange is paid first; then the delivery is not given back.
    Units that were paid for meanwhile by a person's word are not paid for again. The caller holds
    the order's lock.

    Raises:
        Refused: what is owed was not taken yet (`nothing_to_refund`, `refund_too_large`), or there
            is nobody to credit (`no_customer`).

    """
    order = await orders.load(conn, ret.order_id)
    exchange = await exchanges.promised_for(conn, ret.id)
    given: int = await conn.fetchval(_SQL["shipping_given_back"], order.id)
    left = refundable(order, given)
    wanted = what_is_owed(order, ret, left if exchange is None else replace(left, shipping=0))
    if wanted is None:
        if exchange is not None and ret.accepted:
            await exchanges.grant(conn, exchange, 0)
        return 0, None
    why = refunds.Opening(f"return:{ret.id}", "return")
    if exchange is not None:
        wanted = replace(wanted, exchange=exchange.used)
        why = replace(why, exchange_id=exchange.id)
    refund = reckon(order, wanted, given)
    refund_id = await refunds.open_refund(conn, order.id, wanted, why)
    if exchange is not None:
        await exchanges.grant(conn, exchange, refund.exchanged)
    return refund.amount, refund_id


async def worth(conn: Connection, ret: Return) -> int:
    """What the goods of a return are taken to be worth before anybody has looked at them."""
    order = await orders.load(conn, ret.order_id)
    given: int = await conn.fetchval(_SQL["shipping_given_back"], order.id)
    left = replace(refundable(order, given), shipping=0)
    wanted = what_is_owed(order, ret, left, {line.line_id: line.taken for line in ret.lines})
    return 0 if wanted is None else reckon(order, wanted, given).amount


def what_is_owed(
    order: Order, ret: Return, left: Refundable, back: Mapping[str, int] | None = None
) -> Wanted | None:
    """The refund for units of a return: `back` by line, or those that were accepted; None when
    nothing is left to give.

    With the last unit that the customer kept goes what they paid for the delivery. Fees come off,
    at most all of it.
    """
    back = ret.accepted if back is None else back
    owed = {line_id: min(n, left.units.get(line_id, 0)) for line_id, n in back.items()}
    units = {line_id: n for line_id, n in owed.items() if n}
    if not units:
        return None
    all_back = all(
        line.given_back + units.get(line.id, 0) >= line.quantity - line.canceled
        for line in order.lines
    )
    shipping = left.shipping if all_back else 0
    worth = shipping + sum(line.share_of_next(units.get(line.id, 0)) for line in order.lines)
    fee = kept_back(ret, worth)
    return Wanted(units, shipping, fee=fee, to=Destination(ret.refund_to)) if fee < worth else None
