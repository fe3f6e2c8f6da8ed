"""What a cancellation costs is kept of the money: no more than there is, and from nobody else."""

import json

import pytest

from domain.phase import Actor, Phase
from domain.states import OrderStatus
from tests.workflows import mishaps, witness
from tests.workflows.life import Life
from tests.workflows.shop import Shop

PRICE, FEE = 60_000, 5_000


async def costs(shop: Shop, *phases: Phase, fee: int = FEE, currency: str = "TRY") -> None:
    """Canceling costs this in these phases, whoever asks."""
    await shop.pool.execute(
        "UPDATE cancel_policies SET allowed = true, fee = $1, currency = $2"
        " WHERE phase = ANY($3::text[])",
        fee,
        currency,
        list(phases),
    )


async def confirmed(shop: Shop, **options: object) -> Life:
    await shop.stock("SHIRT", 5)
    life = await shop.place([("SHIRT", 2, PRICE)], **options)  # type: ignore[arg-type]
    await life.until(lambda o: o.status is OrderStatus.CONFIRMED and o.fulfillment_orders)
    return life


async def kept(life: Life) -> int:
    """What is kept by the books: of the order, in its mail, in its timeline; all the same."""
    pool = life.shop.pool
    in_order = await pool.fetchval("SELECT cancel_fee FROM orders WHERE id = $1", life.order_id)
    mail = await pool.fetchval(
        "SELECT data FROM notifications WHERE order_id = $1 AND milestone = 'canceled'"
        " AND subject = ''",
        life.order_id,
    )
    data = json.loads(mail) if isinstance(mail, str) else mail
    assert data.get("fee", 0) == in_order
    order = await life.order()
    assert order.settled
    assert order.kept == in_order
    return int(in_order)


@pytest.mark.parametrize("actor", Actor)
async def test_the_fee_is_taken_of_what_is_reserved(shop: Shop, actor: Actor) -> None:
    await costs(shop, Phase.BEFORE_PICKING)
    life = await confirmed(shop)
    await life.second_thoughts(actor)
    await life.finished()
    assert await life.axes() == ("canceled", "paid", "unfulfilled", "no_return")
    assert await life.at_provider() == [("captured", FEE, 0)]
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (5, 0)}
    assert await kept(life) == FEE


async def test_the_fee_is_kept_of_what_was_taken(shop: Shop) -> None:
    await costs(shop, Phase.BEFORE_PICKING)
    life = await confirmed(shop, capture="immediate")
    await life.second_thoughts()
    await life.finished()
    assert await life.axes() == ("canceled", "partially_refunded", "unfulfilled", "no_return")
    assert await life.at_provider() == [("captured", PRICE, PRICE - FEE)]
    assert await kept(life) == FEE


async def test_no_more_is_kept_than_there_is(shop: Shop) -> None:
    await costs(shop, Phase.BEFORE_PICKING, fee=PRICE * 2)
    life = await confirmed(
        shop,
        tenders=[
            ("card", "immediate", "tok_visa", 20_000),
            ("card", "on_shipment", "tok_visa", 40_000),
        ],
    )
    await life.second_thoughts()
    await life.finished()
    assert sorted(await life.at_provider()) == [
        ("captured", 20_000, 0),
        ("captured", 40_000, 0),
    ]
    assert await kept(life) == PRICE


async def test_the_first_tender_brings_the_fee_and_the_others_go_back(shop: Shop) -> None:
    await costs(shop, Phase.BEFORE_PICKING)
    life = await confirmed(
        shop,
        tenders=[
            ("card", "on_shipment", "tok_visa", 20_000),
            ("card", "immediate", "tok_visa", 40_000),
        ],
    )
    await life.second_thoughts()
    await life.finished()
    assert sorted(await life.at_provider()) == [
        ("captured", FEE, 0),
        ("captured", 40_000, 40_000),
    ]
    assert await kept(life) == FEE


async def test_a_fee_that_the_provider_refuses_is_let_off(shop: Shop) -> None:
    await costs(shop, Phase.BEFORE_PICKING)
    life = await confirmed(shop, token="tok_capture_fails")
    await life.second_thoughts()
    await life.finished()
    assert await life.axes() == ("canceled", "voided", "unfulfilled", "no_return")
    assert [captured for _, captured, _ in await life.at_provider()] == [0]
    assert await kept(life) == 0


async def test_cash_that_nobody_brought_yet_is_not_kept(shop: Shop) -> None:
    await costs(shop, Phase.BEFORE_PICKING)
    life = await confirmed(shop, method="cash_on_delivery", token=None)
    await life.second_thoughts()
    await life.finished()
    assert (await life.order()).captured == 0
    assert await kept(life) == 0


async def test_a_fee_in_another_currency_is_none(shop: Shop) -> None:
    await costs(shop, Phase.BEFORE_PICKING, currency="EUR")
    life = await confirmed(shop)
    await life.second_thoughts()
    await life.finished()
    assert await life.axes() == ("canceled", "voided", "unfulfilled", "no_return")
    assert await kept(life) == 0


async def test_a_stopped_parcel_costs_the_fee_when_it_is_back(shop: Shop) -> None:
    await costs(shop, Phase.HANDED_OVER)
    life = await confirmed(shop)
    parcel = await life.send()
    await life.until(lambda o: o.captured == PRICE)
    await life.second_thoughts()
    await life.receive_back(parcel, restock=2)
    await life.finished()
    assert await life.axes() == ("canceled", "partially_refunded", "unfulfilled", "no_return")
    assert await life.at_provider() == [("captured", PRICE, PRICE - FEE)]
    assert await kept(life) == FEE


async def test_a_stopped_parcel_that_gets_lost_costs_nothing(shop: Shop) -> None:
    await costs(shop, Phase.HANDED_OVER, Phase.BEFORE_PICKING)
    life = await confirmed(shop)
    parcel = await life.send()
    await life.until(lambda o: o.captured == PRICE)
    await life.second_thoughts()
    await life.scan(parcel, "lost")
    await life.finished()
    assert await life.at_provider() == [("captured", PRICE, PRICE)]
    assert len(await mishaps.claims(life)) == 1
    assert await kept(life) == 0


async def test_the_shop_that_has_no_goods_keeps_nothing(shop: Shop) -> None:
    await costs(shop, *[phase for phase in Phase if phase is not Phase.BEFORE_PAYMENT])
    await shop.stock("SHIRT", 0)
    life = await shop.place([("SHIRT", 2, PRICE)], out_of_stock="cancel")
    await life.finished()
    assert (await life.axes())[:2] == ("canceled", "voided")
    assert await kept(life) == 0
