"""Money given back while an order lives, and after it: our books and the provider's agree."""

import asyncio

import pytest

from domain.errors import Refused
from domain.refunds import Destination, Wanted
from tests.workflows import witness
from tests.workflows.faults import down
from tests.workflows.life import Life, eventually
from tests.workflows.refunding import ended, give, retry
from tests.workflows.shop import Shop
from workflows import ids
from workflows.messages import Policy

PRICE = 60_000
OPEN = Policy(return_window=60, step_retry_interval=0.5, step_attempts=2)


async def arrived(shop: Shop, token: str = "tok_visa", *, closed: bool = True) -> Life:
    """Two shirts that were paid and delivered."""
    if not closed:
        shop.policy = OPEN
    await shop.stock("SHIRT", 9)
    life = await shop.place([("SHIRT", 2, PRICE)], token=token, shipping=5_000)
    await life.deliver(await life.send())
    if closed:
        await life.finished()
    else:
        await life.until(lambda o: o.delivered_units == 2 and o.settled)
    return life


async def one_unit(life: Life) -> Wanted:
    return Wanted({(await life.order()).lines[0].id: 1})


@pytest.mark.parametrize("closed", [True, False])
async def test_a_unit_is_given_back_once(shop: Shop, *, closed: bool) -> None:
    life = await arrived(shop, closed=closed)
    wanted = await one_unit(life)
    refund = await give(life, wanted)
    assert await give(life, wanted) == refund
    await ended(life, refund)
    assert await life.at_provider() == [("captured", PRICE + 5_000, PRICE // 2)]
    order = await life.order()
    assert (order.payment_status, order.lines[0].refunded) == ("partially_refunded", 1)
    assert order.settled
    assert (await life.types()).count("refund_succeeded") == 1
    assert ("refunded", "sent") in await witness.told(life)
    data = await shop.pool.fetchval("SELECT data FROM notifications WHERE milestone = 'refunded'")
    assert data["tenders"] == [["card", PRICE // 2]]


async def test_all_of_it_in_two_parts_with_shipping(shop: Shop) -> None:
    life = await arrived(shop)
    line = (await life.order()).lines[0].id
    await ended(life, await give(life, Wanted({line: 1}), "one"))
    await ended(life, await give(life, Wanted({line: 1}, shipping=5_000), "two"))
    assert (await life.order()).payment_status == "refunded"
    assert await life.at_provider() == [("captured", PRICE + 5_000, PRICE + 5_000)]
    with pytest.raises(Refused, match="left to give back"):
        await give(life, Wanted(goodwill=1), "three")


async def test_two_at_once_never_give_back_more_than_was_taken(shop: Shop) -> None:
    life = await arrived(shop)
    most = PRICE + 5_000

    async def ask(number: int) -> str:
        return await give(life, Wanted(goodwill=most - 1_000), f"word-{number}")

    answers = await asyncio.gather(*map(ask, range(4)), return_exceptions=True)
    given = [answer for answer in answers if isinstance(answer, str)]
    refused = [answer.code for answer in answers if isinstance(answer, Refused)]
    assert refused == ["refund_too_large"] * 3
    assert len(given) == 1
    await ended(life, given[0])
    assert await life.at_provider() == [("captured", most, most - 1_000)]


async def test_a_parcel_that_leaves_later_takes_its_price_and_not_the_goodwill(shop: Shop) -> None:
    shop.policy = OPEN
    await shop.stock("SHIRT", 1)
    await shop.stock("CAP", 1, "WEST")
    life = await shop.place([("SHIRT", 1, 40_000), ("CAP", 1, 20_000)], shipping=5_000)
    order = await life.until(lambda o: len(o.fulfillment_orders) == 2)
    first = [f.lines[0].sku for f in order.fulfillment_orders].index("SHIRT")
    await life.deliver(await life.send(first))
    await life.until(lambda o: o.captured == 45_000)
    await ended(life, await give(life, Wanted(goodwill=3_000)))
    assert await life.at_provider() == [("captured", 45_000, 3_000)]
    await life.deliver(await life.send(1 - first))
    await life.until(lambda o: o.captured == 65_000 and o.settled)
    assert await life.at_provider() == [("captured", 65_000, 3_000)]


async def test_goodwill_for_an_order_that_is_then_canceled_is_not_given_twice(shop: Shop) -> None:
    shop.policy = OPEN
    await shop.stock("SHIRT", 2)
    life = await shop.place([("SHIRT", 2, PRICE)], capture="immediate")
    await life.until(lambda o: o.captured == PRICE)
    await ended(life, await give(life, Wanted(goodwill=1_000)))
    outcome = await life.cancel()
    assert outcome.payment_status == "refunded"
    assert await life.at_provider() == [("captured", PRICE, PRICE)]


async def test_goodwill_and_canceled_units_do_not_claim_the_same_tender(shop: Shop) -> None:
    shop.policy = OPEN
    await shop.stock("SHIRT", 1)
    await shop.stock("CAP", 1)
    life = await shop.place(
        [("SHIRT", 1, 40_000), ("CAP", 1, 20_000)],
        tenders=[
            ("voucher", "immediate", "tok_visa", 40_000),
            ("card", "immediate", "tok_visa", 20_000),
        ],
    )
    await life.until(lambda o: o.captured == PRICE and o.fulfillment_orders)
    async with down(shop.sandbox):
        await life.cancel_units(0, 1)
        await life.until_operation("refund")
        refund = await give(life, Wanted(goodwill=15_000))
    await ended(life, refund)
    await life.until(lambda o: o.refunded == 35_000 and o.settled)
    assert sorted(await life.at_provider()) == [
        ("captured", 20_000, 20_000),
        ("captured", 40_000, 15_000),
    ]
    assert "refund_failed" not in await life.types()


async def test_units_that_were_given_back_and_canceled_in_turn_add_up_on_their_line(
    shop: Shop,
) -> None:
    price = 10_002
    shop.policy = OPEN
    await shop.stock("SHIRT", 2)
    life = await shop.place([("SHIRT", 4, price)], ship="in_parts", capture="immediate")
    await life.until(lambda o: o.captured == price and o.fulfillment_orders)
    await life.deliver(await life.send())
    await life.until(lambda o: o.delivered_units == 2)
    wanted = await one_unit(life)
    for turn in (1, 2):
        await life.cancel_units(1, event=turn)
        await life.until(lambda o: o.settled)
        await ended(life, await give(life, wanted, f"turn-{turn}"))
    assert await life.at_provider() == [("captured", price, price)]
    rows = await shop.pool.fetch("SELECT refunded, refunded_amount FROM order_lines")
    assert [tuple(row) for row in rows] == [(4, price)]
    assert (await life.order()).payment_status == "refunded"


async def test_store_credit_stays_with_the_shop(shop: Shop) -> None:
    life = await arrived(shop)
    await shop.pool.execute("UPDATE orders SET customer_id = 'cus_1'")
    wanted = Wanted((await one_unit(life)).lines, to=Destination.STORE_CREDIT)
    await ended(life, await give(life, wanted))
    assert await life.at_provider() == [("captured", PRICE + 5_000, 0)]
    assert await shop.pool.fetchval("SELECT sum(amount) FROM store_credits") == PRICE // 2
    assert "store_credit_given" in await life.types()


async def test_a_refund_that_fails_once_is_tried_again(shop: Shop) -> None:
    life = await arrived(shop, "tok_refund_fails_once")
    await ended(life, await give(life, await one_unit(life)))
    assert await life.at_provider() == [("captured", PRICE + 5_000, PRICE // 2)]


async def test_a_refund_that_is_refused_is_owed_and_given_when_somebody_asks_again(
    shop: Shop,
) -> None:
    life = await arrived(shop)
    wanted = await one_unit(life)
    await shop.pool.execute("UPDATE payments SET provider = 'nowhere'")
    refund = await give(life, wanted)
    await life.until_types("refund_failed")
    query = "SELECT count(*) FROM attention WHERE code = 'refund_stuck'"
    assert await shop.pool.fetchval(query) == 1
    assert (await life.order()).settled
    await shop.pool.execute("UPDATE payments SET provider = 'sandbox'")
    await retry(life, refund)
    await ended(life, refund)
    assert await shop.pool.fetchval(query) == 0
    assert await life.at_provider() == [("captured", PRICE + 5_000, PRICE // 2)]


async def test_a_provider_that_is_away_is_asked_until_it_is_back(shop: Shop) -> None:
    life = await arrived(shop)
    wanted = await one_unit(life)
    async with down(shop.sandbox):
        refund = await give(life, wanted)
        query = "SELECT count(*) FROM payment_operations WHERE kind = 'refund'"
        await eventually(lambda: shop.pool.fetchval(query))
    await ended(life, refund)
    assert await life.at_provider() == [("captured", PRICE + 5_000, PRICE // 2)]


@pytest.mark.parametrize(
    "step", ["refund_payment", "record_refund_part", "finish_refund", "send_notification"]
)
async def test_a_worker_that_dies_in_the_middle_changes_nothing(shop: Shop, step: str) -> None:
    life = await arrived(shop)
    wanted = await one_unit(life)
    shop.accident.arm(step)
    refund = await give(life, wanted)
    await asyncio.wait_for(shop.accident.happened.wait(), 20)
    await shop.close()
    # What the dead worker was at is given to another when its time is over.
    await shop.open()
    await ended_slowly(life, refund)
    assert await life.at_provider() == [("captured", PRICE + 5_000, PRICE // 2)]
    assert (await life.types()).count("refund_succeeded") == 1


async def ended_slowly(life: Life, refund_id: str) -> None:
    query = "SELECT 1 FROM refunds WHERE id = $1 AND status = 'succeeded'"
    await eventually(lambda: life.shop.pool.fetchval(query, refund_id), seconds=70)


async def test_a_refund_whose_workflow_was_ended_by_hand_goes_on_where_it_was(shop: Shop) -> None:
    life = await arrived(shop)
    wanted = await one_unit(life)
    shop.accident.arm("refund_payment")
    refund = await give(life, wanted)
    await asyncio.wait_for(shop.accident.happened.wait(), 20)
    handle = shop.temporal.get_workflow_handle(ids.refund_workflow_id(refund))
    await handle.terminate("by hand")
    await retry(life, refund)
    await ended(life, refund)
    assert await life.at_provider() == [("captured", PRICE + 5_000, PRICE // 2)]
    assert (await life.types()).count("refund_succeeded") == 1
