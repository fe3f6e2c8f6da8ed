"""How orders are paid: every token, every method, and what happens when the money does not come."""

import asyncio

import pytest
from temporalio.client import WorkflowUpdateFailedError

from domain.states import OrderStatus, PaymentStatus
from tests.workflows import witness
from tests.workflows.faults import down, hanging
from tests.workflows.life import WAREHOUSE, Life
from tests.workflows.shop import Shop
from workflows.messages import Policy, ShipRequest

PRICE = 59_800


async def confirmed(life: Life) -> None:
    await life.until(lambda o: o.status is OrderStatus.CONFIRMED)


async def completed(life: Life, *parcels: str) -> None:
    """Let the carrier bring the parcels, and the order end."""
    await life.deliver(*parcels)
    await life.finished()
    assert await life.axes() == ("completed", "paid", "delivered", "no_return")
    await life.asks_for_help()


async def test_a_visa_is_authorized_at_once_and_captured_with_the_parcel(shop: Shop) -> None:
    await shop.stock("SHIRT", 5)
    life = await shop.place([("SHIRT", 2, PRICE)], shipping=4_990)
    await confirmed(life)
    assert await life.axes() == ("confirmed", "authorized", "unfulfilled", "no_return")
    assert await life.at_provider() == [("authorized", 0, 0)]
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (5, 2)}
    parcel = await life.send()
    await life.until(lambda o: o.payment_status is PaymentStatus.PAID)
    assert await life.at_provider() == [("captured", PRICE + 4_990, 0)]
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (3, 0)}
    await completed(life, parcel)
    assert await witness.told(life) == [
        ("confirmed", "sent"),
        ("shipped", "sent"),
        ("delivered", "sent"),
    ]
    assert [t for t in await life.types() if not t.startswith("notification_")] == [
        "order_placed",
        "payment_authorized",
        "stock_allocated",
        "order_confirmed",
        "fulfillment_opened",
        "parcels_packed",
        "label_purchased",
        "shipped",
        "capture_succeeded",
        "parcel_in_transit",
        "delivered",
        "order_completed",
    ]


async def test_an_immediate_capture_takes_the_money_before_the_goods_move(shop: Shop) -> None:
    await shop.stock("SHIRT", 5)
    life = await shop.place([("SHIRT", 1, PRICE)], capture="immediate")
    await confirmed(life)
    assert await life.axes() == ("confirmed", "paid", "unfulfilled", "no_return")
    assert await life.at_provider() == [("captured", PRICE, 0)]
    await completed(life, await life.send())
    assert await life.at_provider() == [("captured", PRICE, 0)]


@pytest.mark.parametrize(
    ("token", "reason"),
    [("tok_declined", "card_declined"), ("tok_insufficient_funds", "insufficient_funds")],
)
async def test_a_refused_card_waits_for_another_payment(
    shop: Shop, token: str, reason: str
) -> None:
    await shop.stock("SHIRT", 5)
    life = await shop.place([("SHIRT", 1, PRICE)], token=token)
    await life.asks_for_help("payment_failed")
    assert await life.axes() == ("pending", "failed", "unfulfilled", "no_return")
    assert await life.attribute() == ["payment_failed"]
    failure = "SELECT failure FROM payments WHERE order_id = $1"
    assert await shop.pool.fetchval(failure, life.order_id) == reason
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (5, 0)}
    outcome = await life.pay(PRICE)
    assert len(outcome.ids) == 1
    await confirmed(life)
    await life.asks_for_help()
    await completed(life, await life.send())
    assert await life.at_provider() == [("failed", 0, 0), ("captured", PRICE, 0)]
    assert ("payment_problem", "sent") in await witness.told(life)


async def test_a_payment_is_not_taken_when_the_order_is_covered(shop: Shop) -> None:
    await shop.stock("SHIRT", 5)
    life = await shop.place([("SHIRT", 1, PRICE)])
    await confirmed(life)
    assert await life.refused_payment() == "payment_not_needed"
    assert await life.at_provider() == [("authorized", 0, 0)]
    assert await life.axes() == ("confirmed", "authorized", "unfulfilled", "no_return")


async def test_a_3ds_payment_waits_for_the_customer_and_goes_on(shop: Shop) -> None:
    await shop.stock("SHIRT", 5)
    life = await shop.place([("SHIRT", 1, PRICE)], token="tok_3ds")
    await life.until_types("payment_action_required")
    assert await life.axes() == ("pending", "pending", "unfulfilled", "no_return")
    action = await shop.pool.fetchval("SELECT client_action FROM payments")
    assert action["type"] == "redirect"
    await life.asks_for_help()
    await life.customer("succeed")
    await confirmed(life)
    assert await shop.pool.fetchval("SELECT client_action FROM payments") is None
    await completed(life, await life.send())
    assert await life.at_provider() == [("captured", PRICE, 0)]


