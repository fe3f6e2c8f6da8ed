"""Store credit as a tender: a payment provider whose books are our own."""

from collections.abc import Mapping, Sequence

from db import refunds
from db.pool import Pool
from domain.errors import InvalidSignature
from domain.ports import (
    STORE_CREDIT,
    AuthorizeRequest,
    PaymentNews,
    PaymentOutcome,
    SettleRequest,
)
from domain.states import OperationKind, OperationStatus

_DONE = OperationStatus.SUCCEEDED


class StoreCreditGateway:
    """See `domain.ports.PaymentGateway`. Credit is taken when it is authorized, so that nobody can
    spend it twice; what is not owed after all goes back as a refund. Each key counts once.
    """

    name = STORE_CREDIT

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def authorize(self, request: AuthorizeRequest) -> PaymentOutcome:
        """Take it from the customer's balance; too little is a declined payment."""
        async with self._pool.acquire() as conn, conn.transaction():
            refusal = await refunds.spend(
                conn, request.order_id, request.amount.amount, request.amount.currency, request.key
            )
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
        """Back to the customer's balance."""
        assert request.amount is not None  # noqa: S101 - only a void has none
        async with self._pool.acquire() as conn, conn.transaction():
            amount, currency = request.amount.amount, request.amount.currency
            await refunds.return_credit(conn, request.order_id, amount, currency, request.key)
        return PaymentOutcome(_DONE, request.provider_ref)

    async def look_up(
        self, kind: OperationKind, key: str, provider_ref: str
    ) -> PaymentOutcome | None:
        """What stands in the books under the key."""
        if not await refunds.is_booked(self._pool, key):
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
