"""Returns on bad days: workers that die, two at once, what is refused, what was done before."""

import asyncio
from datetime import timedelta
from functools import partial

import httpx2
import pytest

from tests.workflows import witness
from tests.workflows.goods_back import PRICE, SHIPPING, Counter, arrived, level
from tests.workflows.life import Life, eventually
from tests.workflows.shop import Shop
from tests.workflows.test_accidents import another_worker_takes_over
from workflows import ids
from workflows.messages import Policy


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


async def numbered(shop: Shop, api: httpx2.AsyncClient) -> tuple[Counter, str]:
    """The pieces A1 and A2 were delivered, and one shall come back; the return's id."""
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
    return counter, made["id"]


async def test_pieces_with_serial_numbers_are_named(shop: Shop, api: httpx2.AsyncClient) -> None:
    counter, return_id = await numbered(shop, api)
    line = {"line_id": await counter.line(), "quantity": 1}
    path = f"/v1/returns/{return_id}/receive"
    assert await counter.refused(path, {"lines": [line]}) == "serials_required"
    assert await counter.refused(path, {"lines": [{**line, "serials": ["B9"]}]}) == (
        "serials_required"
    )
    await counter.call(return_id, "receive", lines=[{**line, "serials": ["A2"]}])
    statuses = await shop.pool.fetch("SELECT serial, status FROM serials ORDER BY serial")
    assert [tuple(row) for row in statuses] == [("A1", "shipped"), ("A2", "in_stock")]
    scrap = {**line, "disposition": "scrap"}
    path = f"/v1/returns/{return_id}/inspect"
    assert await counter.refused(path, {"lines": [scrap]}) == "serials_required"
    other = {**scrap, "serials": ["A1"]}
    assert await counter.refused(path, {"lines": [other]}) == "serials_required"
    await counter.call(return_id, "inspect", lines=[{**scrap, "serials": ["A2"]}])
    assert await shop.pool.fetchval("SELECT status FROM serials WHERE serial = 'A2'") == "gone"


async def test_a_rejected_piece_is_the_customers_and_may_come_again(
    shop: Shop, api: httpx2.AsyncClient
) -> None:
    counter, return_id = await numbered(shop, api)
    line = {"line_id": await counter.line(), "quantity": 1, "serials": ["A2"]}
    await counter.call(return_id, "receive", lines=[line])
    await counter.call(return_id, "inspect", lines=[{**line, "disposition": "reject"}])
    await counter.until(return_id, status="closed")
    again = (await counter.ask(1))["id"]
    await counter.until(again, status="approved")
    await counter.call(again, "receive", lines=[line])
    restock = {"line_id": line["line_id"], "quantity": 1, "disposition": "restock"}
    await counter.call(again, "inspect", lines=[restock])
    done = await counter.until(again, status="closed")
    assert done["refund"]["amount"] == PRICE // 2


async def test_parcels_of_one_return_come_to_two_warehouses(
    shop: Shop, api: httpx2.AsyncClient
) -> None:
    counter = Counter(api, await arrived(shop))
    await shop.stock("SHIRT", 3, "EAST")
    quarantined = {"warehouse": "EAST", "lines": [{"sku": "SHIRT", "quantity": 3}]}
    assert (await api.post("/v1/stock/quarantine", json=quarantined)).status_code == 201
    await counter.policy(decides="approve", label="drop_off")
    made = await counter.ask(2)
    await counter.receive(made["id"], 1)
    await counter.receive(made["id"], 1, warehouse="EAST")
    line, path = await counter.line(), f"/v1/returns/{made['id']}/inspect"
    one = {"line_id": line, "quantity": 1, "disposition": "restock"}
    answer = await api.post(path, json={"lines": [one]})
    assert (answer.status_code, answer.json()["code"]) == (409, "which_warehouse")
    assert answer.json()["current"]["warehouses"] == "EAST: 1, MAIN: 1"
    two = {"lines": [{**one, "quantity": 2}], "warehouse": "EAST"}
    assert await counter.refused(path, two) == "too_many_units"
    await counter.call(made["id"], "inspect", lines=[one], warehouse="EAST")
    await counter.call(made["id"], "inspect", lines=[one])
    done = await counter.until(made["id"], status="closed")
    assert done["refund"]["amount"] == PRICE + SHIPPING
    levels = await shop.pool.fetch(
        "SELECT warehouse, on_hand, quarantined FROM stock_levels ORDER BY warehouse"
    )
    assert [tuple(row) for row in levels] == [("EAST", 4, 3), ("MAIN", 8, 0)]


