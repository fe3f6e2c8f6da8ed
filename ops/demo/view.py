"""How the demo is watched: a live table in a terminal, else one line for each event."""

import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ops.client import Json, closed
from ops.demo.stories import Scene
from ops.demo.words import phrase

_FEED_LINES = 9
_STAGES: Sequence[tuple[str, frozenset[str]]] = (
    ("placed", frozenset({"order_placed"})),
    ("paid", frozenset({"payment_authorized", "capture_succeeded"})),
    ("reserved", frozenset({"stock_allocated"})),
    ("packed", frozenset({"parcels_packed"})),
    ("shipped", frozenset({"shipped"})),
    ("delivered", frozenset({"delivered"})),
    ("closed", frozenset({"order_completed", "order_canceled", "order_expired"})),
)
_COLORS: Mapping[str, str] = {
    "completed": "green",
    "canceled": "yellow",
    "expired": "yellow",
    "confirmed": "cyan",
    "pending": "white",
}


class View(Protocol):
    """Somebody who watches."""

    def say(self, message: str) -> None:
        """Show a message that belongs to no order."""

    def begin(self, scenes: Sequence[Scene]) -> None:
        """Show these orders from now on."""

    def told(self, scene: Scene, event: Json) -> None:
        """Show what just happened to an order."""

    def end(self) -> None:
        """Stop showing what moves."""


class PlainView:
    """One line for each event, with the seconds since the start."""

    def __init__(self, console: Console) -> None:
        """Begin to count the seconds."""
        self._console = console
        self._began = time.monotonic()

    def say(self, message: str) -> None:
        """Print it."""
        self._print(message)

    def begin(self, scenes: Sequence[Scene]) -> None:
        """Say who they are."""
        for scene in scenes:
            self._print(f"{scene.order['number']}  {scene.story.title}")

    def told(self, scene: Scene, event: Json) -> None:
        """Print what happened."""
        if words := phrase(event):
            self._print(f"{scene.order['number']}  {scene.story.name:<10}  {words}")

    def end(self) -> None:
        """Nothing moves."""

    def _print(self, line: str) -> None:
        self._console.print(
            f"{time.monotonic() - self._began:5.1f} s  {line}",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )


class LiveView:
    """A table with a row for each order, and under it what happened last."""

    def __init__(self, console: Console) -> None:
        """Show nothing yet."""
        self._console = console
        self._scenes: Sequence[Scene] = ()
        self._feed: deque[Text] = deque(maxlen=_FEED_LINES)
        self._live = Live(console=console, refresh_per_second=8, get_renderable=self._picture)

    def say(self, message: str) -> None:
        """Print it above the table."""
        self._console.print(message, style="dim", markup=False, highlight=False)

    def begin(self, scenes: Sequence[Scene]) -> None:
        """Put up the table."""
        self._scenes = scenes
        self._live.start()

    def told(self, scene: Scene, event: Json) -> None:
        """Add a line to what happened last."""
        if words := phrase(event):
            line = Text.assemble(
                (f"{scene.order['number']} ", "dim"), (f"{scene.story.name:<11}", "cyan"), words
            )
            self._feed.append(line)

    def end(self) -> None:
        """Leave the table as it is now."""
        self._live.stop()

    def _picture(self) -> Group:
        table = Table(box=None, pad_edge=False, header_style="dim")
        for heading in ("order", "story", "life", "status", "payment", "goods"):
            table.add_column(heading, no_wrap=True)
        for scene in self._scenes:
            order = scene.order
            status = str(order["status"])
            needs_help = bool(order["attention"]) and not closed(order)
            table.add_row(
                Text(order["number"], style="dim"),
                scene.story.title,
                _life(scene),
                Text(status, style=_COLORS.get(status, "")),
                str(order["payment_status"]).replace("_", " "),
                Text(
                    "needs a person" if needs_help else order["fulfillment_status"],
                    style="red" if needs_help else "",
                ),
            )
        return Group(table, Text(""), *self._feed)


def _life(scene: Scene) -> Text:
    """Return a dot for each stage: full when it was reached."""
    happened = {event["type"] for event in scene.events}
    text = Text()
    for _, events in _STAGES:
        reached = bool(events & happened)
        text.append("●" if reached else "○", style="green" if reached else "dim")
    if "cancel_started" in happened:
        text.append(" ↩", style="yellow")
    return text


def view_for(console: Console) -> View:
    """Choose what the console can show."""
    return LiveView(console) if console.is_terminal else PlainView(console)
