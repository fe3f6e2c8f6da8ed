"""The runbook's table of queries for the Temporal UI, from `workflows.saved_queries`."""

from pathlib import Path

from workflows.saved_queries import QUERIES

PAGE = Path(__file__).parents[2] / "docs" / "runbook.md"

_BEGIN = "<!-- Made by `make docs` from workflows/saved_queries.py; a test compares the two. -->\n"
_END = "<!-- until here -->\n"


def page(text: str) -> str:
    """The runbook as it is, with the table as the queries are."""
    before, begin, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    return f"{before}{begin}{_table()}{end}{after}"


def _table() -> str:
    rows = (
        f"| {one.name}{' (for example)' if one.example else ''} | `{one.query}` |"
        for one in QUERIES
    )
    return "\n".join(("", "| view | query |", "|---|---|", *rows, "", ""))
