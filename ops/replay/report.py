"""What a replay came to, for people and as JSON."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from ops.client import Json
from ops.replay.comparison import Difference
from ops.replay.figures import Both, as_json
from ops.replay.oddities import EXPLANATIONS
from ops.replay.olist import Oddity

_SHOWN_DIFFERENCES = 40
_SHOWN_IDS = 3


@dataclass(frozen=True, slots=True)
class Report:
    """The result. `lived` counts orders that were taken further by this run, `seconds` it took."""

    in_file: int
    replayed: int
    lived: int
    seconds: float
    figures: Mapping[str, Both]
    differences: Sequence[Difference]
    oddities: Sequence[Oddity]
    left_out: Sequence[Oddity]

    @property
    def rate(self) -> float:
        """Orders per second, of those that were lived."""
        return self.lived / self.seconds if self.seconds else 0.0

    def as_dict(self) -> Json:
        """One object with everything."""
        return {
            "ok": not self.differences,
            "orders_in_file": self.in_file,
            "orders_replayed": self.replayed,
            "orders_lived": self.lived,
            "seconds": round(self.seconds, 1),
            "orders_per_second": round(self.rate, 2),
            "figures": as_json(self.figures),
            "differences": [difference.as_dict() for difference in self.differences],
            "oddities": _by_code(self.oddities),
            "left_out": _by_code(self.left_out),
        }

    def show(self, console: Console) -> None:
        """Tables for people."""
        console.print(self._figures())
        for title, oddities in (("Odd rows", self.oddities), ("Left out", self.left_out)):
            if oddities:
                console.print(_odd(title, oddities))
        self._verdict(console)

    def _figures(self) -> Table:
        table = Table(title="The file and Kervan", title_justify="left")
        table.add_column("figure")
        table.add_column("file", justify="right")
        table.add_column("Kervan", justify="right")
        for name, both in self.figures.items():
            style = None if both.file == both.kervan else "bold red"
            table.add_row(name, _text(name, both.file), _text(name, both.kervan), style=style)
        return table

    def _verdict(self, console: Console) -> None:
        for one in self.differences[:_SHOWN_DIFFERENCES]:
            console.print(
                f"{one.order_id or 'all orders'}: {one.what}: "
                f"expected {one.expected}, found {one.found}",
                style="red",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )
        if (more := len(self.differences) - _SHOWN_DIFFERENCES) > 0:
            console.print(f"… and {more} more: --json has all of them", style="red")
        verdict = (
            f"{len(self.differences)} differences" if self.differences else "all as the file says"
        )
        console.print(
            f"{self.replayed} of {self.in_file} orders of the file, {self.lived} of them lived now "
            f"in {self.seconds:.0f} s ({self.rate:.1f}/s): {verdict}",
            style="bold red" if self.differences else "bold green",
            highlight=False,
        )


def _by_code(oddities: Sequence[Oddity]) -> Json:
    groups: defaultdict[str, list[Oddity]] = defaultdict(list)
    for oddity in oddities:
        groups[oddity.code].append(oddity)
    return {
        code: {
            "count": len(group),
            "represented": EXPLANATIONS[code],
            "orders": sorted({oddity.order_id for oddity in group}),
        }
        for code, group in sorted(groups.items())
    }


def _odd(title: str, oddities: Sequence[Oddity]) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("what")
    table.add_column("count", justify="right")
    table.add_column("how it is represented")
    table.add_column("orders")
    for code, group in _by_code(oddities).items():
        ids: list[str] = group["orders"]
        more = f" +{len(ids) - _SHOWN_IDS}" if len(ids) > _SHOWN_IDS else ""
        shown = " ".join(order_id[:8] for order_id in ids[:_SHOWN_IDS]) + more
        table.add_row(code, str(group["count"]), group["represented"], shown)
    return table


def _text(name: str, value: object) -> str:
    """Amounts as people write them; they are integers of centavos."""
    if isinstance(value, int) and name.startswith(("amount", "captured", "refunded")):
        return f"{value // 100:,}.{value % 100:02d}"
    return f"{value:,}" if isinstance(value, int | float) else str(value)
