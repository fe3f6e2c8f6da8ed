"""Pick lists: one picker's round over the work of many orders, in walking order."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from api import paging, views
from api.body import idempotency_key, parse
from api.deps import SUPPORT, WAREHOUSE, Caller, admit, services
from api.errors import Answer, FieldError, invalid, not_found
from api.once import Once
from api.openapi import describe
from api.routes.orders import known_id, no_nul
from api.routes.warehouse import reported_at
from api.schemas.answers import PageOut
from api.schemas.handling import EmptyIn, FoundIn, PickListIn, PickTasksIn
from api.schemas.handling_answers import PickListOut
from api.stock_checks import must_exist
from db import bins, orders, pick_lists, picks, timeline
from db.new_ids import new_id
from db.pool import Connection
from domain.errors import Refused

router = APIRouter(tags=["warehouse"])

_LIST = "pick list"
_SEERS = (*WAREHOUSE, *SUPPORT)


@router.post(
    "/v1/pick-lists",
    **describe(
        "Begin a round",
        PickListOut,
        status=201,
        body=PickListIn,
        example={"warehouse": "MAIN", "picker": "Deniz", "max_orders": 12},
        scopes=WAREHOUSE,
    ),
)
async def make_list(request: Request) -> Response:
    """Claim the most urgent work that nobody picks (or the work named) for one picker.

    Stops are in walking order, with what expires first taken first; a stop serves all its orders.
    """
    caller = await admit(request, WAREHOUSE)
    key, parsed = idempotency_key(request), await parse(request, PickListIn)
    body = parsed.value
    named = body.fulfillment_orders
    if named is not None:
        _each_once(named)

    async def effect(conn: Connection, _: str) -> Answer:
        await must_exist(conn, [], {"/warehouse": body.warehouse})
        limit = body.max_orders if named is None else len(named)
        work = await pick_lists.candidates(conn, body.warehouse, named, limit)
        found = {row["id"] for row in work}
        unknown = [
            FieldError(f"/fulfillment_orders/{i}", "unknown_fulfillment_order", "Not of here.")
            for i, one in enumerate(named or ())
            if one not in found
        ]
        if unknown:
            raise invalid(unknown)
        id_ = new_id("pkl")
        await pick_lists.create(conn, id_, body.warehouse, body.picker or caller.name, work)
        return await _answer(conn, id_, 201)

    once = Once(services(request), caller, parsed.request_hash, key)
    return (await once.do(effect, cause="")).response()


def _each_once(ids: list[str]) -> None:
    errors = [
        FieldError(f"/fulfillment_orders/{i}", "duplicate", "Named twice.")
        for i, one in enumerate(ids)
        if one in ids[:i]
    ]
    if errors:
        raise invalid(errors)


async def _answer(conn: Connection, list_id: str, status: int = 200) -> Answer:
    found = await pick_lists.read(conn, [list_id])
    if not found:
        raise not_found(_LIST)
    return views.ok(found[0], status)


@router.get(
    "/v1/pick-lists",
    **describe("Pick lists, newest first", PageOut[PickListOut], scopes=_SEERS),
)
async def list_lists(
    request: Request,
    warehouse: Annotated[str | None, Query(max_length=64)] = None,
    status: Literal["in_progress", "done", "canceled"] | None = None,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Response:
    """Rounds of a warehouse."""
    await admit(request, _SEERS)
    before = paging.decode(cursor, datetime, str)
    async with services(request).pool.acquire() as conn:
        found = await pick_lists.find(
            conn, no_nul(warehouse, "warehouse"), status, before, limit + 1
        )
        rows, following = paging.cut(
            found, limit, lambda row: paging.encode(row["created_at"], row["id"])
        )
        lists = await pick_lists.read(conn, [row["id"] for row in rows])
    return views.ok(views.page(lists, following)).response()


@router.get(
    "/v1/pick-lists/{pick_list_id}",
    **describe("A pick list", PickListOut, problems=(404,), scopes=_SEERS),
)
async def get_list(request: Request, pick_list_id: str) -> Response:
    """One round; `left` is what the orders want now, which a hold or a cancellation lowers."""
    await admit(request, _SEERS)
    async with services(request).pool.acquire() as conn:
        return (await _answer(conn, known_id(pick_list_id, _LIST))).response()


@router.post(
    "/v1/pick-lists/{pick_list_id}/pick",
    **describe(
        "Report what was found at stops",
        PickListOut,
        body=PickTasksIn,
        example={"tasks": [{"task": 1, "quantity": 3}]},
        problems=(404,),
        scopes=WAREHOUSE,
    ),
)
async def pick_tasks(request: Request, pick_list_id: str) -> Response:
    """Units found are shared out by slot; with `short_reason` the stop's rest is missing.

    Each order hears of it as of a pick of its own. When more was found than is wanted any more
    (an order was canceled meanwhile) nothing is booked, and `current` tells how many are.
    """
    caller = await admit(request, WAREHOUSE)
    key, parsed = idempotency_key(request), await parse(request, PickTasksIn)
    body = parsed.value
    reporter = picks.Reporter(caller.name, caller.role, reported_at(body.occurred_at))
    list_id = known_id(pick_list_id, _LIST)
    found = [
        pick_lists.Found(
            x.task, x.quantity, x.short_reason, x.bin or "", x.lot or "", tuple(x.serials)
        )
        for x in body.tasks
    ]

    async def effect(conn: Connection, _: str) -> Answer:
        await _must_fit(conn, list_id, body.tasks)
        await pick_lists.pick(conn, list_id, found, reporter)
        return await _answer(conn, list_id)

    async def tell(conn: Connection, refusal: Refused) -> None:
        await _tell_orders(conn, list_id, {x.task for x in body.tasks}, caller, refusal)

    once = Once(services(request), caller, parsed.request_hash, key)
    return (await once.do(effect, cause="", on_refused=tell)).response()


async def _must_fit(conn: Connection, list_id: str, tasks: list[FoundIn]) -> None:
    """Stops of this list, each once; the bin, if it is another, exists."""
    rows = await pick_lists.read(conn, [list_id])
    if not rows:
        raise not_found(_LIST)
    known = {task["task"]: task for task in rows[0]["tasks"]}
    named = [x.bin for x in tasks if x.bin]
    no_bin = await bins.unknown(conn, rows[0]["warehouse"], named)
    errors = []
    for i, x in enumerate(tasks):
        where = f"/tasks/{i}"
        if x.task not in known:
            errors.append(FieldError(f"{where}/task", "unknown_task", "There is no such stop."))
        elif any(x.task == other.task for other in tasks[:i]):
            errors.append(FieldError(f"{where}/task", "duplicate", "Named twice."))
        elif x.serials and not known[x.task]["serial_tracked"]:
            detail = "The item has no serial numbers."
            errors.append(FieldError(f"{where}/serials", "not_serial_tracked", detail))
        if x.serials and len(x.serials) != x.quantity:
            detail = "One serial number for each unit found, or none until it is packed."
            errors.append(FieldError(f"{where}/serials", "serials_required", detail))
        if x.bin in no_bin:
            errors.append(FieldError(f"{where}/bin", "unknown_bin", "There is no such bin."))
    if errors:
        raise invalid(errors)


async def _tell_orders(
    conn: Connection, list_id: str, tasks: set[int], caller: Caller, refusal: Refused
) -> None:
    """The refusal stands in the timeline of each order whose units were reported."""
    parts = await pick_lists.parts_of(conn, list_id)
    concerned = {
        (p["order_id"], p["fulfillment_order_id"]) for p in parts if p["position"] in tasks
    }
    for order_id, work_id in sorted(concerned):
        await orders.lock(conn, order_id)
        await timeline.record(
            conn,
            order_id,
            "pick_refused",
            actor=caller.name,
            role=caller.role,
            data={
                "fulfillment_order_id": work_id,
                "pick_list_id": list_id,
                "code": refusal.code,
                "current": refusal.current,
            },
        )


@router.post(
    "/v1/pick-lists/{pick_list_id}/cancel",
    **describe(
        "End a round early",
        PickListOut,
        body=EmptyIn,
        example={},
        body_required=False,
        problems=(404,),
        scopes=WAREHOUSE,
    ),
)
async def cancel_list(request: Request, pick_list_id: str) -> Response:
    """What was not picked is anybody's again; what was picked stays picked."""
    caller = await admit(request, WAREHOUSE)
    key, parsed = idempotency_key(request), await parse(request, EmptyIn)
    list_id = known_id(pick_list_id, _LIST)

    async def effect(conn: Connection, _: str) -> Answer:
        if not await pick_lists.read(conn, [list_id]):
            raise not_found(_LIST)
        await pick_lists.cancel(conn, list_id)
        return await _answer(conn, list_id)

    once = Once(services(request), caller, parsed.request_hash, key)
    return (await once.do(effect, cause="")).response()
