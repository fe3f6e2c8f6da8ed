"""Exchanges and replacements: what is asked for."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from api.errors import FieldError
from api.schemas.edits import EditPaymentIn
from api.schemas.fields import Code, MoneyIn, Note, Strict
from api.schemas.orders import LineIn, ShippingIn
from api.schemas.requests import UnitsIn


class ExchangeIn(Strict):
    """What is sent in place of a return's goods: the same again (`lines`, at what was paid for
    them), other items at their price (`add_lines`), or both.

    `send` is the rules' word unless told; the delivery costs nothing unless told; `payment` brings
    what the new order costs more.
    """

    lines: Annotated[list[UnitsIn], Field(max_length=500)] = Field(default_factory=list)
    add_lines: Annotated[list[LineIn], Field(max_length=100)] = Field(default_factory=list)
    send: Literal["on_handover", "on_receipt"] | None = None
    shipping: ShippingIn | None = None
    payment: EditPaymentIn | None = None
    note: Note | None = None

    def wrong(self, currency: str) -> Iterator[FieldError]:
        """What single fields cannot tell; `currency` is the order's."""
        if not self.lines and not self.add_lines:
            yield FieldError("/lines", "required", "Name what is to be sent.")
        seen: set[str] = set()
        for n, line in enumerate(self.lines):
            if line.line_id in seen:
                where = f"/lines/{n}/line_id"
                yield FieldError(where, "duplicate", "The line is named twice.")
            seen.add(line.line_id)
        prices: list[tuple[str, MoneyIn]] = [
            (f"/add_lines/{n}/unit_price", line.unit_price) for n, line in enumerate(self.add_lines)
        ]
        if self.shipping is not None:
            prices.append(("/shipping/price", self.shipping.price))
        for where, money in prices:
            if money.currency != currency:
                detail = f"The order is in {currency}."
                yield FieldError(f"{where}/currency", "currency_mismatch", detail)


class ReplacementIn(Strict):
    """Units that are sent again for nothing, and that need not come back."""

    reason: Code
    lines: Annotated[list[UnitsIn], Field(min_length=1, max_length=500)]
    note: Note | None = None
