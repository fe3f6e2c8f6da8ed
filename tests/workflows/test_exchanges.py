"""Goods sent in place of others: who pays for them, when they leave, and what happens if not."""

from datetime import timedelta
from typing import Any

import httpx2
import pytest

from tests.workflows import witness
from tests.workflows.goods_back import PRICE, SHIPPING, Counter, arrived
from tests.workflows.life import Life, eventually
from tests.workflows.shop import Shop

UNIT = PRICE // 2
PAID = PRICE + SHIPPING


@pytest.fixture
def changes(changes: dict[str, Any]) -> dict[str, Any]:
    """New orders end soon after they arrive; the rules here give returns their time."""
    return {**changes, "return_window": timedelta(seconds=0.2)}


class Swap(Counter):
    """The counter of an order whose goods are exchanged."""

    async def approved(self, units: int = 1, **rule: Any) -> str:
        """A return that the customer may send, by their own means; its id."""
        await self.life.shop.stock("BOOTS", 5)
        general = {"decides": "approve", "label": "drop_off", "window": "P14D"}
        await self.policy(*([general | rule] if rule else []), **general)
        made = await self.ask(units)
        await self.until(made["id"], status="approved")
        return str(made["id"])

    async def swap(self, return_id: str, **body: Any) -> tuple[dict[str, Any], Life]:
        """Send something in its place: the exchange, and the life of the new order."""
        made = await self.call(return_id, "exchange", **body)
        return made, Life(self.life.shop, made["new_order_id"])

    async def same(self, return_id: str, units: int = 1, **more: Any) -> tuple[Any, Life]:
        """The same again."""
        return await self.swap(return_id, **await self.again(units), **more)

    async def again(self, units: int = 1) -> dict[str, Any]:
        """The body that asks for the same again."""
        return {"lines": [{"line_id": await self.line(), "quantity": units}]}

    async def boots(self, return_id: str, price: int, **more: Any) -> tuple[Any, Life]:
        """Boots instead."""
        line = {
            "sku": "BOOTS",
            "name": "Boots",
            "quantity": 1,
            "unit_price": {"amount": price, "currency": "TRY"},
            "tax_rate_bp": 0,
        }
        return await self.swap(return_id, add_lines=[line], **more)

    async def back(self, return_id: str, units: int = 1, **judged: int) -> None:
        """The goods are at the dock, and are looked at."""
        await self.receive(return_id, units)
        await self.inspect(return_id, **(judged or {"restock": units}))
        await self.until(return_id, status="closed")

    async def exchange(self) -> dict[str, Any]:
        """The order's exchange as the API shows it."""
        order = (await self.api.get(f"/v1/orders/{self.life.order_id}")).json()
        found: dict[str, Any] = order["exchanges"][-1]
        return found

    async def money(self, status: str, promised: int, used: int, granted: int) -> None:
        """Wait until the exchange stands so."""
        wanted = (status, promised, used, granted)

        async def so() -> bool:
            e = await self.exchange()
            sums = (e[name]["amount"] for name in ("promised", "used", "granted"))
            return (e["status"], *sums) == wanted

        await eventually(so)


async def held(life: Life) -> None:
    """It has its goods, and waits for those that pay for it."""

    async def waits() -> bool:
        order = await life.order()
        work = [w.status for w in order.fulfillment_orders]
        return [h.reason for h in order.holds] == ["awaiting_return_items"] and work == ["on_hold"]

    await eventually(waits)


async def free(life: Life) -> None:
    """It may be sent."""
    await life.until(lambda o: not o.holds and bool(o.fulfillment_orders))


async def at_bank(life: Life, captured: int, refunded: int) -> None:
    """Wait until the provider of the order says so."""

    async def so() -> bool:
        return await life.at_provider() == [("captured", captured, refunded)]

    await eventually(so)


async def ends(shop: Shop, life: Life, *axes: str) -> None:
    """The new order is sent and arrives; all books agree."""
    await life.deliver(await life.send())
    await life.finished()
    assert await life.axes() == axes
    await witness.compare_all_books(shop)


