"""What customers are told, and the names of those messages."""

from domain.order import Tender
from domain.ports import EXCHANGE, STORE_CREDIT


def notification_id(order_id: str, milestone: str, subject: str = "") -> str:
    """The id of a notification: a milestone is told once per subject (a parcel, a tender)."""
    return "-".join(part for part in (f"ntf_{order_id}", milestone, subject) if part)


def kind_of(tender: Tender) -> str:
    """How a tender is named to its customer: by its method, as store credit, or as the exchange
    that pays for it. Nothing of a card is kept that could be told.
    """
    return tender.provider if tender.provider in {STORE_CREDIT, EXCHANGE} else tender.method
