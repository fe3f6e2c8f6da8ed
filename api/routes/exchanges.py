"""Goods sent in place of others: of a return, or of what arrived wrong and need not come back."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from fastapi import APIRouter, Request, Response

from api import returning, views
from api.body import idempotency_key, parse
from api.checks import tender_errors
from api.deps import SUPPORT, Services, admit, services
from api.errors import Answer, invalid, not_found
from api.exchanging import FREE, Opened, Plan, Wish, again, open_exchange, plan_of_return
from api.once import Once, Refusal
from api.openapi import describe
from api.return_views import exchanged
from api.routes.orders import known_id
from api.schemas.exchange_answers import OpenedExchangeOut
from api.schemas.exchanges import ExchangeIn, ReplacementIn
from db import edits, exchanges, refunds, returns
from db.pool import Connection
from db.refunds import Opening
from db.returns import By
from domain.edits import Delivery, NewUnits
from domain.errors import NotFound, Refused
from domain.exchanges import Send, can_exchange, sums_of
from domain.refunds import Wanted, less_what_was_given

router = APIRouter(tags=["returns"])


@router.post(
    "/v1/returns/{return_id}/exchange",
    **describe(
        "Send something in place of a return's goods",
        OpenedExchangeOut,
        status=201,
        body=ExchangeIn,
        example={
            "add_lines": [
                {
                    "sku": "TSHIRT-L",
                    "name": "T-shirt L",
                    "quantity": 1,
                    "unit_price": {"amount": 29_900, "currency": "TRY"},
                    "tax_rate_bp": 2_000,
                }
            ]
        },
        problems=(404,),
        scopes=SUPPORT,
    ),
)
async def exchange_return(request: Request, return_id: str) -> Response:
    """An order of its own, which the return pays for: its stock is kept at once, and it leaves when
    the goods are handed over or accepted, as the rules say.
    """
    caller, own = await admit(request, SUPPORT), services(request)
    parsed, name = await parse(request, ExchangeIn), known_id(return_id, "return")
    body, by = parsed.value, By(caller.name, caller.role)
    order_id = await _owner(own, name)

    async def make(conn: Connection) -> tuple[Plan, Opened]:
        order = await returning.locked(conn, order_id)
        errors = [*body.wrong(order.currency)]
        if body.payment is not None:
            errors += tender_errors(body.payment, own.providers.payments, "/payment")
        if errors:
            raise invalid(errors)
        ret = await returns.load(conn, name)
        can_exchange(ret)
        plan = await plan_of_return(conn, order, ret, _wish(body))
        return plan, await open_exchange(conn, own, by, plan)

    async def on_refused(conn: Connection, refusal: Refused) -> None:
        await returning.note_refusal(
            conn, order_id, "exchange_refused", by, refusal, return_id=name
        )

    once = Once(own, caller, parsed.request_hash, idempotency_key(request))
    return await _open(own, once, make, on_refused)


def _wish(body: ExchangeIn) -> Wish:
    sent = body.shipping
    return Wish(
        {line.line_id: line.quantity for line in body.lines},
        [
            NewUnits(x.sku, x.name, x.quantity, x.unit_price.amount, x.tax_rate_bp, x.out_of_stock)
            for x in body.add_lines
        ],
        Delivery(sent.option, sent.price.amount, sent.tax_rate_bp) if sent else FREE,
        Send(body.send) if body.send else None,
        body.payment,
        body.note,
    )


@router.post(
    "/v1/orders/{order_id}/replacements",
    **describe(
        "Send units again that arrived wrong, damaged or not at all",
        OpenedExchangeOut,
        status=201,
        body=ReplacementIn,
        example={
            "reason": "damaged",
            "lines": [{"line_id": "lin_01jd8w3n0c9v5b1r6t2m4q7xza", "quantity": 1}],
        },
        problems=(404,),
        scopes=SUPPORT,
    ),
)
async def replace_units(request: Request, order_id: str) -> Response:
    """An order of its own for nothing, which leaves at once: what was paid for the units pays for
    it. They need not come back. Of units that shall, ask for a return, and exchange it.
    """
    caller, own = await admit(request, SUPPORT), services(request)
    parsed, name = await parse(request, ReplacementIn), known_id(order_id, "order")
    body, by = parsed.value, By(caller.name, caller.role)
    units: dict[str, int] = {}
    for line in body.lines:
        units[line.line_id] = units.get(line.line_id, 0) + line.quantity

    async def make(conn: Connection) -> tuple[Plan, Opened]:
        order = await returning.locked(conn, name)
        before = await refunds.before(conn, name)
        wanted = less_what_was_given(order, Wanted(units, settled=True), before)
        refund = await refunds.preview(conn, order, wanted)
        prices, sums = await edits.prices(conn, name)
        gross, given = sums.prices_include_tax, wanted.already_given
        goods = [*again(order, prices, units, units, given, prices_include_tax=gross)]
        cost = sums_of(goods, FREE, prices_include_tax=gross)
        plan = Plan(name, None, Send.AT_ONCE, goods, FREE, cost, refund.amount, note=body.note)
        opened = await open_exchange(conn, own, by, plan)
        why = Opening(
            f"exchange:{opened.exchange_id}", body.reason, caller.name, caller.role,
            exchange_id=opened.exchange_id,
        )  # fmt: skip
        paid = replace(wanted, exchange=refund.amount)
        await refunds.open_refund(conn, name, paid, why)
        exchange = await exchanges.of_new_order(conn, opened.new_order_id)
        assert exchange is not None  # noqa: S101 - it was opened here
        await exchanges.grant(conn, exchange, refund.amount)
        return plan, opened

    async def on_refused(conn: Connection, refusal: Refused) -> None:
        await returning.note_refusal(conn, name, "replacement_refused", by, refusal)

    once = Once(own, caller, parsed.request_hash, idempotency_key(request))
    return await _open(own, once, make, on_refused)


async def _owner(own: Services, return_id: str) -> str:
    async with own.pool.acquire() as conn:
        try:
            return await returns.owner(conn, return_id)
        except NotFound:
            raise not_found("return") from None


async def _open(
    own: Services,
    once: Once,
    make: Callable[[Connection], Awaitable[tuple[Plan, Opened]]],
    on_refused: Refusal,
) -> Response:
    """Open it once, and begin the new order's life right after the commit."""
    begun: list[Opened] = []

    async def effect(conn: Connection, _: str) -> Answer:
        plan, opened = await make(conn)
        begun.append(opened)
        row = await exchanges.read(conn, opened.exchange_id)
        currency = row["currency"]
        sums = {
            "difference": plan.sums.grand_total - plan.worth,
            "payment_needed": 0 if plan.payment else plan.rest,
        }
        told = {name: views.money(amount, currency) for name, amount in sums.items()}
        return views.ok(exchanged(row) | told, 201)

    answer = await once.do(effect, cause="", on_refused=on_refused)
    for opened in begun:
        own.starter.offer(opened.outbox_id, opened.new_order_id, opened.start)
    return answer.response()
