"""Store credit named as a tender, over HTTP."""

from typing import Any

import httpx2
import pytest

from tests.api.orders import codes, lira, order


def paid_by(**payment: Any) -> dict[str, Any]:
    """The example order with one payment."""
    return order(payments=[payment])


async def test_it_is_a_voucher_without_a_token(api: httpx2.AsyncClient) -> None:
    placed = await api.post("/v1/orders", json=paid_by(method="voucher", provider="store_credit"))
    assert placed.status_code == 201
    [payment] = placed.json()["payments"]
    assert (payment["method"], payment["provider"]) == ("voucher", "store_credit")


@pytest.mark.parametrize(
    ("payment", "where", "code"),
    [
        ({"method": "card", "provider": "store_credit", "token": "t"}, "method", "not_allowed"),
        ({"method": "voucher", "provider": "sandbox"}, "token", "token_required"),
        ({"method": "card", "provider": "nowhere", "token": "t"}, "provider", "unknown_provider"),
    ],
)
async def test_what_is_none_is_named(
    api: httpx2.AsyncClient, payment: dict[str, Any], where: str, code: str
) -> None:
    assert codes(await api.post("/v1/orders", json=paid_by(**payment))) == {
        f"/payments/0/{where}": code
    }
    placed = (await api.post("/v1/orders", json=order())).json()
    more = await api.post(
        f"/v1/orders/{placed['id']}/payments", json=payment | {"amount": lira(100)}
    )
    assert codes(more) == {f"/{where}": code}
