"""Parcels that do not arrive: what people decide, what comes after all, and workers that die."""

import asyncio

import pytest

from db import endings
from domain.endings import Action, Event
from domain.errors import Refused
from domain.states import OrderStatus, ShipmentStatus
from tests.workflows import mishaps, witness
from tests.workflows.life import SUPPORT, Life, eventually
from tests.workflows.shop import Shop
from tests.workflows.test_accidents import another_worker_takes_over
from workflows.messages import ResolveRequest

PRICE = 60_000


async def on_its_way(shop: Shop, *, units: int = 2) -> tuple[Life, str]:
    """An order whose only parcel was handed over and paid for."""
    await shop.stock("SHIRT", 10)
    life = await shop.place([("SHIRT", units, PRICE)])
    parcel = await life.send()
    await life.until(lambda o: o.captured == PRICE)
    return life, parcel


async def lost(shop: Shop) -> tuple[Life, str]:
    life, parcel = await on_its_way(shop)
    await life.scan(parcel, "lost")
    await life.asks_for_help("parcel_lost")
    return life, parcel


async def test_a_person_has_a_lost_parcel_sent_again(shop: Shop) -> None:
    life, parcel = await lost(shop)
    outcome = await life.resolve(parcel, "replace")
    assert (outcome.status, outcome.payment_status) == ("confirmed", "paid")
    await life.asks_for_help()
    again = await life.send(1)
    await life.deliver(again)
    await life.finished()
    assert await life.axes() == ("completed", "paid", "delivered", "no_return")
    assert await life.at_provider() == [("captured", PRICE, 0)]
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (6, 0)}


async def test_a_person_has_a_lost_parcel_paid_back(shop: Shop) -> None:
    life, parcel = await lost(shop)
    outcome = await life.resolve(parcel, "refund")
    assert (outcome.status, outcome.payment_status) == ("canceled", "refunded")
    await life.finished()
    assert await life.at_provider() == [("captured", PRICE, PRICE)]
    assert (await life.types()).count("parcel_refunded") == 1
    await life.asks_for_help()


async def test_a_person_lets_a_parcel_have_more_time_and_is_asked_again(shop: Shop) -> None:
    life, parcel = await lost(shop)
    await life.resolve(parcel, "wait", 3600)
    await life.asks_for_help()
    await life.resolve(parcel, "wait", 0, event=2)
    await life.asks_for_help("parcel_lost")
    await life.scan(parcel, "delivered")
    await life.finished()
    assert await life.axes() == ("completed", "paid", "delivered", "no_return")
    assert (await life.types()).count("parcel_waited_for") == 2


