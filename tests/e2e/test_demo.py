"""`kervan demo`, as a newcomer runs it: where there is no terminal."""

import asyncio
import os
import re
import sys
from pathlib import Path

import pytest

from ops.demo.stories import STORIES

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(240)
async def test_the_demo_lives_through_all_its_orders_and_finds_them_as_they_should_be() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ops.cli", "demo"),
        cwd=ROOT,
        env={**os.environ, "CI": "true"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    told, _ = await process.communicate()
    text = told.decode()
    assert process.returncode == 0, text
    assert text.count("✓") == 4
    assert "✗" not in text
    rows = re.findall(r"^K-\d+ .*\b(yes|no)$", text, re.MULTILINE)
    assert rows == ["yes"] * len(STORIES)