async def test_goods_that_came_before_the_decision_need_none(
    shop: Shop, api: httpx2.AsyncClient
) -> None:
    counter = Counter(api, await arrived(shop))
    await counter.policy(decides="ask_person", label="drop_off")
    made = await counter.ask(2)
    await counter.attention("return_decision")
    await counter.receive(made["id"], 1)
    assert (await counter.read(made["id"]))["expires_at"]
    await counter.attention()


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


async def test_a_return_and_the_closing_of_its_order_at_the_same_moment(
    shop: Shop, api: httpx2.AsyncClient
) -> None:
    shop.policy = Policy(return_window=0.3, step_retry_interval=0.5, step_attempts=2)
    answer = await api.put(
        "/v1/return-policies", json={"rules": [{"decides": "ask_person", "label": "drop_off"}]}
    )
    assert answer.status_code == 200

    async def both() -> tuple[Counter, str]:
        counter = Counter(api, await arrived(shop, closed=False))
        made, _ = await asyncio.gather(counter.ask(1), counter.life.finished())
        return counter, made["id"]

    for counter, return_id in await asyncio.gather(*(both() for _ in range(4))):
        await counter.attention("return_decision")
        await counter.call(return_id, "approve")
        await counter.attention()
        assert await counter.life.axes() == ("completed", "paid", "delivered", "in_progress")


async def test_goods_at_the_dock_and_a_cancellation_at_once_have_one_end(
    shop: Shop, api: httpx2.AsyncClient
) -> None:
    counter = Counter(api, await arrived(shop))
    await counter.policy(decides="approve", label="drop_off")
    made = await counter.ask(1)
    await counter.until(made["id"], status="approved")
    lines = {"lines": [{"line_id": await counter.line(), "quantity": 1}]}
    path = f"/v1/returns/{made['id']}"
    answers = await asyncio.gather(
        api.post(f"{path}/receive", json=lines),
        api.post(f"{path}/cancel", json={"reason": "customer_keeps_it"}),
    )
    good = [answer.status_code for answer in answers]
    assert good in ([201, 409], [409, 200])
    status = (await counter.read(made["id"]))["status"]
    assert status == ("received" if good[0] == 201 else "canceled")
    assert await level(shop) == ((8, 1, 1) if good[0] == 201 else (7, 0, 0))


