"""An order is canceled at every point before the hand-over, and everything is undone."""

import asyncio
from collections.abc import Awaitable, Callable

import httpx2
import pytest

from domain.states import OrderStatus, PaymentStatus
from tests.workflows import mishaps, witness
from tests.workflows.faults import down, hanging
from tests.workflows.life import SUPPORT, WAREHOUSE, Life, eventually
from tests.workflows.shop import Shop
from workflows.messages import CancelRequest, LineQuantity, PackRequest, Policy

PRICE = 59_800


async def confirmed(life: Life) -> None:
    await life.until(lambda o: o.status is OrderStatus.CONFIRMED)


async def undone(life: Life, *, payment: str, provider: list[tuple[str, int, int]]) -> None:
    """Whatever it was, nothing of it is left."""
    await life.finished()
    assert await life.axes() == ("canceled", payment, "unfulfilled", "no_return")
    assert await life.at_provider() == provider
    assert await witness.open_authorizations(life) == []
    levels = await witness.levels(life.shop, "SHIRT")
    assert levels == {"MAIN": (5, 0)}
    assert {f.status for f in (await life.order()).fulfillment_orders} <= {"cancelled"}
    assert {s.status for s in (await life.order()).shipments} <= {"canceled"}
    await life.asks_for_help()
    assert ("canceled", "sent") in await witness.told(life)
    assert (await life.types()).count("order_canceled") == 1


async def while_payment_waits(shop: Shop) -> Life:
    life = await shop.place([("SHIRT", 2, PRICE)], token="tok_3ds")
    await life.until_types("payment_action_required")
    return life


async def paid(shop: Shop) -> Life:
    life = await shop.place([("SHIRT", 2, PRICE)])
    await confirmed(life)
    return life


async def charged(shop: Shop) -> Life:
    life = await shop.place([("SHIRT", 2, PRICE)], capture="immediate")
    await confirmed(life)
    return life


async def picking(shop: Shop) -> Life:
    life = await paid(shop)
    await life.pick(1)
    return life


async def packed_in_part(shop: Shop) -> Life:
    life = await paid(shop)
    await life.pack(quantity=1)
    return life


async def labeled(shop: Shop) -> Life:
    life = await paid(shop)
    await life.pack()
    await life.until_types("label_purchased")
    return life


async def held(shop: Shop) -> Life:
    life = await paid(shop)
    await life.hold()
    return life


@pytest.mark.parametrize(
    ("until", "payment", "provider"),
    [
        (while_payment_waits, "voided", [("voided", 0, 0)]),
        (paid, "voided", [("voided", 0, 0)]),
        (charged, "refunded", [("captured", PRICE, PRICE)]),
        (picking, "voided", [("voided", 0, 0)]),
        (packed_in_part, "voided", [("voided", 0, 0)]),
        (labeled, "voided", [("voided", 0, 0)]),
        (held, "voided", [("voided", 0, 0)]),
    ],
)
async def test_a_canceled_order_leaves_nothing_behind(
    shop: Shop,
    until: Callable[[Shop], Awaitable[Life]],
    payment: str,
    provider: list[tuple[str, int, int]],
) -> None:
    await shop.stock("SHIRT", 5)
    life = await until(shop)
    outcome = await life.cancel()
    assert (outcome.status, outcome.payment_status) == ("canceled", payment)
    await undone(life, payment=payment, provider=provider)
    assert {p["status"] for p in await life.ledger("parcels")} <= {"voided"}


async def test_a_refused_card_has_nothing_to_be_undone(shop: Shop) -> None:
    await shop.stock("SHIRT", 5)
    life = await shop.place([("SHIRT", 2, PRICE)], token="tok_declined")
    await life.asks_for_help("payment_failed")
    await life.cancel()
    await undone(life, payment="failed", provider=[("failed", 0, 0)])


async def test_a_customer_who_confirms_while_we_cancel_gets_the_money_back(shop: Shop) -> None:
    await shop.stock("SHIRT", 5)
    life = await shop.place([("SHIRT", 2, PRICE)], method="bank_transfer", token=None)
    await life.until_types("payment_action_required")
    # The webhook is lost: only the provider knows that the money has arrived.
    shop.letters = asyncio.Queue()
    await shop.close()
    await shop.open()
    await life.customer("succeed")
    outcome = await life.cancel()
    assert outcome.payment_status == "refunded"
    await undone(life, payment="refunded", provider=[("captured", PRICE, PRICE)])


