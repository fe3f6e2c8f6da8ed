"""Parcels that come back in parts: each part is booked, claimed and paid for once."""

import asyncio

import pytest

from activities.ending_contracts import Trouble, WriteOff
from activities.endings import EndingActivities
from domain.endings import Action, Event
from domain.errors import Refused
from domain.phase import Phase
from domain.states import OrderStatus
from tests.workflows import mishaps, witness
from tests.workflows.life import Life
from tests.workflows.shop import Shop
from tests.workflows.test_accidents import another_worker_takes_over
from tests.workflows.test_cancel_fees import FEE, costs, kept

UNIT = 20_000
PAID_BACK = ("canceled", "refunded", "unfulfilled", "no_return")


async def on_its_way(shop: Shop, units: int = 3) -> tuple[Life, str]:
    """An order whose only parcel was handed over and paid for."""
    await shop.stock("SHIRT", 10)
    life = await shop.place([("SHIRT", units, units * UNIT)])
    parcel = await life.send()
    await life.until(lambda o: o.captured == units * UNIT)
    return life, parcel


async def refusal(life: Life, parcel: str, units: int) -> str:
    with pytest.raises(Refused) as refused:
        await life.receive_back(parcel, restock=units)
    return refused.value.code


async def paid_back(life: Life, units: int) -> None:
    """Wait until the money for so many units is back."""
    await life.until(lambda o: o.refunded == units * UNIT)


async def came(life: Life) -> list[dict[str, int]]:
    """What was missing after each receipt, by the timeline."""
    events = [e for e in await life.events() if e["type"] == "parcel_received_back"]
    return [e["data"].get("missing", {}) for e in events]


async def test_each_part_of_a_parcel_is_booked_and_paid_back_once(shop: Shop) -> None:
    life, parcel = await on_its_way(shop)
    [line] = (await life.order()).lines
    await life.receive_back(parcel, restock=1)
    await life.until(lambda o: o.refunded == UNIT)
    await life.receive_back(parcel, quarantine=1)
    await life.until(lambda o: o.refunded == 2 * UNIT)
    assert await life.axes() == ("confirmed", "partially_refunded", "fulfilled", "no_return")
    await life.asks_for_help("parcel_returned")
    assert await refusal(life, parcel, 2) == "too_many_units"
    await life.receive_back(parcel, restock=1)
    await life.finished()
    assert await life.axes() == PAID_BACK
    assert await life.at_provider() == [("captured", 3 * UNIT, 3 * UNIT)]
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (10, 0)}
    assert await mishaps.ledger(life, "SHIRT") == {
        "allocate": (0, 0),
        "ship": (-3, 0),
        "return": (3, 0),
        "quarantine": (0, 1),
    }
    assert await mishaps.claims(life) == []
    assert await came(life) == [{line.id: 2}, {line.id: 1}, {}]
    assert (await life.types()).count("parcel_refunded") == 3
    told = [milestone for milestone, _ in await witness.told(life)]
    assert (told.count("canceled"), told.count("refunded")) == (3, 3)
    assert await refusal(life, parcel, 1) == "already_received"


@pytest.mark.parametrize("fee", [FEE, UNIT + FEE])
async def test_the_rest_of_a_stopped_parcel_ends_the_cancellation_and_costs_the_fee_once(
    shop: Shop, fee: int
) -> None:
    await costs(shop, Phase.HANDED_OVER, fee=fee)
    life, parcel = await on_its_way(shop, 2)
    await life.second_thoughts()
    await life.receive_back(parcel, restock=1)
    await life.until(lambda o: o.refunded == min(UNIT, 2 * UNIT - fee))
    assert (await life.order()).recalling
    await life.receive_back(parcel, quarantine=1)
    await life.finished()
    assert await life.axes() == ("canceled", "partially_refunded", "unfulfilled", "no_return")
    assert await life.at_provider() == [("captured", 2 * UNIT, 2 * UNIT - fee)]
    assert await kept(life) == fee
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (10, 0)}
    assert await mishaps.claims(life) == []


