"""What the API answers about items, warehouses and stock, for its OpenAPI document."""

from datetime import datetime

from api.schemas.answers import Out


class LevelOut(Out):
    """Stock of an item at a warehouse; `available` is what can be promised.

    `damaged` is what cannot be sold; `quarantined` the part of it that waits for a decision;
    `placed` is what lies in a bin that is known.
    """

    sku: str
    warehouse: str
    on_hand: int
    allocated: int
    held: int
    safety: int
    damaged: int
    quarantined: int
    available: int
    incoming: int
    placed: int = 0


class MovementOut(Out):
    """A row of the stock ledger: what was added to each counter."""

    id: str
    sku: str
    warehouse: str
    kind: str
    on_hand: int
    allocated: int
    held: int
    safety: int
    damaged: int
    quarantined: int
    incoming: int
    cause: str
    order_id: str | None
    line_id: str | None
    reason: str | None
    actor: str
    occurred_at: datetime


class CorrectionOut(Out):
    """The ledger's cause, and the levels it has touched."""

    cause: str
    levels: list[LevelOut]


class ItemOut(Out):
    """What the shop sells."""

    sku: str
    name: str
    weight_g: int
    length_mm: int
    width_mm: int
    height_mm: int
    hs_code: str | None
    origin: str | None
    category: str | None
    lot_tracked: bool
    serial_tracked: bool
    created_at: datetime
    updated_at: datetime


class WarehouseOut(Out):
    """Where goods lie."""

    code: str
    name: str
    country: str
    city: str
    postal_code: str
    line1: str
    kind: str
    priority: int
    closed_at: datetime | None
    created_at: datetime
    updated_at: datetime


class HeldLineOut(Out):
    """Units that are kept at a location."""

    sku: str
    warehouse: str
    quantity: int


class StockHoldOut(Out):
    """Stock that a checkout keeps: `held`, `allocated` (to an order), `released` or `expired`."""

    id: str
    reference: str | None
    status: str
    order_id: str | None
    expires_at: datetime
    created_at: datetime
    ended_at: datetime | None
    lines: list[HeldLineOut]
