"""HTTP of the carrier."""

import sqlite3
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from adapters.sandbox.service import views
from adapters.sandbox.service.answers import Json
from adapters.sandbox.service.doors import Guard, PublicUrl, idempotency_key
from adapters.sandbox.service.parcel_book import NewLabel, ParcelBook, Told
from adapters.sandbox.service.problems import not_found
from adapters.sandbox.service.requests import AdvanceBody, LabelBody

Key = Annotated[str, Depends(idempotency_key)]


class ParcelRoutes:
    """Calls of the shop (with its key), and the call that plays the carrier's scanner."""

    def __init__(self, book: ParcelBook, public_url: PublicUrl) -> None:
        self._book = book
        self._public_url = public_url

    def router(self, guard: Guard) -> APIRouter:
        """All routes; `guard` stands before those of the shop."""
        shop = APIRouter(tags=["carrier"], dependencies=[Depends(guard)])
        shop.add_api_route("/labels", self.buy, methods=["POST"])
        shop.add_api_route("/labels", self.find, methods=["GET"])
        shop.add_api_route("/labels/{label_id}", self.read, methods=["GET"])
        shop.add_api_route("/labels/{label_id}/hand-over", self.hand_over, methods=["POST"])
        shop.add_api_route("/labels/{label_id}/void", self.void, methods=["POST"])
        shop.add_api_route("/labels/{label_id}/intercept", self.intercept, methods=["POST"])
        shop.add_api_route("/parcels/{tracking_number}/scans", self.scans, methods=["GET"])
        control = APIRouter(tags=["control"])
        control.add_api_route("/parcels/{tracking_number}/advance", self.advance, methods=["POST"])
        both = APIRouter()
        both.include_router(shop)
        both.include_router(control)
        return both

    async def buy(self, body: LabelBody, key: Key, request: Request) -> Response:
        """Buy a label for one parcel."""
        asked = NewLabel(
            order=body.order,
            shipment=body.shipment,
            service=body.service,
            destination=body.destination.model_dump(),
            weight_g=body.parcel.weight_g,
            length_mm=body.parcel.length_mm,
            width_mm=body.parcel.width_mm,
            height_mm=body.parcel.height_mm,
            currency=body.value.currency,
        )
        return self._label(self._book.buy(key, asked), request)

    async def find(self, key: Annotated[str, Query(max_length=255)], request: Request) -> Response:
        """The label that was bought with an idempotency key; 404 without one."""
        label = self._book.find(key)
        if label is None:
            raise not_found("label")
        return self._label(label, request)

    async def read(self, label_id: str, request: Request) -> Response:
        """One label."""
        return self._label(self._book.label(label_id), request)

    async def hand_over(self, label_id: str, request: Request) -> Response:
        """The carrier has the parcel now."""
        return self._label(self._book.hand_over(label_id), request)

    async def void(self, label_id: str, request: Request) -> Response:
        """Give an unused label back; 409 `already_handed_over` when it is used."""
        return self._label(self._book.void(label_id), request)

    async def intercept(self, label_id: str, request: Request) -> Response:
        """Stop the parcel and bring it back; 409 `cannot_be_intercepted` when it is too late."""
        return self._label(self._book.intercept(label_id), request)

    async def scans(self, tracking_number: str) -> Response:
        """All scans so far, oldest first."""
        return Json({"items": self._book.scans(tracking_number)})

    async def advance(self, tracking_number: str, body: AdvanceBody) -> Response:
        """Scan the parcel now, whatever came before. Needs no key."""
        told = Told(body.status, body.occurred_at, body.location, body.signed_by)
        return Json(self._book.advance(tracking_number, told))

    def _label(self, row: sqlite3.Row, request: Request) -> Response:
        return Json(views.label(row, self._public_url(request)))
