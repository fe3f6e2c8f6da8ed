"""Something else in place of what waits: offered, accepted, refused, never for more money."""

import asyncio
from dataclasses import replace

import pytest

from domain.states import OfferStatus
from tests.workflows import witness
from tests.workflows.life import CUSTOMER
from tests.workflows.scarcity import another_worker_takes_over, held, may_be_replaced, milestones
from tests.workflows.shop import Shop
from workflows.messages import OfferAnswer

PRICE = 10_000


async def test_a_substitute_is_offered_accepted_and_sent_for_the_price_of_what_was_ordered(
    shop: Shop,
) -> None:
    await shop.stock("SHIRT", 0)
    await shop.stock("BLOUSE", 5)
    await may_be_replaced(shop, "SHIRT", "BLOUSE")
    life = await shop.place([("SHIRT", 2, PRICE)], out_of_stock="substitute")
    offer = await life.offered()
    assert await held(shop, "BLOUSE") == 2
    outcome = await life.answer(offer, accept=True)
    assert outcome.ids == [offer]
    order = await life.order()
    [line] = order.lines
    assert (line.sku, line.quantity, line.allocated, line.total) == ("BLOUSE", 2, 2, PRICE)
    assert await held(shop, "BLOUSE") == 0
    assert await witness.levels(shop, "BLOUSE") == {"MAIN": (5, 2)}
    await life.asks_for_help()
    await life.deliver(await life.send())
    await life.finished()
    assert await life.axes() == ("completed", "paid", "delivered", "no_return")
    assert await life.at_provider() == [("captured", PRICE, 0)]
    row = await shop.pool.fetchrow("SELECT ordered_sku, ordered_name FROM order_lines")
    assert tuple(row or ()) == ("SHIRT", "SHIRT")
    assert "substitute_offered" in await milestones(life)


async def test_a_substitute_for_a_part_becomes_a_line_of_its_own(shop: Shop) -> None:
    await shop.stock("SHIRT", 1)
    await shop.stock("BLOUSE", 1)
    await may_be_replaced(shop, "SHIRT", "BLOUSE")
    life = await shop.place(
        [("SHIRT", 3, PRICE)], ship="in_parts", out_of_stock="substitute", capture="immediate"
    )
    offer = await life.offered()
    await life.answer(offer, accept=True)
    order = await life.order()
    assert [(x.sku, x.quantity, x.allocated, x.backordered, x.total) for x in order.lines] == [
        ("SHIRT", 2, 1, 1, 6_667),
        ("BLOUSE", 1, 1, 0, 3_333),
    ]
    assert order.payable == PRICE
    await shop.receive("SHIRT", 1)
    await life.until(lambda o: sum(1 for work in o.fulfillment_orders if work.live) == 3)
    await life.deliver(*[await life.send(i) for i in range(3)])
    await life.finished()
    assert await life.axes() == ("completed", "paid", "delivered", "no_return")
    assert await life.at_provider() == [("captured", PRICE, 0)]


async def test_the_best_substitute_that_serves_all_is_offered(shop: Shop) -> None:
    await shop.stock("SHIRT", 0)
    await shop.stock("BLOUSE", 1)
    await shop.stock("POLO", 2, "EAST")
    await may_be_replaced(shop, "SHIRT", "BLOUSE", "POLO")
    life = await shop.place([("SHIRT", 2, PRICE)], policies={"SHIRT": "substitute"})
    await life.offered()
    [offer] = (await life.order()).offers
    assert (offer.sku, offer.quantity) == ("POLO", 2)
    await life.cancel()
    assert await held(shop, "POLO") == 0
    assert (await life.order()).offers[0].status is OfferStatus.WITHDRAWN


