"""Lives of purchase orders: sent, received, late, ended, and what goes wrong meanwhile."""

import asyncio
import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.testing import TimeSkipper

from db import purchasing
from domain.states import OrderStatus, PurchaseStatus
from tests.workflows.buying import BUYER, SUPPLIER, draft, sent
from tests.workflows.life import eventually
from tests.workflows.shop import Shop
from workflows.purchase_messages import ApproveRequest, EndRequest, PurchasePolicy, SendRequest

LONG = PurchasePolicy(grace=43_200, chase_interval=259_200)


async def test_an_order_is_approved_sent_received_and_closed(shop: Shop) -> None:
    buying = await draft(shop, {"SHIRT": 12, "SOCKS": 24})
    assert (await buying.approve()).status == "approved"
    assert await buying.levels() == {"SHIRT": (0, 0, 0), "SOCKS": (0, 0, 0)}
    outcome = await buying.send()
    assert (outcome.status, outcome.mail_status) == ("sent", "sent")
    assert await buying.levels() == {"SHIRT": (0, 0, 12), "SOCKS": (0, 0, 24)}
    await buying.deliver(SHIRT=12, SOCKS=4, damaged=1)
    await buying.until(lambda p: p.status is PurchaseStatus.PARTLY_RECEIVED)
    assert await buying.levels() == {"SHIRT": (12, 1, 0), "SOCKS": (4, 1, 20)}
    await buying.deliver(SOCKS=20)
    await buying.finished()
    assert (await buying.purchase()).status is PurchaseStatus.CLOSED
    assert await buying.levels() == {"SHIRT": (12, 1, 0), "SOCKS": (24, 1, 0)}
    assert await buying.events() == [
        "created", "approved", "sending", "sent", "partly_received", "closed",
    ]  # fmt: skip


async def test_the_supplier_gets_one_mail_with_the_list(shop: Shop) -> None:
    buying = await sent(shop, {"SHIRT": 12})
    [(name, letter)] = buying.letters().items()
    assert name == "order.1"
    number = (await buying.purchase()).number
    assert letter["Subject"] == f"Purchase order {number} from Kervan"
    [attachment] = letter.iter_attachments()
    assert attachment.get_filename() == f"{number}.csv"
    [row] = csv.DictReader(io.StringIO(attachment.get_content()))
    day = (datetime.now(UTC).date() + timedelta(10)).isoformat()
    assert row == {
        "purchase_order": number,
        "position": "1",
        "supplier_sku": "A-SHIRT",
        "sku": "SHIRT",
        "name": "SHIRT",
        "quantity": "12",
        "unit_cost": "5.00",
        "currency": "EUR",
        "expected_on": day,
        "deliver_to": "MAIN",
    }


async def test_who_waits_is_woken_by_the_delivery_and_knows_its_day_before(shop: Shop) -> None:
    await shop.stock("RARE", 0)
    life = await shop.place([("RARE", 2, 10_000)])
    await life.asks_for_help("waiting_for_stock")
    buying = await sent(shop, {"RARE": 5})
    day = datetime.now(UTC).date() + timedelta(10)
    assert await purchasing.expected_arrivals(shop.pool, ["RARE", "SHIRT"]) == {"RARE": [(day, 5)]}
    await buying.deliver(RARE=5)
    order = await life.until(lambda o: len(o.fulfillment_orders) == 1)
    assert order.status is OrderStatus.CONFIRMED
    assert await purchasing.expected_arrivals(shop.pool, ["RARE"]) == {}


async def test_what_is_damaged_wakes_nobody(shop: Shop) -> None:
    await shop.stock("RARE", 0)
    life = await shop.place([("RARE", 1, 10_000)])
    await life.asks_for_help("waiting_for_stock")
    buying = await sent(shop, {"RARE": 1})
    await buying.deliver(RARE=1, damaged=1)
    await buying.finished()
    assert await buying.levels() == {"RARE": (1, 1, 0)}
    assert (await life.order()).lines[0].backordered == 1


async def test_one_that_is_closed_short_expects_nothing_more(shop: Shop) -> None:
    buying = await sent(shop, {"SHIRT": 12})
    await buying.deliver(SHIRT=5)
    await buying.until(lambda p: p.status is PurchaseStatus.PARTLY_RECEIVED)
    assert await buying.refused("cancel", EndRequest(BUYER)) == "partly_received"
    assert (await buying.close()).status == "closed"
    await buying.finished()
    purchase = await buying.purchase()
    assert [(x.received, x.canceled, x.open) for x in purchase.lines] == [(5, 7, 0)]
    assert await buying.levels() == {"SHIRT": (5, 0, 0)}


