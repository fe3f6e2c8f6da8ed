"""In which phase of an order's life who may cancel it."""

from fastapi import APIRouter, Request, Response

from api import paging
from api.deps import ADMIN, SUPPORT
from api.openapi import describe
from api.policies import Policy
from api.schemas.answers import PageOut
from api.schemas.canceling import CancelPolicyIn, CancelPolicyOut
from api.schemas.endings_answers import PolicyChangeOut
from db import canceling, policies
from domain.phase import Actor, Phase

router = APIRouter(tags=["policies"])

_POLICY = Policy(
    policies.CANCEL, CancelPolicyIn, canceling.rules, canceling.put_rules, canceling.rules_data
)

_EXAMPLE = {
    "rules": [
        {
            "phase": phase.value,
            "actor": actor.value,
            "allowed": actor is Actor.SUPPORT or phase in {Phase.BEFORE_PAYMENT, Phase.PICKING},
            "fee": {"amount": 5_000, "currency": "TRY"}
            if (phase, actor) == (Phase.PICKING, Actor.CUSTOMER)
            else None,
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
    """Each phase of an order's life, for customers and for staff, with what is kept then."""
    return await _POLICY.show(request)


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
    return await _POLICY.replace(request)


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
    return await _POLICY.changes(request, limit, cursor)
