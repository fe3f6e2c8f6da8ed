"""Items, warehouses, and stock: every change is a row of the ledger, with its reason."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api import paging, views
from api.body import M, Parsed, idempotency_key, parse
from api.deps import STOCK_READERS, WAREHOUSE, Caller, admit, services
from api.errors import Answer, FieldError, invalid
from api.once import Once
from api.openapi import describe
from api.routes.orders import no_nul
from api.routes.warehouse import reported_at
from api.schemas.answers import PageOut
from api.schemas.stock import (
    AdjustedLineIn,
    AdjustmentIn,
    CountIn,
    ReceiptIn,
)
from api.schemas.stock_answers import CorrectionOut, LevelOut, MovementOut
from api.stock_checks import Goods, ToldLine, must_be_told, must_exist
from db import catalog, goods, reads
from db.catalog import Correction
from db.handling import Change
from db.new_ids import new_id
from db.pool import Connection

router = APIRouter(tags=["stock"])

_LONGEST_SKU = 100
_LONGEST_CODE = 64


@router.get("/v1/stock", **describe("Stock levels", PageOut[LevelOut], scopes=STOCK_READERS))
async def list_stock(
    request: Request,
    sku: Annotated[str | None, Query(max_length=100)] = None,
    warehouse: Annotated[str | None, Query(max_length=64)] = None,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Response:
    """Levels by item and warehouse; available = on_hand - allocated - held - safety - damaged."""
    await admit(request, STOCK_READERS)
    async with services(request).pool.acquire() as conn:
        found = await reads.stock(
            conn,
            sku=no_nul(sku, "sku"),
            warehouse=no_nul(warehouse, "warehouse"),
            after=paging.decode(cursor, str, str),
            limit=limit + 1,
        )
    rows, following = paging.cut(
        found, limit, lambda row: paging.encode(row["sku"], row["warehouse"])
    )
    return views.ok(views.page(rows, following)).response()


@router.get(
    "/v1/stock/movements",
    **describe("The stock ledger, newest first", PageOut[MovementOut], scopes=STOCK_READERS),
)
async def list_movements(  # noqa: PLR0913 - filters
    request: Request,
    *,
    sku: Annotated[str | None, Query(max_length=100)] = None,
    warehouse: Annotated[str | None, Query(max_length=64)] = None,
    kind: Annotated[str | None, Query(max_length=20)] = None,
    order_id: Annotated[str | None, Query(max_length=64)] = None,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Response:
    """Every change of stock, and what caused it."""
    await admit(request, STOCK_READERS)
    place = paging.decode(cursor, int)
    async with services(request).pool.acquire() as conn:
        found = await reads.movements(
            conn,
            sku=no_nul(sku, "sku"),
            warehouse=no_nul(warehouse, "warehouse"),
            kind=no_nul(kind, "kind"),
            order_id=no_nul(order_id, "order_id"),
            before=place[0] if place else None,
            limit=limit + 1,
        )
    rows, following = paging.cut(found, limit, lambda row: paging.encode(row["id"]))
    return views.ok(views.page([views.movement(row) for row in rows], following)).response()


@router.post(
    "/v1/stock/receipts",
    **describe(
        "Goods came in",
        CorrectionOut,
        status=201,
        body=ReceiptIn,
        example={
            "warehouse": "MAIN",
            "reference": "PO-7",
            "lines": [{"sku": "TSHIRT-M", "quantity": 100}],
        },
        scopes=WAREHOUSE,
    ),
)
async def receive_stock(request: Request) -> Response:
    """Add goods; orders that wait for them are told.

    A line may tell the bin, and tells lot, expiry and serial numbers where the item wants them.
    """
    caller = await admit(request, WAREHOUSE)
    key, parsed = idempotency_key(request), await parse(request, ReceiptIn)
    body = parsed.value
    reported_at(body.occurred_at)
    told = [
        ToldLine(x.sku, x.quantity, {"bin": x.bin}, x.lot, x.serials, expires_on=x.expires_on)
        for x in body.lines
    ]
    lines = [
        goods.Goods(x.sku, x.quantity, x.bin or "", x.lot or "", x.expires_on, tuple(x.serials))
        for x in body.lines
    ]

    async def effect(conn: Connection, cause: str) -> Answer:
        await must_exist(conn, [x.sku for x in body.lines], {"/warehouse": body.warehouse})
        await must_be_told(conn, Goods(body.warehouse, new=True, lots=True), told)
        why = catalog.Why(f"receipt:{cause}", caller.name, body.reference, body.occurred_at)
        levels = await goods.receive(conn, body.warehouse, lines, why)
        return views.ok({"cause": why.cause, "levels": levels}, 201)

    return (await _once(request, caller, parsed, key).do(effect, cause=new_id("stk"))).response()


@router.post(
    "/v1/stock/adjustments",
    **describe(
        "Correct stock, with the reason",
        CorrectionOut,
        status=201,
        body=AdjustmentIn,
        example={
            "warehouse": "MAIN",
            "reason": "broken in the aisle",
            "lines": [{"sku": "TSHIRT-M", "quantity": 1, "counter": "damaged"}],
        },
        scopes=WAREHOUSE,
    ),
)
async def adjust_stock(request: Request) -> Response:
    """Add to a counter, or take off it; refused when goods are promised or not there.

    Why: `reason` in words, or `reason_code` with a `note`.
    """
    caller = await admit(request, WAREHOUSE)
    key, parsed = idempotency_key(request), await parse(request, AdjustmentIn)
    body = parsed.value
    reported_at(body.occurred_at)
    _must_say_why(body)
    told = [
        ToldLine(x.sku, x.quantity, {"bin": x.bin}, x.lot, x.serials, x.counter == "on_hand")
        for x in body.lines
    ]
    pieces = [
        goods.Goods(x.sku, x.quantity, serials=tuple(x.serials))
        for x in body.lines
        if x.counter == "on_hand"
    ]

    async def effect(conn: Connection, cause: str) -> Answer:
        await must_exist(conn, [x.sku for x in body.lines], {"/warehouse": body.warehouse})
        await must_be_told(conn, Goods(body.warehouse, lots=False), told)
        why = catalog.Why(f"adjustment:{cause}", caller.name, _reason(body), body.occurred_at)
        changes = [_change(x, body.warehouse) for x in body.lines]
        levels = await goods.correct(conn, changes, body.warehouse, pieces, why)
        return views.ok({"cause": why.cause, "levels": levels}, 201)

    return (await _once(request, caller, parsed, key).do(effect, cause=new_id("stk"))).response()


def _must_say_why(body: AdjustmentIn) -> None:
    errors = []
    if body.reason is None and body.reason_code is None:
        errors.append(FieldError("/reason", "required", "A reason, or a reason_code, is required."))
    for i, x in enumerate(body.lines):
        errors += [
            FieldError(f"/lines/{i}/{name}", "not_allowed", "Only of units on hand.")
            for name in ("bin", "lot", "serials")
            if x.counter != "on_hand" and getattr(x, name)
        ]
        if not x.quantity:
            errors.append(FieldError(f"/lines/{i}/quantity", "out_of_range", "Of nothing."))
        if x.lot and not x.bin:
            errors.append(FieldError(f"/lines/{i}/bin", "required", "In which bin is the lot?"))
    if errors:
        raise invalid(errors)


def _reason(body: AdjustmentIn) -> str:
    return ": ".join(part for part in (body.reason_code, body.reason, body.note) if part)


def _change(x: AdjustedLineIn, warehouse: str) -> Change:
    kinds = {
        "on_hand": "adjust",
        "damaged": "damage",
        "safety": "safety",
        "quarantined": "quarantine",
    }
    deltas = {x.counter: x.quantity}
    if x.counter == "quarantined":
        deltas["damaged"] = x.quantity
    correction = Correction(x.sku, warehouse, kinds[x.counter], **deltas)
    return Change(correction, x.bin or "", x.lot or "")


@router.post(
    "/v1/stock/counts",
    **describe(
        "What was counted on the shelf",
        CorrectionOut,
        status=201,
        body=CountIn,
        example={"warehouse": "MAIN", "lines": [{"sku": "TSHIRT-M", "counted": 97}]},
        scopes=WAREHOUSE,
    ),
)
async def count_stock(request: Request) -> Response:
    """Bring the books to what was counted; the difference is a row of the ledger."""
    caller = await admit(request, WAREHOUSE)
    key, parsed = idempotency_key(request), await parse(request, CountIn)
    body = parsed.value
    reported_at(body.occurred_at)
    skus = [x.sku for x in body.lines]
    twice = [i for i, sku in enumerate(skus) if sku in skus[:i]]
    if twice:
        raise invalid([FieldError(f"/lines/{i}/sku", "duplicate", "Counted twice.") for i in twice])

    async def effect(conn: Connection, cause: str) -> Answer:
        await must_exist(conn, skus, {"/warehouse": body.warehouse})
        levels = await catalog.lock_levels(conn, [(sku, body.warehouse) for sku in skus])
        lines = [
            Correction(x.sku, body.warehouse, "count", x.counted - level["on_hand"])
            for x in body.lines
            if (level := levels[x.sku, body.warehouse])
        ]
        why = catalog.Why(f"count:{cause}", caller.name, body.reason, body.occurred_at)
        return await _correct(conn, lines, why)

    return (await _once(request, caller, parsed, key).do(effect, cause=new_id("stk"))).response()


def _once(request: Request, caller: Caller, parsed: Parsed[M], key: str | None) -> Once:
    return Once(services(request), caller, parsed.request_hash, key)


async def _correct(conn: Connection, lines: list[Correction], why: catalog.Why) -> Answer:
    levels = await catalog.correct(conn, lines, why)
    return views.ok({"cause": why.cause, "levels": levels}, 201)
