"""What the API answers about what waits for a person."""

from datetime import datetime

from api.schemas.answers import Out
from domain.attention import Kind


class WaitingLinksOut(Out):
    """Where it can be looked at: itself, its order, and the workflow that is its life."""

    self: str
    order: str | None
    temporal_ui: str | None


class WaitingOut(Out):
    """Something that waits for a person; `can` are the calls that help.

    What belongs to an order names it and where it stands, what is a warehouse's its `warehouse`.
    """

    kind: Kind
    id: str
    number: str | None
    order_id: str | None
    order_number: str | None
    channel: str | None
    status: str | None
    payment_status: str | None
    fulfillment_status: str | None
    return_status: str | None
    warehouse: str | None
    code: str
    subject: str | None
    detail: str
    since: datetime
    age_seconds: int
    can: list[str]
    links: WaitingLinksOut


class WaitingKindLinksOut(Out):
    """The list of these, and the Temporal UI's; null for what has no workflow that says so."""

    self: str
    temporal_ui: str | None


class WaitingKindOut(Out):
    """How much waits for one reason, how much of it is orders', and since when."""

    code: str
    kinds: list[Kind]
    count: int
    orders: int
    oldest_since: datetime
    oldest_age_seconds: int
    can: list[str]
    links: WaitingKindLinksOut


class SavedQueryOut(Out):
    """A query of the Temporal UI, and the list that it opens."""

    name: str
    query: str
    temporal_ui: str


class WaitingSummaryOut(Out):
    """Every reason for which something waits, the most frequent first; and the UI's views."""

    items: list[WaitingKindOut]
    views: list[SavedQueryOut]
