"""The demo's shop: what it sells, where it lies, and who buys it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ops.client import Json, ShopClient

CURRENCY = "TRY"
SHIPPING_PRICE = 4_990
_TAX_RATE_BP = 2_000


@dataclass(frozen=True, slots=True)
class Item:
    """Something the shop sells; the price is in minor units, tax included."""

    name: str
    price: int
    weight_g: int


ITEMS: Mapping[str, Item] = {
    "TSHIRT-M": Item("T-shirt M", 29_900, 180),
    "TSHIRT-L": Item("T-shirt L", 31_900, 200),
    "MUG": Item("Coffee mug", 18_500, 350),
    "KILIM": Item("Kilim 80 x 150", 149_000, 2_400),
    "LAMP": Item("Desk lamp", 64_900, 1_200),
    "SAMOVAR": Item("Copper samovar", 289_000, 3_100),
}

WAREHOUSES: Mapping[str, Json] = {
    "MAIN": {
        "name": "İstanbul",
        "country": "TR",
        "city": "İstanbul",
        "postal_code": "34394",
        "kind": "own",
        "priority": 1,
    },
    "WEST": {
        "name": "İzmir",
        "country": "TR",
        "city": "İzmir",
        "postal_code": "35210",
        "kind": "own",
        "priority": 2,
    },
}

# Kilims lie in İzmir alone, and nobody has a samovar yet.
OPENING_STOCK: Mapping[str, Mapping[str, int]] = {
    "MAIN": {"TSHIRT-M": 40, "TSHIRT-L": 10, "MUG": 40, "LAMP": 12},
    "WEST": {"MUG": 20, "KILIM": 6},
}


@dataclass(frozen=True, slots=True)
class Customer:
    """Somebody who buys, and where they live; the carrier reads the postal code's last digit."""

    name: str
    email: str
    locale: str
    city: str
    postal_code: str


TURKISH = Customer("Ayşe Yılmaz", "ayse@example.com", "tr-TR", "İstanbul", "34720")
ENGLISH = Customer("Sam Baker", "sam@example.com", "en-GB", "Ankara", "06420")
UNLUCKY = Customer("Deniz Kaya", "deniz@example.com", "tr-TR", "Muğla", "48300-8")
"""Lives where the sandbox's carrier loses parcels."""


async def open_shop(client: ShopClient) -> None:
    """Make the catalog and the warehouses, and take the opening stock in."""
    for sku, item in ITEMS.items():
        await client.put_item(sku, {"name": item.name, "weight_g": item.weight_g})
    for code, warehouse in WAREHOUSES.items():
        await client.put_warehouse(code, warehouse)
        await client.receive(code, OPENING_STOCK[code], f"OPENING-{code}")


def card(token: str, *, capture: str = "on_shipment") -> Json:
    """Describe a card payment with one of the sandbox's tokens."""
    return {"method": "card", "provider": "sandbox", "token": token, "capture": capture}


def total(basket: Mapping[str, int]) -> int:
    """Return what a basket costs with shipping, in minor units."""
    return SHIPPING_PRICE + sum(ITEMS[sku].price * units for sku, units in basket.items())


def line(sku: str, units: int) -> Json:
    """Build a line of a request."""
    return {
        "sku": sku,
        "name": ITEMS[sku].name,
        "quantity": units,
        "unit_price": {"amount": ITEMS[sku].price, "currency": CURRENCY},
        "tax_rate_bp": _TAX_RATE_BP,
    }


def order(
    reference: str, customer: Customer, basket: Mapping[str, int], payments: Sequence[Json]
) -> Json:
    """Build the body of `POST /v1/orders`."""
    return {
        "channel": "web",
        "channel_order_id": reference,
        "currency": CURRENCY,
        "locale": customer.locale,
        "customer": {"name": customer.name, "email": customer.email},
        "shipping_address": {
            "name": customer.name,
            "line1": "Bağdat Cad. 1",
            "city": customer.city,
            "postal_code": customer.postal_code,
            "country": "TR",
        },
        "lines": [line(sku, units) for sku, units in basket.items()],
        "shipping": {
            "option": "standard",
            "price": {"amount": SHIPPING_PRICE, "currency": CURRENCY},
        },
        "payments": list(payments),
        "totals": {"grand_total": {"amount": total(basket), "currency": CURRENCY}},
    }
