"""Goods that are missing: waited for, canceled, or found at another warehouse."""

import asyncio

from domain.states import FulfillmentOrderStatus, OrderStatus
from tests.workflows import witness
from tests.workflows.life import Life
from tests.workflows.shop import Shop

PRICE = 10_000


async def confirmed(life: Life) -> None:
    await life.until(lambda o: o.status is OrderStatus.CONFIRMED)


async def test_an_order_without_stock_waits_for_a_receipt(shop: Shop) -> None:
    await shop.stock("SHIRT", 1)
    life = await shop.place([("SHIRT", 3, PRICE)])
    await life.asks_for_help("waiting_for_stock")
    order = await life.order()
    assert (order.lines[0].allocated, order.lines[0].backordered) == (1, 2)
    assert order.fulfillment_orders == []
    assert await life.axes() == ("confirmed", "authorized", "unfulfilled", "no_return")
    await shop.receive("SHIRT", 1)
    await life.until(lambda o: o.lines[0].allocated == 2)
    await shop.receive("SHIRT", 5)
    await life.until(lambda o: o.fulfillment_orders)
    await life.asks_for_help()
    await life.deliver(await life.send())
    await life.finished()
    assert await life.axes() == ("completed", "paid", "delivered", "no_return")
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (4, 0)}
    told = await witness.told(life)
    assert [m for m, _ in told].count("out_of_stock") == 1
    assert {status for _, status in told} == {"sent"}


async def test_who_came_first_is_served_first(shop: Shop) -> None:
    await shop.stock("SHIRT", 0)
    first = await shop.place([("SHIRT", 2, PRICE)])
    await first.asks_for_help("waiting_for_stock")
    second = await shop.place([("SHIRT", 1, PRICE)])
    await second.asks_for_help("waiting_for_stock")
    await shop.receive("SHIRT", 1)
    await first.until(lambda o: o.lines[0].allocated == 1)
    third = await shop.place([("SHIRT", 1, PRICE)])
    await third.asks_for_help("waiting_for_stock")
    assert (await second.order()).lines[0].allocated == 0
    await shop.receive("SHIRT", 2)
    await first.until(lambda o: o.lines[0].allocated == 2)
    await second.until(lambda o: o.lines[0].allocated == 1)
    assert (await third.order()).lines[0].backordered == 1
    # What a canceled order gives back goes to the next in the queue.
    await first.cancel()
    await third.until(lambda o: o.lines[0].allocated == 1)
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (3, 2)}


async def test_new_orders_do_not_overtake_those_that_wait(shop: Shop) -> None:
    await shop.stock("SHIRT", 0)
    waiting = await shop.place([("SHIRT", 2, PRICE)])
    await waiting.asks_for_help("waiting_for_stock")
    await shop.close()
    await shop.receive("SHIRT", 2)
    newcomer = await shop.place([("SHIRT", 1, PRICE)])
    await shop.open()
    await newcomer.asks_for_help("waiting_for_stock")
    await waiting.until(lambda o: o.lines[0].allocated == 2)
    assert (await newcomer.order()).lines[0].backordered == 1


async def test_by_policy_an_order_without_stock_is_canceled(shop: Shop) -> None:
    await shop.stock("SHIRT", 1)
    life = await shop.place([("SHIRT", 2, PRICE)], out_of_stock="cancel", capture="immediate")
    outcome = await life.finished()
    assert outcome.status == "canceled"
    assert await life.axes() == ("canceled", "refunded", "unfulfilled", "no_return")
    assert await life.at_provider() == [("captured", PRICE, PRICE)]
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (1, 0)}
    assert [m for m, _ in await witness.told(life)].count("canceled") == 1


async def test_by_policy_only_the_missing_lines_are_canceled(shop: Shop) -> None:
    await shop.stock("SHIRT", 5)
    await shop.stock("SOCKS", 1)
    life = await shop.place(
        [("SHIRT", 1, PRICE), ("SOCKS", 3, 900)], out_of_stock="cancel_lines", capture="immediate"
    )
    await confirmed(life)
    order = await life.order()
    assert [(a.allocated, a.canceled) for a in order.lines] == [(1, 0), (1, 2)]
    await life.deliver(await life.send())
    await life.finished()
    assert await life.axes() == ("completed", "partially_refunded", "delivered", "no_return")
    assert await life.at_provider() == [("captured", PRICE + 900, 600)]


async def test_an_unknown_item_is_waited_for_too(shop: Shop) -> None:
    await shop.stock("SHIRT", 5)
    life = await shop.place([("UNHEARD_OF", 1, PRICE)])
    await life.asks_for_help("waiting_for_stock")
    await shop.stock("UNHEARD_OF", 1)
    await life.retry("waiting_for_stock")
    await life.until(lambda o: o.fulfillment_orders)
    await life.asks_for_help()


