"""What customers say when goods are not there: they do not wait, or take something else."""

from collections.abc import Mapping

from fastapi import APIRouter, Request, Response

from api import views
from api.asking import Desk, Made, Petition
from api.body import idempotency_key, parse
from api.deps import STOREFRONT, Services, admit, services
from api.errors import Answer, not_found
from api.openapi import describe
from api.routes.orders import known_id
from api.routes.requests import View, order_after, units_of
from api.schemas.absence import LeaveQueueIn, OfferAnswerIn
from api.schemas.order_answers import OrderOut
from db import substitutes
from db.pool import Connection
from workflows.messages import LeaveRequest, LineQuantity, OfferAnswer, Outcome

router = APIRouter(tags=["requests"])


@router.post(
    "/v1/orders/{order_id}/leave-queue",
    **describe(
        "Give up units that wait for stock",
        OrderOut,
        body=LeaveQueueIn,
        example={"note": "Found it elsewhere."},
        problems=(404,),
        scopes=STOREFRONT,
        body_required=False,
    ),
)
async def leave_queue(request: Request, order_id: str) -> Response:
    """The customer does not wait any longer: units that wait are canceled, their money goes back.

    Units that are here, on their way or delivered are not touched.
    """
    caller = await admit(request, STOREFRONT)
    own, key = services(request), idempotency_key(request)
    parsed = await parse(request, LeaveQueueIn)
    units = units_of([(line.line_id, line.quantity) for line in parsed.value.lines or ()])
    petition = leave_petition(
        known_id(order_id, "order"), units, parsed.value.note, _order_view(own, order_id)
    )
    return (await Desk(own, caller, parsed.request_hash, key).carry(petition)).response()


@router.post(
    "/v1/orders/{order_id}/substitutions/{substitution_id}/accept",
    **describe(
        "Accept a substitute",
        OrderOut,
        body=OfferAnswerIn,
        example={"note": "By telephone."},
        problems=(404,),
        scopes=STOREFRONT,
        body_required=False,
    ),
)
async def accept_offer(request: Request, order_id: str, substitution_id: str) -> Response:
    """Its units take the place of those that wait, for the same money; twice is once."""
    return await _answer(request, order_id, substitution_id, accept=True)


@router.post(
    "/v1/orders/{order_id}/substitutions/{substitution_id}/refuse",
    **describe(
        "Refuse a substitute",
        OrderOut,
        body=OfferAnswerIn,
        example={"note": "Too red."},
        problems=(404,),
        scopes=STOREFRONT,
        body_required=False,
    ),
)
async def refuse_offer(request: Request, order_id: str, substitution_id: str) -> Response:
    """Its units are free again; those that wait go on waiting, or are canceled, by the setting."""
    return await _answer(request, order_id, substitution_id, accept=False)


async def _answer(
    request: Request, order_id: str, substitution_id: str, *, accept: bool
) -> Response:
    caller = await admit(request, STOREFRONT)
    own, key = services(request), idempotency_key(request)
    parsed = await parse(request, OfferAnswerIn)
    petition = answer_petition(
        known_id(order_id, "order"),
        known_id(substitution_id, "substitution"),
        accept=accept,
        view=_order_view(own, order_id),
        note=parsed.value.note,
    )
    return (await Desk(own, caller, parsed.request_hash, key).carry(petition)).response()


def _order_view(own: Services, order_id: str) -> View:
    async def view(conn: Connection, _: Outcome, __: Made) -> Answer:
        return views.ok(await order_after(own, conn, order_id))

    return view


def leave_petition(
    order_id: str, units: Mapping[str, int], note: str | None, view: View
) -> Petition:
    """Ask an order to give up `units` that wait, or (empty) all that do."""
    lines = [LineQuantity(line_id, quantity) for line_id, quantity in units.items()]
    return Petition(
        order_id,
        update="leave_queue",
        what="leave_queue",
        build=lambda asker, _: LeaveRequest(asker, lines),
        view=view,
        data={"lines": units},
        note=note,
    )


def answer_petition(
    order_id: str, offer_id: str, *, accept: bool, view: View, note: str | None = None
) -> Petition:
    """Tell an order what its customer says to a substitute."""

    async def make(conn: Connection) -> Made:
        offer = await substitutes.told(conn, offer_id)
        if offer is None or offer["order_id"] != order_id:
            raise not_found("substitution")
        return {}

    return Petition(
        order_id,
        update="answer_offer",
        what="substitution_accept" if accept else "substitution_refuse",
        build=lambda asker, _: OfferAnswer(asker, offer_id, accept),
        view=view,
        data={"substitution_id": offer_id},
        note=note,
        make=make,
    )
