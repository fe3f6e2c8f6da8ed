"""What customers say on the page of their order, without an account."""

import httpx2
import pytest

from db.pool import Pool
from tests.api.orders import Shopfront

NOBODY = {"authorization": ""}


async def page_of(
    api: httpx2.AsyncClient, pool: Pool, status: str = "delivered"
) -> tuple[str, str]:
    """An order's id, and its customer's page."""
    placed = await Shopfront(api).place()
    await pool.execute("UPDATE orders SET fulfillment_status = $1", status)
    link = (await Shopfront(api).get(placed["id"]))["links"]["tracking_page"]
    return placed["id"], link[link.index("/track/") :]


async def test_who_has_the_goods_says_how_it_was_once(api: httpx2.AsyncClient, pool: Pool) -> None:
    order_id, page = await page_of(api, pool)
    asked = (await api.get(page, headers=NOBODY)).text
    assert f'action="{page}/feedback"' in asked
    for score, words in (("4", "Güzel\0 <b>"), ("1", "no")):
        said = await api.post(
            f"{page}/feedback", data={"score": score, "comment": words}, headers=NOBODY
        )
        assert (said.status_code, said.headers["location"]) == (303, page)
    [kept] = (await Shopfront(api).get(order_id))["feedback"]
    assert (kept["score"], kept["comment"]) == (4, "Güzel <b>")
    assert "/feedback" not in (await api.get(page, headers=NOBODY)).text
    events = [e for e in await Shopfront(api).events(order_id) if e["type"] == "feedback_received"]
    assert [(e["role"], e["data"]["score"]) for e in events] == [("customer", 4)]


@pytest.mark.parametrize(
    "form",
    [{}, {"score": "6"}, {"score": "five"}, {"score": ""}, {f"f{n}": "1" for n in range(11)}],
)
async def test_what_is_no_score_is_asked_for_again(
    api: httpx2.AsyncClient, pool: Pool, form: dict[str, str]
) -> None:
    order_id, page = await page_of(api, pool)
    answer = await api.post(f"{page}/feedback", data=form, headers=NOBODY)
    assert answer.status_code == 409
    assert 'role="status"' in answer.text
    assert (await Shopfront(api).get(order_id))["feedback"] == []


async def test_nobody_is_asked_before_it_is_there(api: httpx2.AsyncClient, pool: Pool) -> None:
    order_id, page = await page_of(api, pool, "fulfilled")
    assert "/feedback" not in (await api.get(page, headers=NOBODY)).text
    early = await api.post(f"{page}/feedback", data={"score": "5"}, headers=NOBODY)
    assert early.status_code == 409
    assert (await Shopfront(api).get(order_id))["feedback"] == []
