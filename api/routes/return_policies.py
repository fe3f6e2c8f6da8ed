"""What is done with goods that shall come back: the rules, and who changed them."""

from fastapi import APIRouter, Request, Response

from api import paging, views
from api.body import parse
from api.deps import ADMIN, SUPPORT, admit, services
from api.errors import invalid
from api.openapi import describe
from api.routes.delivery_policies import changes_of
from api.schemas.answers import PageOut
from api.schemas.endings_answers import PolicyChangeOut
from api.schemas.returns import ReturnPolicyIn
from api.schemas.returns_answers import ReturnPolicyOut
from db import policies, return_rules
from db.sourcing import Author

router = APIRouter(tags=["policies"])

_EXAMPLE = {
    "rules": [
        {"category": "underwear", "reason": "unwanted", "decides": "decline"},
        {"reason": "damaged", "window": "P365D", "decides": "ask_person"},
        {
            "country": "TR",
            "reason": "unwanted",
            "decides": "approve",
            "shipping_paid_by": "customer",
            "fee": {"amount": 2_500, "currency": "TRY"},
        },
        {"decides": "approve", "label": "drop_off", "expires_after": "P21D"},
    ]
}


@router.get(
    "/v1/return-policies",
    **describe("What is done with goods that shall come back", ReturnPolicyOut, scopes=SUPPORT),
)
async def get_policy(request: Request) -> Response:
    """The rules, in the order in which they are looked at."""
    await admit(request, SUPPORT)
    async with services(request).pool.acquire() as conn:
        known = await return_rules.rules(conn)
    return views.ok(return_rules.rules_data(known)).response()


@router.put(
    "/v1/return-policies",
    **describe(
        "Change what is done with goods that shall come back",
        ReturnPolicyOut,
        body=ReturnPolicyIn,
        example=_EXAMPLE,
        idempotent=False,
        scopes=ADMIN,
    ),
)
async def put_policy(request: Request) -> Response:
    """Replace all rules; the same again changes nothing. They hold for the next request."""
    caller = await admit(request, ADMIN)
    body = (await parse(request, ReturnPolicyIn)).value
    if errors := body.wrong():
        raise invalid(errors)
    async with services(request).pool.acquire() as conn, conn.transaction():
        await return_rules.put_rules(conn, body.known, Author(caller.name, caller.role))
    return views.ok(return_rules.rules_data(body.known)).response()


@router.get(
    "/v1/return-policies/changes",
    **describe("Changes of these rules, newest first", PageOut[PolicyChangeOut], scopes=SUPPORT),
)
async def list_changes(
    request: Request,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Response:
    """Who changed what, and what it was before."""
    await admit(request, SUPPORT)
    return (await changes_of(request, policies.RETURN, limit, cursor)).response()
