"""What every storm has around it: a plan, a shop on a private stack, and how its end is told."""

import asyncio
import contextlib
import json
import secrets
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from rich.console import Console

from ops.client import Doors, Json, ShopClient
from ops.stack.stack import Stack
from ops.stack.supervisor import Say

ENVIRONMENT: Mapping[str, str] = {
    "KERVAN_RETURN_WINDOW": "PT1S",
    "KERVAN_SANDBOX_SPEED": "40000",
    "KERVAN_STEP_RETRY_INTERVAL": "PT5S",
    "KERVAN_SMTP_HOST": "",
    "KERVAN_RATE_LIMIT_PER_MINUTE": "0",
    "KERVAN_CARRIER": "sandbox",
}


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is to do; the same seed deals the same orders and the same turns of killing."""

    orders: int = 150
    kills: int = 15
    seed: int = 0


class Ended(Protocol):
    """What a storm came to; an empty `broken` is the proof."""

    @property
    def broken(self) -> Sequence[str]:
        """What is not as it must be."""
        ...

    def as_json(self) -> Json:
        """All of it as one object."""
        ...

    def summary(self) -> str:
        """What happened, in a sentence."""
        ...

    def truths(self) -> Sequence[str]:
        """What is proven when nothing is broken."""
        ...


E = TypeVar("E", bound=Ended)


def tell(plan: Plan, what: str, storm: Callable[[Say], Awaitable[E]], *, as_json: bool) -> int:
    """Run a storm over `what` and tell of it; 1 when something broke."""
    console = Console(stderr=as_json)

    def say(message: str) -> None:
        console.print(message, markup=False, highlight=False, soft_wrap=True)

    async def blow() -> E:
        return await storm(say)

    say(f"seed {plan.seed}, {what}, {plan.kills} kills")
    report = asyncio.run(blow())
    console.print(report.summary(), highlight=False, soft_wrap=True)
    for problem in report.broken:
        console.print(f"✗ {problem}", style="red", markup=False, soft_wrap=True)
    if report.broken:
        console.print(f"{len(report.broken)} broken, seed {plan.seed}", style="red")
    else:
        for truth in report.truths():
            console.print(f"✓ {truth}", style="green", markup=False)
    sys.stdout.flush()
    if as_json:
        print(json.dumps(report.as_json()))
    return 1 if report.broken else 0


def any_seed() -> int:
    """Return a seed that can be typed again."""
    return secrets.randbelow(1_000_000)


@contextlib.asynccontextmanager
async def private_shop(
    environment: Mapping[str, str], say: Say, keep: Path | None, *, patience: float
) -> AsyncIterator[tuple[Stack, ShopClient]]:
    """Run a stack of its own, and a client of it that asks again for `patience` seconds."""
    with _directory(keep) as place:
        stack = Stack(place, environment=environment, say=lambda line: say(f"  {line}"))
        await stack.start()
        try:
            doors = Doors(stack.urls.api, stack.urls.sandbox, stack.api_key)
            async with ShopClient(doors, patience=patience, pace=0.4) as client:
                yield stack, client
        finally:
            await stack.stop(grace=0)


@contextlib.contextmanager
def _directory(keep: Path | None) -> Iterator[Path]:
    """Give a directory for a private stack, removed afterwards unless it is to be kept."""
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep
        return
    with tempfile.TemporaryDirectory(prefix="kervan-chaos-", ignore_cleanup_errors=True) as path:
        yield Path(path)
