"""What the API answers about exchanges, for its OpenAPI document."""

from datetime import datetime
from typing import Literal

from api.schemas.answers import MoneyOut, Out


class ExchangeOut(Out):
    """Goods that are sent in place of others, as an order of their own.

    `promised` is what the others pay of it, `used` what it still takes of that, `granted` what
    they turned out to be worth. `send`: `at_once`, `on_handover` or `on_receipt`.
    """

    id: str
    status: Literal["promised", "granted", "failed", "withdrawn"]
    send: str
    order_id: str
    return_id: str | None
    new_order_id: str
    new_order_number: str
    promised: MoneyOut
    used: MoneyOut
    granted: MoneyOut
    created_at: datetime


class OpenedExchangeOut(ExchangeOut):
    """An exchange right after it was opened. `difference`: what the new order costs more than the
    goods that come back are worth; below zero the customer gets it when they are accepted.
    """

    difference: MoneyOut
    payment_needed: MoneyOut