async def test_an_order_of_unknown_items_only_is_canceled_by_policy(shop: Shop) -> None:
    await shop.stock("SHIRT", 5)
    life = await shop.place([("UNHEARD_OF", 1, PRICE)], out_of_stock="cancel_lines")
    await life.finished()
    assert await life.axes() == ("canceled", "voided", "unfulfilled", "no_return")
    assert await life.at_provider() == [("voided", 0, 0)]


async def test_parcels_of_two_warehouses_are_captured_each_and_sum_to_the_price(
    shop: Shop,
) -> None:
    await shop.stock("SHIRT", 2, "EAST")
    await shop.stock("SHIRT", 1, "WEST")
    life = await shop.place([("SHIRT", 3, PRICE)], shipping=500)
    await confirmed(life)
    order = await life.order()
    assert [(f.warehouse, f.lines[0].quantity) for f in order.fulfillment_orders] == [
        ("EAST", 2),
        ("WEST", 1),
    ]
    first = await life.send(1)
    await life.until(lambda o: o.captured == 3_333 + 500)
    assert await life.axes() == (
        "confirmed", "partially_paid", "partially_fulfilled", "no_return",
    )  # fmt: skip
    await life.deliver(first)
    await life.until(lambda o: o.delivered_units == 1)
    second = await life.send(0)
    await life.until(lambda o: o.captured == PRICE + 500)
    await life.deliver(second)
    await life.finished()
    assert await life.axes() == ("completed", "paid", "delivered", "no_return")
    [payment] = await life.ledger()
    assert [c["amount"]["amount"] for c in payment["captures"]] == [3_833, 6_667]
    assert await witness.levels(shop, "SHIRT") == {"EAST": (0, 0), "WEST": (0, 0)}


async def test_what_is_there_is_sent_at_once_when_the_customer_wants_parts(shop: Shop) -> None:
    await shop.stock("SHIRT", 1)
    life = await shop.place([("SHIRT", 2, PRICE)], ship="in_parts")
    await life.asks_for_help("waiting_for_stock")
    first = await life.send()
    await life.deliver(first)
    await life.until(lambda o: o.delivered_units == 1)
    assert (await life.axes())[1:3] == ("partially_paid", "partially_delivered")
    await shop.receive("SHIRT", 1)
    await life.asks_for_help()
    second = await life.send(1)
    await life.deliver(second)
    await life.finished()
    assert await life.axes() == ("completed", "paid", "delivered", "no_return")
    assert await life.at_provider() == [("captured", PRICE, 0)]


async def test_units_not_found_are_sent_from_another_warehouse(shop: Shop) -> None:
    await shop.stock("SHIRT", 3, "EAST")
    await shop.stock("SHIRT", 1, "WEST")
    life = await shop.place([("SHIRT", 3, PRICE)])
    await confirmed(life)
    await life.pick(2, short="not_found")
    await life.until(lambda o: len(o.fulfillment_orders) == 2)
    assert await witness.levels(shop, "SHIRT") == {"EAST": (2, 2), "WEST": (1, 1)}
    parcels = [await life.send(0), await life.send(1)]
    await life.deliver(*parcels)
    await life.finished()
    assert await life.axes() == ("completed", "paid", "delivered", "no_return")
    assert await life.at_provider() == [("captured", PRICE, 0)]
    assert await witness.levels(shop, "SHIRT") == {"EAST": (0, 0), "WEST": (0, 0)}


async def test_units_found_nowhere_are_waited_for(shop: Shop) -> None:
    await shop.stock("SHIRT", 2)
    life = await shop.place([("SHIRT", 2, PRICE)])
    await confirmed(life)
    await life.pick(0, short="not_found")
    await life.asks_for_help("waiting_for_stock")
    order = await life.order()
    assert (order.lines[0].allocated, order.lines[0].backordered) == (0, 2)
    assert order.fulfillment_orders[0].status is FulfillmentOrderStatus.INCOMPLETE
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (0, 0)}
    await shop.receive("SHIRT", 2)
    await life.until(lambda o: len(o.fulfillment_orders) == 2)
    await life.deliver(await life.send(1))
    await life.finished()
    assert await life.axes() == ("completed", "paid", "delivered", "no_return")


async def test_many_orders_for_few_units_share_them_without_overselling(shop: Shop) -> None:
    await shop.stock("SHIRT", 4)
    lives = await asyncio.gather(*(shop.place([("SHIRT", 1, PRICE)]) for _ in range(7)))
    for life in lives:
        await confirmed(life)
    orders = [await life.order() for life in lives]
    assert sum(o.lines[0].allocated for o in orders) == 4
    assert sum(o.lines[0].backordered for o in orders) == 3
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (4, 4)}
