"""Money that was given or let off before, and what is owed still, when goods come back."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from domain.endings import Action, Event
from tests.api.orders import Shopfront, line, lira
from tests.workflows import mishaps, witness
from tests.workflows.goods_back import PRICE, SHIPPING, arrived
from tests.workflows.life import Life
from tests.workflows.shop import Shop
from tests.workflows.test_exchanges import Swap, at_bank, ends, free
from workflows.messages import Policy

ALL = PRICE + SHIPPING
UNIT = PRICE // 3
OPEN = Policy(return_window=60, step_retry_interval=0.5, step_attempts=2)


@pytest.fixture
def changes(changes: dict[str, Any]) -> dict[str, Any]:
    """Orders that the API places are closed soon."""
    return {**changes, "return_window": timedelta(seconds=0.2)}


@dataclass
class Office(Swap):
    """The counter of an order, with somebody who gives money back."""

    async def refund(self, units: int = 0, **sums: int) -> str:
        """Staff give money back: units of the first line, goodwill, shipping; the refund's id."""
        body: dict[str, Any] = {name: {"amount": n, "currency": "TRY"} for name, n in sums.items()}
        if units:
            body["lines"] = [{"line_id": await self.line(), "quantity": units}]
        path = f"/v1/orders/{self.life.order_id}/refunds"
        answer = await self.api.post(path, json={"reason": "damaged", **body})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def came(self, return_id: str, units: int, refund: int) -> dict[str, Any]:
        """Units are received and accepted, and so much goes back for them."""
        await self.receive(return_id, units, complete=True)
        await self.inspect(return_id, restock=units)
        done = await self.until(return_id, status="closed")
        assert done["refund"]["amount"] == refund
        return done

    async def unannounced(self, units: int) -> str:
        """Units stand at the dock that nobody announced; the return's id."""
        number = (await self.api.get(f"/v1/orders/{self.life.order_id}")).json()["number"]
        lines = [{"sku": "SHIRT", "quantity": units}]
        body = {"order_number": number, "lines": lines}
        answer = await self.api.post("/v1/returns/receive-unannounced", json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def only_refund(self) -> dict[str, Any]:
        """The refund that a return has opened."""
        found = (await self.api.get("/v1/refunds")).json()["items"]
        [one] = [refund for refund in found if refund["reason"] == "return"]
        return {name: value["amount"] for name, value in one.items() if isinstance(value, dict)}


@pytest.fixture
async def office(shop: Shop, api: httpx2.AsyncClient) -> Office:
    """Three shirts have arrived; the order is closed."""
    return Office(api, await arrived(shop, 3))


@pytest.mark.parametrize("goodwill", [1, 10_000])
async def test_goodwill_comes_off_what_a_return_of_all_brings(
    office: Office, goodwill: int
) -> None:
    return_id = await office.approved(3)
    await office.refund(goodwill=goodwill)
    await office.came(return_id, 3, ALL - goodwill)
    await at_bank(office.life, ALL, ALL)
    await office.life.until(lambda o: o.payment_status == "refunded")
    refund = await office.only_refund()
    assert refund["already_given"] == goodwill
    assert refund["amount"] == ALL - goodwill
    await witness.compare_all_books(office.life.shop)


async def test_a_second_return_brings_what_is_left_and_a_third_nothing(office: Office) -> None:
    await office.refund(goodwill=ALL - UNIT - 7_000)
    await office.came(await office.approved(1), 1, UNIT)
    await office.came(await office.approved(1), 1, 7_000)
    await office.came(await office.approved(1), 1, 0)
    await at_bank(office.life, ALL, ALL)
    assert (await office.life.axes())[3] == "returned"


async def test_what_was_let_off_is_not_paid_out(shop: Shop, api: httpx2.AsyncClient) -> None:
    first = Office(api, await arrived(shop, 1))
    return_id = await first.approved(1, exchange_sent="on_handover")
    _, new = await first.same(return_id)
    await first.receive(return_id)
    await free(new)
    await new.deliver(await new.send())
    await first.inspect(return_id, reject=1)
    await new.asks_for_help("payment_missing")
    answer = await api.post(f"/v1/orders/{new.order_id}/waive", json={"reason": "our_mistake"})
    assert answer.status_code == 200, answer.text
    await new.finished()
    second = Office(api, new)
    await second.came(await second.approved(), 1, 0)
    await at_bank(first.life, ALL, 0)


@pytest.mark.parametrize("looked_at", [False, True])
async def test_units_that_staff_paid_for_meanwhile_bring_nothing(
    office: Office, *, looked_at: bool
) -> None:
    return_id = await office.approved(2)
    await office.receive(return_id, 2)
    if looked_at:
        await office.inspect(return_id, reject=1)
    await office.refund(2)
    await office.inspect(return_id, restock=1 if looked_at else 2)
    done = await office.until(return_id, status="closed")
    assert done["refund"]["amount"] == 0
    await at_bank(office.life, ALL, 2 * UNIT)
    # One unit that nobody paid for is still with the customer.
    await office.came(await office.approved(1), 1, UNIT + SHIPPING)


async def test_a_refund_by_hand_counts_for_one_return_only(office: Office) -> None:
    one, two = await office.approved(1), await office.approved(1)
    await office.refund(1)
    await office.came(one, 1, 0)
    await office.came(two, 1, UNIT)
    await at_bank(office.life, ALL, 2 * UNIT)


async def test_units_that_staff_paid_for_before_stay_with_the_customer(office: Office) -> None:
    """They got the money for one that is damaged, and keep it; another one they do not want."""
    await office.refund(1)
    await office.came(await office.approved(1), 1, UNIT)
    await at_bank(office.life, ALL, 2 * UNIT)


async def test_what_was_paid_for_as_lost_and_comes_unannounced_brings_nothing(
    office: Office,
) -> None:
    lost = await office.approved(2)
    await office.call(lost, "cancel", reason="lost")
    await office.refund(2)
    return_id = await office.unannounced(2)
    await office.inspect(return_id, restock=2)
    done = await office.until(return_id, status="closed")
    assert done["refund"]["amount"] == 0
    await at_bank(office.life, ALL, 2 * UNIT)


async def test_the_delivery_is_given_back_when_staff_paid_for_the_last_unit(
    office: Office,
) -> None:
    return_id = await office.approved(3)
    await office.receive(return_id, 3)
    await office.refund(3)
    await office.inspect(return_id, restock=3)
    done = await office.until(return_id, status="closed")
    assert done["refund"]["amount"] == SHIPPING
    await at_bank(office.life, ALL, ALL)


@pytest.mark.parametrize("judged", ["before", "after"])
async def test_the_rest_of_a_return_can_be_given_up(office: Office, judged: str) -> None:
    return_id = await office.approved(3)
    path = f"/v1/returns/{return_id}/receive"
    assert await office.refused(path, {"complete": True}) == "nothing_received"
    await office.receive(return_id, 1)
    assert (await office.api.post(path, json={})).json()["errors"][0]["pointer"] == "/lines"
    if judged == "before":
        await office.inspect(return_id, restock=1)
    answer = await office.call(return_id, "receive", complete=True)
    assert answer["status"] == ("inspected" if judged == "before" else "received")
    if judged == "after":
        await office.inspect(return_id, restock=1)
    done = await office.until(return_id, status="closed")
    assert done["refund"]["amount"] == UNIT
    [told] = [e["data"] for e in done["events"] if e["type"] == "return_rest_missing"]
    assert told["missing"] == {await office.line(): 2}
    await office.came(await office.approved(2), 2, ALL - UNIT)


async def test_what_has_come_of_an_exchange_pays_when_the_rest_is_given_up(
    shop: Shop, office: Office
) -> None:
    return_id = await office.approved(2)
    await office.receive(return_id, 1)
    await office.inspect(return_id, restock=1)
    _, new = await office.boots(return_id, UNIT)
    await office.call(return_id, "receive", complete=True)
    await office.until(return_id, status="closed")
    await office.money("granted", UNIT, UNIT, UNIT)
    await free(new)
    await ends(shop, new, "completed", "paid", "delivered", "no_return")


async def test_after_the_last_receipt_an_exchange_is_promised_what_came(office: Office) -> None:
    return_id = await office.approved(2)
    await office.receive(return_id, 1, complete=True)
    answer = await office.api.post(f"/v1/returns/{return_id}/exchange", json=await office.again(2))
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_units")
    made, _ = await office.same(return_id)
    assert made["promised"]["amount"] == UNIT


async def test_goods_in_exchange_that_were_not_paid_end_what_is_owed_when_they_come_back(
    shop: Shop, api: httpx2.AsyncClient
) -> None:
    first = Office(api, await arrived(shop, 1))
    return_id = await first.approved(1, exchange_sent="on_handover")
    _, new = await first.same(return_id)
    await first.receive(return_id)
    await free(new)
    await new.deliver(await new.send())
    await new.until(lambda o: o.delivered_units == 1)
    await first.inspect(return_id, reject=1)
    await new.asks_for_help("payment_missing")
    second = Office(api, new)
    await second.came(await second.approved(), 1, 0)
    await new.finished()
    assert (await new.order()).settled
    refund = await second.only_refund()
    assert (refund["set_off"], refund["amount"], refund["goods"]) == (PRICE, 0, PRICE)
    await at_bank(first.life, ALL, 0)


async def test_goods_that_nobody_paid_end_what_is_owed_when_they_come_back(
    shop: Shop, api: httpx2.AsyncClient
) -> None:
    shop.policy = OPEN
    await shop.stock("SHIRT", 9)
    life = await shop.place([("SHIRT", 3, PRICE)], shipping=SHIPPING, token="tok_capture_fails")
    await life.deliver(await life.send())
    await life.until(lambda o: o.delivered_units == 3)
    await life.asks_for_help("capture_failed")
    office = Office(api, life)
    await office.came(await office.approved(1), 1, 0)
    assert (await life.order()).payable == ALL - UNIT
    await office.came(await office.approved(2), 2, 0)
    await office.attention()
    assert (await life.order()).settled
    assert await life.at_provider() == [("authorized", 0, 0)]


async def test_a_return_pays_first_what_the_order_still_owes(
    shop: Shop, api: httpx2.AsyncClient
) -> None:
    first = Office(api, await arrived(shop, 3))
    return_id = await first.approved(3, exchange_sent="on_handover")
    _, new = await first.same(return_id, 3)
    await first.receive(return_id, 3)
    await free(new)
    await new.deliver(await new.send())
    await new.until(lambda o: o.delivered_units == 3)
    await first.inspect(return_id, restock=1, reject=2)
    await new.asks_for_help("payment_missing")
    second = Office(api, new)
    await second.came(await second.approved(1), 1, 0)
    assert (await new.order()).payable == 2 * UNIT
    await second.came(await second.approved(1), 1, 0)
    await new.finished()
    await second.came(await second.approved(1), 1, UNIT)
    await at_bank(first.life, ALL, UNIT)


async def test_cash_is_collected_when_goods_are_at_the_dock_before_the_carriers_word(
    shop: Shop, api: httpx2.AsyncClient
) -> None:
    await shop.stock("SHIRT", 9)
    life = await shop.place(
        [("SHIRT", 3, PRICE)], shipping=SHIPPING, method="cash_on_delivery", token=None
    )
    await life.send()
    office = Office(api, life)
    return_id = await office.unannounced(2)
    await office.inspect(return_id, restock=2)
    assert (await office.until(return_id, status="closed"))["refund"]["amount"] == 2 * UNIT
    await life.finished()
    await office.came(await office.approved(1), 1, ALL - 2 * UNIT)
    await at_bank(life, ALL, ALL)


async def test_a_guest_gets_the_money_back_where_the_rule_gives_credit(
    shop: Shop, office: Office
) -> None:
    del shop
    return_id = await office.approved(1, refund_to="store_credit")
    await office.came(return_id, 1, UNIT)
    await at_bank(office.life, ALL, UNIT)


async def lost_and_sent_again(shop: Shop) -> Life:
    """One shirt was lost, sent again, and both have arrived."""
    await mishaps.rule(shop, Event.LOST, Action.REPLACE)
    await shop.stock("SHIRT", 9)
    life = await shop.place([("SHIRT", 1, PRICE)], shipping=SHIPPING)
    parcel = await life.send()
    await life.scan(parcel, "lost")
    await life.until(lambda o: len(o.fulfillment_orders) == 2)
    await life.hear(parcel, "delivered")
    await life.asks_for_help("delivered_after_all")
    await life.deliver(await life.send(1))
    await life.finished()
    return life


@pytest.mark.parametrize("announced", [True, False])
async def test_the_unit_too_many_brings_no_money(
    shop: Shop, api: httpx2.AsyncClient, *, announced: bool
) -> None:
    office = Office(api, await lost_and_sent_again(shop))
    if announced:
        await office.came(await office.approved(1), 1, 0)
    else:
        return_id = await office.unannounced(1)
        await office.inspect(return_id, restock=1)
        await office.until(return_id, status="closed")
    assert await witness.attention(office.life) == []
    await at_bank(office.life, ALL, 0)
    # The other one is what was paid for.
    await office.came(await office.approved(1), 1, ALL)
    await at_bank(office.life, ALL, ALL)
    shirt = (await office.life.order()).lines[0]
    assert (shirt.shipped, shirt.returned) == (1, 1)
    await witness.compare_all_books(shop)


async def test_what_was_paid_back_as_lost_and_arrives_is_booked_in_without_money(
    shop: Shop, api: httpx2.AsyncClient
) -> None:
    await mishaps.rule(shop, Event.LOST, Action.REFUND)
    await shop.stock("SHIRT", 9)
    life = await shop.place([("SHIRT", 1, PRICE)], shipping=SHIPPING)
    parcel = await life.send()
    await life.scan(parcel, "lost")
    await life.finished()
    await life.hear(parcel, "delivered")
    await life.until_types("delivered_after_all")
    office = Office(api, life)
    return_id = await office.unannounced(1)
    await office.inspect(return_id, restock=1)
    assert (await office.until(return_id, status="closed"))["refund"]["amount"] == 0
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (9, 0)}
    await at_bank(life, ALL, ALL)
    await witness.compare_all_books(shop)


