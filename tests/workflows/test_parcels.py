"""Holds, labels, carriers and deadlines: from the warehouse to the door, also on bad days."""

from datetime import UTC, datetime, timedelta

from domain.states import (
    FulfillmentOrderStatus,
    OrderStatus,
    ShipmentStatus,
    TrackingStatus,
)
from tests.workflows import witness
from tests.workflows.faults import down
from tests.workflows.life import SUPPORT, WAREHOUSE, Life, eventually
from tests.workflows.shop import Shop
from workflows.messages import (
    HoldRequest,
    LineQuantity,
    PackRequest,
    ParcelInput,
    Policy,
    ReleaseRequest,
    ShipRequest,
)

PRICE = 59_800


async def on_its_way(shop: Shop) -> tuple[Life, str]:
    """An order whose parcel was handed over."""
    await shop.stock("SHIRT", 5)
    life = await shop.place([("SHIRT", 2, PRICE)])
    await life.until(lambda o: o.status is OrderStatus.CONFIRMED)
    return life, await life.send()


async def ended_well(life: Life) -> None:
    await life.finished()
    assert await life.axes() == ("completed", "paid", "delivered", "no_return")
    assert await life.at_provider() == [("captured", PRICE, 0)]
    await life.asks_for_help()


async def test_a_hold_stops_the_locations_and_its_release_lets_them_go_on(shop: Shop) -> None:
    await shop.stock("SHIRT", 5)
    life = await shop.place([("SHIRT", 2, PRICE)])
    await life.pick(1)
    first = await life.hold()
    second = await life.hold("high_risk_of_fraud")
    order = await life.order()
    assert await life.axes() == ("confirmed", "authorized", "on_hold", "no_return")
    assert order.fulfillment_orders[0].status is FulfillmentOrderStatus.ON_HOLD
    work = order.fulfillment_orders[0]
    parcel = ParcelInput("shp_held", [LineQuantity(work.lines[0].line_id, 1)], 1, 1, 1, 1)
    request = PackRequest(WAREHOUSE, work.id, [parcel])
    assert await life.refused("pack", request) == "order_on_hold"
    await life.release(first)
    assert await life.refused("pack", request) == "order_on_hold"
    await life.release(second)
    assert await life.refused("release", ReleaseRequest(SUPPORT, second)) == "hold_not_found"
    order = await life.order()
    assert order.fulfillment_orders[0].status is FulfillmentOrderStatus.IN_PROGRESS
    await life.deliver(await life.send())
    await ended_well(life)


async def test_an_order_can_be_held_before_there_is_any_work(shop: Shop) -> None:
    await shop.stock("SHIRT", 5)
    life = await shop.place([("SHIRT", 2, PRICE)], token="tok_3ds")
    await life.until_types("payment_action_required")
    hold = await life.hold()
    await life.customer("succeed")
    order = await life.until(lambda o: o.fulfillment_orders)
    assert order.fulfillment_orders[0].status is FulfillmentOrderStatus.ON_HOLD
    assert await life.axes() == ("confirmed", "authorized", "on_hold", "no_return")
    await life.release(hold)
    await life.deliver(await life.send())
    await ended_well(life)


async def test_what_left_us_cannot_be_held(shop: Shop) -> None:
    life, parcel = await on_its_way(shop)
    assert await life.refused("hold", HoldRequest(SUPPORT, "hld_late", "other")) == (
        "already_shipped"
    )
    await life.deliver(parcel)
    await ended_well(life)


async def test_more_units_than_ordered_are_not_packed(shop: Shop) -> None:
    await shop.stock("SHIRT", 5)
    life = await shop.place([("SHIRT", 2, PRICE)])
    order = await life.until(lambda o: o.fulfillment_orders)
    work = order.fulfillment_orders[0]
    parcel = ParcelInput("shp_big", [LineQuantity(work.lines[0].line_id, 3)], 1, 1, 1, 1)
    request = PackRequest(WAREHOUSE, work.id, [parcel])
    assert await life.refused("pack", request) == "too_many_units"
    assert await life.refused("ship", ShipRequest(WAREHOUSE, work.id)) == "nothing_packed"
    assert (await life.order()).shipments == []
    await life.deliver(await life.send())
    await ended_well(life)


async def test_a_parcel_named_twice_is_handed_over_once(shop: Shop) -> None:
    await shop.stock("SHIRT", 5)
    life = await shop.place([("SHIRT", 2, PRICE)])
    [parcel] = await life.pack()
    work = (await life.order()).fulfillment_orders[0]
    outcome = await life.ask("ship", ShipRequest(WAREHOUSE, work.id, [parcel, parcel]))
    assert outcome.ids == [parcel]
    assert await life.refused("ship", ShipRequest(WAREHOUSE, work.id, [parcel])) == "not_packed"
    await life.deliver(parcel)
    await ended_well(life)
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (3, 0)}


