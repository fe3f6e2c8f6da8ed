"""Requests that wait are carried out together; none takes the others along when it fails."""

import asyncio
from collections.abc import Sequence

import pytest

from db.together import Together


class Desk:
    """Answers with the request itself; 'bad' fails, 'busy' is left out of a batch."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.alone: list[str] = []
        self.open = asyncio.Event()

    async def work(self, requests: Sequence[str]) -> list[str | None]:
        self.batches.append(list(requests))
        await self.open.wait()
        if "bad" in requests:
            raise ValueError
        return [None if request == "busy" else request for request in requests]

    async def by_itself(self, request: str) -> str:
        self.alone.append(request)
        if request == "bad":
            raise ValueError(request)
        return f"{request} alone"


async def test_who_comes_first_begins_at_once_and_the_others_are_the_next_batch() -> None:
    desk = Desk()
    together = Together(desk.work, desk.by_itself, most=3, lanes=1)
    asking = [asyncio.create_task(together.do(str(n))) for n in range(5)]
    while not desk.batches:
        await asyncio.sleep(0)
    desk.open.set()
    assert await asyncio.gather(*asking) == ["0", "1", "2", "3", "4"]
    assert sorted(len(batch) for batch in desk.batches) in ([1, 1, 3], [2, 3])
    assert [request for batch in desk.batches for request in batch] == ["0", "1", "2", "3", "4"]


async def test_a_lane_leaves_the_other_its_share() -> None:
    desk = Desk()
    together = Together(desk.work, desk.by_itself, lanes=2)
    asking = [asyncio.create_task(together.do("first"))]
    while not desk.batches:
        await asyncio.sleep(0)
    asking += [asyncio.create_task(together.do(str(n))) for n in range(5)]
    while len(desk.batches) < 2:
        await asyncio.sleep(0)
    assert desk.batches == [["first"], ["0", "1", "2"]]
    desk.open.set()
    assert await asyncio.gather(*asking) == ["first", "0", "1", "2", "3", "4"]


async def test_one_that_would_make_the_others_wait_is_done_alone() -> None:
    desk = Desk()
    desk.open.set()
    together = Together(desk.work, desk.by_itself, lanes=1)
    answers = await asyncio.gather(together.do("a"), together.do("busy"))
    assert list(answers) == ["a", "busy alone"]


async def test_one_that_fails_takes_nobody_along() -> None:
    desk = Desk()
    desk.open.set()
    together = Together(desk.work, desk.by_itself, lanes=1)
    answers = await asyncio.gather(
        together.do("a"), together.do("bad"), together.do("b"), return_exceptions=True
    )
    assert [answers[0], answers[2]] in (["a alone", "b alone"], ["a", "b alone"], ["a", "b"])
    assert isinstance(answers[1], ValueError)


async def test_who_gave_up_waiting_is_not_carried_out() -> None:
    desk = Desk()
    together = Together(desk.work, desk.by_itself, lanes=1)
    first = asyncio.create_task(together.do("first"))
    while not desk.batches:
        await asyncio.sleep(0)
    second = asyncio.create_task(together.do("second"))
    await asyncio.sleep(0)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    desk.open.set()
    assert await first == "first"
    assert await together.do("third") == "third"
    assert desk.batches == [["first"], ["third"]]
