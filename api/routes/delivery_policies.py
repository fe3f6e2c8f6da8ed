"""What is done when a carrier fails: the rules, who changed them, and claims against carriers."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response

from api import paging, views
from api.body import idempotency_key, parse
from api.deps import ADMIN, SUPPORT, Caller, admit, services
from api.errors import Answer, not_found
from api.once import Once
from api.openapi import describe
from api.policies import Policy
from api.routes.orders import known_id, no_nul
from api.schemas.answers import PageOut
from api.schemas.endings import DeliveryPolicyIn, SettleClaimIn
from api.schemas.endings_answers import ClaimOut, DeliveryPolicyOut, PolicyChangeOut
from db import endings, policies, timeline
from db.endings import Row
from db.pool import Connection
from domain.errors import Refused

router = APIRouter(tags=["policies"])

_POLICY = Policy(
    policies.DELIVERY, DeliveryPolicyIn, endings.rules, endings.put_rules, endings.rules_data
)

_CLAIM_READERS = ("support", "reports", "admin")
_EXAMPLE = {
    "rules": [
        {"event": "attempted", "action": "wait", "after": "P3D"},
        {"event": "delayed", "action": "wait", "after": "P5D"},
        {
            "event": "lost",
            "country": "TR",
            "value_up_to": {"amount": 500_000, "currency": "TRY"},
            "action": "replace",
            "after": "P2D",
        },
        {"event": "lost", "action": "ask_person"},
        {"event": "returned_to_sender", "action": "refund", "after": "P14D"},
        {"event": "no_news", "action": "ask_person", "tell_customer": False},
    ]
}


@router.get(
    "/v1/delivery-policies",
    **describe("What is done when a carrier fails", DeliveryPolicyOut, scopes=SUPPORT),
)
async def get_policy(request: Request) -> Response:
    """The rules, in the order in which they are looked at."""
    return await _POLICY.show(request)


@router.put(
    "/v1/delivery-policies",
    **describe(
        "Change what is done when a carrier fails",
        DeliveryPolicyOut,
        body=DeliveryPolicyIn,
        example=_EXAMPLE,
        idempotent=False,
        scopes=ADMIN,
    ),
)
async def put_policy(request: Request) -> Response:
    """Replace all rules; the same again changes nothing. They hold for the next trouble."""
    return await _POLICY.replace(request)


@router.get(
    "/v1/delivery-policies/changes",
    **describe("Changes of these rules, newest first", PageOut[PolicyChangeOut], scopes=SUPPORT),
)
async def list_changes(
    request: Request,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Response:
    """Who changed what, and what it was before."""
    return await _POLICY.changes(request, limit, cursor)


@router.get(
    "/v1/claims",
    **describe("Claims against carriers, newest first", PageOut[ClaimOut], scopes=_CLAIM_READERS),
)
async def list_claims(
    request: Request,
    *,
    status: Literal["open", "won", "lost", "dropped"] | None = None,
    order_id: Annotated[str | None, Query(max_length=64)] = None,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Response:
    """What was lost on the way, and what carriers paid for it."""
    await admit(request, _CLAIM_READERS)
    place = paging.decode(cursor, str)
    async with services(request).pool.acquire() as conn:
        found = await endings.claims(
            conn, status, no_nul(order_id, "order_id"), place[0] if place else None, limit + 1
        )
    rows, following = paging.cut(found, limit, lambda row: paging.encode(row["id"]))
    return views.ok(views.page([_claim(row) for row in rows], following)).response()


@router.post(
    "/v1/claims/{claim_id}/settle",
    **describe(
        "Tell how a claim ended",
        ClaimOut,
        body=SettleClaimIn,
        example={"status": "won", "recovered": 59_800, "note": "paid with the May invoice"},
        problems=(404,),
        scopes=SUPPORT,
    ),
)
async def settle_claim(request: Request, claim_id: str) -> Response:
    """The carrier paid, or will not; it stands in the order's timeline."""
    caller = await admit(request, SUPPORT)
    own, key = services(request), idempotency_key(request)
    parsed = await parse(request, SettleClaimIn)
    body, name = parsed.value, known_id(claim_id, "claim")

    async def effect(conn: Connection, _: str) -> Answer:
        return views.ok(_claim(await _settle(conn, name, body, caller)))

    async def on_refused(conn: Connection, refusal: Refused) -> None:
        await _note_refusal(conn, name, caller, refusal)

    once = Once(own, caller, parsed.request_hash, key)
    return (await once.do(effect, cause="", on_refused=on_refused)).response()


async def _note_refusal(conn: Connection, claim_id: str, caller: Caller, refusal: Refused) -> None:
    known = await endings.lock_claim(conn, claim_id)
    assert known is not None  # noqa: S101 - claims are never deleted
    await timeline.record(
        conn,
        known["order_id"],
        "claim_settle_refused",
        actor=caller.name,
        role=caller.role,
        data={"claim_id": claim_id, "code": refusal.code, "current": refusal.current},
    )


async def _settle(conn: Connection, claim_id: str, body: SettleClaimIn, caller: Caller) -> Row:
    known = await endings.lock_claim(conn, claim_id)
    if known is None:
        raise not_found("claim")
    if known["status"] != "open":
        detail = f"The claim is {known['status']}."
        raise Refused("claim_closed", detail, status=known["status"])
    await endings.settle_claim(conn, claim_id, body.status, body.recovered, body.note, caller.name)
    await timeline.record(
        conn,
        known["order_id"],
        f"claim_{body.status}",
        actor=caller.name,
        role=caller.role,
        data={"claim_id": claim_id, "recovered": body.recovered},
        note=body.note,
    )
    settled = await endings.lock_claim(conn, claim_id)
    assert settled is not None  # noqa: S101 - claims are never deleted
    return settled


def _claim(row: Row) -> dict[str, Any]:
    currency = row["currency"]
    amounts = {name: views.money(row[name], currency) for name in ("amount", "recovered")}
    return {name: value for name, value in row.items() if name != "currency"} | amounts
