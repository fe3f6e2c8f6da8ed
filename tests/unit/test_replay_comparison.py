"""Comparing ends: a true end has no difference, and whatever is changed in it is named."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ops.client import Json
from ops.replay.comparison import Difference, Ledger, differences, stock_differences
from ops.replay.figures import as_olist, figure_differences, figures
from ops.replay.plan import plan
from ops.replay.reader import read
from ops.replay.steps import Life
from tests.fakes.ended_orders import ended
from tests.fakes.olist_files import APPROVED, DELIVERED, HANDED_OVER, ITEM, OlistFiles

TWO_SELLERS = [ITEM, ("lamp", "shop-b", "100.0", "0.1")]
TWO_TENDERS = [("credit_card", "2", "100.0"), ("voucher", "1", "50.0")]

Change = Callable[[Json, Ledger], Any]


def all_kinds() -> OlistFiles:
    files = OlistFiles().add("created", "created")
    for status in ("approved", "processing", "invoiced", "unavailable"):
        files.add(status, status, approved=APPROVED)
    files.add("shipped", "shipped", approved=APPROVED, handed_over=HANDED_OVER)
    files.delivered("delivered", items=TWO_SELLERS, tenders=TWO_TENDERS, reviews=[("r1", "5")])
    files.add("delivered-sometime", "delivered", approved=APPROVED, handed_over=HANDED_OVER)
    files.add("canceled-unpaid", "canceled")
    files.add("canceled-paid", "canceled", approved=APPROVED)
    files.add("canceled-shipped", "canceled", approved=APPROVED, handed_over=HANDED_OVER)
    files.delivered("late", tenders=[("voucher", "1", "49.9")])
    late = files.rows["olist_orders_dataset.csv"][-1]
    files.rows["olist_orders_dataset.csv"][-1] = (*late[:7], "2018-03-08 00:00:00")
    return files


@pytest.fixture
def lives(tmp_path: Path) -> dict[str, Life]:
    book = read(all_kinds().write(tmp_path))
    return {order.id: plan(order, book) for order in book.orders}


def test_ends_as_they_should_be_do_not_differ(lives: dict[str, Life]) -> None:
    for life in lives.values():
        order, ledger = ended(life)
        assert differences(life, order, ledger) == []
        assert as_olist(order) == life.status


def test_an_order_that_was_never_placed_is_a_difference(lives: dict[str, Life]) -> None:
    assert differences(lives["created"], None, Ledger()) == [
        Difference("created", "order", "placed", None)
    ]


def put(path: str, value: Any) -> Change:
    """Change one value of the order; the path has keys and places."""

    def change(order: Json, _: Ledger) -> None:
        *way, last = [int(key) if key.isdecimal() else key for key in path.split("/")]
        target: Any = order
        for key in way:
            target = target[key]
        target[last] = value

    return change


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("status", put("status", "pending")),
        ("payment_status", put("payment_status", "authorized")),
        ("fulfillment_status", put("fulfillment_status", "partially_delivered")),
        ("cancel_reason", put("cancel_reason", "out_of_stock")),
        ("grand_total", put("totals/grand_total/amount", 15001)),
        ("tender 2 (voucher) captured", put("payments/1/captured/amount", 4999)),
        ("tender 1 (credit_card) refunded", put("payments/0/refunded/amount", 1)),
        ("tender 2 (voucher) method", put("payments/1/method", "card")),
        ("units", put("lines/0/quantity", 2)),
        ("units picked", put("fulfillment_orders/0/lines/0/picked", 0)),
        ("parcels handed over", put("shipments/0/status", "packed")),
        ("tracking of shp_shop-a", put("shipments/0/tracking_status", "in_transit")),
        ("delivery of shp_shop-b", put("shipments/1/delivered_at", "2018-03-08T18:45:31Z")),
        ("hand-over of shp_shop-b", put("shipments/1/shipped_at", "2018-03-04T18:45:31Z")),
        ("feedback", put("feedback/0/score", 4)),
        ("feedback", put("feedback", [])),
        ("tenders", lambda order, _: order["payments"].pop()),
        ("captured of pay_0 at the provider", lambda _, x: charge(x, 20000)),
        ("payments at the provider", lambda _, x: x.payments.append(x.payments[0])),
        ("parcels at the carrier", lambda _, x: x.parcels.pop()),
        ("carrier's status of SBXshop-a", lambda _, x: x.parcels[0].update(status="lost")),
    ],
)
def test_whatever_is_not_as_the_file_says_is_named(
    what: str, change: Change, lives: dict[str, Life]
) -> None:
    order, ledger = copy.deepcopy(ended(lives["delivered"]))
    change(order, ledger)
    found = differences(lives["delivered"], order, ledger)
    assert what in {one.what for one in found}
    assert {one.order_id for one in found} == {"delivered"}
    assert json.loads(json.dumps([one.as_dict() for one in found]))


def charge(ledger: Ledger, amount: int) -> None:
    ledger.payments[0]["captured"] = {"amount": amount}


def levels(lives: dict[str, Life], received: dict[tuple[str, str], int]) -> list[Json]:
    """Stock levels as they must be."""
    result = []
    for (sku, warehouse), quantity in received.items():
        here = [life for life in lives.values() if (sku, warehouse) in life.units]
        gone = sum(life.units[sku, warehouse] for life in here if life.handed_over)
        allocated = sum(life.units[sku, warehouse] for life in here if life.holds_stock)
        level = {"sku": sku, "warehouse": warehouse, "on_hand": quantity - gone}
        result.append(level | {"allocated": allocated})
    return result


def test_stock_is_what_was_received_less_what_left(lives: dict[str, Life]) -> None:
    received = {("soap-shop-a", "shop-a"): 20, ("lamp-shop-b", "shop-b"): 3}
    there = levels(lives, received)
    # Shipped, delivered twice, late, and canceled on its way; approved, processing, invoiced.
    assert there[0] == {
        "sku": "soap-shop-a",
        "warehouse": "shop-a",
        "on_hand": 15,
        "allocated": 3,
    }
    assert stock_differences(lives.values(), [], received, there) == []
    there[0]["on_hand"] += 1
    assert stock_differences(lives.values(), [], received, there) == [
        Difference("", "on_hand of soap-shop-a at shop-a", 15, 16)
    ]


def test_stock_that_other_orders_took_is_reckoned_with(lives: dict[str, Life]) -> None:
    received = {("soap-shop-a", "shop-a"): 20, ("lamp-shop-b", "shop-b"): 3}
    there = levels(lives, received)
    others = [ended(lives.pop("shipped"))[0], ended(lives.pop("approved"))[0]]
    assert stock_differences(lives.values(), others, received, there) == []


def test_figures_of_true_ends_are_equal_on_both_sides(lives: dict[str, Life]) -> None:
    found = figures([(life, *ended(life)) for life in lives.values()])
    assert figure_differences(found) == []
    assert found["orders"].file == len(lives)
    assert found["orders canceled"].kervan == 3
    assert found["captured by voucher"].file == 5000 + 4990
    assert found["refunded by the provider"].kervan == 3 * 4990
    assert found["parcels handed over"].file == 6
    assert found["deliveries with a time"].kervan == 2
    assert found["delivery days, mean"].file == 7.36
    assert found["delivery days, sum"].kervan == 14.73
    assert (found["late orders"].file, found["late orders by the day"].file) == (1, 0)


def test_a_figure_that_differs_is_named(lives: dict[str, Life]) -> None:
    ends = [(life, *copy.deepcopy(ended(life))) for life in lives.values()]
    _, order, _ = next(end for end in ends if end[0].order_id == "late")
    order["shipments"][0]["delivered_at"] = DELIVERED.replace("08", "07").replace(" ", "T") + "Z"
    assert {one.what for one in figure_differences(figures(ends))} == {
        "delivery days, sum",
        "delivery days, mean",
        "late orders",
    }
