"""Rounds over the work of many orders: each unit for one picker, each order told of its own."""

import asyncio
from typing import Any

from activities.contracts import Cancel
from activities.orders import OrderActivities
from db import closings
from tests.api.orders import Shopfront, codes
from tests.api.storehouse import Storehouse
from tests.api.test_quarantine import day
from tests.integration.agreement import everything_agrees


async def round_of(store: Storehouse, **body: Any) -> dict[str, Any]:
    return await store.done("/v1/pick-lists", {"warehouse": "MAIN", **body})


def walked(made: dict[str, Any]) -> list[tuple[str | None, str, str | None, int]]:
    return [(t["bin"], t["sku"], t["lot"], t["quantity"]) for t in made["tasks"]]


async def test_many_orders_are_one_walk(store: Storehouse) -> None:
    await store.receive(
        {"sku": "A", "quantity": 9, "bin": "B-02"},
        {"sku": "B", "quantity": 9, "bin": "A-01"},
        {"sku": "MILK", "quantity": 3, "lot": "NEW", "expires_on": day(60), "bin": "A-01"},
        {"sku": "MILK", "quantity": 2, "lot": "OLD", "expires_on": day(9), "bin": "BULK"},
    )
    first = await store.order(("A", 2), ("MILK", 3))
    urgent = await store.order(("A", 1), ("B", 1), priority=5)
    made = await round_of(store, picker="Deniz")
    assert (made["picker"], made["status"]) == ("Deniz", "in_progress")
    assert [slot["order_id"] for slot in made["slots"]] == [urgent[0], first[0]]
    assert walked(made) == [
        ("A-01", "B", None, 1),
        ("A-01", "MILK", "NEW", 1),
        ("B-02", "A", None, 3),
        ("BULK", "MILK", "OLD", 2),
    ]
    assert [(p["slot"], p["quantity"]) for p in made["tasks"][2]["parts"]] == [(1, 1), (2, 2)]
    path = f"/v1/pick-lists/{made['id']}"
    half = await store.done(f"{path}/pick", {"tasks": [{"task": 3, "quantity": 2}]})
    assert [(p["picked"], p["left"]) for p in half["tasks"][2]["parts"]] == [(1, 0), (1, 1)]
    rest = [{"task": n, "quantity": q} for n, q in ((1, 1), (2, 1), (3, 1), (4, 2))]
    done = await store.done(f"{path}/pick", {"tasks": rest})
    assert done["status"] == "done"
    assert await store.places("MILK") == {("A-01", "NEW"): 2}
    assert (await store.level("A"))["placed"] == 6
    work = (await store.api.get(f"/v1/fulfillment-orders/{first[1]}")).json()
    assert [(x["sku"], x["picked"]) for x in work["lines"]] == [("A", 2), ("MILK", 3)]
    moved = (await store.api.get("/v1/stock/places/movements?lot=OLD")).json()["items"]
    assert (moved[0]["kind"], moved[0]["quantity"]) == ("pick", -2)
    assert moved[0]["order_id"] == first[0]
    events = await Shopfront(store.api).events(first[0])
    assert [e["type"] for e in events if e["type"] == "picked"] == ["picked", "picked"]
    await everything_agrees(store.pool)


async def test_two_pickers_never_get_the_same_work_or_the_same_units(store: Storehouse) -> None:
    await store.receive(
        {"sku": "A", "quantity": 6, "bin": "A-01"}, {"sku": "A", "quantity": 6, "bin": "B-02"}
    )
    for _ in range(12):
        await store.order(("A", 1))
    lists = await asyncio.gather(*(round_of(store, picker=f"P{n}", max_orders=3) for n in range(4)))
    claimed = [slot["fulfillment_order_id"] for made in lists for slot in made["slots"]]
    assert len(claimed) == len(set(claimed)) == 12
    units: dict[str, int] = {}
    for made in lists:
        for bin_, _, _, quantity in walked(made):
            assert bin_ is not None
            units[bin_] = units.get(bin_, 0) + quantity
    assert units == {"A-01": 6, "B-02": 6}
    assert await store.refused("/v1/pick-lists", {"warehouse": "MAIN"}) == "nothing_to_pick"
    named = {"warehouse": "MAIN", "fulfillment_orders": claimed[:1]}
    assert await store.refused("/v1/pick-lists", named) == "already_on_a_pick_list"
    await asyncio.gather(
        *(
            store.done(
                f"/v1/pick-lists/{made['id']}/pick",
                {"tasks": [{"task": t["task"], "quantity": t["quantity"]} for t in made["tasks"]]},
            )
            for made in lists
        )
    )
    assert await store.places("A") == {}
    await everything_agrees(store.pool)


