"""How far a replay is: a moving line on a terminal, a line now and then where there is none."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

_LINE_EVERY_SECONDS = 5.0


class Meter:
    """Counts what is done."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.done = 0
        self._began = time.monotonic()

    @property
    def rate(self) -> float:
        """Done per second so far."""
        return self.done / max(1e-9, time.monotonic() - self._began)

    @property
    def seconds_left(self) -> float:
        """When the rest takes as long as what is done."""
        return (self.total - self.done) / self.rate if self.done else 0.0

    def step(self) -> None:
        """One more is done."""
        self.done += 1


class Teller:
    """Tells on stderr, so that stdout holds the result alone."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def say(self, message: str) -> None:
        """Tell what happens now."""
        self._console.print(message, style="dim", highlight=False, markup=False)

    @contextmanager
    def count(self, what: str, total: int) -> Iterator[Meter]:
        """Show how far something is while the block runs."""
        if self._console.is_terminal:
            with _moving(self._console) as progress:
                yield _Moving(progress, what, total)
        else:
            meter = _Plain(self, what, total)
            yield meter
            meter.tell()


class _Moving(Meter):
    def __init__(self, progress: Progress, what: str, total: int) -> None:
        super().__init__(total)
        self._progress = progress
        self._task = progress.add_task(what, total=total)

    def step(self) -> None:
        super().step()
        self._progress.advance(self._task)


class _Plain(Meter):
    def __init__(self, teller: Teller, what: str, total: int) -> None:
        super().__init__(total)
        self._teller = teller
        self._what = what
        self._told = time.monotonic()

    def step(self) -> None:
        super().step()
        if time.monotonic() - self._told > _LINE_EVERY_SECONDS and self.done < self.total:
            self.tell()

    def tell(self) -> None:
        """Say how far it is."""
        self._told = time.monotonic()
        left = f", {self.seconds_left:.0f} s left" if self.done < self.total else ""
        self._teller.say(f"{self._what}: {self.done}/{self.total}, {self.rate:.1f}/s{left}")


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:.1f}/s" if speed else "–")


def _moving(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
        console=console,
        transient=False,
        # The rate is that of the last half minute.
        speed_estimate_period=30.0,
    )
