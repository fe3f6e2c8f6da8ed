"""Parcels that do not arrive, over HTTP: rules, a person's word, what comes back, claims."""

import asyncio

import httpx2
import pytest
from temporalio.client import Client

from activities.contracts import Asked, HandOver, Packed, PackedParcel
from activities.ending_contracts import WriteOff
from activities.endings import EndingActivities
from activities.fulfillment import FulfillmentActivities
from db.pool import Pool
from tests.api.conftest import Open
from tests.api.engine import obedient_worker
from tests.api.orders import Shopfront, codes
from tests.api.storehouse import Storehouse
from tests.api.test_access import bearer, key_with
from workflows.ids import order_workflow_id

POLICY = "/v1/delivery-policies"


async def sent(store: Storehouse, sku: str = "A", **pieces: list[str]) -> tuple[str, str, str]:
    """A parcel of two units that was handed over: the order's id, its own, the line's."""
    told = {"serials": pieces["serials"]} if pieces else {}
    await store.receive({"sku": sku, "quantity": 5 if not pieces else 2, **told})
    order_id, work, [line] = await store.order((sku, 2))
    steps = FulfillmentActivities(store.pool, "sandbox")
    parcel = PackedParcel("shp_1", {line: 2}, 1, 1, 1, 1, {line: pieces.get("serials", [])})
    by = Asked("hall", "warehouse")
    await steps.record_parcels(Packed(order_id, "pack", work, [parcel], by))
    await store.pool.execute("UPDATE shipments SET status = 'label_purchased', carrier = 'SBX'")
    await steps.record_hand_over(HandOver(order_id, "ship", ["shp_1"], by, 60))
    return order_id, "shp_1", line


async def write_off(pool: Pool, order_id: str, resolution: str = "refund") -> None:
    task = WriteOff(order_id, "write-off", "shp_1", resolution, "lost")
    await EndingActivities(pool).write_off_parcel(task)


async def test_rules_are_read_changed_and_every_change_is_kept(api: httpx2.AsyncClient) -> None:
    old = (await api.get(POLICY)).json()
    assert [(r["event"], r["action"], r["after"]) for r in old["rules"]] == [
        ("attempted", "wait", "P3D"),
        ("delayed", "wait", "P5D"),
        ("lost", "replace", "P2D"),
        ("returned_to_sender", "refund", "P14D"),
        ("no_news", "ask_person", "PT0S"),
    ]
    first = {
        "event": "lost",
        "country": "DE",
        "value_up_to": {"amount": 5_000, "currency": "EUR"},
        "action": "refund",
        "after": "PT12H",
        "tell_customer": False,
    }
    new = {"rules": [first, *old["rules"]]}
    for _ in range(2):
        changed = await api.put(POLICY, json=new)
        assert (changed.status_code, changed.json()) == (200, new)
    assert (await api.get(POLICY)).json() == new
    assert (await api.put(POLICY, json=old)).json() == old
    kept = (await api.get(f"{POLICY}/changes")).json()["items"]
    assert [(row["before"], row["after"]) for row in kept] == [(new, old), (old, new)]
    assert {row["actor"] for row in kept} == {"dev"}


@pytest.mark.parametrize(
    ("change", "where", "code"),
    [
        ({"after": "P400D"}, "/rules/0/after", "too_large"),
        ({"after": "P1D1H"}, "/rules/0/after", "bad_format"),
        ({"after": "PT"}, "/rules/0/after", "bad_format"),
        ({"country": "XX"}, "/rules/0/country", "unknown_country"),
        ({"action": "shrug"}, "/rules/0/action", "not_allowed"),
        ({"event": "delayed"}, "/rules", "required"),
    ],
)
async def test_rules_that_are_none_are_refused(
    standing_api: httpx2.AsyncClient, change: dict[str, str], where: str, code: str
) -> None:
    rules = (await standing_api.get(POLICY)).json()["rules"]
    refused = await standing_api.put(POLICY, json={"rules": [rules[0] | change, *rules[1:]]})
    assert refused.status_code == 422
    assert codes(refused)[where] == code
    assert (await standing_api.get(POLICY)).json()["rules"] == rules


async def test_support_reads_the_rules_and_admins_change_them(api: httpx2.AsyncClient) -> None:
    desk = bearer(await key_with(api, "support"))
    shop = bearer(await key_with(api, "storefront"))
    known = await api.get(POLICY, headers=desk)
    assert known.status_code == 200
    assert (await api.put(POLICY, json=known.json(), headers=desk)).status_code == 403
    assert (await api.get(POLICY, headers=shop)).status_code == 403


