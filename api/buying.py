"""What is low, too much or dead: sieved by PostgreSQL, decided by the domain.

The forecast comes from the last renewal, the stock is as it is now: whoever has just ordered does
not see the same suggestion again.
"""

from collections.abc import Collection

from api.purchase_views import reckoned
from api.views import Row
from db import replenishment
from db.pool import Connection
from db.replenishment import Sieve
from domain.replenishment import Rules, Suggestion, Verdict, service_factor, suggest
from settings import Settings

# The sieve lets little through that is not asked for: so many more than a page are read at once.
_SPARE = 50

Place = tuple[str, str]
Found = tuple[Row, Suggestion]


def rules_of(settings: Settings) -> Rules:
    """The shop's rules, in whole days."""
    return Rules(
        service_level=settings.service_level,
        review_days=settings.review_period.days,
        overstock_days=settings.overstock_cover.days,
        dead_days=settings.dead_stock_after.days,
    )


async def find(  # noqa: PLR0913 - filters
    conn: Connection,
    settings: Settings,
    *,
    kinds: Collection[Verdict],
    after: Place = ("", ""),
    limit: int,
    warehouse: str | None = None,
    supplier: str | None = None,
    skus: Collection[str] | None = None,
) -> list[Found]:
    """The next `limit` items of these kinds by (sku, warehouse)."""
    rules = rules_of(settings)
    sieve = Sieve(
        kinds,
        service_factor(rules.service_level),
        rules.overstock_days,
        settings.default_lead_time.days,
        warehouse,
        supplier,
        skus,
    )
    found: list[Found] = []
    chunk = limit + _SPARE
    while len(found) < limit:
        rows = await replenishment.positions(conn, sieve, after=after, limit=chunk)
        for row in rows:
            suggestion = suggest(*reckoned(row), rules)
            if suggestion.verdict in kinds:
                found.append((row, suggestion))
        if len(rows) < chunk:
            break
        after = (rows[-1]["sku"], rows[-1]["warehouse"])
    return found[:limit]
