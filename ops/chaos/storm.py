"""Kills the processes of a stack, in turn and at random moments."""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

from ops.stack.stack import PARTS, Stack
from ops.stack.supervisor import Say

_CALM = (0.5, 4.0)
"""Seconds between two blows, so that some hit while another part is still down."""


@dataclass(frozen=True, slots=True)
class Kill:
    """A part that was killed: when (seconds after the storm began), and how long it was away."""

    part: str
    at: float
    away: float


async def storm(
    stack: Stack,
    rng: random.Random,
    kills: int,
    say: Say,
    parts: Sequence[str] = PARTS,
) -> list[Kill]:
    """Kill parts with SIGKILL, each as often as the others, until all have come back.

    A part that is still down is not killed again: it is waited for.
    """
    began = time.monotonic()
    away: list[asyncio.Task[Kill]] = []
    for part in turns(rng, kills, parts):
        await asyncio.sleep(rng.uniform(*_CALM))
        await stack.wait_ready(part)
        at = time.monotonic()
        pid = stack.pids[part]
        stack.kill(part)
        say(f"{at - began:5.1f} s  SIGKILL to {part} ({pid})")
        away.append(asyncio.create_task(_comes_back(stack, part, at, began)))
    return list(await asyncio.gather(*away))


async def _comes_back(stack: Stack, part: str, at: float, began: float) -> Kill:
    await stack.wait_ready(part)
    return Kill(part, round(at - began, 2), round(time.monotonic() - at, 2))


def turns(rng: random.Random, kills: int, parts: Sequence[str] = PARTS) -> list[str]:
    """Return the parts in random order, each once before any comes again."""
    turns: list[str] = []
    while len(turns) < kills:
        deck = list(parts)
        rng.shuffle(deck)
        turns += deck
    return turns[:kills]