@pytest.mark.parametrize("way", ["exchange", "replacement"])
async def test_the_same_again_costs_nothing_after_goodwill(
    shop: Shop, api: httpx2.AsyncClient, way: str
) -> None:
    office = Office(api, await arrived(shop, 1))
    await office.refund(goodwill=SHIPPING + 7_000)
    if way == "replacement":
        path = f"/v1/orders/{office.life.order_id}/replacements"
        answer = await api.post(path, json={"reason": "damaged", **await office.again()})
        assert answer.status_code == 201, answer.text
        made, new = answer.json(), Life(shop, answer.json()["new_order_id"])
    else:
        return_id = await office.approved()
        made, new = await office.same(return_id)
        await office.back(return_id)
    assert made["difference"]["amount"] == 0
    assert made["promised"]["amount"] == PRICE - 7_000
    await free(new)
    await ends(shop, new, "completed", "paid", "delivered", "no_return")
    await at_bank(office.life, ALL, SHIPPING + 7_000)
    # It comes back: the customer gets what they had paid for it in the end.
    again = Office(api, new)
    await again.came(await again.approved(), 1, PRICE - 7_000)
    await at_bank(office.life, ALL, ALL)


async def test_goodwill_between_promise_and_acceptance_is_owed(
    shop: Shop, api: httpx2.AsyncClient
) -> None:
    office = Office(api, await arrived(shop, 1))
    return_id = await office.approved()
    _, new = await office.same(return_id)
    await office.refund(goodwill=SHIPPING + 7_000)
    await office.back(return_id)
    await new.asks_for_help("payment_missing")
    body = {"method": "card", "token": "tok_visa"}
    answer = await api.post(f"/v1/orders/{new.order_id}/payments", json=body)
    assert answer.status_code == 201, answer.text
    await free(new)
    await ends(shop, new, "completed", "partially_refunded", "delivered", "no_return")
    assert await new.at_provider() == [("captured", 7_000, 0)]