async def test_what_the_rules_do_not_let_be_sent_there_is_not_offered(shop: Shop) -> None:
    await shop.stock("SHIRT", 0)
    await shop.stock("BLOUSE", 9, "EAST")
    await shop.stock("POLO", 2, "EAST")
    await may_be_replaced(shop, "SHIRT", "BLOUSE", "POLO")
    await shop.pool.execute(
        "INSERT INTO sourcing_exclusions (warehouse, position, sku, country)"
        " VALUES ('EAST', 0, 'BLOUSE', 'TR')"
    )
    life = await shop.place([("SHIRT", 2, PRICE)], out_of_stock="substitute")
    await life.offered()
    assert [offer.sku for offer in (await life.order()).offers] == ["POLO"]
    await life.cancel()


async def test_units_that_somebody_waits_for_are_offered_to_nobody_else(shop: Shop) -> None:
    await shop.stock("SHIRT", 0)
    await shop.stock("BLOUSE", 0)
    await may_be_replaced(shop, "SHIRT", "BLOUSE")
    other = await shop.place([("BLOUSE", 1, PRICE)])
    await other.asks_for_help("waiting_for_stock")
    life = await shop.place([("SHIRT", 1, PRICE)], out_of_stock="substitute")
    await life.asks_for_help("waiting_for_stock")
    await shop.receive("BLOUSE", 1)
    await other.until(lambda o: o.lines[0].allocated == 1)
    assert (await life.order()).offers == []
    # The next unit is nobody's, and the order is woken for it.
    await shop.receive("BLOUSE", 1)
    await life.offered()
    await life.cancel()
    await other.cancel()


async def test_who_refuses_a_substitute_waits_on_and_is_not_asked_again(shop: Shop) -> None:
    await shop.stock("SHIRT", 0)
    await shop.stock("BLOUSE", 5)
    await may_be_replaced(shop, "SHIRT", "BLOUSE")
    life = await shop.place([("SHIRT", 1, PRICE)], out_of_stock="substitute")
    offer = await life.offered()
    await life.answer(offer, accept=False)
    assert await held(shop, "BLOUSE") == 0
    await life.answer(offer, accept=False)
    answer = OfferAnswer(CUSTOMER, offer, accept=True)
    assert await life.refused("answer_offer", answer) == "offer_over"
    await life.retry("waiting_for_stock")
    await shop.receive("SHIRT", 1)
    await life.deliver(await life.send())
    await life.finished()
    order = await life.order()
    assert [o.status for o in order.offers] == [OfferStatus.REFUSED]
    assert order.lines[0].sku == "SHIRT"
    assert await life.at_provider() == [("captured", PRICE, 0)]


