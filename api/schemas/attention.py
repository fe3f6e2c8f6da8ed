"""What the API answers about what waits for a person."""

from datetime import datetime

from api.schemas.answers import Out


class WaitingLinksOut(Out):
    """Where it can be looked at."""

    order: str
    temporal_ui: str


class WaitingOut(Out):
    """Something of an order that waits for a person; `can` are the calls that help."""

    order_id: str
    order_number: str
    channel: str
    status: str
    payment_status: str
    fulfillment_status: str
    return_status: str
    code: str
    subject: str | None
    detail: str
    since: datetime
    age_seconds: int
    can: list[str]
    links: WaitingLinksOut


class WaitingKindOut(Out):
    """How many orders wait for one reason, and since when."""

    code: str
    orders: int
    oldest_since: datetime
    oldest_age_seconds: int
    can: list[str]


class WaitingSummaryOut(Out):
    """Every reason for which something waits, the most frequent first."""

    items: list[WaitingKindOut]
