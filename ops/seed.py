"""A small catalog with stock, put in over the public API: the same again changes nothing."""

from dataclasses import dataclass
from typing import Any

import httpx2

from settings import Settings


@dataclass(frozen=True, slots=True)
class SeedItem:
    """An item and how much of it comes in; grams and millimetres."""

    sku: str
    name: str
    weight_g: int
    size_mm: tuple[int, int, int]
    hs_code: str
    quantity: int


WAREHOUSE = "MAIN"
ITEMS = (
    SeedItem("TSHIRT-S", "T-shirt S", 170, (300, 200, 20), "6109.10", 1_000),
    SeedItem("TSHIRT-M", "T-shirt M", 180, (300, 200, 20), "6109.10", 1_000),
    SeedItem("TSHIRT-L", "T-shirt L", 190, (300, 200, 20), "6109.10", 1_000),
    SeedItem("MUG-BLUE", "Mug, blue", 350, (120, 100, 100), "6912.00", 500),
    SeedItem("TEA-500", "Black tea, 500 g", 520, (180, 100, 70), "0902.30", 800),
    SeedItem("LAMP-DESK", "Desk lamp", 1_800, (450, 250, 200), "9405.21", 60),
    SeedItem("BOOK-1", "Cookbook", 900, (260, 210, 30), "4901.99", 120),
)


class SeedError(Exception):
    """The API did not take the catalog."""


def seed(settings: Settings) -> int:
    """Put the catalog into the shop at `settings.api_url`; answers how many items it has.

    Raises:
        SeedError: the API cannot be reached, or refuses.

    """
    headers = {"authorization": f"Bearer {settings.api_key.get_secret_value()}"}
    with httpx2.Client(base_url=settings.api_url, headers=headers, timeout=30) as client:
        _put(client, f"/v1/warehouses/{WAREHOUSE}", _WAREHOUSE)
        for item in ITEMS:
            length, width, height = item.size_mm
            body = {
                "name": item.name,
                "weight_g": item.weight_g,
                "length_mm": length,
                "width_mm": width,
                "height_mm": height,
                "hs_code": item.hs_code,
                "origin": "TR",
            }
            _put(client, f"/v1/items/{item.sku}", body)
        receipt = {
            "warehouse": WAREHOUSE,
            "reference": "SEED-1",
            "lines": [{"sku": item.sku, "quantity": item.quantity} for item in ITEMS],
        }
        _send(client, "POST", "/v1/stock/receipts", receipt, {"idempotency-key": "kervan-seed-1"})
    return len(ITEMS)


_WAREHOUSE = {
    "name": "Main warehouse",
    "country": "TR",
    "city": "İstanbul",
    "postal_code": "34394",
    "line1": "Depo Sok. 1",
    "kind": "own",
}


def _put(client: httpx2.Client, path: str, body: dict[str, Any]) -> None:
    _send(client, "PUT", path, body, {})


def _send(
    client: httpx2.Client, method: str, path: str, body: dict[str, Any], headers: dict[str, str]
) -> None:
    try:
        response = client.request(method, path, json=body, headers=headers)
    except httpx2.HTTPError as error:
        message = f"{client.base_url} does not answer: {type(error).__name__}"
        raise SeedError(message) from error
    # The ledger remembers the receipt also when the idempotency key was cleaned away.
    if response.status_code == 409 and response.json()["code"] == "already_recorded":  # noqa: PLR2004
        return
    if not response.is_success:
        message = f"{method} {path}: {response.status_code} {response.text}"
        raise SeedError(message)
