"""Parcels that do not arrive, as tests look at them: rules, claims, what the customer heard."""

from typing import Any

from db import endings
from db.sourcing import Author
from domain.endings import Action, EndingRule, Event
from tests.workflows.life import Life
from tests.workflows.shop import Shop

_SEEDED = {
    Event.ATTEMPTED: EndingRule(Event.ATTEMPTED, Action.WAIT, 259_200, tell=True),
    Event.DELAYED: EndingRule(Event.DELAYED, Action.WAIT, 432_000, tell=True),
    Event.LOST: EndingRule(Event.LOST, Action.REPLACE, 172_800, tell=True),
    Event.RETURNED: EndingRule(Event.RETURNED, Action.REFUND, 1_209_600, tell=True),
    Event.NO_NEWS: EndingRule(Event.NO_NEWS, Action.ASK_PERSON, 0, tell=False),
}


async def rule(shop: Shop, event: Event, action: Action, after: int = 0) -> None:
    """From now on this is done when that happens."""
    rules = [*(_SEEDED | {event: EndingRule(event, action, after, tell=True)}).values()]
    async with shop.pool.acquire() as conn, conn.transaction():
        await endings.put_rules(conn, rules, Author("tests", "admin"))


async def claims(life: Life) -> list[dict[str, Any]]:
    """What carriers owe for its parcels."""
    rows = await life.shop.pool.fetch(
        "SELECT reason, resolution, amount, status FROM claims WHERE order_id = $1", life.order_id
    )
    return [dict(row) for row in rows]


async def ledger(life: Life, sku: str) -> dict[str, tuple[int, int]]:
    """(on hand, damaged) that its movements add up to, by kind."""
    rows = await life.shop.pool.fetch(
        "SELECT kind, sum(on_hand)::int AS on_hand, sum(damaged)::int AS damaged"
        " FROM stock_movements WHERE order_id = $1 AND sku = $2 GROUP BY kind",
        life.order_id,
        sku,
    )
    return {row["kind"]: (row["on_hand"], row["damaged"]) for row in rows}
