"""Orders as the tests of pure functions want them."""

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from domain.order import (
    FulfillmentOrder,
    Hold,
    Line,
    Order,
    ParcelLine,
    Shipment,
    Tender,
    WorkLine,
)
from domain.states import (
    FulfillmentOrderStatus,
    OrderStatus,
    PaymentStatus,
    ShipmentStatus,
    TrackingStatus,
)


def a_line(quantity: int = 2, total: int = 10_000, id_: str = "lin_1", **units: int) -> Line:
    """A line; units that are not named are open."""
    placed = ("allocated", "backordered", "shipped", "canceled")
    left = quantity - sum(units.get(name, 0) for name in placed)
    parts: dict[str, Any] = dict(units)
    return Line(id_, "SHIRT", quantity, total, left, **parts)


def a_tender(amount: int = 10_000, id_: str = "pay_1", **more: Any) -> Tender:
    """A card; `pending` unless told otherwise."""
    return Tender(id_, 0, more.pop("method", "card"), "sandbox", "on_shipment", amount, **more)


def authorized(amount: int = 10_000, id_: str = "pay_1", **more: Any) -> Tender:
    """A card whose amount is reserved."""
    return a_tender(amount, id_, status=PaymentStatus.AUTHORIZED, authorized=amount, **more)


def work(*lines: WorkLine, **more: Any) -> FulfillmentOrder:
    """Work at the main warehouse."""
    status = more.pop("status", FulfillmentOrderStatus.OPEN)
    return FulfillmentOrder(more.pop("id", "ful_1"), "MAIN", status, list(lines))


def work_line(quantity: int = 2, line_id: str = "lin_1", **units: int) -> WorkLine:
    """Units of a line at a location."""
    return WorkLine(line_id, "SHIRT", quantity, **units)


def a_parcel(
    quantity: int = 2,
    status: ShipmentStatus = ShipmentStatus.PACKED,
    tracking: TrackingStatus = TrackingStatus.UNKNOWN,
    id_: str = "shp_1",
    line_id: str = "lin_1",
) -> Shipment:
    """A box of units of one line."""
    return Shipment(id_, "ful_1", status, tracking, lines=[ParcelLine(line_id, quantity)])


def an_order(**parts: Any) -> Order:
    """An order of two shirts, confirmed and reserved, unless told otherwise."""
    given: dict[str, Any] = {
        "status": OrderStatus.CONFIRMED,
        "lines": [a_line(allocated=2)],
        "tenders": [authorized()],
        "grand_total": 10_000,
    } | parts
    start = Order(
        "ord_1", "TRY", parts.get("shipping_total", 0), 0, 0, "backorder", "complete", "standard"
    )
    return replace(start, **given)


def held(order: Order, *reasons: str) -> Order:
    """The same, on hold."""
    holds = [Hold(f"hld_{number}", reason) for number, reason in enumerate(reasons)]
    return replace(order, holds=holds)


@st.composite
def lines_on_their_way(draw: st.DrawFn) -> list[Line]:
    """Lines whose units are shipped, canceled or still here, in any mixture."""
    lines = []
    for number in range(draw(st.integers(1, 4))):
        quantity = draw(st.integers(1, 20))
        shipped = draw(st.integers(0, quantity))
        canceled = draw(st.integers(0, quantity - shipped))
        total = draw(st.integers(0, 1_000_000))
        lines.append(a_line(quantity, total, f"lin_{number}", shipped=shipped, canceled=canceled))
    return lines
