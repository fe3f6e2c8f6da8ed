"""Lives made up at random, on the real stack: whatever is asked and whenever a worker dies, the
books agree after every round, and everything ends.

Hypothesis makes them up. The suite lives the same few each time; `STORIES=examples:rounds` lives
others, or longer ones, and shrinks what fails to the fewest steps that still do.
"""

import asyncio
import contextlib
import os
import random
import secrets
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, ClassVar

import httpx2
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from tests.workflows import witness
from tests.workflows.life import Life
from tests.workflows.made_up import Story
from tests.workflows.shop import Shop
from workflows.messages import Policy

LIVES = 6
_DICE = st.integers(0, 2**32 - 1)
_ROUND = st.lists(_DICE, min_size=LIVES, max_size=LIVES)


@dataclass
class Stack:
    """The servers' loop, on which everything is done while hypothesis waits in a thread."""

    loop: asyncio.AbstractEventLoop
    shop: Shop
    api: httpx2.AsyncClient
    done: Counter[str] = field(default_factory=Counter)
    vain: Counter[str] = field(default_factory=Counter)

    def do(self, what: Coroutine[Any, Any, None]) -> None:
        """Do it, and wait."""
        asyncio.run_coroutine_threadsafe(what, self.loop).result(180)


class Lives(RuleBasedStateMachine):
    """Some orders of one shop, to which anything happens."""

    stack: ClassVar[Stack]

    def __init__(self) -> None:
        super().__init__()
        self.rounds = 0
        mark = secrets.token_hex(4)
        self.story = Story(self.stack.shop, self.stack.api, (f"SHIRT-{mark}", f"MUG-{mark}"))

    @initialize(dice=_ROUND)
    def customers_buy(self, dice: list[int]) -> None:
        self.stack.do(self._buy(dice))

    async def _buy(self, dice: list[int]) -> None:
        await self.story.begin()
        self.story.lives = [await self.another(random.Random(one)) for one in dice]

    async def another(self, dice: random.Random) -> Life:
        """Another customer."""
        return await self.story.place(dice)

    @rule(dice=_ROUND)
    def something_happens_to_each(self, dice: list[int]) -> None:
        self.stack.do(self._round(dice))

    @rule(dice=_ROUND, after=st.integers(1, 8))
    def and_a_worker_dies(self, dice: list[int], after: int) -> None:
        self.stack.do(self._round(dice, after))

    async def _round(self, dice: list[int], dies_after: int = 0) -> None:
        accident = self.stack.shop.accident
        accident.arm_after(dies_after)
        rescue = asyncio.create_task(self._rescue())
        self.rounds += 1
        # The same number is something else for another order, and in another round.
        chances = [random.Random(f"{self.rounds} {n} {one}") for n, one in enumerate(dice)]
        await asyncio.gather(*(self.story.step(n, chance) for n, chance in enumerate(chances)))
        if not accident.happened.is_set():
            rescue.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await rescue
        accident.arm_after(0)

    async def _rescue(self) -> None:
        """Another worker takes over from one that died."""
        shop = self.stack.shop
        await shop.accident.happened.wait()
        await shop.close()
        await shop.open()

    @invariant()
    def the_books_agree(self) -> None:
        self.stack.do(self.story.agrees())

    def teardown(self) -> None:
        self.stack.do(self._end())
        self.stack.done.update(self.story.done)
        self.stack.vain.update(self.story.vain)

    async def _end(self) -> None:
        await self.story.end()
        await witness.compare_all_books(self.stack.shop)


class AfterTheSale(Lives):
    """Orders that have arrived, of which things come back and money is given back."""

    async def another(self, dice: random.Random) -> Life:
        """Another customer, who has what they bought."""
        return await self.story.sell(dice)


def _wanted() -> settings:
    """How many lives, and how long."""
    common: dict[str, Any] = {
        "deadline": None,
        "suppress_health_check": list(HealthCheck),
        "print_blob": True,
    }
    if told := os.environ.get("STORIES"):
        examples, _, rounds = told.partition(":")
        return settings(**common, max_examples=int(examples), stateful_step_count=int(rounds or 60))
    phases = [Phase.explicit, Phase.generate]
    return settings(
        **common,
        max_examples=1,
        stateful_step_count=8,
        phases=phases,
        derandomize=True,
        database=None,
    )


@pytest.mark.timeout(7_200)
@pytest.mark.parametrize("lives", [Lives, AfterTheSale])
async def test_a_made_up_life_breaks_no_invariant(
    shop: Shop, api: httpx2.AsyncClient, lives: type[Lives]
) -> None:
    # The flaky bank fails twice.
    shop.policy = Policy(return_window=1, step_retry_interval=0.5, step_attempts=3)
    lives.stack = Stack(asyncio.get_running_loop(), shop, api)
    await asyncio.to_thread(run_state_machine_as_test, lives, settings=_wanted())
    done, vain = lives.stack.done, lives.stack.vain
    print(f"{done.total()} steps, {vain.total()} in vain: {done} {vain}")
    assert 2 * done.total() > vain.total()
