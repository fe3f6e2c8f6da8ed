"""What buyers ask of a purchase order, and what the dock reports: the workflow decides the first,
PostgreSQL alone takes the second.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from fastapi import APIRouter, Request, Response

from api import views
from api.asking import Desk, Made, Petition
from api.body import M, Parsed, idempotency_key, parse
from api.deps import WAREHOUSE, Caller, Services, admit, services
from api.errors import Answer, FieldError, invalid, not_found
from api.once import Once
from api.openapi import describe
from api.routes.orders import known_id
from api.routes.purchase_orders import WHAT, answer, once_each, shown
from api.routes.warehouse import reported_at
from api.schemas.purchasing import (
    ApproveIn,
    DeliveredLineIn,
    DeliveryIn,
    EndPurchaseIn,
    RescheduleIn,
    SendIn,
)
from api.schemas.purchasing_answers import PurchaseOut, ReceivedOut
from api.stock_checks import Goods as Told
from api.stock_checks import ToldLine, must_be_told
from api.subjects import PURCHASE_ORDERS
from api.words import coded
from db import purchase_reads, purchasing
from db.goods import Goods
from db.new_ids import new_id
from db.pool import Connection
from db.purchasing import By, Receipt
from domain.errors import NotFound, Refused
from domain.purchasing import Delivered, Effect, Purchase, receive
from workflows.messages import Asker
from workflows.purchase_messages import (
    ApproveRequest,
    EndRequest,
    LineDate,
    RescheduleRequest,
    SendRequest,
)

router = APIRouter(tags=["buying"])

_PATH = "/v1/purchase-orders/{purchase_order_id}"


@router.post(
    f"{_PATH}/approve",
    **describe(
        "Approve a draft",
        PurchaseOut,
        body=ApproveIn,
        example={},
        body_required=False,
        problems=(404,),
        scopes=WAREHOUSE,
    ),
)
async def approve_purchase(request: Request, purchase_order_id: str) -> Response:
    """It may be sent then."""
    caller, parsed = await admit(request, WAREHOUSE), await parse(request, ApproveIn)
    return await _ask(request, caller, parsed, purchase_order_id, "approve", ApproveRequest)


@router.post(
    f"{_PATH}/send",
    **describe(
        "Send it to the supplier",
        PurchaseOut,
        body=SendIn,
        example={"by": "email"},
        body_required=False,
        problems=(404,),
        scopes=WAREHOUSE,
    ),
)
async def send_purchase(request: Request, purchase_order_id: str) -> Response:
    """By e-mail with its table, or by the buyer's own hand. `mail.status` tells how far it is."""
    caller, parsed = await admit(request, WAREHOUSE), await parse(request, SendIn)
    by_hand = parsed.value.by == "hand"
    return await _ask(
        request,
        caller,
        parsed,
        purchase_order_id,
        "send",
        lambda who: SendRequest(who, by_hand),
        by=parsed.value.by,
    )


@router.post(
    f"{_PATH}/cancel",
    **describe(
        "Cancel it",
        PurchaseOut,
        body=EndPurchaseIn,
        example={"reason": "ordered_twice"},
        problems=(404,),
        scopes=WAREHOUSE,
    ),
)
async def cancel_purchase(request: Request, purchase_order_id: str) -> Response:
    """While nothing of it came. A supplier who was mailed the order is mailed the cancellation."""
    return await _end(request, purchase_order_id, "cancel")


@router.post(
    f"{_PATH}/close",
    **describe(
        "Close it short",
        PurchaseOut,
        body=EndPurchaseIn,
        example={"reason": "discontinued"},
        problems=(404,),
        scopes=WAREHOUSE,
    ),
)
async def close_purchase(request: Request, purchase_order_id: str) -> Response:
    """What came stays; the rest will not come."""
    return await _end(request, purchase_order_id, "close")


async def _end(request: Request, purchase_order_id: str, update: str) -> Response:
    caller, parsed = await admit(request, WAREHOUSE), await parse(request, EndPurchaseIn)
    code, words = coded(parsed.value.reason)
    return await _ask(
        request,
        caller,
        parsed,
        purchase_order_id,
        update,
        lambda who: EndRequest(who, code),
        words=words,
        reason=code,
    )


