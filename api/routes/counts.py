"""Cycle counts: blind sheets, what was found, and who agrees to the difference."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response

from api import paging, views
from api.body import M, Parsed, idempotency_key, parse
from api.deps import SUPPORT, WAREHOUSE, Caller, admit, services
from api.errors import Answer, FieldError, invalid, not_found
from api.once import Effect, Once
from api.openapi import describe
from api.routes.orders import known_id, no_nul
from api.routes.warehouse import reported_at
from api.schemas.answers import PageOut
from api.schemas.handling import CountDecisionIn, CountedIn, CycleCountIn, EmptyIn
from api.schemas.handling_answers import CycleCountOut
from api.stock_checks import must_exist
from db import bins, catalog, cycle_counts
from db.cycle_counts import Person
from db.new_ids import new_id
from db.pool import Connection
from domain.counting import Tolerance

router = APIRouter(tags=["stock"])

_COUNT = "count"
_SEERS = (*WAREHOUSE, *SUPPORT)
# Who may agree to a difference, and sees the books before that.
_DECIDERS = frozenset(SUPPORT)


@router.post(
    "/v1/cycle-counts",
    **describe(
        "Make a sheet to count by",
        CycleCountOut,
        status=201,
        body=CycleCountIn,
        example={"warehouse": "MAIN", "bins": ["A-01", "A-02"]},
        scopes=WAREHOUSE,
    ),
)
async def make_count(request: Request) -> Response:
    """Places of whole bins, of items, or of the items of a class; without the books' numbers."""
    caller = await admit(request, WAREHOUSE)
    key, parsed = idempotency_key(request), await parse(request, CycleCountIn)
    body = parsed.value
    own = services(request).settings
    shop = Tolerance(own.count_tolerance_units, own.count_tolerance_percent)
    asked = Tolerance(
        shop.units if body.tolerance_units is None else body.tolerance_units,
        shop.percent if body.tolerance_percent is None else body.tolerance_percent,
    )
    sheet = cycle_counts.Sheet(
        body.warehouse,
        body.bins,
        body.skus,
        body.abc_class,
        body.days,
        body.limit,
        body.reason,
        asked if _decides(caller) else asked.at_most(shop),
    )

    async def effect(conn: Connection, _: str) -> Answer:
        await _must_be_known(conn, body)
        id_ = new_id("cnt")
        await cycle_counts.create(conn, id_, sheet, _person(caller))
        return await _answer(conn, id_, caller, 201)

    return (await _once(request, caller, parsed, key).do(effect, cause="")).response()


async def _must_be_known(conn: Connection, body: CycleCountIn) -> None:
    await must_exist(conn, [], {"/warehouse": body.warehouse})
    no_bin = await bins.unknown(conn, body.warehouse, body.bins)
    no_item = await catalog.unknown_skus(conn, body.skus)
    errors = [
        FieldError(f"/bins/{i}", "unknown_bin", "The warehouse has no such bin.")
        for i, code in enumerate(body.bins)
        if code in no_bin
    ]
    errors += [
        FieldError(f"/skus/{i}", "unknown_sku", "There is no such item.")
        for i, sku in enumerate(body.skus)
        if sku in no_item
    ]
    if errors:
        raise invalid(errors)


def _decides(caller: Caller) -> bool:
    return not _DECIDERS.isdisjoint(caller.scopes)


def _person(caller: Caller) -> Person:
    return Person(caller.name, caller.id)


def _once(request: Request, caller: Caller, parsed: Parsed[M], key: str | None) -> Once:
    return Once(services(request), caller, parsed.request_hash, key)


async def _row(conn: Connection, count_id: str) -> Any:  # noqa: ANN401 - a row
    found = await cycle_counts.listed(conn, count_id=count_id)
    if not found:
        raise not_found(_COUNT)
    return found[0]


async def _answer(conn: Connection, count_id: str, caller: Caller, status: int = 200) -> Answer:
    return views.ok(_view(await _row(conn, count_id), caller), status)


def _view(row: Any, caller: Caller) -> dict[str, Any]:  # noqa: ANN401 - a row
    """A counter who saw the difference would count again until there is none."""
    hidden = {"open"} if _decides(caller) else {"open", "waiting"}
    lines = [
        line | {"expected": None, "variance": None} if line["status"] in hidden else line
        for line in row["lines"] or []
    ]
    return {**row, "lines": lines}


