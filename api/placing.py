"""Placing an order: check, sum up, write in one transaction, and answer the same to every twin."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from api.body import Parsed
from api.checks import Checked, check
from api.deps import Caller, Services
from api.errors import Answer, FieldError, Problem, key_reused
from api.schemas.fields import e164
from api.schemas.orders import AddressIn, PlaceOrder
from api.views import Links, dumps, ok
from api.views import order as view_order
from db import holds, idempotency, intake, reads, timeline
from db.new_ids import new_id
from db.pool import Connection
from settings import Settings
from workflows.messages import Policy

_CREATED = 201


def policy_of(settings: Settings) -> Policy:
    """The shop's deadlines as seconds, to travel with an order."""
    values: dict[str, Any] = {n: getattr(settings, n) for n in Policy.__dataclass_fields__}
    for name, value in values.items():
        if isinstance(value, timedelta):
            values[name] = value.total_seconds()
    return Policy(**values)


class OrderDesk:
    """Takes orders in."""

    def __init__(self, services: Services, links: Links) -> None:
        """Keep what does not change between orders."""
        self._services = services
        self._links = links
        self._policy = asdict(policy_of(services.settings))

    async def place(self, parsed: Parsed[PlaceOrder], caller: Caller, key: str | None) -> Answer:
        """Write the order and answer 201, the same for the same request."""
        now = datetime.now(UTC)
        settings, providers = self._services.settings, self._services.providers
        checked = check(parsed.value, providers.payments, now)
        order = new_order(
            parsed,
            checked,
            now,
            out_of_stock=settings.default_out_of_stock,
            ship=settings.default_ship,
            provider=providers.default_payment,
        )
        head, tail = self._answer(order)
        placement = intake.Placement(
            actor=caller.name,
            role=caller.role,
            key_owner=caller.id,
            key=key,
            answer_head=head,
            answer_tail=tail,
            event=_event(order),
            start={
                "order_id": order.id,
                "channel": order.channel,
                "placed_at": order.placed_at.isoformat(),
                "policy": self._policy,
            },
        )
        try:
            async with self._services.pool.acquire() as conn:
                placed = await self._write(conn, order, placement, parsed.value.stock_hold)
        except intake.KeyTaken:
            return await self._repeat(parsed, caller, key or "")
        except intake.ChannelOrderTaken:
            return await self._known(parsed)
        self._services.starter.offer(
            placed.outbox_id, order.id, {**placement.start, "number": placed.number}
        )
        return Answer(_CREATED, (head + placed.number + tail).encode())

    async def _write(
        self,
        conn: Connection,
        order: intake.NewOrder,
        placement: intake.Placement,
        hold_id: str | None,
    ) -> intake.Placed:
        """The order, with what its checkout kept; a hold that is over must not lose the order."""
        if hold_id is None:
            return await intake.place(conn, order, placement)
        async with conn.transaction():
            placed = await intake.place(conn, order, placement)
            kept = await holds.bind(conn, hold_id, order.id)
            type_ = "stock_hold_taken" if kept else "stock_hold_over"
            await timeline.record(conn, order.id, type_, data={"stock_hold": hold_id})
            return placed

    def _answer(self, order: intake.NewOrder) -> tuple[str, str]:
        """The answer before and after the order's number, which only the database knows."""
        view = view_order(as_row(order), self._links, contact=False)
        text = dumps(view).decode()
        head = f'{{"id":"{order.id}","number":"'
        return head, text[len(head) :]

    async def _repeat(self, parsed: Parsed[PlaceOrder], caller: Caller, key: str) -> Answer:
        async with self._services.pool.acquire() as conn:
            try:
                stored = await idempotency.read(conn, caller.id, key, parsed.request_hash)
            except idempotency.KeyReused:
                raise key_reused() from None
        if stored is None or stored.status is None:
            raise Problem(409, "request_in_progress", "A request with this key is under way.")
        return Answer(stored.status, stored.response.encode())

    async def _known(self, parsed: Parsed[PlaceOrder]) -> Answer:
        """The channel has sent the order before: the first answer again, or 409 when it differs."""
        channel, reference = parsed.value.channel, parsed.value.channel_order_id
        async with self._services.pool.acquire() as conn:
            found = await intake.find(conn, channel, reference)
            row = await reads.order(conn, found[0]) if found else None
        if found is None or row is None:
            raise Problem(409, "request_in_progress", "The order is being written.")
        if found[1] != parsed.request_hash:
            raise Problem(
                409,
                "duplicate_channel_order",
                "The channel has sent another order by this id.",
                [FieldError("/channel_order_id", "duplicate", "Known with other contents.")],
                current={"order_id": found[0], "status": row["status"]},
            )
        return ok(view_order(as_placed(row), self._links, contact=False), _CREATED)