async def test_one_that_is_canceled_tells_the_supplier(shop: Shop) -> None:
    buying = await sent(shop, {"SHIRT": 12})
    assert (await buying.cancel()).status == "canceled"
    await buying.finished()
    assert set(buying.letters()) == {"order.1", "cancellation.1"}
    assert await buying.levels() == {"SHIRT": (0, 0, 0)}


async def test_a_draft_is_canceled_without_a_word(shop: Shop) -> None:
    buying = await draft(shop, {"SHIRT": 12})
    assert (await buying.cancel()).status == "canceled"
    await buying.finished()
    assert buying.letters() == {}


async def test_requests_at_the_wrong_time_are_refused_and_change_nothing(shop: Shop) -> None:
    buying = await draft(shop, {"SHIRT": 12}, email=None)
    assert await buying.refused("send", SendRequest(BUYER)) == "not_approved"
    assert await buying.refused("close", EndRequest(BUYER)) == "not_sent"
    await buying.approve()
    assert await buying.refused("approve", ApproveRequest(BUYER)) == "already_approved"
    assert await buying.refused("send", SendRequest(BUYER)) == "no_supplier_email"
    assert (await buying.send(by_hand=True)).mail_status == "by_hand"
    assert await buying.refused("send", SendRequest(BUYER, by_hand=True)) == "already_sent"
    assert await buying.levels() == {"SHIRT": (0, 0, 12)}
    assert buying.letters() == {}


async def test_goods_that_come_before_the_mail_went_out_say_that_it_is_known(shop: Shop) -> None:
    buying = await draft(shop, {"SHIRT": 12})
    await buying.approve()
    await buying.deliver(SHIRT=5)
    await buying.until(lambda p: p.status is PurchaseStatus.PARTLY_RECEIVED)
    assert await buying.levels() == {"SHIRT": (5, 0, 7)}
    assert await buying.refused("send", SendRequest(BUYER)) == "already_sent"
    await buying.deliver(SHIRT=7)
    await buying.finished()
    assert await buying.levels() == {"SHIRT": (12, 0, 0)}


async def test_a_delivery_that_comes_while_nobody_works_is_heard_of_later(shop: Shop) -> None:
    buying = await sent(shop, {"SHIRT": 12})
    await shop.close()
    await buying.deliver(SHIRT=12)
    assert (await buying.purchase()).status is PurchaseStatus.SENT
    await shop.open()
    await buying.finished()
    assert (await buying.purchase()).status is PurchaseStatus.CLOSED


async def test_one_whose_start_was_missed_is_started_by_the_relay(shop: Shop) -> None:
    buying = await draft(shop, {"SHIRT": 12}, begin=False)

    async def running() -> bool:
        return not await shop.pool.fetchval("SELECT count(*) FROM outbox")

    await eventually(running)
    assert (await buying.approve()).status == "approved"


async def test_more_than_ordered_is_counted_and_closes_it(shop: Shop) -> None:
    buying = await sent(shop, {"SHIRT": 12})
    await buying.deliver(SHIRT=15, over=True)
    await buying.finished()
    assert await buying.levels() == {"SHIRT": (15, 0, 0)}
    assert [x.received for x in (await buying.purchase()).lines] == [15]


STEPS = ["approve_purchase", "begin_sending", "mail_supplier", "record_sent", "record_delivery"]


@pytest.mark.parametrize("step", STEPS)
async def test_a_worker_that_dies_in_the_middle_changes_nothing(shop: Shop, step: str) -> None:
    async def rescue() -> None:
        await asyncio.wait_for(shop.accident.happened.wait(), 20)
        await shop.close()
        await shop.open()

    shop.accident.arm(step)
    rescuing = asyncio.create_task(rescue())
    buying = await draft(shop, {"SHIRT": 12})
    await buying.approve()
    await buying.send()
    await buying.until(lambda p: p.status is PurchaseStatus.SENT)
    await buying.deliver(SHIRT=12)
    await buying.finished()
    await rescuing
    assert set(buying.letters()) == {"order.1"}
    assert await buying.levels() == {"SHIRT": (12, 0, 0)}
    assert await buying.events() == ["created", "approved", "sending", "sent", "closed"]


