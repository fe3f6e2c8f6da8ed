"""The sandbox providers as a process of their own, for tests over real HTTP."""

import contextlib
import signal
import ssl
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx2

from adapters.registry import Gateways, SandboxAccess, build
from ops.stack.ports import LOOPBACK, PortReservation
from ops.stack.process import Child, Command, spawn_until_ready

ROOT = Path(__file__).parents[2]
KEY = "a-key-for-tests"
SECRET = "a-webhook-secret-for-tests"
# Nothing is encrypted here, and to read the machine's certificates takes longer than a call.
_BARE = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@dataclass(slots=True)
class SandboxService:
    """A sandbox on a port and a ledger of its own, which both outlive the process."""

    directory: Path
    port: int
    webhook_url: str
    speed: float
    more: Mapping[str, str] = field(default_factory=dict)
    _child: Child | None = None

    @property
    def url(self) -> str:
        """Its base address."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def log(self) -> str:
        """All that it has said."""
        return (self.directory / "sandbox.log").read_text()

    async def start(self) -> None:
        """Start the process and wait until it serves."""
        command = Command(
            argv=[sys.executable, "-m", "adapters.sandbox"],
            cwd=ROOT,
            log=self.directory / "sandbox.log",
            env={
                "KERVAN_SANDBOX_PORT": str(self.port),
                "KERVAN_SANDBOX_DATA": str(self.directory / "ledger.sqlite"),
                "KERVAN_SANDBOX_KEY": KEY,
                "KERVAN_SANDBOX_WEBHOOK_SECRET": SECRET,
                "KERVAN_SANDBOX_WEBHOOK_URL": self.webhook_url,
                "KERVAN_SANDBOX_SPEED": str(self.speed),
                **self.more,
            },
        )
        self._child = await spawn_until_ready("the sandbox", command, self._serves)

    async def kill(self) -> None:
        """End the process as a power cut would."""
        if self._child is not None:
            self._child.send(signal.SIGKILL)
            await self._child.wait()

    def signal(self, number: signal.Signals) -> None:
        """Send the process a signal (stop it in its tracks, let it go on)."""
        if self._child is not None:
            self._child.send(number)

    async def stop(self) -> None:
        """Ask the process to end, and wait for it."""
        if self._child is not None:
            await self._child.stop()

    def gateways(self, timeout: timedelta = timedelta(seconds=5)) -> Gateways:
        """Adapters that speak to it; the caller closes them."""
        return build(sandbox=SandboxAccess(self.url, KEY, SECRET), timeout=timeout)

    @contextlib.asynccontextmanager
    async def client(self) -> AsyncIterator[httpx2.AsyncClient]:
        """A plain client, as curl would be: without the key."""
        async with httpx2.AsyncClient(base_url=self.url, trust_env=False, verify=_BARE) as client:
            yield client

    async def ledger(self, kind: str, order: str) -> list[dict[str, Any]]:
        """Return what the sandbox believes of an order; `kind` is payments or parcels."""
        async with self.client() as client:
            answer = await client.get(f"/ledger/{kind}", params={"order": order})
            items: list[dict[str, Any]] = answer.raise_for_status().json()["items"]
            return items

    async def control(self, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Make a control call (confirm, expire, advance) that must be accepted."""
        async with self.client() as client:
            answer = await client.post(path, json=body or {})
            made: dict[str, Any] = answer.raise_for_status().json()
            return made

    async def _serves(self, _: Child) -> bool:
        with contextlib.suppress(httpx2.HTTPError):
            async with self.client() as client:
                return (await client.get("/healthz")).status_code == HTTPStatus.OK
        return False


@contextlib.asynccontextmanager
async def sandbox_service(
    directory: Path, webhook_url: str, *, speed: float = 0, **more: str
) -> AsyncIterator[SandboxService]:
    """Run a sandbox on a free port; `more` are further KERVAN_ settings."""
    reserved = PortReservation()
    service = SandboxService(directory, reserved.port, webhook_url, speed, more)
    try:
        await service.start()
        yield service
    finally:
        await service.stop()
        reserved.release()
