"""Whether the demo's orders ended as they should: what the API says, held against the providers'
ledgers, the mail directory and the ledger of stock.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops.client import Json, ShopClient
from ops.demo.stories import Scene

_SUMS = ("captured", "refunded")
_COUNTERS = ("on_hand", "allocated", "held", "safety", "damaged")
_AXES = ("status", "payment_status", "fulfillment_status")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one order ended, by all witnesses; `wrong` names what is not as it should be."""

    scene: Scene
    captured: int
    """Taken by the payment provider, by its own ledger."""
    refunded: int
    mails: int
    """Files in the mail directory."""
    wrong: tuple[str, ...]


async def outcome(scene: Scene, client: ShopClient, mail_dir: Path) -> Outcome:
    """Ask all witnesses how one order ended."""
    order = await client.order(scene.id)
    events = await client.events(scene.id)
    payments = await client.provider_payments(scene.id)
    parcels = await client.provider_parcels(scene.id)
    mails = await asyncio.to_thread(_files, mail_dir, order["number"])
    wrong = [
        *_axes(scene, order),
        *_money(scene, order, payments),
        *_counts("payments", scene.story.ending.payments, (one["status"] for one in payments)),
        *_counts("parcels", scene.story.ending.parcels, (one["status"] for one in parcels)),
        *_mails(scene, events, mails),
    ]
    return Outcome(
        scene, _sum(payments, "captured"), _sum(payments, "refunded"), len(mails), tuple(wrong)
    )


def _files(mail_dir: Path, number: str) -> list[Path]:
    return sorted(mail_dir.glob(f"{number}.*.eml"))


async def stock_problems(client: ShopClient) -> list[str]:
    """Name the stock levels whose counters are not the sum of their movements."""
    sums: Counter[tuple[str, str, str]] = Counter()
    for movement in await client.movements():
        for counter in _COUNTERS:
            sums[movement["sku"], movement["warehouse"], counter] += movement[counter]
    return [
        f"stock of {level['sku']} in {level['warehouse']}: {counter} is {level[counter]}, "
        f"its movements say {sums[level['sku'], level['warehouse'], counter]}"
        for level in await client.stock()
        for counter in _COUNTERS
        if level[counter] != sums[level["sku"], level["warehouse"], counter]
    ]


def _axes(scene: Scene, order: Json) -> Iterator[str]:
    for axis in _AXES:
        expected = getattr(scene.story.ending, axis)
        if order[axis] != expected:
            yield f"{axis} is {order[axis]}, not {expected}"


def _money(scene: Scene, order: Json, payments: Sequence[Json]) -> Iterator[str]:
    for name in _SUMS:
        expected, taken = getattr(scene.story.ending, name), _sum(payments, name)
        if taken != expected:
            yield f"the provider {name} {taken}, not {expected}"
    theirs = {one["payment"]: one for one in payments}
    if len(theirs) != len(payments):
        yield "a payment stands twice in the provider's ledger"
    for ours in order["payments"]:
        provider = theirs.pop(ours["id"], None)
        for name in _SUMS:
            known = provider[name]["amount"] if provider else 0
            if ours[name]["amount"] != known:
                yield f"{ours['id']}: we {name} {ours[name]['amount']}, the provider {known}"
    for payment_id in theirs:
        yield f"the provider has {payment_id}, we do not"


def _counts(what: str, expected: Mapping[str, int], found: Iterable[str]) -> Iterator[str]:
    if Counter(found_list := list(found)) != Counter(expected):
        yield f"{what} at the provider: {sorted(found_list)}, not {dict(expected)}"


def _mails(scene: Scene, events: Sequence[Json], files: Sequence[Path]) -> Iterator[str]:
    told = Counter(e["data"]["milestone"] for e in events if e["type"] == "notification_sent")
    written = Counter(file.name.split(".")[1] for file in files)
    for name, mails in (("timeline", told), ("mail directory", written)):
        if mails != Counter(scene.story.ending.mails):
            yield f"mails by the {name}: {dict(mails)}, not {dict(scene.story.ending.mails)}"


def _sum(payments: Sequence[Mapping[str, Any]], name: str) -> int:
    return sum(int(one[name]["amount"]) for one in payments)
