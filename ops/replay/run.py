"""`kervan replay olist DIR` from the first file to the last comparison."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from ops.client import ApiError, Doors, NotInTime
from ops.replay import oddities
from ops.replay.client import ReplayClient
from ops.replay.olist import OlistError, Order
from ops.replay.progress import Teller
from ops.replay.reader import read
from ops.replay.report import Report
from ops.replay.sample import sample
from ops.replay.session import AT_ONCE, Session, Waits
from settings import Settings

# Services restart; what they do not answer within this many seconds is given up.
_PATIENCE = 300.0
_WIDTH = 140
_CANNOT_RUN = 2
_INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Options:
    """What is asked on the command line."""

    directory: Path
    limit: int | None = None
    as_json: bool = False


def run(options: Options, settings: Settings) -> int:
    """Replay and compare; 0 when all is as the file says, 1 when not, 2 when it cannot run."""
    errors = Console(stderr=True)
    doors = Doors(
        settings.api_url.rstrip("/"),
        settings.sandbox_url.rstrip("/"),
        settings.api_key.get_secret_value(),
    )
    try:
        report = asyncio.run(replay(options, doors, Teller(errors)))
    except OlistError as error:
        errors.print(str(error), style="red", markup=False)
        return _CANNOT_RUN
    except (ApiError, NotInTime, ExceptionGroup) as error:
        hint = "Is the stack running (KERVAN_API_URL, KERVAN_API_KEY, KERVAN_SANDBOX_URL)?"
        errors.print(f"{_first(error)}\n{hint}", style="red", markup=False)
        return _CANNOT_RUN
    except KeyboardInterrupt:
        errors.print("stopped; the same command goes on from here")
        return _INTERRUPTED
    if options.as_json:
        print(json.dumps(report.as_dict(), ensure_ascii=False))
    else:
        console = Console()
        if not console.is_terminal:
            # A file or a pipe has no edge.
            console.width = _WIDTH
        report.show(console)
    return 1 if report.differences else 0


async def replay(
    options: Options, doors: Doors, teller: Teller, waits: Waits | None = None
) -> Report:
    """Replay the orders of a directory against a running stack.

    Raises:
        OlistError: the directory does not hold the format.
        ApiError, NotInTime: the stack does not let us begin, or went away for good.

    """
    book = read(options.directory)
    odd = oddities.of_book(book)
    orders: Sequence[Order] = book.orders
    if options.limit is not None and options.limit < len(orders):
        orders = sample(orders, odd, options.limit)
    async with ReplayClient(doors, patience=_PATIENCE, connections=2 * AT_ONCE) as client:
        await client.check()
        session = Session(client, book, teller, waits or Waits())
        result = await session.run(orders)
    ids = {order.id for order in orders}
    known = {order.id for order in book.orders}
    return Report(
        in_file=book.in_file,
        replayed=len(orders),
        lived=result.lived,
        seconds=result.seconds,
        figures=result.figures,
        differences=result.differences,
        # Rows that belong to no order of the file are told of in every run.
        oddities=[one for one in odd if one.order_id in ids or one.order_id not in known],
        left_out=book.left_out,
    )


def _first(error: Exception) -> Exception:
    """The error that ended a group of tasks; a defect of ours is raised as it is."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    if not isinstance(error, ApiError | NotInTime):
        raise error
    return error
