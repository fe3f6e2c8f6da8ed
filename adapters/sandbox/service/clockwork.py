"""What happens by itself: customers confirm, authorizations run out, parcels move."""

import asyncio
from collections.abc import Callable, Mapping

from adapters.sandbox.service.parcel_book import MOVE_JOB, ParcelBook
from adapters.sandbox.service.payment_book import CONFIRM_JOB, EXPIRE_JOB, PaymentBook
from adapters.sandbox.service.problems import Problem
from adapters.sandbox.service.store import Store
from adapters.sandbox.service.timing import Clock


class Clockwork:
    """Does each job of the ledger when it is due, exactly once, also after a restart."""

    def __init__(
        self, store: Store, payments: PaymentBook, parcels: ParcelBook, clock: Clock
    ) -> None:
        self._store = store
        self._clock = clock
        self._changed = asyncio.Event()
        self._work: Mapping[str, Callable[[str, int], object]] = {
            CONFIRM_JOB: lambda ref, _: payments.confirm(ref, succeed=True, occurred_at=None),
            EXPIRE_JOB: lambda ref, _: payments.expire(ref),
            MOVE_JOB: parcels.move,
        }
        store.on_commit(self._changed.set)

    async def run(self) -> None:
        """Work until canceled."""
        while True:
            self._changed.clear()
            while self._next_due():  # noqa: ASYNC110 - this is no wait for a condition
                # Requests have their turn between two jobs.
                await asyncio.sleep(0)
            await self._wait()

    def _next_due(self) -> bool:
        job = self._store.row(
            "SELECT * FROM jobs WHERE due <= ? ORDER BY due, seq LIMIT 1",
            self._clock().timestamp(),
        )
        if job is None:
            return False
        with self._store.transaction():
            self._store.write("DELETE FROM jobs WHERE seq = ?", job["seq"])
            try:
                self._work[job["kind"]](job["ref"], job["step"])
            except Problem:
                # Somebody was faster (confirmed by hand, captured before it ran out).
                return True
        return True

    async def _wait(self) -> None:
        due = self._store.value("SELECT min(due) FROM jobs")
        delay = None if due is None else max(0.0, due - self._clock().timestamp())
        try:
            await asyncio.wait_for(self._changed.wait(), delay)
        except TimeoutError:
            return
