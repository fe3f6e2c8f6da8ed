"""The rules of sourcing as rows: read for a plan, changed by operators, every change kept."""

from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import asyncpg

from db import closings, reservations
from db.new_ids import new_id
from db.pool import Connection
from db.sql import queries
from domain.errors import Refused
from domain.sourcing import (
    Demand,
    Exclusion,
    Rules,
    Site,
    Source,
    Zone,
    ration,
    servers,
)

_SQL = queries("sourcing")

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Author:
    """Who changes rules."""

    actor: str
    role: str


@dataclass(frozen=True, slots=True)
class SiteRules:
    """What operators set for a warehouse."""

    handling_days: int
    zones: tuple[Zone, ...]
    exclusions: tuple[Exclusion, ...]


async def rules(conn: Connection) -> Rules:
    """The shop-wide rules."""
    row = await conn.fetchrow(_SQL["read_rules"])
    assert row is not None  # noqa: S101 - a migration has made the one row
    return _rules(row)


def _rules(row: asyncpg.Record) -> Rules:
    return Rules(
        tuple(row["criteria"]),
        row["currency"],
        tuple(row["working_days"]),
        _default_zone(row, "home"),
        _default_zone(row, "abroad"),
    )


def _default_zone(row: asyncpg.Record, name: str) -> Zone:
    fields = ("zone", "transit_days", "parcel_cost", "unit_cost")
    return Zone(*(row[f"{name}_{field}"] for field in fields))


async def sites(conn: Connection, codes: Collection[str]) -> dict[str, Site]:
    """These warehouses as the rules see them; codes that nobody knows are left out."""
    rows = await conn.fetch(_SQL["read_sites"], list(codes))
    return {row["code"]: _site(row) for row in rows}


def _site(row: asyncpg.Record) -> Site:
    return Site(
        row["code"],
        row["kind"],
        row["country"],
        row["city"],
        row["postal_code"],
        row["priority"],
        row["closed"],
        row["handling_days"],
        tuple(_zone(zone) for zone in row["zones"]),
        tuple(Exclusion(**exclusion) for exclusion in row["exclusions"]),
    )


def _zone(row: Row) -> Zone:
    return Zone(
        row["zone"],
        row["transit_days"],
        row["parcel_cost"],
        row["unit_cost"],
        tuple(row["countries"]),
        tuple(row["postal_prefixes"]),
    )


@dataclass(frozen=True, slots=True)
class Look:
    """What can be known of items without a lock: rules, the warehouses that keep one, what is free.

    `waited_for`: somebody waits for one of them.
    """

    rules: Rules
    sites: dict[str, Site]
    sources: list[Source]
    waited_for: bool


async def look(conn: Connection, skus: Collection[str]) -> Look:
    """Look at these items; one round trip."""
    rows = await conn.fetch(_SQL["look_at_items"], list(skus))
    kept = [row for row in rows if row["code"] is not None]
    sources = [
        Source(row["code"], sku, 0 if row["closed"] else free, row["priority"])
        for row in kept
        for sku, free in zip(row["skus"], row["free"], strict=True)
    ]
    sites = {row["code"]: _site(row) for row in kept}
    return Look(_rules(rows[0]), sites, sources, rows[0]["waited_for"])


async def categories(conn: Connection, skus: Collection[str]) -> dict[str, str]:
    """The categories of these items, of those that have one."""
    rows = await conn.fetch(_SQL["read_categories"], list(skus))
    return {row["sku"]: row["category"] for row in rows}


async def with_categories(conn: Connection, demands: Sequence[Demand]) -> list[Demand]:
    """The demands with the categories of their items, by which rules exclude."""
    category = await categories(conn, {demand.sku for demand in demands})
    return [demand._replace(category=category.get(demand.sku, "")) for demand in demands]


async def shelves(
    conn: Connection, skus: Collection[str]
) -> tuple[dict[tuple[str, str], int], dict[str, Site]]:
    """What a new order could get of these items now, by (warehouse, sku), and the warehouses.

    Nothing is locked, so a moment later it may be gone. What orders wait for is left to them.
    """
    rows = await conn.fetch(_SQL["read_shelves"], list(skus))
    known = await sites(conn, {row["warehouse"] for row in rows})
    free: Counter[str] = Counter()
    for row in rows:
        free[row["sku"]] += max(0, row["available"])
    promised: Counter[tuple[str, frozenset[str]]] = Counter()
    for one in await reservations.queue_heads(conn, +free):
        if one.priority >= 0:
            demand = Demand("", one.sku, one.quantity, one.category)
            promised[one.sku, servers(demand, one.destination, known.values())] += one.quantity
    sources = [Source(r["warehouse"], r["sku"], r["available"], r["priority"]) for r in rows]
    left = ration(sources, promised)
    return {(source.warehouse, source.sku): source.available for source in left}, known


async def lock_rules(conn: Connection) -> Rules:
    """The shop-wide rules, until the end of the transaction: changes come one after the other."""
    await conn.execute(_SQL["lock_rules"])
    return await rules(conn)


