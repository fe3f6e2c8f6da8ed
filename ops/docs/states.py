"""`docs/states.md`: a picture and a table of every state machine in `domain.states`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from domain.attention import CAN, OTHERS
from domain.states import (
    EXCHANGE,
    FULFILLMENT_ORDER,
    OFFER,
    OPERATION,
    ORDER,
    PAYMENT,
    PURCHASE,
    RESERVATION,
    RETURN,
    SHIPMENT,
    ExchangeStatus,
    FulfillmentOrderStatus,
    FulfillmentStatus,
    HoldReason,
    OfferStatus,
    OperationStatus,
    OrderStatus,
    PaymentStatus,
    PurchaseStatus,
    ReservationStatus,
    ReturnStage,
    ReturnStatus,
    ShipmentStatus,
    Table,
    TrackingStatus,
    tracking_moves,
)

S = TypeVar("S", bound=StrEnum)

_DOCS = Path(__file__).parents[2] / "docs"
PAGE = _DOCS / "states.md"
# The guide that has the pictures of these, too.
GUIDE = _DOCS / "after-sales.md"
AFTER_SALES = ("Order", "Payment", "Fulfillment order", "Shipment", "Return", "Exchange")


@dataclass(frozen=True, slots=True)
class Machine:
    """A transition table with its title, what is worth knowing of it, and where it begins."""

    title: str
    about: str
    steps: Mapping[str, Sequence[str]]
    begins: Sequence[str]


def _machine(title: str, about: str, table: Table[S], *begins: S) -> Machine:
    """Take a table with the targets in the order in which the states are declared."""
    steps = {
        str(state): [str(target) for target in type(state) if target in targets]
        for state, targets in table.items()
    }
    return Machine(title, about, steps, begins)


MACHINES = (
    _machine(
        "Order",
        "`status`: the order as a whole. Its workflow alone writes it.",
        ORDER,
        OrderStatus.PENDING,
    ),
    _machine(
        "Payment",
        "`payments[].status`: the money of one tender. A failed tender stays failed: another try "
        "is another tender. One whose authorization ran out is authorized again with the same "
        "instrument.",
        PAYMENT,
        PaymentStatus.PENDING,
    ),
    _machine(
        "Payment operation",
        "One thing asked of a payment provider: `authorize`, `capture`, `void`, `refund`. Its id "
        "is the idempotency key. An unknown outcome is looked up, never sent again blindly.",
        OPERATION,
        OperationStatus.REQUESTED,
    ),
    _machine(
        "Reservation",
        "A claim of one order line on the stock of one warehouse, or its place in the queue for "
        "goods (`backordered`). Units that were waited for and came are claimed by a new row.",
        RESERVATION,
        ReservationStatus.HELD,
        ReservationStatus.ALLOCATED,
        ReservationStatus.BACKORDERED,
    ),
    _machine(
        "Substitution",
        "`substitutions[].status`: a substitute that the customer was offered for units that wait, "
        "and that are held until the answer. `withdrawn`: what was ordered came first, or the "
        "units were canceled. [More](out-of-stock.md).",
        OFFER,
        OfferStatus.OFFERED,
    ),
    _machine(
        "Fulfillment order",
        "`fulfillment_orders[].status`: the work at one location. `incomplete`: what was not found "
        "went to another location, or back into the queue.",
        FULFILLMENT_ORDER,
        FulfillmentOrderStatus.OPEN,
        FulfillmentOrderStatus.SCHEDULED,
    ),
    _machine(
        "Shipment",
        "`shipments[].status`: what *we* did with a parcel. What the carrier says of it is "
        "`tracking_status`, below.",
        SHIPMENT,
        ShipmentStatus.PENDING,
        ShipmentStatus.PACKED,
    ),
    _machine(
        "Purchase order",
        "`purchase_orders[].status`: an order to a supplier. Its workflow alone writes it; what "
        "was delivered stands in its lines. [Buying](buying.md) tells its life.",
        PURCHASE,
        PurchaseStatus.DRAFT,
    ),
    _machine(
        "Return",
        "`returns[].status`: goods that come back from a customer. What nobody announced begins as "
        "`received`. [After the sale](after-sales.md#returns) tells its life.",
        RETURN,
        ReturnStage.REQUESTED,
        ReturnStage.RECEIVED,
    ),
    _machine(
        "Exchange",
        "`exchanges[].status`: goods that are sent in place of others, as an order of its own that "
        "the others pay for. [After the sale](after-sales.md#exchanges) tells of it.",
        EXCHANGE,
        ExchangeStatus.PROMISED,
        ExchangeStatus.GRANTED,
    ),
)

_HEAD = """\
# States