async def test_by_setting_what_is_refused_is_canceled_and_the_money_given_back(
    shop: Shop,
) -> None:
    shop.policy = replace(shop.policy, substitute_refused="cancel_lines")
    await shop.stock("SHIRT", 1)
    await shop.stock("BLOUSE", 5)
    await may_be_replaced(shop, "SHIRT", "BLOUSE")
    life = await shop.place([("SHIRT", 2, PRICE)], out_of_stock="substitute", capture="immediate")
    await life.answer(await life.offered(), accept=False)
    order = await life.order()
    assert (order.lines[0].allocated, order.lines[0].canceled) == (1, 1)
    await life.deliver(await life.send())
    await life.finished()
    assert await life.at_provider() == [("captured", PRICE, PRICE // 2)]
    assert (await milestones(life)).count("out_of_stock") == 2


async def test_an_offer_that_nobody_answers_is_over(shop: Shop) -> None:
    shop.policy = replace(shop.policy, substitute_offer=0.1, substitute_refused="cancel_lines")
    await shop.stock("SHIRT", 0)
    await shop.stock("BLOUSE", 5)
    await may_be_replaced(shop, "SHIRT", "BLOUSE")
    life = await shop.place([("SHIRT", 1, PRICE)], out_of_stock="substitute")
    await life.finished()
    assert await life.axes() == ("canceled", "voided", "unfulfilled", "no_return")
    assert [o.status for o in (await life.order()).offers] == [OfferStatus.EXPIRED]
    assert await held(shop, "BLOUSE") == 0


async def test_what_was_ordered_comes_first_and_the_offer_is_withdrawn(shop: Shop) -> None:
    await shop.stock("SHIRT", 0)
    await shop.stock("BLOUSE", 5)
    await may_be_replaced(shop, "SHIRT", "BLOUSE")
    life = await shop.place([("SHIRT", 1, PRICE)], out_of_stock="substitute")
    offer = await life.offered()
    await shop.receive("SHIRT", 1)
    await life.until(lambda o: o.fulfillment_orders)
    await life.until(lambda o: o.offers[0].status is OfferStatus.WITHDRAWN)
    assert await held(shop, "BLOUSE") == 0
    answer = OfferAnswer(CUSTOMER, offer, accept=True)
    assert await life.refused("answer_offer", answer) == "offer_over"
    await life.deliver(await life.send())
    await life.finished()
    assert await life.at_provider() == [("captured", PRICE, 0)]


async def test_who_leaves_the_queue_leaves_the_offer_too(shop: Shop) -> None:
    await shop.stock("SHIRT", 1)
    await shop.stock("BLOUSE", 5)
    await may_be_replaced(shop, "SHIRT", "BLOUSE")
    life = await shop.place([("SHIRT", 2, PRICE)], out_of_stock="substitute")
    await life.offered()
    await life.leave()
    assert [o.status for o in (await life.order()).offers] == [OfferStatus.WITHDRAWN]
    assert await held(shop, "BLOUSE") == 0
    await life.deliver(await life.send())
    await life.finished()
    assert await life.at_provider() == [("captured", PRICE // 2, 0)]


# -- accidents ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "step", ["confirm_order", "arrange_substitutes", "accept_substitute", "send_notification"]
)
async def test_a_worker_that_dies_on_the_way_to_a_substitute_changes_nothing(
    shop: Shop, step: str
) -> None:
    await shop.stock("SHIRT", 1)
    await shop.stock("BLOUSE", 5)
    await may_be_replaced(shop, "SHIRT", "BLOUSE")
    shop.accident.arm(step)
    rescue = asyncio.create_task(another_worker_takes_over(shop))
    life = await shop.place([("SHIRT", 3, PRICE)], out_of_stock="substitute")
    await life.answer(await life.offered(), accept=True)
    await life.deliver(await life.send())
    await life.finished()
    await rescue
    assert await life.axes() == ("completed", "paid", "delivered", "no_return")
    assert await life.at_provider() == [("captured", PRICE, 0)]
    order = await life.order()
    assert [(x.sku, x.quantity, x.shipped) for x in order.lines] == [
        ("SHIRT", 1, 1),
        ("BLOUSE", 2, 2),
    ]
    assert await witness.levels(shop, "BLOUSE") == {"MAIN": (3, 0)}
    assert await held(shop, "BLOUSE") == 0
    assert (await milestones(life)).count("substitute_offered") == 1


@pytest.mark.parametrize(("step", "then"), [
    ("end_offer", "cancel_lines"), ("end_offer", "backorder"), ("leave_queue", "backorder"),
])  # fmt: skip
async def test_a_worker_that_dies_while_somebody_says_no_changes_nothing(
    shop: Shop, step: str, then: str
) -> None:
    shop.policy = replace(shop.policy, substitute_refused=then)
    await shop.stock("SHIRT", 1)
    await shop.stock("BLOUSE", 5)
    await may_be_replaced(shop, "SHIRT", "BLOUSE")
    life = await shop.place([("SHIRT", 3, PRICE)], out_of_stock="substitute", capture="immediate")
    offer = await life.offered()
    shop.accident.arm(step)
    rescue = asyncio.create_task(another_worker_takes_over(shop))
    if step == "leave_queue":
        await life.leave()
    else:
        await life.answer(offer, accept=False)
    await rescue
    if then == "backorder" and step == "end_offer":
        await life.leave()
    await life.deliver(await life.send())
    await life.finished()
    assert await life.at_provider() == [("captured", PRICE, 6_666)]
    assert await held(shop, "BLOUSE") == 0
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (0, 0)}
