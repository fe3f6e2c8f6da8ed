"""Goods of returns, as the dock and the bench tell of them: PostgreSQL alone takes that."""

from collections import Counter
from collections.abc import Sequence

from fastapi import APIRouter, Request, Response

from api import returning, views
from api.body import idempotency_key, parse
from api.deps import WAREHOUSE, Services, admit, services
from api.errors import Answer, FieldError, invalid, not_found
from api.once import Once
from api.openapi import describe
from api.routes.orders import known_id
from api.schemas.returns import InspectReturnIn, ReceiveReturnIn, UnannouncedIn, UnannouncedLineIn
from api.schemas.returns_answers import ReturnOut
from db import catalog, return_bench, return_goods, returns
from db.pool import Connection
from db.return_bench import Seen
from db.return_goods import Came
from db.returns import By
from domain.errors import NotFound, Refused
from domain.order import Order
from domain.returns import gone

router = APIRouter(tags=["returns"])

_LINE = "lin_01jd8w3n0c9v5b1r6t2m4q7xza"


async def _owner(own: Services, return_id: str) -> str:
    async with own.pool.acquire() as conn:
        try:
            return await returns.owner(conn, return_id)
        except NotFound:
            raise not_found("return") from None


async def _must_exist(conn: Connection, warehouse: str | None) -> None:
    if warehouse is not None and await catalog.unknown_warehouses(conn, [warehouse]):
        detail = "There is no such warehouse."
        raise invalid([FieldError("/warehouse", "unknown_warehouse", detail)])


@router.post(
    "/v1/returns/{return_id}/receive",
    **describe(
        "Goods of a return are here",
        ReturnOut,
        status=201,
        body=ReceiveReturnIn,
        example={"lines": [{"line_id": _LINE, "quantity": 1}]},
        problems=(404,),
        scopes=WAREHOUSE,
    ),
)
async def receive_return(request: Request, return_id: str) -> Response:
    """Less than announced leaves it open, more and others are taken; all goes into quarantine
    until it is looked at.
    """
    caller = await admit(request, WAREHOUSE)
    own, name = services(request), known_id(return_id, "return")
    parsed = await parse(request, ReceiveReturnIn)
    body, by = parsed.value, By(caller.name, caller.role)
    order_id = await _owner(own, name)
    came = [Came(x.line_id, x.quantity, x.serials) for x in body.lines]
    if not came and not body.complete:
        detail = "Tell what came, or that it is complete."
        raise invalid([FieldError("/lines", "required", detail)])

    async def effect(conn: Connection, _: str) -> Answer:
        await _must_exist(conn, body.warehouse)
        if came:
            await return_goods.receive(
                conn, name, body.warehouse, came, by, complete=body.complete, note=body.note
            )
        else:
            await return_goods.give_up_rest(conn, name, by, body.note)
        return views.ok(await returning.shown(conn, name, contact=caller.sees_contact), 201)

    async def on_refused(conn: Connection, refusal: Refused) -> None:
        what = "return_receive_refused"
        await returning.note_refusal(conn, order_id, what, by, refusal, return_id=name)

    once = Once(own, caller, parsed.request_hash, idempotency_key(request))
    return (await once.do(effect, cause="", on_refused=on_refused)).response()


@router.post(
    "/v1/returns/receive-unannounced",
    **describe(
        "Goods came back that nobody announced",
        ReturnOut,
        status=201,
        body=UnannouncedIn,
        example={"order_number": "K-100042", "lines": [{"sku": "TSHIRT-M", "quantity": 1}]},
        problems=(404,),
        scopes=WAREHOUSE,
    ),
)
async def receive_unannounced(request: Request) -> Response:
    """A return of its own begins with them, to be looked at like any other."""
    caller = await admit(request, WAREHOUSE)
    own, parsed = services(request), await parse(request, UnannouncedIn)
    body, by = parsed.value, By(caller.name, caller.role)
    async with own.pool.acquire() as conn:
        order_id = await returns.order_of_number(conn, body.order_number)
    if order_id is None:
        raise not_found("order")

    async def effect(conn: Connection, _: str) -> Answer:
        await _must_exist(conn, body.warehouse)
        order = await returning.locked(conn, order_id)
        came = _lines(order, body.lines, await returns.taken(conn, order_id))
        name = await returning.unannounced(conn, own, order, [c.line_id for c in came], by)
        await return_goods.receive(
            conn, name, body.warehouse, came, by, complete=True, note=body.note
        )
        return views.ok(await returning.shown(conn, name, contact=caller.sees_contact), 201)

    async def on_refused(conn: Connection, refusal: Refused) -> None:
        await returning.note_refusal(conn, order_id, "return_receive_refused", by, refusal)

    once = Once(own, caller, parsed.request_hash, idempotency_key(request))
    return (await once.do(effect, cause="", on_refused=on_refused)).response()


def _lines(order: Order, told: Sequence[UnannouncedLineIn], taken: dict[str, int]) -> list[Came]:
    """Which lines of the order the items are: those that have units left first.

    Raises:
        Refused: nothing of an item has left with this order (`not_delivered`).

    """
    came: list[Came] = []
    used = Counter(taken)
    for one in told:
        lines = [line for line in order.lines if line.sku == one.sku and gone(order, line)]
        if not lines:
            detail = f"No unit of {one.sku} is with the customer; a parcel is received as such."
            raise Refused("not_delivered", detail, sku=one.sku)
        rest, pieces = one.quantity, list(one.serials)
        for line in lines:
            # The last one takes what is too much, and is refused with it.
            room = max(0, gone(order, line) - used[line.id])
            units = rest if line is lines[-1] else min(rest, room)
            if units:
                came.append(Came(line.id, units, pieces[:units]))
                used[line.id] += units
                rest, pieces = rest - units, pieces[units:]
    return came


@router.post(
    "/v1/returns/{return_id}/inspect",
    **describe(
        "Say what becomes of units that came back",
        ReturnOut,
        status=201,
        body=InspectReturnIn,
        example={
            "lines": [
                {"line_id": _LINE, "quantity": 1, "disposition": "restock"},
                {"line_id": _LINE, "quantity": 1, "disposition": "reject"},
            ]
        },
        problems=(404,),
        scopes=WAREHOUSE,
    ),
)
async def inspect_return(request: Request, return_id: str) -> Response:
    """When all that came was looked at, the money for what was accepted goes back."""
    caller = await admit(request, WAREHOUSE)
    own, name = services(request), known_id(return_id, "return")
    parsed = await parse(request, InspectReturnIn)
    body, by = parsed.value, By(caller.name, caller.role)
    order_id = await _owner(own, name)
    seen = [Seen(x.line_id, x.quantity, x.known, x.serials) for x in body.lines]

    async def effect(conn: Connection, _: str) -> Answer:
        await _must_exist(conn, body.warehouse)
        await return_bench.inspect(conn, name, seen, by, warehouse=body.warehouse, note=body.note)
        return views.ok(await returning.shown(conn, name, contact=caller.sees_contact), 201)

    async def on_refused(conn: Connection, refusal: Refused) -> None:
        what = "return_inspect_refused"
        await returning.note_refusal(conn, order_id, what, by, refusal, return_id=name)

    once = Once(own, caller, parsed.request_hash, idempotency_key(request))
    return (await once.do(effect, cause="", on_refused=on_refused)).response()
