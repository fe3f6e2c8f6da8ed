"""Requests that wait at the same moment are carried out together: one transaction for all.

Nobody waits for others to come: a request that finds nobody at work begins at once, and those
that arrive meanwhile are the next batch. So a busy row costs one update a batch, and not a queue.
"""

import asyncio
import contextvars
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


@dataclass(eq=False, slots=True)
class _Waiting(Generic[T, R]):
    request: T
    answer: "asyncio.Future[R]"


class Together(Generic[T, R]):
    """Carries requests to `work`, at most `most` at a time, `lanes` batches beside each other.

    `work` answers for each request in its place: the result, or None to have it done alone (it
    would have made the others wait). When it fails, each of a batch is tried alone, so that one
    request which cannot be carried out does not take the others along. `alone` may wait.
    """

    def __init__(
        self,
        work: Callable[[Sequence[T]], Awaitable[Sequence[R | None]]],
        alone: Callable[[T], Awaitable[R]],
        *,
        most: int = 64,
        lanes: int = 2,
    ) -> None:
        self._work = work
        self._alone = alone
        self._most = most
        self._lanes = lanes
        self._waiting: deque[_Waiting[T, R]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._at_work = 0
        self._unanswered = 0

    async def do(self, request: T) -> R:
        """The answer to one request; its exception when it fails alone, too."""
        one = _Waiting[T, R](request, asyncio.get_running_loop().create_future())
        self._waiting.append(one)
        if self._at_work < self._lanes:
            self._at_work += 1
            self._spawn(self._lane())
        return await one.answer

    async def _lane(self) -> None:
        try:
            while batch := self._next_batch():
                self._unanswered += len(batch)
                try:
                    await self._carry_out(batch)
                finally:
                    self._unanswered -= len(batch)
        finally:
            self._at_work -= 1

    def _next_batch(self) -> list[_Waiting[T, R]]:
        batch: list[_Waiting[T, R]] = []
        # A lane leaves the others their share: two at work beside each other do more than one.
        share = ceil((self._unanswered + len(self._waiting)) / self._lanes)
        most = min(self._most, share)
        while self._waiting and len(batch) < most:
            one = self._waiting.popleft()
            # Whoever gave up waiting asks again later, if at all.
            if not one.answer.done():
                batch.append(one)
        return batch

    async def _carry_out(self, batch: Sequence[_Waiting[T, R]]) -> None:
        try:
            answers = await self._work([one.request for one in batch])
        except Exception:  # noqa: BLE001 - whose fault it is shows when each is tried alone
            answers = [None] * len(batch)
        for one, answer in zip(batch, answers, strict=True):
            if answer is None:
                self._spawn(self._carry_out_alone(one))
            elif not one.answer.done():
                one.answer.set_result(answer)

    async def _carry_out_alone(self, one: _Waiting[T, R]) -> None:
        if one.answer.done():
            return
        try:
            answer = await self._alone(one.request)
        except Exception as error:  # noqa: BLE001 - it is the caller's
            if not one.answer.done():
                one.answer.set_exception(error)
        else:
            if not one.answer.done():
                one.answer.set_result(answer)

    def _spawn(self, work: Awaitable[None]) -> None:
        """Run beside the callers, in the context of none of them."""

        async def run() -> None:
            await work

        task = asyncio.create_task(run(), context=contextvars.Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
