"""docker-compose.yml, Dockerfile and deploy/ hold together: all that they name exists."""

import importlib
import importlib.util
import re
import shlex
import subprocess
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import typer
import yaml
from temporalio.api.enums.v1 import IndexedValueType

from adapters.sandbox.__main__ import SandboxSettings
from ops.cli import app as command_line
from settings import Settings
from workflows.ids import SEARCH_ATTRIBUTES

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = sorted(name for name, service in SERVICES.items() if service["image"].startswith("kervan:"))
ONE_SHOT = {"temporal-schema", "temporal-namespace", "migrate"}
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
SCRIPTS = [*sorted((ROOT / "deploy").rglob("*.sh")), ROOT / "deploy" / "kervan"]
_VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")


def example_environment() -> dict[str, str]:
    lines = (ROOT / ".env.example").read_text("utf-8").splitlines()
    pairs = (line.split("=", 1) for line in lines if line and not line.startswith("#"))
    return {name: value for name, value in pairs}  # noqa: C416 the pairs are lists


def resolved(text: str) -> str:
    """`text` with the variables of .env.example put in, as Compose does."""
    return _VARIABLE.sub(lambda match: example_environment()[match[1]], text)


def environment(service: str) -> dict[str, str]:
    return {name: resolved(str(value)) for name, value in SERVICES[service]["environment"].items()}


def settings_of(service: str, monkeypatch: pytest.MonkeyPatch) -> SandboxSettings:
    for name, value in environment(service).items():
        monkeypatch.setenv(name, value)
    return SandboxSettings()


def test_the_stack_is_whole() -> None:
    assert set(SERVICES) == {
        "postgresql",
        "temporal-schema",
        "temporal",
        "temporal-namespace",
        "temporal-ui",
        "migrate",
        "api",
        "worker",
        "sandbox",
        "mail",
    }
    assert OURS == ["api", "migrate", "sandbox", "worker"]
    assert SERVICES["worker"]["deploy"]["replicas"] == 2


@pytest.mark.parametrize("name", SERVICES)
def test_images_are_pinned(name: str) -> None:
    _, _, tag = SERVICES[name]["image"].rpartition(":")
    assert re.fullmatch(r"v?\d+\.\d+(\.\d+)?(-[a-z]+)?", tag), tag


def test_our_image_is_of_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert {SERVICES[name]["image"] for name in OURS} == {f"kervan:{version}"}


def test_temporals_images_are_of_one_version() -> None:
    tags = {SERVICES[name]["image"].split(":")[1] for name in ("temporal", *ONE_SHOT - {"migrate"})}
    assert len(tags) == 1


@pytest.mark.parametrize("name", SERVICES)
def test_what_a_service_waits_for_can_come(name: str) -> None:
    for target, wait in SERVICES[name].get("depends_on", {}).items():
        waited_for = SERVICES[target]
        if wait["condition"] == "service_healthy":
            assert "healthcheck" in waited_for
        else:
            assert wait["condition"] == "service_completed_successfully"
            assert target in ONE_SHOT
            assert waited_for["restart"].startswith("on-failure")


def test_orders_are_taken_while_temporal_is_away() -> None:
    assert set(SERVICES["api"]["depends_on"]) == {"migrate"}


