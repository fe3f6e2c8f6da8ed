"""Goods that are not there: by policy of the line, waited for, told of, and left."""

from datetime import date

from tests.workflows import witness
from tests.workflows.life import CUSTOMER, eventually
from tests.workflows.scarcity import confirmed, mail, milestones, supplier_brings
from tests.workflows.shop import Shop
from workflows.messages import LeaveRequest

PRICE = 10_000


# -- policies of lines -------------------------------------------------------------------------


async def test_a_lines_own_policy_goes_before_the_orders(shop: Shop) -> None:
    await shop.stock("SHIRT", 5)
    await shop.stock("SOCKS", 1)
    await shop.stock("HAT", 0)
    life = await shop.place(
        [("SHIRT", 1, PRICE), ("SOCKS", 3, 900), ("HAT", 1, 700)],
        policies={"SOCKS": "cancel_lines"},
        capture="immediate",
    )
    await life.asks_for_help("waiting_for_stock")
    order = await life.order()
    assert [(x.allocated, x.backordered, x.canceled) for x in order.lines] == [
        (1, 0, 0),
        (1, 0, 2),
        (0, 1, 0),
    ]
    assert order.fulfillment_orders == []
    await life.until(lambda o: o.refunded == 600)
    await shop.receive("HAT", 1)
    await life.deliver(await life.send())
    await life.finished()
    assert await life.axes() == ("completed", "partially_refunded", "delivered", "no_return")
    assert await life.at_provider() == [("captured", PRICE + 900 + 700, 600)]
    assert (await milestones(life)).count("out_of_stock") == 1


async def test_a_complete_order_goes_when_what_is_missing_is_canceled(shop: Shop) -> None:
    await shop.stock("SHIRT", 5)
    await shop.stock("HAT", 0)
    life = await shop.place(
        [("SHIRT", 1, PRICE), ("HAT", 1, 700)], policies={"HAT": "cancel_lines"}, ship="complete"
    )
    await life.deliver(await life.send())
    await life.finished()
    assert await life.at_provider() == [("captured", PRICE, 0)]


async def test_a_line_that_waits_keeps_an_order_alive_whose_policy_is_to_cancel(
    shop: Shop,
) -> None:
    await shop.stock("HAT", 0)
    life = await shop.place([("HAT", 1, 700)], out_of_stock="cancel", policies={"HAT": "backorder"})
    await life.asks_for_help("waiting_for_stock")
    await shop.receive("HAT", 1)
    await life.deliver(await life.send())
    await life.finished()
    assert await life.at_provider() == [("captured", 700, 0)]


# -- leaving the queue -------------------------------------------------------------------------


async def test_a_customer_who_waits_for_all_of_it_leaves_and_pays_nothing(shop: Shop) -> None:
    await shop.stock("SHIRT", 0)
    life = await shop.place([("SHIRT", 2, PRICE)], capture="immediate")
    await life.asks_for_help("waiting_for_stock")
    outcome = await life.leave()
    await life.finished()
    assert outcome.status == "canceled"
    assert await life.axes() == ("canceled", "refunded", "unfulfilled", "no_return")
    assert await life.at_provider() == [("captured", PRICE, PRICE)]
    assert (await milestones(life)).count("canceled") == 1


async def test_a_customer_leaves_for_what_waits_and_gets_the_rest(shop: Shop) -> None:
    await shop.stock("SHIRT", 1)
    life = await shop.place([("SHIRT", 3, PRICE)], capture="immediate")
    await life.asks_for_help("waiting_for_stock")
    await life.leave()
    order = await life.order()
    assert (order.lines[0].allocated, order.lines[0].canceled) == (1, 2)
    await life.asks_for_help()
    await life.deliver(await life.send())
    await life.finished()
    assert await life.at_provider() == [("captured", PRICE, 6_666)]
    assert sorted(await milestones(life)) == [
        "canceled", "confirmed", "delivered", "out_of_stock", "refunded", "shipped",
    ]  # fmt: skip
    assert "left_queue" in await life.types()


async def test_a_customer_may_leave_for_some_units_only(shop: Shop) -> None:
    await shop.stock("SHIRT", 0)
    life = await shop.place([("SHIRT", 3, PRICE)])
    await life.asks_for_help("waiting_for_stock")
    await life.leave(2)
    order = await life.order()
    assert (order.lines[0].backordered, order.lines[0].canceled) == (1, 2)
    await shop.receive("SHIRT", 1)
    await life.deliver(await life.send())
    await life.finished()
    assert await life.at_provider() == [("captured", 3_334, 0)]


async def test_units_that_are_here_cannot_be_left(shop: Shop) -> None:
    await shop.stock("SHIRT", 1)
    life = await shop.place([("SHIRT", 1, PRICE)])
    await confirmed(life)
    assert await life.refused("leave_queue", LeaveRequest(CUSTOMER)) == "nothing_waiting"
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (1, 1)}
    assert (await life.order()).lines[0].canceled == 0
    await life.cancel()


