"""What a warehouse sees and reports: begun, picked, packed, handed over."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from api import paging, piece_checks, views
from api.asking import Desk, Made, Petition
from api.body import idempotency_key, parse
from api.deps import SUPPORT, WAREHOUSE, Caller, Services, admit, services
from api.errors import Answer, FieldError, Problem, invalid, not_found
from api.once import Once
from api.openapi import describe
from api.routes.orders import known_id, no_nul
from api.schemas.answers import PageOut
from api.schemas.order_answers import WorkOut
from api.schemas.requests import PackIn, PickIn, ShipIn, StartIn
from db import picks, reads, timeline
from db.new_ids import new_id
from db.pool import Connection
from domain.errors import Refused
from domain.states import FulfillmentOrderStatus
from workflows.messages import (
    LineQuantity,
    Outcome,
    PackRequest,
    ParcelInput,
    ShipRequest,
)

router = APIRouter(tags=["warehouse"])

_WORK = "fulfillment order"
_SEERS = (*WAREHOUSE, *SUPPORT)
_CLOCK_SKEW = timedelta(minutes=1)


@router.get(
    "/v1/fulfillment-orders",
    **describe("Work at locations, newest first", PageOut[WorkOut], scopes=_SEERS),
)
async def list_work(
    request: Request,
    warehouse: Annotated[str | None, Query(max_length=64)] = None,
    status: Annotated[list[FulfillmentOrderStatus] | None, Query()] = None,
    order_id: Annotated[str | None, Query(max_length=64)] = None,
    limit: paging.Limit = paging.DEFAULT_LIMIT,
    cursor: paging.Cursor = None,
) -> Response:
    """Fulfillment orders that fit all filters; a status given twice takes either."""
    await admit(request, _SEERS)
    async with services(request).pool.acquire() as conn:
        ids = await reads.find_work(
            conn,
            warehouse=no_nul(warehouse, "warehouse"),
            status=status or (),
            order_id=no_nul(order_id, "order_id"),
            before=paging.decode(cursor, datetime, str),
            limit=limit + 1,
        )
        rows = await reads.work(conn, ids[:limit])
    more = len(ids) > limit and rows
    following = paging.encode(rows[-1]["created_at"], rows[-1]["id"]) if more else None
    return views.ok(views.page([views.work(row) for row in rows], following)).response()


@router.get(
    "/v1/fulfillment-orders/{fulfillment_order_id}",
    **describe("Work at a location", WorkOut, problems=(404,), scopes=_SEERS),
)
async def get_work(request: Request, fulfillment_order_id: str) -> Response:
    """One fulfillment order with its lines and parcels."""
    await admit(request, _SEERS)
    work_id = known_id(fulfillment_order_id, _WORK)
    async with services(request).pool.acquire() as conn:
        return (await _work(conn, work_id)).response()


async def _work(conn: Connection, work_id: str, status: int = 200) -> Answer:
    rows = await reads.work(conn, [work_id])
    if not rows:
        raise not_found(_WORK)
    return views.ok(views.work(rows[0]), status)


async def _owner(own: Services, work_id: str) -> str:
    async with own.pool.acquire() as conn:
        order_id = await reads.owner_of_work(conn, known_id(work_id, _WORK))
    if order_id is None:
        raise not_found(_WORK)
    return order_id


@router.post(
    "/v1/fulfillment-orders/{fulfillment_order_id}/start",
    **describe(
        "Begin to work",
        WorkOut,
        body=StartIn,
        example={},
        body_required=False,
        problems=(404,),
        scopes=WAREHOUSE,
    ),
)
async def start_work(request: Request, fulfillment_order_id: str) -> Response:
    """The warehouse begins; beginning again changes nothing."""
    caller = await admit(request, WAREHOUSE)
    own, key = services(request), idempotency_key(request)
    parsed = await parse(request, StartIn)
    order_id = await _owner(own, fulfillment_order_id)
    reporter = picks.Reporter(caller.name, caller.role, reported_at(parsed.value.occurred_at))

    async def effect(conn: Connection, _: str) -> Answer:
        await picks.start(conn, order_id, fulfillment_order_id, reporter)
        return await _work(conn, fulfillment_order_id)

    once = Once(own, caller, parsed.request_hash, key)
    refusal = _Refusal("start", order_id, fulfillment_order_id, caller)
    return (await once.do(effect, cause="", on_refused=refusal.write)).response()


@router.post(
    "/v1/fulfillment-orders/{fulfillment_order_id}/pick",
    **describe(
        "Report what was found",
        WorkOut,
        body=PickIn,
        example={"lines": [{"line_id": "lin_01jd8w3n0c9v5b1r6t2m4q7xza", "quantity": 2}]},
        problems=(404,),
        scopes=WAREHOUSE,
    ),
)
async def pick_work(request: Request, fulfillment_order_id: str) -> Response:
    """Units found; with `short_reason`, the rest of the line is missing and sought elsewhere.

    Out of a `bin`, when it is told: the units found, and those missing, are off its books.
    """
    caller = await admit(request, WAREHOUSE)
    own, key = services(request), idempotency_key(request)
    parsed = await parse(request, PickIn)
    body = parsed.value
    # A line may come out of several bins.
    _each_once(
        [f"{x.line_id} {x.bin or ''} {x.lot or ''}" for x in body.lines], "/lines", "line_id"
    )
    order_id = await _owner(own, fulfillment_order_id)
    reporter = picks.Reporter(caller.name, caller.role, reported_at(body.occurred_at))
    found = [
        picks.Picked(
            x.line_id,
            x.quantity,
            x.short_reason,
            bin=x.bin or "",
            lot=x.lot or "",
            serials=tuple(x.serials),
        )
        for x in body.lines
    ]

    async def effect(conn: Connection, _: str) -> Answer:
        [row] = await reads.work(conn, [fulfillment_order_id])
        await piece_checks.must_be_pickable(conn, row, body.lines)
        await picks.pick(conn, order_id, fulfillment_order_id, found, reporter)
        return await _work(conn, fulfillment_order_id)

    once = Once(own, caller, parsed.request_hash, key)
    refusal = _Refusal("pick", order_id, fulfillment_order_id, caller)
    return (await once.do(effect, cause="", on_refused=refusal.write)).response()


class _Refusal:
    """Writes to the timeline what the state did not allow."""

    def __init__(self, what: str, order_id: str, work_id: str, caller: Caller) -> None:
        self._what = what
        self._order_id = order_id
        self._work_id = work_id
        self._caller = caller

    async def write(self, conn: Connection, refusal: Refused) -> None:
        """The event beside the stored answer."""
        await timeline.record(
            conn,
            self._order_id,
            f"{self._what}_refused",
            actor=self._caller.name,
            role=self._caller.role,
            data={
                "fulfillment_order_id": self._work_id,
                "code": refusal.code,
                "current": refusal.current,
            },
        )


@router.post(
    "/v1/fulfillment-orders/{fulfillment_order_id}/pack",
    **describe(
        "Pack parcels",
        WorkOut,
        body=PackIn,
        example={
            "parcels": [
                {
                    "lines": [{"line_id": "lin_01jd8w3n0c9v5b1r6t2m4q7xza", "quantity": 2}],
                    "weight_g": 450,
                    "length_mm": 300,
                    "width_mm": 200,
                    "height_mm": 80,
                }
            ]
        },
        problems=(404,),
        scopes=WAREHOUSE,
    ),
)
async def pack_work(request: Request, fulfillment_order_id: str) -> Response:
    """Put units into parcels; what was not reported as picked is picked with it.

    Items that want serial numbers tell those of each unit, here or when they were picked.
    """
    caller = await admit(request, WAREHOUSE)
    own, key = services(request), idempotency_key(request)
    parsed = await parse(request, PackIn)
    body = parsed.value
    for i, parcel in enumerate(body.parcels):
        _each_once([x.line_id for x in parcel.lines], f"/parcels/{i}/lines", "line_id")
    order_id = await _owner(own, fulfillment_order_id)

    async def make(conn: Connection) -> Made:
        [row] = await reads.work(conn, [fulfillment_order_id])
        await piece_checks.must_have_pieces(conn, row, body.parcels)
        return {"shipment_ids": [new_id("shp") for _ in body.parcels]}

    def build(asker: Any, made: Made) -> PackRequest:  # noqa: ANN401 - workflows.messages.Asker
        parcels = [
            ParcelInput(
                shipment_id,
                [LineQuantity(x.line_id, x.quantity, list(x.serials)) for x in parcel.lines],
                parcel.weight_g,
                parcel.length_mm,
                parcel.width_mm,
                parcel.height_mm,
            )
            for shipment_id, parcel in zip(made["shipment_ids"], body.parcels, strict=True)
        ]
        return PackRequest(asker, fulfillment_order_id, parcels, _text(body.occurred_at))

    petition = _petition("pack", order_id, fulfillment_order_id, build, body.occurred_at, make)
    return (await Desk(own, caller, parsed.request_hash, key).carry(petition)).response()


@router.post(
    "/v1/fulfillment-orders/{fulfillment_order_id}/ship",
    **describe(
        "Hand parcels over to the carrier",
        WorkOut,
        body=ShipIn,
        example={},
        body_required=False,
        problems=(404,),
        scopes=WAREHOUSE,
    ),
)
async def ship_work(request: Request, fulfillment_order_id: str) -> Response:
    """Hand over the named parcels, or all that are packed here; labels are bought when missing."""
    caller = await admit(request, WAREHOUSE)
    own, key = services(request), idempotency_key(request)
    parsed = await parse(request, ShipIn)
    body = parsed.value
    _each_once(body.shipment_ids, "/shipment_ids", "")
    order_id = await _owner(own, fulfillment_order_id)

    def build(asker: Any, _: Made) -> ShipRequest:  # noqa: ANN401 - workflows.messages.Asker
        return ShipRequest(
            asker,
            fulfillment_order_id,
            list(body.shipment_ids),
            _text(body.occurred_at),
        )

    petition = _petition("ship", order_id, fulfillment_order_id, build, body.occurred_at)
    return (await Desk(own, caller, parsed.request_hash, key).carry(petition)).response()


async def _nothing(_: Connection) -> Made:
    return {}


def _petition(
    what: str,
    order_id: str,
    work_id: str,
    build: Any,  # noqa: ANN401 - see Petition.build
    occurred_at: datetime | None,
    make: Any = _nothing,  # noqa: ANN401 - see Petition.make
) -> Petition:
    async def view(conn: Connection, _: Outcome, __: Made) -> Answer:
        return await _work(conn, work_id)

    return Petition(
        order_id,
        update=what,
        what=what,
        build=build,
        view=view,
        data={"fulfillment_order_id": work_id},
        occurred_at=reported_at(occurred_at),
        make=make,
    )


def _each_once(ids: list[str], where: str, name: str) -> None:
    """A line or a parcel named twice would make it unclear what is meant."""
    errors = [
        FieldError(f"{where}/{i}" + (f"/{name}" if name else ""), "duplicate", "Named twice.")
        for i, one in enumerate(ids)
        if one in ids[:i]
    ]
    if errors:
        raise invalid(errors)


def reported_at(occurred_at: datetime | None, pointer: str = "/occurred_at") -> datetime | None:
    """When it happened; what has not happened yet cannot be reported.

    The clock of whoever tells may be a little ahead of ours.
    """
    if occurred_at is not None and occurred_at > datetime.now(UTC) + _CLOCK_SKEW:
        errors = [FieldError(pointer, "in_the_future", "It has not happened yet.")]
        raise Problem(422, "invalid_request", errors[0].detail, errors)
    return occurred_at


def _text(occurred_at: datetime | None) -> str:
    return occurred_at.isoformat() if occurred_at is not None else ""
