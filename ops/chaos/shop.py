"""The shop of a chaos run, and the orders that are placed in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ops.client import Json, ShopClient

CURRENCY = "TRY"
SHIPPING_PRICE = 1_990
PRICES: Mapping[str, int] = {"PEN": 1_250, "BOOK": 18_990, "VASE": 45_000}
NOWHERE = "MOON-ROCK"
"""An item that nobody has."""
_UNITS = 100_000
# Books lie in the east alone and vases in the west, so an order for both comes in two parcels.
_STOCK: Mapping[str, Sequence[str]] = {"EAST": ("PEN", "BOOK"), "WEST": ("PEN", "VASE")}


@dataclass(frozen=True, slots=True)
class Basket:
    """What is bought and how it is paid; amounts in minor units, tax included."""

    units: Mapping[str, int]
    payments: Sequence[Json]
    postal_code: str = "34720"
    out_of_stock: str = "backorder"

    @property
    def total(self) -> int:
        """What the customer owes."""
        return SHIPPING_PRICE + sum(price(sku) * n for sku, n in self.units.items())


def price(sku: str) -> int:
    """Return the price of one unit."""
    return PRICES.get(sku, 9_900)


def money(amount: int) -> Json:
    """Return an amount as API.md writes it."""
    return {"amount": amount, "currency": CURRENCY}


def card(token: str, *, capture: str = "on_shipment") -> Json:
    """Describe a card payment with one of the sandbox's tokens."""
    return {"method": "card", "provider": "sandbox", "token": token, "capture": capture}


def order(reference: str, basket: Basket) -> Json:
    """Build the body of `POST /v1/orders`."""
    return {
        "channel": "chaos",
        "channel_order_id": reference,
        "currency": CURRENCY,
        "locale": "en",
        "customer": {"name": "Robin Storm", "email": "robin@example.com"},
        "shipping_address": {
            "name": "Robin Storm",
            "line1": "Rıhtım Cad. 7",
            "city": "İstanbul",
            "postal_code": basket.postal_code,
            "country": "TR",
        },
        "lines": [
            {"sku": sku, "name": sku.title(), "quantity": n, "unit_price": money(price(sku))}
            for sku, n in basket.units.items()
        ],
        "shipping": {"option": "standard", "price": money(SHIPPING_PRICE)},
        "payments": list(basket.payments),
        "out_of_stock": basket.out_of_stock,
    }


async def open_shop(client: ShopClient) -> None:
    """Make the catalog and the warehouses, and take the stock in."""
    for sku in (*PRICES, NOWHERE):
        await client.put_item(sku, {"name": sku.title(), "weight_g": 300})
    for code, skus in _STOCK.items():
        place = {"name": code.title(), "country": "TR", "city": "İstanbul", "kind": "own"}
        await client.put_warehouse(code, place)
        await client.receive(code, dict.fromkeys(skus, _UNITS), f"OPENING-{code}")
