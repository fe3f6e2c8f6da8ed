"""A return as a test lives it without the API: its rows, the dock, and its workflow."""

from dataclasses import dataclass
from typing import Any

from temporalio.client import WorkflowHandle

from db import orders, return_bench, return_goods, returns
from db.return_bench import Seen
from db.return_goods import Came
from db.returns import By, Words
from domain.return_rules import Decides, Decision, Wanted
from domain.returns import Disposition
from domain.states import ReturnStage
from tests.workflows.life import SUPPORT, Life, eventually
from tests.workflows.shop import Shop
from workflows import ids
from workflows.return_messages import ReturnOutcome, ReturnRequest

DOCK = By("warehouse@tests", "warehouse")


@dataclass
class Sending:
    """One return of units of an order's first line."""

    shop: Shop
    life: Life
    return_id: str
    line: str

    @property
    def handle(self) -> WorkflowHandle[Any, ReturnOutcome]:
        """Its workflow."""
        return self.shop.temporal.get_workflow_handle(
            ids.return_workflow_id(self.return_id), result_type=ReturnOutcome
        )

    async def until(self, status: ReturnStage, *, label: bool = False) -> None:
        """Wait for a status, and for the mail with the label."""

        async def there() -> bool:
            ret = await returns.load(self.shop.pool, self.return_id)
            types = await self.life.types()
            return ret.status is status and (not label or "return_label_purchased" in types)

        await eventually(there)

    async def ask(self, update: str, reason: str = "") -> None:
        """A person's word."""
        request = ReturnRequest(SUPPORT, reason)
        await self.handle.execute_update(update, request, result_type=ReturnOutcome)

    async def receive(self, units: int) -> None:
        """Units are at the dock."""
        async with self.shop.pool.acquire() as conn, conn.transaction():
            await return_goods.receive(conn, self.return_id, None, [Came(self.line, units)], DOCK)

    async def inspect(self, units: int, disposition: Disposition) -> None:
        """Units are judged."""
        seen = [Seen(self.line, units, disposition)]
        async with self.shop.pool.acquire() as conn, conn.transaction():
            await return_bench.inspect(conn, self.return_id, seen, DOCK)

    async def finished(self) -> ReturnOutcome:
        """Wait for the workflow's end."""
        return await self.handle.result()


async def sent_back(shop: Shop, life: Life, decides: Decides, label: str, units: int) -> Sending:
    """A customer asks, as the API writes it down."""
    line = (await life.order()).lines[0]
    decision = Decision(decides, label, "shop", 0, "original", 86_400, {"lines": []})
    start = {
        "order_number": "K-1",
        "policy": {"step_attempts": 2, "step_retry_interval": 0.5},
    }
    wanted = [(Wanted(line.id, units, "unwanted"), line.sku, Words())]
    by = By("shop@tests", "storefront")
    async with shop.pool.acquire() as conn, conn.transaction():
        await orders.lock(conn, life.order_id)
        home = await returns.home(conn, life.order_id, [line.id])
        return_id = await returns.add(
            conn, life.order_id, wanted, decision, home, by, deadline=86_400, start=start
        )
    return Sending(shop, life, return_id, line.id)
