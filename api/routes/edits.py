"""Edits of an order until it is packed: a preview that stores nothing, then the commit."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request, Response

from api import views
from api.asking import Desk, Made, Petition
from api.body import idempotency_key, parse
from api.checks import tender_errors
from api.deps import SUPPORT, Services, admit, services
from api.errors import Answer, FieldError, Problem, invalid, not_found
from api.openapi import describe
from api.routes.orders import known_id
from api.routes.requests import order_after
from api.schemas.edits import ChangesIn, EditIn, EditOut
from api.schemas.fields import MAX_AMOUNT, MoneyIn, e164
from api.schemas.orders import AddressIn
from db import edits, intake, orders, reads
from db.new_ids import new_id
from db.pool import Connection
from domain.edits import Delivery, NewUnits, Plan, can_edit, changes_of, figures, plan
from domain.errors import Refused
from domain.order import Order
from workflows.messages import EditRequest, Outcome

router = APIRouter(tags=["requests"])

# Where an order goes, as rules of sourcing ask: when one changes, its goods are sought anew.
_PLACE = ("country", "region", "city", "postal_code")


@router.post(
    "/v1/orders/{order_id}/edits",
    **describe(
        "Edit an order before it is packed",
        EditOut,
        body=EditIn,
        example={
            "version": 3,
            "changes": {
                "lines": [{"line_id": "lin_0192f0a1b2c3d4e5f60718293a4b5c6d", "quantity": 1}]
            },
            "commit": False,
        },
        problems=(404,),
        scopes=SUPPORT,
    ),
)
async def edit_order(request: Request, order_id: str) -> Response:
    """Reckon what changes would cost, or (with `commit`) make them."""
    caller = await admit(request, SUPPORT)
    own, key = services(request), idempotency_key(request)
    parsed = await parse(request, EditIn)
    body, known = parsed.value, known_id(order_id, "order")
    async with own.pool.acquire() as conn:
        row = await reads.order(conn, known)
    if row is None:
        raise not_found("order")
    _check(body.changes, row["currency"], own)
    stored = _stored(body, row["contact"] or {})
    if not body.commit:
        return views.ok(await _preview(own, known, body.version, stored)).response()
    petition = _petition(own, known, body, stored, row["currency"])
    return (await Desk(own, caller, parsed.request_hash, key).carry(petition)).response()


async def _plan(conn: Connection, order: Order, version: int, stored: Mapping[str, Any]) -> Plan:
    can_edit(order, version)
    prices, sums = await edits.prices(conn, order.id)
    return plan(order, prices, sums, changes_of(stored))


async def _preview(
    own: Services, order_id: str, version: int, stored: Mapping[str, Any]
) -> dict[str, Any]:
    async with own.pool.acquire() as conn, conn.transaction(isolation="repeatable_read"):
        order = await orders.load(conn, order_id)
        try:
            wanted = await _plan(conn, order, version, stored)
        except Refused as error:
            raise Problem(409, error.code, error.detail, current=error.current) from None
    _bounded(wanted)
    return _view(figures(order, wanted), order.currency)


def _petition(
    own: Services, order_id: str, body: EditIn, stored: Mapping[str, Any], currency: str
) -> Petition:
    async def make(conn: Connection) -> Made:
        edit_id = new_id("edt")
        await edits.add(conn, edit_id, order_id, stored, _contact(body.changes))
        payment_id = await _add_tender(conn, own, order_id, body, stored)
        return {"edit_id": edit_id, "payment_id": payment_id}

    async def view(conn: Connection, _: Outcome, made: Made) -> Answer:
        edit = await edits.load(conn, made["edit_id"])
        view = _view(edit["result"], currency)
        order = await order_after(own, conn, order_id)
        return views.ok(view | {"committed": True, "edit_id": made["edit_id"], "order": order})

    async def refuse(conn: Connection, made: Made, code: str) -> None:
        await edits.end(conn, made["edit_id"], "refused", code=code)
        if made["payment_id"]:
            await intake.refuse_tender(conn, made["payment_id"], code)

    return Petition(
        order_id,
        update="edit",
        what="edit",
        build=lambda asker, made: EditRequest(
            asker, made["edit_id"], body.version, made["payment_id"]
        ),
        view=view,
        data={"reason": body.reason, "version": body.version, "lines": stored["lines"]},
        note=body.note,
        make=make,
        refuse=refuse,
    )


async def _add_tender(
    conn: Connection, own: Services, order_id: str, body: EditIn, stored: Mapping[str, Any]
) -> str:
    """The tender for what the edit costs more; none when it needs none, or will be refused."""
    payment = body.changes.payment
    try:
        order = await orders.load(conn, order_id)
        wanted = await _plan(conn, order, body.version, stored)
    except Refused:
        return ""
    _bounded(wanted)
    if payment is None or not wanted.payment_needed:
        return ""
    tender = intake.NewTender(
        id=new_id("pay"),
        method=payment.method,
        provider=payment.provider or own.providers.default_payment,
        token=payment.token,
        capture=payment.capture,
        installments=payment.installments,
        amount=wanted.payment_needed,
    )
    await intake.add_tender(conn, order_id, tender)
    return tender.id


def _bounded(wanted: Plan) -> None:
    if max(wanted.sums.subtotal, wanted.sums.grand_total) > MAX_AMOUNT:
        detail = "The order's total is beyond 2^53 minor units."
        raise invalid([FieldError("/changes", "total_too_large", detail)])


def _stored(body: EditIn, contact: Mapping[str, Any]) -> dict[str, Any]:
    """The changes as their row keeps them: without addresses, and without the tender's token."""
    changes = body.changes
    address, before = changes.shipping_address, contact.get("shipping_address") or {}
    delivery = changes.shipping
    return {
        "reason": body.reason,
        "version": body.version,
        "lines": {line.line_id: line.quantity for line in changes.lines},
        "add": [
            asdict(
                NewUnits(
                    x.sku, x.name, x.quantity, x.unit_price.amount, x.tax_rate_bp, x.out_of_stock
                )
            )
            for x in changes.add_lines
        ],
        "delivery": asdict(Delivery(delivery.option, delivery.price.amount, delivery.tax_rate_bp))
        if delivery
        else None,
        "shipping_address": address is not None,
        "billing_address": changes.billing_address is not None,
        "moves": address is not None
        and any((getattr(address, n) or "") != (before.get(n) or "") for n in _PLACE),
        "pays": changes.payment is not None,
    }


