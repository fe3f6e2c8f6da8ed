"""The README's walk through the API, typed as it stands there."""

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
# A person takes a moment to read the answer; a script has to wait for what it is going to need.
_READ = 'until call $API/v1/orders/$ORDER | grep -q \'"status":"confirmed"\'; do sleep 0.1; done'


def _walk(stack: Stack, directory: Path) -> str:
    """Return the commands of `Drive an order`, led to the test's stack."""
    readme = (ROOT / "README.md").read_text("utf-8")
    section = readme.partition("## Drive an order")[2].partition("To meet the bad days")[0]
    blocks = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    for block in blocks:
        if "ORDER=" in block:
            blocks[blocks.index(block)] = block + _READ + "\n"
        elif "--max-time" in block:
            blocks[blocks.index(block)] = block.rstrip() + " || test $? -eq 28\n"
    commands = "set -eu\n" + "".join(blocks)
    places = {
        # First, since the clone may lie there, too.
        "/tmp/": f"{directory}/",  # noqa: S108 - what the README says
        "http://127.0.0.1:8000": stack.urls.api,
        "http://127.0.0.1:8100": stack.urls.sandbox,
        ".venv/bin/kervan": f"{sys.executable} -m ops.cli",
        "--max-time 20": "--max-time 2",
        "W-100": "README-100",
    }
    for told, here in places.items():
        commands = commands.replace(told, here)
    return commands


async def test_the_walk_of_the_readme_leads_where_it_says(data_dir: Path, tmp_path: Path) -> None:
    # A stack of its own, as the reader's is new: goods that others wait for would be shared.
    async with Stack(data_dir, durable=False) as stack:
        await _walks(stack, tmp_path)


async def _walks(stack: Stack, tmp_path: Path) -> None:
    places = [str(Path(sys.executable).parent), os.environ["PATH"]]
    if shutil.which("curl") is None:
        places.insert(0, str(ROOT / "tests" / "fakes"))
    environment = os.environ | {
        "PATH": os.pathsep.join(places),
        "KERVAN_API_URL": stack.urls.api,
        "KERVAN_API_KEY": stack.api_key,
    }
    walk = await asyncio.to_thread(
        subprocess.run,
        ["bash"],
        input=_walk(stack, tmp_path).encode(),
        cwd=ROOT,
        env=environment,
        capture_output=True,
        timeout=60,
        check=False,
    )
    said = walk.stdout.decode()
    assert walk.returncode == 0, said + walk.stderr.decode()
    assert "urn:kervan:problem" not in said, said
    assert "event: shipped" in said

    headers = {"authorization": f"Bearer {stack.api_key}"}
    async with httpx2.AsyncClient(base_url=stack.urls.api, headers=headers) as client:
        shipped, canceled = [
            (await client.get("/v1/orders", params={"q": number})).json()["items"][0]
            for number in ("README-1001", "README-1002")
        ]
        async with asyncio.timeout(30):
            while shipped["fulfillment_status"] != "delivered":
                await asyncio.sleep(0.1)
                shipped = (await client.get(shipped["links"]["self"])).json()
    assert (shipped["status"], shipped["payment_status"]) == ("confirmed", "paid")
    assert (canceled["status"], canceled["payment_status"]) == ("canceled", "voided")
