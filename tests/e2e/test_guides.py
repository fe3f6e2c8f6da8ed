"""The guide for warehouse staff, typed as it stands there."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import httpx2

from ops.stack.stack import Stack

ROOT = Path(__file__).parents[2]
# A person takes a moment to read the answers; a script has to wait for what it is going to need.
_CONFIRMED = """
until [ $(call "$API/v1/fulfillment-orders?warehouse=WH1" | grep -o '"ful_' | wc -l) = 2 ]; do
  sleep 0.1; done
"""


def _guide(stack: Stack) -> str:
    """The commands of the guide, led to the test's stack."""
    text = (ROOT / "docs" / "warehouse.md").read_text("utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    commands = "".join(block + (_CONFIRMED if "order WH-2" in block else "") for block in blocks)
    return "set -u\n" + commands.replace("http://127.0.0.1:8000", stack.urls.api)


async def test_the_guide_leads_where_it_says(data_dir: Path) -> None:
    async with Stack(data_dir, durable=False) as stack:
        said = await asyncio.to_thread(_typed, _guide(stack))
        assert '"code":' not in re.sub(r'"code":"[A-Z][A-Z0-9-]*"', "", said), said
        headers = {"authorization": f"Bearer {stack.api_key}"}
        async with httpx2.AsyncClient(base_url=stack.urls.api, headers=headers) as api:
            await _has_led_there(api)


def _typed(commands: str) -> str:
    places = [str(Path(sys.executable).parent), os.environ["PATH"]]
    if shutil.which("curl") is None:
        places.insert(0, str(ROOT / "tests" / "fakes"))
    walk = subprocess.run(
        ["bash"],  # noqa: S607 - the reader's shell
        input=commands.encode(),
        cwd=ROOT,
        env=os.environ | {"PATH": os.pathsep.join(places)},
        capture_output=True,
        timeout=90,
        check=False,
    )
    said = walk.stdout.decode()
    assert walk.returncode == 0, said + walk.stderr.decode()
    return said


async def _has_led_there(api: httpx2.AsyncClient) -> None:
    [piece] = (await api.get("/v1/serials?serial=SN-2")).json()["items"]
    assert piece["status"] == "shipped"
    levels = (await api.get("/v1/stock?sku=MUG")).json()["items"]
    assert {(x["warehouse"], x["incoming"], x["quarantined"]) for x in levels} == {
        ("WH1", 0, 0),
        ("WH2", 0, 0),
    }
    assert {x["warehouse"]: x["on_hand"] for x in levels}["WH2"] == 5
    [count] = (await api.get("/v1/cycle-counts")).json()["items"]
    assert [x["status"] for x in count["lines"] if x["sku"] == "MUG"] == ["waiting"]
