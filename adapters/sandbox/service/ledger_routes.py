"""What the providers believe: the independent witness of who was charged and what was sent."""

import sqlite3
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from adapters.sandbox.service import views
from adapters.sandbox.service.answers import Json
from adapters.sandbox.service.problems import Problem
from adapters.sandbox.service.store import Store

Order = Annotated[str | None, Query(max_length=200)]
Limit = Annotated[int, Query(ge=1, le=1000)]
Cursor = Annotated[str | None, Query(max_length=20)]

_ENDLESS = 2**62


class LedgerRoutes:
    """Reads only, without a key, newest first."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def router(self) -> APIRouter:
        """All routes."""
        router = APIRouter(prefix="/ledger", tags=["ledger"])
        router.add_api_route("/payments", self.payments, methods=["GET"])
        router.add_api_route("/parcels", self.parcels, methods=["GET"])
        router.add_api_route("/summary", self.summary, methods=["GET"])
        return router

    async def payments(
        self, order: Order = None, limit: Limit = 100, cursor: Cursor = None
    ) -> Response:
        """Payments with their captures and refunds: all of an order, or a page of all."""
        if order is not None:
            query = "SELECT * FROM payments WHERE order_ref = ? ORDER BY seq DESC"
            found = self._store.rows(query, order)
            return _page(views.payments(self._store, found), None)
        query = "SELECT * FROM payments WHERE seq < ? ORDER BY seq DESC LIMIT ?"
        found = self._store.rows(query, _position(cursor), limit + 1)
        return _page(views.payments(self._store, found[:limit]), _next(found, limit))

    async def parcels(
        self, order: Order = None, limit: Limit = 100, cursor: Cursor = None
    ) -> Response:
        """Parcels with their scans: all of an order, or a page of all."""
        if order is not None:
            query = "SELECT * FROM parcels WHERE order_ref = ? ORDER BY seq DESC"
            found = self._store.rows(query, order)
            return _page(views.parcels(self._store, found), None)
        query = "SELECT * FROM parcels WHERE seq < ? ORDER BY seq DESC LIMIT ?"
        found = self._store.rows(query, _position(cursor), limit + 1)
        return _page(views.parcels(self._store, found[:limit]), _next(found, limit))

    async def summary(self) -> Response:
        """Counts and sums by currency and status, and how many webhooks still wait."""
        payments = self._store.rows(
            """
            SELECT currency, status, count(*) AS count, sum(amount) AS amount,
                sum(captured) AS captured, sum(refunded) AS refunded
            FROM payments GROUP BY currency, status ORDER BY currency, status
            """
        )
        parcels = self._store.rows(
            "SELECT status, count(*) AS count FROM parcels GROUP BY status ORDER BY status"
        )
        waiting = "SELECT count(*) FROM webhooks WHERE delivered_at IS NULL"
        return Json(
            {
                "payments": [dict(row) for row in payments],
                "parcels": [dict(row) for row in parcels],
                "webhooks": {
                    "waiting": self._store.value(waiting),
                    "delivered": self._store.value("SELECT count(delivered_at) FROM webhooks"),
                },
            }
        )


def _page(items: list[dict[str, Any]], next_cursor: str | None) -> Response:
    return Json({"items": items, "next_cursor": next_cursor})


def _next(found: list[sqlite3.Row], limit: int) -> str | None:
    return str(found[limit - 1]["seq"]) if len(found) > limit else None


def _position(cursor: str | None) -> int:
    if cursor is None:
        return _ENDLESS
    if not (cursor.isascii() and cursor.isdecimal()):
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_cursor", "Not a cursor.")
    return min(int(cursor), _ENDLESS)
