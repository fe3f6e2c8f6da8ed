"""`kervan replay olist`: files like the public ones against the whole stack, and run again."""

import asyncio
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from ops.client import Doors, ShopClient
from ops.replay import run
from ops.replay.progress import Teller
from ops.replay.session import Waits
from ops.stack.stack import DEV_API_KEY, Stack
from tests.fakes.olist_files import APPROVED, DELIVERED, HANDED_OVER, OlistFiles

ROOT = Path(__file__).parents[2]
LAMP = ("lamp", "shop-b", "100.0", "20.05")


def files_of_all_kinds(name: str) -> OlistFiles:
    """Make orders with every status and many an oddity; `name` tells ids and goods apart."""
    item = ("soap", f"shop-{name}", "40.0", "9.9")
    files = OlistFiles(item).add(f"{name}-created", "created")
    for status in ("approved", "processing", "invoiced"):
        files.add(f"{name}-{status}", status, approved=APPROVED)
    # Wants the same goods as others, who get them.
    files.add(f"{name}-unavailable", "unavailable", approved=APPROVED, items=[item, item])
    files.add(f"{name}-shipped", "shipped", approved=APPROVED, handed_over=HANDED_OVER)
    files.delivered(
        f"{name}-delivered",
        items=[item, item, LAMP],
        tenders=[("credit_card", "10", "200.0"), ("voucher", "1", "0.0"), ("voucher", "1", "21")],
        reviews=[("r1", "5"), ("r2", "1")],
    )
    files.delivered(f"{name}-boleto", tenders=[("boleto", "1", "40.0")], reviews=[("r1", "3")])
    files.add(
        f"{name}-backward",
        "delivered",
        approved=DELIVERED,
        handed_over=HANDED_OVER,
        delivered=APPROVED,
    )
    files.add(f"{name}-timeless", "delivered")
    files.delivered(f"{name}-free", tenders=[])
    files.delivered(f"{name}-vouchers", tenders=[("voucher", "1", "4.99")] * 10)
    files.add(f"{name}-canceled-unpaid", "canceled")
    files.add(f"{name}-canceled-paid", "canceled", approved=APPROVED)
    files.add(
        f"{name}-canceled-late",
        "canceled",
        approved=APPROVED,
        handed_over=HANDED_OVER,
        delivered=DELIVERED,
        items=[item, LAMP],
        tenders=[("debit_card", "1", "169.95")],
    )
    files.add(f"{name}-empty", "unavailable", items=[])
    return files


async def start(stack: Stack, *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ops.cli", "replay", "olist", *arguments),
        cwd=ROOT,
        env={
            **os.environ,
            "KERVAN_API_URL": stack.urls.api,
            "KERVAN_SANDBOX_URL": stack.urls.sandbox,
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def replay(stack: Stack, directory: Path, *arguments: str) -> tuple[int | None, Any]:
    """Run the command to its end; answer its exit code and the object of its last line."""
    process = await start(stack, str(directory), "--json", *arguments)
    out, errors = await process.communicate()
    lines = out.decode().splitlines()
    assert lines, errors.decode()
    return process.returncode, json.loads(lines[-1])


def doors_of(stack: Stack) -> Doors:
    return Doors(stack.urls.api, stack.urls.sandbox, DEV_API_KEY)


@pytest.mark.timeout(240)
async def test_orders_end_as_their_file_says_and_a_second_run_does_nothing(
    stack: Stack, tmp_path: Path
) -> None:
    directory = files_of_all_kinds("all").write(tmp_path)
    code, report = await replay(stack, directory)
    assert report["differences"] == []
    assert code == 0
    assert (report["orders_in_file"], report["orders_replayed"]) == (16, 15)
    assert report["left_out"]["no_items"]["orders"] == ["all-empty"]
    assert report["oddities"]["approved_after_hand_over"]["orders"] == ["all-backward"]
    figures = report["figures"]
    assert figures["orders_delivered"] == {"file": 6, "kervan": 6}
    assert figures["orders_unavailable"] == {"file": 1, "kervan": 1}
    assert figures["captured_by_voucher"] == {"file": 2100 + 4990, "kervan": 2100 + 4990}
    assert figures["refunded_by_the_provider"]["kervan"] == 4990 * 2 + 16995

    async with ShopClient(doors_of(stack)) as client:
        before = await client.provider_summary()
        code, again = await replay(stack, directory)
        assert (code, again["orders_lived"], again["differences"]) == (0, 0, [])
        after = await client.provider_summary()
    assert after["payments"] == before["payments"]
    assert after["webhooks"]["delivered"] == before["webhooks"]["delivered"]


@pytest.mark.timeout(240)
async def test_a_replay_that_was_killed_goes_on_and_does_nothing_twice(
    stack: Stack, tmp_path: Path
) -> None:
    directory = files_of_all_kinds("killed").write(tmp_path)
    process = await start(stack, str(directory))
    async with ShopClient(doors_of(stack)) as client:

        async def placed() -> int:
            orders = await client.orders(channel="olist")
            return sum(order["channel_order_id"].startswith("killed-") for order in orders)

        async with asyncio.timeout(60):
            while await placed() < 8:
                await asyncio.sleep(0.02)
        process.kill()
        await process.communicate()
        code, report = await replay(stack, directory)
        assert report["differences"] == []
        assert code == 0
        ids = {
            order["id"]
            for order in await client.orders(channel="olist")
            if order["channel_order_id"].startswith("killed-")
        }
        scans = [
            (parcel["tracking_number"], scan["status"])
            for parcel in await client.provider_parcels()
            if parcel["order"] in ids
            for scan in parcel["scans"]
        ]
    assert len(scans) == len(set(scans)) > 0
    assert len(ids) == 15


@pytest.mark.timeout(240)
async def test_an_end_that_is_not_as_the_file_says_is_named(stack: Stack, tmp_path: Path) -> None:
    files = OlistFiles().delivered("other-delivered").add("other-created", "created")
    code, _ = await replay(stack, files.write(tmp_path))
    assert code == 0
    orders = files.rows["olist_orders_dataset.csv"]
    orders[0] = (*orders[0][:6], "2018-03-09 18:45:30", orders[0][7])
    report = await run.replay(
        run.Options(files.write(tmp_path)),
        doors_of(stack),
        Teller(Console(quiet=True)),
        Waits(settle=0.5),
    )
    single = [one for one in report.differences if one.order_id]
    assert [(one.order_id, one.expected, one.found) for one in single] == [
        (
            "other-delivered",
            datetime(2018, 3, 9, 18, 45, 30, tzinfo=UTC),
            datetime(2018, 3, 8, 18, 45, 30, tzinfo=UTC),
        )
    ]
    assert single[0].what.startswith("delivery of shp_")
    assert {one.what for one in report.differences if not one.order_id} == {
        "delivery days, sum",
        "delivery days, mean",
    }


async def test_a_directory_that_is_not_olist_is_told_from_a_stack_that_is_away(
    tmp_path: Path,
) -> None:
    command = (sys.executable, "-m", "ops.cli", "replay", "olist")
    for directory, word in (
        (tmp_path / "nothing", "cannot be read"),
        (OlistFiles().delivered("x").write(tmp_path / "one"), "Is the stack running"),
    ):
        process = await asyncio.create_subprocess_exec(
            *(*command, str(directory)),
            cwd=ROOT,
            # Port 9 discards, and nobody serves it.
            env={**os.environ, "KERVAN_API_URL": "http://127.0.0.1:9"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, errors = await process.communicate()
        assert (process.returncode, out) == (2, b"")
        assert word in " ".join(errors.decode().split())
