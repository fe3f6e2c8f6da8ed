"""Things that happen at once: news that are slower than the next request, and requests that meet
work in the middle. Whatever comes first, units and money end in one place.
"""

from dataclasses import replace

import pytest

from activities.contracts import PaymentResult
from activities.payments import PaymentActivities
from db import payments, picks
from domain.states import FulfillmentOrderStatus, OperationKind, OrderStatus
from tests.workflows import witness
from tests.workflows.life import SUPPORT, Life, eventually
from tests.workflows.shop import Shop
from workflows.messages import CancelRequest

PRICE = 60_000


async def confirmed(life: Life) -> None:
    await life.until(lambda o: o.status is OrderStatus.CONFIRMED)


async def pick_unheard(life: Life, quantity: int, *, index: int = 0) -> None:
    """The warehouse misses the rest of each line, and the workflow does not hear of it yet."""
    work = (await life.order()).fulfillment_orders[index]
    found = [picks.Picked(line.line_id, quantity, "not_found") for line in work.lines]
    async with life.shop.pool.acquire() as conn, conn.transaction():
        reporter = picks.Reporter("warehouse@tests", "warehouse")
        await picks.pick(conn, life.order_id, work.id, found, reporter)
        await conn.execute("UPDATE outbox SET due_at = now() + interval '1 hour'")


async def hear(life: Life) -> None:
    """Now it does, and has dealt with it."""
    await life.shop.pool.execute("UPDATE outbox SET due_at = now()")

    async def told() -> bool:
        return not await life.shop.pool.fetchval("SELECT count(*) FROM outbox")

    await eventually(told)


async def test_units_that_were_missing_are_not_put_back_by_a_cancel_that_was_faster(
    shop: Shop,
) -> None:
    await shop.stock("SHIRT", 2)
    life = await shop.place([("SHIRT", 2, PRICE)])
    await confirmed(life)
    await pick_unheard(life, 1)
    await life.cancel()
    await hear(life)
    await life.finished()
    assert await life.axes() == ("canceled", "voided", "unfulfilled", "no_return")
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (1, 0)}
    await life.asks_for_help()


async def test_units_that_were_missing_are_canceled_before_the_news_of_it(shop: Shop) -> None:
    await shop.stock("SHIRT", 2)
    life = await shop.place([("SHIRT", 2, PRICE)])
    await confirmed(life)
    await pick_unheard(life, 1)
    await life.cancel_units(1)
    await hear(life)
    parcel = await life.send()
    await life.deliver(parcel)
    await life.finished()
    assert await life.at_provider() == [("captured", PRICE // 2, 0)]
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (0, 0)}


async def test_a_short_pick_that_is_heard_when_the_rest_has_left(shop: Shop) -> None:
    await shop.stock("SHIRT", 2)
    await shop.stock("SHIRT", 1, "AAA")
    life = await shop.place([("SHIRT", 2, PRICE)])
    await confirmed(life)
    await pick_unheard(life, 1)
    first = await life.send()
    await hear(life)
    order = await life.until(lambda o: len(o.fulfillment_orders) == 2)
    new = next(i for i, w in enumerate(order.fulfillment_orders) if w.warehouse == "AAA")
    second = await life.send(new)
    await life.deliver(first, second)
    await life.finished()
    assert await life.axes() == ("completed", "paid", "delivered", "no_return")
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (0, 0), "AAA": (0, 0)}


async def test_a_short_pick_that_is_heard_on_hold(shop: Shop) -> None:
    await shop.stock("SHIRT", 1)
    await shop.stock("SHIRT", 1, "OTHER")
    life = await shop.place([("SHIRT", 1, PRICE)])
    await confirmed(life)
    await pick_unheard(life, 0)
    hold = await life.hold()
    await hear(life)
    await life.until(lambda o: len(o.fulfillment_orders) == 2)
    await life.release(hold)
    order = await life.order()
    states = [w.status for w in order.fulfillment_orders]
    assert sorted(states) == [FulfillmentOrderStatus.INCOMPLETE, FulfillmentOrderStatus.OPEN]
    parcel = await life.send(states.index(FulfillmentOrderStatus.OPEN))
    await life.deliver(parcel)
    await life.finished()
    assert await life.axes() == ("completed", "paid", "delivered", "no_return")


async def test_stock_that_comes_before_the_news_of_a_short_pick_opens_no_work_for_missing_units(
    shop: Shop,
) -> None:
    await shop.stock("SHIRT", 2)
    life = await shop.place([("SHIRT", 3, PRICE)], ship="in_parts")
    await life.until(lambda o: o.waits_for_stock and bool(o.fulfillment_orders))
    await pick_unheard(life, 1)
    await shop.stock("SHIRT", 2, "OTHER")
    await life.retry("waiting_for_stock")
    await life.until(lambda o: len(o.fulfillment_orders) == 2)
    await hear(life)
    order = await life.order()
    parcels = [await life.send(i) for i, w in enumerate(order.fulfillment_orders) if w.live]
    await life.deliver(*parcels)
    await life.finished()
    assert await life.axes() == ("completed", "paid", "delivered", "no_return")
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (0, 0), "OTHER": (0, 0)}


