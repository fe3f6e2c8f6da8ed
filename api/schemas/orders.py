"""The order as a storefront places it."""

from typing import Annotated, Literal

from pydantic import Field

from api.schemas.fields import (
    Code,
    Country,
    Currency,
    Email,
    LocaleTag,
    LongName,
    Metadata,
    MoneyIn,
    Name,
    Note,
    Phone,
    Quantity,
    Reference,
    ShortText,
    Sku,
    Strict,
    TaxRate,
    When,
)

Method = Literal["card", "wallet", "bank_transfer", "cash_on_delivery", "voucher"]
Capture = Literal["on_shipment", "immediate"]
# Methods whose instrument only the provider knows, by a token.
NEEDS_TOKEN = frozenset({"card", "wallet", "voucher"})

# What happens when goods are not there: `cancel` is for whole orders.
LinePolicy = Literal["backorder", "cancel_lines", "substitute"]

# What a parser or a proxy would cut off anyway; the longest real tokens are a few hundred.
Token = Annotated[str, Field(min_length=1, max_length=2_000, pattern=r"^[\x21-\x7e]+$")]


class CustomerIn(Strict):
    """Who buys. Without `id`, a guest."""

    id: Reference | None = None
    name: Name | None = None
    email: Email | None = None
    phone: Phone | None = None


class AddressIn(Strict):
    """A postal address."""

    name: Name
    line1: Name
    line2: Name | None = None
    company: Name | None = None
    city: ShortText
    region: ShortText | None = None
    postal_code: Annotated[str, Field(max_length=20, pattern=r"^[^\x00]*$")] | None = None
    country: Country
    phone: Phone | None = None


class LineIn(Strict):
    """One line: what, how many, at which price per unit. `out_of_stock` is the order's if unset."""

    sku: Sku
    name: LongName
    quantity: Quantity
    unit_price: MoneyIn
    tax_rate_bp: TaxRate = 0
    out_of_stock: LinePolicy | None = None


class ShippingIn(Strict):
    """The delivery option that was chosen, and what the customer pays for it."""

    option: Code
    price: MoneyIn
    tax_rate_bp: TaxRate = 0


class DiscountIn(Strict):
    """An amount off the goods; with `line` (its place, from 0) off that line alone."""

    code: Code
    amount: MoneyIn
    line: Annotated[int, Field(ge=0, le=499)] | None = None


class SurchargeIn(Strict):
    """An amount on top, such as instalment interest."""

    code: Code
    amount: MoneyIn


class PaymentIn(Strict):
    """One tender. With several, each carries its `amount`."""

    method: Method
    provider: Code | None = None
    token: Token | None = None
    capture: Capture = "on_shipment"
    amount: MoneyIn | None = None
    installments: Annotated[int, Field(ge=1, le=60)] = 1


class TotalsIn(Strict):
    """What the storefront reckoned; refused when it is not what Kervan reckons."""

    grand_total: MoneyIn


class PlaceOrder(Strict):
    """An order, as its channel took it."""

    channel: Code
    channel_order_id: Reference
    currency: Currency
    locale: LocaleTag = "en"
    customer: CustomerIn | None = None
    shipping_address: AddressIn
    billing_address: AddressIn | None = None
    lines: Annotated[list[LineIn], Field(min_length=1, max_length=500)]
    shipping: ShippingIn
    discounts: Annotated[list[DiscountIn], Field(max_length=100, default_factory=list)]
    surcharges: Annotated[list[SurchargeIn], Field(max_length=100, default_factory=list)]
    payments: Annotated[list[PaymentIn], Field(max_length=50, default_factory=list)]
    totals: TotalsIn | None = None
    prices_include_tax: bool = True
    out_of_stock: Literal["backorder", "cancel", "cancel_lines", "substitute"] | None = None
    ship: Literal["complete", "in_parts"] | None = None
    priority: Annotated[int, Field(ge=-1_000, le=1_000)] = 0
    placed_at: When | None = None
    stock_hold: Annotated[
        str | None,
        Field(pattern=r"^shd_[0-9a-z]{1,60}$", description="units that the checkout kept"),
    ] = None
    notes: Note | None = None
    metadata: Metadata = Field(default_factory=dict)


EXAMPLE_ORDER = {
    "channel": "web",
    "channel_order_id": "W-1001",
    "currency": "TRY",
    "locale": "tr-TR",
    "customer": {
        "id": "cus_42",
        "name": "Ayşe Yılmaz",
        "email": "ayse@example.com",
        "phone": "+905551112233",
    },
    "shipping_address": {
        "name": "Ayşe Yılmaz",
        "line1": "Bağdat Cad. 1",
        "city": "İstanbul",
        "postal_code": "34720",
        "country": "TR",
    },
    "billing_address": None,
    "lines": [
        {
            "sku": "TSHIRT-M",
            "name": "T-shirt M",
            "quantity": 2,
            "unit_price": {"amount": 29900, "currency": "TRY"},
            "tax_rate_bp": 2000,
        }
    ],
    "shipping": {"option": "standard", "price": {"amount": 4990, "currency": "TRY"}},
    "discounts": [],
    "payments": [
        {
            "method": "card",
            "provider": "sandbox",
            "token": "tok_visa",
            "capture": "on_shipment",
        }
    ],
}
