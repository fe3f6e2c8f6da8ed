"""The customer's pages and the Temporal UI, as people see them: in a real browser, on a phone."""

import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from api.feedback_page import WORDS as FEEDBACK
from api.return_page import WORDS as RETURNS
from api.tracking_words import WORDS
from ops.client import Doors, Json, ShopClient, attention, closed, open_work
from ops.demo.shop import ENGLISH, TURKISH, Customer, card, open_shop, order
from ops.stack.stack import Stack
from tests.e2e.browser import CHROMIUM, Tab, chromium, tab

pytestmark = [
    pytest.mark.skipif(
        CHROMIUM is None, reason="no chromium on this machine (apt install chromium)"
    ),
    pytest.mark.timeout(240),
]

_SECONDS = 20_000
BOTH = pytest.mark.parametrize("customer", [ENGLISH, TURKISH], ids=["en", "tr"])


@dataclass(frozen=True, slots=True)
class Street:
    """A shop, and a browser before its window."""

    client: ShopClient
    browser: Browser

    async def placed(self, customer: Customer, **basket: int) -> Json:
        """An order that is confirmed; the example's basket without another."""
        wanted = basket or {"MUG": 2}
        number = len(await self.client.orders())
        body = order(f"PAGE-{number}", customer, wanted, [card("tok_visa")])
        made = await self.client.place(body)
        return await self.client.wait(
            made["id"], lambda o: o["status"] == "confirmed", what="confirmed"
        )

    async def delivered(self, customer: Customer, **basket: int) -> Json:
        """An order that has arrived."""
        made = await self.placed(customer, **basket)
        client, order_id = self.client, made["id"]
        ready = await client.wait(order_id, lambda o: bool(open_work(o)), what="ready")
        [work] = open_work(ready)
        await client.start(work["id"])
        await client.pick(work)
        await client.pack(work)
        labeled = await client.wait(
            order_id,
            lambda o: any(x["status"] == "label_purchased" for x in o["shipments"]),
            what="labeled",
        )
        await client.ship(work["id"])
        number = labeled["shipments"][0]["tracking_number"]
        for status in ("in_transit", "delivered"):
            await client.advance(number, status)
        return await client.wait(
            order_id, lambda o: o["fulfillment_status"] == "delivered", what="delivered"
        )


@pytest_asyncio.fixture(scope="module")
async def street() -> AsyncIterator[Street]:
    """A stack whose carrier moves when told, and a browser."""
    with tempfile.TemporaryDirectory(prefix="kervan-pages-") as directory:
        environment = {"KERVAN_SANDBOX_SPEED": "0"}
        async with (
            Stack(Path(directory), durable=False, environment=environment) as stack,
            ShopClient(Doors(stack.urls.api, stack.urls.sandbox, stack.api_key)) as client,
            chromium() as browser,
        ):
            await open_shop(client)
            yield Street(client, browser)


def _language(customer: Customer) -> str:
    return customer.locale[:2]


async def _shows(tab: Tab, *texts: str) -> None:
    """Wait until the page says all of it; then nothing of it sticks out, and nothing complains."""
    for text in texts:
        await expect(tab.page.locator("body")).to_contain_text(text, timeout=_SECONDS)
    assert not await tab.overflows()
    assert tab.complaints == []


@BOTH
async def test_a_customer_reads_how_far_it_is_and_cancels(
    street: Street, customer: Customer
) -> None:
    words: dict[str, Any] = WORDS[_language(customer)]
    made = await street.placed(customer)
    async with tab(street.browser) as own:
        await own.page.goto(made["links"]["tracking_page"])
        await _shows(own, made["number"], customer.name.split()[0], *words["stages"])
        assert await own.page.locator("html").get_attribute("lang") == _language(customer)
        assert await own.page.title() == f"{words['title']} {made['number']}"
        here = own.page.locator("[aria-current=step]")
        assert await here.inner_text() == words["stages"][1]
        # The stylesheet is there: a stage that is reached is drawn as such.
        assert await here.evaluate("e => getComputedStyle(e).color") == "rgb(255, 255, 255)"
        await own.page.get_by_role("link", name=words["cancel"]).click()
        await _shows(own, words["cancel_title"], words["cancel_money"])
        assert (await street.client.order(made["id"]))["status"] == "confirmed"
        await own.page.get_by_role("button", name=words["cancel_yes"]).click()
        await _shows(own, words["ended"]["canceled"])
        assert own.page.url == made["links"]["tracking_page"]
        assert await own.page.get_by_role("link", name=words["cancel"]).count() == 0
    assert (await street.client.order(made["id"]))["status"] == "canceled"