async def test_a_round_that_is_ended_gives_its_work_to_the_next(store: Storehouse) -> None:
    await store.receive({"sku": "A", "quantity": 5, "bin": "A-01"})
    order_id, work_id, _ = await store.order(("A", 3))
    made = await round_of(store)
    path = f"/v1/pick-lists/{made['id']}"
    await store.done(f"{path}/pick", {"tasks": [{"task": 1, "quantity": 1}]})
    ended = await store.done(f"{path}/cancel", {})
    assert (ended["status"], ended["tasks"][0]["left"]) == ("canceled", 0)
    more = {"tasks": [{"task": 1, "quantity": 1}]}
    assert await store.refused(f"{path}/pick", more) == "pick_list_closed"
    assert await store.refused(f"{path}/cancel", {}) == "pick_list_closed"
    again = await round_of(store, fulfillment_orders=[work_id])
    assert walked(again) == [("A-01", "A", None, 2)]
    types = [event["type"] for event in await Shopfront(store.api).events(order_id)]
    assert types[-1] == "pick_refused"


async def test_missing_units_go_off_the_bin_and_to_the_orders_that_lack_them(
    store: Storehouse,
) -> None:
    await store.receive({"sku": "A", "quantity": 5, "bin": "A-01"})
    first, _, _ = await store.order(("A", 2))
    second, _, _ = await store.order(("A", 2))
    made = await round_of(store)
    body = {"tasks": [{"task": 1, "quantity": 3, "short_reason": "not there"}]}
    done = await store.done(f"/v1/pick-lists/{made['id']}/pick", body)
    assert done["status"] == "done"
    assert [(p["picked"], p["short"]) for p in done["tasks"][0]["parts"]] == [(2, 0), (1, 1)]
    assert await store.places("A") == {("A-01", None): 1}
    news = await store.pool.fetch("SELECT order_id FROM outbox WHERE kind = 'short_pick'")
    assert [row["order_id"] for row in news] == [second]
    reasons = await store.pool.fetch(
        "SELECT kind, quantity, reason, order_id FROM place_movements WHERE kind = 'adjust'"
    )
    assert [tuple(row) for row in reasons] == [("adjust", -1, "not there", second)]
    assert first != second


async def test_an_order_that_is_held_wants_nothing_and_stays_on_the_round(
    store: Storehouse,
) -> None:
    await store.receive({"sku": "A", "quantity": 5, "bin": "A-01"})
    held, _, _ = await store.order(("A", 2))
    other, _, _ = await store.order(("A", 1))
    made = await round_of(store)
    await store.pool.execute(
        "INSERT INTO holds (id, order_id, reason, actor) VALUES ('hld_1', $1, 'other', 'tests')",
        held,
    )
    path = f"/v1/pick-lists/{made['id']}"
    seen = (await store.api.get(path)).json()
    assert [(p["order_id"], p["left"]) for p in seen["tasks"][0]["parts"]] == [
        (held, 0),
        (other, 1),
    ]
    too_many = await store.post(f"{path}/pick", {"tasks": [{"task": 1, "quantity": 3}]})
    assert (too_many.status_code, too_many.json()["code"]) == (409, "too_many_units")
    assert too_many.json()["current"] == {"task": "1", "wanted": "1"}
    assert await store.places("A") == {("A-01", None): 5}
    mine = await store.done(f"{path}/pick", {"tasks": [{"task": 1, "quantity": 1}]})
    assert mine["status"] == "in_progress"
    await store.pool.execute("UPDATE holds SET released_at = now()")
    done = await store.done(f"{path}/pick", {"tasks": [{"task": 1, "quantity": 2}]})
    assert done["status"] == "done"
    assert await store.places("A") == {("A-01", None): 2}


