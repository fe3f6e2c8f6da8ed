"""What is low, too much or dead, found by going through the items page by page.

The forecast comes from the last renewal, the stock is as it is now: whoever has just ordered does
not see the same suggestion again.
"""

from collections.abc import Collection, Iterator

from api.purchase_views import reckoned
from api.views import Row
from db import replenishment
from db.pool import Connection
from domain.replenishment import Rules, Suggestion, Verdict, suggest
from settings import Settings

# So many items are reckoned between two looks at other requests.
_CHUNK = 500

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
    rules, default = rules_of(settings), settings.default_lead_time.days
    found: list[Found] = []
    while len(found) < limit:
        rows = await replenishment.positions(
            conn, after=after, warehouse=warehouse, supplier=supplier, skus=skus, limit=_CHUNK
        )
        found += _of_kind(rows, kinds, rules, default)
        if len(rows) < _CHUNK:
            break
        after = (rows[-1]["sku"], rows[-1]["warehouse"])
    return found[:limit]


def _of_kind(
    rows: list[Row], kinds: Collection[Verdict], rules: Rules, lead_time_days: int
) -> Iterator[Found]:
    for read in rows:
        row = read
        if row["lead_time_days"] is None:
            row = {**row, "lead_time_days": lead_time_days}
        suggestion = suggest(*reckoned(row), rules)
        if suggestion.verdict in kinds:
            yield row, suggestion
