"""What is done with goods that shall come back: the rules, and who changed them."""

from fastapi import APIRouter, Request, Response

from api import paging
from api.deps import ADMIN, SUPPORT
from api.openapi import describe
from api.policies import Policy
from api.schemas.answers import PageOut
from api.schemas.endings_answers import PolicyChangeOut
from api.schemas.returns import ReturnPolicyIn
from api.schemas.returns_answers import ReturnPolicyOut
from db import policies, return_rules

router = APIRouter(tags=["policies"])

_POLICY = Policy(
    policies.RETURN,
    ReturnPolicyIn,
    return_rules.rules,
    return_rules.put_rules,
    return_rules.rules_data,
)

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
    return await _POLICY.show(request)


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
    return await _POLICY.replace(request)


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
    return await _POLICY.changes(request, limit, cursor)
