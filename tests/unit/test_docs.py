"""What the documents say must be so: generated pages, links, names of settings and codes."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.sandbox.__main__ import SandboxSettings
from domain import purchasing
from domain.attention import CAN, OTHERS
from ops.docs import queries, states
from tests.unit import codes
from workflows.saved_queries import QUERIES

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
_LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_and_headings_that_exist(page: Path) -> None:
    broken = [
        f"{target}#{anchor}" if anchor else target
        for target, anchor in _LINK.findall(page.read_text("utf-8"))
        if not _exists((page.parent / target).resolve() if target else page, anchor)
    ]
    assert broken == []


def _exists(target: Path, anchor: str) -> bool:
    return target.exists() and (not anchor or anchor in set(_anchors(target)))


def _anchors(page: Path) -> Iterator[str]:
    for heading in re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE):
        yield re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_settings_that_are_told_of_exist(page: Path) -> None:
    known = {f"KERVAN_{name}".upper() for name in SandboxSettings.model_fields}
    # `KERVAN_TEMPORAL_TLS_*` stands for several.
    told = re.findall(r"\bKERVAN_[A-Z0-9_]*[A-Z0-9](?!\w|_\*)", page.read_text("utf-8"))
    assert sorted(set(told) - known) == []


def test_the_page_of_states_is_the_one_that_the_tables_make() -> None:
    assert states.PAGE.read_text("utf-8") == states.page()


def test_the_guide_has_a_picture_of_each_machine_as_its_table_is() -> None:
    guide = states.GUIDE.read_text("utf-8")
    assert guide == states.pictures(guide)
    assert guide.count("stateDiagram-v2") == len(states.AFTER_SALES)


def test_the_runbook_lists_the_saved_queries_as_they_are() -> None:
    runbook = queries.PAGE.read_text("utf-8")
    assert runbook == queries.page(runbook)
    assert all(f"`{one.query}`" in runbook for one in QUERIES)


def test_the_runbook_tells_of_every_reason_to_ask_for_help() -> None:
    runbook = (ROOT / "docs" / "runbook.md").read_text("utf-8")
    told = set(re.findall(r"^\| `([a-z_]+)` \|", runbook, re.MULTILINE))
    assert told & CAN.keys() == CAN.keys()
    assert told & purchasing.CAN.keys() == purchasing.CAN.keys()
    assert told & OTHERS.keys() == OTHERS.keys()


def test_the_api_guide_tells_what_to_do_about_every_conflict() -> None:
    guide = (ROOT / "docs" / "api.md").read_text("utf-8")
    table = guide.partition("## Codes of conflicts")[2].partition("\n## ")[0]
    first_cells = re.findall(r"^\| (`[^|]*) \|", table, re.MULTILINE)
    told = {code for cell in first_cells for code in re.findall(r"`([a-z_]+)`", cell)}
    assert told == codes.of_conflicts()


def test_the_api_guide_names_the_codes_of_fields() -> None:
    guide = (ROOT / "docs" / "api.md").read_text("utf-8")
    told = re.search(r"^Codes of fields: `([a-z_ ]+)`", guide, re.MULTILINE)
    assert told is not None
    assert codes.of_fields() - set(told[1].split()) == set()
