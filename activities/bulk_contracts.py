"""What goes into the activities of a bulk action: ids alone."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class BulkTask:
    """A bulk action."""

    bulk_id: str


@dataclass(frozen=True)
class BulkItem:
    """One order of a bulk action; `code` is why it is left out."""

    bulk_id: str
    order_id: str
    code: str = ""


@dataclass(frozen=True)
class BulkBatch:
    """Orders that are asked next."""

    order_ids: list[str] = field(default_factory=list)
