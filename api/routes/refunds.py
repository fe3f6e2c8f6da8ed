"""Money given back by staff: reckoned first, then given, and followed until it is there."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response

from api import paging, views
from api.body import idempotency_key, parse
from api.deps import STOREFRONT, SUPPORT, admit, services
from api.errors import Answer, FieldError, Problem, invalid, not_found
from api.once import Once
from api.openapi import describe
from api.routes.orders import known_id, no_nul
from api.schemas.answers import PageOut
from api.schemas.refunds import RefundIn, RefundOut, RefundPlanOut, StoreCreditOut
from api.schemas.requests import RetryIn
from api.words import coded
from db import orders, refunds, timeline
from db.new_ids import new_id
from db.pool import Connection
from db.refunds import Opening, Row
from domain.errors import NotFound, Refused
from domain.order import Order
from domain.refunds import Refund

router = APIRouter(tags=["refunds"])

_READERS = ("support", "reports", "admin")
_EXAMPLE = {
    "reason": "damaged",
    "lines": [{"line_id": "lin_01jd8w3n0c9v5b1r6t2m4q7xza", "quantity": 1}],
    "goodwill": {"amount": 2_000, "currency": "TRY"},
    "note": "The box was wet.",
}


@router.post(
    "/v1/orders/{order_id}/refunds/preview",
    **describe(
        "What a refund would come to",
        RefundPlanOut,
        body=RefundIn,
        example=_EXAMPLE,
        problems=(404, 409),
        scopes=SUPPORT,
        idempotent=False,
    ),
)
async def preview_refund(request: Request, order_id: str) -> Response:
    """Reckoned and not stored: the units' shares, and which tender gives back how much."""
    await admit(request, SUPPORT)
    body, known = (await parse(request, RefundIn)).value, known_id(order_id, "order")
    async with services(request).pool.acquire() as conn:
        order = await _load(conn, known)
        _check(body, order)
        try:
            refund = await refunds.preview(conn, order, body.wanted)
        except Refused as error:
            raise Problem(409, error.code, error.detail, current=error.current) from None
    return views.ok(_plan(refund, order.currency)).response()


@router.post(
    "/v1/orders/{order_id}/refunds",
    **describe(
        "Give money back",
        RefundOut,
        status=201,
        body=RefundIn,
        example=_EXAMPLE,
        problems=(404,),
        scopes=SUPPORT,
    ),
)
async def create_refund(request: Request, order_id: str) -> Response:
    """It is owed to the customer from now on, and carried out at once, also of a closed order.

    Canceled units give their money back by themselves; this is for units that the customer has,
    for shipping, and for goodwill.
    """
    caller = await admit(request, SUPPORT)
    own, key = services(request), idempotency_key(request)
    parsed = await parse(request, RefundIn)
    body, known = parsed.value, known_id(order_id, "order")
    async with own.pool.acquire() as conn:
        _check(body, await _load(conn, known))

    code, note = coded(body.reason, body.note)

    async def effect(conn: Connection, cause: str) -> Answer:
        await orders.lock(conn, known)
        why = Opening(cause, code, caller.name, caller.role, note)
        refund_id = await refunds.open_refund(conn, known, body.wanted, why)
        return views.ok(view(await _read(conn, refund_id)), 201)

    async def on_refused(conn: Connection, refusal: Refused) -> None:
        data = {"reason": code, "code": refusal.code, "current": refusal.current}
        await timeline.record(
            conn, known, "refund_refused", actor=caller.name, role=caller.role, data=data, note=note
        )

    once = Once(own, caller, parsed.request_hash, key)
    return (await once.do(effect, cause=new_id("rfd"), on_refused=on_refused)).response()


