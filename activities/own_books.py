"""Tenders whose provider is ourselves: what is asked of them is written into our own books."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from db.pool import Connection, Pool
from domain.errors import InvalidSignature
from domain.money import Money
from domain.ports import AuthorizeRequest, PaymentNews, PaymentOutcome, SettleRequest
from domain.states import OperationKind, OperationStatus

_DONE = OperationStatus.SUCCEEDED


class OwnBooksGateway(ABC):
    """See `domain.ports.PaymentGateway`. What it brings is taken when it is authorized, so that
    nobody can spend it twice; what is not owed after all goes back as a refund. Each key counts
    once.
    """

    name: str

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @abstractmethod
    async def take(self, conn: Connection, request: AuthorizeRequest) -> str:
        """Take it; why not, when it cannot be taken."""

    @abstractmethod
    async def give_back(self, conn: Connection, request: SettleRequest, amount: Money) -> None:
        """So much of what was taken is not needed."""

    @abstractmethod
    async def is_booked(self, key: str) -> bool:
        """Whether something stands in the books under the key."""

    async def authorize(self, request: AuthorizeRequest) -> PaymentOutcome:
        """Take it; what cannot be taken is a declined payment."""
        async with self._pool.acquire() as conn, conn.transaction():
            refusal = await self.take(conn, request)
        if refusal:
            return PaymentOutcome(OperationStatus.FAILED, reason=refusal)
        return PaymentOutcome(_DONE, request.key, captured=True)

    async def capture(self, request: SettleRequest) -> PaymentOutcome:
        """It is taken already."""
        return PaymentOutcome(_DONE, request.provider_ref)

    async def void(self, request: SettleRequest) -> PaymentOutcome:
        """Nothing is reserved that is not taken."""
        return PaymentOutcome(_DONE, request.provider_ref)

    async def refund(self, request: SettleRequest) -> PaymentOutcome:
        """Back to where it was taken from."""
        assert request.amount is not None  # noqa: S101 - only a void has none
        async with self._pool.acquire() as conn, conn.transaction():
            await self.give_back(conn, request, request.amount)
        return PaymentOutcome(_DONE, request.provider_ref)

    async def look_up(
        self, kind: OperationKind, key: str, provider_ref: str
    ) -> PaymentOutcome | None:
        """What stands in the books under the key."""
        if not await self.is_booked(key):
            return None
        taken = kind is OperationKind.AUTHORIZE
        return PaymentOutcome(_DONE, key if taken else provider_ref, captured=taken)

    def parse_webhook(
        self,
        headers: Mapping[str, str],  # noqa: ARG002 - the port's signature
        body: bytes,  # noqa: ARG002 - the port's signature
    ) -> Sequence[PaymentNews]:
        """Nobody sends any."""
        raise InvalidSignature
