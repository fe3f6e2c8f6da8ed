"""Goods that come back: every way through, with the money, the stock and the mails at the end."""

from datetime import timedelta
from typing import Any

import httpx2
import pytest
from temporalio.client import WorkflowHandle

from tests.workflows import witness
from tests.workflows.faults import down
from tests.workflows.goods_back import PRICE, SHIPPING, Counter, arrived, level
from tests.workflows.life import eventually
from tests.workflows.shop import Shop
from workflows import ids
from workflows.messages import Policy


async def names_nobody(handle: WorkflowHandle[Any, Any]) -> None:
    """A return's history holds no word of the customer, and no page with their name."""
    events = (await handle.fetch_history()).events
    raw = b"".join(event.SerializeToString() for event in events)
    assert b"return_approved" in raw
    assert not any(word in raw for word in (b"Secret", b"x.y", b"/labels/", b"Ay\xc5\x9fe"))


async def test_a_return_of_a_closed_order_from_the_wish_to_the_money(
    shop: Shop, api: httpx2.AsyncClient
) -> None:
    counter = Counter(api, await arrived(shop))
    made = await counter.ask(1, "does_not_fit", note="Secret words", photos=["https://x.y/a.jpg"])
    assert (made["status"], made["number"][:2]) == ("requested", "R-")
    ret = await counter.labeled(made["id"])
    assert ret["status"] == "approved"
    assert (await counter.life.axes())[3] == "in_progress"
    parcels = await counter.life.ledger("parcels")
    assert [p["shipment"] for p in parcels][-1] == made["id"]
    await shop.sandbox.control(
        f"/parcels/{ret['tracking_number']}/advance", {"status": "in_transit"}
    )
    await counter.until(made["id"], status="in_transit")
    received = await counter.receive(made["id"])
    assert received["status"] == "received"
    assert await level(shop) == (8, 1, 1)
    assert (await counter.inspect(made["id"], restock=1))["status"] == "inspected"
    assert await level(shop) == (8, 0, 0)
    done = await counter.until(made["id"], status="closed")
    assert done["refund"] == {"amount": PRICE // 2, "currency": "TRY"}

    async def paid() -> bool:
        return await counter.life.at_provider() == [("captured", PRICE + SHIPPING, PRICE // 2)]

    await eventually(paid)
    order = (await api.get(f"/v1/orders/{counter.life.order_id}")).json()
    assert (order["status"], order["return_status"]) == ("completed", "returned")
    assert order["lines"][0]["returned"] == 1
    assert [r["id"] for r in order["returns"]] == [made["id"]]
    mails = ["refunded", "return_approved", "return_received"]

    async def told() -> bool:
        known = await witness.told(counter.life)
        return [m for m, _ in sorted(known) if m in mails] == mails

    await eventually(told)
    assert {status for _, status in await witness.told(counter.life)} == {"sent"}
    handle = shop.temporal.get_workflow_handle(ids.return_workflow_id(made["id"]))
    await handle.result()
    await names_nobody(handle)
    types = [event["type"] for event in done["events"]]
    assert types == [
        "return_requested",
        "return_approved",
        "return_label_purchased",
        "return_parcel_in_transit",
        "return_received",
        "return_units_inspected",
        "return_inspected",
        "return_closed",
    ]


async def test_all_of_it_back_gives_the_delivery_back_too(
    shop: Shop, api: httpx2.AsyncClient
) -> None:
    counter = Counter(api, await arrived(shop))
    await counter.policy(decides="approve", label="drop_off")
    made = await counter.ask(2)
    await counter.until(made["id"], status="approved")
    await counter.receive(made["id"], 2)
    await counter.inspect(made["id"], restock=2)
    done = await counter.until(made["id"], status="closed")
    assert done["refund"]["amount"] == PRICE + SHIPPING
    assert done["tracking_number"] is None

    async def paid() -> bool:
        return (await counter.life.axes())[1] == "refunded"

    await eventually(paid)
    assert await counter.life.at_provider() == [("captured", PRICE + SHIPPING, PRICE + SHIPPING)]


@pytest.mark.parametrize(
    ("disposition", "after", "returned", "money"),
    [
        ("restock", (8, 0, 0), 1, PRICE // 2),
        ("refurbish", (8, 1, 1), 1, PRICE // 2),
        ("damaged", (8, 1, 0), 1, PRICE // 2),
        ("scrap", (7, 0, 0), 1, PRICE // 2),
        ("reject", (7, 0, 0), 0, 0),
    ],
)
async def test_what_becomes_of_a_unit_stands_in_the_books(
    shop: Shop,
    api: httpx2.AsyncClient,
    disposition: str,
    after: tuple[int, int, int],
    returned: int,
    money: int,
) -> None:
    counter = Counter(api, await arrived(shop))
    await counter.policy(decides="approve", label="drop_off")
    made = await counter.ask(1)
    await counter.receive(made["id"])
    await counter.inspect(made["id"], **{disposition: 1})
    done = await counter.until(made["id"], status="closed")
    assert await level(shop) == after
    assert done["refund"]["amount"] == money
    order = await counter.life.order()
    assert order.lines[0].returned == returned
    assert order.return_status == ("returned" if returned else "return_failed")

    async def paid() -> bool:
        return (await counter.life.at_provider())[0][2] == money

    await eventually(paid)


async def test_a_person_decides_when_the_rules_ask_for_one(
    shop: Shop, api: httpx2.AsyncClient
) -> None:
    counter = Counter(api, await arrived(shop))
    await counter.policy(decides="ask_person", label="drop_off")
    yes, no = await counter.ask(1), await counter.ask(1)
    await counter.attention("return_decision", "return_decision")
    assert (await counter.life.axes())[3] == "return_requested"
    handle = shop.temporal.get_workflow_handle(ids.return_workflow_id(yes["id"]))

    async def shown() -> bool:
        attributes = (await handle.describe()).typed_search_attributes
        return attributes.get(ids.ATTENTION) == ["return_decision"]

    await eventually(shown)
    assert (await counter.call(yes["id"], "approve"))["status"] == "approved"
    declined = await counter.call(no["id"], "decline", reason="worn by Ayla", note="see photo")
    assert (declined["status"], declined["reason"]) == ("declined", "other")
    await counter.attention()
    assert await counter.refused(f"/v1/returns/{no['id']}/approve", {}) == "return_closed"
    assert await counter.refused(f"/v1/returns/{yes['id']}/approve", {}) == "return_not_open"
    assert ("return_declined", "sent") in await witness.told(counter.life)
    types = await counter.life.types()
    assert types.count("return_approve_refused") == 2


async def test_the_rules_decline_by_themselves(shop: Shop, api: httpx2.AsyncClient) -> None:
    counter = Counter(api, await arrived(shop))
    await counter.policy(decides="decline")
    made = await counter.ask(1)
    await counter.until(made["id"], status="declined", reason="policy")
    assert (await counter.life.axes())[3] == "return_failed"
    # A declined return keeps nobody from asking again.
    await counter.policy(decides="approve", label="drop_off")
    await counter.until((await counter.ask(2))["id"], status="approved")


async def test_less_and_then_more_than_was_announced(shop: Shop, api: httpx2.AsyncClient) -> None:
    counter = Counter(api, await arrived(shop, 3))
    await counter.policy(decides="approve", label="drop_off")
    made = await counter.ask(2)
    assert (await counter.receive(made["id"]))["status"] == "partially_received"
    assert (await counter.inspect(made["id"], restock=1))["status"] == "partially_received"
    assert (await counter.receive(made["id"], 2))["status"] == "received"
    path = f"/v1/returns/{made['id']}/receive"
    one_more = {"lines": [{"line_id": await counter.line(), "quantity": 1}]}
    assert await counter.refused(path, one_more) == "return_exists"
    assert (await counter.inspect(made["id"], restock=2))["status"] == "inspected"
    done = await counter.until(made["id"], status="closed")
    assert done["refund"]["amount"] == PRICE + SHIPPING
    assert "return_receive_refused" in await counter.life.types()


async def test_no_more_will_come_of_a_part(shop: Shop, api: httpx2.AsyncClient) -> None:
    counter = Counter(api, await arrived(shop))
    await counter.policy(decides="approve", label="drop_off")
    made = await counter.ask(2)
    assert (await counter.receive(made["id"], complete=True))["status"] == "received"
    await counter.inspect(made["id"], restock=1)
    done = await counter.until(made["id"], status="closed")
    assert done["refund"]["amount"] == PRICE // 2


async def test_what_nobody_announced_is_a_return_of_its_own(
    shop: Shop, api: httpx2.AsyncClient
) -> None:
    counter = Counter(api, await arrived(shop))
    number = (await api.get(f"/v1/orders/{counter.life.order_id}")).json()["number"]
    body = {"order_number": number, "lines": [{"sku": "SHIRT", "quantity": 1}]}
    answer = await api.post("/v1/returns/receive-unannounced", json=body)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["status"], made["announced"]) == ("received", False)
    assert await level(shop) == (8, 1, 1)
    await counter.inspect(made["id"], scrap=1)
    done = await counter.until(made["id"], status="closed")
    assert done["refund"]["amount"] == PRICE // 2
    body["lines"][0]["quantity"] = 2
    assert await counter.refused("/v1/returns/receive-unannounced", body) == "too_many_units"


async def test_fee_and_label_are_kept_when_the_customer_pays_for_them(
    shop: Shop, api: httpx2.AsyncClient
) -> None:
    counter = Counter(api, await arrived(shop))
    fee = {"amount": 1_000, "currency": "TRY"}
    rule = {"decides": "approve", "shipping_paid_by": "customer", "fee": fee, "reason": "unwanted"}
    await counter.policy(rule, decides="decline")
    ret = await counter.labeled((await counter.ask(1))["id"])
    await counter.receive(ret["id"])
    await counter.inspect(ret["id"], restock=1)
    done = await counter.until(ret["id"], status="closed")
    assert done["label_cost"]["currency"] == "TRY"
    assert done["refund"]["amount"] == PRICE // 2 - 1_000 - done["label_cost"]["amount"]


async def test_a_canceled_return_gives_its_label_back(shop: Shop, api: httpx2.AsyncClient) -> None:
    counter = Counter(api, await arrived(shop))
    ret = await counter.labeled((await counter.ask(1))["id"])
    canceled = await counter.call(ret["id"], "cancel", reason="customer_keeps_it")
    assert canceled["status"] == "canceled"

    async def voided() -> bool:
        own = [p for p in await counter.life.ledger("parcels") if p["shipment"] == ret["id"]]
        return [p["status"] for p in own] == ["voided"]

    await eventually(voided)
    assert (await counter.life.axes())[3] == "no_return"
    path = f"/v1/returns/{ret['id']}/receive"
    body = {"lines": [{"line_id": await counter.line(), "quantity": 1}]}
    assert await counter.refused(path, body) == "return_closed"


async def test_what_is_not_sent_is_reminded_of_and_expires(
    shop: Shop, api: httpx2.AsyncClient
) -> None:
    counter = Counter(api, await arrived(shop))
    await counter.policy(decides="approve", label="drop_off", expires_after="PT2S")
    made = await counter.ask(1)
    done = await counter.until(made["id"], status="expired")
    types = [event["type"] for event in done["events"]]
    assert types[-2:] == ["return_reminded", "return_expired"]
    assert ("return_reminder", "sent") in await witness.told(counter.life)
    assert (await counter.life.axes())[3] == "return_failed"


async def test_the_rest_of_a_part_expires_and_what_came_is_paid(
    shop: Shop, api: httpx2.AsyncClient
) -> None:
    counter = Counter(api, await arrived(shop))
    await counter.policy(decides="approve", label="drop_off", expires_after="PT3S")
    made = await counter.ask(2)
    await counter.until(made["id"], status="approved")
    await counter.receive(made["id"])
    await counter.inspect(made["id"], restock=1)
    done = await counter.until(made["id"], status="closed")
    assert done["refund"]["amount"] == PRICE // 2


async def test_a_lost_parcel_waits_for_a_person(shop: Shop, api: httpx2.AsyncClient) -> None:
    counter = Counter(api, await arrived(shop))
    ret = await counter.labeled((await counter.ask(1))["id"])
    path = f"/parcels/{ret['tracking_number']}/advance"
    await shop.sandbox.control(path, {"status": "in_transit"})
    await shop.sandbox.control(path, {"status": "lost"})
    await counter.attention("return_lost")
    await counter.receive(ret["id"])
    await counter.attention()


@pytest.mark.parametrize(
    "changes", [{"step_attempts": 1, "step_retry_interval": timedelta(minutes=5)}]
)
async def test_a_carrier_that_is_away_delays_the_label_only(
    shop: Shop, api: httpx2.AsyncClient
) -> None:
    counter = Counter(api, await arrived(shop))
    async with down(shop.sandbox):
        made = await counter.ask(1)
        await counter.attention("return_label_failed")
        assert (await counter.read(made["id"]))["status"] == "approved"
        assert "return_approved" not in [m for m, _ in await witness.told(counter.life)]
    await counter.call(made["id"], "retry")
    await counter.labeled(made["id"])
    await counter.attention()
    own = [p for p in await counter.life.ledger("parcels") if p["shipment"] == made["id"]]
    assert len(own) == 1


@pytest.mark.parametrize("changes", [{"refund_deadline": timedelta(seconds=1)}])
async def test_money_that_is_due_by_law_is_shown_to_a_person(
    shop: Shop, api: httpx2.AsyncClient
) -> None:
    counter = Counter(api, await arrived(shop))
    await counter.policy(decides="approve", label="drop_off")
    made = await counter.ask(1)
    await counter.receive(made["id"])
    await counter.attention("refund_due")
    await counter.inspect(made["id"], restock=1)
    await counter.until(made["id"], status="closed")
    await counter.attention()


async def test_returns_beside_an_order_that_lives_and_closes(
    shop: Shop, api: httpx2.AsyncClient
) -> None:
    shop.policy = Policy(return_window=2, step_retry_interval=0.5, step_attempts=2)
    counter = Counter(api, await arrived(shop, closed=False))
    await counter.policy(decides="approve", label="drop_off")
    first = await counter.ask(1)
    await counter.receive(first["id"])
    await counter.inspect(first["id"], restock=1)
    await counter.until(first["id"], status="closed")
    second = await counter.ask(1)
    await counter.life.finished()
    assert (await counter.life.axes())[0] == "completed"
    await counter.receive(second["id"])
    await counter.inspect(second["id"], restock=1)
    done = await counter.until(second["id"], status="closed")
    assert done["refund"]["amount"] == PRICE // 2 + SHIPPING

    async def paid() -> bool:
        return (await counter.life.axes())[1:] == ("refunded", "delivered", "returned")

    await eventually(paid)
    assert await counter.life.at_provider() == [("captured", PRICE + SHIPPING, PRICE + SHIPPING)]


async def test_a_wish_that_meets_the_closing_is_right_either_way(
    shop: Shop, api: httpx2.AsyncClient
) -> None:
    counter = Counter(api, await arrived(shop, closed=False))
    await counter.policy(decides="approve", label="drop_off")
    made = await counter.ask(1)
    await counter.life.finished()
    await counter.receive(made["id"])
    await counter.inspect(made["id"], restock=1)
    await counter.until(made["id"], status="closed")
    assert (await counter.life.axes())[0] == "completed"
    assert (await counter.life.axes())[3] == "returned"


async def test_what_is_rejected_goes_back_to_the_customer_by_a_label(
    shop: Shop, api: httpx2.AsyncClient
) -> None:
    counter = Counter(api, await arrived(shop))
    ret = await counter.labeled((await counter.ask(2))["id"])
    await counter.receive(ret["id"], 2)
    await counter.inspect(ret["id"], restock=1, reject=1)
    await counter.until(ret["id"], status="closed")

    async def labeled() -> dict[str, Any] | None:
        found = (await counter.read(ret["id"]))["sent_back"]
        return dict(found) if found else None

    back = await eventually(labeled)
    assert back is not None
    assert back["tracking_number"] not in {"", ret["tracking_number"]}
    own = [p for p in await counter.life.ledger("parcels") if p["shipment"] == ret["id"]]
    assert {p["tracking_number"] for p in own} == {ret["tracking_number"], back["tracking_number"]}
    await counter.life.until_types("return_sent_back")

    async def told() -> bool:
        return ("return_sent_back", "sent") in await witness.told(counter.life)

    await eventually(told)
    order = (await api.get(f"/v1/orders/{counter.life.order_id}")).json()
    assert [r["sent_back"] for r in order["returns"]] == [back]


async def test_a_carrier_that_is_away_delays_what_was_rejected_and_not_the_money(
    shop: Shop, api: httpx2.AsyncClient
) -> None:
    counter = Counter(api, await arrived(shop))
    await counter.policy(decides="approve", label="drop_off")
    made = await counter.ask(2)
    await counter.until(made["id"], status="approved")
    await counter.receive(made["id"], 2)
    async with down(shop.sandbox):
        await counter.inspect(made["id"], restock=1, reject=1)
        await counter.until(made["id"], status="closed")
        await counter.attention("return_label_failed")
    await counter.call(made["id"], "retry")
    await counter.life.until_types("return_sent_back")
    await counter.attention()
    own = [p for p in await counter.life.ledger("parcels") if p["shipment"] == made["id"]]
    assert len(own) == 1