@router.post(
    f"{_PATH}/reschedule",
    **describe(
        "Give it other days",
        PurchaseOut,
        body=RescheduleIn,
        example={"expected_on": "2027-02-01"},
        problems=(404,),
        scopes=WAREHOUSE,
    ),
)
async def reschedule_purchase(request: Request, purchase_order_id: str) -> Response:
    """The supplier named other days; who waits for the goods is shown them."""
    caller, parsed = await admit(request, WAREHOUSE), await parse(request, RescheduleIn)
    body, own = parsed.value, services(request)
    if (body.expected_on is None) == (body.lines is None):
        detail = "Send expected_on, or lines."
        raise invalid([FieldError("/expected_on", "day_or_lines", detail)])
    once_each([line.sku for line in body.lines or ()])
    async with own.pool.acquire() as conn:
        purchase = await _load(conn, known_id(purchase_order_id, WHAT))
    days = _days(purchase, body)
    return await _ask(
        request,
        caller,
        parsed,
        purchase_order_id,
        "reschedule",
        lambda who: RescheduleRequest(who, days),
        lines={day.line_id: day.expected_on for day in days},
    )


def _days(purchase: Purchase, body: RescheduleIn) -> list[LineDate]:
    if body.expected_on is not None:
        day = body.expected_on.isoformat()
        return [LineDate(line.id, day) for line in purchase.lines if line.open]
    wanted = body.lines or []
    lines = _line_ids(purchase, [line.sku for line in wanted])
    return [LineDate(lines[line.sku], line.expected_on.isoformat()) for line in wanted]


def _line_ids(purchase: Purchase, skus: list[str]) -> dict[str, str]:
    """Lines by item; 422 for items that were not ordered."""
    lines = {line.sku: line.id for line in purchase.lines}
    detail = "The item is not on this purchase order."
    errors = [
        FieldError(f"/lines/{i}/sku", "not_ordered", detail)
        for i, sku in enumerate(skus)
        if sku not in lines
    ]
    if errors:
        raise invalid(errors)
    return lines


async def _load(conn: Connection, purchase_id: str) -> Purchase:
    try:
        return await purchasing.load(conn, purchase_id)
    except NotFound:
        raise not_found(WHAT) from None


async def _ask(
    request: Request,
    caller: Caller,
    parsed: Parsed[M],
    purchase_order_id: str,
    update: str,
    build: Callable[[Asker], object],
    **data: Any,  # noqa: ANN401 - what the timeline tells of the request
) -> Response:
    own, purchase_id = services(request), known_id(purchase_order_id, WHAT)
    words, note = data.pop("words", None), getattr(parsed.value, "note", None)

    async def view(conn: Connection, _: object, __: Made) -> Answer:
        return await answer(conn, own, purchase_id)

    petition = Petition(
        order_id=purchase_id,
        update=update,
        what=update,
        build=lambda who, _: build(who),
        view=view,
        data=data,
        note="\n\n".join(part for part in (words, note) if part) or None,
        subject=PURCHASE_ORDERS,
    )
    desk = Desk(own, caller, parsed.request_hash, idempotency_key(request))
    return (await desk.carry(petition)).response()


@router.post(
    f"{_PATH}/receipts",
    **describe(
        "Goods of it came in",
        ReceivedOut,
        status=201,
        body=DeliveryIn,
        example={
            "reference": "DN-4711",
            "lines": [{"sku": "TSHIRT-M", "quantity": 48, "damaged": 2}],
        },
        problems=(404,),
        scopes=WAREHOUSE,
    ),
)
async def receive_purchase(request: Request, purchase_order_id: str) -> Response:
    """Less than ordered leaves it open; more is taken up to the supplier's tolerance, or with
    `accept_over_delivery`. Orders that wait for the goods are told. A line may tell the bin, and
    tells lot, expiry and serial numbers where the item wants them.
    """
    caller = await admit(request, WAREHOUSE)
    own, key = services(request), idempotency_key(request)
    parsed = await parse(request, DeliveryIn)
    body, purchase_id = parsed.value, known_id(purchase_order_id, WHAT)
    reported_at(body.occurred_at)
    wrong = [i for i, line in enumerate(body.lines) if line.damaged > line.quantity]
    if wrong:
        detail = "More is damaged than came."
        raise invalid([FieldError(f"/lines/{i}/damaged", "too_large", detail) for i in wrong])
    dock = _Dock(own, caller, body, purchase_id, new_id("rcp"))
    once = Once(own, caller, parsed.request_hash, key)
    done = await once.do(dock.receive, cause=dock.receipt_id, on_refused=dock.refuse)
    return done.response()


