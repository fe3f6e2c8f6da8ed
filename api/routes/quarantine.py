"""Goods that nobody may sell until a person decides: set aside, released, condemned, scrapped."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

from fastapi import APIRouter, Request, Response

from api import views
from api.body import Parsed, idempotency_key, parse
from api.deps import WAREHOUSE, Caller, admit, services
from api.errors import Answer, FieldError, invalid
from api.once import Once
from api.openapi import describe
from api.routes.warehouse import reported_at
from api.schemas.handling import AsideIn, AsideLineIn, ExpireIn, ScrapIn
from api.schemas.handling_answers import ExpiryOut
from api.schemas.stock_answers import CorrectionOut
from api.stock_checks import Goods, ToldLine, must_be_told, must_exist
from db import bins, catalog, serials
from db.expiry import expire_lots
from db.handling import BinMove, decide
from db.new_ids import new_id
from db.pool import Connection

router = APIRouter(tags=["stock"])

_EXAMPLE = {
    "warehouse": "MAIN",
    "reason_code": "quality",
    "note": "the seam is open",
    "lines": [{"sku": "TSHIRT-M", "quantity": 3}],
}


@router.post(
    "/v1/stock/quarantine",
    **describe(
        "Set goods aside",
        CorrectionOut,
        status=201,
        body=AsideIn,
        example={
            **_EXAMPLE,
            "lines": [{"sku": "TSHIRT-M", "quantity": 3, "bin": "A-01", "to_bin": "Q-1"}],
        },
        scopes=WAREHOUSE,
    ),
)
async def set_aside(request: Request) -> Response:
    """Take goods off sale: out of `bin` into `to_bin` (else the first bin of kind quarantine)."""
    caller = await admit(request, WAREHOUSE)
    return await _decide(request, caller, "quarantine", await parse(request, AsideIn))


@router.post(
    "/v1/stock/quarantine/release",
    **describe(
        "Back to sale",
        CorrectionOut,
        status=201,
        body=AsideIn,
        example={**_EXAMPLE, "note": "looked at, fine"},
        scopes=WAREHOUSE,
    ),
)
async def release(request: Request) -> Response:
    """Goods in quarantine are good: into `to_bin`, or loose; orders that wait are told."""
    caller = await admit(request, WAREHOUSE)
    return await _decide(request, caller, "release", await parse(request, AsideIn))


@router.post(
    "/v1/stock/quarantine/condemn",
    **describe(
        "Never to be sold",
        CorrectionOut,
        status=201,
        body=AsideIn,
        example=_EXAMPLE,
        scopes=WAREHOUSE,
    ),
)
async def condemn(request: Request) -> Response:
    """Goods in quarantine stay `damaged` and wait for nobody; they leave the quarantine bins."""
    caller = await admit(request, WAREHOUSE)
    return await _decide(request, caller, "condemn", await parse(request, AsideIn))


@router.post(
    "/v1/stock/quarantine/scrap",
    **describe(
        "Throw goods away",
        CorrectionOut,
        status=201,
        body=ScrapIn,
        example={**_EXAMPLE, "reason_code": "write_off"},
        scopes=WAREHOUSE,
    ),
)
async def scrap(request: Request) -> Response:
    """Goods in quarantine, or condemned before, leave the books."""
    caller = await admit(request, WAREHOUSE)
    parsed = await parse(request, ScrapIn)
    decision = "scrap_condemned" if parsed.value.condemned else "scrap"
    return await _decide(request, caller, decision, parsed)


async def _decide(
    request: Request, caller: Caller, decision: str, parsed: Parsed[AsideIn] | Parsed[ScrapIn]
) -> Response:
    body, key = parsed.value, idempotency_key(request)
    reported_at(body.occurred_at)
    pieces = [getattr(x, "serials", []) for x in body.lines]
    sign = -1 if isinstance(body, ScrapIn) else 1
    told = [
        ToldLine(x.sku, sign * x.quantity, {"bin": x.bin, "to_bin": x.to_bin}, x.lot, own, sign < 0)
        for x, own in zip(body.lines, pieces, strict=True)
    ]
    moves = [
        BinMove(x.sku, x.quantity, x.bin or "", x.to_bin or "", x.lot or "") for x in body.lines
    ]

    async def effect(conn: Connection, cause: str) -> Answer:
        await must_exist(conn, [x.sku for x in body.lines], {"/warehouse": body.warehouse})
        await must_be_told(conn, Goods(body.warehouse), told)
        await _must_be_clear(conn, decision, body.lines)
        reason = ": ".join(part for part in (body.reason_code, body.note) if part)
        why = catalog.Why(f"{decision}:{cause}", caller.name, reason, body.occurred_at)
        levels = await decide(conn, body.warehouse, decision, moves, why)
        gone = serials.Told(why.cause, why.actor, why.occurred_at)
        for x, own in zip(body.lines, pieces, strict=True):
            if own:
                await serials.remove(conn, x.sku, body.warehouse, own, gone)
        return views.ok({"cause": why.cause, "levels": levels}, 201)

    once = Once(services(request), caller, parsed.request_hash, key)
    return (await once.do(effect, cause=new_id("stk"))).response()


async def _must_be_clear(conn: Connection, decision: str, lines: Sequence[AsideLineIn]) -> None:
    """Which lot is meant, and that what is never sold goes to no bin."""
    tracking = await bins.tracking(conn, [x.sku for x in lines])
    errors = []
    for i, x in enumerate(lines):
        where = f"/lines/{i}"
        if x.to_bin and decision not in {"quarantine", "release"}:
            detail = "Pickers would find them: they stay in no bin."
            errors.append(FieldError(f"{where}/to_bin", "not_allowed", detail))
        elif tracking[x.sku].lot_tracked and not x.bin:
            if decision == "quarantine" and not x.lot:
                detail = "The item wants the lot of units that are in no bin."
                errors.append(FieldError(f"{where}/lot", "lot_required", detail))
            if x.to_bin and decision == "release":
                detail = "The item has lots: out of which bin do they come?"
                errors.append(FieldError(f"{where}/bin", "bin_required", detail))
    if errors:
        raise invalid(errors)


@router.post(
    "/v1/stock/expire",
    **describe(
        "Put what has expired into quarantine",
        ExpiryOut,
        body=ExpireIn,
        example={},
        body_required=False,
        scopes=WAREHOUSE,
    ),
)
async def expire(request: Request) -> Response:
    """Lots past their date go off sale; what orders were promised stays, and is told."""
    caller = await admit(request, WAREHOUSE)
    key, parsed = idempotency_key(request), await parse(request, ExpireIn)
    day = parsed.value.today
    # Somewhere on earth it is tomorrow already.
    if day is not None and day > datetime.now(UTC).date() + timedelta(days=1):
        raise invalid([FieldError("/today", "in_the_future", "That day has not come yet.")])

    async def effect(conn: Connection, cause: str) -> Answer:
        found = await expire_lots(conn, day, cause=f"expire:{cause}", actor=caller.name)
        return views.ok(asdict(found))

    once = Once(services(request), caller, parsed.request_hash, key)
    return (await once.do(effect, cause=new_id("stk"))).response()
