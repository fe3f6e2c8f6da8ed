"""Orders are edited until they are packed: goods, money and addresses follow, once."""

import asyncio
from typing import Any

from db import edits, intake, orders
from db.new_ids import new_id
from domain.states import OrderStatus
from tests.workflows import witness
from tests.workflows.life import SUPPORT, Life
from tests.workflows.shop import Shop
from workflows.messages import EditRequest, Outcome, ShipRequest

PRICE = 10_000
ADDRESS = {
    "name": "Ayşe Yılmaz",
    "line1": "Bağdat Cad. 9",
    "city": "Ankara",
    "postal_code": "06420",
    "country": "TR",
}
NOTHING: dict[str, Any] = {
    "reason": "customer_request",
    "lines": {},
    "add": [],
    "delivery": None,
    "shipping_address": False,
    "billing_address": False,
    "moves": False,
    "pays": False,
}


async def wanted(
    life: Life, *, pay: int = 0, version: int | None = None, address: Any = None, **changes: Any
) -> EditRequest:
    """An edit as the API writes it before it asks; `pay` is the amount of its tender."""
    edit_id, payment_id = new_id("edt"), ""
    stored = NOTHING | {"pays": pay > 0} | changes
    if address:
        stored |= {"shipping_address": True, "moves": True}
    async with life.shop.pool.acquire() as conn, conn.transaction():
        await orders.lock(conn, life.order_id)
        contact = {"shipping_address": address} if address else {}
        await edits.add(conn, edit_id, life.order_id, stored, contact)
        if pay:
            payment_id = new_id("pay")
            tender = intake.NewTender(
                payment_id, "card", "sandbox", "tok_visa", "on_shipment", 1, pay
            )
            await intake.add_tender(conn, life.order_id, tender)
        seen = (await orders.load(conn, life.order_id)).version
    return EditRequest(SUPPORT, edit_id, version or seen, payment_id)


async def edit(life: Life, **changes: Any) -> Outcome:
    return await life.ask("edit", await wanted(life, **changes))


async def confirmed(shop: Shop, quantity: int = 2, **options: Any) -> Life:
    life = await shop.place([("SHIRT", quantity, quantity * PRICE)], **options)
    await life.until(lambda o: o.status is OrderStatus.CONFIRMED and o.fulfillment_orders)
    return life


async def delivered(life: Life, *works: int) -> None:
    for index in works or (0,):
        await life.deliver(await life.send(index))
    await life.finished()


async def line_id(life: Life) -> str:
    return (await life.order()).lines[0].id


def mug(quantity: int = 1, price: int = 5_000) -> dict[str, Any]:
    return {
        "sku": "MUG",
        "name": "Mug",
        "quantity": quantity,
        "unit_price": price,
        "tax_rate_bp": 2_000,
        "out_of_stock": None,
    }


async def test_fewer_units_are_captured_for_less(shop: Shop) -> None:
    await shop.stock("SHIRT", 5)
    life = await confirmed(shop, 3)
    await edit(life, lines={await line_id(life): 1})
    await delivered(life)
    assert await life.at_provider() == [("captured", PRICE, 0)]
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (4, 0)}
    assert ("order_changed", "sent") in await witness.told(life)
    [event] = [e for e in await life.events() if e["type"] == "edit_applied"]
    assert event["data"]["difference"] == -2 * PRICE
    await witness.compare_all_books(shop)


async def test_fewer_units_of_what_was_taken_at_once_are_refunded(shop: Shop) -> None:
    await shop.stock("SHIRT", 5)
    life = await confirmed(shop, 2, capture="immediate")
    await edit(life, lines={await line_id(life): 1})
    await life.until(lambda o: o.refunded == PRICE)
    await delivered(life)
    assert await life.at_provider() == [("captured", 2 * PRICE, PRICE)]
    await witness.compare_all_books(shop)


