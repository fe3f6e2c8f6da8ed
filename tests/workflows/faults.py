"""Bad days: a worker that dies between an effect and its record, a provider that hangs."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from typing import Any

import temporalio.client
import temporalio.worker
from temporalio import activity
from temporalio.client import Client

from tests.fakes.sandbox_service import SandboxService


class Accident(temporalio.client.Interceptor, temporalio.worker.Interceptor):
    """Lets one activity do its work and then never answer, until its worker is gone.

    What a crash between an effect and its record looks like from outside. `step` names the
    activity; `happened` tells that its work is done.
    """

    def __init__(self) -> None:
        """Nothing happens before `arm`."""
        self.happened = asyncio.Event()
        self._step = ""
        self._left = 0

    def arm(self, step: str) -> None:
        """Let it happen at the next run of the activity of that name."""
        self.happened.clear()
        self._step = step

    def arm_after(self, activities: int) -> None:
        """Let it happen to whichever activity is the one of that number from now on."""
        self.happened.clear()
        self._left = activities

    def client_of(self, client: Client) -> Client:
        """A client whose workers can have the accident."""
        config = client.config()
        config["interceptors"] = [*config["interceptors"], self]
        return Client(**config)

    def intercept_activity(
        self,
        next: temporalio.worker.ActivityInboundInterceptor,  # noqa: A002 - the SDK's name
    ) -> temporalio.worker.ActivityInboundInterceptor:
        """Wrap each activity's execution."""
        return _Inbound(next, self)

    async def before(self, info: activity.Info) -> None:
        """An activity begins."""

    async def after(self, info: activity.Info) -> None:
        """Stop here when this is the step."""
        self._left -= 1
        if info.activity_type == self._step or not self._left:
            self._step = ""
            self.happened.set()
            await asyncio.Event().wait()


class _Inbound(temporalio.worker.ActivityInboundInterceptor):
    def __init__(
        self,
        next: temporalio.worker.ActivityInboundInterceptor,  # noqa: A002 - the SDK's name
        accident: Accident,
    ) -> None:
        super().__init__(next)
        self._accident = accident

    async def execute_activity(
        self,
        input: temporalio.worker.ExecuteActivityInput,  # noqa: A002 - the SDK's name
    ) -> Any:
        await self._accident.before(activity.info())
        result = await super().execute_activity(input)
        await self._accident.after(activity.info())
        return result


@contextlib.asynccontextmanager
async def hanging(sandbox: SandboxService) -> AsyncIterator[None]:
    """The providers take requests and do not answer."""
    sandbox.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        sandbox.signal(signal.SIGCONT)


@contextlib.asynccontextmanager
async def down(sandbox: SandboxService) -> AsyncIterator[None]:
    """The providers are gone, and come back with all that they knew."""
    await sandbox.kill()
    try:
        yield
    finally:
        await sandbox.start()
