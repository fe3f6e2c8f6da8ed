"""Orders to suppliers: drafts, lists, their table and timeline."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response

from api import buying, paging, purchase_views, views
from api.body import idempotency_key, parse
from api.deps import BUYING_READERS, WAREHOUSE, Services, admit, services
from api.errors import Answer, FieldError, invalid, not_found
from api.once import Once
from api.openapi import describe
from api.routes.orders import known_id, links_of, no_nul
from api.schemas.answers import PageOut
from api.schemas.purchasing import LARGEST_TOTAL, PurchaseIn, PurchaseLineIn
from api.schemas.purchasing_answers import OnePurchaseOut, PurchaseEventOut, PurchaseOut
from db import catalog, purchase_reads, purchasing, suppliers
from db.new_ids import new_id
from db.pool import Connection
from db.purchasing import By, NewPurchase, NewPurchaseLine
from domain.errors import NotFound, Refused
from domain.purchase_csv import purchase_csv
from domain.replenishment import Verdict
from settings import Settings
from workflows.purchase_messages import PurchasePolicy

router = APIRouter(tags=["buying"])

WHAT = "purchase order"
_MOST_LINES = 500

Status = Literal["draft", "approved", "sent", "partly_received", "closed", "canceled"]


@router.post(
    "/v1/purchase-orders",
    **describe(
        "Draft an order to a supplier",
        PurchaseOut,
        status=201,
        body=PurchaseIn,
        example={
            "supplier": "ACME",
            "warehouse": "MAIN",
            "lines": [{"sku": "TSHIRT-M", "quantity": 48}],
        },
        scopes=WAREHOUSE,
    ),
)
async def draft_purchase(request: Request) -> Response:
    """By hand, with lines; or `from_suggestions`: all that is low and bought from this supplier."""
    caller = await admit(request, WAREHOUSE)
    own, key = services(request), idempotency_key(request)
    parsed = await parse(request, PurchaseIn)
    body = parsed.value
    _check(body)
    purchase_id = new_id("pur")

    async def effect(conn: Connection, _: str) -> Answer:
        supplier = await _parties(conn, body)
        lines = await (
            _suggested(conn, own.settings, body, supplier)
            if body.from_suggestions
            else _by_hand(conn, body, supplier)
        )
        total = sum(line.quantity * line.unit_cost for line in lines)
        if total > LARGEST_TOTAL:
            raise invalid([FieldError("/lines", "total_too_large", "The total is too large.")])
        new = NewPurchase(
            purchase_id,
            body.supplier,
            body.warehouse,
            supplier["currency"],
            body.note,
            caller.name,
            lines,
        )
        start = {"policy": asdict(_policy(own.settings))}
        await purchasing.add(conn, new, start, By(caller.name, caller.role))
        return await answer(conn, own, purchase_id, 201)

    once = Once(own, caller, parsed.request_hash, key)
    return (await once.do(effect, cause=purchase_id)).response()


def _policy(settings: Settings) -> PurchasePolicy:
    return PurchasePolicy(
        grace=settings.purchase_grace.total_seconds(),
        chase_interval=settings.purchase_chase_interval.total_seconds(),
        step_attempts=settings.step_attempts,
        step_retry_interval=settings.step_retry_interval.total_seconds(),
    )


def _check(body: PurchaseIn) -> None:
    """Lines, or suggestions; each item once."""
    if body.from_suggestions == (body.lines is not None):
        detail = "Send lines, or from_suggestions."
        raise invalid([FieldError("/lines", "lines_or_suggestions", detail)])
    if body.skus is not None and not body.from_suggestions:
        raise invalid([FieldError("/skus", "not_allowed", "Only with from_suggestions.")])
    once_each([line.sku for line in body.lines or ()])


def once_each(skus: Sequence[str]) -> None:
    """422 for items that stand in a request twice."""
    twice = [i for i, sku in enumerate(skus) if sku in skus[:i]]
    if twice:
        detail = "The item stands there twice."
        raise invalid([FieldError(f"/lines/{i}/sku", "duplicate", detail) for i in twice])


async def _parties(conn: Connection, body: PurchaseIn) -> catalog.Row:
    """Supplier (locked) and warehouse exist, and are in business."""
    errors = []
    supplier = await suppliers.lock(conn, body.supplier)
    if supplier is None:
        errors.append(FieldError("/supplier", "unknown_supplier", "There is no such supplier."))
    if await catalog.unknown_warehouses(conn, [body.warehouse]):
        errors.append(FieldError("/warehouse", "unknown_warehouse", "There is no such warehouse."))
    if errors or supplier is None:
        raise invalid(errors)
    if not supplier["active"]:
        raise Refused("supplier_inactive", "Nothing is bought from this supplier any more.")
    return supplier


async def _by_hand(
    conn: Connection, body: PurchaseIn, supplier: catalog.Row
) -> list[NewPurchaseLine]:
    lines = body.lines or []
    skus = [line.sku for line in lines]
    unknown = await catalog.unknown_skus(conn, skus)
    terms = await suppliers.terms_of(conn, body.supplier, skus)
    errors = []
    for i, line in enumerate(lines):
        if line.sku in unknown:
            errors.append(FieldError(f"/lines/{i}/sku", "unknown_sku", "There is no such item."))
        elif line.unit_cost is None and line.sku not in terms:
            detail = "The supplier has no price for the item: say what a unit costs."
            errors.append(FieldError(f"/lines/{i}/unit_cost", "required", detail))
        elif line.unit_cost is not None and line.unit_cost.currency != supplier["currency"]:
            detail = f"The supplier's currency is {supplier['currency']}."
            pointer = f"/lines/{i}/unit_cost/currency"
            errors.append(FieldError(pointer, "currency_mismatch", detail))
    if errors:
        raise invalid(errors)
    return [_line(line, body, supplier, terms.get(line.sku)) for line in lines]


def _line(
    line: PurchaseLineIn, body: PurchaseIn, supplier: catalog.Row, terms: catalog.Row | None
) -> NewPurchaseLine:
    known = terms or {"supplier_sku": None, "lead_time_days": supplier["lead_time_days"]}
    return NewPurchaseLine(
        new_id("pln"),
        line.sku,
        known["supplier_sku"] or "",
        line.quantity,
        line.unit_cost.amount if line.unit_cost else known["unit_cost"],
        line.expected_on or body.expected_on or _in_days(known["lead_time_days"]),
    )


async def _suggested(
    conn: Connection, settings: Settings, body: PurchaseIn, supplier: catalog.Row
) -> list[NewPurchaseLine]:
    """What is low now, as the suggestions have it. The supplier is locked, so that two buyers who
    ask at once do not buy the same twice.
    """
    found = await buying.find(
        conn,
        settings,
        kinds={Verdict.LOW},
        limit=_MOST_LINES,
        warehouse=body.warehouse,
        supplier=body.supplier,
        skus=body.skus,
    )
    if not found:
        raise Refused(
            "nothing_to_buy", "Nothing is low that is bought from this supplier.",
            supplier=supplier["code"], warehouse=body.warehouse,
        )  # fmt: skip
    return [
        NewPurchaseLine(
            new_id("pln"),
            row["sku"],
            row["supplier_sku"] or "",
            suggestion.quantity,
            row["unit_cost"],
            body.expected_on or _in_days(row["lead_time_days"]),
        )
        for row, suggestion in found
    ]


def _in_days(days: int) -> date:
    return datetime.now(UTC).date() + timedelta(days)


async def answer(conn: Connection, own: Services, purchase_id: str, status: int = 200) -> Answer:
    """A purchase order as the API shows it."""
    return views.ok(await shown(conn, own, purchase_id), status)


async def shown(conn: Connection, own: Services, purchase_id: str) -> dict[str, Any]:
    """The same, before it is written."""
    rows = await purchase_reads.purchases(conn, purchase_id=purchase_id)
    if not rows:
        raise not_found(WHAT)
    return purchase_views.purchase(rows[0], links_of(own))


@router.get(
    "/v1/purchase-orders",
    **describe("Orders to suppliers, newest first", PageOut[PurchaseOut], scopes=BUYING_READERS),
)
async def list_purchases(  # noqa: PLR0913 - filters
    request: Request,
    *,
    status: Annotated[list[Status] | None, Query()] = None,
    supplier: Annotated[str | None, Query(max_length=64)] = None,
    warehouse: Annotated[str | None, Query(max_length=64)] = None,
    late: Annotated[bool | None, Query()] = None,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Response:
    """Purchase orders that fit all filters; a status given twice takes either."""
    await admit(request, BUYING_READERS)
    own = services(request)
    async with own.pool.acquire() as conn:
        found = await purchase_reads.purchases(
            conn,
            statuses=status,
            supplier=no_nul(supplier, "supplier"),
            warehouse=no_nul(warehouse, "warehouse"),
            late=late,
            before=paging.decode(cursor, datetime, str),
            limit=limit + 1,
        )
    rows, following = paging.cut(
        found, limit, lambda row: paging.encode(row["created_at"], row["id"])
    )
    links = links_of(own)
    items = [purchase_views.purchase(row, links) for row in rows]
    return views.ok(views.page(items, following)).response()


@router.get(
    "/v1/purchase-orders/{purchase_order_id}.csv",
    **describe("Its table for the supplier", None, problems=(404,), scopes=BUYING_READERS),
)
async def purchase_table(request: Request, purchase_order_id: str) -> Response:
    """CSV of RFC 4180: what was ordered, as it goes with the mail."""
    await admit(request, BUYING_READERS)
    async with services(request).pool.acquire() as conn:
        try:
            head, lines = await purchasing.letter(conn, known_id(purchase_order_id, WHAT))
        except NotFound:
            raise not_found(WHAT) from None
    return Response(
        purchase_csv(head["number"], head["warehouse"], lines),
        media_type="text/csv",
        headers={"content-disposition": f'attachment; filename="{head["number"]}.csv"'},
    )


@router.get(
    "/v1/purchase-orders/{purchase_order_id}",
    **describe("An order to a supplier", OnePurchaseOut, problems=(404,), scopes=BUYING_READERS),
)
async def get_purchase(request: Request, purchase_order_id: str) -> Response:
    """One purchase order with its deliveries."""
    await admit(request, BUYING_READERS)
    own, purchase_id = services(request), known_id(purchase_order_id, WHAT)
    async with own.pool.acquire() as conn:
        found = await shown(conn, own, purchase_id)
        found["receipts"] = await purchase_reads.receipts(conn, purchase_id)
    return views.ok(found).response()


@router.get(
    "/v1/purchase-orders/{purchase_order_id}/events",
    **describe("Its timeline", PageOut[PurchaseEventOut], problems=(404,), scopes=BUYING_READERS),
)
async def list_purchase_events(
    request: Request,
    purchase_order_id: str,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Response:
    """Who did what and when, refused requests included; oldest first."""
    await admit(request, BUYING_READERS)
    place, purchase_id = paging.decode(cursor, int), known_id(purchase_order_id, WHAT)
    async with services(request).pool.acquire() as conn:
        if await purchase_reads.axes(conn, purchase_id) is None:
            raise not_found(WHAT)
        after = place[0] if place else 0
        found = await purchase_reads.events(conn, purchase_id, after=after, limit=limit + 1)
    rows, following = paging.cut(found, limit, lambda row: paging.encode(row["id"]))
    return views.ok(views.page([purchase_views.event(r) for r in rows], following)).response()
