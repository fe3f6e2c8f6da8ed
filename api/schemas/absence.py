"""Goods that are not there: what may be offered instead, who leaves, which warehouse closes."""

from typing import Annotated

from pydantic import Field

from api.schemas.fields import Name, Note, ShortText, Sku, Strict
from api.schemas.requests import UnitsIn


class LeaveQueueIn(Strict):
    """Units that wait and shall not any longer; without `lines`, all that wait."""

    lines: Annotated[list[UnitsIn], Field(min_length=1, max_length=500)] | None = None
    note: Note | None = None


class OfferAnswerIn(Strict):
    """What there is to say beside yes or no."""

    note: Note | None = None


class SubstituteIn(Strict):
    """An item that may be offered, and what the customer is told of the difference."""

    sku: Sku
    note: ShortText | None = None


class SubstitutesIn(Strict):
    """What may be offered in place of an item, the best first."""

    items: Annotated[list[SubstituteIn], Field(max_length=20)]


class CloseIn(Strict):
    """Why a warehouse is closed."""

    reason: Name


class ReopenIn(Strict):
    """A warehouse opens again: nothing more is to be said."""
