"""The demo from the first process to the last check."""

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ops.client import ApiError, Doors, NotInTime, ShopClient
from ops.demo import shop
from ops.demo.checks import Outcome, outcome, stock_problems
from ops.demo.stories import STORIES, Scene, live
from ops.demo.view import LiveView, PlainView, View
from ops.demo.words import amount
from ops.stack.process import PartFailedError
from ops.stack.stack import Stack

_ENVIRONMENT: Mapping[str, str] = {
    # Weeks in seconds: an order lives its whole life while somebody watches.
    "KERVAN_RETURN_WINDOW": "PT2S",
    "KERVAN_SANDBOX_SPEED": "30000",
    # What the user has set for a shop of their own is not for this one.
    "KERVAN_SMTP_HOST": "",
    "KERVAN_SHOP_NAME": "Kervan",
    "KERVAN_DEFAULT_OUT_OF_STOCK": "backorder",
    "KERVAN_DEFAULT_SHIP": "complete",
    "KERVAN_CARRIER": "sandbox",
    "KERVAN_RATE_LIMIT_PER_MINUTE": "0",
}
_MAIL_SECONDS = 10.0
_ROOMY = 132


def run(*, keep: bool = False) -> int:
    """Live through the demo; return the exit code: 0 when everything is as it should be."""
    console = Console()
    moving = console.is_terminal and not os.environ.get("CI")
    view: View = LiveView(console) if moving else PlainView(console)
    directory = Path(tempfile.mkdtemp(prefix="kervan-demo-"))
    began = time.monotonic()
    try:
        return asyncio.run(_run(directory, console, view, began, keep=keep))
    except PartFailedError as error:
        console.print(f"the demo's stack does not start: {error}", style="red", markup=False)
        return 1
    except KeyboardInterrupt:
        console.print("stopped")
        return 130
    finally:
        if not keep:
            shutil.rmtree(directory, ignore_errors=True)


async def _run(directory: Path, console: Console, view: View, began: float, *, keep: bool) -> int:
    view.say("starting PostgreSQL, Temporal, sandbox providers, worker and API")
    stack = Stack(directory, environment=_ENVIRONMENT, say=view.say)
    await stack.start()
    try:
        view.say(f"API {stack.urls.docs}   Temporal {stack.urls.temporal_ui}")
        started = time.monotonic()
        outcomes, problems = await _live_through(stack, view)
        took = time.monotonic() - started
    finally:
        # Nobody needs the data of a demo that is not kept.
        await stack.stop(grace=None if keep else 0)
    _summarize(console, outcomes)
    _verdict(console, problems)
    console.print(
        f"{len(outcomes)} orders in {took:.1f} s, "
        f"{started - began:.1f} s before that to start everything",
        style="dim",
        highlight=False,
    )
    if keep:
        console.print(
            f"kept: mail in {directory}/mail/index.html; "
            f"open the stack again with KERVAN_DATA_DIR={directory} kervan dev",
            soft_wrap=True,
        )
    return 1 if problems else 0


async def _live_through(stack: Stack, view: View) -> tuple[list[Outcome], list[str]]:
    """Open the shop, let all orders live, and name what is not as it should be."""
    doors = Doors(stack.urls.api, stack.urls.sandbox, stack.api_key)
    async with ShopClient(doors) as client:
        await shop.open_shop(client)
        scenes, broken = await _play(client, view)
        outcomes = [await outcome(scene, client, stack.data_dir / "mail") for scene in scenes]
        problems = [
            *broken,
            *(f"{o.scene.order['number']}: {wrong}" for o in outcomes for wrong in o.wrong),
            *await stock_problems(client),
            *client.tally.defects,
        ]
        return outcomes, problems


async def _play(client: ShopClient, view: View) -> tuple[list[Scene], list[str]]:
    """Place all orders, and let them live side by side; name the stories that broke."""
    scenes = [
        Scene(client, story, await client.place(_body(number)))
        for number, story in enumerate(STORIES, start=1)
    ]
    view.begin(scenes)
    watching = [asyncio.create_task(_watch(scene, view)) for scene in scenes]
    try:
        ends = await asyncio.gather(*(live(scene) for scene in scenes), return_exceptions=True)
        broken = []
        for scene, end in zip(scenes, ends, strict=True):
            if isinstance(end, (ApiError, NotInTime)):
                broken.append(f"{scene.order['number']} ({scene.story.name}): {end}")
            elif isinstance(end, BaseException):
                raise end
        await asyncio.wait(watching, timeout=1 if broken else _MAIL_SECONDS)
    finally:
        for task in watching:
            task.cancel()
        await asyncio.gather(*watching, return_exceptions=True)
        view.end()
    return scenes, broken


def _body(number: int) -> dict[str, object]:
    story = STORIES[number - 1]
    return shop.order(f"DEMO-{number}", story.customer, story.basket, story.payments)


async def _watch(scene: Scene, view: View) -> None:
    """Follow the order's timeline until it is closed and its mails are told."""
    wanted = sum(scene.story.ending.mails.values())
    async for event in scene.client.follow(scene.id):
        scene.events.append(event)
        scene.order = await scene.client.order(scene.id)
        view.told(scene, event)
    told = {event["id"] for event in scene.events}
    while sum(event["type"] == "notification_sent" for event in scene.events) < wanted:
        await asyncio.sleep(0.1)
        for event in await scene.client.events(scene.id):
            if event["id"] not in told:
                told.add(event["id"])
                scene.events.append(event)
                view.told(scene, event)


def _summarize(console: Console, outcomes: Sequence[Outcome]) -> None:
    # A pipe has no width; a narrow terminal gets the short names.
    console = console if console.is_terminal else Console(width=_ROOMY)
    roomy = console.width >= _ROOMY
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for heading in ("order", "what happened", "status", "payment", "goods"):
        table.add_column(heading, no_wrap=True)
    for heading in (f"taken {shop.CURRENCY}", "given back", "mails", "right"):
        table.add_column(heading, no_wrap=True, justify="right")
    for one in outcomes:
        story, order = one.scene.story, one.scene.order
        table.add_row(
            order["number"],
            story.title if roomy else story.name,
            order["status"],
            order["payment_status"],
            order["fulfillment_status"].replace("_", " "),
            amount(one.captured),
            amount(one.refunded),
            str(one.mails),
            Text("no", style="red") if one.wrong else Text("yes", style="green"),
        )
    console.print()
    console.print(table)
    console.print()


def _verdict(console: Console, problems: Sequence[str]) -> None:
    for problem in problems:
        console.print(f"✗ {problem}", style="red", markup=False, soft_wrap=True)
    if not problems:
        for truth in (
            "every order ended as its story says",
            "money: ours equals the payment provider's ledger, payment by payment",
            "stock: every counter equals the sum of its movements",
            "mail: each milestone told once",
        ):
            console.print(f"✓ {truth}", style="green", markup=False)