async def test_mail_that_is_away_is_tried_until_it_is_back(shop: Shop) -> None:
    shop.mail_dir.write_text("a file where the directory should be")
    buying = await draft(shop, {"SHIRT": 12})
    await buying.approve()
    asking = asyncio.create_task(buying.send())
    await buying.asks_for_help("supplier_mail_failed")
    assert await buying.refused("send", SendRequest(BUYER)) == "already_sending"
    assert (await buying.purchase()).status is PurchaseStatus.APPROVED
    shop.mail_dir.unlink()
    await buying.until(lambda p: p.status is PurchaseStatus.SENT)
    assert (await asking).mail_status in ("sent", "pending")
    await buying.asks_for_help()
    assert set(buying.letters()) == {"order.1"}


async def test_an_address_that_does_not_exist_waits_for_a_person(shop: Shop) -> None:
    buying = await draft(shop, {"SHIRT": 12}, email="nobody")
    await buying.approve()
    outcome = await buying.send()
    assert (outcome.status, outcome.mail_status) == ("approved", "failed")
    await buying.asks_for_help("supplier_mail_failed")
    await shop.pool.execute("UPDATE suppliers SET email = $1", SUPPLIER)
    assert (await buying.send()).status == "sent"
    await buying.asks_for_help()
    assert set(buying.letters()) == {"order.2"}


async def test_a_late_one_is_shown_and_its_supplier_reminded_again_and_again(
    shop: Shop, time_skipper: TimeSkipper
) -> None:
    buying = await sent(shop, {"SHIRT": 12}, days=10, policy_=LONG, client=shop.temporal)
    # Half of it comes in time.
    await buying.deliver(SHIRT=6)
    await buying.until(lambda p: p.status is PurchaseStatus.PARTLY_RECEIVED)
    assert not (await buying.purchase()).late
    await time_skipper.fast_forward(buying.handle, timedelta(days=12))
    letter = await buying.until_letter("reminder.1")
    assert letter["Subject"].startswith("Reminder: purchase order")
    [attachment] = letter.iter_attachments()
    [row] = csv.DictReader(io.StringIO(attachment.get_content()))
    assert row["quantity"] == "6"
    await buying.asks_for_help("purchase_late")
    assert (await buying.purchase()).late
    await time_skipper.fast_forward(buying.handle, timedelta(days=7))
    await buying.until_letter("reminder.3")
    assert "reminder.4" not in buying.letters()
    await buying.deliver(SHIRT=6)
    await buying.finished()
    assert not (await buying.purchase()).late
    assert await buying.attention() == []


async def test_another_day_ends_the_lateness_until_it_has_passed_too(
    shop: Shop, time_skipper: TimeSkipper
) -> None:
    buying = await sent(shop, {"SHIRT": 12}, days=1, policy_=LONG)
    await time_skipper.fast_forward(buying.handle, timedelta(days=3))
    await buying.until_letter("reminder.1")
    await buying.asks_for_help("purchase_late")
    await buying.reschedule(30)
    await buying.asks_for_help()
    purchase = await buying.until(lambda p: not p.late)
    assert purchase.reminders == 0
    await time_skipper.fast_forward(buying.handle, timedelta(days=20))
    assert "reminder.2" not in buying.letters()
    await time_skipper.fast_forward(buying.handle, timedelta(days=10))
    await buying.until_letter("reminder.2")


async def test_an_operator_may_cancel_it_in_the_temporal_ui(shop: Shop) -> None:
    buying = await sent(shop, {"SHIRT": 12})
    await buying.handle.cancel()
    await buying.finished()
    assert (await buying.purchase()).status is PurchaseStatus.CANCELED


async def test_an_operator_cannot_cancel_what_came_in_part(shop: Shop) -> None:
    buying = await sent(shop, {"SHIRT": 12})
    await buying.deliver(SHIRT=5)
    await buying.until(lambda p: p.status is PurchaseStatus.PARTLY_RECEIVED)
    await buying.handle.cancel()

    async def refused() -> bool:
        return "cancel_refused" in await buying.events()

    await eventually(refused)
    assert (await buying.close()).status == "closed"
    await buying.finished()


async def test_no_history_names_a_person(shop: Shop) -> None:
    buying = await sent(shop, {"SHIRT": 12})
    await buying.cancel()
    await buying.finished()
    history = (await buying.handle.fetch_history()).to_json()
    assert "supplier.example" not in history
    assert "Acme" not in history
