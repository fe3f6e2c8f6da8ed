"""What the API answers about bins, pick lists, counts, transfers and pieces."""

from datetime import date, datetime
from typing import Literal

from api.schemas.answers import Out
from api.schemas.stock_answers import LevelOut


class BinOut(Out):
    """A place for goods, and the units in it."""

    warehouse: str
    code: str
    zone: str
    sequence: int
    kind: Literal["pick", "bulk", "receiving", "quarantine"]
    units: int
    created_at: datetime
    updated_at: datetime


class PlaceOut(Out):
    """Units of an item (and lot) in a bin."""

    sku: str
    warehouse: str
    bin: str
    zone: str
    sequence: int
    kind: str
    lot: str | None
    expires_on: date | None
    quantity: int


class PlaceMovementOut(Out):
    """A row of the ledger of places: what was added to one."""

    id: str
    sku: str
    warehouse: str
    bin: str
    lot: str | None
    kind: str
    quantity: int
    cause: str
    order_id: str | None
    line_id: str | None
    reason: str | None
    actor: str
    occurred_at: datetime


class ExpiredUnitsOut(Out):
    """Units that went into quarantine, and the bin they came from."""

    sku: str
    warehouse: str
    bin: str
    lot: str
    quantity: int


class WantingWorkOut(Out):
    """Work that has yet to pick units of an item."""

    fulfillment_order_id: str
    order_id: str
    quantity: int


class LeftoverOut(ExpiredUnitsOut):
    """Expired units that stay, since orders were promised as many."""

    expires_on: date | None
    work: list[WantingWorkOut]


class ExpiryOut(Out):
    """What has expired."""

    moved: list[ExpiredUnitsOut]
    promised: list[LeftoverOut]


class SlotOut(Out):
    """A compartment of the cart."""

    slot: int
    fulfillment_order_id: str
    order_id: str
    order_number: str


class TaskPartOut(Out):
    """Units of a stop for one order; `left` is what it still wants."""

    slot: int
    fulfillment_order_id: str
    order_id: str
    line_id: str
    quantity: int
    picked: int
    short: int
    left: int


class TaskOut(Out):
    """A stop; without a bin the books do not know where the units lie."""

    task: int
    bin: str | None
    zone: str | None
    lot: str | None
    expires_on: date | None
    sku: str
    name: str
    serial_tracked: bool
    quantity: int
    picked: int
    short: int
    left: int
    parts: list[TaskPartOut]


class PickListOut(Out):
    """One picker's round, in walking order."""

    id: str
    warehouse: str
    picker: str
    status: Literal["in_progress", "done", "canceled"]
    created_at: datetime
    closed_at: datetime | None
    slots: list[SlotOut]
    tasks: list[TaskOut]


class CountLineOut(Out):
    """A place on the sheet; the books' number is shown to those who decide, and afterwards."""

    line: int
    bin: str | None
    sku: str
    name: str
    lot: str | None
    status: str
    expected: int | None
    counted: int | None
    variance: int | None
    counted_by: str | None
    counted_at: datetime | None
    decided_by: str | None
    decided_at: datetime | None
    note: str | None


class CycleCountOut(Out):
    """A sheet, and what came of it."""

    id: str
    warehouse: str
    status: Literal["open", "waiting", "done", "canceled"]
    reason: str | None
    bins: list[str]
    tolerance_units: int
    tolerance_percent: int
    created_by: str
    created_at: datetime
    closed_at: datetime | None
    lines: list[CountLineOut]


class TransferLineOut(Out):
    """What was sent and what came; `difference` is what came too many (or too few)."""

    sku: str
    lot: str | None
    quantity: int
    received: int | None
    difference: int | None
    reason: str | None
    serials: list[str]


class TransferOut(Out):
    """Goods on the way between two warehouses."""

    id: str
    from_warehouse: str
    to_warehouse: str
    reference: str
    status: Literal["in_transit", "received"]
    dispatched_by: str
    dispatched_at: datetime
    received_by: str | None
    received_at: datetime | None
    lines: list[TransferLineOut]


class MovedOut(Out):
    """The cause in both ledgers, the levels touched, and the transfer when there is one."""

    cause: str
    levels: list[LevelOut]
    transfer: TransferOut | None = None


class SerialEventOut(Out):
    """Something that happened to a piece."""

    status: str
    warehouse: str | None
    order_id: str | None
    shipment_id: str | None
    cause: str
    actor: str
    occurred_at: datetime


class SerialOut(Out):
    """A piece, where it is, and how it came there."""

    sku: str
    serial: str
    status: Literal["in_stock", "picked", "packed", "in_transit", "shipped", "gone"]
    warehouse: str | None
    order_id: str | None
    line_id: str | None
    shipment_id: str | None
    updated_at: datetime
    history: list[SerialEventOut]