def _contact(changes: ChangesIn) -> dict[str, Any]:
    named = {
        "shipping_address": changes.shipping_address,
        "billing_address": changes.billing_address,
    }
    return {name: _address(address) for name, address in named.items() if address is not None}


def _address(address: AddressIn) -> dict[str, str]:
    fields = {name: value for name, value in address if value is not None}
    if address.phone is not None:
        fields["phone"] = e164(address.phone, address.country) or address.phone
    return fields


def _check(changes: ChangesIn, currency: str, own: Services) -> None:
    errors = [
        FieldError(
            f"/changes{pointer}/currency", "currency_mismatch", f"The order is in {currency}."
        )
        for pointer, money in _amounts(changes)
        if money.currency != currency
    ]
    seen: set[str] = set()
    for i, line in enumerate(changes.lines):
        if line.line_id in seen:
            detail = "The line is named twice."
            errors.append(FieldError(f"/changes/lines/{i}/line_id", "duplicate", detail))
        seen.add(line.line_id)
    for name in ("shipping_address", "billing_address"):
        address: AddressIn | None = getattr(changes, name)
        if address and address.phone and e164(address.phone, address.country) is None:
            detail = f"Not a phone number as dialed in {address.country}."
            errors.append(FieldError(f"/changes/{name}/phone", "bad_phone", detail))
    if changes.payment is not None:
        errors += tender_errors(changes.payment, own.providers.payments, "/changes/payment")
    if errors:
        raise invalid(errors)


def _amounts(changes: ChangesIn) -> Iterator[tuple[str, MoneyIn]]:
    for i, line in enumerate(changes.add_lines):
        yield f"/add_lines/{i}/unit_price", line.unit_price
    if changes.shipping is not None:
        yield "/shipping/price", changes.shipping.price


def _view(result: Mapping[str, Any], currency: str) -> dict[str, Any]:
    def money(amount: int) -> dict[str, Any]:
        return views.money(amount, currency)

    def sums(part: Mapping[str, int]) -> dict[str, Any]:
        return {name: money(amount) for name, amount in part.items()}

    return {
        "committed": False,
        "edit_id": None,
        "before": sums(result["before"]),
        "after": sums(result["after"]),
        "difference": money(result["difference"]),
        "payment_needed": money(result["payment_needed"]),
        "refunds": [x | {"amount": money(x["amount"])} for x in result["refunds"]],
        "canceled_units": result["canceled_units"],
        "added_units": [x | {"total": money(x["total"])} for x in result["added_units"]],
        "added_lines": result.get("added_lines", []),
        "order": None,
    }
