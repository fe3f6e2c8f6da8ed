"""The customer's page of one order, opened by its unguessable token: no account, no script."""

import re
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import parse_qs

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from api import page_frame, return_page, tracking_page
from api.asking import Desk, Made, Petition
from api.body import Parsed, parse, read_body, request_hash
from api.deps import Caller, Services, services
from api.errors import Answer, Problem, not_found
from api.routes.absence import answer_petition, leave_petition
from api.routes.orders import known_id
from api.routes.requests import cancel_petition
from api.routes.returns import carry_ask, petition_of
from api.schemas.returns import ReturnIn
from api.views import ok
from db import canceling, orders, reads, voices
from db.new_ids import new_id
from db.pool import Connection
from domain.decisions import can_cancel
from domain.errors import Refused
from domain.phase import Actor, phase_of
from domain.settlement import fee_within

router = APIRouter(tags=["tracking"])

_MAX_TOKEN = 64
_MOST_WORDS = 2_000
_SCORE = re.compile(r"[1-5]", re.ASCII)
_VERSION = re.compile(r"^[0-9]{1,9}$", re.ASCII)
_UNITS = re.compile(r"(lin_[0-9a-z]{1,40}):([1-9][0-9]{0,6})", re.ASCII)
_FEE = re.compile(r"(?:^|&)fee=([0-9]{1,16})(?:&|$)", re.ASCII)
_HTML = "text/html; charset=utf-8"
_SEE_OTHER, _FINE, _CREATED, _CONFLICT, _UNAVAILABLE = 303, 200, 201, 409, 503


@router.get("/track/style.css", include_in_schema=False)
async def style() -> Response:
    """The page's look."""
    return Response(
        page_frame.STYLE, media_type="text/css", headers={"cache-control": "max-age=3600"}
    )


@router.get("/track/{token}", include_in_schema=False)
async def track(request: Request, token: str) -> Response:
    """How far the order is, for whoever holds its token."""
    own = services(request)
    row = await _order(own, token)
    may_cancel = await _may_cancel(own, row["id"])
    return _page(tracking_page.page(row, token, may_cancel=may_cancel))


@router.get("/track/{token}/leave", include_in_schema=False)
async def ask_before_leaving(request: Request, token: str) -> Response:
    """What the customer would take out of the order; nothing happens by looking."""
    row = await _order(services(request), token)
    asked = tracking_page.leave_page(row, token)
    return _page(asked) if asked else _page(tracking_page.page(row, token, "nothing_waiting"))


@router.post("/track/{token}/leave", include_in_schema=False)
async def leave(request: Request, token: str) -> Response:
    """The customer does not wait any longer; pressed twice it is done once."""
    own = services(request)
    row = await _order(own, token)
    shown = _shown((await read_body(request)).decode("ascii", "ignore"))
    if shown is None:
        return await _answer(own, token, "changed")
    version, units = shown
    petition = leave_petition(row["id"], units, None, _nothing_to_tell)
    return await _carry(request, token, row["id"], petition, f"leave:{version}")


def _shown(form: str) -> tuple[str, dict[str, int]] | None:
    """Which units the customer was shown, at which version of the order; None for what is none.

    What else waits by now is not given up; what does not wait any more is refused.
    """
    try:
        fields = parse_qs(form, max_num_fields=600)
    except ValueError:
        return None
    versions, lines = _VERSION.findall(" ".join(fields.get("version", []))), fields.get("line", [])
    units = {m[1]: int(m[2]) for line in lines if (m := _UNITS.fullmatch(line))}
    return (versions[0], units) if versions and len(units) == len(lines) > 0 else None


@router.get("/track/{token}/cancel", include_in_schema=False)
async def ask_before_canceling(request: Request, token: str) -> Response:
    """Whether the customer is sure; nothing happens by looking."""
    own = services(request)
    row = await _order(own, token)
    if await _may_cancel(own, row["id"]):
        fee = await _cancel_fee(own, row["id"])
        return _page(tracking_page.cancel_page(row, token, fee))
    return _page(tracking_page.page(row, token, "cancel_not_allowed"))