@router.get(
    "/v1/cycle-counts",
    **describe("Counts, newest first", PageOut[CycleCountOut], scopes=_SEERS),
)
async def list_counts(
    request: Request,
    warehouse: Annotated[str | None, Query(max_length=64)] = None,
    status: Literal["open", "waiting", "done", "canceled"] | None = None,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Response:
    """Counts of a warehouse; `status=waiting` are those that need a decision."""
    caller = await admit(request, _SEERS)
    async with services(request).pool.acquire() as conn:
        found = await cycle_counts.listed(
            conn,
            warehouse=no_nul(warehouse, "warehouse"),
            status=status,
            before=paging.decode(cursor, datetime, str),
            limit=limit + 1,
        )
    rows, following = paging.cut(
        found, limit, lambda row: paging.encode(row["created_at"], row["id"])
    )
    return views.ok(views.page([_view(row, caller) for row in rows], following)).response()


@router.get(
    "/v1/cycle-counts/{count_id}",
    **describe("A count", CycleCountOut, problems=(404,), scopes=_SEERS),
)
async def get_count(request: Request, count_id: str) -> Response:
    """One count; the books' numbers are shown to those who decide, and when it is decided."""
    caller = await admit(request, _SEERS)
    async with services(request).pool.acquire() as conn:
        return (await _answer(conn, known_id(count_id, _COUNT), caller)).response()


@router.post(
    "/v1/cycle-counts/{count_id}/counted",
    **describe(
        "What was counted",
        CycleCountOut,
        body=CountedIn,
        example={
            "lines": [{"sku": "TSHIRT-M", "bin": "A-01", "counted": 38}],
            "counted_at": "2026-03-01T08:30:00Z",
        },
        problems=(404,),
        scopes=WAREHOUSE,
    ),
)
async def report_count(request: Request, count_id: str) -> Response:
    """Differences within the tolerance are booked; others wait for another person to agree.

    Bins that are counted whole may hold what the sheet does not name. `counted_at` is when it was
    looked at (not before the sheet was made), so that what moved since is no difference.
    """
    caller = await admit(request, WAREHOUSE)
    key, parsed = idempotency_key(request), await parse(request, CountedIn)
    body, at = parsed.value, reported_at(parsed.value.counted_at, "/counted_at")
    counted = [cycle_counts.Counted(x.sku, x.bin or "", x.lot or "", x.counted) for x in body.lines]
    places = [(one.sku, one.bin, one.lot) for one in counted]
    twice = [i for i, place in enumerate(places) if place in places[:i]]
    if twice:
        raise invalid([FieldError(f"/lines/{i}", "duplicate", "Counted twice.") for i in twice])

    async def change(conn: Connection) -> None:
        # What moved since the look is added to what was seen: before the sheet was made, that may
        # be the very goods that were put there to be counted.
        if at is not None and at < (await _row(conn, count_id))["created_at"]:
            detail = "The count was made after that."
            raise invalid([FieldError("/counted_at", "out_of_range", detail)])
        await must_exist(conn, [x.sku for x in body.lines], {})
        await cycle_counts.report(conn, count_id, counted, _person(caller), at)

    effect = _effect(count_id, caller, change)
    return (await _once(request, caller, parsed, key).do(effect, cause="")).response()


def _effect(count_id: str, caller: Caller, change: Callable[[Connection], Any]) -> Effect:
    """Change a count that exists, and answer it."""
    id_ = known_id(count_id, _COUNT)

    async def effect(conn: Connection, _: str) -> Answer:
        await _row(conn, id_)
        await change(conn)
        return await _answer(conn, id_, caller)

    return effect


async def _decide(request: Request, count_id: str, decision: str) -> Response:
    caller = await admit(request, SUPPORT)
    key, parsed = idempotency_key(request), await parse(request, CountDecisionIn)
    body = parsed.value

    async def change(conn: Connection) -> None:
        await cycle_counts.decide(conn, count_id, decision, body.lines, _person(caller), body.note)

    effect = _effect(count_id, caller, change)
    return (await _once(request, caller, parsed, key).do(effect, cause="")).response()


@router.post(
    "/v1/cycle-counts/{count_id}/approve",
    **describe(
        "Agree to differences",
        CycleCountOut,
        body=CountDecisionIn,
        example={"note": "seen by two"},
        body_required=False,
        problems=(404,),
        scopes=SUPPORT,
    ),
)
async def approve_count(request: Request, count_id: str) -> Response:
    """Book what waits; whoever counted cannot agree to the own count."""
    return await _decide(request, count_id, "approve")


@router.post(
    "/v1/cycle-counts/{count_id}/reject",
    **describe(
        "Refuse differences",
        CycleCountOut,
        body=CountDecisionIn,
        example={"note": "the wrong shelf"},
        body_required=False,
        problems=(404,),
        scopes=SUPPORT,
    ),
)
async def reject_count(request: Request, count_id: str) -> Response:
    """The books stay as they are."""
    return await _decide(request, count_id, "reject")


@router.post(
    "/v1/cycle-counts/{count_id}/recount",
    **describe(
        "Have it counted again",
        CycleCountOut,
        body=CountDecisionIn,
        example={"lines": [1]},
        body_required=False,
        problems=(404,),
        scopes=SUPPORT,
    ),
)
async def recount(request: Request, count_id: str) -> Response:
    """The places are on the sheet again; what was counted stays in its history."""
    return await _decide(request, count_id, "recount")


@router.post(
    "/v1/cycle-counts/{count_id}/cancel",
    **describe(
        "Give a count up",
        CycleCountOut,
        body=EmptyIn,
        example={},
        body_required=False,
        problems=(404,),
        scopes=_SEERS,
    ),
)
async def cancel_count(request: Request, count_id: str) -> Response:
    """Nobody counts it any more, and what waits is not booked."""
    caller = await admit(request, _SEERS)
    key, parsed = idempotency_key(request), await parse(request, EmptyIn)

    async def change(conn: Connection) -> None:
        await cycle_counts.cancel(conn, count_id, _person(caller))

    effect = _effect(count_id, caller, change)
    return (await _once(request, caller, parsed, key).do(effect, cause="")).response()
