"""Whole lives of orders, from placement to closing."""

from domain.states import FulfillmentStatus, OrderStatus, PaymentStatus
from tests.workflows.shop import Shop


async def test_a_card_order_is_paid_packed_shipped_delivered_and_completed(shop: Shop) -> None:
    await shop.stock("TSHIRT", 5)
    life = await shop.place([("TSHIRT", 2, 59_800)], shipping=4_990)
    await life.until(lambda o: o.status is OrderStatus.CONFIRMED)
    [parcel] = await life.pack()
    await life.ship()
    await life.scan(parcel, "in_transit")
    await life.scan(parcel, "delivered")
    order = await life.until(lambda o: o.status is OrderStatus.COMPLETED)
    assert order.payment_status is PaymentStatus.PAID
    assert order.fulfillment_status is FulfillmentStatus.DELIVERED
    assert await life.at_provider() == [("captured", 64_790, 0)]
    await life.finished()
