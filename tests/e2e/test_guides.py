"""The guides of the stock part, typed as they stand there, one after the other on one stack."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest_asyncio

from ops.stack.stack import Stack

ROOT = Path(__file__).parents[2]
# A person takes a moment to read the answers; a script has to wait for what it is going to need:
# by what stands in a block, what must be answered before the next one is typed.
_READ = {
    "order WH-2": (
        '[ $(call "$API/v1/fulfillment-orders?warehouse=WH1" | grep -o \'"ful_\' | wc -l) = 2 ]'
    ),
    "$(order W-2001": 'call $API/v1/orders/$ORDER | grep -q \'"status":"confirmed"\'',
    "WOOL-1": "call $API/v1/orders/$ORDER | grep -q '\"sub_'",
    "$(order W-2002": "call $API/v1/orders/$SECOND | grep -q '\"sub_'",
    '"W-3001"': 'call $API/v1/orders/$ORDER | grep -q \'"status":"confirmed"\'',
}


@pytest_asyncio.fixture(scope="module")
async def stack() -> AsyncIterator[Stack]:
    """A stack of their own, as the reader's is new; shared, since a stack takes long to start."""
    with tempfile.TemporaryDirectory(prefix="kervan-stack-") as directory:
        async with Stack(Path(directory), durable=False) as running:
            yield running


@pytest_asyncio.fixture
async def api(stack: Stack) -> AsyncIterator[httpx2.AsyncClient]:
    """What the guide has led to."""
    headers = {"authorization": f"Bearer {stack.api_key}"}
    async with httpx2.AsyncClient(base_url=stack.urls.api, headers=headers) as client:
        yield client


def _guide(name: str, stack: Stack) -> str:
    """The commands of a guide, led to the test's stack."""
    text = (ROOT / "docs" / name).read_text("utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    commands = "".join(
        block
        + "".join(f"until {read}; do sleep 0.1; done\n" for x, read in _READ.items() if x in block)
        for block in blocks
    )
    places = {
        "http://127.0.0.1:8000": stack.urls.api,
        ".venv/bin/kervan": f"{sys.executable} -m ops.cli",
    }
    for told, here in places.items():
        commands = commands.replace(told, here)
    return "set -u\n" + commands


async def _typed(name: str, stack: Stack) -> str:
    """What the reader is answered; no answer is a refusal."""
    places = [str(Path(sys.executable).parent), os.environ["PATH"]]
    if shutil.which("curl") is None:
        places.insert(0, str(ROOT / "tests" / "fakes"))
    walk = await asyncio.to_thread(
        subprocess.run,
        ["bash"],
        input=_guide(name, stack).encode(),
        cwd=ROOT,
        env=os.environ
        | {
            "PATH": os.pathsep.join(places),
            "KERVAN_API_URL": stack.urls.api,
            "KERVAN_API_KEY": stack.api_key,
        },
        capture_output=True,
        timeout=90,
        check=False,
    )
    said = walk.stdout.decode()
    assert walk.returncode == 0, said + walk.stderr.decode()
    assert "urn:kervan:problem" not in said, said
    assert walk.stderr == b"", walk.stderr.decode()
    return said


async def test_the_guide_for_the_warehouse_leads_where_it_says(
    stack: Stack, api: httpx2.AsyncClient
) -> None:
    await _typed("warehouse.md", stack)
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


async def test_the_guide_about_goods_that_are_not_there_leads_where_it_says(
    stack: Stack, api: httpx2.AsyncClient
) -> None:
    await _typed("out-of-stock.md", stack)
    first, second = [await _order(api, number) for number in ("W-2001", "W-2002")]
    lines = {line["sku"]: line for line in first["lines"]}
    assert lines["SCARF-WOOL"]["ordered_sku"] == "SCARF"
    assert lines["SCARF-WOOL"]["quantity"] == 2
    assert [offer["status"] for offer in first["substitutions"]] == ["accepted"]
    assert [offer["status"] for offer in second["substitutions"]] == ["refused"]
    [closing] = (await api.get("/v1/warehouses/MAIN/closings")).json()["items"]
    assert closing["reason"] == "flood"


async def test_the_guide_for_buyers_leads_where_it_says(
    stack: Stack, api: httpx2.AsyncClient
) -> None:
    said = await _typed("buying.md", stack)
    assert "P-17" in said
    [bought] = (await api.get("/v1/purchase-orders")).json()["items"]
    [line] = bought["lines"]
    assert (line["quantity"], line["received"], line["damaged"], line["open"]) == (12, 12, 1, 0)
    async with asyncio.timeout(30):
        while (await _order(api, "W-3001"))["lines"][0]["allocated"] < 5:
            await asyncio.sleep(0.1)
    [level] = (await api.get("/v1/stock?sku=CUP")).json()["items"]
    assert (level["on_hand"], level["allocated"], level["damaged"]) == (14, 5, 1)


async def test_the_guide_for_channels_leads_where_it_says(stack: Stack) -> None:
    said = await _typed("channels-stock.md", stack)
    assert '"changed":["MAIN"]' in said


async def _order(api: httpx2.AsyncClient, number: str) -> dict[str, Any]:
    found: dict[str, Any] = (await api.get("/v1/orders", params={"q": number})).json()["items"][0]
    return found
