"""In which phase of an order's life who may cancel it."""

from fastapi import APIRouter, Request, Response

from api import paging, views
from api.body import parse
from api.deps import ADMIN, SUPPORT, admit, services
from api.errors import invalid
from api.openapi import describe
from api.routes.delivery_policies import changes_of
from api.schemas.answers import PageOut
from api.schemas.canceling import CancelPolicyIn, CancelPolicyOut
from api.schemas.endings_answers import PolicyChangeOut
from db import canceling, policies
from db.sourcing import Author
from domain.phase import Actor, Phase

router = APIRouter(tags=["policies"])

_EXAMPLE = {
    "rules": [
        {
            "phase": phase.value,
            "actor": actor.value,
            "allowed": actor is Actor.SUPPORT or phase in {Phase.BEFORE_PAYMENT, Phase.PICKING},
        }
        for phase in Phase
        for actor in Actor
    ]
}


@router.get(
    "/v1/cancel-policies",
    **describe("Who may cancel when", CancelPolicyOut, scopes=SUPPORT),
)
async def get_policy(request: Request) -> Response:
    """Each phase of an order's life, for customers and for staff."""
    await admit(request, SUPPORT)
    async with services(request).pool.acquire() as conn:
        known = await canceling.rules(conn)
    return views.ok(canceling.rules_data(known)).response()


@router.put(
    "/v1/cancel-policies",
    **describe(
        "Change who may cancel when",
        CancelPolicyOut,
        body=CancelPolicyIn,
        example=_EXAMPLE,
        idempotent=False,
        scopes=ADMIN,
    ),
)
async def put_policy(request: Request) -> Response:
    """Replace all of it; the same again changes nothing. It holds for the next request."""
    caller = await admit(request, ADMIN)
    body = (await parse(request, CancelPolicyIn)).value
    if errors := body.wrong():
        raise invalid(errors)
    async with services(request).pool.acquire() as conn, conn.transaction():
        await canceling.put_rules(conn, body.known, Author(caller.name, caller.role))
    return views.ok(canceling.rules_data(body.known)).response()


@router.get(
    "/v1/cancel-policies/changes",
    **describe("Changes of who may cancel, newest first", PageOut[PolicyChangeOut], scopes=SUPPORT),
)
async def list_changes(
    request: Request,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Response:
    """Who changed what, and what it was before."""
    await admit(request, SUPPORT)
    return (await changes_of(request, policies.CANCEL, limit, cursor)).response()
