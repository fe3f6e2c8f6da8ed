"""A private stack for one part of the bench, with a shop on it."""

import contextlib
import tempfile
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ops.client import Doors, Json, ShopClient
from ops.stack.stack import PARTS, Stack
from ops.stack.supervisor import Say

CURRENCY = "TRY"
SKU = "BENCH-1"
WAREHOUSE = "BENCH"
PLENTY = 1_000_000

_ENVIRONMENT: Mapping[str, str] = {
    "KERVAN_LOG_LEVEL": "WARNING",
    "KERVAN_SMTP_HOST": "",
    "KERVAN_RATE_LIMIT_PER_MINUTE": "0",
    "KERVAN_CARRIER": "sandbox",
    # A day to the door takes a tenth of a second.
    "KERVAN_SANDBOX_SPEED": "1000000",
}


@dataclass(frozen=True, slots=True)
class Stage:
    """The stack and a client of it."""

    stack: Stack
    client: ShopClient


@contextlib.asynccontextmanager
async def stage(
    say: Say, environment: Mapping[str, str] | None = None, *, parts: tuple[str, ...] = PARTS
) -> AsyncIterator[Stage]:
    """Run a stack whose shop has plenty of one item; durable, as `kervan dev` is."""
    with tempfile.TemporaryDirectory(prefix="kervan-bench-", ignore_cleanup_errors=True) as path:
        stack = Stack(Path(path), environment={**_ENVIRONMENT, **(environment or {})}, parts=parts)
        say("starting a private stack")
        await stack.start()
        try:
            doors = Doors(stack.urls.api, stack.urls.sandbox, stack.api_key)
            async with ShopClient(doors, connections=128) as client:
                await _open_shop(client)
                yield Stage(stack, client)
        finally:
            await stack.stop(grace=0)


async def _open_shop(client: ShopClient) -> None:
    await client.put_item(SKU, {"name": "Something", "weight_g": 400})
    place = {
        "name": "Bench",
        "country": "TR",
        "city": "İstanbul",
        "postal_code": "34394",
        "kind": "own",
    }
    await client.put_warehouse(WAREHOUSE, place)
    await client.receive(WAREHOUSE, {SKU: PLENTY}, "OPENING")


def order(reference: str) -> Json:
    """Build a one-parcel order, paid by card, of a customer with an e-mail address."""
    return {
        "channel": "bench",
        "channel_order_id": reference,
        "currency": CURRENCY,
        "locale": "en",
        "customer": {"name": "Sam Baker", "email": "sam@example.com"},
        "shipping_address": {
            "name": "Sam Baker",
            "line1": "Bağdat Cad. 1",
            "city": "İstanbul",
            "postal_code": "34720",
            "country": "TR",
        },
        "lines": [
            {
                "sku": SKU,
                "name": "Something",
                "quantity": 1,
                "unit_price": {"amount": 29_900, "currency": CURRENCY},
                "tax_rate_bp": 2_000,
            }
        ],
        "shipping": {"option": "standard", "price": {"amount": 4_990, "currency": CURRENCY}},
        "payments": [{"method": "card", "provider": "sandbox", "token": "tok_visa"}],
    }
