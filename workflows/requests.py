"""Requests and news that wait for a workflow's run loop, which does them one after another."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.errors import refusal
    from domain.errors import Refused

Check = Callable[[], object]
Perform = Callable[[], Awaitable[None]]


@dataclass(eq=False)
class _Item:
    """Something for the run loop to do; a request waits for `done`."""

    perform: Perform
    check: Check | None
    done: bool = False
    refusal: Refused | None = None


class Requests:
    """The queue. A request is checked again before it is done: others came before it."""

    def __init__(self) -> None:
        self._items: deque[_Item] = deque()

    def __bool__(self) -> bool:
        """Whether something waits."""
        return bool(self._items)

    def push(self, perform: Perform) -> None:
        """News: nobody waits for its end."""
        self._items.append(_Item(perform, None))

    async def ask(self, check: Check, perform: Perform) -> None:
        """Have a request done, and wait for its end.

        Raises:
            ApplicationError: it is refused, with the code.

        """
        item = _Item(perform, check)
        self._items.append(item)
        await workflow.wait_condition(lambda: item.done)
        if item.refusal is not None:
            raise refusal(item.refusal)

    async def do_next(self) -> None:
        """Do what has waited longest."""
        item = self._items.popleft()
        try:
            if item.check is not None:
                item.check()
            await item.perform()
        except Refused as error:
            item.refusal = error
        except asyncio.CancelledError:
            # Done again before the operator's cancel, without a check; its steps happen once.
            item.check = None
            self._items.appendleft(item)
            raise
        item.done = True


def validate(check: Check) -> None:
    """What an update's validator does: say no before anything is written.

    Raises:
        ApplicationError: it is refused, with the code.

    """
    try:
        check()
    except Refused as error:
        raise refusal(error) from None
