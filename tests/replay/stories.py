"""Lives of orders, purchase orders and returns whose histories are kept: each another way."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from temporalio.client import WorkflowHandle

from db import closings, substitutes
from domain.return_rules import CARRIER, DROP_OFF, Decides
from domain.returns import Disposition
from domain.states import OrderStatus, PurchaseStatus, ReturnStage
from tests.workflows.buying import QUICK, SUPPLIER, Buying, draft, sent
from tests.workflows.faults import down
from tests.workflows.life import Life
from tests.workflows.sending_back import sent_back
from tests.workflows.shop import Shop
from workflows.messages import ExpectedSignal

PRICE = 60_000


async def _confirmed(life: Life) -> Life:
    await life.until(lambda o: o.status is OrderStatus.CONFIRMED)
    return life


async def paid_by_card_in_one_parcel(shop: Shop) -> Life:
    """The common life."""
    life = await shop.place([("SHIRT", 2, PRICE)], shipping=4_990)
    await life.deliver(await life.send())
    return life


async def split_over_two_warehouses(shop: Shop) -> Life:
    """Two parcels, two captures, a voucher beside the card, and a delay on the way."""
    tenders = [
        ("voucher", "on_shipment", "tok_visa", 20_000),
        ("card", "on_shipment", "tok_visa", 40_000),
    ]
    life = await _confirmed(await shop.place([("SPLIT", 3, PRICE)], tenders=tenders))
    first = await life.send(0)
    second = await life.send(1)
    await life.scan(second, "delayed")
    await life.until_types("parcel_trouble")
    await life.deliver(first, second)
    return life


async def refused_card_then_confirmed_one(shop: Shop) -> Life:
    """A declined card, then one that the customer confirms at the bank."""
    life = await shop.place([("SHIRT", 1, PRICE)], token="tok_declined", capture="immediate")
    await life.asks_for_help("payment_failed")
    await life.pay(PRICE, "tok_3ds")
    await life.until_types("payment_action_required")
    await life.customer("succeed", 1)
    await life.deliver(await life.send())
    return life


async def waited_for_stock(shop: Shop) -> Life:
    """Sent in two parts, the second after a receipt."""
    life = await shop.place([("RARE", 2, PRICE)], ship="in_parts")
    await life.asks_for_help("waiting_for_stock")
    first = await life.send()
    await shop.receive("RARE", 1)
    await life.until(lambda o: len(o.fulfillment_orders) == 2)
    second = await life.send(1)
    await life.deliver(first, second)
    return life


async def held_and_short_picked(shop: Shop) -> Life:
    """Held and released, a unit not found and sent from elsewhere."""
    life = await _confirmed(await shop.place([("SPLIT", 2, PRICE)]))
    await life.release(await life.hold())
    await life.pick(1, short="not_found")
    await life.until(lambda o: len(o.fulfillment_orders) == 2)
    await life.deliver(await life.send(0), await life.send(1))
    return life


async def canceled_with_a_label(shop: Shop) -> Life:
    """Everything is undone: the parcel, its label, the stock, the authorization."""
    life = await _confirmed(await shop.place([("SHIRT", 2, PRICE)]))
    await life.pack()
    await life.until_types("label_purchased")
    await life.cancel()
    return life


async def some_units_refunded(shop: Shop) -> Life:
    """A unit is canceled after the money was taken."""
    life = await _confirmed(await shop.place([("SHIRT", 3, PRICE)], capture="immediate"))
    await life.cancel_units(1)
    await life.deliver(await life.send())
    return life


async def expired_without_payment(shop: Shop) -> Life:
    """Reminded, and given up."""
    policy = shop.policy
    shop.policy = replace(policy, payment_reminder=0.5, payment_expiry=2)
    life = await shop.place([("SHIRT", 1, PRICE)], token="tok_3ds")
    shop.policy = policy
    return life


async def paid_after_the_provider_came_back(shop: Shop) -> Life:
    """A call that keeps failing asks for help, and is tried again."""
    async with down(shop.sandbox):
        life = await shop.place([("SHIRT", 1, PRICE)])
        await life.asks_for_help("payment_provider_failing")
    await life.deliver(await life.send())
    return life


async def renewed_when_the_goods_left(shop: Shop) -> Life:
    """The authorization ran out before the hand-over."""
    life = await _confirmed(await shop.place([("SHIRT", 1, PRICE)], token="tok_expires"))
    await life.run_out()
    await life.asks_for_help("authorization_expired")
    await life.deliver(await life.send())
    return life


async def canceled_after_the_parcel_was_lost(shop: Shop) -> Life:
    """The money goes back, the goods do not."""
    life = await _confirmed(await shop.place([("SHIRT", 1, PRICE)]))
    parcel = await life.send()
    await life.scan(parcel, "lost")
    await life.asks_for_help("parcel_lost")
    await life.cancel()
    return life


async def lost_and_sent_again(shop: Shop) -> Life:
    """A person has more patience first, then the units leave a second time; the first arrives."""
    life = await _confirmed(await shop.place([("SHIRT", 2, PRICE)]))
    parcel = await life.send()
    await life.scan(parcel, "in_transit")
    await life.scan(parcel, "delayed")
    await life.until_types("parcel_trouble")
    await life.scan(parcel, "lost")
    await life.asks_for_help("parcel_lost")
    await life.resolve(parcel, "wait", 3_600)
    await life.resolve(parcel, "replace", event=2)
    await life.hear(parcel, "delivered")
    await life.asks_for_help("delivered_after_all")
    await life.deliver(await life.send(1))
    return life


async def came_back_and_paid_back(shop: Shop) -> Life:
    """One of two parcels comes back, and its money goes back."""
    life = await _confirmed(await shop.place([("SHIRT", 3, PRICE)], shipping=500))
    [first] = await life.pack(quantity=1)
    await life.ship()
    second = await life.send()
    await life.until(lambda o: o.captured == PRICE + 500)
    await life.scan(first, "return_to_sender")
    await life.asks_for_help("parcel_returned")
    await life.receive_back(first, restock=1)
    await life.until_types("refund_succeeded")
    await life.deliver(second)
    return life


async def came_back_in_three_parts(shop: Shop) -> Life:
    """Each part that turns up is paid back, the last ends the order."""
    life = await _confirmed(await shop.place([("SHIRT", 3, PRICE)]))
    parcel = await life.send()
    await life.until(lambda o: o.captured == PRICE)
    for part in range(1, 3):
        await life.receive_back(parcel, restock=1)
        await life.until_types("refund_succeeded", part)
    await life.receive_back(parcel, restock=1)
    return life


async def stopped_on_its_way(shop: Shop) -> Life:
    """Canceled when a part has left: the rest goes back at once, what left when it is back."""
    life = await _confirmed(await shop.place([("SHIRT", 2, PRICE)]))
    [first] = await life.pack(quantity=1)
    await life.ship()
    await life.pack(quantity=1)
    await life.until_types("label_purchased", 2)
    await life.second_thoughts()
    await life.receive_back(first, restock=1)
    return life


async def bought_late_and_in_parts(shop: Shop) -> Buying:
    """The supplier is reminded, names another day, brings a part, and the rest will not come."""
    policy = replace(QUICK, chase_interval=0.5)
    buying = await sent(shop, {"SHIRT": 12, "SOCKS": 5}, days=-2, policy_=policy)
    await buying.until_letter("reminder.2")
    await buying.reschedule(20)
    await buying.asks_for_help()
    await buying.deliver(SHIRT=12, SOCKS=3)
    await buying.until(lambda p: p.status is PurchaseStatus.PARTLY_RECEIVED)
    await buying.close()
    return buying


async def bought_and_canceled(shop: Shop) -> Buying:
    """An address that does not exist, then the right one, then second thoughts."""
    buying = await draft(shop, {"SHIRT": 12}, email="nobody")
    await buying.approve()
    await buying.send()
    await buying.asks_for_help("supplier_mail_failed")
    await shop.pool.execute("UPDATE suppliers SET email = $1", SUPPLIER)
    await buying.send()
    await buying.cancel()
    return buying


class Lived(Protocol):
    """What was lived: its workflow, and how to wait for its end."""

    @property
    def handle(self) -> WorkflowHandle[Any, Any]:
        """Its workflow."""
        ...

    async def finished(self) -> object:
        """Wait for its end."""
        ...


async def _may_be_replaced(shop: Shop, sku: str, other: str) -> None:
    async with shop.pool.acquire() as conn, conn.transaction():
        await substitutes.put(conn, sku, [(other, None)])


async def took_a_substitute_for_a_part(shop: Shop) -> Life:
    """One substitute is refused, another accepted; the line is cut."""
    await _may_be_replaced(shop, "SCARCE", "SHIRT")
    lines = [("SCARCE", 3, PRICE), ("GONE", 1, PRICE)]
    await _may_be_replaced(shop, "GONE", "SHIRT")
    life = await shop.place(lines, out_of_stock="substitute", ship="in_parts")
    await life.offered(2)
    order = await life.order()
    part, whole = (next(o for o in order.offers if o.line_id == line.id) for line in order.lines)
    await life.answer(whole.id, accept=False)
    await life.answer(part.id, accept=True)
    await life.leave()
    order = await life.order()
    parcels = [await life.send(i) for i, work in enumerate(order.fulfillment_orders) if work.live]
    await life.deliver(*parcels)
    return life


async def lost_an_offer_and_left_the_queue(shop: Shop) -> Life:
    """Nobody answers for the substitute, its units are given up, the rest is sent."""
    await _may_be_replaced(shop, "MISSED", "SHIRT")
    policy = shop.policy
    shop.policy = replace(policy, substitute_offer=0.5, substitute_refused="cancel_lines")
    lines = [("MISSED", 1, PRICE), ("NOWHERE", 2, PRICE), ("SHIRT", 1, PRICE)]
    life = await shop.place(lines, policies={"MISSED": "substitute"}, capture="immediate")
    shop.policy = policy
    await life.until(lambda o: o.lines[0].canceled)
    await life.leave(0, 1)
    await life.leave(event=2)
    await life.deliver(await life.send())
    return life


async def moved_from_a_closed_warehouse(shop: Shop) -> Life:
    """Its warehouse closes, another takes over; its day moves while it waits for the rest."""
    await shop.receive("MOVED", 2, "EAST")
    await shop.receive("MOVED", 1, "WEST")
    life = await _confirmed(await shop.place([("MOVED", 2, PRICE)], ship="in_parts"))
    async with shop.pool.acquire() as conn, conn.transaction():
        await closings.close(conn, "EAST", "flood", "recorder")
    await life.asks_for_help("waiting_for_stock")
    line = (await life.order()).lines[0].id
    await life.handle.signal("expected_moved", ExpectedSignal("2030-05-17", "exp_1", [line]))
    await life.until_types("expected_date_moved")
    async with shop.pool.acquire() as conn, conn.transaction():
        await closings.reopen(conn, "EAST", "recorder")
    await life.until(lambda o: len(o.fulfillment_orders) == 3)
    await life.deliver(await life.send(1), await life.send(2))
    return life


async def sent_back_in_two_parcels(shop: Shop) -> Lived:
    """A return with a label: a part and the rest, one unit scrapped, one back on the shelf."""
    life = await paid_by_card_in_one_parcel(shop)
    await life.finished()
    sending = await sent_back(shop, life, Decides.APPROVE, CARRIER, 2)
    await sending.until(ReturnStage.APPROVED, label=True)
    await sending.receive(1)
    await sending.inspect(1, Disposition.SCRAP)
    await sending.receive(1)
    await sending.inspect(1, Disposition.RESTOCK)
    return sending


async def wanted_back_and_declined(shop: Shop) -> Lived:
    """A return that a person declines."""
    life = await paid_by_card_in_one_parcel(shop)
    await life.finished()
    sending = await sent_back(shop, life, Decides.ASK_PERSON, DROP_OFF, 1)
    await life.until_types("return_decision_needed")
    await sending.ask("decline", "worn")
    return sending


async def rejected_and_sent_back(shop: Shop) -> Lived:
    """One unit of a return is paid back, the other goes back to the customer by a label."""
    life = await paid_by_card_in_one_parcel(shop)
    await life.finished()
    sending = await sent_back(shop, life, Decides.APPROVE, CARRIER, 2)
    await sending.until(ReturnStage.APPROVED, label=True)
    await sending.receive(2)
    await sending.inspect(1, Disposition.RESTOCK)
    await sending.inspect(1, Disposition.REJECT)
    return sending


async def canceled_for_a_fee(shop: Shop) -> Life:
    """The fee is captured of what is reserved."""
    await shop.pool.execute(
        "UPDATE cancel_policies SET fee = 1000, currency = 'TRY' WHERE phase = 'before_picking'"
    )
    life = await _confirmed(await shop.place([("SHIRT", 1, PRICE)]))
    await life.second_thoughts()
    return life


STORIES: Mapping[str, Callable[[Shop], Awaitable[Lived]]] = {
    story.__name__: story
    for story in (
        paid_by_card_in_one_parcel,
        split_over_two_warehouses,
        refused_card_then_confirmed_one,
        waited_for_stock,
        held_and_short_picked,
        canceled_with_a_label,
        some_units_refunded,
        expired_without_payment,
        paid_after_the_provider_came_back,
        renewed_when_the_goods_left,
        canceled_after_the_parcel_was_lost,
        lost_and_sent_again,
        came_back_and_paid_back,
        came_back_in_three_parts,
        stopped_on_its_way,
        bought_late_and_in_parts,
        bought_and_canceled,
        took_a_substitute_for_a_part,
        lost_an_offer_and_left_the_queue,
        moved_from_a_closed_warehouse,
        sent_back_in_two_parcels,
        wanted_back_and_declined,
        rejected_and_sent_back,
        canceled_for_a_fee,
    )
}


async def stock_the_shelves(shop: Shop) -> None:
    """What the stories sell."""
    await shop.stock("SHIRT", 100)
    await shop.stock("SPLIT", 2, "EAST")
    await shop.stock("SPLIT", 1, "WEST")
    await shop.stock("SPLIT", 2, "NORTH")
    await shop.stock("RARE", 1)
    await shop.stock("SCARCE", 1)
    for sku in ("GONE", "MISSED", "NOWHERE"):
        await shop.stock(sku, 0)