@router.post("/track/{token}/cancel", include_in_schema=False)
async def cancel(request: Request, token: str) -> Response:
    """The customer does not want the order any more; pressed twice it is done once."""
    own = services(request)
    row = await _order(own, token)
    if row["cancel_requested_at"] is not None:
        # It is under way, or done: the page tells.
        return RedirectResponse(f"/track/{token}", _SEE_OTHER, headers=page_frame.HEADERS)
    told = _FEE.search((await read_body(request)).decode("ascii", "ignore"))
    fee = await _cancel_fee(own, row["id"])
    if fee > (int(told[1]) if told else 0):
        # It costs more than the customer was told: picking may have begun since.
        return _page(tracking_page.cancel_page(row, token, fee))
    petition = cancel_petition(
        row["id"], Actor.CUSTOMER, "customer_request", _nothing_to_tell, at_most=fee
    )
    return await _carry(request, token, row["id"], petition, f"cancel:{row['version']}")


@router.post("/track/{token}/feedback", include_in_schema=False)
async def say(request: Request, token: str) -> Response:
    """How it was, once: a second answer changes nothing."""
    own = services(request)
    row = await _order(own, token)
    try:
        fields = parse_qs((await read_body(request)).decode("utf-8", "ignore"), max_num_fields=10)
    except ValueError:
        fields = {}
    [score], [comment] = fields.get("score", [""])[:1], fields.get("comment", [""])[:1]
    if row["fulfillment_status"] != "delivered" or not _SCORE.fullmatch(score):
        return await _answer(own, token, "changed")
    said = voices.Feedback(new_id("fbk"), "", int(score), None, _plain(comment), None)
    async with own.pool.acquire() as conn, conn.transaction():
        await orders.lock(conn, row["id"])
        await voices.add_feedback(conn, row["id"], said, actor="customer", role="customer")
    return RedirectResponse(f"/track/{token}", _SEE_OTHER, headers=page_frame.HEADERS)


def _plain(words: str) -> str | None:
    """What PostgreSQL can hold of a customer's words."""
    return words.replace("\0", "").replace("\r\n", "\n").strip()[:_MOST_WORDS] or None


async def _cancel_fee(own: Services, order_id: str) -> int:
    """What a cancellation by the customer costs now, in minor units."""
    async with own.pool.acquire() as conn:
        order = await orders.load(conn, order_id)
        fees = await canceling.fees(conn, Actor.CUSTOMER, order_id)
    return 0 if order.closed else fee_within(order, fees.get(phase_of(order), 0))


async def _may_cancel(own: Services, order_id: str) -> bool:
    """Whether the policy lets the customer cancel the order as it is now."""
    async with own.pool.acquire() as conn:
        order = await orders.load(conn, order_id)
        phases = await canceling.phases(conn, Actor.CUSTOMER)
    try:
        can_cancel(order, phases=phases)
    except Refused:
        return False
    return True


@router.post("/track/{token}/substitutions/{substitution_id}/{word}", include_in_schema=False)
async def answer_offer(
    request: Request, token: str, substitution_id: str, word: Literal["accept", "refuse"]
) -> Response:
    """The customer says yes or no to a substitute."""
    row = await _order(services(request), token)
    offer_id = known_id(substitution_id, "substitution")
    petition = answer_petition(row["id"], offer_id, accept=word == "accept", view=_nothing_to_tell)
    return await _carry(request, token, row["id"], petition, f"{word}:{offer_id}")


@router.post("/track/{token}/returns", include_in_schema=False)
async def ask_for_return(request: Request, token: str) -> Response:
    """The customer wants to send something back: JSON, as of `POST /v1/orders/{id}/returns`."""
    row = await _order(services(request), token)
    parsed = await parse(request, ReturnIn)
    return await carry_ask(request, _customer(row["id"]), parsed, row["id"])


