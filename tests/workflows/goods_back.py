"""Returns as a test lives them: by the API, with a worker behind it."""

from dataclasses import dataclass
from typing import Any

import httpx2

from tests.workflows.life import Life, eventually
from tests.workflows.shop import Shop

PRICE = 60_000
SHIPPING = 5_000


@dataclass
class Counter:
    """The customer, the dock, the bench and the office of one order, over HTTP."""

    api: httpx2.AsyncClient
    life: Life

    async def line(self, position: int = 0) -> str:
        """The id of a line of the order."""
        return (await self.life.order()).lines[position].id

    async def ask(
        self, quantity: int = 1, reason: str = "unwanted", *, wants: str | None = None, **more: Any
    ) -> dict[str, Any]:
        """The customer wants to send units of the first line back; `more` is told of the line."""
        line = {"line_id": await self.line(), "quantity": quantity, "reason": reason, **more}
        body = {"lines": [line], **({"wants": wants} if wants else {})}
        answer = await self.api.post(f"/v1/orders/{self.life.order_id}/returns", json=body)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def refused(self, path: str, body: dict[str, Any]) -> str:
        """A call that must be refused; its code."""
        answer = await self.api.post(path, json=body)
        assert answer.status_code == 409, answer.text
        return str(answer.json()["code"])

    async def call(self, return_id: str, what: str, **body: Any) -> dict[str, Any]:
        """A call that is granted."""
        answer = await self.api.post(f"/v1/returns/{return_id}/{what}", json=body)
        assert answer.status_code in {200, 201}, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def receive(self, return_id: str, quantity: int = 1, **more: Any) -> dict[str, Any]:
        """Units of the first line are at the dock."""
        lines = [{"line_id": await self.line(), "quantity": quantity}]
        return await self.call(return_id, "receive", lines=lines, **more)

    async def inspect(self, return_id: str, **units: int) -> dict[str, Any]:
        """Units of the first line are judged."""
        line = await self.line()
        lines = [{"line_id": line, "quantity": n, "disposition": d} for d, n in units.items()]
        return await self.call(return_id, "inspect", lines=lines)

    async def read(self, return_id: str) -> dict[str, Any]:
        """The return as it stands."""
        found: dict[str, Any] = (await self.api.get(f"/v1/returns/{return_id}")).json()
        return found

    async def until(self, return_id: str, **wanted: Any) -> dict[str, Any]:
        """Wait until the return is as wanted."""
        found: dict[str, Any] = {}

        async def there() -> bool:
            nonlocal found
            found = await self.read(return_id)
            return all(found[name] == value for name, value in wanted.items())

        try:
            await eventually(there)
        except TimeoutError:
            message = f"{found}\n{await self.life.story()}"
            raise AssertionError(message) from None
        return found

    async def labeled(self, return_id: str) -> dict[str, Any]:
        """Wait for its label, and until it is told; the return."""

        async def there() -> bool:
            events = (await self.read(return_id))["events"]
            return any(event["type"] == "return_label_purchased" for event in events)

        await eventually(there)
        return await self.read(return_id)

    async def attention(self, *codes: str) -> None:
        """Wait until the order asks for help for exactly these reasons."""

        async def same() -> bool:
            order = (await self.api.get(f"/v1/orders/{self.life.order_id}")).json()
            return [a["code"] for a in order["attention"]] == list(codes)

        await eventually(same)

    async def policy(self, *special: dict[str, Any], **general: Any) -> None:
        """One rule for all returns but those that a special one fits."""
        rules = [*special, general]
        answer = await self.api.put("/v1/return-policies", json={"rules": rules})
        assert answer.status_code == 200, answer.text


async def arrived(shop: Shop, units: int = 2, *, closed: bool = True) -> Life:
    """Shirts that were paid and delivered; the order is closed, or not yet."""
    await shop.stock("SHIRT", 9)
    life = await shop.place([("SHIRT", units, PRICE)], shipping=SHIPPING)
    await life.deliver(await life.send())
    if closed:
        await life.finished()
    else:
        await life.until(lambda o: o.delivered_units == units and o.settled)
    return life


async def level(shop: Shop, sku: str = "SHIRT") -> tuple[int, int, int]:
    """(on hand, damaged, quarantined) of an item at the main warehouse."""
    row = await shop.pool.fetchrow(
        "SELECT on_hand, damaged, quarantined FROM stock_levels"
        " WHERE sku = $1 AND warehouse = 'MAIN'",
        sku,
    )
    assert row is not None
    return row["on_hand"], row["damaged"], row["quarantined"]