<!-- Made by `make docs` from domain/states.py; edit that, not this. A test compares the two. -->

One machine per thing, each a table in `domain/states.py`. A step that is not in its table is
refused (`illegal_transition`), and staying where one is changes nothing. Arrows to the filled dot
end a life.
"""

_AXES = """\
## What an order shows

An order has four axes instead of one big status. Its own `status` moves by the table above; the
other three are rolled up from its parts by pure functions (`domain/rollup.py`) whenever a part
moves, in the same transaction.

| axis | values |
|---|---|
"""

_TRACKING = """\
## What the carrier says

`shipments[].tracking_status` is data, not a machine of ours. A scan replaces what we knew when the
parcel is further along than before; between scans of equal progress the later one counts; what
would move it backward is old news. Every scan is kept in any case.

| progress | scans |
|---|---|
"""


def page() -> str:
    """Return the whole page, as it has to stand in `docs/states.md`."""
    parts = [_HEAD, *(_section(machine) for machine in MACHINES), _axes(), _tracking(), _waits()]
    return "\n".join(parts)


_BEGIN = "<!-- Made by `make docs` from domain/states.py; a test compares the two. -->\n"
_END = "<!-- until here -->\n"


def pictures(text: str) -> str:
    """The guide as it is, with the pictures as the tables are."""
    before, begin, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    drawn = "".join(
        f"\n### {machine.title}\n\n" + "\n".join(_picture(machine)) + "\n"
        for machine in MACHINES
        if machine.title in AFTER_SALES
    )
    return f"{before}{begin}{drawn}{end}{after}"


def _picture(machine: Machine) -> list[str]:
    lines = ["```mermaid", "stateDiagram-v2"]
    lines += [f"    [*] --> {state}" for state in machine.begins]
    for state, targets in machine.steps.items():
        lines += [f"    {state} --> {target}" for target in targets or ("[*]",)]
    return [*lines, "```"]


def _section(machine: Machine) -> str:
    lines = [f"## {machine.title}", "", machine.about, "", *_picture(machine), ""]
    lines += ["| from | to |", "|---|---|"]
    for state, targets in machine.steps.items():
        names = " ".join(f"`{target}`" for target in targets)
        lines.append(f"| `{state}` | {names or '(its end)'} |")
    return "\n".join(lines) + "\n"


def _axes() -> str:
    rows = [
        ("status", OrderStatus),
        ("payment_status", PaymentStatus),
        ("fulfillment_status", FulfillmentStatus),
        ("return_status", ReturnStatus),
    ]
    table = (f"| `{name}` | {_values(kind)} |" for name, kind in rows)
    return _AXES + "\n".join(table) + "\n"


def _values(kind: type[StrEnum]) -> str:
    return " ".join(f"`{value}`" for value in kind)


def _tracking() -> str:
    """Group the scans by how many others they leave behind, which is how far along they are."""
    ranks: dict[int, list[TrackingStatus]] = {}
    for scan in TrackingStatus:
        behind = sum(tracking_moves(other, scan, newer=False) for other in TrackingStatus)
        ranks.setdefault(behind, []).append(scan)
    rows = (
        f"| {step} | {' '.join(f'`{scan}`' for scan in ranks[behind])} |"
        for step, behind in enumerate(sorted(ranks))
    )
    return _TRACKING + "\n".join(rows) + "\n"


def _waits() -> str:
    return "\n".join(
        (
            "## Why an order waits for a person",
            "",
            f"Holds are rows with a reason, not a status: {_values(HoldReason)}.",
            "",
            "Attention is what Kervan itself asks help for. [The runbook](runbook.md) tells of:",
            " ".join(f"`{code}`" for code in CAN) + ".",
            "What the shop itself has to look at waits in the same list: "
            + " ".join(f"`{code}`" for code in OTHERS)
            + ".",
            "",
        )
    )