def new_order(
    parsed: Parsed[PlaceOrder],
    checked: Checked,
    now: datetime,
    *,
    out_of_stock: str,
    ship: str,
    provider: str,
) -> intake.NewOrder:
    """The order as it is stored."""
    order, totals = parsed.value, checked.totals
    customer = order.customer
    return intake.NewOrder(
        id=new_id("ord"),
        channel=order.channel,
        channel_order_id=order.channel_order_id,
        request_hash=parsed.request_hash,
        customer_id=customer.id if customer else None,
        currency=order.currency,
        locale=order.locale,
        out_of_stock=order.out_of_stock or out_of_stock,
        ship=order.ship or ship,
        shipping_option=order.shipping.option,
        priority=order.priority,
        prices_include_tax=order.prices_include_tax,
        subtotal=totals.subtotal,
        discount_total=totals.discount,
        shipping_total=totals.shipping,
        surcharge_total=totals.surcharge,
        tax_total=totals.tax,
        grand_total=totals.grand_total,
        discounts=[
            {"code": d.code, "amount": d.amount.amount, "line": d.line} for d in order.discounts
        ],
        surcharges=[{"code": s.code, "amount": s.amount.amount} for s in order.surcharges],
        metadata=order.metadata,
        public_token=secrets.token_urlsafe(24),
        placed_at=order.placed_at or now,
        created_at=now,
        contact=_contact(order, checked),
        lines=[
            intake.NewLine(
                id=new_id("lin"),
                sku=line.sku,
                name=line.name,
                quantity=line.quantity,
                unit_price=line.unit_price.amount,
                tax_rate_bp=line.tax_rate_bp,
                discount=part.discount,
                tax=part.tax,
                total=part.total,
                out_of_stock=line.out_of_stock,
            )
            for line, part in zip(order.lines, totals.lines, strict=True)
        ],
        tenders=[
            intake.NewTender(
                id=new_id("pay"),
                method=payment.method,
                provider=payment.provider or provider,
                token=payment.token,
                capture=payment.capture,
                installments=payment.installments,
                amount=amount,
            )
            for payment, amount in zip(order.payments, checked.tender_amounts, strict=True)
        ],
    )


def _contact(order: PlaceOrder, checked: Checked) -> intake.NewContact:
    customer, shipping = order.customer, order.shipping_address
    billing = order.billing_address
    return intake.NewContact(
        name=(customer.name if customer else None) or shipping.name,
        email=customer.email if customer else None,
        phone=checked.phone,
        shipping_address=_address(shipping),
        billing_address=_address(billing) if billing else None,
        notes=order.notes,
    )


def _address(address: AddressIn) -> dict[str, str]:
    fields = {name: value for name, value in address if value is not None}
    if address.phone is not None:
        fields["phone"] = e164(address.phone, address.country) or address.phone
    return fields


def _event(order: intake.NewOrder) -> dict[str, Any]:
    return {
        "channel": order.channel,
        "lines": len(order.lines),
        "grand_total": order.grand_total,
        "currency": order.currency,
        "payments": [tender.id for tender in order.tenders],
    }


_UNTOUCHED_LINE = {
    "allocated": 0,
    "backordered": 0,
    "shipped": 0,
    "canceled": 0,
    "returned": 0,
    "refunded": 0,
    "refunded_amount": 0,
    "ordered_sku": None,
    "expected_on": None,
}
_UNTOUCHED_PAYMENT = {
    "status": "pending",
    "authorized": 0,
    "captured": 0,
    "refunded": 0,
    "client_action": None,
    "failure": None,
    "expires_at": None,
}
_UNTOUCHED_ORDER: Mapping[str, Any] = {
    "status": "pending",
    "payment_status": "pending",
    "fulfillment_status": "unfulfilled",
    "return_status": "no_return",
    "cancel_requested_at": None,
    "cancel_reason": None,
    "cancel_fee": 0,
    "confirmed_at": None,
    "delivered_at": None,
    "closed_at": None,
    "version": 1,
    "contact": None,
    "fulfillment_orders": None,
    "shipments": None,
    "substitutions": None,
    "holds": None,
    "attention": None,
    "refunds": None,
    "returns": None,
    "exchanges": None,
    "feedback": None,
}


def as_row(order: intake.NewOrder) -> dict[str, Any]:
    """A new order in the shape of `db.reads.order`, without its number."""
    names = intake.NewOrder.__slots__
    row = {name: getattr(order, name) for name in names if name not in {"contact", "tenders"}}
    return {
        **row,
        **_UNTOUCHED_ORDER,
        "number": "",
        "updated_at": order.created_at,
        "lines": [
            {name: getattr(line, name) for name in intake.NewLine.__slots__}
            | _UNTOUCHED_LINE
            | {"open": line.quantity}
            for line in order.lines
        ],
        "payments": [
            {name: getattr(tender, name) for name in intake.NewTender.__slots__}
            | _UNTOUCHED_PAYMENT
            | {"created_at": order.created_at}
            for tender in order.tenders
        ],
    }


def as_placed(row: Mapping[str, Any]) -> dict[str, Any]:
    """An order of any age as it looked when it was placed: what has changed since is put back."""
    created_at: datetime = row["created_at"]
    first = [
        payment
        for payment in row["payments"] or ()
        if datetime.fromisoformat(payment["created_at"]) == created_at
    ]
    return {
        **row,
        **(row["as_placed"] or {}),
        **_UNTOUCHED_ORDER,
        "updated_at": created_at,
        "lines": [
            {**line, **_UNTOUCHED_LINE, "open": line["quantity"]}
            for line in _as_ordered(row["lines"])
        ],
        "payments": [
            {**payment, **_UNTOUCHED_PAYMENT, "created_at": created_at} for payment in first
        ],
    }


_CUT = ("quantity", "discount", "tax", "total")


def _as_ordered(lines: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Lines as the customer ordered them: what a substitute was cut off from is whole again."""
    whole: dict[str, dict[str, Any]] = {}
    added = {line["id"] for line in lines if line["added_by"]}
    for line in lines:
        if added & {line["id"], line["split_from"]}:
            continue
        ordered = dict(line)
        if line["ordered_sku"] is not None:
            ordered |= {"sku": line["ordered_sku"], "name": line["ordered_name"]}
        if line["split_from"] is None:
            whole[line["id"]] = ordered
            continue
        first = whole[line["split_from"]]
        first |= {name: first[name] + line[name] for name in _CUT}
    return list(whole.values())