async def put_rules(conn: Connection, new: Rules, by: Author) -> Rules:
    """Replace the shop-wide rules; the same again changes nothing.

    Raises:
        Refused: another currency, while zones of warehouses name costs in the one before.

    """
    old = await lock_rules(conn)
    if old == new:
        return old
    if old.currency != new.currency and await conn.fetchval(_SQL["costs_are_named"]):
        raise Refused(
            "costs_in_other_currency",
            f"Zones of warehouses name costs in {old.currency}: set them to nothing first.",
            currency=old.currency,
        )
    zones = (new.home, new.abroad)
    await conn.execute(
        _SQL["put_rules"],
        list(new.criteria),
        new.currency,
        list(new.working_days),
        *(figure for zone in zones for figure in _figures(zone)),
    )
    await _keep(conn, "", by, rules_data(old), rules_data(new))
    return new


async def put_site_rules(conn: Connection, code: str, new: SiteRules, by: Author) -> Site | None:
    """Replace a warehouse's rules; the same again changes nothing. None when there is none.

    Costs are in the currency of the shop-wide rules.
    """
    currency = (await lock_rules(conn)).currency
    old = (await sites(conn, [code])).get(code)
    if old is None or _of(old) == new:
        return old
    await conn.execute(_SQL["put_handling_days"], code, new.handling_days)
    await conn.execute(_SQL["drop_zones"], code)
    await conn.executemany(
        _SQL["add_zone"],
        [
            (code, position, *_figures(zone), list(zone.countries), list(zone.postal_prefixes))
            for position, zone in enumerate(new.zones)
        ],
    )
    await conn.execute(_SQL["drop_exclusions"], code)
    await conn.executemany(
        _SQL["add_exclusion"],
        [
            (code, position, e.category, e.sku, e.country, e.postal_prefix, e.note)
            for position, e in enumerate(new.exclusions)
        ],
    )
    changed = replace(
        old, handling_days=new.handling_days, zones=new.zones, exclusions=new.exclusions
    )
    await _keep(conn, code, by, site_data(old, currency), site_data(changed, currency))
    # What an exclusion kept from somebody may be free for him now.
    await closings.wake_here(conn, code, f"rules:{new_id('chg')}")
    return changed


@asynccontextmanager
async def watched(conn: Connection, code: str, by: Author) -> AsyncIterator[None]:
    """Keep what is changed meanwhile of a warehouse's facts that plans are made by."""
    await lock_rules(conn)
    before = (await sites(conn, [code])).get(code)
    yield
    after = (await sites(conn, [code])).get(code)
    if before is not None and after is not None and _facts(before) != _facts(after):
        await _keep(conn, code, by, _facts(before), _facts(after))


def _facts(site: Site) -> dict[str, Any]:
    names = ("kind", "country", "priority", "closed")
    return {name: getattr(site, name) for name in names}


def _of(site: Site) -> SiteRules:
    return SiteRules(site.handling_days, site.zones, site.exclusions)


def _figures(zone: Zone) -> tuple[int, int, int, int]:
    return zone.number, zone.transit_days, zone.parcel_cost, zone.unit_cost


async def _keep(
    conn: Connection, warehouse: str, by: Author, before: dict[str, Any], after: dict[str, Any]
) -> None:
    await conn.execute(_SQL["add_change"], warehouse, by.actor, by.role, before, after)


async def changes(
    conn: Connection, *, warehouse: str | None, before: int | None, limit: int
) -> list[Row]:
    """Changes of rules, newest first; `warehouse` '' means those of the shop."""
    rows = await conn.fetch(_SQL["list_changes"], warehouse, before, limit)
    return [dict(row) for row in rows]


def rules_data(known: Rules) -> dict[str, Any]:
    """The shop-wide rules as they are answered, sent, and kept."""
    return {
        "criteria": list(known.criteria),
        "currency": known.currency,
        "working_days": list(known.working_days),
        "home": _zone_data(known.home, known.currency),
        "abroad": _zone_data(known.abroad, known.currency),
    }


def site_data(site: Site, currency: str) -> dict[str, Any]:
    """A warehouse's rules as they are answered, sent, and kept."""
    return {
        "handling_days": site.handling_days,
        "zones": [
            {
                "countries": list(zone.countries),
                "postal_prefixes": list(zone.postal_prefixes),
                **_zone_data(zone, currency),
            }
            for zone in site.zones
        ],
        "exclusions": [
            {
                "category": e.category or None,
                "sku": e.sku or None,
                "country": e.country or None,
                "postal_prefix": e.postal_prefix or None,
                "note": e.note,
            }
            for e in site.exclusions
        ],
    }


def _zone_data(zone: Zone, currency: str) -> dict[str, Any]:
    return {
        "zone": zone.number,
        "transit_days": zone.transit_days,
        "parcel_cost": {"amount": zone.parcel_cost, "currency": currency},
        "unit_cost": {"amount": zone.unit_cost, "currency": currency},
    }
