"""A warehouse with bins as tests of its life drive it, over HTTP."""

from typing import Any

import httpx2

from activities.contracts import Confirm
from activities.orders import OrderActivities
from db.pool import Pool
from tests.api.orders import Shopfront, line

BINS: dict[str, dict[str, Any]] = {
    "IN": {"kind": "receiving", "sequence": 0},
    "A-01": {"zone": "A", "sequence": 10},
    "B-02": {"zone": "B", "sequence": 20},
    "BULK": {"kind": "bulk", "sequence": 90},
    "Q-1": {"kind": "quarantine", "sequence": 99},
}


class Storehouse:
    """MAIN with its bins; WEST has none."""

    def __init__(self, api: httpx2.AsyncClient, pool: Pool) -> None:
        self.api = api
        self.pool = pool

    async def build(self) -> "Storehouse":
        place = {"name": "W", "country": "TR", "city": "Ankara", "kind": "own"}
        for code in ("MAIN", "WEST"):
            assert (await self.api.put(f"/v1/warehouses/{code}", json=place)).status_code == 200
        for code, body in BINS.items():
            made = await self.api.put(f"/v1/warehouses/MAIN/bins/{code}", json=body)
            assert made.status_code == 200, made.text
        for sku, tracked in {
            "A": {},
            "B": {},
            "MILK": {"lot_tracked": True},
            "PHONE": {"serial_tracked": True},
        }.items():
            made = await self.api.put(f"/v1/items/{sku}", json={"name": sku, **tracked})
            assert made.status_code == 200, made.text
        return self

    async def post(self, path: str, body: dict[str, Any], **headers: str) -> httpx2.Response:
        return await self.api.post(path, json=body, headers=headers)

    async def done(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        response = await self.api.post(path, json=body)
        assert response.status_code in {200, 201}, response.text
        answer: dict[str, Any] = response.json()
        return answer

    async def refused(self, path: str, body: dict[str, Any]) -> str:
        response = await self.api.post(path, json=body)
        assert response.status_code == 409, response.text
        return str(response.json()["code"])

    async def receive(self, *lines: dict[str, Any], warehouse: str = "MAIN") -> dict[str, Any]:
        body = {"warehouse": warehouse, "reference": "PO-1", "lines": list(lines)}
        return await self.done("/v1/stock/receipts", body)

    async def level(self, sku: str, warehouse: str = "MAIN") -> dict[str, int]:
        listed = (await self.api.get(f"/v1/stock?sku={sku}&warehouse={warehouse}")).json()
        level: dict[str, int] = listed["items"][0]
        return level

    async def places(self, sku: str) -> dict[tuple[str, str | None], int]:
        """Units by (bin, lot)."""
        listed = (await self.api.get(f"/v1/stock/places?sku={sku}")).json()["items"]
        return {(row["bin"], row["lot"]): row["quantity"] for row in listed}

    async def order(self, *lines: tuple[str, int], **changes: Any) -> tuple[str, str, list[str]]:
        """A confirmed order: its id, that of its work at MAIN, and its lines' ids."""
        placed = await Shopfront(self.api).place(
            lines=[line(sku, quantity, 100) for sku, quantity in lines], **changes
        )
        await OrderActivities(self.pool).confirm_order(Confirm(placed["id"], "confirm", 60))
        order = await Shopfront(self.api).get(placed["id"])
        [work] = order["fulfillment_orders"]
        return placed["id"], work["id"], [one["id"] for one in order["lines"]]
