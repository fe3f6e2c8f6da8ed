"""What to buy, what there is too much of, and what belongs nearer to the door."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from api import buying, paging, purchase_views, views
from api.deps import BUYING_READERS, admit, services
from api.openapi import describe
from api.routes.orders import no_nul
from api.schemas.answers import PageOut
from api.schemas.purchasing_answers import SlottingOut, SuggestionOut
from db import replenishment
from domain import slotting
from domain.replenishment import Verdict

router = APIRouter(tags=["buying"])

_PERCENT = 100


@router.get(
    "/v1/replenishment/suggestions",
    **describe("What is low, too much, or dead", PageOut[SuggestionOut], scopes=BUYING_READERS),
)
async def list_suggestions(
    request: Request,
    warehouse: Annotated[str | None, Query(max_length=64)] = None,
    kind: Annotated[list[Literal["low", "overstock", "dead"]] | None, Query()] = None,
    supplier: Annotated[str | None, Query(max_length=64)] = None,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Response:
    """By item and warehouse, each with its whole reckoning. `supplier`: what is bought from it."""
    await admit(request, BUYING_READERS)
    own = services(request)
    kinds = {Verdict(one) for one in kind or ("low", "overstock", "dead")}
    async with own.pool.acquire() as conn:
        found = await buying.find(
            conn,
            own.settings,
            kinds=kinds,
            after=paging.decode(cursor, str, str) or ("", ""),
            limit=limit + 1,
            warehouse=no_nul(warehouse, "warehouse"),
            supplier=no_nul(supplier, "supplier"),
        )
    rows, following = paging.cut(
        found, limit, lambda pair: paging.encode(pair[0]["sku"], pair[0]["warehouse"])
    )
    rules = buying.rules_of(own.settings)
    items = [purchase_views.suggestion(row, suggestion, rules) for row, suggestion in rows]
    return views.ok(views.page(items, following)).response()


@router.get(
    "/v1/replenishment/slotting",
    **describe("Items by how often they are picked", SlottingOut, scopes=BUYING_READERS),
)
async def list_slotting(
    request: Request,
    warehouse: Annotated[str, Query(max_length=64)],
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Response:
    """ABC classes of a warehouse by share of picks (lines) within the demand window. The first
    page proposes moves that bring fast movers nearer, the one that saves most first.
    """
    await admit(request, BUYING_READERS)
    own, place = services(request), paging.decode(cursor, int)
    code = no_nul(warehouse, "warehouse") or ""
    since = datetime.now(UTC) - own.settings.demand_window
    async with own.pool.acquire() as conn:
        picks = await replenishment.picks(conn, code, since)
        bins, stored = await replenishment.bins(conn, code)
    ranked = slotting.rank(picks)
    start = place[0] if place else 0
    rows, following = paging.cut(
        ranked[start : start + limit + 1], limit, lambda item: paging.encode(item.rank)
    )
    return views.ok(
        {
            "items": [
                {
                    "rank": item.rank,
                    "sku": item.sku,
                    "picks": item.picks,
                    "class": item.abc,
                    "share": item.share_bp / _PERCENT,
                    "cumulative": item.cumulative_bp / _PERCENT,
                }
                for item in rows
            ],
            "next_cursor": following,
            "since": since,
            "total_picks": sum(picks.values()),
            "moves": [
                purchase_views.move(move)
                for move in slotting.moves(ranked, bins, stored, limit if not start else 0)
            ],
        }
    ).response()
