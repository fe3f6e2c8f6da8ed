"""What an order waits for, in one sentence for the people who look at it in the Temporal UI."""

from domain.order import Order
from domain.states import OrderStatus


def describe(order: Order) -> str:
    """What the order waits for and what would move it. Ids, codes and numbers only."""
    if order.closed:
        return f"The order is {order.status}; nothing is left to do."
    if order.cancel_requested:
        return _canceling(order)
    if order.holds:
        reasons = ", ".join(sorted({hold.reason for hold in order.holds}))
        return f"On hold ({reasons}); releasing the hold moves it."
    if order.status is OrderStatus.PENDING:
        return _payment(order)
    if order.waits_for_stock and not any(work.live for work in order.fulfillment_orders):
        units = sum(line.backordered for line in order.lines)
        skus = ", ".join(line.sku for line in order.lines if line.backordered)
        offers = " or ".join(offer.id for offer in order.offers if offer.open)
        answer = f", or the customer's answer to {offers}" if offers else ""
        return f"Waits for {units} units of {skus}; a stock receipt moves it{answer}."
    return _goods(order)


def _canceling(order: Order) -> str:
    if order.recalling:
        parcels = ", ".join(s.id for s in order.shipments if s.intercepted and s.on_its_way)
        return f"Canceling: waits for {parcels} to come back; receiving it moves the order."
    return "Canceling: waits until labels are void and the money is given back."


def _payment(order: Order) -> str:
    waiting = [tender for tender in order.tenders if tender.action_required]
    if waiting:
        names = ", ".join(f"{t.method} {t.id}" for t in waiting)
        return f"Waits for the customer to confirm {names}; the provider's webhook moves it."
    if any(t.alive and t.amount and not t.authorized for t in order.tenders):
        return "Waits for the payment provider's answer."
    return "No payment covers the order; another payment by the customer moves it."


def _goods(order: Order) -> str:
    work = [
        f"{w.warehouse} ({w.id}, {w.status})"
        for w in order.fulfillment_orders
        if w.live and any(line.to_pack for line in w.lines)
    ]
    if work:
        return f"Waits for the warehouse {', '.join(work)}; packing moves it."
    packed = [s.id for s in order.shipments if s.in_house]
    if packed:
        return f"Waits for hand-over of {', '.join(packed)}; the ship call moves it."
    moving = [f"{s.id} ({s.tracking_status})" for s in order.shipments if s.on_its_way]
    if moving:
        return f"Waits for the carrier to deliver {', '.join(moving)}; its news move it."
    if not order.settled:
        return "Delivered; waits for the payment to be captured."
    return "Delivered and paid; waits for the return window to end."
