"""What the runbook tells an operator to run in PostgreSQL, taken from its page and run."""

import re
from pathlib import Path

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.service import RPCError, RPCStatusCode

from domain.states import OrderStatus, ShipmentStatus
from tests.workflows.faults import down
from tests.workflows.life import Life, eventually
from tests.workflows.shop import Shop

_PAGE = Path(__file__).parents[2] / "docs" / "runbook.md"
PRICE = 59_800


def _sql(heading: str) -> str:
    section = _PAGE.read_text("utf-8").partition(f"### {heading}\n")[2]
    block = re.search(r"```sql\n(.*?)```", section, re.DOTALL)
    assert block is not None
    return block[1]


async def _forgotten(life: Life) -> None:
    """Temporal has lost this order's process, as after an old backup."""
    request = DeleteWorkflowExecutionRequest(
        namespace=life.shop.temporal.namespace,
        workflow_execution=WorkflowExecution(workflow_id=life.handle.id),
    )
    await life.shop.temporal.workflow_service.delete_workflow_execution(request)

    async def gone() -> bool:
        try:
            await life.handle.describe()
        except RPCError as error:
            return error.status is RPCStatusCode.NOT_FOUND
        return False

    await eventually(gone)


async def _restored(shop: Shop) -> None:
    statement = _sql("Restoring a backup").replace("'{}'", "'{\"return_window\": 0.2}'")
    await shop.pool.execute(statement)
    await eventually(lambda: shop.pool.fetchval("SELECT count(*) = 0 FROM outbox"))


async def test_an_order_without_a_process_goes_on_from_its_rows(shop: Shop) -> None:
    await shop.stock("SHIRT", 5)
    paid, packed = [await shop.place([("SHIRT", 1, PRICE)]) for _ in range(2)]
    for life in (paid, packed):
        await life.until(lambda o: o.status is OrderStatus.CONFIRMED)
    async with down(shop.sandbox):
        await packed.pack()
        await _forgotten(packed)
    await _forgotten(paid)
    untouched = await shop.place([("SHIRT", 1, PRICE)])
    await untouched.until(lambda o: o.status is OrderStatus.CONFIRMED)

    await _restored(shop)

    await packed.until(lambda o: o.shipments[0].status is ShipmentStatus.LABEL_PURCHASED)
    await packed.ship()
    await packed.deliver((await packed.order()).shipments[0].id)
    await paid.deliver(await paid.send())
    for life in (paid, packed):
        await life.finished()
        assert await life.axes() == ("completed", "paid", "delivered", "no_return")
        assert await life.at_provider() == [("captured", PRICE, 0)]
    assert (await untouched.types()).count("order_confirmed") == 1
    await untouched.cancel()


async def test_an_erased_order_names_nobody(shop: Shop) -> None:
    await shop.stock("SHIRT", 5)
    life = await shop.place([("SHIRT", 1, PRICE)])
    await life.deliver(await life.send())
    await life.finished()
    assert await _who(shop)

    await shop.pool.execute(
        _sql("Erasing a customer's data").replace(":'order'", f"'{life.order_id}'")
    )

    assert await _who(shop) == []
    assert await life.axes() == ("completed", "paid", "delivered", "no_return")


async def _who(shop: Shop) -> list[str]:
    """Name the columns, of all there are, that say who the customer is."""
    columns = await shop.pool.fetch(
        "SELECT table_name, column_name FROM information_schema.columns"
        " JOIN information_schema.tables USING (table_schema, table_name)"
        " WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
    )
    found = []
    for table, column in columns:
        query = f'SELECT 1 FROM {table} WHERE "{column}"::text ~* $1 LIMIT 1'  # noqa: S608 - the catalog's names
        if await shop.pool.fetchval(query, "ayşe|yılmaz|bağdat|ayse@|tok_visa"):
            found.append(f"{table}.{column}")
    return found