@router.get(
    "/v1/refunds",
    **describe("Refunds, newest first", PageOut[RefundOut], scopes=_READERS),
)
async def list_refunds(
    request: Request,
    *,
    status: Literal["requested", "succeeded"] | None = None,
    order_id: Annotated[str | None, Query(max_length=64)] = None,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Response:
    """What was given back, and what is on its way."""
    await admit(request, _READERS)
    place = paging.decode(cursor, str)
    before = place[0] if place else None
    async with services(request).pool.acquire() as conn:
        found = await refunds.listed(conn, no_nul(order_id, "order_id"), status, before, limit + 1)
    rows, following = paging.cut(found, limit, lambda row: paging.encode(row["id"]))
    return views.ok(views.page([view(row) for row in rows], following)).response()


@router.get(
    "/v1/refunds/{refund_id}",
    **describe("A refund", RefundOut, problems=(404,), scopes=_READERS),
)
async def get_refund(request: Request, refund_id: str) -> Response:
    """What it is made of, and which tender has given its part back."""
    await admit(request, _READERS)
    async with services(request).pool.acquire() as conn:
        return views.ok(view(await _read(conn, known_id(refund_id, "refund")))).response()


@router.post(
    "/v1/refunds/{refund_id}/retry",
    **describe(
        "Ask the provider again",
        RefundOut,
        body=RetryIn,
        example={"note": "Their desk says that it works again."},
        body_required=False,
        problems=(404,),
        scopes=SUPPORT,
    ),
)
async def retry_refund(request: Request, refund_id: str) -> Response:
    """What a provider refused, or did not answer, is asked again at once."""
    caller = await admit(request, SUPPORT)
    own, key = services(request), idempotency_key(request)
    parsed, name = await parse(request, RetryIn), known_id(refund_id, "refund")
    async with own.pool.acquire() as conn:
        order_id = (await _read(conn, name))["order_id"]

    async def record(conn: Connection, what: str, data: Mapping[str, Any]) -> None:
        await timeline.record(
            conn,
            order_id,
            what,
            actor=caller.name,
            role=caller.role,
            data={"refund_id": name, **data},
            note=parsed.value.note,
        )

    async def effect(conn: Connection, _: str) -> Answer:
        await orders.lock(conn, order_id)
        row = await _read(conn, name)
        if row["status"] != "requested":
            raise Refused("refund_closed", "All of it was given back.", status=row["status"])
        await record(conn, "refund_retry_requested", {})
        await refunds.retry(conn, order_id, name)
        return views.ok(view(row))

    async def on_refused(conn: Connection, refusal: Refused) -> None:
        await record(conn, "refund_retry_refused", {"code": refusal.code})

    once = Once(own, caller, parsed.request_hash, key)
    return (await once.do(effect, cause="", on_refused=on_refused)).response()


@router.get(
    "/v1/customers/{customer_id}/store-credit",
    **describe("What a customer has to spend", StoreCreditOut, scopes=STOREFRONT),
)
async def get_store_credit(
    request: Request,
    customer_id: str,
    *,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Response:
    """Balances by currency, and what they are made of, newest first. Nothing for a stranger."""
    await admit(request, STOREFRONT)
    name, place = no_nul(customer_id, "customer_id") or "", paging.decode(cursor, int)
    async with services(request).pool.acquire() as conn:
        known = await refunds.balances(conn, name)
        found = await refunds.entries(conn, name, place[0] if place else None, limit + 1)
    rows, following = paging.cut(found, limit, lambda row: paging.encode(row["id"]))
    entries = [
        {
            "id": str(row["id"]),
            "amount": views.money(row["amount"], row["currency"]),
            "order_id": row["order_id"],
            "created_at": row["created_at"],
        }
        for row in rows
    ]
    balances = [views.money(row["amount"], row["currency"]) for row in known]
    page = views.page(entries, following)
    return views.ok({"customer_id": name, "balances": balances, **page}).response()


async def _load(conn: Connection, order_id: str) -> Order:
    try:
        return await orders.load(conn, order_id)
    except NotFound:
        raise not_found("order") from None


async def _read(conn: Connection, refund_id: str) -> Row:
    row = await refunds.read(conn, refund_id)
    if row is None:
        raise not_found("refund")
    return row


def _check(body: RefundIn, order: Order) -> None:
    """What single fields cannot tell."""
    amounts = {"shipping": body.shipping, "goodwill": body.goodwill, "fee": body.fee}
    errors = [
        FieldError(f"/{name}/currency", "currency_mismatch", f"The order is in {order.currency}.")
        for name, money in amounts.items()
        if money is not None and money.currency != order.currency
    ]
    if not body.lines and not any(m and m.amount for m in (body.shipping, body.goodwill)):
        errors.append(FieldError("/lines", "required", "Name units, shipping or goodwill."))
    if errors:
        raise invalid(errors)


def _plan(refund: Refund, currency: str) -> dict[str, Any]:
    wanted = refund.wanted
    sums = {
        "amount": refund.amount,
        "goods": refund.goods,
        "shipping": wanted.shipping,
        "goodwill": wanted.goodwill,
        "fee": wanted.fee,
    }
    return {
        "to": wanted.to.value,
        **{name: views.money(amount, currency) for name, amount in sums.items()},
        "lines": [
            {
                "line_id": line_id,
                "quantity": units,
                "amount": views.money(refund.shares[line_id], currency),
            }
            for line_id, units in wanted.lines.items()
        ],
        "parts": [
            {
                "payment_id": part.payment_id,
                "amount": views.money(part.amount, currency),
                "status": "planned",
            }
            for part in refund.parts
        ],
    }


def view(row: Row) -> dict[str, Any]:
    """A refund as it is answered."""
    currency = row["currency"]
    names = ("id", "order_id", "status", "reason", "actor", "created_at", "ended_at")
    sums = (
        "amount",
        "goods",
        "shipping",
        "goodwill",
        "fee",
        "already_given",
        "set_off",
        "exchanged",
    )
    return {
        **{name: row[name] for name in names},
        "exchange_id": row["exchange_id"],
        "to": row["destination"],
        **{name: views.money(row[name], currency) for name in sums},
        **{
            part: [x | {"amount": views.money(x["amount"], currency)} for x in row[part]]
            for part in ("lines", "parts")
        },
    }
