"""A chaos run from the first order to the last proof."""

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path

import asyncpg

from ops.chaos import proof, shop
from ops.chaos.frame import ENVIRONMENT, Plan, private_shop, tell
from ops.chaos.life import Life
from ops.chaos.scripts import Script, deal
from ops.chaos.storm import Kill, storm
from ops.client import ApiError, Json, NotInTime, ShopClient
from ops.stack.stack import Stack
from ops.stack.supervisor import Say
from workflows.client import TemporalAddress, connect

_IN_FLIGHT = 40
_QUIET_SECONDS = 120.0
_SECONDS_PER_KILL = 4.5
_COPIES = (1, 1, 1, 1, 3)


@dataclass
class Report:
    """What happened; an empty `broken` is the proof."""

    plan: Plan
    kills: Sequence[Kill] = ()
    accepted: int = 0
    by_script: Mapping[str, int] = field(default_factory=dict)
    sent_again: int = 0
    seconds: float = 0.0
    quiet_after: float = 0.0
    broken: list[str] = field(default_factory=list)

    def as_json(self) -> Json:
        """All of it as one object."""
        return {
            "seed": self.plan.seed,
            "orders": self.plan.orders,
            "accepted": self.accepted,
            "kills": [asdict(kill) for kill in self.kills],
            "requests_sent_again": self.sent_again,
            "seconds": round(self.seconds, 1),
            "quiet_after_seconds": round(self.quiet_after, 1),
            "scripts": dict(self.by_script),
            "broken": self.broken,
        }

    def summary(self) -> str:
        """What happened, in a sentence."""
        parts = Counter(kill.part for kill in self.kills)
        away = {part: max(k.away for k in self.kills if k.part == part) for part in parts}
        killed = ", ".join(
            f"{part} {n} (away up to {away[part]:.1f} s)" for part, n in parts.items()
        )
        return (
            f"{self.accepted} orders accepted, lived in {timedelta(seconds=round(self.seconds))}; "
            f"killed: {killed or 'nothing'}; {self.sent_again} requests sent again; "
            f"quiet {self.quiet_after:.1f} s later"
        )

    def truths(self) -> Sequence[str]:
        """What is proven when nothing is broken."""
        return (
            "every accepted order ended as its script says",
            "nobody was charged twice; our ledger equals the provider's, payment by payment",
            "stock equals its movements, and nothing is claimed by a closed order",
            "every mail once; no news left in outbox, inbox or at the providers",
            "no workflow failed, none is stuck",
        )


def run(plan: Plan, *, as_json: bool, keep: Path | None = None) -> int:
    """Run and tell; return 1 when something broke."""
    return tell(plan, f"{plan.orders} orders", lambda say: chaos(plan, say, keep), as_json=as_json)


async def chaos(plan: Plan, say: Say, keep: Path | None = None) -> Report:
    """Let orders live through a storm on a private stack, and ask every witness afterwards."""
    report = Report(plan)
    environment = {**ENVIRONMENT, "KERVAN_PAYMENT_EXPIRY": _expiry(plan)}
    async with private_shop(environment, say, keep, patience=120) as (stack, client):
        await shop.open_shop(client)
        await _through_the_storm(plan, stack, client, report, say)
    return report


def _expiry(plan: Plan) -> str:
    """Longer than several parts are away one after another, shorter than the run."""
    return f"PT{30 + plan.kills * _SECONDS_PER_KILL:.0f}S"


async def _through_the_storm(
    plan: Plan, stack: Stack, client: ShopClient, report: Report, say: Say
) -> None:
    rng = random.Random(plan.seed)  # noqa: S311 - a run that can be repeated, no secret
    scripts = deal(rng, plan.orders)
    cast = [
        (script, Life(client, f"C-{i}", script.basket(rng), random.Random(rng.random())))  # noqa: S311
        for i, script in enumerate(scripts)
    ]
    began = time.monotonic()
    async with _progress(cast, say):
        weather = asyncio.create_task(storm(stack, rng, plan.kills, say))
        try:
            report.broken += await _live_all(cast, plan)
            report.kills = await weather
        finally:
            weather.cancel()
            await asyncio.gather(weather, return_exceptions=True)
    report.seconds = time.monotonic() - began
    say("the storm is over; waiting until nothing moves any more")
    report.broken += await _quiet(stack, client)
    report.quiet_after = time.monotonic() - began - report.seconds
    report.accepted = sum(life.accepted for _, life in cast)
    report.by_script = Counter(script.name for script, life in cast if life.accepted)
    report.broken += await _prove(stack, client, cast)
    report.sent_again = client.tally.sent_again
    report.broken += client.tally.defects