@router.get("/track/{token}/return", include_in_schema=False)
async def ask_what_goes_back(request: Request, token: str) -> Response:
    """What the customer could send back; nothing happens by looking."""
    row = await _order(services(request), token)
    asked = tracking_page.ask_return_page(row, token)
    return _page(asked or tracking_page.page(row, token, "return_window_over"))


@router.post("/track/{token}/return", include_in_schema=False)
async def send_back(request: Request, token: str) -> Response:
    """The customer wants to send it back; pressed twice it is asked for once."""
    own = services(request)
    row = await _order(own, token)
    told = return_page.read_form((await read_body(request)).decode("ascii", "ignore"))
    if told is None:
        return await _answer(own, token, "changed")
    version, body = told
    if body is None:
        asked = tracking_page.ask_return_page(row, token, again=True)
        return _page(asked or tracking_page.page(row, token, "return_window_over"), _CONFLICT)
    parsed = Parsed(body, request_hash(request, body.model_dump(mode="json")))
    customer = _customer(row["id"])
    try:
        answer = await carry_ask(request, customer, parsed, row["id"], f"return:{version}")
    except Problem:
        # Another tab asked for something else, or the form is not what the page had sent.
        return await _answer(own, token, "changed")
    if answer.status_code == _CREATED:
        return RedirectResponse(f"/track/{token}", _SEE_OTHER, headers=page_frame.HEADERS)
    code = orjson.loads(bytes(answer.body))["code"]
    return await _answer(own, token, code, answer.status_code)


@router.post("/track/{token}/returns/{return_id}/cancel", include_in_schema=False)
async def keep_after_all(request: Request, token: str, return_id: str) -> Response:
    """The customer keeps it; pressed twice it is done once."""
    row = await _order(services(request), token)
    name = known_id(return_id, "return")
    if name not in {ret["id"] for ret in row["returns"] or ()}:
        raise not_found("return")
    petition = petition_of(name, "cancel", "customer_keeps_it", None, _nothing_to_tell)
    return await _carry(request, token, row["id"], petition, f"cancel:{name}")


def _customer(order_id: str) -> Caller:
    return Caller(f"track:{order_id}", "customer", "customer", frozenset())


async def _nothing_to_tell(_: Connection, __: object, ___: Made) -> Answer:
    return ok({})


async def _carry(
    request: Request, token: str, order_id: str, petition: Petition, key: str
) -> Response:
    """Ask the order's workflow in the customer's name, and show the page as it is afterwards."""
    own = services(request)
    desk = Desk(own, _customer(order_id), request_hash(request, dict(petition.data)), key)
    try:
        answer = await desk.carry(petition)
    except Problem as problem:
        if problem.status != _UNAVAILABLE:
            raise
        return await _answer(own, token, "try_again", _UNAVAILABLE)
    if answer.status == _FINE:
        return RedirectResponse(f"/track/{token}", _SEE_OTHER, headers=page_frame.HEADERS)
    return await _answer(own, token, orjson.loads(answer.body)["code"], answer.status)


async def _answer(own: Services, token: str, notice: str, status: int = 409) -> Response:
    row = await _order(own, token)
    return _page(tracking_page.page(row, token, notice), status)


async def _order(own: Services, token: str) -> Mapping[str, Any]:
    if not token.isascii() or not token.isprintable() or len(token) > _MAX_TOKEN:
        raise not_found("page")
    async with own.pool.acquire() as conn:
        row = await reads.order_by_token(conn, token)
        if row is None:
            raise not_found("page")
        return {**row, "exchanged_with": await reads.exchanged_with(conn, row["id"])}


def _page(html: str, status: int = _FINE) -> Response:
    return Response(html, status, media_type=_HTML, headers=page_frame.HEADERS)