async def test_parallel_exchanges_are_promised_what_they_get(
    shop: Shop, api: httpx2.AsyncClient
) -> None:
    await shop.stock("SHIRT", 9)
    life = await shop.place([("SHIRT", 3, 10_000)])
    await life.deliver(await life.send())
    await life.finished()
    office = Office(api, life)
    returns = [await office.approved() for _ in range(3)]
    worth = [(await office.same(one))[0]["promised"]["amount"] for one in returns]
    assert sum(worth) == 10_000
    for one, amount in zip(returns, worth, strict=True):
        await office.came(one, 1, amount)
    exchanges = (await api.get(f"/v1/orders/{life.order_id}")).json()["exchanges"]
    assert [(e["status"], e["granted"]) for e in exchanges] == [
        ("granted", e["promised"]) for e in exchanges
    ]


@pytest.mark.parametrize("edited", [False, True])
async def test_the_tax_on_the_delivery_goes_back_with_it(
    shop: Shop, api: httpx2.AsyncClient, *, edited: bool
) -> None:
    await shop.stock("SHIRT", 9)
    delivery = {"option": "standard", "price": lira(4_999), "tax_rate_bp": 2_000}
    placed = await Shopfront(api).place(
        prices_include_tax=False,
        lines=[line("SHIRT", 3, 3_333, tax_rate_bp=1_800)],
        shipping=delivery,
        payments=[{"method": "card", "provider": "sandbox", "token": "tok_visa"}],
    )
    life = Life(shop, placed["id"])
    office = Office(api, life)
    await life.until(lambda o: o.status == "confirmed")
    if edited:
        changed = {**delivery, "price": lira(3_333)}
        body = {
            "version": (await life.order()).version,
            "commit": True,
            "changes": {"shipping": changed},
        }
        answer = await api.post(f"/v1/orders/{life.order_id}/edits", json=body)
        assert answer.status_code in {200, 201}, answer.text
    costs = 4_000 if edited else 5_999
    paid = 11_799 + costs
    await life.until(lambda o: o.payable == paid)
    await life.deliver(await life.send())
    await life.finished()
    path = f"/v1/orders/{life.order_id}/refunds/preview"
    plan = await api.post(path, json={"reason": "kindness", "shipping": lira(costs)})
    assert plan.json()["amount"]["amount"] == costs
    await office.came(await office.approved(1), 1, 3_933)
    await office.came(await office.approved(2), 2, paid - 3_933)
    await at_bank(life, paid, paid)