async def _live_all(cast: Sequence[tuple[Script, Life]], plan: Plan) -> list[str]:
    """Let all orders begin while the storm blows, so many side by side; name those that broke."""
    room = asyncio.Semaphore(_IN_FLIGHT)
    pause = plan.kills * _SECONDS_PER_KILL / max(1, len(cast))

    async def one(script: Script, life: Life) -> str:
        try:
            await life.place(life.rng.choice(_COPIES))
            await script.act(life)
            life.played = True
        except (ApiError, NotInTime) as error:
            return f"{life.reference} {life.order.get('id', '')} ({script.name}): {error}"
        finally:
            room.release()
        return ""

    lives = []
    for script, life in cast:
        await room.acquire()
        lives.append(asyncio.create_task(one(script, life)))
        await asyncio.sleep(life.rng.uniform(0, 2 * pause))
    return [problem for problem in await asyncio.gather(*lives) if problem]


@contextlib.asynccontextmanager
async def _progress(cast: Sequence[tuple[Script, Life]], say: Say) -> AsyncIterator[None]:
    async def tell() -> None:
        while True:
            await asyncio.sleep(10)
            placed = sum(life.accepted for _, life in cast)
            played = sum(life.played for _, life in cast)
            say(f"         {placed} of {len(cast)} orders placed, {played} through their script")

    telling = asyncio.create_task(tell())
    try:
        yield
    finally:
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)


async def _quiet(stack: Stack, client: ShopClient) -> list[str]:
    """Wait until no news is on its way; name what still is when patience ends."""
    await stack.wait_ready()
    connection = await asyncpg.connect(stack.urls.database)
    try:
        deadline = time.monotonic() + _QUIET_SECONDS
        while True:
            waiting = await _waiting(connection, client)
            if not any(waiting.values()):
                return []
            if time.monotonic() > deadline:
                return [f"not quiet after {_QUIET_SECONDS:.0f} s: {waiting}"]
            await asyncio.sleep(0.5)
    finally:
        await connection.close()


async def _waiting(connection: asyncpg.Connection, client: ShopClient) -> dict[str, int]:
    rows = await connection.fetch("""
        SELECT 'outbox' AS what, count(*) AS left FROM outbox
        UNION ALL SELECT 'inbox', count(*) FROM inbox WHERE processed_at IS NULL
        UNION ALL SELECT 'mails', count(*) FROM notifications WHERE status = 'pending'
    """)
    webhooks = (await client.provider_summary())["webhooks"]["waiting"]
    return {row["what"]: row["left"] for row in rows} | {"webhooks": webhooks}


async def _prove(
    stack: Stack, client: ShopClient, cast: Sequence[tuple[Script, Life]]
) -> list[str]:
    accepted = [(script, life) for script, life in cast if life.accepted]
    payments: dict[str, list[Json]] = {}
    for payment in await client.provider_payments():
        payments.setdefault(payment["order"], []).append(payment)
    wrong: list[str] = []
    running: dict[str, bool] = {}
    sent = 0
    for script, life in accepted:
        order, events = await client.order(life.id), await client.events(life.id)
        wrong += proof.order_wrongs(script, life, order, events, payments.pop(life.id, []))
        running[life.id] = script.ending(life.basket).status == "confirmed"
        sent += sum(event["type"] == "notification_sent" for event in events)
    wrong += [f"the provider knows {order}, which nobody placed" for order in payments]
    wrong += await asyncio.to_thread(proof.mail_wrongs, stack.data_dir / "mail", sent)
    connection = await asyncpg.connect(stack.urls.database)
    try:
        wrong += await proof.books(connection, [life.reference for _, life in accepted])
    finally:
        await connection.close()
    temporal = await connect(TemporalAddress(stack.urls.temporal))
    return wrong + await proof.engine_wrongs(temporal, running)
