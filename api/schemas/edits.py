"""Edits of an order: what may be asked for, and what the preview and the commit answer."""

from typing import Annotated

from pydantic import Field

from api.schemas.answers import MoneyOut, Out
from api.schemas.fields import Code, Id, Note, Quantity, Strict
from api.schemas.order_answers import OrderOut
from api.schemas.orders import AddressIn, Capture, LineIn, Method, ShippingIn, Token


class EditedLineIn(Strict):
    """How many units of a line the customer shall get; 0 takes it out."""

    line_id: Id
    quantity: Annotated[int, Field(ge=0, le=1_000_000)]


class EditPaymentIn(Strict):
    """The tender that brings what the edit costs more."""

    method: Method
    provider: Code | None = None
    token: Token | None = None
    capture: Capture = "on_shipment"
    installments: Annotated[int, Field(ge=1, le=60)] = 1


class ChangesIn(Strict):
    """What is wanted; what is not named stays."""

    lines: Annotated[list[EditedLineIn], Field(max_length=500, default_factory=list)]
    add_lines: Annotated[list[LineIn], Field(max_length=100, default_factory=list)]
    shipping: ShippingIn | None = None
    shipping_address: AddressIn | None = None
    billing_address: AddressIn | None = None
    payment: EditPaymentIn | None = None


class EditIn(Strict):
    """An edit of the order at `version`; without `commit` it is only reckoned."""

    version: Annotated[int, Field(ge=1, le=2_147_483_647)]
    changes: ChangesIn
    commit: bool = False
    reason: Code = "customer_request"
    note: Note | None = None


class EditSumsOut(Out):
    """`payable` is the grand total without what is canceled."""

    grand_total: MoneyOut
    shipping_total: MoneyOut
    payable: MoneyOut


class EditRefundOut(Out):
    """What goes back to a tender."""

    payment_id: str
    amount: MoneyOut


class AddedUnitsOut(Out):
    """New units, and what is paid for them."""

    sku: str
    quantity: Quantity
    total: MoneyOut


class EditOut(Out):
    """What the edit comes to; `edit_id` and `order` only when it was committed."""

    committed: bool
    edit_id: str | None
    before: EditSumsOut
    after: EditSumsOut
    # Above zero the customer pays more.
    difference: MoneyOut
    # What no tender brings yet, and what goes back of what was taken.
    payment_needed: MoneyOut
    refunds: list[EditRefundOut]
    canceled_units: dict[str, int]
    added_units: list[AddedUnitsOut]
    added_lines: list[str]
    order: OrderOut | None
