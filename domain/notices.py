"""What customers are told, and the names of those messages."""


def notification_id(order_id: str, milestone: str, subject: str = "") -> str:
    """The id of a notification: a milestone is told once per subject (a parcel, a tender)."""
    return "-".join(part for part in (f"ntf_{order_id}", milestone, subject) if part)