async def test_more_units_and_another_line_are_paid_by_the_tender_of_the_edit(shop: Shop) -> None:
    await shop.stock("SHIRT", 5)
    await shop.stock("MUG", 5)
    life = await confirmed(shop)
    await edit(life, lines={await line_id(life): 3}, add=[mug()], pay=PRICE + 5_000)
    order = await life.until(lambda o: o.covered and len(o.fulfillment_orders) == 2)
    assert [(x.sku, x.quantity, x.total) for x in order.lines] == [
        ("SHIRT", 2, 2 * PRICE),
        ("SHIRT", 1, PRICE),
        ("MUG", 1, 5_000),
    ]
    assert order.grand_total == sum(line.total for line in order.lines)
    await delivered(life, 0, 1)
    assert sorted(p[:2] for p in await life.at_provider()) == [
        ("captured", PRICE + 5_000),
        ("captured", 2 * PRICE),
    ]
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (2, 0)}
    assert await life.axes() == ("completed", "paid", "delivered", "no_return")
    await witness.compare_all_books(shop)


async def test_what_is_not_paid_for_asks_for_a_payment_and_does_not_leave(shop: Shop) -> None:
    await shop.stock("SHIRT", 5)
    life = await confirmed(shop)
    await edit(life, lines={await line_id(life): 3})
    await life.asks_for_help("payment_missing")
    await life.pack(0)
    work = (await life.order()).fulfillment_orders[0]
    assert await life.refused("ship", ShipRequest(SUPPORT, work.id)) == "payment_missing"
    await life.pay(PRICE)
    await life.until(lambda o: o.covered)
    await life.asks_for_help()
    await life.deliver(*await life.ship(0))
    await delivered(life, 1)
    assert await life.axes() == ("completed", "paid", "delivered", "no_return")


async def test_another_address_and_delivery_find_their_source_anew(shop: Shop) -> None:
    await shop.stock("SHIRT", 5)
    life = await confirmed(shop, shipping=1_000)
    await life.pick(1)
    delivery = {"option": "express", "price": 500, "tax_rate_bp": 0}
    await edit(life, address=ADDRESS, delivery=delivery)
    order = await life.until(lambda o: len(o.fulfillment_orders) == 2)
    assert [w.status for w in order.fulfillment_orders] == ["cancelled", "open"]
    assert (order.shipping_option, order.payable) == ("express", 2 * PRICE + 500)
    row = await shop.pool.fetchrow(
        "SELECT c.shipping_address, e.contact, e.status FROM order_contacts c"
        " JOIN order_edits e USING (order_id) WHERE order_id = $1",
        life.order_id,
    )
    assert row is not None
    assert tuple(row) == (ADDRESS, None, "applied")
    await delivered(life, 1)
    assert await life.at_provider() == [("captured", 2 * PRICE + 500, 0)]
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (3, 0)}
    # Histories and timeline name neither the old nor the new address.
    assert "Bağdat" not in str(await life.events())
    await witness.compare_all_books(shop)


async def given_up(life: Life) -> None:
    """Refused edits are ended, as the API does it."""
    await life.shop.pool.execute(
        "UPDATE order_edits SET status = 'refused', contact = NULL, ended_at = now()"
        " WHERE status = 'requested'"
    )


async def test_what_is_packed_stays_as_it_is(shop: Shop) -> None:
    await shop.stock("SHIRT", 5)
    life = await confirmed(shop, 3)
    await life.pack(quantity=2)
    # Its label moves the version on.
    await life.until_types("label_purchased")
    line = await line_id(life)
    assert await life.refused("edit", await wanted(life, lines={line: 1})) == "already_packed"
    await given_up(life)
    assert await life.refused("edit", await wanted(life, address=ADDRESS)) == "already_packed"
    await given_up(life)
    await edit(life, lines={line: 2})
    await life.deliver(*await life.ship())
    await life.finished()
    assert await life.at_provider() == [("captured", 2 * PRICE, 0)]


