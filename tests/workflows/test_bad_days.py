"""Whole lives on the carrier's bad days, which it plays by the postal code's last digit."""

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from domain.endings import Action, Event
from domain.states import OrderStatus
from tests.fakes.sandbox_service import SandboxService, sandbox_service
from tests.fakes.webhook_receiver import WebhookReceiver
from tests.workflows import mishaps, witness
from tests.workflows.life import Life
from tests.workflows.shop import Shop
from workflows.messages import Policy

PRICE = 59_800


@pytest_asyncio.fixture(scope="module")
async def sandbox(receiver: WebhookReceiver) -> AsyncIterator[SandboxService]:
    """Providers that move by themselves: a parcel is at the door in two seconds."""
    with tempfile.TemporaryDirectory() as directory:
        async with sandbox_service(Path(directory), receiver.url, speed=43_200) as service:
            yield service


async def sent(shop: Shop, digit: int) -> tuple[Life, str]:
    """An order of two shirts on its way to a place where the carrier has such days."""
    await shop.stock("SHIRT", 5)
    life = await shop.place([("SHIRT", 2, PRICE)], postal_code=f"3472{digit}", shipping=5_000)
    return life, await life.send()


async def heard(life: Life) -> list[str]:
    """What the customer was told."""
    told = await witness.told(life)
    assert {how for _, how in told} == {"sent"}
    return sorted(milestone for milestone, _ in told)


@pytest.mark.parametrize(
    ("digit", "mail", "scan"),
    [
        (5, "delivery_delayed", "parcel_delayed"),
        (6, "delivery_attempted", "parcel_attempted_delivery"),
    ],
)
async def test_a_parcel_that_is_late_is_told_of_once_and_arrives(
    shop: Shop, digit: int, mail: str, scan: str
) -> None:
    life, _ = await sent(shop, digit)
    await life.finished()
    assert await life.axes() == ("completed", "paid", "delivered", "no_return")
    assert await life.at_provider() == [("captured", PRICE + 5_000, 0)]
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (3, 0)}
    assert await heard(life) == sorted(["confirmed", "shipped", mail, "delivered"])
    types = await life.types()
    assert (types.count(scan), types.count("parcel_trouble")) == (1, 1)
    assert not await life.has("attention_needed")
    assert await mishaps.claims(life) == []


async def test_a_parcel_that_comes_back_is_received_and_its_money_goes_back(shop: Shop) -> None:
    life, parcel = await sent(shop, 7)
    await life.asks_for_help("parcel_returned")
    await life.receive_back(parcel, restock=1, quarantine=1)
    await life.finished()
    assert await life.axes() == ("canceled", "refunded", "unfulfilled", "no_return")
    assert await life.at_provider() == [("captured", PRICE + 5_000, PRICE + 5_000)]
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (5, 0)}
    assert await mishaps.ledger(life, "SHIRT") == {
        "allocate": (0, 0),
        "ship": (-2, 0),
        "return": (2, 0),
        "quarantine": (0, 1),
    }
    mails = ["canceled", "confirmed", "delivery_attempted", "refunded", "shipped"]
    assert await heard(life) == mails
    types = await life.types()
    for once in ("parcel_received_back", "parcel_refunded", "refund_succeeded", "order_canceled"):
        assert types.count(once) == 1, once
    assert await mishaps.claims(life) == []
    await life.asks_for_help()


async def test_a_parcel_that_comes_back_is_sent_again_by_policy(shop: Shop) -> None:
    await mishaps.rule(shop, Event.RETURNED, Action.REPLACE, 1_209_600)
    life, parcel = await sent(shop, 7)
    await life.asks_for_help("parcel_returned")
    await life.receive_back(parcel, restock=2)
    await life.until(lambda o: len(o.fulfillment_orders) == 2)
    await life.asks_for_help()
    again = await life.send(1)
    await life.scan(again, "delivered")
    await life.finished()
    assert await life.axes() == ("completed", "paid", "delivered", "no_return")
    assert await life.at_provider() == [("captured", PRICE + 5_000, 0)]
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (3, 0)}
    assert "parcel_replaced" in await heard(life)


async def test_a_lost_parcel_is_sent_again_and_charged_once(shop: Shop) -> None:
    await mishaps.rule(shop, Event.LOST, Action.REPLACE, 1)
    life, _ = await sent(shop, 8)
    await life.until(lambda o: len(o.fulfillment_orders) == 2)
    assert await life.axes() == ("confirmed", "paid", "unfulfilled", "no_return")
    again = await life.send(1)
    await life.scan(again, "delivered")
    await life.finished()
    assert await life.axes() == ("completed", "paid", "delivered", "no_return")
    assert await life.at_provider() == [("captured", PRICE + 5_000, 0)]
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (1, 0)}
    assert await mishaps.ledger(life, "SHIRT") == {"allocate": (0, 0), "ship": (-4, 0)}
    mails = ["confirmed", "delivered", "parcel_replaced", "shipped", "shipped"]
    assert await heard(life) == mails
    types = await life.types()
    assert (types.count("parcel_replaced"), types.count("capture_succeeded")) == (1, 1)
    claim = {"reason": "lost", "resolution": "replace", "amount": PRICE, "status": "open"}
    assert await mishaps.claims(life) == [claim]


async def test_a_lost_parcel_is_paid_back_by_policy(shop: Shop) -> None:
    await mishaps.rule(shop, Event.LOST, Action.REFUND)
    life, _ = await sent(shop, 8)
    await life.finished()
    assert await life.axes() == ("canceled", "refunded", "unfulfilled", "no_return")
    assert await life.at_provider() == [("captured", PRICE + 5_000, PRICE + 5_000)]
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (3, 0)}
    assert await heard(life) == ["canceled", "confirmed", "refunded", "shipped"]
    claim = {"reason": "lost", "resolution": "refund", "amount": PRICE, "status": "open"}
    assert await mishaps.claims(life) == [claim]


async def test_a_parcel_of_which_nothing_is_heard_asks_for_a_person(shop: Shop) -> None:
    shop.policy = Policy(return_window=0.2, step_retry_interval=0.5, delivery_deadline=0.3)
    life, parcel = await sent(shop, 9)
    await life.asks_for_help("delivery_overdue")
    await life.resolve(parcel, "replace")
    await life.until(lambda o: len(o.fulfillment_orders) == 2)
    await life.asks_for_help()
    again = await life.send(1)
    await life.scan(again, "delivered")
    await life.finished()
    assert await life.axes() == ("completed", "paid", "delivered", "no_return")
    assert await life.at_provider() == [("captured", PRICE + 5_000, 0)]
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (1, 0)}
    claim = {"reason": "no_news", "resolution": "replace", "amount": PRICE, "status": "open"}
    assert await mishaps.claims(life) == [claim]


async def test_a_parcel_of_which_nothing_is_heard_is_paid_back_by_policy(shop: Shop) -> None:
    await mishaps.rule(shop, Event.NO_NEWS, Action.REFUND, 1)
    shop.policy = Policy(return_window=0.2, step_retry_interval=0.5, delivery_deadline=0.3)
    life, _ = await sent(shop, 9)
    await life.until(lambda o: o.status is OrderStatus.CANCELED)
    await life.finished()
    assert await life.axes() == ("canceled", "refunded", "unfulfilled", "no_return")
    assert await life.at_provider() == [("captured", PRICE + 5_000, PRICE + 5_000)]
    assert await heard(life) == ["canceled", "confirmed", "refunded", "shipped"]
