"""The same asked of many orders: what it means for one of them. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from domain import decisions
from domain.order import Order


class BulkAction(StrEnum):
    """What is asked of each order."""

    CANCEL = "cancel"
    CANCEL_LINES = "cancel_lines"
    HOLD = "hold"
    RELEASE = "release"
    RETRY = "retry"


# The name of the request in an order's timeline (`<what>_requested`, `<what>_refused`).
WHAT: Mapping[BulkAction, str] = {
    BulkAction.CANCEL: "cancel",
    BulkAction.CANCEL_LINES: "cancel",
    BulkAction.HOLD: "hold",
    BulkAction.RELEASE: "release",
    BulkAction.RETRY: "retry",
}


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked of one order; nothing when there is `nothing` to do.

    `lines` are units to be canceled, `holds` those to be released.
    """

    action: BulkAction
    lines: Mapping[str, int] = field(default_factory=dict)
    holds: tuple[str, ...] = ()
    nothing: bool = False


def plan(order: Order, action: BulkAction, reason: str, sku: str = "") -> Plan:
    """What the action means for this order. `reason` is the holds' that are released."""
    if action is BulkAction.CANCEL_LINES:
        units = {
            line.id: decisions.cancelable_units(order, line.id)
            for line in order.lines
            if line.sku == sku
        }
        lines = {line_id: n for line_id, n in units.items() if n}
        return Plan(action, lines, nothing=not lines)
    if action is BulkAction.RELEASE:
        holds = tuple(hold.id for hold in order.holds if hold.reason == reason)
        return Plan(action, holds=holds, nothing=not holds)
    return Plan(action)


def check(
    order: Order, wanted: Plan, phases: Collection[str], failing: Collection[str], code: str = ""
) -> None:
    """Whether the order would do it now.

    `phases` are those in which who asks may cancel, `failing` the attentions of the order, `code`
    the one that is to be tried again.

    Raises:
        Refused: it would not, as its workflow says.

    """
    if wanted.action in {BulkAction.CANCEL, BulkAction.CANCEL_LINES}:
        decisions.can_cancel(order, wanted.lines, phases)
    elif wanted.action is BulkAction.HOLD:
        decisions.can_hold(order)
    elif wanted.action is BulkAction.RELEASE:
        for hold_id in wanted.holds:
            decisions.can_release(order, hold_id)
    else:
        decisions.can_retry(order, failing, code)
