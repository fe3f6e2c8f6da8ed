"""The bench from the command line: the parts that were asked for, a table, one object of JSON."""

import json
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence

import uvloop
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ops.bench import actions, intake, machine, orders, stock, story_costs
from ops.bench.results import Result, Row, ratio
from ops.client import Json
from ops.stack.supervisor import Say

PARTS: Mapping[str, Callable[[Say], Awaitable[Result]]] = {
    "actions": actions.measure,
    "stories": story_costs.measure,
    "orders": orders.measure,
    "intake": intake.measure,
    "stock": stock.measure,
}
_SMALL = 100


def run(only: Sequence[str], *, as_json: bool) -> int:
    """Measure; return 1 when a target that has to be held is missed, 2 for an unknown part."""
    chosen = [name for name in PARTS if not only or name in only]
    if unknown := sorted(set(only) - PARTS.keys()):
        print(f"no such part: {', '.join(unknown)}; there are {', '.join(PARTS)}", file=sys.stderr)
        return 2
    facts = machine.facts()
    console = Console(stderr=as_json)
    console.print(_describe(facts), style="dim", markup=False, highlight=False, soft_wrap=True)
    # As the worker runs.
    results = [uvloop.run(_measure(name, console)) for name in chosen]
    console = console if console.is_terminal else Console(stderr=as_json, width=_WIDE)
    console.print(_table(results))
    missed = [row for result in results for row in result.rows if row.missed]
    for row in missed:
        console.print(f"missed: {row.what} is {_number(row.value)}, {row.target}", style="red")
    if as_json:
        print(json.dumps(_object(facts, results)))
    return 1 if missed else 0


_WIDE = 150


async def _measure(name: str, console: Console) -> Result:
    def say(message: str) -> None:
        console.print(f"{name}: {message}", style="dim", markup=False, highlight=False)

    result = await PARTS[name](say)
    for note in result.notes:
        console.print(f"  {note}", markup=False, highlight=False, soft_wrap=True)
    return result


def _describe(facts: Json) -> str:
    return (
        f"{facts['processor']}, {facts['processors']} processors, {facts['memory_gb']} GB, "
        f"{facts['system']}, Python {facts['python']}, load {facts['load_before']}"
    )


def _table(results: Sequence[Result]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("what")
    for heading in ("measured", "beside it", "ratio"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("to compare")
    for result in results:
        for row in result.rows:
            table.add_row(*_cells(row))
    return table


def _cells(row: Row) -> tuple[str | Text, ...]:
    value = Text(f"{_number(row.value)} {row.unit}", style="red" if row.missed else "")
    if row.floor is None:
        return row.what, value, "", "", row.target
    share = ratio(row.value, row.floor)
    floor = f"{_number(row.floor)} {row.floor_is}"
    return row.what, value, floor, "" if share is None else f"{share:.2f}", row.target


def _number(value: float) -> str:
    if value == int(value) or value >= _SMALL:
        return f"{value:,.0f}"
    return f"{value:.1f}"


def _object(facts: Json, results: Sequence[Result]) -> Json:
    missed = [row.what for result in results for row in result.rows if row.missed]
    return {"machine": facts, "missed": missed} | {r.part: r.figures for r in results}