async def test_units_that_lie_in_another_bin_are_taken_off_that(store: Storehouse) -> None:
    await store.receive(
        {"sku": "A", "quantity": 2, "bin": "A-01"}, {"sku": "A", "quantity": 2, "bin": "B-02"}
    )
    await store.order(("A", 2))
    made = await round_of(store)
    path = f"/v1/pick-lists/{made['id']}/pick"
    assert codes(
        await store.post(path, {"tasks": [{"task": 1, "quantity": 2, "bin": "NONE"}]})
    ) == {"/tasks/0/bin": "unknown_bin"}
    assert codes(await store.post(path, {"tasks": [{"task": 9, "quantity": 2}]})) == {
        "/tasks/0/task": "unknown_task"
    }
    await store.done(path, {"tasks": [{"task": 1, "quantity": 2, "bin": "B-02"}]})
    assert await store.places("A") == {("A-01", None): 2}


async def test_a_pick_of_one_order_names_its_bins(store: Storehouse) -> None:
    await store.receive(
        {"sku": "MILK", "quantity": 2, "lot": "L1", "expires_on": day(9), "bin": "A-01"},
        {"sku": "MILK", "quantity": 2, "lot": "L2", "expires_on": day(20), "bin": "A-01"},
        {"sku": "MILK", "quantity": 2, "lot": "BAD", "expires_on": day(1), "bin": "B-02"},
    )
    _, work_id, [line_id] = await store.order(("MILK", 5))
    path = f"/v1/fulfillment-orders/{work_id}/pick"

    def found(quantity: int, **more: Any) -> dict[str, Any]:
        return {"lines": [{"line_id": line_id, "quantity": quantity, **more}]}

    assert await store.refused(path, found(1, bin="A-01")) == "lot_required"
    assert await store.refused(path, found(3, bin="A-01", lot="L1")) == "not_in_bin"
    assert codes(await store.post(path, found(1, lot="L1"))) == {"/lines/0/bin": "required"}
    both = found(2, bin="A-01", lot="L1")
    both["lines"].append({"line_id": line_id, "quantity": 1, "bin": "A-01", "lot": "L2"})
    await store.done(path, both)
    await store.pool.execute("UPDATE lots SET expires_on = '2020-01-01' WHERE lot = 'BAD'")
    assert await store.refused(path, found(1, bin="B-02")) == "lot_expired"
    await store.done(path, found(1, bin="A-01", lot="L2", short_reason="leaking"))
    assert await store.places("MILK") == {("B-02", "BAD"): 2}
    work = (await store.api.get(f"/v1/fulfillment-orders/{work_id}")).json()
    assert [(x["picked"], x["short"]) for x in work["lines"]] == [(4, 1)]
    await everything_agrees(store.pool)


async def test_rounds_are_listed_newest_first(store: Storehouse) -> None:
    await store.receive({"sku": "A", "quantity": 2, "bin": "A-01"})
    made = []
    for _ in range(2):
        await store.order(("A", 1))
        made.append((await round_of(store))["id"])
    first = (await store.api.get("/v1/pick-lists?warehouse=MAIN&limit=1")).json()
    rest = (await store.api.get(f"/v1/pick-lists?cursor={first['next_cursor']}")).json()
    assert [x["id"] for x in [*first["items"], *rest["items"]]] == made[::-1]
    assert (await store.api.get("/v1/pick-lists?status=done")).json()["items"] == []
    assert (await store.api.get("/v1/pick-lists/pkl_none")).status_code == 404
    nothing = {"warehouse": "MAIN", "fulfillment_orders": ["ful_none"]}
    assert codes(await store.post("/v1/pick-lists", nothing)) == {
        "/fulfillment_orders/0": "unknown_fulfillment_order"
    }


async def test_no_round_is_made_at_a_closed_warehouse_and_none_stays_without_work(
    store: Storehouse,
) -> None:
    await store.receive({"sku": "A", "quantity": 5, "bin": "A-01"})
    order_id, _, _ = await store.order(("A", 3))
    made = await round_of(store)
    await OrderActivities(store.pool).begin_cancel(Cancel(order_id, "cancel", "customer"))
    ended = (await store.api.get(f"/v1/pick-lists/{made['id']}")).json()
    assert ended["status"] == "canceled"
    await store.order(("A", 1))
    async with store.pool.acquire() as conn, conn.transaction():
        await closings.close(conn, "MAIN", "flood", "tests")
    assert await store.refused("/v1/pick-lists", {"warehouse": "MAIN"}) == "warehouse_closed"
