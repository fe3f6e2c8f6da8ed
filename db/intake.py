"""Writing a placed order: one statement, one round trip, all or nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from db.pool import Connection
from db.sql import queries

_SQL = queries("intake")


@dataclass(frozen=True, slots=True)
class NewLine:
    """A line as it is stored; amounts in minor units."""

    id: str
    sku: str
    name: str
    quantity: int
    unit_price: int
    tax_rate_bp: int
    discount: int
    tax: int
    total: int
    out_of_stock: str | None = None


@dataclass(frozen=True, slots=True)
class NewTender:
    """A tender as it is stored."""

    id: str
    method: str
    provider: str
    token: str | None
    capture: str
    installments: int
    amount: int


@dataclass(frozen=True, slots=True)
class NewContact:
    """Who buys and where it goes: personal data, kept apart."""

    name: str | None
    email: str | None
    phone: str | None
    shipping_address: Mapping[str, Any]
    billing_address: Mapping[str, Any] | None
    notes: str | None


@dataclass(frozen=True, slots=True)
class NewOrder:
    """An order that was checked and summed up, without its number, which the sequence gives."""

    id: str
    channel: str
    channel_order_id: str
    request_hash: bytes
    customer_id: str | None
    currency: str
    locale: str
    out_of_stock: str
    ship: str
    shipping_option: str
    priority: int
    prices_include_tax: bool
    subtotal: int
    discount_total: int
    shipping_total: int
    surcharge_total: int
    tax_total: int
    grand_total: int
    discounts: list[dict[str, Any]]
    surcharges: list[dict[str, Any]]
    metadata: Mapping[str, Any]
    public_token: str
    placed_at: datetime
    created_at: datetime
    contact: NewContact
    lines: Sequence[NewLine]
    tenders: Sequence[NewTender]


@dataclass(frozen=True, slots=True)
class Placement:
    """What surrounds the order: who placed it, the answer around its number, how it starts."""

    actor: str
    role: str
    key_owner: str
    key: str | None
    answer_head: str
    answer_tail: str
    event: Mapping[str, Any]
    start: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Placed:
    """The number the order got, and the outbox row that starts its workflow."""

    number: str
    outbox_id: int


@dataclass(frozen=True, slots=True)
class StartRow:
    """An order that has not begun."""

    id: int
    payload: Mapping[str, Any]


class KeyTaken(Exception):
    """The idempotency key belongs to a request that came first."""


class ChannelOrderTaken(Exception):
    """The channel has sent this order before."""


async def place(conn: Connection, order: NewOrder, placement: Placement) -> Placed:
    """Write the order with all that belongs to it.

    Raises:
        KeyTaken: another request has the idempotency key; it is committed.
        ChannelOrderTaken: the channel's order is there already; it is committed.

    """
    try:
        row = await conn.fetchrow(_SQL["place_order"], *_arguments(order, placement))
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name == "idempotency_keys_pkey":
            raise KeyTaken from None
        if error.constraint_name == "once_per_channel":
            raise ChannelOrderTaken from None
        raise
    assert row is not None  # noqa: S101 - the statement ends in a SELECT of one row
    return Placed(row["number"], row["outbox_id"])


def _arguments(order: NewOrder, placement: Placement) -> list[Any]:
    contact, lines, tenders = order.contact, order.lines, order.tenders
    return [
        placement.key_owner,
        placement.key,
        order.request_hash,
        placement.answer_head,
        placement.answer_tail,
        order.id,
        order.channel,
        order.channel_order_id,
        order.customer_id,
        order.currency,
        order.locale,
        order.out_of_stock,
        order.ship,
        order.shipping_option,
        order.priority,
        order.prices_include_tax,
        order.subtotal,
        order.discount_total,
        order.shipping_total,
        order.surcharge_total,
        order.tax_total,
        order.grand_total,
        order.discounts,
        order.surcharges,
        order.metadata,
        order.public_token,
        order.placed_at,
        order.created_at,
        contact.name,
        contact.email,
        contact.phone,
        contact.shipping_address,
        contact.billing_address,
        contact.notes,
        [line.id for line in lines],
        [line.sku for line in lines],
        [line.name for line in lines],
        [line.quantity for line in lines],
        [line.unit_price for line in lines],
        [line.tax_rate_bp for line in lines],
        [line.discount for line in lines],
        [line.tax for line in lines],
        [line.total for line in lines],
        [tender.id for tender in tenders],
        [tender.method for tender in tenders],
        [tender.provider for tender in tenders],
        [tender.token for tender in tenders],
        [tender.capture for tender in tenders],
        [tender.installments for tender in tenders],
        [tender.amount for tender in tenders],
        placement.actor,
        placement.role,
        placement.event,
        placement.start,
        [line.out_of_stock for line in lines],
    ]


async def find(conn: Connection, channel: str, channel_order_id: str) -> tuple[str, bytes] | None:
    """The id and the request's hash of an order that a channel has sent."""
    row = await conn.fetchrow(_SQL["find_placed"], channel, channel_order_id)
    return (row["id"], row["request_hash"]) if row else None


async def start_row(conn: Connection, order_id: str) -> StartRow | None:
    """The outbox row that starts an order, while it is not started."""
    row = await conn.fetchrow(_SQL["start_row"], order_id)
    return StartRow(row["id"], row["payload"]) if row else None


async def forget_starts(conn: Connection, outbox_ids: Sequence[int]) -> None:
    """The orders' workflows run: nobody needs to start them."""
    await conn.execute(_SQL["forget_start"], list(outbox_ids))


async def add_tender(conn: Connection, order_id: str, tender: NewTender) -> None:
    """Another tender of an order, `pending`; the caller holds the order's lock."""
    await conn.execute(
        _SQL["add_tender"],
        tender.id,
        order_id,
        tender.method,
        tender.provider,
        tender.token,
        tender.capture,
        tender.installments,
        tender.amount,
    )


async def refuse_tender(conn: Connection, payment_id: str, code: str) -> None:
    """The order did not want the tender, and nobody was asked for its money."""
    await conn.execute(_SQL["refuse_tender"], payment_id, code)