async def test_goods_at_the_dock_were_delivered_whatever_the_carrier_says(
    shop: Shop, api: httpx2.AsyncClient
) -> None:
    await mishaps.rule(shop, Event.LOST, Action.REFUND)
    await shop.stock("SHIRT", 9)
    life = await shop.place([("SHIRT", 3, PRICE)], shipping=SHIPPING)
    parcel = await life.send()
    await life.until(lambda o: o.settled and o.shipped_units == 3)
    office = Office(api, life)
    return_id = await office.unannounced(2)
    await life.until(lambda o: o.delivered_units == 3)
    await life.hear(parcel, "lost")
    await life.finished()
    await office.inspect(return_id, restock=2)
    assert (await office.until(return_id, status="closed"))["refund"]["amount"] == 2 * UNIT
    await life.until(lambda o: o.payment_status == "partially_refunded")
    assert await life.axes() == ("completed", "partially_refunded", "delivered", "returned")
    assert ("delivered", "sent") in await witness.told(life)


async def test_what_the_carrier_lost_is_received_as_a_parcel(
    shop: Shop, api: httpx2.AsyncClient
) -> None:
    await mishaps.rule(shop, Event.LOST, Action.ASK_PERSON)
    await shop.stock("SHIRT", 9)
    life = await shop.place([("SHIRT", 3, PRICE)], shipping=SHIPPING)
    await life.scan(await life.send(), "lost")
    await life.asks_for_help("parcel_lost")
    number = (await api.get(f"/v1/orders/{life.order_id}")).json()["number"]
    body = {"order_number": number, "lines": [{"sku": "SHIRT", "quantity": 1}]}
    path = "/v1/returns/receive-unannounced"
    assert await Office(api, life).refused(path, body) == "not_delivered"