async def test_a_carrier_that_is_down_is_asked_until_it_sells_the_label(shop: Shop) -> None:
    shop.policy = Policy(return_window=0.2, step_attempts=1, step_retry_interval=60)
    await shop.stock("SHIRT", 5)
    life = await shop.place([("SHIRT", 2, PRICE)])
    await life.until(lambda o: o.status is OrderStatus.CONFIRMED)
    async with down(shop.sandbox):
        [parcel] = await life.pack()
        await life.asks_for_help("label_failed")
        work = (await life.order()).fulfillment_orders[0]
        assert await life.refused("ship", ShipRequest(WAREHOUSE, work.id)) == "label_missing"
    await life.retry("label_failed")
    await life.asks_for_help()
    await life.ship()
    await life.deliver(parcel)
    await ended_well(life)
    assert len(await life.ledger("parcels")) == 1


async def test_a_label_that_is_refused_waits_for_a_person(shop: Shop) -> None:
    shop.policy = Policy(return_window=0.2, step_attempts=1, step_retry_interval=60)
    await shop.stock("SHIRT", 5)
    life = await shop.place([("SHIRT", 2, PRICE)])
    await life.until(lambda o: o.status is OrderStatus.CONFIRMED)
    country = "UPDATE order_contacts SET shipping_address = shipping_address || $1"
    await shop.pool.execute(country, {"country": "Nowhere"})
    [parcel] = await life.pack()
    await life.asks_for_help("label_failed")
    assert await life.ledger("parcels") == []
    await shop.pool.execute(country, {"country": "TR"})
    await life.retry("label_failed")
    await life.asks_for_help()
    await life.ship()
    await life.deliver(parcel)
    await ended_well(life)


async def test_a_parcel_in_trouble_asks_for_a_person_until_it_is_delivered(shop: Shop) -> None:
    life, parcel = await on_its_way(shop)
    await life.scan(parcel, "in_transit")
    await life.scan(parcel, "failure")
    await life.asks_for_help("parcel_problem")
    await life.scan(parcel, "delivered")
    await ended_well(life)


async def test_a_lost_parcel_that_turns_up_is_delivered_after_all(shop: Shop) -> None:
    life, parcel = await on_its_way(shop)
    await life.scan(parcel, "lost")
    await life.asks_for_help("parcel_lost")
    order = await life.order()
    assert order.status is OrderStatus.CONFIRMED
    await life.scan(parcel, "delivered")
    await ended_well(life)


async def test_repeated_late_and_backward_scans_change_nothing(shop: Shop) -> None:
    life, parcel = await on_its_way(shop)
    await life.scan(parcel, "out_for_delivery")
    long_ago = datetime.now(UTC) - timedelta(days=2)
    await life.hear(parcel, "in_transit", long_ago)
    await life.hear(parcel, "pre_transit")
    await life.scan(parcel, "delivered")
    await life.until(lambda o: o.delivered_units == 2)
    await life.hear(parcel, "lost")
    await life.hear(parcel, "delivered")
    await ended_well(life)

    async def all_read() -> bool:
        unread = "SELECT count(*) FROM inbox WHERE processed_at IS NULL"
        return not await shop.pool.fetchval(unread)

    await eventually(all_read)
    [shipment] = (await life.order()).shipments
    assert shipment.status is ShipmentStatus.DELIVERED
    assert shipment.tracking_status is TrackingStatus.DELIVERED
    assert (await life.types()).count("delivered") == 1
    told = [m for m, _ in await witness.told(life)]
    assert (told.count("shipped"), told.count("delivered")) == (1, 1)


async def test_a_delivery_of_a_parcel_nobody_reported_as_handed_over_tells_of_both(
    shop: Shop,
) -> None:
    await shop.stock("SHIRT", 5)
    life = await shop.place([("SHIRT", 2, PRICE)])
    [parcel] = await life.pack()
    await life.until_types("label_purchased")
    await life.scan(parcel, "delivered")
    await ended_well(life)
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (3, 0)}
    types = await life.types()
    assert (types.count("shipped"), types.count("delivered")) == (1, 1)


async def test_who_signed_stays_in_the_database(shop: Shop) -> None:
    life, parcel = await on_its_way(shop)
    await life.scan(parcel, "delivered", signed_by="Secret Neighbor")
    await ended_well(life)
    proof = await shop.pool.fetchval("SELECT proof FROM shipments WHERE id = $1", parcel)
    assert proof["signed_by"] == "Secret Neighbor"


async def test_work_that_is_not_done_in_time_is_put_before_a_person(shop: Shop) -> None:
    shop.policy = Policy(return_window=0.2, pick_deadline=0.3)
    await shop.stock("SHIRT", 5)
    life = await shop.place([("SHIRT", 2, PRICE)])
    await life.asks_for_help("pick_overdue")
    parcel = await life.send()
    await life.asks_for_help()
    await life.deliver(parcel)
    await ended_well(life)


async def test_a_parcel_that_does_not_arrive_in_time_is_put_before_a_person(shop: Shop) -> None:
    shop.policy = Policy(return_window=0.2, delivery_deadline=0.3)
    await shop.stock("SHIRT", 5)
    life = await shop.place([("SHIRT", 2, PRICE)])
    [parcel] = await life.pack()
    await life.until_types("label_purchased")
    await shop.pool.execute("UPDATE shipments SET estimated_at = NULL")
    await life.ship()
    await life.asks_for_help("delivery_overdue")
    await life.deliver(parcel)
    await ended_well(life)
