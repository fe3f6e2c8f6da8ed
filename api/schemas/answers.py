"""What the API answers, for its OpenAPI document; `api.views` makes it from rows.

Here is what all answers share, and the small ones; orders and stock have modules of their own.
"""

from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

T = TypeVar("T")


class Out(BaseModel):
    """Base of all answers; they grow by fields, so clients must ignore what they do not know."""

    model_config = ConfigDict(use_enum_values=True)


class FieldErrorOut(Out):
    """What is wrong with one field."""

    pointer: str = Field(description="RFC 6901", examples=["/lines/0/quantity"])
    code: str = Field(description="stable", examples=["too_small"])
    detail: str


class ProblemOut(Out):
    """RFC 9457."""

    type: str
    title: str
    status: int
    code: str = Field(description="stable", examples=["invalid_request"])
    detail: str
    current: dict[str, Any] | None = Field(
        default=None, description="the states that stand in the way of a 409"
    )
    errors: list[FieldErrorOut] | None = None


class MoneyOut(Out):
    """An amount in minor units."""

    amount: int
    currency: str


class PageOut(Out, Generic[T]):
    """One page of a list."""

    items: list[T]
    next_cursor: str | None


class QuoteOut(Out):
    """A delivery option: its fee and when it promises to be there."""

    option: str
    name: str
    price: MoneyOut
    earliest_on: str
    latest_on: str


class QuotesOut(Out):
    """The options for a destination."""

    items: list[QuoteOut]


class ApiKeyOut(Out):
    """A key, without the key itself."""

    id: str
    name: str
    scopes: list[str]
    created_at: datetime
    revoked_at: datetime | None


class NewApiKeyOut(ApiKeyOut):
    """A new key; `key` is shown this once."""

    key: str


class WebhookOut(Out):
    """How many pieces of news the webhook held, and how many of them were new."""

    received: int
    new: int


class HealthOut(Out):
    """The process is alive."""

    status: Literal["ok"]


class ReadyOut(Out):
    """Whether the API can serve; the engine is told apart, since intake and reads need it not."""

    status: Literal["ready", "not_ready"]
    database: Literal["ok", "unavailable"]
    database_detail: str | None = None
    workflow_engine: Literal["ok", "unavailable"]
