"""One PostgreSQL and one Temporal for all test processes of a run, started when first needed.

Each is kept by a process of its own (`python -m tests.servers postgres DIR PID`), which ends with
the pytest controller of the run, however that ends. So a worker of xdist that crashes takes no
server with it, and a killed controller leaves none.
"""

import asyncio
import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from ops.stack.ports import PortReservation
from ops.stack.postgres import Postgres
from ops.stack.process import Child
from ops.stack.temporal import Temporal
from settings import Settings

ROOT = Path(__file__).resolve().parents[1]
_START_SECONDS = 90.0
# Kept from the garbage collector, which warns of processes that are still running.
_KEEPERS: list[subprocess.Popen[bytes]] = []


@contextlib.contextmanager
def exclusively(directory: Path, name: str) -> Iterator[None]:
    """Hold a lock that the test processes of a run share."""
    with (directory / f"{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def ensure_started(kind: str, directory: Path, controller: int) -> dict[str, str]:
    """Return where the run's server of this kind is; start it if nobody has."""
    answer = directory / f"{kind}.json"
    with exclusively(directory, kind):
        if not answer.exists():
            argv = [sys.executable, "-m", "tests.servers", kind, str(directory), str(controller)]
            with (directory / f"{kind}-keeper.log").open("wb") as log:
                keeper = subprocess.Popen(
                    argv,
                    cwd=ROOT,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            _KEEPERS.append(keeper)
            _wait_for(answer, keeper, directory / f"{kind}-keeper.log")
    found: dict[str, str] = json.loads(answer.read_text())
    return found


def stop_all(directory: Path) -> None:
    """Stop what the run started, wait for it, and remove the directory."""
    for answer in directory.glob("*.json"):
        keeper = int(json.loads(answer.read_text())["keeper"])
        with contextlib.suppress(ProcessLookupError):
            os.kill(keeper, signal.SIGTERM)
    deadline = time.monotonic() + 15
    while list(directory.glob("*.json")) and time.monotonic() < deadline:
        time.sleep(0.02)
    shutil.rmtree(directory, ignore_errors=True)


def _wait_for(answer: Path, keeper: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not answer.exists():
        if keeper.poll() is not None or time.monotonic() > deadline:
            keeper.kill()
            message = f"{answer.stem} for the tests did not start:\n{log.read_text()}"
            raise RuntimeError(message)
        time.sleep(0.02)


async def _start(kind: str, directory: Path, port: int) -> tuple[Child, dict[str, str]]:
    log = directory / f"{kind}.log"
    if kind == "postgres":
        bin_dir = Settings().pg_bin
        server = Postgres(directory / "postgres", port, log, bin_dir=bin_dir, durable=False)
        return await server.start(), {"url": server.url("postgres")}
    # A workflow started through `TimeSkipper` has a clock of its own; others are not touched.
    skipping = (("frontend.WorkflowTimeSkippingEnabled", "true"),)
    binary = Settings().temporal_bin
    temporal = Temporal(None, port, log, binary=binary, dynamic_config=skipping)
    return await temporal.start(), {"address": temporal.address}


async def _keep(kind: str, directory: Path, controller: int) -> None:
    """Start the server and keep it until the controller ends or somebody tells us to stop."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    watch = loop.create_task(_watch(controller, ended))
    reservation = PortReservation()
    child, facts = await _start(kind, directory, reservation.port)
    answer = directory / f"{kind}.json"
    draft = directory / f"{kind}.json.new"
    draft.write_text(json.dumps({**facts, "keeper": str(os.getpid())}))
    draft.replace(answer)
    await ended.wait()
    # PostgreSQL's own processes would outlive a kill for a moment, in a directory we remove.
    await child.stop(grace=None if kind == "postgres" else 0)
    watch.cancel()
    answer.unlink(missing_ok=True)
    if not _is_alive(controller):
        shutil.rmtree(directory, ignore_errors=True)


async def _watch(controller: int, ended: asyncio.Event) -> None:
    """Set `ended` when the controller is gone."""
    if hasattr(os, "pidfd_open"):
        with contextlib.suppress(ProcessLookupError):
            descriptor = os.pidfd_open(controller)
            # Readable at the exit, also while the zombie waits to be collected.
            asyncio.get_running_loop().add_reader(descriptor, ended.set)
            return
    while _is_alive(controller):
        await asyncio.sleep(0.2)
    ended.set()


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    asyncio.run(_keep(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
