"""HTTP of the payment provider."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from adapters.sandbox.service import views
from adapters.sandbox.service.answers import Json, Lost
from adapters.sandbox.service.doors import Guard, PublicUrl, idempotency_key
from adapters.sandbox.service.payment_book import Done, NewPayment, PaymentBook
from adapters.sandbox.service.problems import not_found
from adapters.sandbox.service.requests import (
    AuthorizeBody,
    ConfirmBody,
    ExpireBody,
    SettleBody,
)
from adapters.sandbox.service.settling import Asked
from adapters.sandbox.service.store import Store
from domain.states import OperationKind

Key = Annotated[str, Depends(idempotency_key)]


class PaymentRoutes:
    """Calls of the shop (with its key), and calls that play the customer and the bank."""

    def __init__(self, store: Store, book: PaymentBook, public_url: PublicUrl) -> None:
        self._store = store
        self._book = book
        self._public_url = public_url

    def router(self, guard: Guard) -> APIRouter:
        """All routes; `guard` stands before those of the shop."""
        shop = APIRouter(tags=["payments"], dependencies=[Depends(guard)])
        shop.add_api_route("/payments", self.authorize, methods=["POST"])
        shop.add_api_route("/payments/{payment_id}", self.read, methods=["GET"])
        shop.add_api_route("/payments/{payment_id}/captures", self.capture, methods=["POST"])
        shop.add_api_route("/payments/{payment_id}/voids", self.void, methods=["POST"])
        shop.add_api_route("/payments/{payment_id}/refunds", self.refund, methods=["POST"])
        shop.add_api_route("/operations", self.look_up, methods=["GET"])
        control = APIRouter(tags=["control"])
        control.add_api_route("/payments/{payment_id}/confirm", self.confirm, methods=["POST"])
        control.add_api_route("/payments/{payment_id}/expire", self.expire, methods=["POST"])
        both = APIRouter()
        both.include_router(shop)
        both.include_router(control)
        return both

    async def authorize(self, body: AuthorizeBody, key: Key, request: Request) -> Response:
        """Reserve an amount, or take it with `capture`. 402 when it is refused."""
        asked = NewPayment(
            order=body.order,
            payment=body.payment,
            method=body.method,
            amount=body.amount.amount,
            currency=body.amount.currency,
            token=body.token or "",
            capture=body.capture,
            return_url=body.return_url,
        )
        done = self._book.authorize(key, asked, self._public_url(request))
        return Lost() if done.answer_lost else self._answer(done)

    async def capture(self, payment_id: str, body: SettleBody, key: Key) -> Response:
        """Take a part or all of what is reserved; several captures may follow each other."""
        return self._settle(OperationKind.CAPTURE, payment_id, body, key)

    async def void(self, payment_id: str, key: Key) -> Response:
        """Give back what is reserved and not captured."""
        return self._settle(OperationKind.VOID, payment_id, SettleBody(), key)

    async def refund(self, payment_id: str, body: SettleBody, key: Key) -> Response:
        """Give back a part or all of what was captured."""
        return self._settle(OperationKind.REFUND, payment_id, body, key)

    async def read(self, payment_id: str) -> Response:
        """One payment."""
        return Json(self._book.view(payment_id))

    async def look_up(self, key: Annotated[str, Query(max_length=255)]) -> Response:
        """What was done with an idempotency key; 404 when it was never seen."""
        done = self._book.find(key)
        if done is None:
            raise not_found("operation")
        return Json(self._body(done))

    async def confirm(self, payment_id: str, body: ConfirmBody) -> Response:
        """Play the customer: the payment that waits succeeds or fails. Needs no key."""
        succeed = body.outcome == "succeed"
        done = self._book.confirm(payment_id, succeed=succeed, occurred_at=body.occurred_at)
        return Json(views.payment(self._store, done.payment))

    async def expire(self, payment_id: str, body: ExpireBody | None = None) -> Response:
        """Play the bank: the authorization runs out now. Needs no key."""
        done = self._book.expire(payment_id, body.occurred_at if body else None)
        return Json(views.payment(self._store, done.payment))

    def _settle(self, kind: OperationKind, payment_id: str, body: SettleBody, key: str) -> Response:
        asked = Asked(body.amount.amount, body.amount.currency) if body.amount else Asked()
        return self._answer(self._book.settle(kind, payment_id, key, asked))

    def _answer(self, done: Done) -> Response:
        refused = done.operation["status"] == "failed"
        status = HTTPStatus.PAYMENT_REQUIRED if refused else HTTPStatus.OK
        return Json(self._body(done), status.value)

    def _body(self, done: Done) -> dict[str, object]:
        return {
            "operation": views.operation(done.operation, done.payment["currency"]),
            "payment": views.payment(self._store, done.payment),
        }
