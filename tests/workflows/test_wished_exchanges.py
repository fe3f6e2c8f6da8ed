"""Exchanges that customers ask for with a return: opened on approval, or put before staff."""

from datetime import timedelta
from typing import Any

import httpx2
import pytest

from tests.workflows import witness
from tests.workflows.goods_back import PRICE, arrived
from tests.workflows.life import Life, eventually
from tests.workflows.sending_back import Sending
from tests.workflows.shop import Shop
from tests.workflows.test_exchanges import Swap, ends, free, held

UNIT = PRICE // 2
NOBODY_OPENED = ("return", "exchange_wanted", ["exchange", "cancel_return"])


@pytest.fixture
def changes(changes: dict[str, Any]) -> dict[str, Any]:
    """New orders end soon after they arrive; the rules here give returns their time."""
    return {**changes, "return_window": timedelta(seconds=0.2)}


class Wish(Swap):
    """The counter of a customer who wants the same again."""

    async def wished(self, decides: str, fee: int = 0) -> str:
        """A return that asks for an exchange, under such a rule; its id."""
        general = {"decides": decides, "label": "drop_off", "window": "P14D"}
        costs = {"reason": "damaged", "fee": {"amount": fee, "currency": "TRY"}}
        await self.policy(*([general | costs] if fee else []), **general)
        made = await self.ask(reason="damaged", wants="exchange")
        assert made["wants"] == "exchange"
        return str(made["id"])

    async def new(self) -> Life:
        """The order that is sent in its place."""
        return Life(self.life.shop, (await self.exchange())["new_order_id"])

    async def waits(self, return_id: str) -> list[tuple[Any, ...]]:
        """What of it waits for a person."""
        answer = await self.api.get("/v1/attention")
        return [
            (one["kind"], one["code"], one["can"])
            for one in answer.json()["items"]
            if one["id"] == return_id
        ]


@pytest.mark.parametrize("decides", ["approve", "ask_person"])
async def test_it_is_opened_when_the_return_is_approved(
    shop: Shop, api: httpx2.AsyncClient, decides: str
) -> None:
    counter = Wish(api, await arrived(shop))
    return_id = await counter.wished(decides)
    if decides == "ask_person":
        order = (await api.get(f"/v1/orders/{counter.life.order_id}")).json()
        assert order["exchanges"] == []
        path = f"/v1/returns/{return_id}/exchange"
        assert await counter.refused(path, await counter.again()) == "return_not_open"
        await counter.call(return_id, "approve")
        assert await counter.refused(path, await counter.again()) == "exchange_exists"
    assert await counter.waits(return_id) == []
    new = await counter.new()
    await held(new)
    await counter.back(return_id)
    await free(new)
    await ends(shop, new, "completed", "paid", "delivered", "no_return")


async def test_one_that_was_approved_and_never_opened_waits_for_a_person(
    shop: Shop, api: httpx2.AsyncClient
) -> None:
    counter = Wish(api, await arrived(shop))
    return_id = await counter.wished("ask_person")

    async def decision_waits() -> bool:
        return [code for _, code, _ in await counter.waits(return_id)] == ["return_decision"]

    await eventually(decision_waits)
    # As when the API ends between the approval and what follows from it.
    sending = Sending(shop, counter.life, return_id, await counter.line())
    await sending.ask("approve")
    await counter.until(return_id, status="approved")
    assert await counter.waits(return_id) == [NOBODY_OPENED]
    _, new = await counter.same(return_id)
    assert await counter.waits(return_id) == []
    await counter.back(return_id)
    await free(new)
    await ends(shop, new, "completed", "paid", "delivered", "no_return")
    await witness.compare_all_books(shop)


@pytest.mark.parametrize("decides", ["approve", "ask_person"])
async def test_one_that_cannot_be_opened_is_told_and_waits_until_the_return_ends(
    shop: Shop, api: httpx2.AsyncClient, decides: str
) -> None:
    counter = Wish(api, await arrived(shop))
    return_id = await counter.wished(decides, fee=UNIT)
    if decides == "ask_person":
        await counter.call(return_id, "approve")
    await counter.until(return_id, status="approved")
    [told] = [e for e in await counter.life.events() if e["type"] == "exchange_refused"]
    assert (told["data"]["return_id"], told["data"]["code"]) == (return_id, "nothing_to_exchange")
    assert await counter.waits(return_id) == [NOBODY_OPENED]
    await counter.back(return_id)
    assert await counter.waits(return_id) == []
    await witness.compare_all_books(shop)
