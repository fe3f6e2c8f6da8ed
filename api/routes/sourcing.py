"""Which location ships what: the rules, who changed them, and what they would decide now."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from api import paging, views
from api.body import parse
from api.deps import STOCK_READERS, WAREHOUSE, Caller, admit, services
from api.errors import FieldError, invalid, not_found
from api.openapi import describe
from api.routes.catalog import warehouse_code
from api.routes.orders import no_nul
from api.schemas.answers import PageOut
from api.schemas.sourcing import SourcingPreviewIn, SourcingRulesIn, WarehouseSourcingIn
from api.schemas.sourcing_answers import (
    SourcingChangeOut,
    SourcingPreviewOut,
    SourcingRulesOut,
    WarehouseSourcingOut,
)
from db import catalog, sourcing
from db.pool import Connection
from db.sourcing import Author, SiteRules
from domain.sourcing import Allocation, Demand, Rules, Site, Zone, plan

router = APIRouter(tags=["stock"])

_RULES_EXAMPLE = {
    "criteria": ["parcels", "cost", "distance", "promise", "balance", "priority"],
    "currency": "TRY",
    "working_days": [1, 2, 3, 4, 5, 6],
    "home": {
        "zone": 3,
        "transit_days": 2,
        "parcel_cost": {"amount": 5_500, "currency": "TRY"},
        "unit_cost": {"amount": 200, "currency": "TRY"},
    },
    "abroad": {
        "zone": 9,
        "transit_days": 7,
        "parcel_cost": {"amount": 45_000, "currency": "TRY"},
    },
}
_SITE_EXAMPLE = {
    "handling_days": 1,
    "zones": [
        {
            "countries": ["TR"],
            "postal_prefixes": ["34", "41"],
            "zone": 1,
            "transit_days": 1,
            "parcel_cost": {"amount": 4_500, "currency": "TRY"},
            "unit_cost": {"amount": 150, "currency": "TRY"},
        }
    ],
    "exclusions": [{"category": "batteries", "country": "DE", "note": "no licence"}],
}


@router.get(
    "/v1/sourcing/rules",
    **describe("The shop's rules of sourcing", SourcingRulesOut, scopes=STOCK_READERS),
)
async def get_rules(request: Request) -> Response:
    """What comes first, and what holds where a warehouse names no zone."""
    await admit(request, STOCK_READERS)
    async with services(request).pool.acquire() as conn:
        known = await sourcing.rules(conn)
    return views.ok(sourcing.rules_data(known)).response()


@router.put(
    "/v1/sourcing/rules",
    **describe(
        "Change the shop's rules of sourcing",
        SourcingRulesOut,
        body=SourcingRulesIn,
        example=_RULES_EXAMPLE,
        problems=(409,),
        idempotent=False,
        scopes=WAREHOUSE,
    ),
)
async def put_rules(request: Request) -> Response:
    """Replace them; the same again changes nothing. They hold for the next reservation."""
    caller = await admit(request, WAREHOUSE)
    body = (await parse(request, SourcingRulesIn)).value
    if errors := body.wrong():
        raise invalid(errors)
    async with services(request).pool.acquire() as conn, conn.transaction():
        known = await sourcing.put_rules(conn, body.known, _author(caller))
    return views.ok(sourcing.rules_data(known)).response()


@router.get(
    "/v1/warehouses/{code}/sourcing",
    **describe(
        "A warehouse's rules of sourcing",
        WarehouseSourcingOut,
        problems=(404,),
        scopes=STOCK_READERS,
    ),
)
async def get_warehouse_rules(request: Request, code: str) -> Response:
    """Its handling days, zones and exclusions."""
    await admit(request, STOCK_READERS)
    name = warehouse_code(code)
    async with services(request).pool.acquire() as conn:
        site = (await sourcing.sites(conn, [name])).get(name)
        currency = (await sourcing.rules(conn)).currency
    if site is None:
        raise not_found("warehouse")
    return views.ok(sourcing.site_data(site, currency)).response()


@router.put(
    "/v1/warehouses/{code}/sourcing",
    **describe(
        "Change a warehouse's rules of sourcing",
        WarehouseSourcingOut,
        body=WarehouseSourcingIn,
        example=_SITE_EXAMPLE,
        problems=(404,),
        idempotent=False,
        scopes=WAREHOUSE,
    ),
)
async def put_warehouse_rules(request: Request, code: str) -> Response:
    """Replace them; the same again changes nothing. They hold for the next reservation."""
    caller = await admit(request, WAREHOUSE)
    name, body = warehouse_code(code), (await parse(request, WarehouseSourcingIn)).value
    new = SiteRules(
        body.handling_days,
        tuple(zone.known for zone in body.zones),
        tuple(exclusion.known for exclusion in body.exclusions),
    )
    async with services(request).pool.acquire() as conn, conn.transaction():
        currency = (await sourcing.lock_rules(conn)).currency
        if errors := body.wrong(currency):
            raise invalid(errors)
        site = await sourcing.put_site_rules(conn, name, new, _author(caller))
    if site is None:
        raise not_found("warehouse")
    return views.ok(sourcing.site_data(site, currency)).response()


@router.get(
    "/v1/sourcing/changes",
    **describe(
        "Changes of the rules of sourcing, newest first",
        PageOut[SourcingChangeOut],
        scopes=STOCK_READERS,
    ),
)
async def list_changes(
    request: Request,
    *,
    warehouse: Annotated[str | None, Query(max_length=64)] = None,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Response:
    """Who changed what, and what it was before; `warehouse=` alone gives the shop-wide ones."""
    await admit(request, STOCK_READERS)
    place = paging.decode(cursor, int)
    async with services(request).pool.acquire() as conn:
        found = await sourcing.changes(
            conn,
            warehouse=no_nul(warehouse, "warehouse"),
            before=place[0] if place else None,
            limit=limit + 1,
        )
    rows, following = paging.cut(found, limit, lambda row: paging.encode(row["id"]))
    return views.ok(
        views.page([{**row, "id": str(row["id"])} for row in rows], following)
    ).response()


@router.post(
    "/v1/sourcing/preview",
    **describe(
        "What would ship from where, now",
        SourcingPreviewOut,
        body=SourcingPreviewIn,
        example={
            "lines": [{"sku": "TSHIRT-M", "quantity": 2}],
            "destination": {"country": "TR", "postal_code": "34720"},
        },
        idempotent=False,
        scopes=STOCK_READERS,
    ),
)
async def preview(request: Request) -> Response:
    """The plan a new order would get, and why; nothing is reserved.

    Units that orders wait for are left to them. With `rules` it is planned by those instead, so
    that a change can be tried before it is made.
    """
    await admit(request, STOCK_READERS)
    body = (await parse(request, SourcingPreviewIn)).value
    if body.rules is not None and (errors := body.rules.wrong("rules")):
        raise invalid(errors)
    skus = [line.sku for line in body.lines]
    async with (
        services(request).pool.acquire() as conn,
        conn.transaction(isolation="repeatable_read", readonly=True),
    ):
        await _must_be_known(conn, skus)
        free, sites = await sourcing.shelves(conn, set(skus))
        rules = body.rules.known if body.rules else await sourcing.rules(conn)
        demands = await sourcing.with_categories(
            conn, [Demand(str(n), line.sku, line.quantity) for n, line in enumerate(body.lines)]
        )
    found = plan(demands, free, sites, body.destination.known, rules)
    today = datetime.now(UTC).date()
    parcels = [
        _parcel(
            sites[code],
            [a for a in found.allocations if a.warehouse == code],
            rules.reach(sites[code], body.destination.known),
            rules,
            today,
        )
        for code in dict.fromkeys(a.warehouse for a in found.allocations)
    ]
    answer = {
        "parcels": parcels,
        "missing": [_line(demand) for demand in found.missing],
        "promised_on": max((parcel["promised_on"] for parcel in parcels), default=None),
        "decision": found.decision,
    }
    return views.ok(answer).response()


def _parcel(
    site: Site, allocations: Sequence[Allocation], zone: Zone, rules: Rules, today: date
) -> dict[str, Any]:
    units = sum(a.quantity for a in allocations)
    return {
        "warehouse": site.code,
        "kind": site.kind,
        "zone": zone.number,
        "cost": views.money(zone.cost_of(units), rules.currency),
        "promised_on": rules.promised_on(today, site.handling_days + zone.transit_days),
        "lines": [_line(allocation) for allocation in allocations],
    }


def _line(units: Allocation | Demand) -> dict[str, Any]:
    """Units of a line, which is named by its place in the request."""
    return {"line": int(units.line_id), "sku": units.sku, "quantity": units.quantity}


async def _must_be_known(conn: Connection, skus: Sequence[str]) -> None:
    unknown = await catalog.unknown_skus(conn, skus)
    if unknown:
        raise invalid(
            [
                FieldError(f"/lines/{n}/sku", "unknown_sku", "There is no such item.")
                for n, sku in enumerate(skus)
                if sku in unknown
            ]
        )


def _author(caller: Caller) -> Author:
    return Author(caller.name, caller.role)
