"""A real browser for tests of pages: the machine's Chromium, without a window."""

import contextlib
import re
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

PHONE = (360, 740)
_OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextlib.asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Start it with a profile of its own, which is thrown away; nothing is downloaded."""
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(
            executable_path=CHROMIUM, headless=True, args=_OPTIONS
        )
        try:
            yield browser
        finally:
            await browser.close()


@dataclass
class Tab:
    """One page; `complaints` is what its console and its requests had to complain about."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Listen from the beginning."""
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("requestfailed", lambda request: self.complaints.append(request.url))

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    async def read(self) -> str:
        """What a person sees, on one line."""
        return re.sub(r"\s+", " ", await self.page.locator("body").inner_text())

    async def overflows(self) -> bool:
        """Whether it has to be moved sideways to be read."""
        wide = await self.page.evaluate("document.documentElement.scrollWidth > innerWidth")
        return bool(wide)


@contextlib.asynccontextmanager
async def tab(browser: Browser, size: tuple[int, int] = PHONE) -> AsyncIterator[Tab]:
    """Open a page in a context of its own."""
    context = await browser.new_context(viewport={"width": size[0], "height": size[1]})
    try:
        yield Tab(await context.new_page())
    finally:
        await context.close()
