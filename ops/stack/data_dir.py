"""The directory a stack keeps its data in: one stack at a time, and who runs there."""

import asyncio
import contextlib
import fcntl
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO

_PATIENCE = 15.0


class DataDirectoryInUseError(Exception):
    """Another stack, or what is left of one, works in the directory."""


class DataDirectory:
    """Paths, locks and `pids.json` of one data directory.

    Two locks: one is held by the supervisor alone and tells at once that a stack is running. The
    other is also held by every part, through a file descriptor it inherits, so that after a kill
    of the supervisor the next one waits until the last process of the old stack is gone.
    """

    def __init__(self, path: Path) -> None:
        """Name the directory; `lock` makes it."""
        self.path = path.absolute()
        self.logs = self.path / "logs"
        self.mail = self.path / "mail"
        self.postgres = self.path / "postgres"
        self.temporal = self.path / "temporal" / "temporal.sqlite"
        self.sandbox = self.path / "sandbox.sqlite"
        self._supervisor: IO[str] | None = None
        self._parts: IO[str] | None = None

    async def lock(self) -> int:
        """Take both locks and return the file descriptor that the parts are to hold.

        Raises:
            DataDirectoryInUseError: another stack runs here.

        """
        for directory in (self.path, self.logs, self.mail):
            directory.mkdir(parents=True, exist_ok=True)
        self._supervisor = (self.path / "lock").open("a+")
        if not _try_lock(self._supervisor):
            self._supervisor.seek(0)
            holder = self._supervisor.read().strip() or "unknown"
            self.unlock()
            message = f"another stack (pid {holder}) is running in {self.path}"
            raise DataDirectoryInUseError(message)
        self._supervisor.seek(0)
        self._supervisor.truncate()
        self._supervisor.write(str(os.getpid()))
        self._supervisor.flush()
        self._parts = (self.path / "parts.lock").open("a+")
        deadline = time.monotonic() + _PATIENCE
        while not _try_lock(self._parts):
            if time.monotonic() > deadline:
                self.unlock()
                message = f"processes of an earlier stack still run in {self.path}: {self._old()}"
                raise DataDirectoryInUseError(message)
            await asyncio.sleep(0.02)
        return self._parts.fileno()

    def unlock(self) -> None:
        """Give our locks back; parts that are still alive keep theirs."""
        for file in (self._parts, self._supervisor):
            if file is not None:
                file.close()
        self._parts = self._supervisor = None

    def write_pids(self, pids: Mapping[str, int | None]) -> None:
        """Replace `pids.json`, so that a reader never sees half of it."""
        draft = self.path / "pids.json.new"
        draft.write_text(json.dumps(pids) + "\n")
        draft.replace(self.path / "pids.json")

    def remove_pids(self) -> None:
        """Remove `pids.json`: the numbers will soon mean other processes."""
        (self.path / "pids.json").unlink(missing_ok=True)

    def _old(self) -> str:
        with contextlib.suppress(OSError):
            return (self.path / "pids.json").read_text().strip()
        return "pids unknown"


def _try_lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
