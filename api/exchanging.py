"""Sending goods in place of others: the new order, and what pays for it, in one transaction."""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from api.deps import Services
from api.placing import policy_of
from api.schemas.edits import EditPaymentIn
from db import edits, exchanges, intake, orders, return_money, timeline
from db.new_ids import new_id
from db.pool import Connection
from db.returns import By
from domain.edits import Delivery, NewUnits, Priced, Sums
from domain.errors import Refused
from domain.exchanges import Goods, Send, another, same_again, sums_of
from domain.money import apportion, share_of_quantity
from domain.order import Order
from domain.ports import EXCHANGE
from domain.returns import Return
from domain.states import HoldReason


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be sent for the goods of an order (or of its return), and when.

    `worth`, in minor units, is what those goods are taken to be worth.
    """

    order_id: str
    return_id: str | None
    send: Send
    goods: Sequence[Goods]
    delivery: Delivery
    sums: Sums
    worth: int
    payment: EditPaymentIn | None = None
    note: str | None = None

    @property
    def promised(self) -> int:
        """What the goods pay of the new order."""
        return min(self.worth, self.sums.grand_total)

    @property
    def rest(self) -> int:
        """What the customer pays of it."""
        return self.sums.grand_total - self.promised


# What is sent in exchange costs no delivery, by the option of the order before.
FREE = Delivery("", 0)


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted for the goods of a return: units of `lines` again, or others.

    Without `send` it leaves as the rules say.
    """

    lines: Mapping[str, int]
    others: Sequence[NewUnits] = ()
    delivery: Delivery = FREE
    send: Send | None = None
    payment: EditPaymentIn | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """An exchange, its order, and how that begins."""

    exchange_id: str
    new_order_id: str
    outbox_id: int
    start: Mapping[str, Any]


async def plan_of_return(conn: Connection, order: Order, ret: Return, wish: Wish) -> Plan:
    """What the wish comes to. The caller holds the order's lock.

    Raises:
        Refused: `exchange_exists`, `nothing_to_exchange`, `unknown_line`, `too_many_units`; what
            was paid for the goods was not taken yet, or given back (`nothing_to_refund`).

    """
    if await exchanges.promised_for(conn, ret.id) is not None:
        detail = "Something is sent in its place already."
        raise Refused("exchange_exists", detail, return_id=ret.id)
    order = await return_money.beside_promises(conn, order, ret)
    worth, given = await return_money.worth(conn, order, ret)
    if not worth:
        raise Refused("nothing_to_exchange", "What comes back is worth nothing.", return_id=ret.id)
    prices, sums = await edits.prices(conn, order.id)
    gross = sums.prices_include_tax
    goods = [
        *again(order, prices, wish.lines, ret.expected, given, prices_include_tax=gross),
        *(another(new, prices_include_tax=gross) for new in wish.others),
    ]
    return Plan(
        order.id,
        ret.id,
        wish.send or Send(ret.exchange_sent),
        goods,
        wish.delivery,
        sums_of(goods, wish.delivery, prices_include_tax=gross),
        worth,
        wish.payment,
        wish.note,
    )


def again(
    order: Order,
    prices: Sequence[Priced],
    wanted: Mapping[str, int],
    most: Mapping[str, int],
    given: int,
    *,
    prices_include_tax: bool,
) -> Iterator[Goods]:
    """The same units once more, at what was paid for those that they replace.

    `most` come back, and of what these cost the customer has been `given` so much before: the same
    units cost as much less.
    """
    priced = {line.line_id: line for line in prices}
    for line_id, quantity in wanted.items():
        limit = most.get(line_id, 0)
        if order.line(line_id) is None or not limit:
            detail = f"No unit of {line_id} comes back."
            raise Refused("unknown_line", detail, line_id=line_id)
        if quantity > limit:
            detail = f"{limit} units of {line_id} come back."
            raise Refused("too_many_units", detail, line_id=line_id, units=str(limit))
    paid = _prices(order, wanted)
    sent = sum(paid.values())
    off = apportion(
        share_of_quantity(given, sent, sum(_prices(order, most).values())), [*paid.values()]
    )
    for (line_id, price), less in zip(paid.items(), off, strict=True):
        yield same_again(
            priced[line_id], wanted[line_id], price - less, prices_include_tax=prices_include_tax
        )


def _prices(order: Order, units: Mapping[str, int]) -> dict[str, int]:
    """What was paid for units, by line."""
    return {line.id: line.share_of_next(units[line.id]) for line in order.lines if line.id in units}