async def test_who_stood_behind_moves_up_when_somebody_leaves(shop: Shop) -> None:
    await shop.stock("SHIRT", 0)
    first = await shop.place([("SHIRT", 2, PRICE)])
    await first.asks_for_help("waiting_for_stock")
    second = await shop.place([("SHIRT", 1, PRICE)])
    await second.asks_for_help("waiting_for_stock")
    await shop.receive("SHIRT", 1)
    await first.until(lambda o: o.lines[0].allocated == 1)
    await first.cancel()
    await second.until(lambda o: o.lines[0].allocated == 1)
    await second.cancel()


# -- short picks -------------------------------------------------------------------------------


async def test_who_did_not_find_the_units_is_not_asked_for_them_again(shop: Shop) -> None:
    await shop.stock("SHIRT", 5, "EAST")
    await shop.stock("SHIRT", 1, "WEST")
    life = await shop.place([("SHIRT", 2, PRICE)], ship="in_parts")
    await confirmed(life)
    await life.pick(0, short="not_found")
    await life.asks_for_help("waiting_for_stock")
    order = await life.order()
    assert [(w.warehouse, w.status) for w in order.fulfillment_orders] == [
        ("EAST", "incomplete"),
        ("WEST", "open"),
    ]
    # By the books three are left where nobody found one.
    assert await witness.levels(shop, "SHIRT") == {"EAST": (3, 0), "WEST": (1, 1)}
    told = [event["data"] for event in await life.events() if event["type"] == "stock_allocated"]
    assert told[-1]["not_found_at"] == [{"warehouse": "EAST", "sku": "SHIRT"}]
    assert "not_found_at" not in told[0]
    # Somebody has looked: the person who says so is believed, as is who brings goods.
    await life.retry("waiting_for_stock")
    await life.until(lambda o: len(o.fulfillment_orders) == 3)
    assert await witness.levels(shop, "SHIRT") == {"EAST": (3, 1), "WEST": (1, 1)}
    await life.deliver(await life.send(1), await life.send(2))
    await life.finished()


async def test_goods_that_come_where_units_were_missed_are_taken(shop: Shop) -> None:
    await shop.stock("SHIRT", 3, "EAST")
    life = await shop.place([("SHIRT", 1, PRICE)])
    await confirmed(life)
    await life.pick(0, short="not_found")
    await life.asks_for_help("waiting_for_stock")
    await shop.receive("SHIRT", 1, "EAST")
    await life.deliver(await life.send(1))
    await life.finished()
    assert await witness.levels(shop, "SHIRT") == {"EAST": (2, 0)}


# -- dates that move ---------------------------------------------------------------------------


async def test_the_mail_names_the_day_and_a_day_that_moves_far_is_told_once_again(
    shop: Shop,
) -> None:
    await shop.stock("SHIRT", 0)
    await supplier_brings(shop, "SHIRT", 5, date(2030, 5, 17))
    life = await shop.place([("SHIRT", 2, PRICE)])
    await life.asks_for_help("waiting_for_stock")
    assert "17 Mayıs 2030" in await mail(shop, life, "out_of_stock")
    told = "SELECT count(*) FROM told_dates WHERE told_on = $1"
    await eventually(lambda: shop.pool.fetchval(told, date(2030, 5, 17)))
    await shop.pool.execute("UPDATE purchase_lines SET expected_on = '2030-06-01'")
    assert "1 Haziran 2030" in await mail(shop, life, "expected_date_moved")
    # A little later is no news.
    await shop.pool.execute("UPDATE purchase_lines SET expected_on = '2030-06-03'")
    await shop.receive("SHIRT", 2)
    await life.deliver(await life.send())
    await life.finished()
    assert (await milestones(life)).count("expected_date_moved") == 1
    assert (await life.types()).count("expected_date_moved") == 1


# -- the queue ---------------------------------------------------------------------------------


async def test_a_receipt_wakes_as_many_as_it_serves_the_urgent_first(shop: Shop) -> None:
    await shop.stock("SHIRT", 0)
    urgent = {1: 5, 4: 10, 7: 5}
    lives = []
    for number in range(10):
        life = await shop.place([("SHIRT", 1, PRICE)], priority=urgent.get(number, 0))
        await life.until(lambda o: o.waits_for_stock)
        lives.append(life)
    await shop.close()
    await shop.receive("SHIRT", 5)
    woken = await shop.pool.fetch(
        "SELECT order_id FROM outbox WHERE due_at <= now() AND kind = 'stock_arrived'"
        " AND payload->>'cause' NOT LIKE 'queued:%' ORDER BY id"
    )
    served = [lives[number] for number in (4, 1, 7, 0, 2)]
    assert [row["order_id"] for row in woken] == [life.order_id for life in served]
    await shop.open()
    for life in served:
        await life.until(lambda o: o.lines[0].allocated == 1)
    left = [(await life.order()).lines[0].backordered for life in lives]
    assert sum(left) == 5
    for life in lives:
        await life.cancel()