async def test_what_turns_up_when_the_order_is_closed_is_booked_and_not_paid_again(
    shop: Shop,
) -> None:
    """Of an order that was canceled on the road, of which a person wrote off what was missing."""
    life, parcel = await on_its_way(shop)
    await life.second_thoughts()
    await life.receive_back(parcel, restock=1)
    await life.asks_for_help("parcel_returned")
    await life.resolve(parcel, "refund")
    await life.finished()
    assert await life.axes() == PAID_BACK
    claim = {"reason": "lost", "resolution": "refund", "amount": 2 * UNIT, "status": "open"}
    assert await mishaps.claims(life) == [claim]
    await life.receive_back(parcel, restock=1)
    assert await mishaps.claims(life) == [claim | {"amount": UNIT}]
    assert await refusal(life, parcel, 2) == "too_many_units"
    await life.receive_back(parcel, restock=1)
    assert await mishaps.claims(life) == [claim | {"amount": UNIT, "status": "dropped"}]
    assert await refusal(life, parcel, 1) == "already_received"
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (10, 0)}
    assert await life.at_provider() == [("captured", 3 * UNIT, 3 * UNIT)]
    assert (await life.types()).count("parcel_refunded") == 2


@pytest.mark.parametrize("action", [Action.REFUND, Action.REPLACE])
async def test_what_was_settled_at_a_scan_and_is_missing_is_claimed_when_the_rest_comes(
    shop: Shop, action: Action
) -> None:
    await mishaps.rule(shop, Event.RETURNED, action)
    life, parcel = await on_its_way(shop)
    await life.scan(parcel, "return_to_sender")
    if action is Action.REFUND:
        await life.finished()
        assert await life.axes() == PAID_BACK
    else:
        await life.until(lambda o: len(o.fulfillment_orders) == 2)
        await life.deliver(await life.send(1))
        await life.finished()
    assert await mishaps.claims(life) == []
    await life.receive_back(parcel, restock=1)
    claim = {"reason": "lost", "resolution": action, "amount": 2 * UNIT, "status": "open"}
    assert await mishaps.claims(life) == [claim]
    [told] = [e["data"] for e in await life.events() if e["type"] == "parcel_received_back"]
    assert told["claim_id"].startswith("clm_")
    await life.receive_back(parcel, quarantine=1)
    assert await mishaps.claims(life) == [claim | {"amount": UNIT}]
    await life.receive_back(parcel, restock=1)
    assert await mishaps.claims(life) == [claim | {"amount": UNIT, "status": "dropped"}]
    refunded = 3 * UNIT if action is Action.REFUND else 0
    assert await life.at_provider() == [("captured", 3 * UNIT, refunded)]


async def test_each_part_is_sent_again_by_policy_and_charged_once(shop: Shop) -> None:
    await mishaps.rule(shop, Event.RETURNED, Action.REPLACE)
    life, parcel = await on_its_way(shop, 2)
    await life.receive_back(parcel, restock=1)
    await life.until(lambda o: len(o.fulfillment_orders) == 2)
    again = await life.send(1)
    await life.receive_back(parcel, restock=1)
    await life.until(lambda o: len(o.fulfillment_orders) == 3)
    await life.asks_for_help()
    await life.deliver(again, await life.send(2))
    await life.finished()
    assert await life.axes() == ("completed", "paid", "delivered", "no_return")
    assert await life.at_provider() == [("captured", 2 * UNIT, 0)]
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (8, 0)}
    assert (await life.types()).count("capture_succeeded") == 1
    told = [milestone for milestone, _ in await witness.told(life)]
    assert (told.count("parcel_replaced"), told.count("shipped")) == (2, 3)


async def test_what_was_sent_again_and_turns_up_is_only_booked(shop: Shop) -> None:
    life, parcel = await on_its_way(shop, 2)
    await life.receive_back(parcel, restock=1)
    await life.asks_for_help("parcel_returned")
    await life.resolve(parcel, "replace")
    again = await life.send(1)
    await life.receive_back(parcel, restock=1)
    [claim] = await mishaps.claims(life)
    assert claim["status"] == "dropped"
    await life.deliver(again)
    await life.finished()
    assert await life.axes() == ("completed", "partially_refunded", "delivered", "no_return")
    assert await life.at_provider() == [("captured", 2 * UNIT, UNIT)]
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (9, 0)}