async def open_exchange(conn: Connection, own: Services, by: By, plan: Plan) -> Opened:
    """Place the new order, and let the goods pay. The caller holds the lock of the order before.

    Raises:
        Refused: `customer_erased`, `payment_not_needed`.

    """
    if plan.payment is not None and not plan.rest:
        detail = "The goods that come back pay for all of it."
        raise Refused("payment_not_needed", detail, order_id=plan.order_id)
    before = await exchanges.contact_of(conn, plan.order_id)
    if before["shipping_address"] is None:
        detail = "Nobody knows where it would be sent."
        raise Refused("customer_erased", detail, order_id=plan.order_id)
    exchange_id = new_id("exc")
    order = _order(own, plan, before, exchange_id)
    start = {
        "order_id": order.id,
        "channel": order.channel,
        "placed_at": order.placed_at.isoformat(),
        "policy": asdict(policy_of(own.settings)),
    }
    event = {
        "channel": order.channel,
        "lines": len(order.lines),
        "grand_total": order.grand_total,
        "currency": order.currency,
        "payments": [tender.id for tender in order.tenders],
        "exchange_id": exchange_id,
        "exchanged_order_id": plan.order_id,
    }
    placement = intake.Placement(
        by.actor, by.role, by.actor, None, "", "", event=event, start=start
    )
    placed = await intake.place(conn, order, placement)
    await exchanges.add(conn, _exchange(plan, exchange_id, order, by))
    if plan.send is not Send.AT_ONCE:
        await _hold(conn, order.id, exchange_id)
    told = {
        "exchange_id": exchange_id,
        "new_order_id": order.id,
        "send": plan.send.value,
        "promised": plan.promised,
        **({"return_id": plan.return_id} if plan.return_id else {}),
    }
    await timeline.record(
        conn, plan.order_id, "exchange_opened", actor=by.actor, role=by.role, data=told,
        note=plan.note,
    )  # fmt: skip
    return Opened(exchange_id, order.id, placed.outbox_id, start | {"number": placed.number})


async def _hold(conn: Connection, order_id: str, exchange_id: str) -> None:
    """Its stock is there, and nobody sends it before the goods come."""
    hold_id, reason = new_id("hld"), HoldReason.AWAITING_RETURN_ITEMS
    data = {"hold_id": hold_id, "reason": reason.value, "exchange_id": exchange_id}
    event = await timeline.record(conn, order_id, "hold_added", data=data)
    await orders.add_hold(conn, order_id, hold_id, reason, timeline.SYSTEM, event)


def _exchange(
    plan: Plan, exchange_id: str, order: intake.NewOrder, by: By
) -> exchanges.NewExchange:
    pays = next((t.id for t in order.tenders if t.provider == EXCHANGE), None)
    return exchanges.NewExchange(
        exchange_id,
        plan.order_id,
        plan.return_id,
        order.id,
        plan.send,
        order.currency,
        plan.promised,
        pays,
        by.actor,
    )


def _order(
    own: Services, plan: Plan, before: Mapping[str, Any], exchange_id: str
) -> intake.NewOrder:
    now, sums = datetime.now(UTC), plan.sums
    same = (
        "channel", "customer_id", "currency", "locale", "out_of_stock", "ship", "priority",
        "prices_include_tax",
    )  # fmt: skip
    return intake.NewOrder(
        id=new_id("ord"),
        channel_order_id=exchange_id,
        request_hash=b"",
        shipping_option=plan.delivery.option or before["shipping_option"],
        subtotal=sums.subtotal,
        discount_total=sums.discount,
        shipping_total=sums.shipping,
        surcharge_total=0,
        tax_total=sums.tax,
        grand_total=sums.grand_total,
        discounts=[],
        surcharges=[],
        metadata={},
        public_token=secrets.token_urlsafe(24),
        placed_at=now,
        created_at=now,
        contact=intake.NewContact(
            before["name"],
            before["email"],
            before["phone"],
            before["shipping_address"],
            before["billing_address"],
            None,
        ),
        lines=[intake.NewLine(id=new_id("lin"), **asdict(one)) for one in plan.goods],
        tenders=_tenders(own, plan),
        **{name: before[name] for name in same},
    )


def _tenders(own: Services, plan: Plan) -> list[intake.NewTender]:
    tenders = []
    if plan.promised:
        pays = intake.NewTender(
            new_id("pay"), "voucher", EXCHANGE, None, "immediate", 1, plan.promised
        )
        tenders.append(pays)
    if plan.payment is not None:
        how = plan.payment
        provider = how.provider or own.providers.default_payment
        tenders.append(
            intake.NewTender(
                new_id("pay"), how.method, provider, how.token, how.capture, how.installments,
                plan.rest,
            )
        )  # fmt: skip
    return tenders
