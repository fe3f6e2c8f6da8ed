"""Goods that come back: every way through, with the money, the stock and the mails at the end."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from temporalio.client import WorkflowHandle

from tests.api.conftest import opened, settings_of
from tests.workflows import witness
from tests.workflows.faults import down
from tests.workflows.goods_back import PRICE, SHIPPING, Counter, arrived, level
from tests.workflows.life import eventually
from tests.workflows.shop import Shop
from tests.workflows.test_accidents import another_worker_takes_over
from workflows import ids
from workflows.messages import Policy


@pytest.fixture
def changes() -> dict[str, Any]:
    """Settings of the API that a test changes."""
    return {"step_attempts": 1, "step_retry_interval": timedelta(seconds=0.5)}


@pytest_asyncio.fixture
async def api(
    shop: Shop, database_url: str, temporal_address: str, changes: dict[str, Any]
) -> AsyncIterator[httpx2.AsyncClient]:
    """The API beside the shop's worker."""
    settings = settings_of(
        database_url, temporal_address=temporal_address, task_queue=shop.task_queue, **changes
    )
    async with opened(settings) as client:
        yield client


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
    assert (await handle.describe()).typed_search_attributes.get(ids.ATTENTION) == [
        "return_decision"
    ]
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
    general = {"decides": "decline"}
    rule = {"decides": "approve", "shipping_paid_by": "customer", "fee": fee, "reason": "unwanted"}
    answer = await api.put("/v1/return-policies", json={"rules": [rule, general]})
    assert answer.status_code == 200, answer.text
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


