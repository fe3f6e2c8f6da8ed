"""The money of a return: what was accepted goes back by a refund, less what is kept of it."""

from db import orders, refunds
from db.pool import Connection
from db.sql import queries
from domain.order import Order
from domain.refunds import Destination, Refundable, Wanted, reckon, refundable
from domain.returns import Return, kept_back

_SQL = queries("refunds")


async def give_back(conn: Connection, ret: Return) -> tuple[int, str | None]:
    """Open the refund of a return that was inspected: (amount, its id), (0, None) for nothing.

    Units that were paid for meanwhile by a person's word are not paid for again. The caller holds
    the order's lock.

    Raises:
        Refused: what is owed was not taken yet (`nothing_to_refund`, `refund_too_large`), or there
            is nobody to credit (`no_customer`).

    """
    order = await orders.load(conn, ret.order_id)
    given: int = await conn.fetchval(_SQL["shipping_given_back"], order.id)
    wanted = what_is_owed(order, ret, refundable(order, given))
    if wanted is None:
        return 0, None
    value = reckon(order, wanted, given).amount
    why = refunds.Opening(f"return:{ret.id}", "return")
    return value, await refunds.open_refund(conn, order.id, wanted, why)


def what_is_owed(order: Order, ret: Return, left: Refundable) -> Wanted | None:
    """The refund of a return; None when nothing is left to give.

    With the last unit that the customer kept goes what they paid for the delivery. Fees come off,
    at most all of it.
    """
    owed = {line_id: min(n, left.units.get(line_id, 0)) for line_id, n in ret.accepted.items()}
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
