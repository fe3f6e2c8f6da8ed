"""Orders as tests place them, and waiting for what comes of them."""

import asyncio
import copy
import itertools
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2

from api.schemas.orders import EXAMPLE_ORDER

_numbers = itertools.count(1)


def order(**changes: Any) -> dict[str, Any]:
    """the example order under a channel id of its own, with changes at the top level."""
    body = copy.deepcopy(EXAMPLE_ORDER)
    return body | {"channel_order_id": f"W-{next(_numbers)}"} | changes


def line(sku: str, quantity: int, price: int, **changes: Any) -> dict[str, Any]:
    """A line in lira."""
    unit_price = {"amount": price, "currency": "TRY"}
    return {"sku": sku, "name": sku, "quantity": quantity, "unit_price": unit_price} | changes


def lira(amount: int) -> dict[str, Any]:
    """Money, in kuruş."""
    return {"amount": amount, "currency": "TRY"}


class Shopfront:
    """Places orders over HTTP."""

    def __init__(self, api: httpx2.AsyncClient) -> None:
        self.api = api

    async def place(self, **changes: Any) -> dict[str, Any]:
        """Place the example order with changes; answers what the API says."""
        response = await self.api.post("/v1/orders", json=order(**changes))
        assert response.status_code == 201, response.text
        placed: dict[str, Any] = response.json()
        return placed

    async def get(self, order_id: str) -> dict[str, Any]:
        """The order as it stands."""
        response = await self.api.get(f"/v1/orders/{order_id}")
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found

    async def events(self, order_id: str) -> list[dict[str, Any]]:
        """The timeline, oldest first."""
        response = await self.api.get(f"/v1/orders/{order_id}/events?order=asc&limit=200")
        assert response.status_code == 200, response.text
        items: list[dict[str, Any]] = response.json()["items"]
        return items


async def until(true: Callable[[], Awaitable[bool]], seconds: float = 10) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(seconds):
        while not await true():
            await asyncio.sleep(0.02)


def codes(response: httpx2.Response) -> dict[str, str]:
    """The field errors of a 422: code by pointer."""
    assert response.status_code == 422, response.text
    assert response.headers["content-type"] == "application/problem+json"
    return {error["pointer"]: error["code"] for error in response.json()["errors"]}