async def test_a_parcel_that_comes_back_is_in_the_books_again(store: Storehouse) -> None:
    order_id, parcel, line = await sent(store)
    path = f"/v1/shipments/{parcel}/receive-back"
    body = {
        "lines": [
            {"line_id": line, "quantity": 1, "disposition": "restock"},
            {"line_id": line, "quantity": 1, "disposition": "quarantine"},
        ],
        "note": "one box is wet",
    }
    answers = [await store.post(path, body, **{"idempotency-key": "once"}) for _ in range(2)]
    assert [a.status_code for a in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert answers[0].json()["warehouse"] == "MAIN"
    level = await store.level("A")
    assert (level["on_hand"], level["damaged"], level["quarantined"]) == (5, 1, 1)
    assert await store.refused(path, body) == "already_received"
    [shipment] = (await Shopfront(store.api).get(order_id))["shipments"]
    assert shipment["trouble"]["warehouse"] == "MAIN"
    assert shipment["trouble"]["received_at"] is not None
    events = await Shopfront(store.api).events(order_id)
    told = [e for e in events if e["type"] == "parcel_received_back"]
    assert [(e["actor"], e["note"]) for e in told] == [("dev", "one box is wet")]
    refused = [e["data"]["code"] for e in events if e["type"] == "receive_back_refused"]
    assert refused == ["already_received"]
    query = "SELECT payload FROM outbox WHERE kind = 'parcel_received'"
    assert await store.pool.fetchval(query) == {"shipment_id": parcel}


async def test_without_a_word_all_of_it_waits_in_quarantine(store: Storehouse) -> None:
    _, parcel, _ = await sent(store)
    answer = await store.done(f"/v1/shipments/{parcel}/receive-back", {"warehouse": "WEST"})
    assert [x["disposition"] for x in answer["lines"]] == ["quarantine"]
    level = await store.level("A", "WEST")
    assert (level["on_hand"], level["available"], level["quarantined"]) == (2, 0, 2)


async def test_the_rest_of_a_parcel_comes_later(store: Storehouse) -> None:
    order_id, parcel, line = await sent(store)
    path = f"/v1/shipments/{parcel}/receive-back"
    one = {"lines": [{"line_id": line, "quantity": 1, "disposition": "restock"}]}
    await store.done(path, one)
    answers = [
        await store.post(path, {"warehouse": "WEST"}, **{"idempotency-key": "rest"})
        for _ in range(2)
    ]
    assert [a.status_code for a in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    # Without a word it is all that was missing.
    rest = {"line_id": line, "quantity": 1, "disposition": "quarantine"}
    assert answers[0].json()["lines"] == [rest]
    assert (await store.level("A"))["on_hand"] == 4
    west = await store.level("A", "WEST")
    assert (west["on_hand"], west["quarantined"]) == (1, 1)
    assert await store.refused(path, one) == "already_received"
    causes = await store.pool.fetch(
        "SELECT cause, sum(on_hand)::int AS units FROM stock_movements"
        " WHERE order_id = $1 AND kind = 'return' GROUP BY cause ORDER BY cause",
        order_id,
    )
    first = f"{order_id}:back:{parcel}"
    assert [tuple(row) for row in causes] == [(first, 1), (f"{first}:1", 1)]
    [shipment] = (await Shopfront(store.api).get(order_id))["shipments"]
    assert shipment["trouble"]["warehouse"] == "MAIN"
    events = await Shopfront(store.api).events(order_id)
    told = [e["data"] for e in events if e["type"] == "parcel_received_back"]
    assert sorted(data.get("missing", {}).get(line, 0) for data in told) == [0, 1]
    news = await store.pool.fetch(
        "SELECT payload FROM outbox WHERE kind = 'parcel_received' ORDER BY id"
    )
    assert [row["payload"] for row in news] == [
        {"shipment_id": parcel},
        {"shipment_id": parcel, "before": 1},
    ]


async def test_more_than_is_missing_does_not_come_later(store: Storehouse) -> None:
    _, parcel, line = await sent(store)
    path = f"/v1/shipments/{parcel}/receive-back"
    one = {"lines": [{"line_id": line, "quantity": 1}]}
    await store.done(path, one)
    two = {"lines": [{"line_id": line, "quantity": 2}]}
    assert await store.refused(path, two) == "too_many_units"
    assert await store.refused(path, {"lines": one["lines"] * 2}) == "too_many_units"
    assert (await store.level("A"))["on_hand"] == 4
    # Two who report the same unit at once: one of them does.
    answers = await asyncio.gather(*(store.post(path, one) for _ in range(2)))
    assert sorted(a.status_code for a in answers) == [201, 409]
    assert (await store.level("A"))["on_hand"] == 5


async def test_a_box_that_came_empty_may_be_filled_later(store: Storehouse) -> None:
    order_id, parcel, _ = await sent(store)
    await write_off(store.pool, order_id)
    path = f"/v1/shipments/{parcel}/receive-back"
    await store.done(path, {"lines": []})
    [claim] = (await store.api.get("/v1/claims")).json()["items"]
    assert (claim["status"], claim["amount"]["amount"]) == ("open", 200)
    await store.done(path, {})
    [claim] = (await store.api.get("/v1/claims")).json()["items"]
    assert claim["status"] == "dropped"
    assert (await store.level("A"))["on_hand"] == 5
    assert await store.refused(path, {"lines": []}) == "already_received"


async def test_what_cannot_come_back_is_refused(store: Storehouse) -> None:
    _, parcel, line = await sent(store)
    path = f"/v1/shipments/{parcel}/receive-back"
    many = {"lines": [{"line_id": line, "quantity": 3}]}
    other = {"lines": [{"line_id": "lin_other", "quantity": 1}]}
    assert await store.refused(path, many) == "too_many_units"
    assert await store.refused(path, other) == "unknown_line"
    nowhere = await store.post(path, {"warehouse": "NOWHERE"})
    assert (nowhere.status_code, codes(nowhere)) == (
        422,
        {"/warehouse": "unknown_warehouse"},
    )
    unknown = await store.post("/v1/shipments/shp_other/receive-back", {})
    assert unknown.status_code == 404
    await store.pool.execute("UPDATE shipments SET status = 'delivered'")
    assert await store.refused(path, {}) == "parcel_delivered"
    await store.pool.execute("UPDATE shipments SET status = 'packed'")
    assert await store.refused(path, {}) == "not_shipped"
    assert (await store.level("A"))["on_hand"] == 3


async def test_numbered_pieces_come_back_by_their_numbers(store: Storehouse) -> None:
    _, parcel, line = await sent(store, "PHONE", serials=["P1", "P2"])
    path = f"/v1/shipments/{parcel}/receive-back"
    one = {"line_id": line, "quantity": 1, "disposition": "restock"}
    assert await store.refused(path, {"lines": [one]}) == "serials_required"
    assert await store.refused(path, {"lines": [one | {"serials": ["P9"]}]}) == "serials_required"
    await store.done(path, {"lines": [one | {"serials": ["P2"]}]})
    listed = (await store.api.get("/v1/serials?sku=PHONE")).json()["items"]
    states = {row["serial"]: (row["status"], row["warehouse"]) for row in listed}
    assert states == {"P1": ("shipped", None), "P2": ("in_stock", "MAIN")}
    # What came is not named a second time; of the rest there is but one.
    again = {"lines": [one | {"serials": ["P2"]}]}
    assert await store.refused(path, again) == "serials_required"
    await store.done(path, {"lines": [one]})
    listed = (await store.api.get("/v1/serials?serial=P1")).json()["items"]
    assert [row["status"] for row in listed] == ["in_stock"]


async def test_claims_show_what_was_lost_and_what_came_of_it(store: Storehouse) -> None:
    order_id, parcel, _ = await sent(store)
    await write_off(store.pool, order_id)
    [claim] = (await store.api.get("/v1/claims?status=open")).json()["items"]
    assert (claim["order_id"], claim["shipment_id"], claim["reason"]) == (order_id, parcel, "lost")
    assert (claim["amount"], claim["carrier"]) == ({"amount": 200, "currency": "TRY"}, "SBX")
    path = f"/v1/claims/{claim['id']}/settle"
    won = await store.done(path, {"status": "won", "recovered": 150, "note": "invoice 7"})
    assert (won["status"], won["recovered"]["amount"], won["closed_by"]) == ("won", 150, "dev")
    assert await store.refused(path, {"status": "lost"}) == "claim_closed"
    assert (await store.post("/v1/claims/clm_none/settle", {"status": "won"})).status_code == 404
    assert (await store.api.get("/v1/claims?status=open")).json()["items"] == []
    [mine] = (await store.api.get(f"/v1/claims?order_id={order_id}")).json()["items"]
    assert mine == won
    types = [e["type"] for e in await Shopfront(store.api).events(order_id)]
    assert ("claim_won" in types, types.count("claim_settle_refused")) == (True, 1)


async def test_a_claim_is_dropped_when_the_parcel_is_back(store: Storehouse) -> None:
    order_id, parcel, _ = await sent(store)
    await write_off(store.pool, order_id, "replace")
    await store.done(f"/v1/shipments/{parcel}/receive-back", {})
    [claim] = (await store.api.get("/v1/claims")).json()["items"]
    assert claim["status"] == "dropped"


async def test_a_persons_word_is_carried_to_the_order(
    open_api: Open, temporal: Client, temporal_address: str, task_queue: str
) -> None:
    async with (
        obedient_worker(temporal, task_queue),
        open_api(temporal_address=temporal_address, task_queue=task_queue) as api,
    ):
        placed = await Shopfront(api).place()
        path = f"/v1/orders/{placed['id']}/parcels/shp_1/resolve"
        body = {"action": "wait", "after": "PT36H", "note": "The depot looks for it."}
        answer = await api.post(path, json=body)
        assert (answer.status_code, answer.json()["id"]) == (200, placed["id"])
        handle = temporal.get_workflow_handle(order_workflow_id(placed["id"]))
        asked = await handle.query("last")
        assert (asked["shipment_id"], asked["action"], asked["seconds"]) == (
            "shp_1",
            "wait",
            129_600,
        )
        refused = await api.post(path, json={"action": "wait", "after": "PT0S"})
        assert (refused.status_code, refused.json()["code"]) == (409, "parcel_settled")
        wrong = await api.post(path, json={"action": "refund", "after": "P999D"})
        assert (wrong.status_code, codes(wrong)) == (422, {"/after": "too_large"})
        types = [e["type"] for e in await Shopfront(api).events(placed["id"])]
        assert types.count("resolve_requested") == 2
        assert types.count("resolve_refused") == 1