async def test_a_customer_sends_back_and_keeps_after_all_on_the_page_of_the_order(
    shop: Shop, api: httpx2.AsyncClient
) -> None:
    counter = Counter(api, await arrived(shop))
    await counter.policy(decides="approve", label="carrier")
    token = await shop.pool.fetchval("SELECT public_token FROM orders")
    nobody, path = {"authorization": ""}, f"/track/{token}"
    assert f'href="{path}/return"' in (await api.get(path, headers=nobody)).text
    form = (await api.get(f"{path}/return", headers=nobody)).text
    version = form.partition('name="version" value="')[2].partition('"')[0]
    line = await counter.line()
    assert f'name="{line}" value="1" min="1" max="2"' in form
    fields = {"version": version, line: "2", "reason": "damaged", "note": "kırık"}
    nothing = await api.post(f"{path}/return", data=fields | {line: "0"}, headers=nobody)
    assert nothing.status_code == 409
    assert "kaç tane iade etmek istediğinizi belirtin" in nothing.text
    assert (await api.get("/v1/returns")).json()["items"] == []
    pressed = [await api.post(f"{path}/return", data=fields, headers=nobody) for _ in range(2)]
    assert [answer.status_code for answer in pressed] == [303, 303]
    tab = await api.post(f"{path}/return", data=fields | {line: "1"}, headers=nobody)
    assert (tab.status_code, tab.headers["content-type"][:9]) == (409, "text/html")
    [made] = (await api.get("/v1/returns")).json()["items"]
    assert (made["requested_by"], made["lines"][0]["note"]) == ("customer", "kırık")
    await counter.labeled(made["id"])
    page = (await api.get(path, headers=nobody)).text
    assert made["number"] in page
    assert "Etiketi yazdırın" in page
    assert f'href="{path}/return"' not in page
    late = await api.post(f"{path}/return", data=fields | {"version": "999"}, headers=nobody)
    assert late.status_code == 409
    kept = f"{path}/returns/{made['id']}/cancel"
    assert (await api.post(kept, headers=nobody)).status_code == 303
    await counter.until(made["id"], status="canceled", reason="customer_keeps_it")
    assert f'href="{path}/return"' in (await api.get(path, headers=nobody)).text
    other = await api.post(f"{path}/returns/ret_other/cancel", headers=nobody)
    assert other.status_code == 404
    bad = await api.post(f"{path}/return", data={**fields, "reason": "x"}, headers=nobody)
    assert bad.status_code == 409


async def test_a_cancel_in_the_temporal_ui_is_a_request(
    shop: Shop, api: httpx2.AsyncClient
) -> None:
    counter = Counter(api, await arrived(shop))
    await counter.policy(decides="approve", label="drop_off")
    one, other = await counter.ask(1), await counter.ask(1)
    for made in (one, other):
        await counter.until(made["id"], status="approved")
    await counter.receive(other["id"])
    for made in (one, other):
        handle = shop.temporal.get_workflow_handle(ids.return_workflow_id(made["id"]))
        await handle.cancel()
    await counter.until(one["id"], status="canceled", reason="operator")
    await counter.life.until_types("return_cancel_refused")
    await counter.inspect(other["id"], restock=1)
    await counter.until(other["id"], status="closed")


async def test_a_parcel_that_never_comes_is_looked_for(shop: Shop, api: httpx2.AsyncClient) -> None:
    counter = Counter(api, await arrived(shop))
    await counter.policy(decides="approve", label="carrier", expires_after="PT3S")
    ret = await counter.labeled((await counter.ask(1))["id"])
    path = f"/parcels/{ret['tracking_number']}/advance"
    await shop.sandbox.control(path, {"status": "in_transit"})
    await counter.attention("return_lost")
    assert (await counter.read(ret["id"]))["status"] == "in_transit"
    await counter.receive(ret["id"])
    await counter.attention()


async def test_a_return_that_is_asked_for_while_its_order_closes_is_paid_once(
    shop: Shop, api: httpx2.AsyncClient
) -> None:
    shop.policy = Policy(return_window=0, step_retry_interval=0.5, step_attempts=2)
    await shop.stock("SHIRT", 20)

    async def raced(number: int) -> tuple[Counter, str]:
        """The window ends with the delivery; the customer asks right after it, or a bit later."""
        life = await shop.place([("SHIRT", 2, PRICE)], shipping=SHIPPING)
        counter = Counter(api, life)
        await life.deliver(await life.send())
        await life.until(lambda o: o.delivered_units == 2 and (number % 2 or o.settled))
        made, _ = await asyncio.gather(counter.ask(1), life.finished())
        return counter, str(made["id"])

    for counter, return_id in await asyncio.gather(*(raced(number) for number in range(10))):
        await counter.receive(return_id)
        await counter.inspect(return_id, restock=1)
        await counter.until(return_id, status="closed")
        await eventually(partial(_paid_back, counter.life))


async def _paid_back(life: Life) -> bool:
    bank, axes = await life.at_provider(), await life.axes()
    paid = ("completed", "partially_refunded", "delivered", "returned")
    return bank == [("captured", PRICE + SHIPPING, PRICE // 2)] and axes == paid