@BOTH
async def test_a_customer_sends_something_back_and_says_how_it_was(
    street: Street, customer: Customer
) -> None:
    words, back = WORDS[_language(customer)], RETURNS[_language(customer)]
    how = FEEDBACK[_language(customer)]
    made = await street.delivered(customer)
    async with tab(street.browser) as own:
        page = own.page
        await page.goto(made["links"]["tracking_page"])
        await _shows(own, words["status"]["delivered"], how["title"])
        await page.get_by_role("link", name=back["ask"]).click()
        await _shows(own, back["title"], made["lines"][0]["name"])
        await page.get_by_role("spinbutton").fill("1")
        await page.get_by_label(back["reason"]).select_option(label=back["reasons"]["damaged"])
        outcome = back["outcomes"]["exchange"]
        await page.get_by_label(back["wants"]).select_option(label=outcome)
        await page.get_by_label(back["note"]).fill("Kulpu kırık, şu ğ & <b>")
        await page.get_by_role("button", name=back["yes"]).click()
        await _shows(own, f"{back['code']} R-")
        asked = await street.client.wait(
            made["id"], lambda o: o["returns"][0]["status"] == "approved", what="approved"
        )
        [line] = asked["returns"][0]["lines"]
        assert (line["quantity"], line["reason"]) == (1, "damaged")
        assert line["note"] == "Kulpu kırık, şu ğ & <b>"
        [swap] = asked["exchanges"]
        await page.reload()
        await page.get_by_role("button", name=back["cancel"]).click()
        await _shows(own, back["status"]["canceled"])
        # The same again was kept for them, and nobody keeps it any longer.
        await street.client.wait(swap["new_order_id"], closed, what="canceled")
        await page.get_by_label("4", exact=True).check()
        await page.get_by_label(how["comment"]).fill("Çok güzel")
        await page.get_by_role("button", name=how["send"]).click()
        await _shows(own, how["thanks"])
        assert how["title"] not in await own.read()
    [said] = (await street.client.order(made["id"]))["feedback"]
    assert (said["score"], said["comment"]) == (4, "Çok güzel")


async def test_who_chooses_nothing_is_asked_again(street: Street) -> None:
    made = await street.delivered(ENGLISH, MUG=1, LAMP=1)
    async with tab(street.browser) as own:
        await own.page.goto(made["links"]["tracking_page"])
        await own.page.get_by_role("link", name=RETURNS["en"]["ask"]).click()
        await own.page.get_by_role("button", name=RETURNS["en"]["yes"]).click()
        notice = own.page.get_by_role("status")
        await expect(notice).to_have_text(RETURNS["en"]["nothing"], timeout=_SECONDS)
        await own.page.get_by_label("Desk lamp").fill("1")
        await own.page.get_by_label(RETURNS["en"]["note"]).fill("one\ntwo")
        await own.page.get_by_role("button", name=RETURNS["en"]["yes"]).click()
        await expect(own.page.locator("body")).to_contain_text("R-", timeout=_SECONDS)
    [back] = (await street.client.order(made["id"]))["returns"]
    [line] = back["lines"]
    assert (line["quantity"], line["note"]) == (1, "one\ntwo")


async def test_a_form_that_is_not_filled_is_not_sent(street: Street) -> None:
    made = await street.delivered(ENGLISH)
    how = FEEDBACK["en"]
    async with tab(street.browser) as own:
        await own.page.goto(made["links"]["tracking_page"])
        await own.page.get_by_role("button", name=how["send"]).click()
        assert await own.page.evaluate("!!document.querySelector('input:invalid')")
        assert own.page.url == made["links"]["tracking_page"]
        await _shows(own, how["title"])
    assert (await street.client.order(made["id"]))["feedback"] == []


async def test_the_temporal_ui_tells_what_an_order_waits_for(street: Street) -> None:
    made = await street.placed(ENGLISH, SAMOVAR=1)
    await street.client.wait(made["id"], attention("waiting_for_stock"), what="waiting")
    async with tab(street.browser, (1280, 900)) as own:
        await own.page.goto(made["links"]["temporal_ui"])
        await own.page.get_by_text("User Metadata").click(timeout=_SECONDS)
        # Each text is drawn in a frame of its own.
        summary, details = (own.page.locator("iframe").nth(n).content_frame for n in (0, 1))
        told = summary.locator("body")
        await expect(told).to_contain_text(f"{made['number']} from web", timeout=_SECONDS)
        why = details.locator("body")
        for text in ("a stock receipt moves it", "waiting_for_stock", "No stock of SAMOVAR"):
            await expect(why).to_contain_text(text, timeout=_SECONDS)


async def test_a_saved_view_opens_the_orders_that_it_promises(street: Street) -> None:
    stuck = await street.placed(ENGLISH, SAMOVAR=2)
    well = await street.placed(ENGLISH)
    await street.client.wait(stuck["id"], attention("waiting_for_stock"), what="waiting")
    views = (await street.client.attention_summary())["views"]
    [found] = [one["temporal_ui"] for one in views if one["name"] == "waiting for goods"]
    async with tab(street.browser, (1280, 900)) as own:
        await own.page.goto(found)
        body = own.page.locator("body")
        await expect(body).to_contain_text(f"order-{stuck['id']}", timeout=_SECONDS)
        assert f"order-{well['id']}" not in await own.read()
