"""Packed columns arrive as they were sent."""

from datetime import UTC, datetime

import pytest

from db.columns import pack
from db.pool import Pool

_READ = """
SELECT * FROM unnest(unpacked($1), unpacked($2)::int[], unpacked($3), unpacked($4)::timestamptz[],
    unpacked($5)::jsonb[]) AS r (name, units, place, seen_at, data)
"""
_NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


async def test_every_kind_of_value_comes_back(pool: Pool) -> None:
    rows = [
        (
            "a, 'b' \\ \N{LATIN SMALL LETTER DOTLESS I}\n{}",
            1,
            None,
            _NOON,
            {"text": "\x1f\x1e", "n": [1]},
        ),
        ("", -2, "MAIN", None, {}),
        ("NULL", 0, "", _NOON, {"deep": {"er": None}}),
    ]
    assert [tuple(row) for row in await pool.fetch(_READ, *pack(rows, 5))] == rows


async def test_a_column_without_a_value_is_left_out(pool: Pool) -> None:
    rows = [("a", 0, "", None, {"n": 1}), ("b", 0, "", None, {"n": 2})]
    found = [tuple(row) for row in await pool.fetch(_READ, *pack(rows, 5))]
    assert found == [("a", None, None, None, {"n": 1}), ("b", None, None, None, {"n": 2})]


async def test_no_rows_are_no_rows(pool: Pool) -> None:
    assert await pool.fetch(_READ, *pack([], 5)) == []


@pytest.mark.parametrize("text", ["a\x1fb", "\x1e"])
def test_a_text_with_a_separator_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="control character"):
        pack([("a", text), ("b", None)], 2)
