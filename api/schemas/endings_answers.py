"""What the API answers about parcels that do not arrive, for its OpenAPI document."""

from datetime import datetime
from typing import Any

from api.schemas.answers import MoneyOut, Out


class DeliveryRuleOut(Out):
    """One rule; see the request."""

    event: str
    country: str | None
    value_up_to: MoneyOut | None
    action: str
    after: str
    tell_customer: bool


class DeliveryPolicyOut(Out):
    """All rules, in the order in which they are looked at."""

    rules: list[DeliveryRuleOut]


class PolicyChangeOut(Out):
    """Who changed a policy when, and what it was."""

    id: str
    actor: str
    role: str
    before: dict[str, Any]
    after: dict[str, Any]
    occurred_at: datetime


class ParcelBackOut(Out):
    """A parcel that is back, and the levels after it."""

    shipment_id: str
    order_id: str
    warehouse: str
    lines: list[dict[str, Any]]


class ClaimOut(Out):
    """What a carrier owes for a parcel. `amount` is what the customer paid for its units."""

    id: str
    order_id: str
    shipment_id: str
    reason: str
    resolution: str
    carrier: str | None
    amount: MoneyOut
    recovered: MoneyOut
    status: str
    note: str | None
    opened_at: datetime
    closed_at: datetime | None
    closed_by: str | None