async def test_a_person_settles_all_parts_together(shop: Shop) -> None:
    await mishaps.rule(shop, Event.RETURNED, Action.ASK_PERSON)
    life, parcel = await on_its_way(shop)
    for _ in range(2):
        await life.receive_back(parcel, restock=1)
    await life.until_types("parcel_trouble", 2)
    await life.asks_for_help("parcel_returned")
    assert (await life.order()).refunded == 0
    await life.resolve(parcel, "refund")
    await life.finished()
    assert await life.at_provider() == [("captured", 3 * UNIT, 3 * UNIT)]
    # The carrier owes for what is missing alone.
    claim = {"reason": "lost", "resolution": "refund", "amount": UNIT, "status": "open"}
    assert await mishaps.claims(life) == [claim]


async def test_a_unit_that_was_given_up_before_is_the_first_that_came(shop: Shop) -> None:
    """So it is not claimed any more, and not paid back for a second time."""
    life, parcel = await on_its_way(shop)
    await life.scan(parcel, "lost")
    await life.asks_for_help("parcel_lost")
    await life.cancel_units(1)
    await life.receive_back(parcel, restock=1)
    claim = {"reason": "lost", "resolution": "refund", "amount": UNIT, "status": "dropped"}
    assert await mishaps.claims(life) == [claim]
    await life.asks_for_help("parcel_lost", "parcel_returned")
    assert (await life.order()).refunded == UNIT
    await life.receive_back(parcel, restock=1)
    await life.until(lambda o: o.refunded == 2 * UNIT)
    await life.resolve(parcel, "refund")
    await life.finished()
    assert await life.axes() == PAID_BACK
    assert await life.at_provider() == [("captured", 3 * UNIT, 3 * UNIT)]
    assert await mishaps.claims(life) == [claim | {"status": "open"}]


@pytest.mark.parametrize("step", ["decide_trouble", "write_off_parcel", "close_order"])
async def test_a_worker_that_dies_while_the_rest_is_paid_back_changes_nothing(
    shop: Shop, step: str
) -> None:
    life, parcel = await on_its_way(shop, 2)
    await life.receive_back(parcel, restock=1)
    await life.until_types("refund_succeeded")
    shop.accident.arm(step)
    rescue = asyncio.create_task(another_worker_takes_over(shop))
    await life.receive_back(parcel, restock=1)
    await life.finished()
    await rescue
    assert await life.axes() == PAID_BACK
    assert await life.at_provider() == [("captured", 2 * UNIT, 2 * UNIT)]
    assert await witness.levels(shop, "SHIRT") == {"MAIN": (10, 0)}
    assert (await life.order()).status is OrderStatus.CANCELED
    types = await life.types()
    twice = ("parcel_received_back", "parcel_refunded", "refund_succeeded")
    assert {type_: types.count(type_) for type_ in twice} == dict.fromkeys(twice, 2)


@pytest.mark.parametrize("parts", [(3,), (1, 1), (1, 2)])
async def test_a_worker_that_dies_before_it_tells_that_units_were_settled_leaves_nothing_undone(
    shop: Shop, parts: tuple[int, ...]
) -> None:
    """Its steps are in the rows and not in the history, so the next worker begins them anew: the
    order that they answer is ahead of what is still to be done.
    """
    life, parcel = await on_its_way(shop)
    for number, units in enumerate(parts):
        before = sum(parts[:number])
        await paid_back(life, before)
        await shop.close()
        await life.receive_back(parcel, restock=units)
        await _settled_by_a_dead_worker(shop, life, parcel, before)
        await shop.open()
    await paid_back(life, sum(parts))
    if sum(parts) < 3:
        await life.asks_for_help("parcel_returned")
        await life.receive_back(parcel, restock=1)
    await life.finished()
    assert await life.axes() == PAID_BACK
    assert await life.at_provider() == [("captured", 3 * UNIT, 3 * UNIT)]
    told = [milestone for milestone, _ in await witness.told(life)]
    assert told.count("canceled") == (await life.types()).count("parcel_refunded")


async def _settled_by_a_dead_worker(shop: Shop, life: Life, parcel: str, before: int) -> None:
    """What a worker wrote that did not live to tell of it."""
    steps = EndingActivities(shop.pool)
    cause, part = (f":{before}", f":rest:{before}") if before else ("", "")
    received = Trouble(life.order_id, f"received:{parcel}{cause}", parcel, Event.RETURNED)
    decided = await steps.decide_trouble(received)
    await steps.write_off_parcel(
        WriteOff(life.order_id, f"write-off:{parcel}{part}", parcel, decided.action, decided.event)
    )
