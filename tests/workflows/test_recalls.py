"""Canceled by policy in every phase; what has left is stopped on its way, when it can be."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from db import canceling
from db.sourcing import Author
from domain.endings import Action, Event
from domain.phase import Actor, CancelRule, Phase
from domain.states import OrderStatus, PaymentStatus, ShipmentStatus
from tests.workflows import mishaps, witness
from tests.workflows.faults import down
from tests.workflows.life import Life
from tests.workflows.shop import Shop
from tests.workflows.test_accidents import another_worker_takes_over
from workflows.messages import Policy

PRICE = 60_000
UNDONE = ("canceled", "voided", "unfulfilled", "no_return")
PAID_BACK = ("canceled", "refunded", "unfulfilled", "no_return")


async def before_payment(shop: Shop) -> Life:
    life = await shop.place([("SHIRT", 2, PRICE)], token="tok_3ds")
    await life.until_types("payment_action_required")
    return life


async def before_picking(shop: Shop) -> Life:
    life = await shop.place([("SHIRT", 2, PRICE)])
    await life.until(lambda o: o.status is OrderStatus.CONFIRMED)
    return life


async def picking(shop: Shop) -> Life:
    life = await before_picking(shop)
    await life.pick(1)
    return life


async def packed(shop: Shop) -> Life:
    # Without an address that the carrier takes, there is no label.
    country = "UPDATE order_contacts SET shipping_address = shipping_address || $1"
    life = await before_picking(shop)
    await shop.pool.execute(country, {"country": "Nowhere"})
    await life.pack()
    await life.asks_for_help("label_failed")
    return life


async def labeled(shop: Shop) -> Life:
    life = await before_picking(shop)
    await life.pack()
    await life.until_types("label_purchased")
    return life


async def handed_over(shop: Shop) -> Life:
    life = await before_picking(shop)
    await life.send()
    await life.until(lambda o: o.payment_status is PaymentStatus.PAID)
    return life


UNTIL: dict[Phase, Callable[[Shop], Awaitable[Life]]] = {
    Phase.BEFORE_PAYMENT: before_payment,
    Phase.BEFORE_PICKING: before_picking,
    Phase.PICKING: picking,
    Phase.PACKED: packed,
    Phase.LABELED: labeled,
    Phase.HANDED_OVER: handed_over,
}


async def come_back(life: Life) -> None:
    """The parcel that was stopped is scanned, and received."""
    [shipment] = [s for s in (await life.order()).shipments if s.intercepted]
    await life.scan(shipment.id, "return_to_sender")
    units = sum(part.quantity for part in shipment.lines)
    await life.receive_back(shipment.id, restock=units)


@pytest.mark.parametrize("actor", Actor)
@pytest.mark.parametrize("phase", Phase)
async def test_who_cancels_when(shop: Shop, phase: Phase, actor: Actor) -> None:
    await shop.stock("SHIRT", 5)
    life = await UNTIL[phase](shop)
    before = await life.axes()
    request = await life.cancel_request(actor)
    if phase not in (request.phases or ()):
        late = phase is Phase.HANDED_OVER
        code = "already_shipped" if late else "cancel_not_allowed"
        assert await life.refused("cancel", request) == code
        assert await life.axes() == before
        assert not await life.has("cancel_started")
        return
    outcome = await life.second_thoughts(actor)
    if phase is Phase.HANDED_OVER:
        # It stays visible until the parcel is back.
        assert outcome.status == "confirmed"
        assert (await life.order()).cancel_requested
        await come_back(life)
    await life.finished()
    assert await life.axes() == (PAID_BACK if phase is Phase.HANDED_OVER else UNDONE)
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (5, 0)}
    assert await witness.open_authorizations(life) == []
    assert ("canceled", "sent") in await witness.told(life)
    types = await life.types()
    assert (types.count("cancel_started"), types.count("order_canceled")) >= (1, 1)


async def test_a_changed_policy_holds_for_the_next_request(shop: Shop) -> None:
    await shop.stock("SHIRT", 5)
    life = await labeled(shop)
    assert await life.refused("cancel", await life.cancel_request(Actor.CUSTOMER)) == (
        "cancel_not_allowed"
    )
    async with shop.pool.acquire() as conn, conn.transaction():
        rules = await canceling.rules(conn) | {
            (Phase.LABELED, Actor.CUSTOMER): CancelRule(allowed=True)
        }
        await canceling.put_rules(conn, rules, Author("tests", "admin"))
    await life.second_thoughts(Actor.CUSTOMER, event=2)
    await life.finished()
    assert await life.axes() == UNDONE
    assert {p["status"] for p in await life.ledger("parcels")} == {"voided"}


async def test_a_parcel_is_stopped_and_everything_is_undone_when_it_is_back(shop: Shop) -> None:
    await shop.stock("SHIRT", 5)
    life = await handed_over(shop)
    outcome = await life.second_thoughts()
    [shipment] = (await life.order()).shipments
    assert outcome.ids == [shipment.id]
    assert await life.at_provider() == [("captured", PRICE, 0)]
    assert await life.refused("cancel", await life.cancel_request(event=2)) == "cancel_in_progress"
    await life.scan(shipment.id, "return_to_sender")
    await life.until_types("parcel_trouble")
    # Its goods are not here yet, and nobody has to look.
    assert await witness.attention(life) == []
    assert (await life.order()).cancel_requested
    await life.receive_back(shipment.id, restock=1, quarantine=1)
    await life.finished()
    assert await life.axes() == PAID_BACK
    assert await life.at_provider() == [("captured", PRICE, PRICE)]
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (5, 0)}
    assert await mishaps.claims(life) == []
    told = sorted(milestone for milestone, _ in await witness.told(life))
    assert told == ["canceled", "confirmed", "refunded", "shipped"]


async def test_a_parcel_that_the_courier_has_is_not_stopped(shop: Shop) -> None:
    await shop.stock("SHIRT", 5)
    life = await handed_over(shop)
    [shipment] = (await life.order()).shipments
    await life.scan(shipment.id, "out_for_delivery")
    assert await life.refused("cancel", await life.cancel_request()) == "already_shipped"
    assert not (await life.order()).cancel_requested
    await life.scan(shipment.id, "delivered")
    await life.finished()
    assert await life.axes() == ("completed", "paid", "delivered", "no_return")
    assert await life.at_provider() == [("captured", PRICE, 0)]


async def test_a_carrier_that_does_not_answer_stops_nothing(shop: Shop) -> None:
    shop.policy = Policy(return_window=0.2, step_attempts=1)
    await shop.stock("SHIRT", 5)
    life = await handed_over(shop)
    async with down(shop.sandbox):
        assert await life.refused("cancel", await life.cancel_request()) == "already_shipped"
    await life.second_thoughts(event=2)
    await come_back(life)
    await life.finished()
    assert await life.axes() == PAID_BACK


async def part_shipped(shop: Shop) -> tuple[Life, str]:
    """One of three units has left, another is packed."""
    await shop.stock("SHIRT", 5)
    life = await shop.place([("SHIRT", 3, PRICE)], shipping=500)
    [first] = await life.pack(quantity=1)
    await life.ship()
    await life.pack(quantity=1)
    await life.until_types("label_purchased", 2)
    await life.until(lambda o: o.captured == PRICE // 3 + 500)
    return life, first


async def test_of_a_part_shipped_order_the_rest_is_canceled_and_what_left_is_stopped(
    shop: Shop,
) -> None:
    life, first = await part_shipped(shop)
    outcome = await life.second_thoughts()
    assert outcome.ids == [first]
    order = await life.order()
    assert order.cancel_requested
    assert (order.live_units, order.lines[0].canceled) == (1, 2)
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (4, 0)}
    await come_back(life)
    await life.finished()
    assert await life.axes() == PAID_BACK
    assert await life.at_provider() == [("captured", PRICE // 3 + 500, PRICE // 3 + 500)]
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (5, 0)}
    assert sorted(p["status"] for p in await life.ledger("parcels")) == [
        "return_to_sender",
        "voided",
    ]


async def test_of_a_part_shipped_order_what_cannot_be_stopped_arrives(shop: Shop) -> None:
    life, first = await part_shipped(shop)
    await life.scan(first, "out_for_delivery")
    outcome = await life.second_thoughts()
    assert (outcome.status, outcome.ids) == ("confirmed", [])
    assert not (await life.order()).cancel_requested
    await life.scan(first, "delivered")
    await life.finished()
    assert await life.axes() == ("completed", "paid", "delivered", "no_return")
    assert await life.at_provider() == [("captured", PRICE // 3 + 500, 0)]
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (4, 0)}
    assert await witness.open_authorizations(life) == []
    assert ("canceled", "sent") in await witness.told(life)


async def test_a_stopped_parcel_that_is_delivered_all_the_same_ends_the_cancellation(
    shop: Shop,
) -> None:
    life, first = await part_shipped(shop)
    await life.second_thoughts()
    await life.scan(first, "delivered")
    await life.until(lambda o: not o.cancel_requested)
    await life.finished()
    assert await life.axes() == ("completed", "paid", "delivered", "no_return")
    assert await life.at_provider() == [("captured", PRICE // 3 + 500, 0)]
    assert await life.has("cancel_ended")
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (4, 0)}


async def test_a_stopped_parcel_that_gets_lost_is_paid_back_and_claimed(shop: Shop) -> None:
    await shop.stock("SHIRT", 5)
    life = await handed_over(shop)
    await life.second_thoughts()
    [shipment] = (await life.order()).shipments
    await life.scan(shipment.id, "lost")
    await life.finished()
    assert await life.axes() == PAID_BACK
    assert await life.at_provider() == [("captured", PRICE, PRICE)]
    claim = {"reason": "lost", "resolution": "refund", "amount": PRICE, "status": "open"}
    assert await mishaps.claims(life) == [claim]


async def test_a_stopped_parcel_of_which_nothing_is_heard_is_put_before_a_person(
    shop: Shop,
) -> None:
    """What is canceled is not sent again by a rule, and the silence is seen."""
    await mishaps.rule(shop, Event.NO_NEWS, Action.REPLACE)
    await shop.stock("SHIRT", 5)
    life = await handed_over(shop)
    await life.second_thoughts()
    await shop.pool.execute("UPDATE shipments SET due_at = now() - interval '1 second'")
    await life.asks_for_help("delivery_overdue")
    await come_back(life)
    await life.finished()
    assert await life.axes() == PAID_BACK


async def test_of_two_stopped_parcels_one_comes_back_and_one_arrives(shop: Shop) -> None:
    await shop.stock("SHIRT", 5)
    life = await shop.place([("SHIRT", 2, PRICE)])
    [first] = await life.pack(quantity=1)
    [second] = await life.pack()
    await life.ship()
    await life.until(lambda o: o.captured == PRICE)
    outcome = await life.second_thoughts()
    assert sorted(outcome.ids) == sorted([first, second])
    await life.receive_back(first, restock=1)
    await life.until(lambda o: o.live_units == 1)
    assert (await life.order()).cancel_requested
    await life.scan(second, "delivered")
    await life.finished()
    assert await life.axes() == ("completed", "partially_refunded", "delivered", "no_return")
    assert await life.at_provider() == [("captured", PRICE, PRICE // 2)]
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (4, 0)}


async def test_a_person_need_not_wait_for_a_stopped_parcel(shop: Shop) -> None:
    await shop.stock("SHIRT", 5)
    life = await handed_over(shop)
    await life.second_thoughts()
    [shipment] = (await life.order()).shipments
    outcome = await life.resolve(shipment.id, "refund")
    assert (outcome.status, outcome.payment_status) == ("canceled", "refunded")
    await life.finished()
    await life.receive_back(shipment.id, restock=2)
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (5, 0)}


@pytest.mark.parametrize(
    "step",
    [
        "intercept_parcel",
        "cancel_on_the_road",
        "decide_trouble",
        "write_off_parcel",
        "begin_cancel",
        "refund_payment",
        "close_order",
    ],
)
async def test_a_worker_that_dies_while_a_parcel_is_brought_back_changes_nothing(
    shop: Shop, step: str
) -> None:
    life, _ = await part_shipped(shop)
    shop.accident.arm(step)
    rescue = asyncio.create_task(another_worker_takes_over(shop))
    await life.second_thoughts()
    await come_back(life)
    await life.finished()
    await rescue
    assert await life.axes() == PAID_BACK
    assert await life.at_provider() == [("captured", PRICE // 3 + 500, PRICE // 3 + 500)]
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (5, 0)}
    types = await life.types()
    once = ("parcel_received_back", "parcel_refunded", "order_canceled")
    assert {type_: types.count(type_) for type_ in once} == dict.fromkeys(once, 1)


@pytest.mark.parametrize("step", ["cancel_on_the_road", "record_hand_over"])
async def test_a_cancellation_and_a_hand_over_meet(shop: Shop, step: str) -> None:
    """Both are asked at once, and the worker dies in the middle of one of them."""
    life, first = await part_shipped(shop)
    work = (await life.order()).fulfillment_orders[0]
    assert work.live
    shop.accident.arm(step)
    rescue = asyncio.create_task(another_worker_takes_over(shop))
    answers = await asyncio.gather(life.ship(), life.second_thoughts(), return_exceptions=True)
    if not shop.accident.happened.is_set():
        # The cancellation was faster: nothing was handed over.
        assert step == "record_hand_over"
        rescue.cancel()
    else:
        await rescue
    assert not isinstance(answers[1], BaseException), answers
    order = await life.until(lambda o: o.cancel_requested)
    stopped = [s.id for s in order.shipments if s.intercepted]
    assert first in stopped
    assert not [s.id for s in order.shipments if s.on_its_way and s.id not in stopped]
    for shipment_id in stopped:
        await life.scan(shipment_id, "return_to_sender")
        await life.receive_back(shipment_id, restock=1)
    await life.finished()
    assert await life.axes() == PAID_BACK
    [(status, captured, refunded)] = await life.at_provider()
    assert (status, captured) == ("captured", refunded)
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (5, 0)}


@pytest.mark.parametrize("step", ["cancel_on_the_road", "record_parcel_news"])
async def test_a_cancellation_and_a_delivery_meet(shop: Shop, step: str) -> None:
    """Whichever is first: who has the goods pays for them, and pays for nothing else."""
    life, first = await part_shipped(shop)
    shop.accident.arm(step)
    rescue = asyncio.create_task(another_worker_takes_over(shop))
    await asyncio.gather(
        life.hear(first, "delivered"), life.second_thoughts(), return_exceptions=True
    )
    await life.until(lambda o: o.delivered_units == 1)
    await rescue
    await life.finished()
    assert await life.axes() == ("completed", "paid", "delivered", "no_return")
    assert await life.at_provider() == [("captured", PRICE // 3 + 500, 0)]
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (4, 0)}
    order = await life.order()
    assert not order.cancel_requested
    states = {s.status for s in order.shipments}
    assert states == {ShipmentStatus.DELIVERED, ShipmentStatus.CANCELED}