async def test_the_same_again_costs_nothing_and_leaves_when_the_goods_are_accepted(
    shop: Shop, api: httpx2.AsyncClient
) -> None:
    counter = Swap(api, await arrived(shop))
    return_id = await counter.approved()
    made, new = await counter.same(return_id)
    assert made["difference"] == {"amount": 0, "currency": "TRY"}
    assert (made["status"], made["send"]) == ("promised", "on_receipt")
    await held(new)
    assert await new.axes() == ("confirmed", "paid", "on_hold", "no_return")
    await counter.receive(return_id)
    await held(new)
    await counter.inspect(return_id, restock=1)
    await free(new)
    await counter.money("granted", UNIT, UNIT, UNIT)
    await ends(shop, new, "completed", "paid", "delivered", "no_return")
    assert await new.at_provider() == []
    assert await counter.life.at_provider() == [("captured", PAID, 0)]
    order = (await api.get(f"/v1/orders/{counter.life.order_id}")).json()
    assert (order["return_status"], order["payment_status"]) == ("returned", "partially_refunded")
    assert [r["exchanged"]["amount"] for r in (await api.get("/v1/refunds")).json()["items"]] == [
        UNIT
    ]
    assert "refunded" not in [m for m, _ in await witness.told(counter.life)]


async def test_on_hand_over_it_leaves_with_the_first_scan(
    shop: Shop, api: httpx2.AsyncClient
) -> None:
    counter = Swap(api, await arrived(shop))
    await counter.policy(window="P14D", decides="approve", exchange_sent="on_handover")
    made = await counter.ask()
    assert made["exchange_sent"] == "on_handover"
    ret = await counter.labeled(made["id"])
    _, new = await counter.same(made["id"])
    await held(new)
    await shop.sandbox.control(
        f"/parcels/{ret['tracking_number']}/advance", {"status": "in_transit"}
    )
    await free(new)
    await counter.money("promised", UNIT, UNIT, 0)
    await new.deliver(await new.send())
    await counter.back(made["id"])
    await new.finished()
    assert await new.axes() == ("completed", "paid", "delivered", "no_return")
    await counter.money("granted", UNIT, UNIT, UNIT)
    await witness.compare_all_books(shop)


@pytest.mark.parametrize("price", [UNIT - 10_000, UNIT + 10_000], ids=["cheaper", "dearer"])
async def test_the_difference_goes_either_way(
    shop: Shop, api: httpx2.AsyncClient, price: int
) -> None:
    counter = Swap(api, await arrived(shop))
    return_id = await counter.approved()
    more = {"payment": {"method": "card", "token": "tok_visa"}} if price > UNIT else {}
    made, new = await counter.boots(return_id, price, **more)
    assert made["difference"]["amount"] == price - UNIT
    assert made["payment_needed"]["amount"] == 0
    await held(new)
    await counter.back(return_id)
    await free(new)
    await ends(shop, new, "completed", "paid", "delivered", "no_return")
    if price > UNIT:
        assert await new.at_provider() == [("captured", price - UNIT, 0)]
        await at_bank(counter.life, PAID, 0)
    else:
        assert await new.at_provider() == []
        await at_bank(counter.life, PAID, UNIT - price)


async def test_what_is_dearer_waits_for_its_payment_and_expires_without(
    shop: Shop, api: httpx2.AsyncClient
) -> None:
    counter = Swap(api, await arrived(shop))
    return_id = await counter.approved()
    made, new = await counter.boots(return_id, UNIT + 10_000)
    assert made["payment_needed"]["amount"] == 10_000
    await new.until(lambda o: o.tenders[0].captured == UNIT)
    answer = await api.post(f"/v1/orders/{new.order_id}/cancel", json={"reason": "changed_mind"})
    assert answer.status_code == 200, answer.text
    await counter.money("withdrawn", UNIT, 0, 0)
    await counter.back(return_id)
    await at_bank(counter.life, PAID, UNIT)
    await witness.compare_all_books(shop)


async def test_a_fee_and_what_is_not_accepted_come_off(shop: Shop, api: httpx2.AsyncClient) -> None:
    counter = Swap(api, await arrived(shop))
    return_id = await counter.approved(2, fee={"amount": 1_000, "currency": "TRY"})
    lines = [{"line_id": await counter.line(), "quantity": 2}]
    pays = {"method": "card", "token": "tok_visa"}
    made, new = await counter.swap(return_id, lines=lines, payment=pays)
    assert made["difference"]["amount"] == 1_000
    await held(new)
    await counter.back(return_id, 2, restock=1, reject=1)
    await counter.money("granted", PRICE - 1_000, UNIT - 1_000, UNIT - 1_000)
    await free(new)
    await new.asks_for_help("payment_missing")
    assert (await new.axes())[1] == "partially_refunded"
    more = {"method": "card", "token": "tok_visa"}
    answer = await api.post(f"/v1/orders/{new.order_id}/payments", json=more)
    assert answer.status_code == 201, answer.text
    await new.until(lambda o: o.covered)
    await ends(shop, new, "completed", "partially_refunded", "delivered", "no_return")
    at_provider = await new.at_provider()
    assert sorted(at_provider) == [("captured", 1_000, 0), ("captured", UNIT, 0)]
    await at_bank(counter.life, PAID, 0)


