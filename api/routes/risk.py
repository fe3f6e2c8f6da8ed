"""Orders that may be fraud: the rules, who changed them, and the queue of those that are held."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request, Response

from api import paging, views
from api.deps import ADMIN, SUPPORT, admit, services
from api.openapi import describe
from api.policies import Policy
from api.schemas.answers import PageOut
from api.schemas.endings_answers import PolicyChangeOut
from api.schemas.risk import ReviewOut, RiskRulesIn, RiskRulesOut
from db import policies, risk
from db.risk import Row

router = APIRouter(tags=["policies"])

_POLICY = Policy(policies.RISK, RiskRulesIn, risk.rules, risk.put_rules, risk.rules_data)

_EXAMPLE = {
    "rules": [
        {
            "name": "large_first_order",
            "action": "hold",
            "total_over": {"amount": 2_000_000, "currency": "TRY"},
            "new_customer": True,
        },
        {"name": "many_in_an_hour", "action": "hold", "orders_over": 5, "within": "PT1H"},
        {"name": "billed_elsewhere", "action": "note", "countries_differ": True},
    ]
}


@router.get(
    "/v1/risk-rules",
    **describe("When an order may be fraud", RiskRulesOut, scopes=SUPPORT),
)
async def get_rules(request: Request) -> Response:
    """All of them are looked at when an order is paid for; none as the shop comes."""
    return await _POLICY.show(request)


@router.put(
    "/v1/risk-rules",
    **describe(
        "Change when an order may be fraud",
        RiskRulesOut,
        body=RiskRulesIn,
        example=_EXAMPLE,
        idempotent=False,
        scopes=ADMIN,
    ),
)
async def put_rules(request: Request) -> Response:
    """Replace all rules; the same again changes nothing. They hold for the next order."""
    return await _POLICY.replace(request)


@router.get(
    "/v1/risk-rules/changes",
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
    "/v1/fraud-reviews",
    **describe("Orders to be looked at", PageOut[ReviewOut], scopes=SUPPORT),
)
async def list_reviews(
    request: Request,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Response:
    """Held as `high_risk_of_fraud`, the longest first: by rules, or by a person."""
    await admit(request, SUPPORT)
    place = paging.decode(cursor, datetime, str)
    async with services(request).pool.acquire() as conn:
        found = await risk.reviews(conn, place, limit + 1)
    rows, following = paging.cut(
        found, limit, lambda row: paging.encode(row["since"], row["hold_id"])
    )
    return views.ok(views.page([_review(row) for row in rows], following)).response()


def _review(row: Row) -> dict[str, Any]:
    path = f"/v1/orders/{row['order_id']}"
    return {
        "order_id": row["order_id"],
        "order_number": row["number"],
        "channel": row["channel"],
        "total": views.money(row["grand_total"], row["currency"]),
        "hold_id": row["hold_id"],
        "held_by": row["actor"],
        "since": row["since"],
        "found": row["found"] or [],
        "release": f"DELETE {path}/holds/{row['hold_id']}",
        "cancel": f"POST {path}/cancel",
    }