@pytest.mark.parametrize(
    "step",
    [
        "decide_return",
        "buy_return_label",
        "record_return_label",
        "reload_return",
        "settle_return",
        "refund_payment",
        "send_notification",
    ],
)
async def test_a_worker_that_dies_in_the_middle_of_a_return_changes_nothing(
    shop: Shop, api: httpx2.AsyncClient, step: str
) -> None:
    counter = Counter(api, await arrived(shop))
    await witness.told(counter.life)
    shop.accident.arm(step)
    rescue = asyncio.create_task(another_worker_takes_over(shop))
    made = await counter.ask(1)
    await counter.labeled(made["id"])
    await counter.receive(made["id"])
    await counter.inspect(made["id"], restock=1)
    await counter.until(made["id"], status="closed")

    async def paid() -> bool:
        return await counter.life.at_provider() == [("captured", PRICE + SHIPPING, PRICE // 2)]

    await eventually(paid)
    await rescue
    await eventually(lambda: counter.life.has("refund_succeeded"))
    assert await level(shop) == (8, 0, 0)
    own = [p for p in await counter.life.ledger("parcels") if p["shipment"] == made["id"]]
    assert len(own) == 1
    once = ("return_approved", "return_received", "return_closed", "refund_succeeded")
    types = await counter.life.types()
    assert {type_: types.count(type_) for type_ in once} == dict.fromkeys(once, 1)


@pytest.mark.parametrize(
    ("call", "step"), [("approve", "approve_return"), ("decline", "decline_return")]
)
async def test_a_worker_that_dies_under_a_decision_changes_nothing(
    shop: Shop, api: httpx2.AsyncClient, call: str, step: str
) -> None:
    counter = Counter(api, await arrived(shop))
    await counter.policy(decides="ask_person", label="drop_off")
    made = await counter.ask(1)
    await counter.attention("return_decision")
    shop.accident.arm(step)
    rescue = asyncio.create_task(another_worker_takes_over(shop))
    body = {"reason": "worn"} if call == "decline" else {}
    await counter.call(made["id"], call, **body)
    await rescue
    types = await counter.life.types()
    assert types.count(f"return_{call}d") == 1
    await counter.attention()


async def test_a_customer_asks_by_the_token_of_their_order(
    shop: Shop, api: httpx2.AsyncClient
) -> None:
    counter = Counter(api, await arrived(shop))
    token = await shop.pool.fetchval("SELECT public_token FROM orders")
    line = {"line_id": await counter.line(), "quantity": 1, "reason": "other"}
    path, body = f"/track/{token}/returns", {"lines": [line]}
    nobody = {"authorization": ""}
    first = await api.post(path, json=body, headers=nobody | {"idempotency-key": "k"})
    assert (first.status_code, first.json()["requested_by"]) == (201, "customer")
    again = await api.post(path, json=body, headers=nobody | {"idempotency-key": "k"})
    assert again.content == first.content
    await api.post(path, json=body, headers=nobody)
    refused = await api.post(path, json=body, headers=nobody)
    assert (refused.status_code, refused.json()["code"]) == (409, "return_exists")
    assert refused.json()["current"] == {"line_id": line["line_id"], "left": "0"}
    assert (await api.post("/track/nobody/returns", json=body)).status_code == 404
    assert "return_refused" in await counter.life.types()


@pytest.mark.parametrize("changes", [{"return_window": timedelta(0)}])
async def test_the_window_of_the_shop_is_over(shop: Shop, api: httpx2.AsyncClient) -> None:
    counter = Counter(api, await arrived(shop))
    line = {"line_id": await counter.line(), "quantity": 1, "reason": "unwanted"}
    path, body = f"/v1/orders/{counter.life.order_id}/returns", {"lines": [line]}
    answer = await api.post(path, json=body)
    assert (answer.status_code, answer.json()["code"]) == (409, "return_window_over")
    assert answer.json()["current"] == {"line_id": line["line_id"], "window": "PT0S"}
    await counter.policy(decides="approve", label="drop_off", window="P1D")
    assert (await api.post(path, json=body)).status_code == 201


async def test_two_who_ask_for_the_same_unit_at_once_get_it_once(
    shop: Shop, api: httpx2.AsyncClient
) -> None:
    counter = Counter(api, await arrived(shop))
    await counter.policy(decides="approve", label="drop_off")
    line = {"line_id": await counter.line(), "quantity": 2, "reason": "unwanted"}
    path = f"/v1/orders/{counter.life.order_id}/returns"
    answers = await asyncio.gather(*(api.post(path, json={"lines": [line]}) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [201, *[409] * 7]


async def test_pieces_with_serial_numbers_are_named(shop: Shop, api: httpx2.AsyncClient) -> None:
    counter = Counter(api, await arrived(shop))
    await counter.policy(decides="approve", label="drop_off")
    made = await counter.ask(1)
    parcel = (await counter.life.order()).shipments[0].id
    await shop.pool.execute("UPDATE items SET serial_tracked = true WHERE sku = 'SHIRT'")
    await shop.pool.execute(
        "INSERT INTO serials (sku, serial, status, order_id, line_id, shipment_id)"
        " SELECT 'SHIRT', s, 'shipped', $1, $2, $3 FROM unnest(ARRAY['A1', 'A2']) AS s",
        counter.life.order_id,
        await counter.line(),
        parcel,
    )
    line = {"line_id": await counter.line(), "quantity": 1}
    path = f"/v1/returns/{made['id']}/receive"
    assert await counter.refused(path, {"lines": [line]}) == "serials_required"
    assert await counter.refused(path, {"lines": [{**line, "serials": ["B9"]}]}) == (
        "serials_required"
    )
    await counter.call(made["id"], "receive", lines=[{**line, "serials": ["A2"]}])
    statuses = await shop.pool.fetch("SELECT serial, status FROM serials ORDER BY serial")
    assert [tuple(row) for row in statuses] == [("A1", "shipped"), ("A2", "in_stock")]
    scrap = {**line, "disposition": "scrap"}
    path = f"/v1/returns/{made['id']}/inspect"
    assert await counter.refused(path, {"lines": [scrap]}) == "serials_required"
    await counter.call(made["id"], "inspect", lines=[{**scrap, "serials": ["A2"]}])
    assert await shop.pool.fetchval("SELECT status FROM serials WHERE serial = 'A2'") == "gone"


async def test_units_that_left_quarantine_meanwhile_are_not_judged(
    shop: Shop, api: httpx2.AsyncClient
) -> None:
    counter = Counter(api, await arrived(shop))
    await counter.policy(decides="approve", label="drop_off")
    made = await counter.ask(1)
    await counter.until(made["id"], status="approved")
    line = await counter.line()
    judged = {"lines": [{"line_id": line, "quantity": 1, "disposition": "restock"}]}
    path = f"/v1/returns/{made['id']}/inspect"
    assert await counter.refused(path, judged) == "nothing_received"
    await counter.receive(made["id"])
    body = {"warehouse": "MAIN", "lines": [{"sku": "SHIRT", "quantity": 1}]}
    assert (await api.post("/v1/stock/quarantine/release", json=body)).status_code == 201
    assert await counter.refused(path, judged) == "not_in_quarantine"
    assert (await api.post("/v1/stock/quarantine", json=body)).status_code == 201
    await counter.inspect(made["id"], restock=1)
    await counter.until(made["id"], status="closed")


async def test_money_that_staff_gave_before_is_not_given_twice(
    shop: Shop, api: httpx2.AsyncClient
) -> None:
    counter = Counter(api, await arrived(shop))
    await counter.policy(decides="approve", label="drop_off")
    made = await counter.ask(1)
    lines = [{"line_id": await counter.line(), "quantity": 2}]
    path = f"/v1/orders/{counter.life.order_id}/refunds"
    answer = await api.post(path, json={"reason": "damaged", "lines": lines})
    assert answer.status_code == 201, answer.text
    await counter.receive(made["id"])
    await counter.inspect(made["id"], restock=1)
    done = await counter.until(made["id"], status="closed")
    assert (done["refund"]["amount"], done["refund_id"]) == (0, None)
    assert (await counter.life.order()).lines[0].returned == 1


async def test_rules_are_kept_with_their_changes_and_need_a_general_one(
    api: httpx2.AsyncClient,
) -> None:
    first = (await api.get("/v1/return-policies")).json()
    assert [rule["decides"] for rule in first["rules"]] == ["approve"]
    rules = [
        {"country": "DE", "reason": "damaged", "window": "P1D", "decides": "ask_person"},
        {"decides": "decline", "expires_after": "P7D"},
    ]
    for _ in range(2):
        answer = await api.put("/v1/return-policies", json={"rules": rules})
        assert answer.status_code == 200
    known = (await api.get("/v1/return-policies")).json()
    assert [(r["country"], r["window"], r["expires_after"]) for r in known["rules"]] == [
        ("DE", "P1D", "P14D"),
        (None, None, "P7D"),
    ]
    [change] = (await api.get("/v1/return-policies/changes")).json()["items"]
    assert (change["before"], change["after"]) == (first, known)
    bad = [{"country": "DE", "decides": "decline", "expires_after": "PT0S", "window": "P4000D"}]
    answer = await api.put("/v1/return-policies", json={"rules": bad})
    errors = {(e["pointer"], e["code"]) for e in answer.json()["errors"]}
    assert errors == {
        ("/rules/0/expires_after", "too_small"),
        ("/rules/0/window", "too_large"),
        ("/rules", "required"),
    }