async def test_an_edit_of_an_older_version_or_beside_another_is_refused(shop: Shop) -> None:
    await shop.stock("SHIRT", 5)
    life = await confirmed(shop)
    line = await line_id(life)
    late = await wanted(life, lines={line: 1}, version=1)
    assert await life.refused("edit", late) == "version_conflict"
    # The first is still written down as open.
    assert await life.refused("edit", await wanted(life, lines={line: 1})) == "edit_in_progress"
    assert (await life.order()).lines[0].canceled == 0
    assert "edit_applied" not in await life.types()


async def test_an_edit_that_races_with_packing_comes_first_or_is_refused(shop: Shop) -> None:
    await shop.stock("SHIRT", 5)
    life = await confirmed(shop)
    request = await wanted(life, lines={await line_id(life): 1})
    packed, edited = await asyncio.gather(
        life.pack(), life.ask("edit", request), return_exceptions=True
    )
    assert isinstance(packed, BaseException) != isinstance(edited, BaseException)
    order = await life.order()
    assert order.lines[0].canceled == (0 if isinstance(edited, BaseException) else 1)


async def test_a_worker_that_dies_in_an_edit_does_it_once(shop: Shop) -> None:
    await shop.stock("SHIRT", 5)
    life = await confirmed(shop)
    request = await wanted(life, lines={await line_id(life): 3}, pay=PRICE)
    shop.accident.arm("apply_edit")
    asked = asyncio.create_task(life.ask("edit", request))
    await asyncio.wait_for(shop.accident.happened.wait(), 20)
    await shop.close()
    await shop.open()
    await asked
    order = await life.until(lambda o: o.covered and len(o.fulfillment_orders) == 2)
    assert [x.quantity for x in order.lines] == [2, 1]
    assert (await life.types()).count("edit_applied") == 1
    await delivered(life, 0, 1)
    assert sorted(p[:2] for p in await life.at_provider()) == [
        ("captured", PRICE),
        ("captured", 2 * PRICE),
    ]
    await witness.compare_all_books(shop)


async def test_an_order_that_waits_for_its_payment_can_be_edited(shop: Shop) -> None:
    await shop.stock("SHIRT", 5)
    life = await shop.place([("SHIRT", 2, 2 * PRICE)], token="tok_declined")
    await life.asks_for_help("payment_failed")
    await edit(life, lines={await line_id(life): 1})
    await life.pay(PRICE)
    await life.until(lambda o: o.status is OrderStatus.CONFIRMED and o.fulfillment_orders)
    await delivered(life)
    assert [p for p in await life.at_provider() if p[0] == "captured"] == [("captured", PRICE, 0)]


async def test_an_order_that_ships_complete_waits_for_a_line_that_was_added_without_stock(
    shop: Shop,
) -> None:
    await shop.stock("SHIRT", 5)
    await shop.stock("MUG", 0)
    life = await confirmed(shop, ship="complete")
    [parcel] = await life.pack()
    # Its label is another version of the order.
    await life.until_types("label_purchased")
    await edit(life, add=[mug()], pay=5_000)
    await life.until(lambda o: o.waits_for_stock and o.covered)
    [work] = (await life.order()).fulfillment_orders
    assert await life.refused("ship", ShipRequest(SUPPORT, work.id)) == "not_complete"
    assert (await life.order()).shipped_units == 0
    await shop.receive("MUG", 1)
    await life.until(lambda o: not o.waits_for_stock and len(o.fulfillment_orders) == 2)
    await life.ship()
    await life.deliver(parcel, await life.send(1))
    await life.finished()
    assert await life.axes() == ("completed", "paid", "delivered", "no_return")


async def test_an_added_line_that_is_given_up_lets_the_rest_leave(shop: Shop) -> None:
    await shop.stock("SHIRT", 5)
    await shop.stock("MUG", 0)
    life = await confirmed(shop, ship="complete")
    await edit(life, add=[mug()], pay=5_000)
    await life.until(lambda o: o.waits_for_stock and o.covered)
    await life.cancel_units(0, 1)
    await delivered(life)
    assert await life.axes() == ("completed", "paid", "delivered", "no_return")
