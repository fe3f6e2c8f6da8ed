"""Lives the stories and keeps their histories: `python -m tests.replay.record [NAME…]`.

A history that was released is never recorded again to please a test: a changed workflow has to
understand the old ones. Only new stories are recorded then; existing files are kept unless they
are named.
"""

import asyncio
import json
import os
import sys
import tempfile
from pathlib import Path

import asyncpg
from temporalio.client import Client

from db.migrate import migrate
from db.pool import open_pool
from tests.conftest import database_named
from tests.fakes.sandbox_service import sandbox_service
from tests.fakes.webhook_receiver import webhook_receiver
from tests.replay.stories import STORIES, stock_the_shelves
from tests.servers import ensure_started, stop_all
from tests.workflows.letters import delivered_to
from tests.workflows.shop import Shop, running

HISTORIES = Path(__file__).parent / "histories"
_TASK_QUEUE = "recorder"
_HERE = f"{Path(__file__).parents[2]}/"


async def record(names: list[str], directory: Path) -> None:
    """Live these stories in a shop of their own, and write down what Temporal kept."""
    postgres = ensure_started("postgres", directory, os.getpid())["url"]
    address = ensure_started("temporal", directory, os.getpid())["address"]
    connection = await asyncpg.connect(postgres)
    await connection.execute("CREATE DATABASE recorder")
    await connection.close()
    database = database_named(postgres, "recorder")
    await migrate(database)
    # The name of the machine belongs to nobody's history.
    client = await Client.connect(address, identity="recorder")
    async with (
        webhook_receiver() as receiver,
        await open_pool(database) as pool,
        sandbox_service(directory, receiver.url, speed=0) as sandbox,
    ):
        shop = Shop(pool, client, _TASK_QUEUE, sandbox, directory / "mail")
        with delivered_to(shop.letters, receiver):
            async with running(shop):
                await stock_the_shelves(shop)
                for name in names:
                    await _record(shop, name)


async def _record(shop: Shop, name: str) -> None:
    life = await STORIES[name](shop)
    await life.finished()
    history = await life.handle.fetch_history()
    file = HISTORIES / f"{name}.json"
    kept = json.dumps(json.loads(history.to_json()), separators=(",", ":"), sort_keys=True)
    # Stack traces name the files of this machine.
    file.write_text(f"{kept.replace(_HERE, '')}\n")
    sys.stdout.write(f"{name}: {len(history.events)} events\n")


def main() -> None:
    """Record what is missing, or what is named."""
    missing = [name for name in STORIES if not (HISTORIES / f"{name}.json").exists()]
    with tempfile.TemporaryDirectory(prefix="kervan-record-") as directory:
        try:
            asyncio.run(record(sys.argv[1:] or missing, Path(directory)))
        finally:
            stop_all(Path(directory))


if __name__ == "__main__":
    main()