async def test_a_customer_who_gives_up_while_we_cancel_stops_nothing(shop: Shop) -> None:
    await shop.stock("SHIRT", 5)
    life = await while_payment_waits(shop)
    shop.letters = asyncio.Queue()
    await shop.close()
    await shop.open()
    await life.customer("fail")
    await life.cancel()
    await life.finished()
    assert (await life.axes())[0] == "canceled"
    assert await witness.open_authorizations(life) == []


async def test_an_authorization_under_way_at_a_hanging_provider_is_given_back(shop: Shop) -> None:
    shop.policy = Policy(step_attempts=1, step_retry_interval=0.5)
    await shop.stock("SHIRT", 5)
    async with hanging(shop.sandbox):
        life = await shop.place([("SHIRT", 2, PRICE)])
        await life.until_operation("authorize")
        canceling = asyncio.create_task(life.cancel())
        await life.until(lambda o: o.cancel_requested)
        await eventually(lambda: life.has("cancel_started"))
    assert (await canceling).status == "canceled"
    await life.finished()
    assert (await life.axes())[0] == "canceled"
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (5, 0)}


async def test_a_provider_that_is_down_holds_the_end_of_a_cancellation_up(shop: Shop) -> None:
    shop.policy = Policy(step_attempts=1, step_retry_interval=0.5)
    await shop.stock("SHIRT", 5)
    life = await paid(shop)
    async with down(shop.sandbox):
        canceling = asyncio.create_task(life.cancel())
        await life.asks_for_help("void_failed")
        # Goods go back at once, whatever the provider does.
        assert await witness.levels(shop, "SHIRT") == {"MAIN": (5, 0)}
        order = await life.order()
        assert (order.status, order.cancel_requested) == (OrderStatus.CONFIRMED, True)
    assert (await canceling).status == "canceled"
    await undone(life, payment="voided", provider=[("voided", 0, 0)])


async def test_a_label_under_way_is_voided_when_it_comes(shop: Shop) -> None:
    await shop.stock("SHIRT", 5)
    life = await paid(shop)
    shop.accident.arm("buy_label")
    await life.pack()
    await asyncio.wait_for(shop.accident.happened.wait(), 10)
    canceling = asyncio.create_task(life.cancel())
    await life.until(lambda o: o.cancel_requested)
    await shop.close()
    await shop.open()
    assert (await canceling).status == "canceled"
    await undone(life, payment="voided", provider=[("voided", 0, 0)])
    assert [p["status"] for p in await life.ledger("parcels")] == ["voided"]


async def test_a_partial_refund_whose_answer_is_lost_is_not_refunded_twice(shop: Shop) -> None:
    shop.policy = Policy(step_attempts=1, step_retry_interval=0.5)
    await shop.stock("SHIRT", 5)
    life = await charged(shop)
    shop.accident.arm("refund_payment")
    await life.cancel_units(1)
    await asyncio.wait_for(shop.accident.happened.wait(), 10)
    canceling = asyncio.create_task(life.cancel())
    await life.until(lambda o: o.cancel_requested)
    await shop.close()
    await shop.open()
    await canceling
    await undone(life, payment="refunded", provider=[("captured", PRICE, PRICE)])


@pytest.mark.parametrize("capture", ["on_shipment", "immediate"])
async def test_some_units_are_canceled_and_the_rest_is_paid(shop: Shop, capture: str) -> None:
    await shop.stock("SHIRT", 5)
    life = await shop.place([("SHIRT", 3, 10_000)], capture=capture, shipping=1_000)
    await confirmed(life)
    await life.cancel_units(1)
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (5, 2)}
    assert ("canceled", "sent") in await witness.told(life)
    # A third of 10,000 is 3,333: what is left is payable to the last kuruş.
    await life.deliver(await life.send())
    await life.finished()
    order = await life.order()
    assert (order.lines[0].canceled, order.lines[0].shipped) == (1, 2)
    refunded = 3_333 if capture == "immediate" else 0
    payment = "partially_refunded" if refunded else "paid"
    assert await life.axes() == ("completed", payment, "delivered", "no_return")
    taken = 11_000 if refunded else 7_667
    assert await life.at_provider() == [("captured", taken, refunded)]


