"""Edits of an order until it is packed: one pure plan, which the preview shows and the commit does.

Units that are taken out are canceled, at their share of their line. Units that are added are a line
of their own at the line's price per unit: what was bought before keeps its price and its discounts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from domain.decisions import cancelable_units, must_be_open, refused, units_not_coming
from domain.order import Line, Order
from domain.settlement import Settlement, refunds_due, uncovered
from domain.states import ShipmentStatus
from domain.totals import QuotedLine, order_totals, tax_on, tax_within


@dataclass(frozen=True, slots=True)
class Priced:
    """What a line costs per unit."""

    line_id: str
    sku: str
    name: str
    unit_price: int
    tax_rate_bp: int
    out_of_stock: str | None = None


@dataclass(frozen=True, slots=True)
class Sums:
    """The order's sums. `shipping_tax` is the part of `tax` that is on the delivery, of which so
    much was given back.
    """

    subtotal: int
    discount: int
    shipping: int
    surcharge: int
    tax: int
    grand_total: int
    prices_include_tax: bool
    shipping_tax: int
    shipping_given_back: int = 0


@dataclass(frozen=True, slots=True)
class NewUnits:
    """Units that are wanted beside what was ordered."""

    sku: str
    name: str
    quantity: int
    unit_price: int
    tax_rate_bp: int = 0
    out_of_stock: str | None = None


@dataclass(frozen=True, slots=True)
class Added:
    """New units with their tax, and what the customer pays for them."""

    sku: str
    name: str
    quantity: int
    unit_price: int
    tax_rate_bp: int
    out_of_stock: str | None
    tax: int
    total: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """Another delivery option and its price."""

    option: str
    price: int
    tax_rate_bp: int = 0


@dataclass(frozen=True, slots=True)
class Changes:
    """What is wanted. `lines`: the units of a line that the customer shall get, by its id."""

    lines: Mapping[str, int] = field(default_factory=dict)
    add: Sequence[NewUnits] = ()
    delivery: Delivery | None = None
    shipping_address: bool = False
    billing_address: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What an edit comes to. `after` is the order as it will be; new lines have no ids yet."""

    cancel: dict[str, int]
    add: tuple[Added, ...]
    sums: Sums
    option: str
    payable_before: int
    after: Order

    @property
    def difference(self) -> int:
        """What the customer pays more, or (below zero) less."""
        return self.after.payable - self.payable_before

    @property
    def payment_needed(self) -> int:
        """What is neither taken nor reserved after it."""
        return uncovered(self.after)

    @property
    def refunds(self) -> list[Settlement]:
        """What goes back to which tender."""
        return refunds_due(self.after)


def can_edit(order: Order, version: int) -> None:
    """Edit what has not left us, from the version that the person has seen."""
    must_be_open(order)
    if version != order.version:
        detail = f"The order has changed: its version is {order.version}."
        raise refused(order, "version_conflict", detail, version=str(order.version))
    if order.live_units and order.shipped_units >= order.live_units:
        raise refused(order, "already_shipped", "All parcels were handed to the carrier.")


def plan(order: Order, prices: Sequence[Priced], sums: Sums, changes: Changes) -> Plan:
    """Reckon what an edit changes.

    Raises:
        Refused: `unknown_line`, `already_packed`, `nothing_left`, `nothing_changes` or
            `shipping_given_back`.

    """
    cancel, more = _by_line(order, prices, changes.lines)
    add = tuple(_priced(new, sums) for new in (*more, *changes.add))
    delivery = changes.delivery
    if changes.shipping_address or delivery is not None:
        _nothing_is_packed(order)
    if not (cancel or add or delivery or changes.shipping_address or changes.billing_address):
        raise refused(order, "nothing_changes", "The order is like that already.")
    after_sums = _sums(sums, add, delivery)
    after = _after(order, cancel, add, after_sums)
    if delivery is not None and after.delivery_price < (least := sums.shipping_given_back):
        detail = f"{least} of the delivery was given back: it cannot cost less."
        raise refused(order, "shipping_given_back", detail, given_back=str(least))
    if not after.live_units:
        raise refused(order, "nothing_left", "Nothing would be left: cancel the order instead.")
    option = delivery.option if delivery else order.shipping_option
    return Plan(cancel, add, after_sums, option, order.payable, after)