class _Dock:
    """One delivery of one purchase order."""

    def __init__(
        self, own: Services, caller: Caller, body: DeliveryIn, purchase_id: str, receipt_id: str
    ) -> None:
        self._own = own
        self._by = By(caller.name, caller.role)
        self._body = body
        self._purchase_id = purchase_id
        self.receipt_id = receipt_id

    async def receive(self, conn: Connection, cause: str) -> Answer:
        """Write it down: stock, lines, timeline, and the news for the workflow."""
        purchase, body = await self._lock(conn), self._body
        lines = _line_ids(purchase, [line.sku for line in body.lines])
        told = [
            ToldLine(x.sku, x.quantity, {"bin": x.bin}, x.lot, x.serials, expires_on=x.expires_on)
            for x in body.lines
        ]
        await must_be_told(conn, Told(purchase.warehouse, new=True, lots=True), told)
        effects = await self._effects(conn, purchase, lines)
        receipt = Receipt(
            self.receipt_id,
            self._body.reference,
            f"purchase-receipt:{cause}",
            self._by.actor,
            self._body.occurred_at,
        )
        levels = await purchasing.receive(
            conn, purchase, effects, receipt, [_goods(line) for line in body.lines]
        )
        await purchasing.record(
            conn,
            purchase.id,
            "goods_received",
            by=self._by,
            data={
                "receipt_id": self.receipt_id,
                "reference": self._body.reference,
                "units": sum(effect.units for effect in effects),
                "damaged": sum(effect.damaged for effect in effects),
                "over": sum(effect.over for effect in effects),
            },
            occurred_at=self._body.occurred_at,
        )
        return await self._answer(conn, levels)

    async def _lock(self, conn: Connection) -> Purchase:
        try:
            await purchasing.lock(conn, self._purchase_id)
        except NotFound:
            raise not_found(WHAT) from None
        return await purchasing.load(conn, self._purchase_id)

    async def _effects(
        self, conn: Connection, purchase: Purchase, lines: Mapping[str, str]
    ) -> list[Effect]:
        """What came of each line; an item may stand in the delivery more than once."""
        body, settings = self._body, self._own.settings
        units: Counter[str] = Counter()
        damaged: Counter[str] = Counter()
        for line in body.lines:
            units[line.sku] += line.quantity
            damaged[line.sku] += line.damaged
        tolerance = await purchasing.tolerance(conn, purchase.id)
        return receive(
            purchase,
            [Delivered(lines[sku], n - damaged[sku], damaged[sku]) for sku, n in units.items()],
            settings.over_delivery_bp if tolerance is None else tolerance,
            accept_over=body.accept_over_delivery,
        )

    async def _answer(self, conn: Connection, levels: list[Any]) -> Answer:
        receipts = await purchase_reads.receipts(conn, self._purchase_id)
        return views.ok(
            {
                "receipt": next(row for row in receipts if row["id"] == self.receipt_id),
                "purchase_order": await shown(conn, self._own, self._purchase_id),
                "levels": levels,
            },
            201,
        )

    async def refuse(self, conn: Connection, refusal: Refused) -> None:
        """A refused delivery stands in the timeline, too: the goods are at the dock."""
        await purchasing.lock(conn, self._purchase_id)
        data = {
            "reference": self._body.reference,
            "code": refusal.code,
            "current": dict(refusal.current),
        }
        await purchasing.record(conn, self._purchase_id, "receipt_refused", by=self._by, data=data)


def _goods(line: DeliveredLineIn) -> Goods:
    return Goods(
        line.sku,
        line.quantity,
        line.bin or "",
        line.lot or "",
        line.expires_on,
        tuple(line.serials),
        line.damaged,
    )