@pytest.mark.parametrize("ending", ["cancel", "reject"])
async def test_without_the_goods_nothing_is_sent(
    shop: Shop, api: httpx2.AsyncClient, ending: str
) -> None:
    counter = Swap(api, await arrived(shop))
    return_id = await counter.approved()
    _, new = await counter.same(return_id)
    await held(new)
    if ending == "cancel":
        await counter.call(return_id, "cancel", reason="customer_keeps_it")
    else:
        await counter.back(return_id, reject=1)
    await new.finished()
    assert await new.axes() == ("canceled", "refunded", "unfulfilled", "no_return")
    await counter.money("failed", UNIT, 0, 0)
    assert await counter.life.at_provider() == [("captured", PAID, 0)]
    assert (await witness.levels(shop, "SHIRT"))["MAIN"] == (7, 0)
    await witness.compare_all_books(shop)


@pytest.mark.parametrize("settled", ["payments", "waive"])
async def test_what_has_left_is_to_be_paid_for_when_the_goods_do_not_count(
    shop: Shop, api: httpx2.AsyncClient, settled: str
) -> None:
    counter = Swap(api, await arrived(shop))
    return_id = await counter.approved()
    _, new = await counter.same(return_id, send="on_handover")
    await held(new)
    await counter.receive(return_id)
    await free(new)
    await new.deliver(await new.send())
    await counter.inspect(return_id, reject=1)
    await new.asks_for_help("payment_missing")
    await counter.money("failed", UNIT, 0, 0)
    path = f"/v1/orders/{new.order_id}"
    if settled == "payments":
        body = {"method": "card", "token": "tok_visa"}
    else:
        body = {"reason": "our_mistake"}
    answer = await api.post(f"{path}/{settled}", json=body)
    assert answer.status_code in {200, 201}, answer.text
    await new.finished()
    assert await new.at_provider() == ([("captured", UNIT, 0)] if settled == "payments" else [])
    assert (await api.get(path)).json()["attention"] == []
    assert ("exchange_short", "sent") in await witness.told(new)
    await witness.compare_all_books(shop)


async def test_the_new_order_returned_pays_back_to_the_first_card(
    shop: Shop, api: httpx2.AsyncClient
) -> None:
    counter = Swap(api, await arrived(shop))
    return_id = await counter.approved()
    _, new = await counter.same(return_id)
    await held(new)
    await counter.back(return_id)
    await free(new)
    await ends(shop, new, "completed", "paid", "delivered", "no_return")
    again = Swap(api, new)
    made = await again.ask()
    await again.until(made["id"], status="approved")
    await again.back(made["id"])
    await at_bank(counter.life, PAID, UNIT)
    assert await new.at_provider() == []
    await counter.money("granted", UNIT, 0, 0)
    assert (await new.axes())[1] == "refunded"

    async def told() -> bool:
        return ("refunded", "sent") in await witness.told(counter.life)

    await eventually(told)
    await witness.compare_all_books(shop)


async def test_units_that_arrived_broken_are_sent_again_and_stay(
    shop: Shop, api: httpx2.AsyncClient
) -> None:
    life = await arrived(shop, closed=False)
    counter = Swap(api, life)
    line = await counter.line()
    body = {"reason": "damaged", "lines": [{"line_id": line, "quantity": 1}]}
    path = f"/v1/orders/{life.order_id}/replacements"
    answer = await api.post(path, json=body, headers={"Idempotency-Key": "again"})
    assert answer.status_code == 201, answer.text
    made = answer.json()
    twin = await api.post(path, json=body, headers={"Idempotency-Key": "again"})
    assert twin.json() == made
    assert (made["send"], made["return_id"], made["status"]) == ("at_once", None, "granted")
    new = Life(shop, made["new_order_id"])
    await free(new)
    await ends(shop, new, "completed", "paid", "delivered", "no_return")
    assert await new.at_provider() == []
    await life.finished()
    assert await life.at_provider() == [("captured", PAID, 0)]
    too_many = body | {"lines": [{"line_id": line, "quantity": 2}]}
    assert await counter.refused(path, too_many) == "too_many_units"
    assert "replacement_refused" in await life.types()