async def test_a_payment_before_the_request_counts_for_no_return(
    shop: Shop, api: httpx2.AsyncClient
) -> None:
    office = Office(api, await arrived(shop, 4))
    await office.refund(1)
    one, two = await office.approved(1), await office.approved(1)
    await office.refund(1)
    await office.came(one, 1, 0)
    await office.came(two, 1, PRICE // 4)


async def test_a_gift_that_came_back_first_keeps_no_delivery(
    shop: Shop, api: httpx2.AsyncClient
) -> None:
    await shop.stock("SHIRT", 9)
    await shop.stock("GIFT", 9)
    life = await shop.place([("GIFT", 1, 0), ("SHIRT", 1, PRICE)], shipping=SHIPPING)
    await life.deliver(await life.send())
    await life.finished()
    office = Office(api, life)
    await office.came(await office.approved(1), 1, 0)
    answer = await api.post(
        f"/v1/orders/{life.order_id}/returns",
        json={"lines": [{"line_id": await office.line(1), "quantity": 1, "reason": "unwanted"}]},
    )
    return_id = answer.json()["id"]
    await office.until(return_id, status="approved")
    lines = [{"line_id": await office.line(1), "quantity": 1}]
    await office.call(return_id, "receive", lines=lines)
    await office.call(return_id, "inspect", lines=[{**lines[0], "disposition": "restock"}])
    assert (await office.until(return_id, status="closed"))["refund"]["amount"] == ALL


async def test_a_fee_is_kept_beside_goodwill(shop: Shop, api: httpx2.AsyncClient) -> None:
    office = Office(api, await arrived(shop, 2))
    await office.refund(goodwill=7_000)
    fee = {"fee": {"amount": 500, "currency": "TRY"}, "reason": "unwanted"}
    await office.came(await office.approved(1, **fee), 1, PRICE // 2 - 500)
    await office.came(await office.approved(1, **fee), 1, PRICE // 2 + SHIPPING - 7_000 - 500)
    await at_bank(office.life, ALL, ALL - 1_000)


async def test_what_cost_nothing_is_sent_again_for_nothing(
    shop: Shop, api: httpx2.AsyncClient
) -> None:
    await shop.stock("SHIRT", 9)
    await shop.stock("GIFT", 9)
    life = await shop.place([("GIFT", 1, 0), ("SHIRT", 1, PRICE)])
    await life.deliver(await life.send())
    await life.finished()
    office = Office(api, life)
    path = f"/v1/orders/{life.order_id}/replacements"
    answer = await api.post(path, json={"reason": "damaged", **await office.again()})
    assert answer.status_code == 201, answer.text
    assert answer.json()["promised"]["amount"] == 0
    new = Life(shop, answer.json()["new_order_id"])
    await free(new)
    await ends(shop, new, "completed", "paid", "delivered", "no_return")