async def test_a_person_decides_about_parcels_on_their_way_only(shop: Shop) -> None:
    await shop.stock("SHIRT", 5)
    life = await shop.place([("SHIRT", 2, PRICE)])
    [first] = await life.pack(quantity=1)

    async def refused(shipment_id: str) -> str:
        request = ResolveRequest(SUPPORT, shipment_id, "refund")
        return await life.refused("resolve_parcel", request)

    assert await refused("shp_of_another") == "unknown_shipment"
    assert await refused(first) == "not_shipped"
    await life.ship()
    second = await life.send()
    await life.deliver(first)
    await life.until(lambda o: o.delivered_units == 1)
    assert await refused(first) == "parcel_delivered"
    await life.resolve(second, "refund")
    # Nothing is owed any more: the order goes on to its end, and refuses everything then.
    await life.finished()
    assert await life.axes() == ("completed", "partially_refunded", "delivered", "no_return")
    assert await life.at_provider() == [("captured", PRICE, PRICE // 2)]


async def test_what_is_settled_is_not_settled_twice(shop: Shop) -> None:
    life, parcel = await lost(shop)
    await life.resolve(parcel, "replace")
    request = ResolveRequest(SUPPORT, parcel, "refund")
    assert await life.refused("resolve_parcel", request) == "parcel_settled"
    assert await life.at_provider() == [("captured", PRICE, 0)]
    await life.deliver(await life.send(1))
    await life.finished()


async def test_one_of_two_parcels_is_paid_back_and_shipping_stays_owed(shop: Shop) -> None:
    await mishaps.rule(shop, Event.LOST, Action.REFUND)
    await shop.stock("SHIRT", 5)
    life = await shop.place([("SHIRT", 3, 10_000)], shipping=500)
    [first] = await life.pack(quantity=1)
    await life.ship()
    second = await life.send()
    await life.until(lambda o: o.captured == 10_500)
    await life.scan(first, "lost")
    await life.until_types("refund_succeeded")
    await life.deliver(second)
    await life.finished()
    assert await life.axes() == ("completed", "partially_refunded", "delivered", "no_return")
    assert await life.at_provider() == [("captured", 10_500, 3_333)]
    told = [milestone for milestone, _ in await witness.told(life)]
    assert (told.count("canceled"), told.count("refunded")) == (1, 1)


async def test_units_that_are_sent_again_and_are_not_there_are_waited_for(shop: Shop) -> None:
    await mishaps.rule(shop, Event.LOST, Action.REPLACE)
    await shop.stock("SHIRT", 2)
    life = await shop.place([("SHIRT", 2, PRICE)])
    parcel = await life.send()
    await life.scan(parcel, "lost")
    await life.asks_for_help("waiting_for_stock")
    await shop.receive("SHIRT", 2)
    await life.until(lambda o: len(o.fulfillment_orders) == 2)
    await life.deliver(await life.send(1))
    await life.finished()
    assert await life.axes() == ("completed", "paid", "delivered", "no_return")
    assert await life.at_provider() == [("captured", PRICE, 0)]
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (0, 0)}


async def test_a_parcel_lost_before_its_money_is_taken_is_charged_once(shop: Shop) -> None:
    """The capture is refused while the first parcel is away, and made when the second left."""
    await mishaps.rule(shop, Event.LOST, Action.REPLACE)
    await shop.stock("SHIRT", 10)
    life = await shop.place([("SHIRT", 2, PRICE)], token="tok_capture_fails")
    parcel = await life.send()
    await life.asks_for_help("capture_failed")
    await life.scan(parcel, "lost")
    await life.until(lambda o: len(o.fulfillment_orders) == 2)
    order = await life.order()
    assert (order.due, order.captured) == (0, 0)
    again = await life.send(1)
    await life.deliver(again)
    await life.until(lambda o: o.delivered_units == 2)
    await life.asks_for_help("capture_failed")
    assert await life.axes() == ("confirmed", "authorized", "delivered", "no_return")


async def test_a_replaced_parcel_that_arrives_after_all_is_put_before_a_person(shop: Shop) -> None:
    await mishaps.rule(shop, Event.LOST, Action.REPLACE)
    life, parcel = await on_its_way(shop)
    await life.scan(parcel, "lost")
    await life.until(lambda o: len(o.fulfillment_orders) == 2)
    await life.hear(parcel, "delivered")
    await life.asks_for_help("delivered_after_all")
    assert (await life.order()).delivered_units == 0
    [claim] = await mishaps.claims(life)
    assert claim["status"] == "dropped"
    # The person leaves it at that: the second one goes out too.
    await life.deliver(await life.send(1))
    await life.finished()
    assert await life.axes() == ("completed", "paid", "delivered", "no_return")
    assert await life.at_provider() == [("captured", PRICE, 0)]
    assert await witness.attention(life) == ["delivered_after_all"]
    told = [milestone for milestone, _ in await witness.told(life)]
    assert told.count("delivered") == 1


async def test_a_person_keeps_the_second_one_here_when_the_first_arrives(shop: Shop) -> None:
    await mishaps.rule(shop, Event.LOST, Action.REPLACE)
    life, parcel = await on_its_way(shop)
    await life.scan(parcel, "lost")
    await life.until(lambda o: len(o.fulfillment_orders) == 2)
    await life.hear(parcel, "delivered")
    await life.asks_for_help("delivered_after_all")
    await life.cancel()
    await life.finished()
    # The customer has the goods, and the money back: the trace stays for a person.
    assert await life.axes() == ("canceled", "refunded", "unfulfilled", "no_return")
    assert await life.at_provider() == [("captured", PRICE, PRICE)]
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (8, 0)}
    assert await witness.attention(life) == ["delivered_after_all"]


async def test_a_parcel_that_arrives_after_the_orders_end_leaves_a_trace(shop: Shop) -> None:
    await mishaps.rule(shop, Event.LOST, Action.REFUND)
    life, parcel = await on_its_way(shop)
    await life.scan(parcel, "lost")
    await life.finished()
    for _ in range(2):
        await life.hear(parcel, "delivered")
    await life.until_types("delivered_after_all")
    [shipment] = (await life.order()).shipments
    assert shipment.status is ShipmentStatus.DELIVERED
    assert await witness.attention(life) == ["delivered_after_all"]
    assert await life.axes() == ("canceled", "refunded", "unfulfilled", "no_return")
    assert await life.at_provider() == [("captured", PRICE, PRICE)]
    assert (await life.types()).count("delivered_after_all") == 1


