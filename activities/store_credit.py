"""Store credit as a tender: a payment provider whose books are our own."""

from activities.own_books import OwnBooksGateway
from db import refunds
from db.pool import Connection
from domain.money import Money
from domain.ports import STORE_CREDIT, AuthorizeRequest, SettleRequest


class StoreCreditGateway(OwnBooksGateway):
    """What a customer has to spend."""

    name = STORE_CREDIT

    async def take(self, conn: Connection, request: AuthorizeRequest) -> str:
        """From the customer's balance."""
        amount, currency = request.amount.amount, request.amount.currency
        return await refunds.spend(conn, request.order_id, amount, currency, request.key)

    async def give_back(self, conn: Connection, request: SettleRequest, amount: Money) -> None:
        """To the customer's balance."""
        await refunds.return_credit(
            conn, request.order_id, amount.amount, amount.currency, request.key
        )

    async def is_booked(self, key: str) -> bool:
        """Whether an entry of that cause is there."""
        return await refunds.is_booked(self._pool, key)
