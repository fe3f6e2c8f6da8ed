"""From rows to steps: what is sent, in which order, with which times, and how it must end."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from api.schemas.orders import PlaceOrder
from api.schemas.requests import FeedbackIn, ShipIn
from ops.replay.catalog import wanted
from ops.replay.plan import plan, text
from ops.replay.reader import read
from ops.replay.steps import (
    Approve,
    Cancel,
    ExpectedTender,
    Feedback,
    HandOver,
    Life,
    Parcel,
    Pick,
    Place,
    RunOut,
    Scan,
    Start,
)
from tests.fakes.olist_files import APPROVED, DELIVERED, HANDED_OVER, ITEM, PROMISED, OlistFiles

FIVE_REAIS = {"amount": 500, "currency": "BRL"}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def lives(files: OlistFiles, directory: Path) -> list[Life]:
    book = read(files.write(directory))
    return [plan(order, book) for order in book.orders]


def life(directory: Path, status: str, **rest: Any) -> Life:
    return lives(OlistFiles().add("one", status, **rest), directory)[0]


def body(one: Life) -> Any:
    place = one.steps[0]
    assert isinstance(place, Place)
    return place.body


def paid(total: str) -> list[tuple[str, str, str]]:
    return [("boleto", "1", total)]


def test_a_created_order_is_placed_and_stays_unpaid(tmp_path: Path) -> None:
    one = life(tmp_path, "created")
    assert len(one.steps) == 1
    assert one.expected.status == {"pending"}
    assert one.expected.payment_status == "pending"
    assert one.expected.tenders == (ExpectedTender("credit_card", "card", 4990, 0, 0),)
    assert not one.holds_stock


@pytest.mark.parametrize(
    ("status", "steps", "fulfillment_status"),
    [
        ("approved", [Approve(at(APPROVED))], "unfulfilled"),
        ("processing", [Approve(at(APPROVED)), Start(at(APPROVED))], "in_progress"),
        ("invoiced", [Approve(at(APPROVED)), Pick(at(APPROVED))], "in_progress"),
    ],
)
def test_an_order_that_stands_still_before_hand_over(
    status: str, steps: list[Any], fulfillment_status: str, tmp_path: Path
) -> None:
    one = life(tmp_path, status, approved=APPROVED)
    assert list(one.steps[1:]) == steps
    assert one.expected.status == {"confirmed"}
    assert one.expected.payment_status == "paid"
    assert one.expected.fulfillment_status == fulfillment_status
    assert one.expected.all_picked is (status == "invoiced")
    assert one.holds_stock


def test_a_shipped_order_is_left_on_its_way(tmp_path: Path) -> None:
    one = life(tmp_path, "shipped", approved=APPROVED, handed_over=HANDED_OVER)
    assert list(one.steps[1:]) == [
        Approve(at(APPROVED)),
        HandOver(at(HANDED_OVER)),
        Scan("in_transit", at(HANDED_OVER)),
    ]
    assert one.expected.fulfillment_status == "fulfilled"
    assert one.expected.parcels == 1
    assert one.expected.shipped_at == at(HANDED_OVER)
    assert one.expected.delivered_at is None
    assert one.handed_over


def test_a_delivered_order_keeps_all_its_times(tmp_path: Path) -> None:
    (one,) = lives(OlistFiles().delivered("one", reviews=[("r1", "4")]), tmp_path)
    assert list(one.steps[1:4]) == [
        Approve(at(APPROVED)),
        HandOver(at(HANDED_OVER)),
        Scan("delivered", at(DELIVERED)),
    ]
    assert one.steps[4] == Feedback(
        {
            "reference": "r1",
            "score": 4,
            "comment": "tudo bem",
            "occurred_at": "2018-03-08T18:45:30Z",
        }
    )
    assert one.expected.status == {"confirmed", "completed"}
    assert one.expected.delivered_at == at(DELIVERED)
    assert one.expected.feedback == {("r1", 4)}


def test_what_is_placed_is_what_the_file_says_and_names_nobody(tmp_path: Path) -> None:
    items = [ITEM, ITEM, ("lamp", "shop-b", "100.0", "20.05")]
    one = life(tmp_path, "created", items=items, tenders=paid("219.85"))
    sent = body(one)
    assert sent["channel_order_id"] == "one"
    assert sent["placed_at"] == "2018-03-01T10:00:00Z"
    assert sent["customer"] == {"id": "person-of-one", "name": "Customer person-o"}
    assert sent["shipping_address"] == {
        "name": "Customer person-o",
        "line1": "not published",
        "city": "sao paulo",
        "region": "SP",
        "postal_code": "01310",
        "country": "BR",
    }
    assert [(x["sku"], x["quantity"], x["unit_price"]["amount"]) for x in sent["lines"]] == [
        ("soap-shop-a", 2, 4000),
        ("lamp-shop-b", 1, 10000),
    ]
    assert sent["lines"][0]["name"] == "health beauty soap"
    assert sent["shipping"] == {"option": "manual", "price": {"amount": 3985, "currency": "BRL"}}
    assert sent["totals"]["grand_total"]["amount"] == 21985
    assert sent["discounts"] == sent["surcharges"] == []
    assert one.units == {("soap-shop-a", "shop-a"): 2, ("lamp-shop-b", "shop-b"): 1}
    assert one.sources == 2


def test_the_same_goods_at_two_prices_are_two_lines(tmp_path: Path) -> None:
    items = [ITEM, ("soap", "shop-a", "35.0", "9.9")]
    sent = body(life(tmp_path, "created", items=items, tenders=paid("94.8")))
    assert [line["unit_price"]["amount"] for line in sent["lines"]] == [4000, 3500]


def test_every_kind_of_tender_has_its_method(tmp_path: Path) -> None:
    kinds = ["credit_card", "debit_card", "boleto", "voucher", "not_defined"]
    tenders = [(kind, "3" if kind == "credit_card" else "0", "9.98") for kind in kinds]
    sent = body(life(tmp_path, "created", tenders=tenders))
    assert [p["method"] for p in sent["payments"]] == [
        "card",
        "card",
        "bank_transfer",
        "voucher",
        "wallet",
    ]
    assert [p["installments"] for p in sent["payments"]] == [3, 1, 1, 1, 1]
    assert {p["amount"]["amount"] for p in sent["payments"]} == {998}
    assert {p["token"] for p in sent["payments"]} == {"tok_manual"}
    assert sent["metadata"]["olist_tenders"] == kinds


def test_what_is_paid_beyond_the_lines_is_interest_when_paid_in_installments(
    tmp_path: Path,
) -> None:
    sent = body(life(tmp_path, "created", tenders=[("credit_card", "8", "54.9")]))
    assert sent["surcharges"] == [{"code": "installment_interest", "amount": FIVE_REAIS}]
    assert sent["discounts"] == []


def test_what_is_paid_beyond_the_lines_at_once_is_no_interest(tmp_path: Path) -> None:
    sent = body(life(tmp_path, "created", tenders=paid("54.9")))
    assert sent["surcharges"] == [{"code": "payment_difference", "amount": FIVE_REAIS}]


def test_what_is_paid_below_the_lines_is_a_discount(tmp_path: Path) -> None:
    sent = body(life(tmp_path, "created", tenders=paid("44.9")))
    assert sent["discounts"] == [{"code": "payment_difference", "amount": FIVE_REAIS}]
    assert sent["shipping"]["price"]["amount"] == 990


def test_a_discount_beyond_the_goods_comes_off_the_freight(tmp_path: Path) -> None:
    sent = body(life(tmp_path, "created", tenders=paid("4.9")))
    assert sent["discounts"][0]["amount"]["amount"] == 4000
    assert sent["shipping"]["price"]["amount"] == 490


def test_an_order_without_payments_is_free_and_never_unpaid(tmp_path: Path) -> None:
    one = life(tmp_path, "created", tenders=[])
    assert body(one)["payments"] == []
    assert body(one)["totals"]["grand_total"]["amount"] == 0
    assert one.expected.status == {"confirmed"}
    assert one.expected.payment_status == "paid"
    assert one.ends_as == "approved"


def test_an_order_canceled_before_approval_was_never_paid(tmp_path: Path) -> None:
    one = life(tmp_path, "canceled")
    assert list(one.steps[1:]) == [Cancel()]
    assert one.expected.status == {"canceled"}
    assert one.expected.payment_status == "voided"
    assert one.expected.tenders[0].captured == 0


def test_an_order_canceled_after_approval_is_refunded(tmp_path: Path) -> None:
    one = life(tmp_path, "canceled", approved=APPROVED)
    assert list(one.steps[1:]) == [Approve(at(APPROVED)), Cancel()]
    assert one.expected.payment_status == "refunded"
    assert one.expected.tenders == (ExpectedTender("credit_card", "card", 4990, 4990, 4990),)
    assert one.expected.parcels == 0


def test_an_order_canceled_on_its_way_comes_back(tmp_path: Path) -> None:
    one = life(tmp_path, "canceled", approved=APPROVED, handed_over=HANDED_OVER)
    assert list(one.steps[3:]) == [Scan("return_to_sender", at(PROMISED)), Cancel(returned=True)]
    assert one.expected.fulfillment_status == "unfulfilled"
    assert one.expected.parcels == 1
    assert one.expected.tracking_status == "return_to_sender"
    assert one.handed_over


def test_an_order_canceled_after_delivery_comes_back_at_that_time(tmp_path: Path) -> None:
    times = {"approved": APPROVED, "handed_over": HANDED_OVER, "delivered": DELIVERED}
    one = life(tmp_path, "canceled", **times)
    assert one.steps[3] == Scan("return_to_sender", at(DELIVERED))
    assert one.expected.delivered_at is None


def test_an_unavailable_order_finds_no_stock_and_is_refunded(tmp_path: Path) -> None:
    one = life(tmp_path, "unavailable", approved=APPROVED)
    assert list(one.steps[1:]) == [Approve(at(APPROVED)), RunOut()]
    assert body(one)["out_of_stock"] == "cancel"
    assert one.expected.cancel_reason == "out_of_stock"
    assert one.expected.payment_status == "refunded"
    assert not one.finds_stock


def test_times_that_are_missing_are_taken_from_the_nearest_truth(tmp_path: Path) -> None:
    one = life(tmp_path, "delivered")
    purchased = one.placed_at
    assert list(one.steps[1:4]) == [
        Approve(purchased),
        HandOver(purchased),
        Scan("delivered", at(PROMISED)),
    ]
    assert (one.expected.shipped_at, one.expected.delivered_at) == (None, None)


def test_a_parcel_holds_all_of_a_seller(tmp_path: Path) -> None:
    items = [ITEM, ("lamp", "shop-a", "1", "0"), ("rug", "shop-b", "1", "0")]
    one = life(tmp_path, "created", items=items)
    assert one.parcels == {
        "shop-a": Parcel(weight_g=2050, length_mm=400, width_mm=300, height_mm=140),
        "shop-b": Parcel(weight_g=1, length_mm=1, width_mm=1, height_mm=1),
    }


def test_equal_reviews_are_one_and_others_of_the_same_id_are_numbered(tmp_path: Path) -> None:
    reviews = [("r1", "5"), ("r1", "5"), ("r1", "2"), ("r2", ""), ("r3", "1")]
    one = life(tmp_path, "created", reviews=reviews)
    assert one.expected.feedback == {("r1", 5), ("r1-2", 2), ("r3", 1)}


def test_goods_that_run_out_are_received_after_the_order_that_misses_them(tmp_path: Path) -> None:
    files = OlistFiles().delivered("one")
    files.add("two", "unavailable", approved=APPROVED)
    files.delivered("three", items=[("lamp", "shop-b", "40.0", "9.9")])
    first, later = wanted(lives(files, tmp_path))
    assert first == {("lamp-shop-b", "shop-b"): 1}
    assert later == {("soap-shop-a", "shop-a"): 1}


def test_orders_of_another_file_need_stock_of_the_same_goods_too(tmp_path: Path) -> None:
    placed = lives(OlistFiles().delivered("one"), tmp_path)
    strangers: list[dict[str, Any]] = [
        {"cancel_reason": None, "lines": [{"sku": "soap-shop-a", "quantity": 3}]},
        {"cancel_reason": "out_of_stock", "lines": [{"sku": "soap-shop-a", "quantity": 5}]},
        {"cancel_reason": None, "lines": [{"sku": "something-else", "quantity": 7}]},
    ]
    assert wanted(placed, strangers) == ({("soap-shop-a", "shop-a"): 4}, {})


def test_what_is_sent_is_what_the_api_takes(tmp_path: Path) -> None:
    reviews = [("r1", "5")]
    one = life(tmp_path, "created", tenders=[("credit_card", "8", "60.0")], reviews=reviews)
    placed = PlaceOrder.model_validate_json(json.dumps(body(one)))
    assert placed.placed_at == one.placed_at
    feedback = one.steps[1]
    assert isinstance(feedback, Feedback)
    said = FeedbackIn.model_validate_json(json.dumps(feedback.body))
    assert said.occurred_at == at(DELIVERED)
    shipped = ShipIn.model_validate_json(json.dumps({"occurred_at": text(at(HANDED_OVER))}))
    assert shipped.occurred_at == at(HANDED_OVER)
