"""docs/matrix.md: written from what was seen, and read as what must be seen."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tests.workflows.matrix.actions import NOTHING
from tests.workflows.matrix.cells import Row

PAGE = Path(__file__).parents[3] / "docs" / "matrix.md"

Key = tuple[str, str, str]
Rows = Mapping[Key, Row]

_GRANTED = (
    "who",
    "asks for",
    "answer",
    "order",
    "payment",
    "goods",
    "return",
    "bank: taken, given back",
    "stock: here, promised, set aside",
    "mails",
    "timeline",
)
_REFUSED = ("who", "asks for", "answer", "timeline")
_HEAD = """\
# Every action at every moment

<!-- Written by `WRITE_MATRIX=1 pytest tests/workflows/test_matrix.py`, which compares it. -->

What happens when support, a storefront, the warehouse, or the customer by the link of their order,
asks for something at each moment of an order's life, by the policies as they come. Each row is
lived through the API on a real stack, and again for each of its steps with a worker that dies at
that step. The order has two units at 300.00 with 50.00 for the delivery; nine units were here. What
comes back is received, and what is received is judged fit for sale. The first table of a moment is
what is granted, beside an order that nobody asked anything of; what the second one tells was
refused, stands in the timeline, and changed nothing else.
"""


def written(rows: Rows) -> str:
    """The page of these rows."""
    parts = [_HEAD]
    for moment in dict.fromkeys(moment for moment, _, _ in rows):
        here = {(who, what): row for (at, who, what), row in rows.items() if at == moment}
        still = here[NOTHING.who, NOTHING.name]
        refused = {key: row for key, row in here.items() if is_refused(row, still)}
        granted = [(*key, *row) for key, row in here.items() if key not in refused]
        parts += [f"## {moment[0].upper()}{moment[1:]}", "", *_table(_GRANTED, granted), ""]
        told = [(*key, row.answer, row.timeline) for key, row in refused.items()]
        parts += [*_table(_REFUSED, told), ""]
    return "\n".join(parts)


def is_refused(row: Row, still: Row) -> bool:
    """Whether the answer is no, and all is as if nobody had asked."""
    same = row._replace(answer="", timeline="") == still._replace(answer="", timeline="")
    return row.answer >= "4" and same


def _table(head: tuple[str, ...], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    return lines + [f"| {' | '.join(row)} |" for row in rows]


def expected() -> dict[Key, Row]:
    """The rows of the page, by moment, who and what."""
    found: dict[Key, Row] = {}
    moment, still = "", Row(*[""] * len(Row._fields))
    for line in PAGE.read_text("utf-8").splitlines():
        if heading := re.fullmatch(r"## (.*)", line):
            moment = heading[1][0].lower() + heading[1][1:]
        row = tuple(part.strip() for part in line.split("|")[1:-1])
        if not row or row[0] == "who" or row[0].startswith("---"):
            continue
        who, what, answer, *rest = row
        if len(row) == len(_REFUSED):
            found[moment, who, what] = still._replace(answer=answer, timeline=rest[-1])
        else:
            found[moment, who, what] = Row(answer, *rest)
        if who == NOTHING.who:
            still = found[moment, who, what]
    return found