async def test_a_parcel_comes_back_after_it_was_paid_for_and_is_only_booked(shop: Shop) -> None:
    await mishaps.rule(shop, Event.LOST, Action.REFUND)
    life, parcel = await on_its_way(shop)
    await life.scan(parcel, "lost")
    await life.finished()
    await life.receive_back(parcel, restock=2)
    with pytest.raises(Refused, match="before"):
        await life.receive_back(parcel, restock=2)
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (10, 0)}
    assert await life.at_provider() == [("captured", PRICE, PRICE)]
    [claim] = await mishaps.claims(life)
    assert claim["status"] == "dropped"

    async def nobody_is_told() -> bool:
        return not await shop.pool.fetchval("SELECT count(*) FROM outbox")

    await eventually(nobody_is_told)


async def test_a_parcel_that_is_back_before_the_carrier_says_so(shop: Shop) -> None:
    life, parcel = await on_its_way(shop)
    await life.receive_back(parcel, restock=2)
    await life.finished()
    assert await life.axes() == ("canceled", "refunded", "unfulfilled", "no_return")
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (10, 0)}
    assert await life.at_provider() == [("captured", PRICE, PRICE)]


async def test_what_is_back_is_not_delivered_whatever_the_carrier_says(shop: Shop) -> None:
    """Carriers call it delivered, too, when they bring a parcel back to us."""
    await mishaps.rule(shop, Event.RETURNED, Action.ASK_PERSON)
    life, parcel = await on_its_way(shop)
    await life.receive_back(parcel, restock=2)
    await life.asks_for_help("parcel_returned")
    await life.hear(parcel, "delivered")
    await life.until_types("parcel_delivered")
    await life.asks_for_help("parcel_returned")
    assert (await life.order()).delivered_units == 0
    await life.resolve(parcel, "refund")
    await life.finished()
    assert await life.axes() == ("canceled", "refunded", "unfulfilled", "no_return")
    assert await life.at_provider() == [("captured", PRICE, PRICE)]
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (10, 0)}
    assert "delivered" not in [milestone for milestone, _ in await witness.told(life)]


async def test_what_is_back_and_paid_for_alarms_nobody_when_it_is_called_delivered(
    shop: Shop,
) -> None:
    life, parcel = await on_its_way(shop)
    await life.receive_back(parcel, restock=2)
    await life.finished()
    await life.hear(parcel, "delivered")

    async def heard() -> bool:
        return not await shop.pool.fetchval(
            "SELECT (SELECT count(*) FROM inbox WHERE processed_at IS NULL)"
            " + (SELECT count(*) FROM outbox)"
        )

    await eventually(heard)
    assert await witness.attention(life) == []
    assert not await life.has("delivered_after_all")


async def test_more_than_a_parcel_held_does_not_come_back(shop: Shop) -> None:
    life, parcel = await on_its_way(shop)
    with pytest.raises(Refused) as refused:
        await life.receive_back(parcel, restock=2, quarantine=1)
    assert refused.value.code == "too_many_units"
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (8, 0)}
    await life.deliver(parcel)
    await life.until(lambda o: o.delivered_units == 2)
    with pytest.raises(Refused) as refused:
        await life.receive_back(parcel, restock=2)
    assert refused.value.code == "parcel_delivered"


async def test_a_parcel_that_recovers_is_not_given_up(shop: Shop) -> None:
    await mishaps.rule(shop, Event.DELAYED, Action.REFUND, 3600)
    life, parcel = await on_its_way(shop)
    await life.scan(parcel, "delayed")
    await life.until_types("parcel_trouble")
    await life.scan(parcel, "out_for_delivery")
    await life.until_types("parcel_out_for_delivery")
    await shop.pool.execute("UPDATE parcel_endings SET due_at = now(), flagged = false")

    async def told() -> bool:
        query = "SELECT flagged FROM parcel_endings WHERE order_id = $1"
        return bool(await shop.pool.fetchval(query, life.order_id))

    await eventually(told)
    await life.deliver(parcel)
    await life.finished()
    assert await life.axes() == ("completed", "paid", "delivered", "no_return")
    assert await life.at_provider() == [("captured", PRICE, 0)]


@pytest.mark.parametrize(
    "step",
    ["record_parcel_news", "decide_trouble", "write_off_parcel", "confirm_order", "record_parcels"],
)
async def test_a_worker_that_dies_while_a_parcel_is_replaced_changes_nothing(
    shop: Shop, step: str
) -> None:
    await mishaps.rule(shop, Event.LOST, Action.REPLACE)
    life, parcel = await on_its_way(shop)
    shop.accident.arm(step)
    rescue = asyncio.create_task(another_worker_takes_over(shop))
    await life.scan(parcel, "lost")
    await life.deliver(await life.send(1))
    await life.finished()
    await rescue
    assert await life.axes() == ("completed", "paid", "delivered", "no_return")
    assert await life.at_provider() == [("captured", PRICE, 0)]
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (6, 0)}
    assert len(await mishaps.claims(life)) == 1
    types = await life.types()
    once = ("parcel_trouble", "parcel_replaced", "order_completed")
    assert {type_: types.count(type_) for type_ in once} == dict.fromkeys(once, 1)


