"""A load generator in a process of its own: `python -m ops.bench.load`, one job as JSON on stdin,
one result as JSON on stdout.

It speaks HTTP/1.1 by hand over connections that stay open, since a client library costs more than
the server it would measure. Every body is different; every request has its Idempotency-Key.
"""

import asyncio
import json
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import uvloop

from ops.bench.results import quantile

PLACEHOLDER = "@@@"
"""Stands in the body where each request has another text."""

_ROOT = Path(__file__).resolve().parents[2]
_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = b"content-length: "
_MOST_HEAD = 65_536


@dataclass(frozen=True, slots=True)
class Job:
    """What to send: `GET` without a body, else `POST` of `body`, for so many seconds."""

    url: str
    path: str
    clients: int
    seconds: float
    key: str = ""
    body: str = ""
    marker: str = ""
    """Makes this job's bodies different from those of others."""


@dataclass(slots=True)
class Load:
    """What came back."""

    per_second: float = 0.0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    statuses: dict[str, int] = field(default_factory=dict)


async def send(job: Job) -> Load:
    """Run the job in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ops.bench.load"),
        cwd=_ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    told, _ = await process.communicate(json.dumps(asdict(job)).encode())
    if process.returncode:
        message = f"the load generator ended with code {process.returncode}"
        raise RuntimeError(message)
    return Load(**json.loads(told))


async def _drive(job: Job) -> Load:
    statuses: Counter[str] = Counter()
    seconds: list[float] = []
    began = time.perf_counter()
    await asyncio.gather(
        *(
            _client(job, number, began + job.seconds, statuses, seconds)
            for number in range(job.clients)
        )
    )
    took = time.perf_counter() - began
    return Load(
        per_second=round(len(seconds) / took, 1),
        p50_ms=round(quantile(seconds, 0.5) * 1000, 2),
        p99_ms=round(quantile(seconds, 0.99) * 1000, 2),
        statuses=dict(statuses),
    )


async def _client(
    job: Job, number: int, deadline: float, statuses: Counter[str], seconds: list[float]
) -> None:
    where = urlsplit(job.url)
    reader, writer = await asyncio.open_connection(where.hostname, where.port, limit=_MOST_HEAD)
    sent = 0
    while (before := time.perf_counter()) < deadline:
        writer.write(request(job, where.netloc, f"{job.marker}-{number}-{sent}"))
        statuses[await _answer(reader)] += 1
        seconds.append(time.perf_counter() - before)
        sent += 1
    writer.close()


def request(job: Job, host: str, text: str) -> bytes:
    """Return one request as it goes over the wire; `text` makes it different from the others."""
    if not job.body:
        return f"GET {job.path} HTTP/1.1\r\nhost: {host}\r\n\r\n".encode()
    body = job.body.replace(PLACEHOLDER, text).encode()
    head = (
        f"POST {job.path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {job.key}\r\n"
        f"content-type: application/json\r\nidempotency-key: {text}\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _answer(reader: asyncio.StreamReader) -> str:
    """Read one answer to its end; return its status."""
    head = await reader.readuntil(_END_OF_HEAD)
    at = head.lower().index(_LENGTH) + len(_LENGTH)
    await reader.readexactly(int(head[at : head.index(b"\r\n", at)]))
    return head.split(b" ", 2)[1].decode()


if __name__ == "__main__":
    print(json.dumps(asdict(uvloop.run(_drive(Job(**json.loads(sys.stdin.read())))))))
