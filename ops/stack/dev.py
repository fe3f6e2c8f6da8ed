"""`kervan dev`: the stack in the foreground, until Ctrl-C."""

import asyncio
import contextlib
import json
import signal
import sys
from dataclasses import asdict
from typing import TextIO

from ops.stack.data_dir import DataDirectoryInUseError
from ops.stack.ports import PortTakenError
from ops.stack.process import PartFailedError
from ops.stack.stack import Ports, Stack
from settings import Settings

# SIGHUP comes when the terminal is closed.
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(settings: Settings) -> int:
    """Run the stack until a signal ends it; return the exit code."""
    return asyncio.run(_run(settings))


async def _run(settings: Settings) -> int:
    stack = Stack(
        settings.data_dir,
        ports=Ports(
            api=settings.api_port,
            temporal=settings.temporal_port,
            temporal_ui=settings.temporal_ui_port,
            sandbox=settings.sandbox_port,
        ),
        settings=settings,
        say=_say,
    )
    ended = asyncio.Event()
    _end_on_signals(stack, ended)
    starting = asyncio.create_task(stack.start())
    ending = asyncio.create_task(ended.wait())
    try:
        await asyncio.wait((starting, ending), return_when=asyncio.FIRST_COMPLETED)
        if not ended.is_set():
            await starting
            _say(_summary(stack))
            _print(ready_line(stack), sys.stdout)
            await ended.wait()
        else:
            starting.cancel()
            await asyncio.wait((starting,))
    except (DataDirectoryInUseError, PartFailedError, PortTakenError) as error:
        _say(str(error))
        return 1
    finally:
        ending.cancel()
        await stack.stop()
    _say("stopped")
    return 0


def ready_line(stack: Stack) -> str:
    """Return the line that tells programs where everything is."""
    facts = asdict(stack.urls)
    keys = ("api", "docs", "temporal", "temporal_ui", "sandbox", "database")
    pids = {name: stack.pids[name] for name in ("api", "worker", "temporal", "postgres", "sandbox")}
    return "READY " + json.dumps({key: facts[key] for key in keys} | {"pids": pids})


def _summary(stack: Stack) -> str:
    """Return what a person wants to know first."""
    return "\n".join(
        (
            "",
            f"  API          {stack.urls.docs}  (Authorization: Bearer {stack.api_key})",
            f"  Temporal UI  {stack.urls.temporal_ui}",
            f"  Sandbox      {stack.urls.sandbox}",
            f"  Data         {stack.data_dir}  (mail/, logs/, pids.json)",
            "  Ctrl-C stops all; the data stays.",
            "",
        )
    )


def _end_on_signals(stack: Stack, ended: asyncio.Event) -> None:
    """End at the first signal in order, at the second at once."""

    def end() -> None:
        if ended.is_set():
            stack.kill_all()
            return
        ended.set()
        _say("stopping; once more stops at once")

    loop = asyncio.get_running_loop()
    for number in _ENDING:
        loop.add_signal_handler(number, end)


def _say(message: str) -> None:
    # On stderr: stdout holds the READY line alone.
    _print(message, sys.stderr)


def _print(line: str, stream: TextIO) -> None:
    # Nobody reading any more, a closed terminal, is no reason to leave the parts alone.
    with contextlib.suppress(OSError):
        print(line, file=stream, flush=True)
