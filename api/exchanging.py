"""Sending goods in place of others: the new order, and what pays for it, in one transaction."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from api.deps import Caller, Services
from api.placing import policy_of
from api.schemas.edits import EditPaymentIn
from db import exchanges, intake, orders, timeline
from db.new_ids import new_id
from db.pool import Connection
from domain.edits import Delivery, Sums
from domain.errors import Refused
from domain.exchanges import Goods, Send
from domain.ports import EXCHANGE
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


@dataclass(frozen=True, slots=True)
class Opened:
    """An exchange, its order, and how that begins."""

    exchange_id: str
    new_order_id: str
    outbox_id: int
    start: Mapping[str, Any]


async def open_exchange(conn: Connection, own: Services, caller: Caller, plan: Plan) -> Opened:
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
        caller.name, caller.role, caller.id, None, "", "", event=event, start=start
    )
    placed = await intake.place(conn, order, placement)
    await exchanges.add(conn, _exchange(plan, exchange_id, order, caller))
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
        conn, plan.order_id, "exchange_opened", actor=caller.name, role=caller.role, data=told,
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
    plan: Plan, exchange_id: str, order: intake.NewOrder, caller: Caller
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
        caller.name,
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
