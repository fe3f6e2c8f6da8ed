"""Purchase orders as rows: lines, deliveries, timeline, attention, and what is on its way."""

from collections.abc import Iterable
from datetime import date

from db.pool import Connection
from db.sql import queries

_SQL = queries("purchasing")


async def expected_arrivals(
    conn: Connection, skus: Iterable[str]
) -> dict[str, list[tuple[date, int]]]:
    """Days and quantities of what suppliers have still to bring, by item, earliest first.

    Only orders that the supplier has. `domain.arrivals.expected_date` gives a place in the queue
    its day.
    """
    arrivals: dict[str, list[tuple[date, int]]] = {}
    for row in await conn.fetch(_SQL["expected_arrivals"], sorted(set(skus))):
        arrivals.setdefault(row["sku"], []).append((row["expected_on"], row["quantity"]))
    return arrivals
