"""Workers die, the database refuses, mail is away: every order ends right, and once."""

import asyncio

from domain.states import OrderStatus
from tests.workflows import witness
from tests.workflows.life import Life
from tests.workflows.shop import Shop
from workflows.messages import Policy

PRICE = 59_800


async def another_worker_takes_over(shop: Shop) -> None:
    """The worker dies in the middle of the step, and another one starts."""
    await asyncio.wait_for(shop.accident.happened.wait(), 20)
    await shop.close()
    await shop.open()


async def test_a_step_that_the_database_refuses_waits_for_a_person(shop: Shop) -> None:
    shop.policy = Policy(return_window=0.2, step_retry_interval=60)
    await shop.stock("SHIRT", 5)
    life = await shop.place([("SHIRT", 2, PRICE)])
    await life.until(lambda o: o.status is OrderStatus.CONFIRMED)
    await shop.pool.execute("ALTER TABLE holds ADD CONSTRAINT broken CHECK (false)")
    holding = asyncio.create_task(life.hold())
    await life.asks_for_help("database_step_failed")
    assert (await life.order()).holds == []
    await shop.pool.execute("ALTER TABLE holds DROP CONSTRAINT broken")
    await life.retry("database_step_failed")
    await life.release(await holding)
    await life.asks_for_help()
    await life.deliver(await life.send())
    await life.finished()
    assert await life.axes() == ("completed", "paid", "delivered", "no_return")


async def test_mail_that_cannot_be_sent_holds_nothing_up(shop: Shop) -> None:
    # A file where the directory of the mails should be: none can be written.
    shop.mail_dir.write_text("not a directory")
    await shop.stock("SHIRT", 5)
    life = await shop.place([("SHIRT", 2, PRICE)])
    await life.deliver(await life.send())
    await life.until(lambda o: o.status is OrderStatus.COMPLETED)
    assert await life.axes() == ("completed", "paid", "delivered", "no_return")
    shop.mail_dir.unlink()
    await life.finished()
    assert {status for _, status in await witness.told(life)} == {"sent"}


async def test_an_order_without_an_address_is_told_to_nobody(shop: Shop) -> None:
    await shop.stock("SHIRT", 5)
    await shop.close()
    life = await shop.place([("SHIRT", 2, PRICE)])
    await shop.pool.execute("UPDATE order_contacts SET email = NULL")
    await shop.open()
    await life.deliver(await life.send())
    await life.finished()
    assert {status for _, status in await witness.told(life)} == {"skipped"}


async def test_a_request_that_meets_the_end_of_an_order_is_answered(shop: Shop) -> None:
    await shop.stock("SHIRT", 5)
    life = await shop.place([("SHIRT", 2, PRICE)])
    parcel = await life.send()
    await life.deliver(parcel)
    answers: list[str] = []
    while not answers or "order_closed" not in answers[-1]:
        answers.append(await refusal_or_end(life))
    assert set(answers) <= {"already_shipped", "order_closed", "order_closed: workflow is gone"}
    assert await life.axes() == ("completed", "paid", "delivered", "no_return")


async def refusal_or_end(life: Life) -> str:
    """What a cancellation is answered while the order ends."""
    answer = await life.asked_at_the_end()
    return answer or "order_closed: workflow is gone"


async def test_orders_placed_while_nobody_works_are_begun_later(shop: Shop) -> None:
    await shop.stock("SHIRT", 5)
    await shop.close()
    lives = [await shop.place([("SHIRT", 1, PRICE)], begin=False) for _ in range(3)]
    await shop.pool.execute("UPDATE outbox SET due_at = now()")
    await shop.open()
    for life in lives:
        await life.until(lambda o: o.status is OrderStatus.CONFIRMED)
    assert await shop.pool.fetchval("SELECT count(*) FROM outbox") == 0


async def test_a_request_that_meets_an_operators_refused_cancel_is_carried_out_once(
    shop: Shop,
) -> None:
    await shop.stock("SHIRT", 5)
    life = await shop.place([("SHIRT", 2, PRICE)])
    [first] = await life.pack(quantity=1)
    await life.ship()
    shop.accident.arm("record_parcels")
    packing = asyncio.create_task(life.pack())
    await asyncio.wait_for(shop.accident.happened.wait(), 20)
    await life.handle.cancel()
    await shop.close()
    await shop.open()
    [second] = await packing
    await life.until_types("cancel_refused")
    await life.ship()
    await life.deliver(first, second)
    await life.finished()
    assert await life.axes() == ("completed", "paid", "delivered", "no_return")
    assert len((await life.order()).shipments) == 2
