"""Checks of stock: what is asked, and what they have found."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from api.schemas.answers import Out
from api.schemas.fields import Strict


class ReconciliationIn(Strict):
    """How to check."""

    full: bool = False


class DifferenceOut(Out):
    """Two numbers that should be one."""

    kind: str = Field(
        description="what was compared",
        examples=["ledger", "claims", "holds", "incoming", "places", "lines"],
    )
    counter: str = Field(
        examples=["on_hand", "allocated"],
        description="what differs; for `place_ledger` bin and lot",
    )
    sku: str | None
    warehouse: str | None
    order_id: str | None
    line_id: str | None
    expected: int = Field(description="by the side that is believed")
    found: int


class ReconciliationOut(Out):
    """A check, and how many differences it has found."""

    id: str
    scope: Literal["full", "incremental"]
    actor: str
    levels: int
    movements: int = Field(description="rows of the ledger that were summed")
    differences: int
    started_at: datetime
    finished_at: datetime


class ReconciliationReportOut(ReconciliationOut):
    """The same with what was found: the first thousand."""

    found: list[DifferenceOut]
