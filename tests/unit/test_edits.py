"""Edits are reckoned before they are made: sums add up, and no unit is lost."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.edits import (
    Changes,
    Delivery,
    NewUnits,
    Plan,
    Priced,
    Sums,
    can_edit,
    changes_of,
    figures,
    plan,
)
from domain.errors import Refused
from domain.order import Order
from domain.states import OrderStatus, PaymentStatus
from tests.unit.orders import a_line, a_parcel, a_tender, an_order

PRICES = [Priced("lin_1", "SHIRT", "Shirt", 5_000, 2_000)]


def sums_of(order: Order, *, included: bool = True, discount: int = 0) -> Sums:
    total = order.grand_total
    return Sums(total + discount, discount, 0, 0, 1_667, total, included, 0)


def edited(order: Order, changes: Changes) -> Plan:
    return plan(order, PRICES, sums_of(order), changes)


def refusal(order: Order, changes: Changes) -> str:
    with pytest.raises(Refused) as caught:
        edited(order, changes)
    return caught.value.code


def order_of(**units: Any) -> Order:
    line = a_line(2, 10_000, **units)
    return replace(
        an_order(lines=[line], tenders=[]), grand_total=10_000, status=OrderStatus.CONFIRMED
    )


def test_more_units_are_a_line_of_their_own_at_the_same_price() -> None:
    wanted = edited(order_of(allocated=2), Changes({"lin_1": 3}))
    assert [(x.sku, x.quantity, x.tax, x.total) for x in wanted.add] == [("SHIRT", 1, 833, 5_000)]
    assert (wanted.difference, wanted.sums.grand_total, wanted.cancel) == (5_000, 15_000, {})


def test_tax_on_top_is_part_of_what_new_units_cost() -> None:
    order = order_of(allocated=2)
    sums = Sums(8_333, 0, 0, 0, 1_667, 10_000, prices_include_tax=False, shipping_tax=0)
    delivery = Delivery("express", 1_000, 2_000)
    wanted = plan(order, PRICES, sums, Changes(add=[NewUnits("MUG", "Mug", 1, 1_000, 2_000)]))
    assert (wanted.difference, wanted.sums.tax) == (1_200, 1_867)
    wanted = plan(order, PRICES, sums, Changes(delivery=delivery))
    assert (wanted.difference, wanted.sums.tax, wanted.sums.shipping_tax) == (1_200, 1_867, 200)


def test_fewer_units_are_given_back_to_the_tender_that_paid() -> None:
    paid = a_tender(10_000, status=PaymentStatus.PAID, authorized=10_000, captured=10_000)
    order = replace(order_of(allocated=2), tenders=[paid])
    result = figures(order, edited(order, Changes({"lin_1": 1})))
    assert result["refunds"] == [{"payment_id": "pay_1", "amount": 5_000}]
    assert (result["difference"], result["payment_needed"]) == (-5_000, 0)
    assert result["canceled_units"] == {"lin_1": 1}


def test_what_cannot_be_done_is_refused_by_name() -> None:
    order = order_of(allocated=2)
    packed = replace(order, shipments=[a_parcel(2)])
    assert refusal(order, Changes({"lin_9": 1})) == "unknown_line"
    assert refusal(order, Changes({"lin_1": 0})) == "nothing_left"
    assert refusal(order, Changes({"lin_1": 2})) == "nothing_changes"
    assert refusal(packed, Changes({"lin_1": 1})) == "already_packed"
    assert refusal(packed, Changes(shipping_address=True)) == "already_packed"
    assert refusal(packed, Changes(delivery=Delivery("express", 0))) == "already_packed"
    assert edited(packed, Changes(billing_address=True)).difference == 0


def test_an_older_version_is_told_the_present_one() -> None:
    with pytest.raises(Refused) as caught:
        can_edit(replace(order_of(), version=7), 6)
    assert (caught.value.code, caught.value.current["version"]) == ("version_conflict", "7")
    with pytest.raises(Refused) as caught:
        can_edit(order_of(shipped=2), 1)
    assert caught.value.code == "already_shipped"


def test_what_is_stored_asks_for_the_same() -> None:
    stored = {
        "lines": {"lin_1": 1},
        "add": [{"sku": "MUG", "name": "Mug", "quantity": 1, "unit_price": 5}],
        "delivery": {"option": "express", "price": 3, "tax_rate_bp": 0},
        "shipping_address": True,
        "billing_address": False,
    }
    assert changes_of(stored) == Changes(
        {"lin_1": 1}, [NewUnits("MUG", "Mug", 1, 5)], Delivery("express", 3), shipping_address=True
    )


@given(
    quantity=st.integers(1, 30),
    total=st.integers(0, 100_000),
    placed=st.lists(st.integers(0, 30), min_size=3, max_size=3),
    wanted=st.integers(0, 40),
    new=st.lists(
        st.tuples(st.integers(1, 9), st.integers(0, 9_999), st.integers(0, 3_000)), max_size=4
    ),
    delivery=st.none()
    | st.builds(Delivery, st.just("x"), st.integers(0, 9_999), st.integers(0, 3_000)),
    included=st.booleans(),
)
def test_sums_add_up_and_no_unit_is_lost(  # noqa: PLR0917 - an edit has these parts
    quantity: int,
    total: int,
    placed: list[int],
    wanted: int,
    new: list[tuple[int, int, int]],
    delivery: Delivery | None,
    included: bool,  # noqa: FBT001 - hypothesis gives it by name
) -> None:
    left = quantity
    units: dict[str, Any] = {}
    for name, n in zip(("allocated", "backordered", "canceled"), placed, strict=True):
        units[name] = min(n, left)
        left -= units[name]
    order = replace(
        an_order(lines=[a_line(quantity, total, **units)], tenders=[]), grand_total=total
    )
    tax = 0 if not included else min(total, 7)
    sums = Sums(total, 0, 0, 0, tax, total, included, 0)
    add = [NewUnits(f"SKU{i}", "Thing", *n) for i, n in enumerate(new)]
    live = quantity - units["canceled"]
    wanted = wanted if wanted or add else wanted + 1
    delivery = delivery or (Delivery("x", 0) if wanted == live else None)
    plan_ = plan(order, PRICES, sums, Changes({"lin_1": wanted}, add, delivery))
    after = plan_.after
    for line in after.lines:
        parts = (line.open, line.allocated, line.backordered, line.shipped, line.canceled)
        assert min(parts) >= 0
        assert sum(parts) == line.quantity
    assert after.live_units == wanted + sum(x.quantity for x in add)
    on_top = 0 if included else plan_.sums.shipping_tax
    assert plan_.sums.grand_total == (
        sum(line.total for line in after.lines) + plan_.sums.shipping + on_top
    )
    assert plan_.sums.tax == tax + sum(x.tax for x in plan_.add) + plan_.sums.shipping_tax
    assert after.payable >= 0


def test_the_delivery_costs_no_less_than_was_given_back_of_it() -> None:
    order = an_order(shipping_total=500, grand_total=10_500)
    sums = Sums(10_000, 0, 500, 0, 1_667, 10_500, prices_include_tax=True, shipping_tax=0)
    given = replace(sums, shipping_given_back=300)
    assert (
        plan(order, PRICES, given, Changes(delivery=Delivery("slow", 300))).after.payable == 10_300
    )
    with pytest.raises(Refused) as caught:
        plan(order, PRICES, given, Changes(delivery=Delivery("slow", 299)))
    assert (caught.value.code, caught.value.current["given_back"]) == ("shipping_given_back", "300")
