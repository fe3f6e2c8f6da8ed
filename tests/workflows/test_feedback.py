"""Customers are asked once how it was, some time after everything has arrived."""

from datetime import timedelta

from db import voices
from db.new_ids import new_id
from tests.workflows import witness
from tests.workflows.life import Life, eventually
from tests.workflows.shop import Shop

PRICE = 30_000


async def arrived(shop: Shop) -> Life:
    """A completed order."""
    await shop.stock("SHIRT", 5)
    life = await shop.place([("SHIRT", 1, PRICE)])
    await life.deliver(await life.send())
    await life.finished()
    return life


async def asking(shop: Shop, after: timedelta) -> None:
    """The shop asks from now on."""
    shop.feedback_after = after
    await shop.close()
    await shop.open()


async def asked(life: Life) -> bool:
    return ("feedback_request", "sent") in await witness.told(life)


async def test_a_customer_is_asked_once_and_the_closed_order_stays_as_it_is(shop: Shop) -> None:
    life = await arrived(shop)
    await asking(shop, timedelta(milliseconds=1))
    await eventually(lambda: asked(life))
    await asking(shop, timedelta(milliseconds=2))
    another = await arrived(shop)
    await eventually(lambda: asked(another))
    told = [milestone for milestone, _ in await witness.told(life)]
    assert told.count("feedback_request") == 1
    assert await life.axes() == ("completed", "paid", "delivered", "no_return")


async def test_who_spoke_was_delivered_long_ago_or_is_not_due_is_not_asked(shop: Shop) -> None:
    spoke, long_ago, fresh = [await arrived(shop) for _ in range(3)]
    async with shop.pool.acquire() as conn, conn.transaction():
        said = voices.Feedback(new_id("fbk"), "", 5, None, None, None)
        await voices.add_feedback(conn, spoke.order_id, said, actor="customer", role="customer")
        for life, days in ((spoke, 2), (long_ago, 9)):
            await conn.execute(
                "UPDATE orders SET delivered_at = now() - $2::interval WHERE id = $1",
                life.order_id,
                timedelta(days=days),
            )
        assert await voices.claim_unasked(conn, 86_400, 10) == []
        await conn.execute(
            "UPDATE orders SET delivered_at = now() - interval '1 day' WHERE id = $1",
            fresh.order_id,
        )
        assert await voices.claim_unasked(conn, 86_400, 10) == [fresh.order_id]
        assert await voices.claim_unasked(conn, 86_400, 10) == []
