"""The money of a return: what was accepted goes back by a refund, less what is kept of it."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace

from db import exchanges, orders, refunds
from db.pool import Connection
from db.sql import queries
from domain import paid_before as rules
from domain.order import Order
from domain.paid_before import Claim, Given
from domain.refunds import (
    Before,
    Destination,
    Refundable,
    Wanted,
    less_what_was_given,
    reckon,
    refundable,
)
from domain.returns import Return, kept_back, surplus
from domain.settlement import outstanding

_SQL = queries("refunds")


async def give_back(conn: Connection, ret: Return) -> tuple[int, str | None]:
    """Open the refund of a return that was inspected: (amount, its id), (0, None) for nothing.

    An order that was sent in exchange is paid first; then the delivery is not given back. Units
    whose money a person gave back meanwhile are not paid for again, and what the order still owes
    is set off. Without a customer to credit it goes where it came from. The caller holds the
    order's lock.

    Raises:
        Refused: what is owed was not taken yet (`nothing_to_refund`, `refund_too_large`), or may
            not become store credit yet (`not_delivered`).

    """
    order = await orders.load(conn, ret.order_id)
    exchange = await exchanges.promised_for(conn, ret.id)
    paid = await paid_before(conn, order, ret, ret.accepted)
    for line_id, units in paid.items():
        await conn.execute(_SQL["count_paid_before"], ret.id, line_id, units)
    before = await refunds.before(conn, order.id)
    left = refundable(order, before.shipping)
    left = left if exchange is None else replace(left, shipping=0)
    wanted = what_is_owed(order, ret, left, before, ret.accepted, paid)
    if wanted is None:
        if exchange is not None and ret.accepted:
            await exchanges.grant(conn, exchange, 0)
        return 0, None
    if wanted.to is Destination.STORE_CREDIT and not await refunds.customer(conn, order.id):
        wanted = replace(wanted, to=Destination.ORIGINAL)
    why = refunds.Opening(f"return:{ret.id}", "return")
    if exchange is not None:
        wanted = replace(wanted, exchange=exchange.used)
        why = replace(why, exchange_id=exchange.id)
    refund = reckon(order, wanted, before.shipping)
    refund_id = await refunds.open_refund(conn, order.id, wanted, why)
    if exchange is not None:
        await exchanges.grant(conn, exchange, refund.exchanged)
    return refund.amount, refund_id


async def beside_promises(conn: Connection, order: Order, ret: Return) -> Order:
    """The order as it is when all is given back that is promised to exchanges of its other returns:
    a share that is rounded is not promised twice.
    """
    rows = await conn.fetch(_SQL["units_promised"], order.id, ret.id)
    units = {row["line_id"]: row["units"] for row in rows}
    lines = [
        replace(line, given_back=min(line.shipped, line.given_back + units.get(line.id, 0)))
        for line in order.lines
    ]
    return replace(order, lines=lines)


async def worth(conn: Connection, order: Order, ret: Return) -> tuple[int, int]:
    """What the goods of a return are taken to be worth before anybody has looked at them, and what
    of their price the customer has been given before. `order` is `beside_promises`.

    Raises:
        Refused: as `give_back`.

    """
    before = await refunds.before(conn, order.id)
    expected = ret.expected
    paid = await paid_before(conn, order, ret, expected)
    left = replace(refundable(order, before.shipping), shipping=0)
    wanted = what_is_owed(order, ret, left, before, expected, paid)
    if wanted is None:
        return 0, 0
    return reckon(order, wanted, before.shipping).amount, wanted.already_given


async def paid_before(
    conn: Connection, order: Order, ret: Return, units: Mapping[str, int]
) -> dict[str, int]:
    """How many of a return's units, by line, bring no money: see `domain.paid_before`."""
    given, counted = defaultdict(list), defaultdict(list)
    for row in await conn.fetch(_SQL["given_without_return"], order.id):
        given[row["line_id"]].append(Given(row["at"], row["units"]))
    for row in await conn.fetch(_SQL["counted_as_paid"], order.id, ret.id):
        counted[row["line_id"]].append(Claim(row["since"], row["units"]))
    since = await conn.fetchval(_SQL["asked_for_at"], ret.id)
    found = {
        i: rules.paid_before(Claim(since, n), surplus(order, i), given[i], counted[i])
        for i, n in units.items()
    }
    return {line_id: n for line_id, n in found.items() if n}


def what_is_owed(
    order: Order,
    ret: Return,
    left: Refundable,
    before: Before,
    back: Mapping[str, int],
    paid: Mapping[str, int] | None = None,
) -> Wanted | None:
    """The refund for units of a return that are `back`, by line, without those `paid` for before;
    None when nothing is left to give.

    With the last unit that the customer kept goes what they paid for the delivery, also when a
    person had paid for the unit. Fees come off, at most all of it; so does what was given or let
    off before (no unit is worth more than what is left of the order's price), and what the customer
    should have paid by now.
    """
    if not order.live_units or not back:
        return None
    paid = paid or {}
    owed = {i: min(n - paid.get(i, 0), left.units.get(i, 0)) for i, n in back.items()}
    units = {line_id: n for line_id, n in owed.items() if n > 0}
    shipping = left.shipping if _nothing_is_kept(order, units) else 0
    price = shipping + sum(line.share_of_next(units.get(line.id, 0)) for line in order.lines)
    if not units and not shipping:
        return None
    to = Destination(ret.refund_to)
    wanted = Wanted(units, shipping, fee=kept_back(ret, price), to=to, settled=True)
    wanted = less_what_was_given(order, wanted, before)
    worth = price - wanted.fee - wanted.already_given
    return replace(wanted, set_off=min(worth, outstanding(order)))


def _nothing_is_kept(order: Order, units: Mapping[str, int]) -> bool:
    """Whether the customer has nothing of the order, or gets the money for the last with `units`.
    What a fee was worth more than came back, too.
    """
    return all(
        max(line.returned, line.given_back + units.get(line.id, 0) if units else 0)
        >= line.quantity - line.canceled
        for line in order.lines
    )
