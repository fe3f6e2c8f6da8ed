"""Parcels that do not arrive: a person decides, a warehouse receives them back."""

from typing import Any

from fastapi import APIRouter, Request, Response

from api import views
from api.asking import Desk, Made, Petition
from api.body import idempotency_key, parse
from api.deps import SUPPORT, WAREHOUSE, Caller, admit, services
from api.errors import Answer, FieldError, invalid, not_found
from api.once import Once
from api.openapi import describe
from api.routes.orders import known_id
from api.routes.requests import order_after
from api.schemas.endings import ReceiveBackIn, ResolveIn, duration_errors
from api.schemas.endings_answers import ParcelBackOut
from api.schemas.order_answers import OrderOut
from db import catalog, endings, returning, timeline
from db.pool import Connection
from domain.endings import seconds
from domain.errors import Refused
from workflows.messages import Outcome, ResolveRequest

router = APIRouter(tags=["requests"])


@router.post(
    "/v1/orders/{order_id}/parcels/{shipment_id}/resolve",
    **describe(
        "Decide about a parcel that does not arrive",
        OrderOut,
        body=ResolveIn,
        example={"action": "replace", "note": "The carrier found nothing at the depot."},
        problems=(404,),
        scopes=SUPPORT,
    ),
)
async def resolve_parcel(request: Request, order_id: str, shipment_id: str) -> Response:
    """Send its units again, give their money back, or let it have more time.

    Possible as long as the parcel is with the carrier, whatever the rules say.
    """
    caller = await admit(request, SUPPORT)
    own, key = services(request), idempotency_key(request)
    parsed = await parse(request, ResolveIn)
    body, parcel = parsed.value, known_id(shipment_id, "shipment")
    if errors := duration_errors(body.after, "after"):
        raise invalid(errors)

    async def view(conn: Connection, _: Outcome, __: Made) -> Answer:
        return views.ok(await order_after(own, conn, order_id))

    petition = Petition(
        known_id(order_id, "order"),
        update="resolve_parcel",
        what="resolve",
        build=lambda asker, _: ResolveRequest(asker, parcel, body.action, seconds(body.after) or 0),
        view=view,
        data={"shipment_id": parcel, "action": body.action},
        note=body.note,
    )
    return (await Desk(own, caller, parsed.request_hash, key).carry(petition)).response()


@router.post(
    "/v1/shipments/{shipment_id}/receive-back",
    **describe(
        "A parcel has come back",
        ParcelBackOut,
        status=201,
        body=ReceiveBackIn,
        example={
            "lines": [
                {
                    "line_id": "lin_01jd8w3n0c9v5b1r6t2m4q7xza",
                    "quantity": 2,
                    "disposition": "restock",
                }
            ]
        },
        problems=(404,),
        scopes=WAREHOUSE,
    ),
)
async def receive_back(request: Request, shipment_id: str) -> Response:
    """Units of a parcel that the carrier brought back are in the books again.

    The order then sends them again or gives the money back, by policy, or a person decides. What
    was missing is received by another call when it turns up.
    """
    caller = await admit(request, WAREHOUSE)
    own, key = services(request), idempotency_key(request)
    parsed = await parse(request, ReceiveBackIn)
    body, parcel = parsed.value, known_id(shipment_id, "shipment")
    async with own.pool.acquire() as conn:
        place = await endings.place(conn, parcel)
    if place is None:
        raise not_found("shipment")
    order_id, warehouse = place["order_id"], body.warehouse or place["warehouse"]
    lines = None
    if body.lines is not None:
        lines = [
            returning.Back(x.line_id, x.quantity, x.disposition, tuple(x.serials))
            for x in body.lines
        ]

    async def effect(conn: Connection, _: str) -> Answer:
        if await catalog.unknown_warehouses(conn, [warehouse]):
            detail = "There is no such warehouse."
            raise invalid([FieldError("/warehouse", "unknown_warehouse", detail)])
        receipt = returning.Receipt(parcel, warehouse, caller.name, caller.role, lines, body.note)
        booked = await returning.receive(conn, order_id, receipt)
        return views.ok(_view(receipt, order_id, booked), 201)

    async def on_refused(conn: Connection, refusal: Refused) -> None:
        await _note_refusal(conn, order_id, parcel, caller, refusal)

    once = Once(own, caller, parsed.request_hash, key)
    return (await once.do(effect, cause="", on_refused=on_refused)).response()


def _view(
    receipt: returning.Receipt, order_id: str, booked: list[returning.Back]
) -> dict[str, Any]:
    return {
        "shipment_id": receipt.shipment_id,
        "order_id": order_id,
        "warehouse": receipt.warehouse,
        "lines": [
            {"line_id": b.line_id, "quantity": b.quantity, "disposition": b.disposition}
            for b in booked
        ],
    }


async def _note_refusal(
    conn: Connection, order_id: str, shipment_id: str, caller: Caller, refusal: Refused
) -> None:
    await timeline.record(
        conn,
        order_id,
        "receive_back_refused",
        actor=caller.name,
        role=caller.role,
        data={"shipment_id": shipment_id, "code": refusal.code, "current": refusal.current},
    )
