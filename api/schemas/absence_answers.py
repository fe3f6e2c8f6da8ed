"""What the API answers about substitutes and closed warehouses, for its OpenAPI document."""

from datetime import datetime

from api.schemas.answers import Out


class ClosingOut(Out):
    """A time for which a warehouse was closed."""

    id: str
    warehouse: str
    reason: str
    actor: str
    closed_at: datetime
    reopened_at: datetime | None
    reopened_by: str | None


class SubstituteOut(Out):
    """An item that may be offered in place of another."""

    sku: str
    name: str
    note: str | None


class SubstitutesOut(Out):
    """What may be offered in place of an item, the best first."""

    sku: str
    items: list[SubstituteOut]
