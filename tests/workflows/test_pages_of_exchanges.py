"""What customers see of goods that are sent in place of others: the way from page to page."""

import httpx2

from tests.workflows.goods_back import arrived
from tests.workflows.life import Life, eventually
from tests.workflows.shop import Shop
from tests.workflows.test_exchanges import Swap, free, held


async def token_of(life: Life) -> str:
    query = "SELECT public_token FROM orders WHERE id = $1"
    return str(await life.shop.pool.fetchval(query, life.order_id))


async def link_to(life: Life) -> str:
    """How a page leads to that of this order."""
    number = await life.shop.pool.fetchval("SELECT number FROM orders WHERE id = $1", life.order_id)
    return f'<a href="/track/{await token_of(life)}">{number}</a>'


async def page(api: httpx2.AsyncClient, life: Life) -> str:
    """The page as its customer opens it, who has no key."""
    answer = await api.get(f"/track/{await token_of(life)}", headers={"authorization": ""})
    assert answer.status_code == 200
    return answer.text


async def test_the_pages_of_an_exchange_lead_to_each_other(
    shop: Shop, api: httpx2.AsyncClient
) -> None:
    counter = Swap(api, await arrived(shop))
    old = counter.life
    stranger = await shop.place([("SHIRT", 1, 100)])
    return_id = await counter.approved()
    assert (await counter.read(return_id))["exchange"] is None
    assert "Değişim" not in await page(api, old)
    made, new = await counter.same(return_id)
    await held(new)
    assert f"Değişim siparişiniz: {await link_to(new)}</p>" in await page(api, old)
    back = f"Bu sipariş, şu siparişinizdeki bir ürünün değişimidir: {await link_to(old)}</p>"
    assert back in await page(api, new)
    elsewhere = await page(api, stranger)
    assert [x for x in (old, new) if await token_of(x) in elsewhere] == []
    named = {name: made[name] for name in ("id", "status", "new_order_id", "new_order_number")}
    assert (await counter.read(return_id))["exchange"] == named
    [listed] = (await api.get(f"/v1/returns?order_id={old.order_id}")).json()["items"]
    assert listed["exchange"] == named
    for life in (old, new):
        order = (await api.get(f"/v1/orders/{life.order_id}")).json()
        [known] = order["exchanges"]
        assert (known["order_id"], known["new_order_id"]) == (old.order_id, new.order_id)
        assert await token_of(old if life is new else new) not in str(order)
    [in_order] = (await api.get(f"/v1/orders/{old.order_id}")).json()["returns"]
    assert in_order["exchange"] == named


async def test_an_exchange_that_comes_to_nothing_is_told_as_such(
    shop: Shop, api: httpx2.AsyncClient
) -> None:
    counter = Swap(api, await arrived(shop))
    return_id = await counter.approved()
    _, new = await counter.same(return_id)
    await held(new)
    await counter.call(return_id, "cancel", reason="kept")
    await new.finished()
    assert f"Değişim siparişiniz: {await link_to(new)} (iptal edildi)</p>" in await page(
        api, counter.life
    )
    assert (await counter.read(return_id))["exchange"]["status"] == "failed"


async def test_each_order_of_a_chain_leads_to_those_beside_it(
    shop: Shop, api: httpx2.AsyncClient
) -> None:
    """Replaced, replaced again, in English; the token of an erased order leads nowhere."""
    first = await arrived(shop)
    await shop.pool.execute("UPDATE orders SET locale = 'en-GB'")
    second = await _replaced(api, first)
    await free(second)
    await second.deliver(await second.send())
    await second.until(lambda o: o.delivered_units == 1)
    third = await _replaced(api, second)
    text = "In place of what was missing or wrong you get order"
    assert f"{text} {await link_to(second)}</p>" in await page(api, first)
    assert await token_of(third) not in await page(api, first)
    middle = await page(api, second)
    back = "This order is in place of something from your order"
    assert f"{back} {await link_to(first)}</p>" in middle
    assert f"{text} {await link_to(third)}</p>" in middle
    assert f"{back} {await link_to(second)}</p>" in await page(api, third)
    number = await shop.pool.fetchval("SELECT number FROM orders WHERE id = $1", first.order_id)
    erase = "UPDATE orders SET public_token = NULL WHERE id = $1"
    await shop.pool.execute(erase, first.order_id)
    assert f"{back} {number}</p>" in await page(api, second)


async def _replaced(api: httpx2.AsyncClient, life: Life) -> Life:
    """The same again for one unit; the life of the new order."""
    line = (await life.order()).lines[0].id
    body = {"reason": "damaged", "lines": [{"line_id": line, "quantity": 1}]}

    async def asked() -> str:
        answer = await api.post(f"/v1/orders/{life.order_id}/replacements", json=body)
        return str(answer.json()["new_order_id"]) if answer.status_code == 201 else ""

    return Life(life.shop, await eventually(asked))