async def test_a_replacement_that_is_canceled_gives_the_money_back(
    shop: Shop, api: httpx2.AsyncClient
) -> None:
    life = await arrived(shop)
    counter = Swap(api, life)
    body = {"reason": "missing", "lines": [{"line_id": await counter.line(), "quantity": 1}]}
    made = (await api.post(f"/v1/orders/{life.order_id}/replacements", json=body)).json()
    new = Life(shop, made["new_order_id"])
    await free(new)
    await new.cancel()
    await counter.money("withdrawn", UNIT, 0, 0)
    await at_bank(life, PAID, UNIT)
    await witness.compare_all_books(shop)


async def test_what_cannot_be_exchanged_is_refused_and_written_down(
    shop: Shop, api: httpx2.AsyncClient
) -> None:
    counter = Swap(api, await arrived(shop))
    return_id = await counter.approved()
    line, path = await counter.line(), f"/v1/returns/{return_id}/exchange"

    def units(quantity: int, line_id: str = line) -> dict[str, Any]:
        return {"lines": [{"line_id": line_id, "quantity": quantity}]}

    assert await counter.refused(path, units(2)) == "too_many_units"
    assert await counter.refused(path, units(1, f"lin_{'0' * 26}")) == "unknown_line"
    pays = {"payment": {"method": "card", "token": "tok_visa"}}
    assert await counter.refused(path, units(1) | pays) == "payment_not_needed"
    assert len(await shop.pool.fetch("SELECT id FROM orders")) == 1
    await counter.same(return_id)
    assert await counter.refused(path, units(1)) == "exchange_exists"
    await counter.call(return_id, "cancel", reason="customer_keeps_it")
    assert await counter.refused(path, units(1)) == "return_closed"
    refused = [e for e in await counter.life.events() if e["type"] == "exchange_refused"]
    assert [e["data"]["code"] for e in refused] == [
        "too_many_units",
        "unknown_line",
        "payment_not_needed",
        "exchange_exists",
        "return_closed",
    ]
    for body, where in (
        ({}, "/lines"),
        (units(1) | {"shipping": _dollars()}, "/shipping/price/currency"),
        (
            {"lines": [*units(1)["lines"], *units(1)["lines"]]},
            "/lines/1/line_id",
        ),
        (units(1) | {"payment": {"method": "card"}}, "/payment/token"),
        (
            units(1) | {"payment": {"method": "voucher", "provider": "exchange", "token": "x"}},
            "/payment/provider",
        ),
    ):
        answer = await api.post(path, json=body)
        assert answer.status_code == 422, answer.text
        assert [e["pointer"] for e in answer.json()["errors"]] == [where]


def _dollars() -> dict[str, Any]:
    return {"option": "standard", "price": {"amount": 1, "currency": "USD"}}


@pytest.mark.parametrize(
    "step", ["authorize_payment", "follow_exchange", "settle_return", "refund_payment"]
)
async def test_a_worker_that_dies_in_the_middle_changes_nothing(
    shop: Shop, api: httpx2.AsyncClient, step: str
) -> None:
    counter = Swap(api, await arrived(shop))
    return_id = await counter.approved()
    shop.accident.arm(step)
    _, new = await counter.same(return_id)
    if step != "authorize_payment":
        await held(new)
        await counter.receive(return_id)
        judged = {"reject": 1} if step == "refund_payment" else {"restock": 1}
        await counter.inspect(return_id, **judged)
    await shop.accident.happened.wait()
    await shop.close()
    await shop.open()
    if step == "refund_payment":
        await new.finished()
        assert await new.axes() == ("canceled", "refunded", "unfulfilled", "no_return")
        await counter.money("failed", UNIT, 0, 0)
        await witness.compare_all_books(shop)
        return
    if step == "authorize_payment":
        await held(new)
        await counter.back(return_id)
    await free(new)
    await ends(shop, new, "completed", "paid", "delivered", "no_return")
    await counter.money("granted", UNIT, UNIT, UNIT)