@pytest.mark.parametrize("packed_first", [False, True])
async def test_units_canceled_of_a_line_from_two_places_stay_where_they_are_recalled(
    shop: Shop,
    packed_first: bool,  # noqa: FBT001 - pytest gives it
) -> None:
    # The larger shelf serves first, and its name comes last.
    await shop.stock("SHIRT", 2, "ZZZ")
    await shop.stock("SHIRT", 1, "AAA")
    life = await shop.place([("SHIRT", 3, PRICE)])
    await confirmed(life)
    order = await life.order()
    place = {w.warehouse: i for i, w in enumerate(order.fulfillment_orders)}
    parcels = []
    if packed_first:
        parcels = await life.pack(place["ZZZ"])
    await life.cancel_units(1)
    order = await life.order()
    assert len(order.fulfillment_orders) == 2
    if packed_first:
        await life.ship(place["ZZZ"])
    else:
        parcels = [await life.send(i) for i, w in enumerate(order.fulfillment_orders) if w.live]
    await life.deliver(*parcels)
    await life.finished()
    assert await life.axes() == ("completed", "paid", "delivered", "no_return")
    assert await life.at_provider() == [("captured", PRICE // 3 * 2, 0)]
    left = await witness.levels(shop, "SHIRT")
    assert sum(on_hand for on_hand, _ in left.values()) == 1
    assert all(allocated == 0 for _, allocated in left.values())


async def test_units_canceled_before_the_payment_do_not_confirm_the_order(shop: Shop) -> None:
    await shop.stock("SHIRT", 2)
    life = await shop.place([("SHIRT", 2, PRICE)], token="tok_3ds")
    await life.until_types("payment_action_required")
    await life.cancel_units(1)
    assert await life.axes() == ("pending", "pending", "unfulfilled", "no_return")
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (2, 0)}
    await life.customer("succeed")
    await confirmed(life)
    await life.deliver(await life.send())
    await life.finished()
    assert await life.at_provider() == [("captured", PRICE // 2, 0)]


async def test_a_scan_tells_of_a_hand_over_while_the_order_is_on_hold(shop: Shop) -> None:
    await shop.stock("SHIRT", 1)
    life = await shop.place([("SHIRT", 1, PRICE)])
    await confirmed(life)
    [parcel] = await life.pack()
    await life.until_types("label_purchased")
    hold = await life.hold()
    await life.hear(parcel, "in_transit")
    await life.until(lambda o: o.shipped_units)
    await life.release(hold)
    await life.hear(parcel, "delivered")
    await life.finished()
    assert await life.axes() == ("completed", "paid", "delivered", "no_return")


async def test_units_that_got_lost_are_canceled_beside_a_parcel_that_came(shop: Shop) -> None:
    await shop.stock("SHIRT", 2)
    life = await shop.place([("SHIRT", 2, PRICE)])
    await confirmed(life)
    [first] = await life.pack(quantity=1)
    [second] = await life.pack()
    await life.ship()
    await life.deliver(first)
    await life.hear(second, "lost")
    await life.asks_for_help("parcel_lost")
    await life.until(lambda o: o.tenders[0].captured == PRICE)
    assert await life.refused("cancel", CancelRequest(SUPPORT, "customer")) == "already_shipped"
    await life.cancel_units(1)
    await life.finished()
    assert await life.axes() == (
        "completed",
        "partially_refunded",
        "delivered",
        "no_return",
    )
    assert await life.at_provider() == [("captured", PRICE, PRICE // 2)]
    await life.asks_for_help()


async def test_an_authorization_that_runs_out_twice_is_twice_in_the_ledger(shop: Shop) -> None:
    await shop.stock("SHIRT", 1)
    life = await shop.place([("SHIRT", 1, PRICE)])
    await confirmed(life)
    books = PaymentActivities(shop.pool, {}, "")
    tender = (await life.order()).tenders[0]
    granted = PaymentResult(
        life.order_id, tender.id, f"{tender.id}-renew-1", "authorize", "succeeded", PRICE
    )
    ran_out = replace(granted, status="expired", reason="authorization_expired")
    await books.record_dead_tender(replace(ran_out, operation_id="first"))
    row = await payments.for_call(shop.pool, tender.id)
    await payments.request_operation(
        shop.pool, granted.operation_id, row, OperationKind.AUTHORIZE, "renew-1", PRICE
    )
    await books.record_payment(granted)
    await books.record_dead_tender(replace(ran_out, operation_id="second"))
    query = "SELECT kind, sum(amount)::int FROM money_ledger WHERE order_id = $1 GROUP BY 1"
    sums = {row["kind"]: row["sum"] for row in await shop.pool.fetch(query, life.order_id)}
    assert sums == {"authorize": 2 * PRICE, "expire": 2 * PRICE}
