"""The rooms have generic names: a package of the same name elsewhere must not shadow them."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "room",
    ["activities", "adapters", "api", "db", "domain", "ops", "tests", "workflows"],
)
def test_a_room_is_the_one_in_this_repository(room: str) -> None:
    spec = importlib.util.find_spec(room)
    assert spec is not None
    assert [Path(place) for place in spec.submodule_search_locations or []] == [ROOT / room]


@pytest.mark.parametrize("module", ["logs", "relay", "settings", "worker"])
def test_a_module_is_the_one_in_this_repository(module: str) -> None:
    spec = importlib.util.find_spec(module)
    assert spec is not None
    assert spec.origin == str(ROOT / f"{module}.py")