@pytest.mark.parametrize(
    "step",
    ["decide_trouble", "write_off_parcel", "begin_cancel", "refund_payment", "close_order"],
)
async def test_a_worker_that_dies_while_a_parcel_is_paid_back_changes_nothing(
    shop: Shop, step: str
) -> None:
    life, parcel = await on_its_way(shop)
    await life.scan(parcel, "return_to_sender")
    await life.asks_for_help("parcel_returned")
    shop.accident.arm(step)
    rescue = asyncio.create_task(another_worker_takes_over(shop))
    await life.receive_back(parcel, restock=2)
    await life.finished()
    await rescue
    assert await life.axes() == ("canceled", "refunded", "unfulfilled", "no_return")
    assert await life.at_provider() == [("captured", PRICE, PRICE)]
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (10, 0)}
    types = await life.types()
    once = ("parcel_refunded", "parcel_received_back", "order_canceled")
    assert {type_: types.count(type_) for type_ in once} == dict.fromkeys(once, 1)


async def test_a_parcel_is_delivered_in_the_moment_in_which_it_is_given_up(shop: Shop) -> None:
    """Whichever is written first, the customer keeps goods or money, and never both unseen."""
    life, parcel = await lost(shop)
    async with life.locked():
        asking = asyncio.create_task(life.resolve(parcel, "refund"))
        await life.until_update_accepted()
        await life.hear(parcel, "delivered")
    await asyncio.gather(asking, return_exceptions=True)
    order = await life.until(lambda o: o.status in {OrderStatus.CANCELED, OrderStatus.COMPLETED})
    await life.finished()
    if order.status is OrderStatus.COMPLETED:
        assert await life.at_provider() == [("captured", PRICE, 0)]
        return
    assert await life.at_provider() == [("captured", PRICE, PRICE)]
    await life.until_types("delivered_after_all")
    assert await witness.attention(life) == ["delivered_after_all"]


async def test_what_did_not_come_back_with_its_parcel_is_not_paid_for_by_itself(
    shop: Shop,
) -> None:
    life, parcel = await on_its_way(shop)
    await life.receive_back(parcel, restock=1)
    await life.asks_for_help("parcel_returned")
    await life.until(lambda o: o.refunded == PRICE // 2)
    assert await life.axes() == ("confirmed", "partially_refunded", "fulfilled", "no_return")
    assert await life.at_provider() == [("captured", PRICE, PRICE // 2)]
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (9, 0)}
    assert await mishaps.claims(life) == []
    # A person settles the rest, for which the carrier owes.
    await life.resolve(parcel, "refund")
    await life.finished()
    assert await life.axes() == ("canceled", "refunded", "unfulfilled", "no_return")
    assert await life.at_provider() == [("captured", PRICE, PRICE)]
    assert await mishaps.claims(life) == [
        {"reason": "lost", "resolution": "refund", "amount": PRICE // 2, "status": "open"}
    ]


async def test_what_did_not_come_back_of_a_stopped_parcel_keeps_the_cancellation_open(
    shop: Shop,
) -> None:
    life, parcel = await on_its_way(shop)
    await life.second_thoughts()
    await life.receive_back(parcel, restock=1)
    await life.asks_for_help("parcel_returned")
    await life.until(lambda o: o.refunded == PRICE // 2)
    assert await life.at_provider() == [("captured", PRICE, PRICE // 2)]
    assert (await life.order()).recalling
    await life.resolve(parcel, "refund")
    await life.finished()
    assert await life.at_provider() == [("captured", PRICE, PRICE)]


async def test_of_a_lost_parcel_that_comes_back_in_part_the_rest_stays_claimed(shop: Shop) -> None:
    await mishaps.rule(shop, Event.LOST, Action.REFUND)
    life, parcel = await on_its_way(shop)
    await life.scan(parcel, "lost")
    await life.finished()
    await life.receive_back(parcel, restock=1)
    assert await mishaps.claims(life) == [
        {"reason": "lost", "resolution": "refund", "amount": PRICE // 2, "status": "open"}
    ]


async def test_a_settled_claim_is_open_again_when_more_of_its_parcel_is_written_off(
    shop: Shop,
) -> None:
    life, parcel = await lost(shop)
    await life.cancel_units(1)
    async with shop.pool.acquire() as conn, conn.transaction():
        claim_id = await conn.fetchval("SELECT id FROM claims")
        await endings.settle_claim(conn, claim_id, "won", PRICE // 2, None, "support@tests")
    await life.resolve(parcel, "refund")
    await life.finished()
    [row] = await shop.pool.fetch("SELECT status, amount, recovered, closed_at FROM claims")
    assert tuple(row) == ("open", PRICE, PRICE // 2, None)