def _by_line(
    order: Order, prices: Sequence[Priced], wanted: Mapping[str, int]
) -> tuple[dict[str, int], list[NewUnits]]:
    """Units to be canceled by line, and units that are wanted beside."""
    known = {price.line_id: price for price in prices}
    cancel, more = {}, []
    for line_id, quantity in wanted.items():
        line = order.line(line_id)
        if line is None:
            raise refused(order, "unknown_line", f"The order has no line {line_id}.")
        change = quantity - (line.quantity - line.canceled)
        if change > 0:
            p = known[line_id]
            more.append(
                NewUnits(p.sku, p.name, change, p.unit_price, p.tax_rate_bp, p.out_of_stock)
            )
        elif change < 0:
            free = cancelable_units(order, line_id) - units_not_coming(order, line_id)
            if -change > free:
                detail = f"{free} units of {line_id} are not packed."
                raise refused(order, "already_packed", detail, line_id=line_id)
            cancel[line_id] = -change
    return cancel, more


def _nothing_is_packed(order: Order) -> None:
    packed = [s.id for s in order.shipments if s.status is not ShipmentStatus.CANCELED]
    if packed:
        detail = "A parcel is packed for the address and the delivery option as they are."
        raise refused(order, "already_packed", detail, shipment_id=packed[0])


def _priced(new: NewUnits, sums: Sums) -> Added:
    quoted = QuotedLine(new.quantity, new.unit_price, new.tax_rate_bp)
    [line] = order_totals([quoted], prices_include_tax=sums.prices_include_tax).lines
    return Added(
        new.sku,
        new.name,
        new.quantity,
        new.unit_price,
        new.tax_rate_bp,
        new.out_of_stock,
        line.tax,
        line.total,
    )


def _sums(sums: Sums, add: Sequence[Added], delivery: Delivery | None) -> Sums:
    tax_of = tax_within if sums.prices_include_tax else tax_on
    shipping, shipping_tax = sums.shipping, sums.shipping_tax
    if delivery is not None:
        shipping, shipping_tax = delivery.price, tax_of(delivery.price, delivery.tax_rate_bp)
    subtotal = sums.subtotal + sum(line.quantity * line.unit_price for line in add)
    tax = sums.tax + sum(line.tax for line in add) + shipping_tax - sums.shipping_tax
    total = subtotal - sums.discount + shipping + sums.surcharge
    return replace(
        sums,
        subtotal=subtotal,
        shipping=shipping,
        tax=tax,
        shipping_tax=shipping_tax,
        grand_total=total if sums.prices_include_tax else total + tax,
    )


def _after(order: Order, cancel: Mapping[str, int], add: Sequence[Added], sums: Sums) -> Order:
    lines = [_less(line, cancel.get(line.id, 0)) for line in order.lines]
    lines += [Line("", x.sku, x.quantity, x.total, x.quantity) for x in add]
    return replace(
        order,
        lines=lines,
        shipping_total=sums.shipping,
        shipping_tax=0 if sums.prices_include_tax else sums.shipping_tax,
        grand_total=sums.grand_total,
    )


def _less(line: Line, canceled: int) -> Line:
    """Units without goods go first, as `cancel_units` of the database takes them."""
    open_ = min(line.open, canceled)
    backordered = min(line.backordered, canceled - open_)
    return replace(
        line,
        canceled=line.canceled + canceled,
        open=line.open - open_,
        backordered=line.backordered - backordered,
        allocated=line.allocated - (canceled - open_ - backordered),
    )


def changes_of(stored: Mapping[str, Any]) -> Changes:
    """What an edit's row asks for."""
    delivery = stored["delivery"]
    return Changes(
        stored["lines"],
        [NewUnits(**new) for new in stored["add"]],
        Delivery(**delivery) if delivery else None,
        stored["shipping_address"],
        stored["billing_address"],
    )


def figures(before: Order, wanted: Plan) -> dict[str, Any]:
    """What an edit comes to, in minor units; ids and amounts alone."""
    after = wanted.after
    return {
        "before": {
            "grand_total": before.grand_total,
            "shipping_total": before.shipping_total,
            "payable": before.payable,
        },
        "after": {
            "grand_total": after.grand_total,
            "shipping_total": after.shipping_total,
            "payable": after.payable,
        },
        "difference": wanted.difference,
        "payment_needed": wanted.payment_needed,
        "refunds": [
            {"payment_id": back.payment_id, "amount": back.amount} for back in wanted.refunds
        ],
        "canceled_units": wanted.cancel,
        "added_units": [
            {"sku": x.sku, "quantity": x.quantity, "total": x.total} for x in wanted.add
        ],
    }