async def test_a_customer_who_presses_again_sees_it_done(
    shop: Shop, api: httpx2.AsyncClient
) -> None:
    await shop.stock("SHIRT", 5)
    life = await paid(shop)
    query = "SELECT public_token FROM orders WHERE id = $1"
    page = f"/track/{await shop.pool.fetchval(query, life.order_id)}/cancel"
    for _ in range(2):
        assert (await api.post(page)).status_code == 303
        await life.finished()
    assert (await life.axes())[0] == "canceled"
    assert "cancel_refused" not in await life.types()


async def test_canceling_every_unit_cancels_the_order(shop: Shop) -> None:
    await shop.stock("SHIRT", 5)
    life = await paid(shop)
    await life.cancel_units(1)
    await life.cancel_units(1, event=2)
    await undone(life, payment="voided", provider=[("voided", 0, 0)])


async def test_units_that_are_packed_cannot_be_canceled_alone(shop: Shop) -> None:
    await shop.stock("SHIRT", 5)
    life = await packed_in_part(shop)
    line = (await life.order()).lines[0].id
    request = CancelRequest(SUPPORT, "customer", [LineQuantity(line, 2)])
    assert await life.refused("cancel", request) == "too_many_units"
    await life.cancel_units(1)
    await life.ship()
    [shipment] = (await life.order()).shipments
    await life.deliver(shipment.id)
    await life.finished()
    assert await life.axes() == ("completed", "paid", "delivered", "no_return")
    assert await life.at_provider() == [("captured", PRICE // 2, 0)]
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (4, 0)}


async def test_units_can_be_canceled_while_the_rest_is_on_hold_after_a_parcel_left(
    shop: Shop,
) -> None:
    await shop.stock("SHIRT", 5)
    life = await packed_in_part(shop)
    await life.ship()
    hold = await life.hold()
    await life.cancel_units(1)
    await life.release(hold)
    [shipment] = (await life.order()).shipments
    await life.deliver(shipment.id)
    await life.finished()
    assert await life.axes() == ("completed", "paid", "delivered", "no_return")
    assert await life.at_provider() == [("captured", PRICE // 2, 0)]


async def test_a_line_the_order_does_not_have_cannot_be_canceled(shop: Shop) -> None:
    await shop.stock("SHIRT", 5)
    life = await paid(shop)
    request = CancelRequest(SUPPORT, "customer", [LineQuantity("lin_of_another", 1)])
    assert await life.refused("cancel", request) == "unknown_line"
    assert await life.axes() == ("confirmed", "authorized", "unfulfilled", "no_return")


async def test_after_the_hand_over_it_is_too_late(shop: Shop) -> None:
    await shop.stock("SHIRT", 5)
    life = await paid(shop)
    parcel = await life.send()
    assert await life.refused("cancel", CancelRequest(SUPPORT, "customer")) == "already_shipped"
    await life.deliver(parcel)
    await life.finished()
    assert await life.axes() == ("completed", "paid", "delivered", "no_return")
    assert await life.at_provider() == [("captured", PRICE, 0)]


async def test_two_cancellations_at_once_are_one(shop: Shop) -> None:
    await shop.stock("SHIRT", 5)
    life = await paid(shop)
    answers = await asyncio.gather(life.cancel(), life.cancel(), return_exceptions=True)
    assert any(not isinstance(answer, BaseException) for answer in answers)
    await undone(life, payment="voided", provider=[("voided", 0, 0)])
    assert (await life.types()).count("cancel_started") == 1


async def test_nothing_is_packed_of_an_order_that_is_being_canceled(shop: Shop) -> None:
    shop.policy = Policy(step_attempts=1, step_retry_interval=0.5)
    await shop.stock("SHIRT", 5)
    life = await paid(shop)
    work = (await life.order()).fulfillment_orders[0]
    request = PackRequest(WAREHOUSE, work.id, [])
    async with down(shop.sandbox):
        canceling = asyncio.create_task(life.cancel())
        await life.until(lambda o: o.cancel_requested)
        assert await life.refused("pack", request) == "cancel_in_progress"
        assert await life.refused("cancel", CancelRequest(SUPPORT, "x")) == "cancel_in_progress"
    await canceling
    await undone(life, payment="voided", provider=[("voided", 0, 0)])


@pytest.mark.parametrize("ending", ["lost", "return_to_sender"])
async def test_an_order_whose_parcel_will_not_come_can_be_canceled(shop: Shop, ending: str) -> None:
    await shop.stock("SHIRT", 5)
    life = await paid(shop)
    parcel = await life.send()
    await life.until(lambda o: o.payment_status is PaymentStatus.PAID)
    await life.scan(parcel, "in_transit")
    await life.scan(parcel, ending)
    code = {"lost": "parcel_lost", "return_to_sender": "parcel_returned"}[ending]
    await life.asks_for_help(code)
    await life.cancel()
    await life.finished()
    assert await life.axes() == ("canceled", "refunded", "unfulfilled", "no_return")
    assert await life.at_provider() == [("captured", PRICE, PRICE)]
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (3, 0)}
    await life.asks_for_help()
    # Only what is lost is claimed at the carrier.
    claims = [(c["reason"], c["amount"]) for c in await mishaps.claims(life)]
    assert claims == ([("lost", PRICE)] if ending == "lost" else [])


async def test_a_lost_parcel_and_one_still_here_are_canceled_together(shop: Shop) -> None:
    await shop.stock("SHIRT", 5)
    life = await shop.place([("SHIRT", 3, 10_000)], shipping=500)
    await confirmed(life)
    [first] = await life.pack(quantity=1)
    await life.ship()
    await life.pack(quantity=1)
    await life.until(lambda o: o.captured == 3_333 + 500)
    await life.scan(first, "lost")
    await life.asks_for_help("parcel_lost")
    await life.cancel()
    await life.finished()
    assert await life.axes() == ("canceled", "refunded", "unfulfilled", "no_return")
    assert await life.at_provider() == [("captured", 3_833, 3_833)]
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (4, 0)}


async def test_all_lines_of_a_lost_parcel_that_are_canceled_settle_it(shop: Shop) -> None:
    await shop.stock("SHIRT", 5)
    await shop.stock("MUG", 5)
    life = await shop.place([("SHIRT", 1, 10_000), ("MUG", 2, 4_000)])
    await confirmed(life)
    [first] = await life.pack(quantity=1)
    await life.ship()
    [second] = await life.pack()
    await life.scan(first, "lost")
    await life.asks_for_help("parcel_lost")
    await life.cancel_units(1, 1)
    settled = "SELECT resolution FROM parcel_endings WHERE shipment_id = $1"
    assert await shop.pool.fetchval(settled, first) == "refund"
    [claim] = await mishaps.claims(life)
    assert claim["amount"] == 12_000
    await life.ship()
    await life.deliver(second)
    await life.finished()
    assert await life.axes() == ("completed", "partially_refunded", "delivered", "no_return")


async def test_a_cancel_in_the_temporal_ui_undoes_the_order_too(shop: Shop) -> None:
    await shop.stock("SHIRT", 5)
    life = await labeled(shop)
    await life.handle.cancel()
    await undone(life, payment="voided", provider=[("voided", 0, 0)])


async def test_a_cancel_in_the_temporal_ui_of_a_shipped_order_is_refused_and_noted(
    shop: Shop,
) -> None:
    await shop.stock("SHIRT", 5)
    life = await paid(shop)
    parcel = await life.send()
    await life.handle.cancel()
    await life.until_types("cancel_refused")
    await life.deliver(parcel)
    await life.finished()
    assert await life.axes() == ("completed", "paid", "delivered", "no_return")


@pytest.mark.parametrize("then", ["pack", "hold"])
async def test_a_cancel_in_the_temporal_ui_in_the_middle_of_a_step_loses_nothing(
    shop: Shop, then: str
) -> None:
    await shop.stock("SHIRT", 5)
    life = await paid(shop)
    async with life.locked():
        asking = asyncio.create_task(life.pack() if then == "pack" else life.hold())
        await life.until_update_accepted()
        await life.handle.cancel()
        await life.until_cancel_requested()
    await asyncio.gather(asking, return_exceptions=True)
    await undone(life, payment="voided", provider=[("voided", 0, 0)])


async def test_a_cancel_in_the_temporal_ui_while_a_payment_is_written_loses_nothing(
    shop: Shop,
) -> None:
    await shop.stock("SHIRT", 5)
    life = await shop.place([("SHIRT", 2, PRICE)], token="tok_3ds")
    await life.until_types("payment_action_required")
    async with life.locked():
        await life.customer("succeed")
        await life.handle.cancel()
        await life.until_cancel_requested()
    await undone(life, payment="voided", provider=[("voided", 0, 0)])