async def test_a_3ds_payment_that_fails_leaves_the_order_waiting(shop: Shop) -> None:
    await shop.stock("SHIRT", 5)
    life = await shop.place([("SHIRT", 1, PRICE)], token="tok_3ds")
    await life.until_types("payment_action_required")
    await life.customer("fail")
    await life.asks_for_help("payment_failed")
    assert await life.axes() == ("pending", "failed", "unfulfilled", "no_return")
    await life.pay(PRICE)
    await confirmed(life)
    assert await life.at_provider() == [("failed", 0, 0), ("authorized", 0, 0)]


async def test_a_3ds_payment_nobody_confirms_expires_with_the_order(shop: Shop) -> None:
    shop.policy = Policy(payment_expiry=1.2, payment_reminder=0.4, step_retry_interval=0.5)
    await shop.stock("SHIRT", 5)
    life = await shop.place([("SHIRT", 1, PRICE)], token="tok_3ds")
    outcome = await life.finished()
    assert outcome.status == "expired"
    assert await life.axes() == ("expired", "voided", "unfulfilled", "no_return")
    assert await life.at_provider() == [("voided", 0, 0)]
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (5, 0)}
    assert await witness.told(life) == [("payment_reminder", "sent"), ("canceled", "sent")]
    await life.asks_for_help()


async def test_another_card_beside_an_unconfirmed_one_pays_once(shop: Shop) -> None:
    await shop.stock("SHIRT", 5)
    life = await shop.place([("SHIRT", 1, PRICE)], token="tok_3ds")
    await life.until_types("payment_action_required")
    await life.pay(PRICE)
    await confirmed(life)
    await completed(life, await life.send())
    taken = [captured for _, captured, _ in await life.at_provider()]
    assert taken == [0, PRICE]
    assert await witness.open_authorizations(life) == []


async def test_two_cards_that_both_succeed_are_charged_once(shop: Shop) -> None:
    await shop.stock("SHIRT", 5)
    life = await shop.place([("SHIRT", 1, PRICE)], token="tok_3ds", capture="immediate")
    await life.until_types("payment_action_required")
    # The customer pays by another card, and confirms the first one at the same time.
    await asyncio.gather(life.pay(PRICE), life.customer("succeed"), return_exceptions=True)
    await confirmed(life)
    await life.deliver(await life.send())
    await life.finished()
    assert sum(taken - back for _, taken, back in await life.at_provider()) == PRICE
    assert await witness.open_authorizations(life) == []


async def test_a_charge_whose_answer_is_lost_is_looked_up_and_charged_once(shop: Shop) -> None:
    await shop.stock("SHIRT", 5)
    life = await shop.place([("SHIRT", 1, PRICE)], token="tok_timeout")
    await confirmed(life)
    assert await life.at_provider() == [("authorized", 0, 0)]
    await completed(life, await life.send())
    assert await life.at_provider() == [("captured", PRICE, 0)]


async def test_a_flaky_provider_is_asked_again_until_it_does_it(shop: Shop) -> None:
    shop.policy = Policy(return_window=0.2, step_attempts=4)
    await shop.stock("SHIRT", 5)
    life = await shop.place([("SHIRT", 1, PRICE)], token="tok_flaky")
    await confirmed(life)
    await completed(life, await life.send())
    assert await life.at_provider() == [("captured", PRICE, 0)]


async def test_a_refused_capture_is_put_before_a_person_and_tried_again(shop: Shop) -> None:
    shop.policy = Policy(return_window=0.2, step_retry_interval=60, step_attempts=2)
    await shop.stock("SHIRT", 5)
    life = await shop.place([("SHIRT", 1, PRICE)], token="tok_capture_fails")
    parcel = await life.send()
    await life.asks_for_help("capture_failed")
    await life.deliver(parcel)
    order = await life.until(lambda o: o.delivered_units == 1)
    assert order.status is OrderStatus.CONFIRMED
    assert order.payment_status is PaymentStatus.AUTHORIZED
    await life.retry("capture_failed")
    await life.until_types("capture_failed", times=2)
    await life.asks_for_help("capture_failed")
    assert await life.at_provider() == [("authorized", 0, 0)]
    await life.waive()
    await life.finished()
    assert await life.axes() == ("completed", "paid", "delivered", "no_return")
    assert await life.at_provider() == [("voided", 0, 0)]
    assert await witness.attention(life) == []
    await witness.compare_all_books(shop)


