"""Goods between two warehouses, at once or in two steps."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response

from api import paging, views
from api.body import idempotency_key, parse
from api.deps import STOCK_READERS, WAREHOUSE, admit, services
from api.errors import Answer, FieldError, invalid, not_found
from api.once import Once
from api.openapi import describe
from api.routes.orders import known_id, no_nul
from api.routes.warehouse import reported_at
from api.schemas.answers import PageOut
from api.schemas.handling import ArrivedLineIn, TransferReceiptIn
from api.schemas.handling_answers import MovedOut, TransferOut
from api.schemas.stock import TransferIn
from api.stock_checks import Goods, ToldLine, must_be_told, must_exist
from db import bins, catalog, transfers
from db.new_ids import new_id
from db.pool import Connection

router = APIRouter(tags=["stock"])

_TRANSFER = "transfer"


@router.post(
    "/v1/stock/transfers",
    **describe(
        "Move goods between warehouses",
        MovedOut,
        status=201,
        body=TransferIn,
        example={
            "from_warehouse": "MAIN",
            "to_warehouse": "WEST",
            "reference": "T-3",
            "lines": [{"sku": "TSHIRT-M", "quantity": 10}],
        },
        scopes=WAREHOUSE,
    ),
)
async def transfer_stock(request: Request) -> Response:
    """Take goods off one warehouse and add them to another, at once.

    With `in_transit` they leave now, and the other expects them (`incoming`) until it reports what
    came.
    """
    caller = await admit(request, WAREHOUSE)
    key, parsed = idempotency_key(request), await parse(request, TransferIn)
    body = parsed.value
    reported_at(body.occurred_at)
    if body.from_warehouse == body.to_warehouse:
        detail = "Goods move between two warehouses."
        raise invalid([FieldError("/to_warehouse", "same_warehouse", detail)])
    lines = [
        transfers.Sent(x.sku, x.quantity, x.bin or "", x.lot or "", tuple(x.serials))
        for x in body.lines
    ]

    async def effect(conn: Connection, cause: str) -> Answer:
        await _must_be_possible(conn, body)
        why = catalog.Why(f"transfer:{cause}", caller.name, body.reference, body.occurred_at)
        source, target = body.from_warehouse, body.to_warehouse
        if not body.in_transit:
            levels = await transfers.at_once(conn, source, target, lines, why)
            return views.ok({"cause": why.cause, "levels": levels}, 201)
        id_ = new_id("trf")
        levels = await transfers.dispatch(conn, id_, source, target, body.reference, lines, why)
        [row] = await transfers.listed(conn, transfer_id=id_)
        return views.ok({"cause": why.cause, "levels": levels, "transfer": row}, 201)

    once = Once(services(request), caller, parsed.request_hash, key)
    return (await once.do(effect, cause=new_id("stk"))).response()


async def _must_be_possible(conn: Connection, body: TransferIn) -> None:
    skus = [x.sku for x in body.lines]
    places = {"/from_warehouse": body.from_warehouse, "/to_warehouse": body.to_warehouse}
    await must_exist(conn, skus, places)
    told = [ToldLine(x.sku, -x.quantity, {"bin": x.bin}, x.lot, x.serials) for x in body.lines]
    await must_be_told(conn, Goods(body.from_warehouse), told)
    tracking = await bins.tracking(conn, skus)
    errors = [
        FieldError(f"/lines/{i}/{name}", code, "Goods of a lot move with their bin and lot.")
        for i, x in enumerate(body.lines)
        if tracking[x.sku].lot_tracked
        for name, code, value in (("bin", "bin_required", x.bin), ("lot", "lot_required", x.lot))
        if value is None
    ]
    if errors:
        raise invalid(errors)


@router.get(
    "/v1/stock/transfers",
    **describe("Transfers in two steps, newest first", PageOut[TransferOut], scopes=STOCK_READERS),
)
async def list_transfers(
    request: Request,
    warehouse: Annotated[str | None, Query(max_length=64)] = None,
    status: Literal["in_transit", "received"] | None = None,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Response:
    """Transfers from or to a warehouse."""
    await admit(request, STOCK_READERS)
    async with services(request).pool.acquire() as conn:
        found = await transfers.listed(
            conn,
            warehouse=no_nul(warehouse, "warehouse"),
            status=status,
            before=paging.decode(cursor, datetime, str),
            limit=limit + 1,
        )
    rows, following = paging.cut(
        found, limit, lambda row: paging.encode(row["dispatched_at"], row["id"])
    )
    return views.ok(views.page(rows, following)).response()


@router.get(
    "/v1/stock/transfers/{transfer_id}",
    **describe("A transfer", TransferOut, problems=(404,), scopes=STOCK_READERS),
)
async def get_transfer(request: Request, transfer_id: str) -> Response:
    """One transfer with its lines."""
    await admit(request, STOCK_READERS)
    async with services(request).pool.acquire() as conn:
        return views.ok(await _transfer(conn, transfer_id)).response()


async def _transfer(conn: Connection, transfer_id: str) -> Any:  # noqa: ANN401 - a row
    rows = await transfers.listed(conn, transfer_id=known_id(transfer_id, _TRANSFER))
    if not rows:
        raise not_found(_TRANSFER)
    return rows[0]


@router.post(
    "/v1/stock/transfers/{transfer_id}/receive",
    **describe(
        "A transfer arrived",
        MovedOut,
        status=201,
        body=TransferReceiptIn,
        example={"lines": [{"sku": "TSHIRT-M", "quantity": 9, "reason": "one box was wet"}]},
        body_required=False,
        problems=(404,),
        scopes=WAREHOUSE,
    ),
)
async def receive_transfer(request: Request, transfer_id: str) -> Response:
    """Lines that are not named came as they were sent; a difference stays with its reason."""
    caller = await admit(request, WAREHOUSE)
    key, parsed = idempotency_key(request), await parse(request, TransferReceiptIn)
    body = parsed.value
    reported_at(body.occurred_at)

    async def effect(conn: Connection, _: str) -> Answer:
        transfer = await _transfer(conn, transfer_id)
        sent = await transfers.lines_of(conn, transfer_id)
        await _must_fit(conn, transfer["to_warehouse"], sent, body.lines)
        arrived = {
            (x.sku, x.lot or ""): transfers.Arrived(x.quantity, x.bin or "", x.reason, x.serials)
            for x in body.lines
        }
        why = catalog.Why(
            f"transfer:{transfer_id}:received",
            caller.name,
            transfer["reference"],
            body.occurred_at,
        )
        levels = await transfers.receive(conn, transfer, arrived, why)
        after = await _transfer(conn, transfer_id)
        return views.ok({"cause": why.cause, "levels": levels, "transfer": after}, 201)

    once = Once(services(request), caller, parsed.request_hash, key)
    return (await once.do(effect, cause="")).response()


async def _must_fit(
    conn: Connection,
    warehouse: str,
    sent: Mapping[tuple[str, str], transfers.Row],
    lines: list[ArrivedLineIn],
) -> None:
    """Lines of the transfer, each once; a difference has a reason, a piece was sent."""
    no_bin = await bins.unknown(conn, warehouse, [x.bin for x in lines if x.bin])
    errors, seen = [], set()
    for i, x in enumerate(lines):
        line = sent.get((x.sku, x.lot or ""))
        if line is None or (x.sku, x.lot) in seen:
            code = "unknown_line" if line is None else "duplicate"
            errors.append(FieldError(f"/lines/{i}", code, "Not a line of this transfer, or twice."))
            continue
        seen.add((x.sku, x.lot))
        if x.bin in no_bin:
            errors.append(FieldError(f"/lines/{i}/bin", "unknown_bin", "There is no such bin."))
        if x.quantity > line["quantity"]:
            detail = f"Only {line['quantity']} were sent: what is beyond that is a receipt."
            errors.append(FieldError(f"/lines/{i}/quantity", "too_many_units", detail))
        if x.quantity != line["quantity"] and x.reason is None:
            errors.append(FieldError(f"/lines/{i}/reason", "required", "Why is it another number?"))
        wanted = line["serials"] if x.serials is None else x.serials
        if line["serials"] and (
            len(wanted) != x.quantity or not set(wanted) <= set(line["serials"])
        ):
            detail = "Name the pieces that came, out of those that were sent."
            errors.append(FieldError(f"/lines/{i}/serials", "serials_required", detail))
    if errors:
        raise invalid(errors)
