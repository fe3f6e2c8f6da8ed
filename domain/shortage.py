"""What becomes of units that nobody has: by the line's own policy, else the order's."""

BACKORDER = "backorder"
SUBSTITUTE = "substitute"
CANCEL_LINES = "cancel_lines"
CANCEL = "cancel"

# Units under these policies wait in the queue; a substitute is offered on top of that.
WAITING = frozenset({BACKORDER, SUBSTITUTE})


def decide(order_policy: str, line_policy: str | None, *, confirmed: bool) -> str:
    """`backorder`, `substitute`, `cancel_lines` or `cancel` (all of the order).

    Once it is confirmed, an order that shall be canceled for want of stock loses the missing units
    only: parcels of it may be on their way.
    """
    policy = line_policy or order_policy
    return CANCEL_LINES if policy == CANCEL and confirmed else policy
