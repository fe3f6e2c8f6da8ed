"""Who may cancel when, over HTTP; and as whom a key asks."""

from typing import Any

import httpx2
import pytest
from temporalio.client import Client

from db.pool import Pool
from tests.api.conftest import Open
from tests.api.engine import obedient_worker
from tests.api.orders import Shopfront, codes
from tests.api.test_access import bearer, key_with
from workflows.ids import order_workflow_id

POLICY = "/v1/cancel-policies"
EARLY = ["before_payment", "before_picking", "picking"]


def allowed(policy: dict[str, Any], actor: str) -> list[str]:
    return [r["phase"] for r in policy["rules"] if r["actor"] == actor and r["allowed"]]


async def test_the_policy_is_read_changed_and_every_change_is_kept(api: httpx2.AsyncClient) -> None:
    old = (await api.get(POLICY)).json()
    assert allowed(old, "customer") == EARLY
    assert allowed(old, "support") == [*EARLY, "packed", "labeled", "handed_over"]
    new = {"rules": [rule | {"allowed": rule["phase"] == "picking"} for rule in old["rules"]]}
    for _ in range(2):
        changed = await api.put(POLICY, json=new)
        assert (changed.status_code, changed.json()) == (200, new)
    assert (await api.get(POLICY)).json() == new
    assert (await api.put(POLICY, json=old)).json() == old
    kept = (await api.get(f"{POLICY}/changes")).json()["items"]
    assert [(row["before"], row["after"]) for row in kept] == [(new, old), (old, new)]
    assert (await api.get("/v1/delivery-policies/changes")).json()["items"] == []


async def test_a_policy_names_each_phase_and_actor_once(standing_api: httpx2.AsyncClient) -> None:
    rules = (await standing_api.get(POLICY)).json()["rules"]
    missing = await standing_api.put(POLICY, json={"rules": rules[1:]})
    assert codes(missing) == {"/rules": "required"}
    twice = await standing_api.put(POLICY, json={"rules": [*rules, rules[0]]})
    assert codes(twice) == {"/rules/12": "duplicate"}
    unknown = await standing_api.put(POLICY, json={"rules": [rules[0] | {"phase": "asleep"}]})
    assert codes(unknown) == {"/rules/0/phase": "not_allowed"}
    assert (await standing_api.get(POLICY)).json()["rules"] == rules


async def test_a_rule_may_name_what_canceling_costs(api: httpx2.AsyncClient) -> None:
    rules = (await api.get(POLICY)).json()["rules"]
    assert {str(rule["fee"]) for rule in rules} == {"None"}
    fee = {"amount": 5_000, "currency": "TRY"}
    new = {"rules": [r | {"fee": fee if r["phase"] == "picking" else None} for r in rules]}
    assert (await api.put(POLICY, json=new)).json() == new
    assert (await api.get(POLICY)).json() == new
    early = await api.put(POLICY, json={"rules": [rules[0] | {"fee": fee}, *rules[1:]]})
    assert codes(early) == {"/rules/0/fee": "not_allowed"}
    assert (await api.get(POLICY)).json() == new


async def test_the_customer_is_told_what_canceling_costs_before_it_is_done(
    open_api: Open, pool: Pool, temporal: Client, temporal_address: str, task_queue: str
) -> None:
    async with (
        obedient_worker(temporal, task_queue),
        open_api(temporal_address=temporal_address, task_queue=task_queue) as api,
    ):
        placed = await Shopfront(api).place()
        known = (await api.get(placed["links"]["self"])).json()
        link = known["links"]["tracking_page"]
        page, nobody = link[link.index("/track/") :], {"authorization": ""}
        await pool.execute("UPDATE orders SET status = 'confirmed', confirmed_at = now()")
        await pool.execute("UPDATE payments SET status = 'authorized', authorized = amount")
        await pool.execute(
            "UPDATE cancel_policies SET fee = 5000, currency = 'TRY' WHERE phase = 'before_picking'"
        )
        sure = (await api.get(f"{page}/cancel", headers=nobody)).text
        assert "50,00" in sure or "50.00" in sure
        assert 'name="fee" value="5000"' in sure

        form = nobody | {"content-type": "application/x-www-form-urlencoded"}
        # Who was told less is asked again, and nothing happens.
        again = await api.post(f"{page}/cancel", content="fee=0", headers=form)
        assert (again.status_code, 'value="5000"' in again.text) == (200, True)
        types = [e["type"] for e in await Shopfront(api).events(placed["id"])]
        assert "cancel_requested" not in types
        done = await api.post(f"{page}/cancel", content="fee=5000", headers=form)
        assert done.status_code == 303
        event = (await Shopfront(api).events(placed["id"]))[-1]
        assert event["data"]["fees"] == {"before_picking": 5_000}