async def test_a_refund_that_fails_once_is_asked_again(shop: Shop) -> None:
    await shop.stock("SHIRT", 5)
    life = await shop.place(
        [("SHIRT", 1, PRICE)], token="tok_refund_fails_once", capture="immediate"
    )
    await confirmed(life)
    await life.cancel()
    await life.finished()
    assert await life.axes() == ("canceled", "refunded", "unfulfilled", "no_return")
    assert await life.at_provider() == [("captured", PRICE, PRICE)]
    assert ("refunded", "sent") in await witness.told(life)


async def test_an_authorization_that_ran_out_is_renewed_when_the_goods_leave(shop: Shop) -> None:
    await shop.stock("SHIRT", 5)
    life = await shop.place([("SHIRT", 1, PRICE)], token="tok_expires")
    await confirmed(life)
    await life.run_out()
    await life.asks_for_help("authorization_expired")
    assert await life.axes() == ("confirmed", "expired", "unfulfilled", "no_return")
    assert await life.at_provider() == [("expired", 0, 0)]
    parcel = await life.send()
    await life.asks_for_help()
    await completed(life, parcel)
    assert await life.at_provider() == [("expired", 0, 0), ("captured", PRICE, 0)]


async def test_goods_stay_when_an_authorization_that_ran_out_is_not_granted_again(
    shop: Shop,
) -> None:
    await shop.stock("SHIRT", 5)
    life = await shop.place([("SHIRT", 1, PRICE)], token="tok_expires")
    await confirmed(life)
    await life.run_out()
    await life.asks_for_help("authorization_expired")
    await shop.pool.execute("UPDATE payments SET token = 'tok_declined'")
    await life.pack()
    work = (await life.order()).fulfillment_orders[0]
    assert await life.refused("ship", ShipRequest(WAREHOUSE, work.id)) == "payment_missing"
    assert await life.axes() == ("confirmed", "failed", "in_progress", "no_return")
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (5, 1)}
    await life.pay(PRICE)
    await life.ship()
    [shipment] = (await life.order()).shipments
    await completed(life, shipment.id)
    assert [taken for _, taken, _ in await life.at_provider()] == [0, 0, PRICE]


async def test_an_authorization_about_to_run_out_is_put_before_a_person(shop: Shop) -> None:
    await shop.close()
    shop.margin_seconds = 2 * 86_400
    await shop.open()
    await shop.stock("SHIRT", 5)
    life = await shop.place([("SHIRT", 1, PRICE)], token="tok_expires")
    await confirmed(life)
    await life.asks_for_help("authorization_expiring")
    parcel = await life.send()
    await life.until(lambda o: o.payment_status is PaymentStatus.PAID)
    await life.asks_for_help()
    await completed(life, parcel)


async def test_a_renewal_that_is_in_flight_is_undone_with_the_order(shop: Shop) -> None:
    shop.policy = Policy(step_attempts=1, step_retry_interval=0.3)
    await shop.stock("SHIRT", 5)
    life = await shop.place([("SHIRT", 1, PRICE)], token="tok_expires")
    await confirmed(life)
    await life.run_out()
    await life.asks_for_help("authorization_expired")
    await life.pack()
    shop.accident.arm("authorize_payment")
    shipping = asyncio.create_task(life.ship())
    await asyncio.wait_for(shop.accident.happened.wait(), 10)
    canceling = asyncio.create_task(life.cancel())
    await life.until(lambda o: o.cancel_requested)
    await shop.close()
    await shop.open()
    assert (await canceling).status == "canceled"
    with pytest.raises(WorkflowUpdateFailedError):
        await shipping
    assert await witness.open_authorizations(life) == []


async def test_a_bank_transfer_is_paid_when_the_money_arrives(shop: Shop) -> None:
    await shop.stock("SHIRT", 5)
    life = await shop.place([("SHIRT", 1, PRICE)], method="bank_transfer", token=None)
    await life.until_types("payment_action_required")
    action = await shop.pool.fetchval("SELECT client_action FROM payments")
    assert action["type"] == "bank_transfer"
    await life.customer("succeed")
    await confirmed(life)
    assert await life.axes() == ("confirmed", "paid", "unfulfilled", "no_return")
    await completed(life, await life.send())
    assert await life.at_provider() == [("captured", PRICE, 0)]


async def test_cash_is_taken_at_the_door(shop: Shop) -> None:
    await shop.stock("SHIRT", 5)
    life = await shop.place([("SHIRT", 1, PRICE)], method="cash_on_delivery", token=None)
    parcel = await life.send()
    await life.until_types("shipped")
    assert await life.axes() == ("confirmed", "authorized", "fulfilled", "no_return")
    assert await life.at_provider() == [("authorized", 0, 0)]
    await completed(life, parcel)
    assert await life.at_provider() == [("captured", PRICE, 0)]


