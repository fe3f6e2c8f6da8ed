"""Returns: asked for, read, decided about."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from api import paging, returning, views
from api.asking import Desk, Made, Petition
from api.body import Parsed, idempotency_key, parse
from api.deps import READERS, STOREFRONT, SUPPORT, Caller, admit, services
from api.errors import Answer
from api.once import Once
from api.openapi import describe
from api.return_views import goods_back
from api.routes.orders import known_id, no_nul
from api.schemas.answers import PageOut
from api.schemas.returns import ReturnIn, ReturnNoteIn, ReturnReasonIn
from api.schemas.returns_answers import OneReturnOut, ReturnOut
from api.subjects import RETURNS
from api.words import coded
from db import returns
from db.pool import Connection
from db.returns import By
from domain.errors import Refused
from domain.states import ReturnStage
from workflows.return_messages import ReturnRequest

router = APIRouter(tags=["returns"])

View = Callable[[Connection, Any, Made], Awaitable[Answer]]

EXAMPLE = {
    "lines": [
        {
            "line_id": "lin_01jd8w3n0c9v5b1r6t2m4q7xza",
            "quantity": 1,
            "reason": "does_not_fit",
            "note": "The sleeves are too short.",
            "photos": ["https://example.com/sleeves.jpg"],
        }
    ]
}


@router.post(
    "/v1/orders/{order_id}/returns",
    **describe(
        "Ask for a return",
        ReturnOut,
        status=201,
        body=ReturnIn,
        example=EXAMPLE,
        problems=(404,),
        scopes=STOREFRONT,
    ),
)
async def ask_for_return(request: Request, order_id: str) -> Response:
    """Of units that were delivered, within the window of the rules, which answer by themselves or
    ask a person. The order may be closed.
    """
    caller = await admit(request, STOREFRONT)
    parsed = await parse(request, ReturnIn)
    return await carry_ask(request, caller, parsed, known_id(order_id, "order"))


async def carry_ask(
    request: Request,
    caller: Caller,
    parsed: Parsed[ReturnIn],
    order_id: str,
    key: str | None = None,
) -> Response:
    """The same for a customer with a token; `key` when the request carries none."""
    own, body, by = services(request), parsed.value, By(caller.name, caller.role)
    returning.once_each(body.lines)

    async def effect(conn: Connection, _: str) -> Answer:
        return_id = await returning.ask(conn, own, order_id, body, by)
        return views.ok(await returning.shown(conn, return_id, contact=True), 201)

    async def on_refused(conn: Connection, refusal: Refused) -> None:
        await returning.note_refusal(conn, order_id, "return_refused", by, refusal)

    once = Once(own, caller, parsed.request_hash, key or idempotency_key(request))
    return (await once.do(effect, cause="", on_refused=on_refused)).response()


@router.get(
    "/v1/returns",
    **describe("Returns, newest first", PageOut[ReturnOut], scopes=READERS),
)
async def list_returns(
    request: Request,
    *,
    status: Annotated[list[ReturnStage] | None, Query()] = None,
    order_id: Annotated[str | None, Query(max_length=64)] = None,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Response:
    """Returns that fit; a status given twice takes either."""
    caller = await admit(request, READERS)
    place = paging.decode(cursor, str)
    async with services(request).pool.acquire() as conn:
        found = await returns.listed(
            conn,
            statuses=status,
            order_id=no_nul(order_id, "order_id"),
            before=place[0] if place else None,
            limit=limit + 1,
        )
    rows, following = paging.cut(found, limit, lambda row: paging.encode(row["id"]))
    items = [goods_back(row, row["currency"], contact=caller.sees_contact) for row in rows]
    return views.ok(views.page(items, following)).response()


@router.get(
    "/v1/returns/{return_id}",
    **describe("A return", OneReturnOut, problems=(404,), scopes=READERS),
)
async def get_return(request: Request, return_id: str) -> Response:
    """A return with its lines, and what the order's timeline tells of it."""
    caller = await admit(request, READERS)
    name, contact = known_id(return_id, "return"), caller.sees_contact
    async with services(request).pool.acquire() as conn:
        found = await returning.shown(conn, name, contact=contact)
        told = await returns.events(conn, found["order_id"], name)
    found["events"] = [views.event(row, contact=contact) for row in told]
    return views.ok(found).response()


@router.post(
    "/v1/returns/{return_id}/approve",
    **describe(
        "Approve a return",
        ReturnOut,
        body=ReturnNoteIn,
        example={},
        body_required=False,
        problems=(404,),
        scopes=SUPPORT,
    ),
)
async def approve_return(request: Request, return_id: str) -> Response:
    """The customer is told its code, and sent the label when the rules give one.

    When they asked for the same again, it is kept for them now.
    """
    caller, parsed = await admit(request, SUPPORT), await parse(request, ReturnNoteIn)
    return await _ask(request, caller, parsed, return_id, "approve")


@router.post(
    "/v1/returns/{return_id}/decline",
    **describe(
        "Decline a return",
        ReturnOut,
        body=ReturnReasonIn,
        example={"reason": "worn"},
        problems=(404,),
        scopes=SUPPORT,
    ),
)
async def decline_return(request: Request, return_id: str) -> Response:
    """The customer is told."""
    caller, parsed = await admit(request, SUPPORT), await parse(request, ReturnReasonIn)
    return await _ask(request, caller, parsed, return_id, "decline")


@router.post(
    "/v1/returns/{return_id}/cancel",
    **describe(
        "Cancel a return",
        ReturnOut,
        body=ReturnReasonIn,
        example={"reason": "customer_keeps_it"},
        problems=(404,),
        scopes=STOREFRONT,
    ),
)
async def cancel_return(request: Request, return_id: str) -> Response:
    """Nothing of it will come; possible until something has. An unused label is given back."""
    caller, parsed = await admit(request, STOREFRONT), await parse(request, ReturnReasonIn)
    return await _ask(request, caller, parsed, return_id, "cancel")


@router.post(
    "/v1/returns/{return_id}/retry",
    **describe(
        "Try a return's label again now",
        ReturnOut,
        body=ReturnNoteIn,
        example={},
        body_required=False,
        problems=(404,),
        scopes=SUPPORT,
    ),
)
async def retry_return(request: Request, return_id: str) -> Response:
    """Do not wait for the next try."""
    caller, parsed = await admit(request, SUPPORT), await parse(request, ReturnNoteIn)
    return await _ask(request, caller, parsed, return_id, "retry")


async def _ask(
    request: Request,
    caller: Caller,
    parsed: Parsed[ReturnNoteIn] | Parsed[ReturnReasonIn],
    return_id: str,
    update: str,
) -> Response:
    own, name, body = services(request), known_id(return_id, "return"), parsed.value
    reason, note = "", body.note
    if isinstance(body, ReturnReasonIn):
        reason, note = coded(body.reason, note)

    async def view(conn: Connection, _: object, __: Made) -> Answer:
        if update == "approve":
            await returning.grant_wish(conn, own, name, By(caller.name, caller.role))
        return views.ok(await returning.shown(conn, name, contact=caller.sees_contact))

    petition = petition_of(name, update, reason, note, view)
    desk = Desk(own, caller, parsed.request_hash, idempotency_key(request))
    return (await desk.carry(petition)).response()


def petition_of(return_id: str, update: str, reason: str, note: str | None, view: View) -> Petition:
    """Ask the return's workflow for something."""
    return Petition(
        return_id,
        update=update,
        what=f"return_{update}",
        build=lambda asker, _: ReturnRequest(asker, reason),
        view=view,
        data={"reason": reason} if reason else {},
        note=note,
        subject=RETURNS,
    )
