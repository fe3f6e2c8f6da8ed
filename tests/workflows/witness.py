"""What must be true after every story: the books agree, and the histories name nobody."""

import json
from collections import defaultdict
from typing import Any

from tests.workflows.life import Life, eventually
from tests.workflows.shop import Shop

# What the sample customers' personal data would look like in a history, and in a JSON string.
_PERSONAL = ("Ayşe", "Yılmaz", "Bağdat", "ayse@example.com", "Secret")
_SECRET = ("tok_", "/track/", "/labels/", "/page", "signed_by", "public_token")

_LEVELS_OFF = """
    SELECT l.sku, l.warehouse FROM stock_levels l
    LEFT JOIN (SELECT sku, warehouse, sum(on_hand) AS on_hand, sum(allocated) AS allocated,
               sum(damaged) AS damaged FROM stock_movements GROUP BY 1, 2) m USING (sku, warehouse)
    LEFT JOIN (SELECT sku, warehouse, sum(quantity) AS quantity FROM reservations
               WHERE status = 'allocated' GROUP BY 1, 2) r USING (sku, warehouse)
    WHERE l.on_hand <> coalesce(m.on_hand, 0) OR l.allocated <> coalesce(m.allocated, 0)
       OR l.damaged <> coalesce(m.damaged, 0) OR l.allocated <> coalesce(r.quantity, 0)
"""
_LINES_OFF = """
    SELECT l.id FROM order_lines l
    LEFT JOIN (SELECT line_id,
               sum(quantity) FILTER (WHERE status = 'allocated') AS allocated,
               sum(quantity) FILTER (WHERE status = 'backordered') AS backordered
               FROM reservations GROUP BY 1) r ON r.line_id = l.id
    WHERE l.allocated <> coalesce(r.allocated, 0) OR l.backordered <> coalesce(r.backordered, 0)
"""
_TENDERS_OFF = """
    SELECT p.id FROM payments p
    LEFT JOIN (SELECT payment_id,
               sum(amount) FILTER (WHERE kind = 'capture') AS captured,
               sum(amount) FILTER (WHERE kind = 'refund') AS refunded
               FROM money_ledger GROUP BY 1) m ON m.payment_id = p.id
    WHERE p.captured <> coalesce(m.captured, 0) OR p.refunded <> coalesce(m.refunded, 0)
"""
_EXCHANGES_OFF = """
    SELECT e.id FROM exchanges e
    LEFT JOIN (SELECT exchange_id, sum(amount) AS used FROM exchange_uses GROUP BY 1) u
        ON u.exchange_id = e.id
    LEFT JOIN (SELECT exchange_id, sum(exchanged) AS granted FROM refunds GROUP BY 1) r
        ON r.exchange_id = e.id
    WHERE e.used <> coalesce(u.used, 0) OR e.granted <> coalesce(r.granted, 0)
"""
# When nothing is under way: what the new order has of it is what the old one has given for it.
_EXCHANGES_OPEN = """
    SELECT e.id FROM exchanges e JOIN orders n ON n.id = e.new_order_id
    LEFT JOIN payments p ON p.order_id = n.id AND p.provider = 'exchange'
    WHERE e.used <> coalesce(p.captured - p.refunded, 0)
        OR n.status IN ('completed', 'canceled', 'expired') AND e.used <> e.granted
"""


async def compare_all_books(shop: Shop) -> None:
    """Counters equal their ledgers, our money equals the provider's, histories name nobody."""
    await compare_counters(shop)
    await eventually(lambda: _exchanges_agree(shop))
    orders = await shop.pool.fetch("SELECT id FROM orders ORDER BY id")
    for row in orders:
        life = Life(shop, row["id"])

        async def money_agrees(life: Life = life) -> bool:
            return await _ours(life) == await _theirs(life)

        if not await money_agrees():
            await _agreed(money_agrees, life)
        await names_nobody(life)


async def compare_counters(shop: Shop) -> None:
    """Counters equal their ledgers, at any moment."""
    for query in (_LEVELS_OFF, _LINES_OFF, _TENDERS_OFF, _EXCHANGES_OFF):
        assert await shop.pool.fetch(query) == []


async def _exchanges_agree(shop: Shop) -> bool:
    return not await shop.pool.fetch(_EXCHANGES_OPEN)


async def _agreed(money_agrees: Any, life: Life) -> None:
    try:
        await eventually(money_agrees, seconds=5)
    except TimeoutError:
        message = f"ours {await _ours(life)}, theirs {await _theirs(life)}\n{await life.story()}"
        raise AssertionError(message) from None


async def _ours(life: Life) -> dict[str, tuple[int, int]]:
    rows = await life.shop.pool.fetch(
        "SELECT id, captured, refunded FROM payments"
        " WHERE order_id = $1 AND provider NOT IN ('store_credit', 'exchange')",
        life.order_id,
    )
    return {row["id"]: (row["captured"], row["refunded"]) for row in rows if row["captured"]}


async def _theirs(life: Life) -> dict[str, tuple[int, int]]:
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for payment in await life.ledger():
        sums[payment["payment"]][0] += payment["captured"]["amount"]
        sums[payment["payment"]][1] += payment["refunded"]["amount"]
    return {ref: (taken, back) for ref, (taken, back) in sums.items() if taken}


async def open_authorizations(life: Life) -> list[str]:
    """Payments for which the provider still keeps the customer's money reserved."""
    waiting = ("authorized", "action_required")
    return [p["payment"] for p in await life.ledger() if p["status"] in waiting]


async def names_nobody(life: Life) -> None:
    """The workflow's history holds no name, address, token or address of a customer's page."""
    history = await life.handle.fetch_history()
    for event in history.events:
        raw = event.SerializeToString()
        for word in (*_PERSONAL, *_SECRET):
            forms = {word.encode(), json.dumps(word)[1:-1].encode()}
            found = [form for form in forms if form in raw]
            assert not found, (life.order_id, event.event_type, found)


async def told(life: Life) -> list[tuple[str, str]]:
    """Milestones the customer was told of, and how that ended; waits until none is pending."""

    async def settled() -> bool:
        pending = "SELECT count(*) FROM notifications WHERE order_id = $1 AND status = 'pending'"
        return not await life.shop.pool.fetchval(pending, life.order_id)

    await eventually(settled)
    rows = await life.shop.pool.fetch(
        "SELECT milestone, status FROM notifications WHERE order_id = $1 ORDER BY created_at, id",
        life.order_id,
    )
    return [(row["milestone"], row["status"]) for row in rows]


async def attention(life: Life) -> list[str]:
    """Codes for which the order waits for a person, by the database."""
    rows = await life.shop.pool.fetch(
        "SELECT code FROM attention WHERE order_id = $1 ORDER BY code", life.order_id
    )
    return [row["code"] for row in rows]


async def levels(shop: Shop, sku: str) -> dict[str, tuple[int, int]]:
    """(on hand, allocated) of an item by warehouse."""
    rows = await shop.pool.fetch(
        "SELECT warehouse, on_hand, allocated FROM stock_levels WHERE sku = $1", sku
    )
    return {row["warehouse"]: (row["on_hand"], row["allocated"]) for row in rows}
