"""A purchase order as a table for the supplier: CSV of RFC 4180, UTF-8, amounts with a point."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from domain.money import Money

COLUMNS = (
    "purchase_order",
    "position",
    "supplier_sku",
    "sku",
    "name",
    "quantity",
    "unit_cost",
    "currency",
    "expected_on",
    "deliver_to",
)


@dataclass(frozen=True, slots=True)
class CsvLine:
    """One line of the order; `expected_on` is an ISO 8601 date."""

    position: int
    supplier_sku: str
    sku: str
    name: str
    quantity: int
    unit_cost: Money
    expected_on: str


def purchase_csv(number: str, deliver_to: str, lines: Sequence[CsvLine]) -> str:
    """The table, with its head."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for line in lines:
        writer.writerow(
            (
                number,
                line.position,
                _plain(line.supplier_sku),
                _plain(line.sku),
                _plain(line.name),
                line.quantity,
                line.unit_cost.decimal(),
                line.unit_cost.currency,
                line.expected_on,
                _plain(deliver_to),
            )
        )
    return text.getvalue()


def _plain(cell: str) -> str:
    """A text that no spreadsheet takes for a formula (OWASP, CSV injection)."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell
