"""Notes of staff and feedback of customers."""

from fastapi import APIRouter, Request, Response

from api import views
from api.body import idempotency_key, parse
from api.deps import STOREFRONT, SUPPORT, admit, services
from api.errors import Answer, FieldError, Problem, not_found
from api.once import Once
from api.openapi import describe
from api.routes.orders import known_id
from api.routes.warehouse import reported_at
from api.schemas.order_answers import EventOut, FeedbackOut
from api.schemas.requests import FeedbackIn, NoteIn
from db import orders, timeline, voices
from db.new_ids import new_id
from db.pool import Connection
from domain.errors import NotFound

router = APIRouter(tags=["requests"])


@router.post(
    "/v1/orders/{order_id}/notes",
    **describe(
        "Write a note into the timeline",
        EventOut,
        status=201,
        body=NoteIn,
        example={"note": "Called: the customer will be home after six."},
        problems=(404,),
        scopes=SUPPORT,
    ),
)
async def add_note(request: Request, order_id: str) -> Response:
    """A note of staff; it is possible at any time of an order's life."""
    caller = await admit(request, SUPPORT)
    own, key = services(request), idempotency_key(request)
    parsed = await parse(request, NoteIn)
    order = known_id(order_id, "order")

    async def effect(conn: Connection, _: str) -> Answer:
        await lock(conn, order)
        event = await timeline.record(
            conn,
            order,
            "note_added",
            actor=caller.name,
            role=caller.role,
            note=parsed.value.note,
        )
        return views.ok(views.event(await voices.event(conn, event), contact=True), 201)

    once = Once(own, caller, parsed.request_hash, key)
    return (await once.do(effect, cause="")).response()


@router.post(
    "/v1/orders/{order_id}/feedback",
    **describe(
        "What the customer says",
        FeedbackOut,
        status=201,
        body=FeedbackIn,
        example={"score": 5, "comment": "Arrived a day early."},
        problems=(404,),
        scopes=STOREFRONT,
    ),
)
async def add_feedback(request: Request, order_id: str) -> Response:
    """A score from 1 to 5, once for each `reference` (one without)."""
    caller = await admit(request, STOREFRONT)
    own, key = services(request), idempotency_key(request)
    parsed = await parse(request, FeedbackIn)
    body, order = parsed.value, known_id(order_id, "order")

    async def effect(conn: Connection, _: str) -> Answer:
        await lock(conn, order)
        reference = body.reference or ""
        feedback = voices.Feedback(
            new_id("fbk"),
            reference,
            body.score,
            body.title,
            body.comment,
            reported_at(body.occurred_at),
        )
        row, new = await voices.add_feedback(
            conn, order, feedback, actor=caller.name, role=caller.role
        )
        if not new and _differs(row, feedback):
            detail = "There is other feedback by this reference."
            raise Problem(
                409,
                "feedback_exists",
                detail,
                [FieldError("/reference", "duplicate", detail)],
                current={"feedback_id": row["id"]},
            )
        return views.ok(views.feedback(row, contact=True), 201)

    once = Once(own, caller, parsed.request_hash, key)
    return (await once.do(effect, cause="")).response()


def _differs(row: object, feedback: voices.Feedback) -> bool:
    names = ("score", "title", "comment")
    return any(row[name] != getattr(feedback, name) for name in names)  # type: ignore[index]


async def lock(conn: Connection, order_id: str) -> None:
    """Hold the order's row; 404 when there is none."""
    try:
        await orders.lock(conn, order_id)
    except NotFound:
        raise not_found("order") from None
