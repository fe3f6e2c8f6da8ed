"""Suppliers, and the terms on which they sell items."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from db.pool import Connection
from db.sql import queries
from domain.errors import Refused

_SQL = queries("suppliers")

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Supplier:
    """Whom we buy from. Without `email` orders go out by hand; `over_delivery_bp` None: as the
    shop has it.
    """

    code: str
    name: str
    email: str | None
    locale: str
    currency: str
    lead_time_days: int
    over_delivery_bp: int | None
    active: bool


@dataclass(frozen=True, slots=True)
class ItemTerms:
    """How a supplier sells an item: minor units of `currency`; `lead_time_days` None: as always."""

    sku: str
    supplier: str
    supplier_sku: str | None
    lead_time_days: int | None
    unit_cost: int
    currency: str
    moq: int
    pack_size: int
    preferred: bool


async def put(conn: Connection, supplier: Supplier) -> Row:
    """Make or change a supplier.

    Raises:
        Refused: it sells items in another currency than that.

    """
    if await conn.fetchval(_SQL["priced_otherwise"], supplier.code, supplier.currency):
        raise Refused(
            "priced_otherwise",
            "Its items are priced in another currency: change their prices first.",
            currency=supplier.currency,
        )
    row = await conn.fetchrow(
        _SQL["put_supplier"], *(getattr(supplier, name) for name in Supplier.__slots__)
    )
    assert row is not None  # noqa: S101 - an upsert answers a row
    return dict(row)


async def suppliers(
    conn: Connection, *, code: str | None = None, after: str | None = None, limit: int = 1
) -> list[Row]:
    """Suppliers by code."""
    return [dict(row) for row in await conn.fetch(_SQL["list_suppliers"], code, after, limit)]


async def lock(conn: Connection, code: str) -> Row | None:
    """A supplier, locked until the transaction ends; None when there is none."""
    row = await conn.fetchrow(_SQL["lock_supplier"], code)
    return dict(row) if row else None


async def put_terms(conn: Connection, terms: ItemTerms) -> Row:
    """Make or change terms; item and supplier must exist. One supplier of an item is preferred."""
    if terms.preferred:
        await conn.execute(_SQL["unprefer"], terms.sku, terms.supplier)
    row = await conn.fetchrow(
        _SQL["put_terms"], *(getattr(terms, name) for name in ItemTerms.__slots__)
    )
    assert row is not None  # noqa: S101 - an upsert answers a row
    return dict(row)


async def terms(conn: Connection, supplier: str, *, after: str | None, limit: int) -> list[Row]:
    """What a supplier sells, by item."""
    return [dict(row) for row in await conn.fetch(_SQL["list_terms"], supplier, after, limit)]


async def terms_of(conn: Connection, supplier: str, skus: Sequence[str]) -> dict[str, Row]:
    """On which terms a supplier sells these items; those it does not sell are left out."""
    rows = await conn.fetch(_SQL["terms_of"], supplier, list(skus))
    return {row["sku"]: dict(row) for row in rows}
