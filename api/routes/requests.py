"""What people ask of an order: the workflow decides, and the answer is the order after it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request, Response

from api import views
from api.asking import Desk, Made, Petition
from api.body import idempotency_key, parse, request_hash
from api.checks import tender_errors
from api.deps import STOREFRONT, SUPPORT, Services, admit, services
from api.errors import Answer, FieldError, invalid
from api.openapi import describe
from api.routes.orders import known_id, links_of
from api.schemas.order_answers import HoldWithOrderOut, OrderOut, PaymentWithOrderOut
from api.schemas.requests import AddPaymentIn, CancelIn, HoldIn, RetryIn, WaiveIn
from api.words import coded
from db import canceling, intake, orders, reads
from db.new_ids import new_id
from db.pool import Connection
from domain.order import Order
from domain.phase import Actor
from domain.settlement import uncovered
from workflows.messages import (
    CancelRequest,
    HoldRequest,
    LineQuantity,
    Outcome,
    PaymentRequest,
    ReleaseRequest,
    RetryRequest,
    WaiveRequest,
)

router = APIRouter(tags=["requests"])

View = Callable[[Connection, Outcome, Made], Awaitable[Answer]]


async def order_after(own: Services, conn: Connection, order_id: str) -> dict[str, Any]:
    """The order as a request left it, without personal data."""
    row = await reads.order(conn, order_id)
    assert row is not None  # noqa: S101 - orders are never deleted
    return views.order(row, links_of(own), contact=False)


@router.post(
    "/v1/orders/{order_id}/cancel",
    **describe(
        "Cancel an order, or some of its units",
        OrderOut,
        body=CancelIn,
        example={"reason": "customer_request", "note": "Ordered twice by mistake."},
        problems=(404,),
        scopes=SUPPORT,
    ),
)
async def cancel_order(request: Request, order_id: str) -> Response:
    """Money and goods go back, in reverse order of how they came; who may when says the policy.

    Parcels that have left are stopped on their way, if the carrier can: then the order shows
    `cancel_requested_at` until they are back.
    """
    caller = await admit(request, SUPPORT)
    own, key = services(request), idempotency_key(request)
    parsed = await parse(request, CancelIn)
    body = parsed.value
    units = units_of([(line.line_id, line.quantity) for line in body.lines or ()])
    code, note = coded(body.reason, body.note)

    async def view(conn: Connection, _: Outcome, __: Made) -> Answer:
        return views.ok(await order_after(own, conn, order_id))

    petition = cancel_petition(known_id(order_id, "order"), Actor.SUPPORT, code, view, units)
    petition = replace(petition, note=note)
    return (await Desk(own, caller, parsed.request_hash, key).carry(petition)).response()


def cancel_petition(
    order_id: str,
    actor: Actor,
    reason: str,
    view: View,
    units: Mapping[str, int] | None = None,
    *,
    at_most: int | None = None,
) -> Petition:
    """Ask an order to end, or to give up `units`, as far as the policy lets this actor; for a fee
    of `at_most` what they were told.
    """
    lines = [LineQuantity(line_id, quantity) for line_id, quantity in (units or {}).items()]

    async def make(conn: Connection) -> Made:
        known = await canceling.fees(conn, actor, order_id)
        fees = {p: fee if at_most is None else min(fee, at_most) for p, fee in known.items()}
        made: Made = {"allowed_phases": await canceling.phases(conn, actor)}
        return made | ({"fees": fees} if fees else {})

    return Petition(
        order_id,
        update="cancel",
        what="cancel",
        build=lambda asker, made: CancelRequest(
            asker, reason, lines, made.get("allowed_phases"), made.get("fees", {})
        ),
        view=view,
        make=make,
        data={"reason": reason, "lines": units or {}},
    )


def units_of(lines: list[tuple[str, int]]) -> dict[str, int]:
    """Units by line; a line that is named twice is asked for the sum."""
    units: dict[str, int] = {}
    for line_id, quantity in lines:
        units[line_id] = units.get(line_id, 0) + quantity
    return units


@router.post(
    "/v1/orders/{order_id}/holds",
    **describe(
        "Hold an order",
        HoldWithOrderOut,
        status=201,
        body=HoldIn,
        example={"reason": "incorrect_address", "note": "House number is missing."},
        problems=(404,),
        scopes=SUPPORT,
    ),
)
async def hold_order(request: Request, order_id: str) -> Response:
    """Stop what has not left the house, until the hold is released."""
    caller = await admit(request, SUPPORT)
    own, key = services(request), idempotency_key(request)
    parsed = await parse(request, HoldIn)
    body = parsed.value

    ends_at = body.ends_at.isoformat() if body.ends_at else ""
    if body.ends_at and body.ends_at <= datetime.now(UTC):
        raise invalid([FieldError("/ends_at", "too_early", "It has to be still to come.")])

    async def make(_: Connection) -> Made:
        return {"hold_id": new_id("hld")}

    async def view(conn: Connection, _: Outcome, made: Made) -> Answer:
        order = await order_after(own, conn, order_id)
        hold = next((h for h in order["holds"] if h["id"] == made["hold_id"]), None)
        # Somebody may have released it before we looked.
        hold = hold or {"id": made["hold_id"], "reason": body.reason} | {
            "actor": caller.name,
            "created_at": order["updated_at"],
            "ends_at": body.ends_at,
            "at_end": body.at_end if body.ends_at else None,
        }
        return views.ok({**hold, "note": body.note, "order": order}, 201)

    petition = Petition(
        known_id(order_id, "order"),
        update="hold",
        what="hold",
        build=lambda asker, made: HoldRequest(
            asker, made["hold_id"], body.reason, ends_at, body.at_end if ends_at else ""
        ),
        view=view,
        data={"reason": body.reason}
        | ({"ends_at": ends_at, "at_end": body.at_end} if ends_at else {}),
        note=body.note,
        make=make,
    )
    return (await Desk(own, caller, parsed.request_hash, key).carry(petition)).response()


@router.delete(
    "/v1/orders/{order_id}/holds/{hold_id}",
    **describe("Release a hold", OrderOut, problems=(404, 409), scopes=SUPPORT),
)
async def release_hold(request: Request, order_id: str, hold_id: str) -> Response:
    """Take one hold away; the order goes on when it was the last."""
    caller = await admit(request, SUPPORT)
    own, key = services(request), idempotency_key(request)
    hold = known_id(hold_id, "hold")

    async def view(conn: Connection, _: Outcome, __: Made) -> Answer:
        return views.ok(await order_after(own, conn, order_id))

    petition = Petition(
        known_id(order_id, "order"),
        update="release",
        what="release",
        build=lambda asker, _: ReleaseRequest(asker, hold),
        view=view,
        data={"hold_id": hold},
    )
    desk = Desk(own, caller, request_hash(request, None), key)
    return (await desk.carry(petition)).response()


@router.post(
    "/v1/orders/{order_id}/retry",
    **describe(
        "Try again now what keeps failing",
        OrderOut,
        body=RetryIn,
        example={"code": "label_failed"},
        body_required=False,
        problems=(404,),
        scopes=SUPPORT,
    ),
)
async def retry_order(request: Request, order_id: str) -> Response:
    """Do not wait for the next try: the code is that of an attention, all of them without."""
    caller = await admit(request, SUPPORT)
    own, key = services(request), idempotency_key(request)
    parsed = await parse(request, RetryIn)
    code = parsed.value.code or ""

    async def view(conn: Connection, _: Outcome, __: Made) -> Answer:
        return views.ok(await order_after(own, conn, order_id))

    petition = Petition(
        known_id(order_id, "order"),
        update="retry",
        what="retry",
        build=lambda asker, _: RetryRequest(asker, code),
        view=view,
        data={"code": code},
        note=parsed.value.note,
    )
    return (await Desk(own, caller, parsed.request_hash, key).carry(petition)).response()


@router.post(
    "/v1/orders/{order_id}/payments",
    **describe(
        "Pay by another try or method",
        PaymentWithOrderOut,
        status=201,
        body=AddPaymentIn,
        example={"method": "card", "provider": "sandbox", "token": "tok_visa"},
        problems=(404,),
        scopes=STOREFRONT,
    ),
)
async def add_payment(request: Request, order_id: str) -> Response:
    """Another tender, while what is owed is not covered."""
    caller = await admit(request, STOREFRONT)
    own, key = services(request), idempotency_key(request)
    parsed = await parse(request, AddPaymentIn)
    body = parsed.value
    if errors := list(tender_errors(body, own.providers.payments)):
        raise invalid(errors)

    async def make(conn: Connection) -> Made:
        amount = _amount(body, await orders.load(conn, order_id))
        tender = intake.NewTender(
            id=new_id("pay"),
            method=body.method,
            provider=body.provider or own.providers.default_payment,
            token=body.token,
            capture=body.capture,
            installments=body.installments,
            amount=amount,
        )
        await intake.add_tender(conn, order_id, tender)
        return {"payment_id": tender.id}

    async def view(conn: Connection, _: Outcome, made: Made) -> Answer:
        row = await reads.order(conn, order_id)
        assert row is not None  # noqa: S101 - orders are never deleted
        # What the customer must do next is what this call is for: it is no secret to the caller.
        order = views.order(row, links_of(own), contact=False)
        tender = next(p for p in row["payments"] if p["id"] == made["payment_id"])
        payment = views.payment(tender, row["currency"], contact=True)
        return views.ok({**payment, "order": order}, 201)

    petition = Petition(
        known_id(order_id, "order"),
        update="add_payment",
        what="payment",
        build=lambda asker, made: PaymentRequest(asker, made["payment_id"]),
        view=view,
        data={"method": body.method},
        make=make,
        refuse=lambda conn, made, code: intake.refuse_tender(conn, made["payment_id"], code),
    )
    return (await Desk(own, caller, parsed.request_hash, key).carry(petition)).response()


@router.post(
    "/v1/orders/{order_id}/waive",
    **describe(
        "Let the customer off what is not paid",
        OrderOut,
        body=WaiveIn,
        example={"reason": "our_mistake"},
        problems=(404,),
        scopes=SUPPORT,
    ),
)
async def waive_rest(request: Request, order_id: str) -> Response:
    """The order goes on with what is taken or reserved; what is missing is not owed any more."""
    caller = await admit(request, SUPPORT)
    own, key = services(request), idempotency_key(request)
    parsed = await parse(request, WaiveIn)
    reason = parsed.value.reason

    async def view(conn: Connection, _: Outcome, __: Made) -> Answer:
        return views.ok(await order_after(own, conn, order_id))

    petition = Petition(
        known_id(order_id, "order"),
        update="waive",
        what="waive",
        build=lambda asker, _: WaiveRequest(asker, reason),
        view=view,
        data={"reason": reason},
        note=parsed.value.note,
    )
    return (await Desk(own, caller, parsed.request_hash, key).carry(petition)).response()


def _amount(body: AddPaymentIn, order: Order) -> int:
    """What the tender shall bring: what was asked for, else all that no other tender brings.

    One that waits for the customer is not counted: this one may be tried instead of it.
    """
    if body.amount is not None and body.amount.currency != order.currency:
        detail = f"The order is in {order.currency}."
        raise invalid([FieldError("/amount/currency", "currency_mismatch", detail)])
    missing = uncovered(order)
    if body.amount is None:
        return missing
    if body.amount.amount > missing > 0:
        detail = f"{missing} is still to be paid."
        raise invalid([FieldError("/amount/amount", "too_large", detail)])
    return body.amount.amount
