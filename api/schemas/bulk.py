"""The same done to many orders: what is asked, and what is answered."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from api.errors import FieldError
from api.schemas.answers import Out
from api.schemas.fields import Code, Id, Name, Note, Sku, Strict, When
from db.bulk import Filter
from domain.states import HoldReason

Action = Literal["cancel", "cancel_lines", "hold", "release", "retry"]


class BulkFilterIn(Strict):
    """Living orders that fit all that is named. `hold` is a reason for which they are held."""

    order_ids: Annotated[list[Id], Field(min_length=1, max_length=5_000)] | None = None
    sku: Sku | None = None
    attention: Code | None = None
    status: Literal["pending", "confirmed"] | None = None
    channel: Code | None = None
    warehouse: Code | None = None
    hold: HoldReason | None = None
    placed_from: When | None = None
    placed_to: When | None = None

    @property
    def known(self) -> Filter:
        """It as it is looked for."""
        return Filter(**{name: getattr(self, name) for name in Filter.__slots__})


class BulkIn(Strict):
    """Do `action` to all orders that fit; with `dry_run` nothing is done or stored.

    `cancel_lines` takes the units of `filter.sku` out of each order, `release` the holds of the
    reason, `retry` tries `filter.attention` again (or all that fails). The `reason` of `hold` and
    `release` is a hold's.
    """

    action: Action
    filter: BulkFilterIn
    reason: Name
    note: Note | None = None
    dry_run: bool = True

    def wrong(self) -> list[FieldError]:
        """What single fields cannot tell."""
        errors = []
        if not self.filter.known.as_json():
            errors.append(FieldError("/filter", "required", "Name at least one thing to look for."))
        if self.action == "cancel_lines" and self.filter.sku is None:
            errors.append(FieldError("/filter/sku", "required", "Which item is taken out?"))
        if self.action in {"hold", "release"} and self.reason not in set(HoldReason):
            known = ", ".join(HoldReason)
            errors.append(FieldError("/reason", "not_allowed", f"A hold's reason: {known}."))
        return errors


class BulkPreviewOut(Out):
    """An order that fits, and the code with which it would refuse; null when it would do it."""

    order_id: str
    order_number: str
    refuses: str | None


class BulkOut(Out):
    """A bulk action: how many orders fit, and how far it is.

    Of a dry run `id` and `created_at` are null, and `sample` tells of the first orders what they
    would do.
    """

    id: str | None
    action: Action
    filter: dict[str, Any]
    reason: str
    actor: str
    status: Literal["dry_run", "running", "stopping", "stopped", "done"]
    total: int
    waiting: int
    done: int
    refused: int
    skipped: int
    created_at: datetime | None
    ended_at: datetime | None
    sample: list[BulkPreviewOut]


class BulkItemOut(Out):
    """An order of a bulk action; `code` is why it refused or was left out."""

    order_id: str
    order_number: str
    status: Literal["waiting", "done", "refused", "skipped"]
    code: str | None
    ended_at: datetime | None
