"""Who may cancel when, over HTTP; and as whom a key asks."""

from typing import Any

import httpx2
import pytest
from temporalio.client import Client

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


async def test_support_reads_the_policy_and_admins_change_it(api: httpx2.AsyncClient) -> None:
    desk = bearer(await key_with(api, "support"))
    known = await api.get(POLICY, headers=desk)
    assert known.status_code == 200
    assert (await api.put(POLICY, json=known.json(), headers=desk)).status_code == 403


@pytest.mark.parametrize(
    ("scopes", "phases"),
    [
        (("storefront",), EARLY),
        (("support",), [*EARLY, "packed", "labeled", "handed_over"]),
        (("storefront", "support"), [*EARLY, "packed", "labeled", "handed_over"]),
        (("warehouse",), None),
    ],
)
async def test_a_storefront_asks_as_the_customer(
    open_api: Open,
    temporal: Client,
    temporal_address: str,
    task_queue: str,
    scopes: tuple[str, ...],
    phases: list[str] | None,
) -> None:
    async with (
        obedient_worker(temporal, task_queue),
        open_api(temporal_address=temporal_address, task_queue=task_queue) as api,
    ):
        placed = await Shopfront(api).place()
        path, headers = f"/v1/orders/{placed['id']}/cancel", bearer(await key_with(api, *scopes))
        answer = await api.post(path, json={"reason": "customer"}, headers=headers)
        if phases is None:
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
            return
        assert answer.status_code == 200
        asked = await temporal.get_workflow_handle(order_workflow_id(placed["id"])).query("last")
        assert sorted(asked["phases"]) == sorted(phases)
        event = (await Shopfront(api).events(placed["id"]))[-1]
        assert (event["type"], sorted(event["data"]["allowed_phases"])) == (
            "cancel_requested",
            sorted(phases),
        )