async def test_support_reads_the_policy_and_admins_change_it(api: httpx2.AsyncClient) -> None:
    desk = bearer(await key_with(api, "support"))
    known = await api.get(POLICY, headers=desk)
    assert known.status_code == 200
    assert (await api.put(POLICY, json=known.json(), headers=desk)).status_code == 403


@pytest.mark.parametrize("scopes", [("support",), ("storefront",), ("warehouse",)])
async def test_staff_cancel_by_the_phases_of_staff_and_keys_of_others_do_not(
    open_api: Open,
    temporal: Client,
    temporal_address: str,
    task_queue: str,
    scopes: tuple[str, ...],
) -> None:
    async with (
        obedient_worker(temporal, task_queue),
        open_api(temporal_address=temporal_address, task_queue=task_queue) as api,
    ):
        placed = await Shopfront(api).place()
        path, headers = f"/v1/orders/{placed['id']}/cancel", bearer(await key_with(api, *scopes))
        answer = await api.post(path, json={"reason": "customer"}, headers=headers)
        if scopes != ("support",):
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
            return
        assert answer.status_code == 200
        await asked_with(api, temporal, placed, [*EARLY, "packed", "labeled", "handed_over"])


async def asked_with(
    api: httpx2.AsyncClient, temporal: Client, placed: dict[str, Any], phases: list[str]
) -> None:
    """The workflow and the timeline know in which phases who asked may cancel."""
    asked = await temporal.get_workflow_handle(order_workflow_id(placed["id"])).query("last")
    assert sorted(asked["phases"]) == sorted(phases)
    event = (await Shopfront(api).events(placed["id"]))[-1]
    told = (event["type"], sorted(event["data"]["allowed_phases"]))
    assert told == ("cancel_requested", sorted(phases))


async def test_customers_cancel_on_their_page_as_the_policy_lets_them(
    open_api: Open, temporal: Client, temporal_address: str, task_queue: str
) -> None:
    async with (
        obedient_worker(temporal, task_queue),
        open_api(temporal_address=temporal_address, task_queue=task_queue) as api,
    ):
        placed = await Shopfront(api).place()
        known = (await api.get(placed["links"]["self"])).json()
        link = known["links"]["tracking_page"]
        page, nobody = link[link.index("/track/") :], {"authorization": ""}
        assert f'href="{page}/cancel"' in (await api.get(page, headers=nobody)).text
        sure = await api.get(f"{page}/cancel", headers=nobody)
        assert f'action="{page}/cancel"' in sure.text
        for _ in range(2):
            done = await api.post(f"{page}/cancel", headers=nobody)
            assert (done.status_code, done.headers["location"]) == (303, page)
        await asked_with(api, temporal, placed, EARLY)
        event = (await Shopfront(api).events(placed["id"]))[-1]
        assert (event["role"], event["data"]["reason"]) == ("customer", "customer_request")

        rules = (await api.get(POLICY)).json()["rules"]
        never = [rule | {"allowed": rule["actor"] == "support"} for rule in rules]
        assert (await api.put(POLICY, json={"rules": never})).status_code == 200
        assert "/cancel" not in (await api.get(page, headers=nobody)).text
        told = (await api.get(f"{page}/cancel", headers=nobody)).text
        assert 'role="status"' in told
        assert 'action="' not in told
