"""The scripts of deploy/ against the servers they are made for."""

import os
import re
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import asyncpg
import pytest
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client

from db.migrate import migrate
from ops.stack.postgres import find_binaries
from ops.stack.temporal import find_binary
from workflows.ids import SEARCH_ATTRIBUTES

DEPLOY = Path(__file__).parents[2] / "deploy"
# What deploy/postgresql/init.sh makes, and whose it is.
DATABASES = {"kervan_app": "kervan_app", "temporal": "temporal", "temporal_visibility": "temporal"}


def run(script: Path, environment: dict[str, str], *path: Path) -> str:
    """Run a script with nothing in its environment but this."""
    search = os.pathsep.join([*map(str, path), os.defpath])
    done = subprocess.run(
        ["/bin/sh", str(script)],
        check=False,
        capture_output=True,
        text=True,
        env={"PATH": search, **environment},
        timeout=100,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def no_roles(postgres_url: str) -> Iterator[dict[str, str]]:
    """Where the server is, for psql; what the script made there is removed afterwards."""
    url = urlsplit(postgres_url)
    assert url.username
    assert url.hostname
    where = {"PGHOST": url.hostname, "PGPORT": str(url.port or 5432), "POSTGRES_USER": url.username}
    if url.password:
        where["PGPASSWORD"] = url.password
    yield where
    drops = [f"DROP DATABASE IF EXISTS {name} WITH (FORCE)" for name in DATABASES]
    drops += [f"DROP ROLE IF EXISTS {name}" for name in sorted(set(DATABASES.values()))]
    command = [str(find_binaries() / "psql"), "-qXU", url.username, "-d", "postgres"]
    for drop in drops:
        subprocess.run(
            [*command, "-c", drop], check=True, capture_output=True, env={**os.environ, **where}
        )


async def test_each_tenant_of_the_server_gets_its_own_databases_and_can_fill_them(
    postgres_url: str, no_roles: dict[str, str], tmp_path: Path
) -> None:
    # Passwords of any kind: they are given as values, not pasted into SQL.
    passwords = {"APP_DB_PASSWORD": "it's\\odd", "TEMPORAL_DB_PASSWORD": "secret"}
    # The superuser of the tests' server has the name of our role.
    script = tmp_path / "init.sh"
    original = (DEPLOY / "postgresql" / "init.sh").read_text("utf-8")
    script.write_text(re.sub(r"\bkervan\b", "kervan_app", original))
    run(script, {**no_roles, **passwords}, find_binaries())

    url = urlsplit(postgres_url)
    login = {
        "kervan_app": passwords["APP_DB_PASSWORD"],
        "temporal": passwords["TEMPORAL_DB_PASSWORD"],
    }
    for database, owner in DATABASES.items():
        for role, password in login.items():
            connecting = asyncpg.connect(
                host=url.hostname, port=url.port, user=role, password=password, database=database
            )
            if role == owner:
                connection = await connecting
                await connection.execute("CREATE TABLE t (); DROP TABLE t")
                await connection.close()
            else:
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connecting

    # Our migrations need no more than that.
    ours = quote(passwords["APP_DB_PASSWORD"], safe="")
    assert await migrate(f"postgresql://kervan_app:{ours}@{url.hostname}:{url.port}/kervan_app")


def test_the_schema_tool_is_asked_for_both_databases(tmp_path: Path) -> None:
    tool = tmp_path / "temporal-sql-tool"
    tool.write_text('#!/bin/sh\necho "$@"\n')
    tool.chmod(0o755)
    where = {
        "DB": "postgres12",
        "DB_PORT": "5432",
        "POSTGRES_SEEDS": "postgresql",
        "POSTGRES_USER": "temporal",
    }
    said = run(DEPLOY / "temporal/setup-schema.sh", where, tmp_path)
    common = "--plugin postgres12 --ep postgresql -p 5432 -u temporal --db"
    schema = "/etc/temporal/schema/postgresql/v12"
    assert said.splitlines() == [
        f"{common} temporal setup-schema -v 0.0",
        f"{common} temporal update-schema -d {schema}/temporal/versioned",
        f"{common} temporal_visibility setup-schema -v 0.0",
        f"{common} temporal_visibility update-schema -d {schema}/visibility/versioned",
    ]


async def test_the_namespace_is_made_once_with_our_attributes(
    temporal: Client, temporal_address: str
) -> None:
    namespace = f"deploy-{uuid.uuid4().hex[:8]}"
    where = {
        "TEMPORAL_ADDRESS": temporal_address,
        "TEMPORAL_NAMESPACE": namespace,
        "TEMPORAL_RETENTION": "7d",
        "HOME": "/nonexistent",
    }
    tools = find_binary().parent
    assert "have been added" in run(DEPLOY / "temporal/setup-namespace.sh", where, tools)
    again = run(DEPLOY / "temporal/setup-namespace.sh", where, tools)
    assert again.splitlines() == [f"namespace {namespace} is ready"]

    described = await temporal.workflow_service.describe_namespace(
        DescribeNamespaceRequest(namespace=namespace)
    )
    retention = described.config.workflow_execution_retention_ttl
    assert retention.ToTimedelta().days == 7
    listed = await temporal.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=namespace)
    )
    assert {name: int(kind) for name, kind in listed.custom_attributes.items()} == {
        key.name: int(key.indexed_value_type) for key in SEARCH_ATTRIBUTES
    }
