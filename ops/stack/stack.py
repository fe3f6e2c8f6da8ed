"""The whole of Kervan on one machine, in one data directory."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self

from db.migrate import migrate
from ops.stack.data_dir import DataDirectory
from ops.stack.ports import LOOPBACK, PortReservation
from ops.stack.postgres import Postgres
from ops.stack.services import ROOT, Surroundings, start_api, start_sandbox, start_worker
from ops.stack.supervisor import Part, Say
from ops.stack.temporal import NAMESPACE, Temporal
from settings import Settings

if TYPE_CHECKING:
    from ops.stack.process import Child

DATABASE = "kervan"
DEV_API_KEY = "dev"
PARTS = ("postgres", "temporal", "sandbox", "worker", "api")
"""In the order of starting."""
# Who asks others stops before them: a worker that drains still needs sandbox and servers.
_STOPPING = (("api",), ("worker",), ("sandbox", "temporal", "postgres"))


@dataclass(frozen=True, slots=True)
class Ports:
    """Ports on loopback; 0 takes a free one."""

    api: int = 0
    temporal: int = 0
    temporal_ui: int = 0
    sandbox: int = 0


@dataclass(frozen=True, slots=True)
class Urls:
    """Where the stack is reached; `temporal` is host and port of gRPC."""

    api: str
    docs: str
    temporal: str
    temporal_ui: str
    sandbox: str
    database: str
    temporal_metrics: str


def _say_nothing(_: str) -> None:
    """Take a message of the stack and drop it."""


class Stack:
    """PostgreSQL, Temporal, sandbox providers, worker and API as our children.

    `async with Stack(directory) as stack:` is up when its body begins, on free ports, and leaves
    the data behind. Enter it on an event loop in the main thread: the children end with the
    thread that started them.
    """

    def __init__(  # noqa: PLR0913 - all but the first are by name
        self,
        data_dir: Path,
        *,
        ports: Ports | None = None,
        settings: Settings | None = None,
        environment: Mapping[str, str] | None = None,
        parts: tuple[str, ...] = PARTS,
        durable: bool = True,
        say: Say = _say_nothing,
        root: Path = ROOT,
    ) -> None:
        """Describe a stack; nothing happens before `start`.

        `environment` is added for Kervan's own processes (`KERVAN_RETURN_WINDOW=PT2S`); `parts`
        leaves some out, which can be started later; `durable=False` turns PostgreSQL's fsync off.
        """
        self._data = DataDirectory(data_dir)
        self._ports = ports or Ports()
        self._settings = settings or Settings()
        self._environment = dict(environment or {})
        self._names = parts
        self._durable = durable
        self._say = say
        self._root = root
        self._reserved: dict[str, PortReservation] = {}
        self._parts: dict[str, Part] = {}
        self._postgres: Postgres | None = None
        self._urls: Urls | None = None

    @property
    def urls(self) -> Urls:
        """Where the parts are; known once the stack is up."""
        if self._urls is None:
            message = "the stack was not started"
            raise RuntimeError(message)
        return self._urls

    @property
    def pids(self) -> dict[str, int | None]:
        """Process ids by part; None while one is down."""
        return {name: part.pid for name, part in self._parts.items()}

    @property
    def data_dir(self) -> Path:
        """The data directory: `logs/`, `mail/`, `pids.json`."""
        return self._data.path

    @property
    def api_key(self) -> str:
        """The key that opens the API with every scope, from loopback."""
        key = self._settings.dev_api_key
        return key.get_secret_value() if key is not None else DEV_API_KEY

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        await self.stop()

    async def start(self) -> None:
        """Start all parts, each when those it needs are ready; on failure stop all again.

        Raises:
            DataDirectoryInUseError: another stack runs in the data directory.
            PortTakenError: a port that was asked for by number is taken.
            PartFailedError: a part does not start; the end of its log is in the message.

        """
        try:
            self._describe(await self._data.lock())
            await self._start_parts("postgres", "temporal")
            await self._prepare_database()
            await self._start_parts("sandbox", "worker", "api")
        except BaseException:
            await self.stop(grace=0)
            raise

    async def stop(self, *, grace: float | None = None) -> None:
        """Stop all parts in reverse order, and let go of ports and data directory."""
        for names in _STOPPING:
            parts = [self._parts[name] for name in names if name in self._parts]
            await asyncio.gather(*(part.stop(grace=grace) for part in parts))
        for reservation in self._reserved.values():
            reservation.release()
        if self._parts:
            self._data.remove_pids()
        self._data.unlock()

    def kill(self, name: str) -> None:
        """Kill one part with SIGKILL; the stack starts it again on the same port."""
        self._parts[name].kill()

    def kill_all(self) -> None:
        """Kill all parts at once, for somebody who is in a hurry."""
        for part in self._parts.values():
            part.kill()

    def send(self, name: str, number: signal.Signals) -> None:
        """Send one part a signal, such as SIGSTOP and SIGCONT."""
        self._parts[name].send(number)

    async def stop_part(self, name: str, *, grace: float | None = None) -> None:
        """Take one part down, until `start_part`; `grace=0` is a kill."""
        await self._parts[name].stop(grace=grace)

    async def start_part(self, name: str) -> None:
        """Start a part that was taken down or left out, and wait until it is ready."""
        await self._parts[name].start()

    async def wait_ready(self, name: str | None = None) -> None:
        """Wait until one part, or every part of the stack, is up."""
        for part in self._names if name is None else (name,):
            await self._parts[part].wait_ready()

    async def _start_parts(self, *names: str) -> None:
        """Start the named parts that belong to this stack, side by side."""
        starts = [self._parts[name].start() for name in names if name in self._names]
        results = await asyncio.gather(*starts, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def _prepare_database(self) -> None:
        if self._postgres is None or "postgres" not in self._names:
            return
        await self._postgres.ensure_database(DATABASE)
        applied = await migrate(self.urls.database)
        if applied:
            self._say(f"database: applied {', '.join(applied)}")

    def _describe(self, lock: int) -> None:
        """Reserve the ports and lay down how each part is started; nothing runs yet."""
        ports = self._reserve_ports()
        postgres = Postgres(
            self._data.postgres,
            ports["postgres"],
            self._data.logs / "postgres.log",
            bin_dir=self._settings.pg_bin,
            durable=self._durable,
            hold_fds=(lock,),
        )
        temporal = Temporal(
            self._data.temporal,
            ports["temporal"],
            self._data.logs / "temporal.log",
            ui_port=ports["temporal_ui"],
            metrics_port=ports["temporal_metrics"],
            binary=self._settings.temporal_bin,
            hold_fds=(lock,),
        )
        urls = self._urls = _urls(ports, postgres.url(DATABASE))
        around = Surroundings(
            self._data.logs, self._services_environment(urls), hold_fds=(lock,), root=self._root
        )
        self._postgres = postgres
        starts: dict[str, Callable[[], Awaitable[Child]]] = {
            "postgres": postgres.start,
            "temporal": temporal.start,
            "sandbox": partial(start_sandbox, around, ports["sandbox"]),
            "worker": partial(start_worker, around, urls.temporal),
            "api": partial(start_api, around, ports["api"]),
        }
        self._parts = {
            name: Part(name, start, say=self._say, changed=self._pids_changed)
            for name, start in starts.items()
        }

    def _reserve_ports(self) -> dict[str, int]:
        wanted = {
            "api": self._ports.api,
            "temporal": self._ports.temporal,
            "temporal_ui": self._ports.temporal_ui,
            "sandbox": self._ports.sandbox,
            "temporal_metrics": 0,
            "postgres": 0,
        }
        for name, port in wanted.items():
            variable = f"KERVAN_{name.upper()}_PORT"
            self._reserved[name] = PortReservation(port, variable=variable)
        return {name: reservation.port for name, reservation in self._reserved.items()}

    def _services_environment(self, urls: Urls) -> dict[str, str | None]:
        """Return the variables that point Kervan's processes at each other."""
        settings = self._settings
        return {
            "KERVAN_DATA_DIR": str(self._data.path),
            "KERVAN_DATABASE_URL": urls.database,
            "KERVAN_TEMPORAL_ADDRESS": urls.temporal,
            "KERVAN_TEMPORAL_NAMESPACE": NAMESPACE,
            "KERVAN_TEMPORAL_UI_URL": urls.temporal_ui,
            # A key or TLS of the user's is for another server.
            "KERVAN_TEMPORAL_API_KEY": None,
            "KERVAN_TEMPORAL_TLS": "false",
            "KERVAN_TEMPORAL_TLS_SERVER_NAME": None,
            "KERVAN_TEMPORAL_TLS_CA_FILE": None,
            "KERVAN_TEMPORAL_TLS_CERT_FILE": None,
            "KERVAN_TEMPORAL_TLS_KEY_FILE": None,
            "KERVAN_API_URL": urls.api,
            "KERVAN_DEV_API_KEY": self.api_key,
            "KERVAN_SANDBOX_URL": urls.sandbox,
            "KERVAN_SANDBOX_HOST": LOOPBACK,
            "KERVAN_SANDBOX_PUBLIC_URL": urls.sandbox,
            "KERVAN_SANDBOX_PORT": str(self._reserved["sandbox"].port),
            "KERVAN_SANDBOX_DATA": str(self._data.sandbox),
            "KERVAN_SANDBOX_KEY": settings.sandbox_key.get_secret_value(),
            "KERVAN_SANDBOX_WEBHOOK_SECRET": settings.sandbox_webhook_secret.get_secret_value(),
            "KERVAN_SANDBOX_WEBHOOK_URL": urls.api,
            "KERVAN_SANDBOX_SPEED": str(settings.sandbox_speed),
            "KERVAN_MAIL_DIR": str(self._data.mail),
            **self._environment,
        }

    def _pids_changed(self) -> None:
        try:
            self._data.write_pids(self.pids)
        except OSError as error:
            self._say(f"pids.json cannot be written: {error}")


def _urls(ports: Mapping[str, int], database: str) -> Urls:
    def http(name: str) -> str:
        return f"http://{LOOPBACK}:{ports[name]}"

    return Urls(
        api=http("api"),
        docs=f"{http('api')}/docs",
        temporal=f"{LOOPBACK}:{ports['temporal']}",
        temporal_ui=http("temporal_ui"),
        sandbox=http("sandbox"),
        database=database,
        temporal_metrics=f"{http('temporal_metrics')}/metrics",
    )