async def test_a_voucher_and_a_card_share_the_price(shop: Shop) -> None:
    await shop.stock("SHIRT", 5)
    life = await shop.place(
        [("SHIRT", 2, 60_000)],
        tenders=[
            ("voucher", "on_shipment", "tok_visa", 20_000),
            ("card", "on_shipment", "tok_visa", 40_000),
        ],
    )
    await confirmed(life)
    await completed(life, await life.send())
    assert sorted(await life.at_provider()) == [("captured", 20_000, 0), ("captured", 40_000, 0)]


async def test_a_declined_card_beside_a_voucher_wants_only_the_rest(shop: Shop) -> None:
    await shop.stock("SHIRT", 5)
    life = await shop.place(
        [("SHIRT", 2, 60_000)],
        tenders=[
            ("voucher", "on_shipment", "tok_visa", 20_000),
            ("card", "on_shipment", "tok_declined", 40_000),
        ],
    )
    await life.asks_for_help("payment_failed")
    await life.until_types("payment_authorized")
    await life.pay(40_000)
    await confirmed(life)
    await completed(life, await life.send())
    assert sorted(await life.at_provider()) == [
        ("captured", 20_000, 0),
        ("captured", 40_000, 0),
        ("failed", 0, 0),
    ]


@pytest.mark.parametrize("tenders", [[], [("voucher", "on_shipment", None, 0)]])
async def test_an_order_that_costs_nothing_needs_no_provider(
    shop: Shop, tenders: list[tuple[str, str, str | None, int]]
) -> None:
    await shop.stock("GIFT", 5)
    life = await shop.place([("GIFT", 1, 0)], tenders=tenders)
    await confirmed(life)
    assert await life.axes() == ("confirmed", "paid", "unfulfilled", "no_return")
    await completed(life, await life.send())
    assert await life.ledger() == []


async def test_an_unpaid_order_is_reminded_of_and_then_expires(shop: Shop) -> None:
    shop.policy = Policy(payment_expiry=1.5, payment_reminder=0.5)
    await shop.stock("SHIRT", 5)
    life = await shop.place([("SHIRT", 1, PRICE)], token="tok_declined")
    outcome = await life.finished()
    assert outcome.status == "expired"
    assert await life.axes() == ("expired", "failed", "unfulfilled", "no_return")
    assert await witness.told(life) == [
        ("payment_problem", "sent"),
        ("payment_reminder", "sent"),
        ("canceled", "sent"),
    ]
    await life.asks_for_help()


async def test_a_provider_that_is_down_is_asked_until_it_is_back(shop: Shop) -> None:
    shop.policy = Policy(return_window=0.2, step_attempts=1, step_retry_interval=60)
    await shop.stock("SHIRT", 5)
    async with down(shop.sandbox):
        life = await shop.place([("SHIRT", 1, PRICE)])
        await life.asks_for_help("payment_provider_failing")
        assert await life.axes() == ("pending", "pending", "unfulfilled", "no_return")
    await life.retry("payment_provider_failing")
    await confirmed(life)
    await life.asks_for_help()
    assert await life.at_provider() == [("authorized", 0, 0)]


async def test_a_hanging_provider_is_looked_up_before_it_is_asked_again(shop: Shop) -> None:
    await shop.stock("SHIRT", 5)
    async with hanging(shop.sandbox):
        life = await shop.place([("SHIRT", 1, PRICE)])
        await life.asks_for_help("payment_provider_failing")
    await confirmed(life)
    assert await life.at_provider() == [("authorized", 0, 0)]


async def test_news_that_come_twice_or_out_of_order_change_nothing(shop: Shop) -> None:
    await shop.stock("SHIRT", 5)
    life = await shop.place([("SHIRT", 1, PRICE)], token="tok_3ds")
    await life.until_types("payment_action_required")
    await life.customer("succeed")
    await confirmed(life)
    tender = (await life.order()).tenders[0]
    for event, status in (("again", "succeeded"), ("late", "failed")):
        await shop.tell("payments", "sandbox", event, payment_news(tender.id, status))
    await completed(life, await life.send())
    assert await life.at_provider() == [("captured", PRICE, 0)]
    assert (await life.types()).count("payment_authorized") == 1


def payment_news(payment_id: str, status: str) -> dict[str, object]:
    """An authorization's webhook, as the adapter reads it."""
    return {
        "payment_id": payment_id,
        "kind": "authorize",
        "status": status,
        "provider_ref": "spay_of_old",
        "amount": {"amount": PRICE, "currency": "TRY"},
        "occurred_at": "2026-11-22T08:00:00+00:00",
        "captured": False,
        "reason": "" if status == "succeeded" else "authentication_failed",
    }