@pytest.mark.parametrize("name", sorted(set(SERVICES) - ONE_SHOT - {"temporal-ui"}))
def test_what_stays_up_is_checked_and_restarted(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"
    assert SERVICES[name]["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_open_to_this_machine_only(name: str) -> None:
    for port in SERVICES[name].get("ports", []):
        assert re.fullmatch(r"127\.0\.0\.1:\d+:\d+", resolved(port))


def test_no_two_services_want_one_port() -> None:
    ports = [resolved(port) for service in SERVICES.values() for port in service.get("ports", [])]
    taken = [port.split(":")[1] for port in ports]
    assert len(taken) == len(set(taken))


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_mounted_exists(name: str) -> None:
    for mount in SERVICES[name].get("volumes", []):
        source = mount.split(":")[0]
        if source.startswith("./"):
            assert (ROOT / source).is_file()
            assert mount.endswith(":ro")
        else:
            assert source in COMPOSE["volumes"]


def test_every_volume_is_used() -> None:
    mounts = [mount for service in SERVICES.values() for mount in service.get("volumes", [])]
    assert set(COMPOSE["volumes"]) == {
        mount.split(":")[0] for mount in mounts if not mount.startswith("./")
    }


# Variables.


def test_every_variable_is_explained_and_used() -> None:
    used = _VARIABLE.findall((ROOT / "docker-compose.yml").read_text("utf-8"))
    assert {name for name, _, _ in used} == set(example_environment())
    for name, kind, default in used:
        if kind == "-":
            assert default == example_environment()[name]


def test_secrets_come_from_outside_and_look_like_what_they_are() -> None:
    secrets = {
        name: value
        for name, value in example_environment().items()
        if re.search("PASSWORD|KEY|SECRET", name)
    }
    assert len(secrets) == 5
    for name, value in secrets.items():
        assert value.startswith("development")
        uses = [use for use in _VARIABLE.findall(str(COMPOSE)) if use[0] == name]
        assert uses
        assert all(kind == "?" for _, kind, _ in uses)
        assert value not in (ROOT / "docker-compose.yml").read_text("utf-8")


@pytest.mark.parametrize("name", OURS)
def test_every_variable_of_ours_is_a_setting(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in environment(name):
        assert variable.startswith("KERVAN_")
        assert variable.removeprefix("KERVAN_").lower() in SandboxSettings.model_fields
    settings_of(name, monkeypatch)


def test_the_image_and_the_examples_set_nothing_unknown() -> None:
    texts = [DOCKERFILE, (ROOT / ".env.example").read_text("utf-8")]
    texts += [path.read_text("utf-8") for path in SCRIPTS]
    texts.append((ROOT / "docs" / "deploy.md").read_text("utf-8"))
    for variable in set(re.findall(r"\bKERVAN_[A-Z0-9_]*[A-Z0-9]\b", "\n".join(texts))):
        known = variable.removeprefix("KERVAN_").lower()
        assert any(field.startswith(known) for field in SandboxSettings.model_fields), variable


def test_the_parts_find_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_of("worker", monkeypatch)
    database = urlsplit(settings.database_url.get_secret_value())
    assert (database.hostname, database.path) == ("postgresql", "/kervan")
    assert settings.temporal_address == "temporal:7233"
    assert environment("temporal-namespace")["TEMPORAL_NAMESPACE"] == settings.temporal_namespace
    assert (settings.smtp_host, settings.smtp_port) == ("mail", 1025)
    assert f":{settings.metrics_port}/" in SERVICES["worker"]["healthcheck"]["test"][-1]
    grace = int(SERVICES["worker"]["stop_grace_period"].removesuffix("s"))
    assert grace > settings.worker_drain.total_seconds()

    sandbox = settings_of("sandbox", monkeypatch)
    assert settings.sandbox_url == f"http://sandbox:{sandbox.sandbox_port}"
    assert sandbox.sandbox_webhook_url == "http://api:8000"
    assert sandbox.sandbox_key == settings.sandbox_key
    assert sandbox.sandbox_webhook_secret == settings.sandbox_webhook_secret
    assert f":{sandbox.sandbox_port}/" in SERVICES["sandbox"]["healthcheck"]["test"][-1]
    # Nothing but loopback may use the development key, and no loopback reaches a container.
    assert all("KERVAN_DEV_API_KEY" not in environment(name) for name in OURS)


def test_any_policy_can_be_set_beside_the_compose_file() -> None:
    asked = {name for name, service in SERVICES.items() if "env_file" in service}
    assert asked == {"api", "migrate", "worker"}
    for name in asked:
        assert SERVICES[name]["env_file"] == [{"path": "kervan.env", "required": False}]
    assert "kervan.env" in (ROOT / ".gitignore").read_text("utf-8").splitlines()


# Commands.


def check_command(words: list[str]) -> None:
    """A command line of ours names what exists."""
    program, *arguments = words
    if program == "kervan":
        commands = typer.main.get_command(command_line).commands  # type: ignore[attr-defined]
        assert arguments[0] in commands
    elif program == "uvicorn":
        module, _, attribute = arguments[0].partition(":")
        assert hasattr(importlib.import_module(module), attribute)
    else:
        assert (program, arguments[0]) == ("python", "-m")
        spec = importlib.util.find_spec(arguments[1])
        assert spec is not None
        if spec.submodule_search_locations is not None:
            assert importlib.util.find_spec(f"{arguments[1]}.__main__") is not None
        else:
            assert spec.origin is not None
            assert "__main__" in Path(spec.origin).read_text("utf-8")


@pytest.mark.parametrize("name", OURS)
def test_our_commands_exist(name: str) -> None:
    check_command(SERVICES[name]["command"])


def test_the_image_serves_the_api_by_itself() -> None:
    found = re.search(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
    assert found is not None
    check_command(yaml.safe_load(found[1]))


def test_the_guide_names_commands_and_services_that_exist() -> None:
    guide = (ROOT / "docs" / "deploy.md").read_text("utf-8")
    for command in set(re.findall(r"(?:`|docker compose run .* )kervan ([a-z]+)", guide)):
        check_command(["kervan", command])
    started = re.findall(r"docker compose (?:stop|start|run|up) ([^`\n#]*)", guide)
    for words in started:
        for word in words.split("kervan")[0].split():
            assert word.startswith("--") or word.partition("=")[0] in SERVICES, word


# The image.


def test_the_image_holds_all_rooms_and_what_it_copies_exists() -> None:
    sources = [
        word
        for line in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, re.MULTILINE)
        for word in line.split()[:-1]
    ]
    for source in sources:
        assert (ROOT / source).exists()
    allowed = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert {line[1:] for line in allowed if line.startswith("!")} == set(sources)
    assert {"activities", "adapters", "api", "db", "domain", "ops", "workflows"} <= set(sources)
    assert {path.name for path in ROOT.glob("*.py")} <= set(sources)


def test_the_image_is_small_locked_and_not_run_by_root() -> None:
    stages = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert stages == ["python:3.11-slim-bookworm"] * 2
    installing = re.search(r"uv pip install ((?:.*\\\n)*.*)", DOCKERFILE)
    assert installing is not None
    assert "--require-hashes" in installing[1]
    assert "--constraints requirements.lock" in installing[1]
    assert "--extra" not in installing[1]
    assert "--group" not in installing[1]
    assert re.findall(r"^USER (\S+)", DOCKERFILE, re.MULTILINE) == ["kervan"]


@pytest.mark.parametrize("name", OURS)
def test_our_containers_may_do_little(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


# deploy/


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_sound_shell(path: Path) -> None:
    assert path.stat().st_mode & 0o111
    assert path.read_text("utf-8").startswith("#!/bin/sh\n")
    checked = subprocess.run(
        ["/bin/sh", "-n", str(path)], check=False, capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stderr


def test_the_namespace_gets_the_search_attributes_that_workflows_set() -> None:
    script = (ROOT / "deploy" / "temporal" / "setup-namespace.sh").read_text("utf-8")
    written = dict(re.findall(r"^(Kervan\w+) (\w+)$", script, re.MULTILINE))
    names = {
        IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD: "Keyword",
        IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD_LIST: "KeywordList",
        IndexedValueType.INDEXED_VALUE_TYPE_DATETIME: "Datetime",
    }
    assert written == {
        key.name: names[IndexedValueType.ValueType(int(key.indexed_value_type))]
        for key in SEARCH_ATTRIBUTES
    }


def test_the_dynamic_config_is_of_our_task_queue() -> None:
    path = ROOT / "deploy" / "temporal" / "dynamicconfig.yaml"
    for values in yaml.safe_load(path.read_text("utf-8")).values():
        task_queue = Settings.model_fields["task_queue"].default
        assert [value["constraints"] for value in values] == [{"taskQueueName": task_queue}]


def test_shell_words_of_the_guide_are_whole() -> None:
    guide = (ROOT / "docs" / "deploy.md").read_text("utf-8")
    for block in re.findall(r"```sh\n(.*?)```", guide, re.DOTALL):
        for line in block.splitlines():
            shlex.split(line, comments=True)
