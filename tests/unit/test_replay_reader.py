"""Reading the Olist format: exact amounts, times without a zone, rows that are not as expected."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ops.replay import oddities
from ops.replay.olist import Book, OlistError, Place, Tender
from ops.replay.reader import centavos, read
from tests.fakes.olist_files import (
    APPROVED,
    DELIVERED,
    HANDED_OVER,
    ITEM,
    OlistFiles,
)


def codes(book: Book, order_id: str) -> set[str]:
    return {one.code for one in oddities.of_book(book) if one.order_id == order_id}


def test_an_order_is_put_together_from_all_files(tmp_path: Path) -> None:
    files = OlistFiles().delivered("ok", reviews=[("r1", "4")])
    book = read(files.write(tmp_path))
    (order,) = book.orders
    assert order.person_id == "person-of-ok"
    assert order.place == Place("01310", "sao paulo", "SP")
    assert order.purchased_at == datetime(2018, 3, 1, 10, 0, tzinfo=UTC)
    assert order.delivered_at == datetime(2018, 3, 8, 18, 45, 30, tzinfo=UTC)
    assert (order.goods, order.freight, order.tendered) == (4000, 990, 4990)
    assert order.tenders == (Tender(1, "credit_card", 1, 4990),)
    assert [(review.id, review.score) for review in order.reviews] == [("r1", 4)]
    assert (book.in_file, book.left_out, codes(book, "ok")) == (1, (), set())


def test_categories_are_translated_and_sizes_are_millimeters(tmp_path: Path) -> None:
    book = read(OlistFiles().delivered("ok").write(tmp_path))
    soap = book.products["soap"]
    assert soap.category == "health_beauty"
    assert (soap.weight_g, soap.length_mm, soap.height_mm, soap.width_mm) == (250, 100, 40, 60)
    assert book.products["lamp"].weight_g == 1800


def test_the_translation_may_be_missing(tmp_path: Path) -> None:
    directory = OlistFiles().delivered("ok").write(tmp_path)
    (directory / "product_category_name_translation.csv").unlink()
    assert read(directory).products["soap"].category == "beleza_saude"


@pytest.mark.parametrize(
    ("text", "amount"), [("99.9", 9990), ("0.07", 7), ("1e2", 10000), ("4.350", 435), (" 5 ", 500)]
)
def test_amounts_are_exact(text: str, amount: int) -> None:
    assert centavos(text) == amount


@pytest.mark.parametrize("text", ["", "0.001", "-1", "NaN", "inf", "1,50", "R$ 5"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no (number|amount)"):
        centavos(text)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    directory = OlistFiles().delivered("ok").write(tmp_path)
    (directory / "olist_sellers_dataset.csv").unlink()
    with pytest.raises(OlistError, match=r"olist_sellers_dataset\.csv cannot be read"):
        read(directory)


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    directory = OlistFiles().delivered("ok").write(tmp_path)
    (directory / "olist_sellers_dataset.csv").write_text("seller_id,seller_city\n")
    with pytest.raises(OlistError, match="no column seller_zip_code_prefix, seller_state"):
        read(directory)


def test_orders_that_cannot_be_placed_are_left_out_with_the_reason(tmp_path: Path) -> None:
    files = OlistFiles().delivered("ok").delivered("ok")
    files.add("empty", "unavailable", approved=APPROVED, items=[])
    files.add("odd", "teleported")
    files.add("timeless", "created", purchased="")
    files.add("wordy", "created", purchased="yesterday")
    files.add("priceless", "created", items=[("soap", "shop-a", "much", "1")])
    files.add("worthless", "created", tenders=[("boleto", "1", "?")])
    book = read(files.write(tmp_path))
    assert [order.id for order in book.orders] == ["ok"]
    assert {(one.order_id, one.code) for one in book.left_out} == {
        ("ok", "duplicate_order"),
        ("empty", "no_items"),
        ("odd", "unknown_status"),
        ("timeless", "unreadable_order"),
        ("wordy", "unreadable_order"),
        ("priceless", "unreadable_order"),
        ("worthless", "unreadable_order"),
    }
    assert book.in_file == 8


def test_rows_of_an_order_that_is_not_there_are_told(tmp_path: Path) -> None:
    files = OlistFiles().delivered("ok")
    files.rows["olist_order_payments_dataset.csv"].append(("lost", "1", "voucher", "1", "5"))
    book = read(files.write(tmp_path))
    assert codes(book, "lost") == {"orphan_row"}


def test_orders_come_oldest_first(tmp_path: Path) -> None:
    files = OlistFiles().add("b", "created", purchased="2018-02-01 00:00:00")
    files.add("c", "created", purchased="2018-03-01 00:00:00")
    files.add("a", "created", purchased="2018-03-01 00:00:00")
    assert [order.id for order in read(files.write(tmp_path)).orders] == ["b", "a", "c"]


@pytest.mark.parametrize(
    ("code", "order"),
    [
        ("approved_after_hand_over", {"approved": HANDED_OVER, "handed_over": APPROVED}),
        ("approved_before_purchase", {"approved": "2018-02-01 00:00:00"}),
        ("handed_over_before_purchase", {"handed_over": "2018-02-01 00:00:00"}),
        ("delivered_before_purchase", {"delivered": "2018-02-01 00:00:00"}),
        ("delivered_before_hand_over", {"handed_over": DELIVERED, "delivered": HANDED_OVER}),
        ("missing_promise", {"promised": ""}),
        ("missing_approval", {"approved": ""}),
        ("missing_hand_over", {"handed_over": ""}),
        ("missing_delivery_time", {"delivered": ""}),
        ("time_beyond_status", {"status": "shipped"}),
        ("canceled_after_delivery", {"status": "canceled"}),
        ("canceled_after_hand_over", {"status": "canceled", "delivered": ""}),
        ("no_payments", {"tenders": []}),
        ("tenders_exceed_lines", {"tenders": [("credit_card", "8", "60.0")]}),
        ("tenders_below_lines", {"tenders": [("credit_card", "1", "49.89")]}),
        ("many_tenders", {"tenders": [("voucher", "1", "1")] * 6}),
        ("tender_of_zero", {"tenders": [("voucher", "1", "0.0"), ("boleto", "1", "49.9")]}),
        ("tender_undefined", {"tenders": [("not_defined", "1", "49.9")]}),
        ("installments_zero", {"tenders": [("credit_card", "0", "49.9")]}),
        ("product_missing", {"items": [("ghost", "shop-a", "40.0", "9.9")]}),
        ("product_without_sizes", {"items": [("rug", "shop-a", "40.0", "9.9")]}),
        ("seller_missing", {"items": [("soap", "nobody", "40.0", "9.9")]}),
        ("no_reviews", {"reviews": []}),
        ("several_reviews", {"reviews": [("r1", "1"), ("r2", "2")]}),
        ("review_repeated", {"reviews": [("r1", "1"), ("r1", "2")]}),
        ("review_without_score", {"reviews": [("r1", "")]}),
    ],
)
def test_each_oddity_is_seen(code: str, order: dict[str, str], tmp_path: Path) -> None:
    usual = {
        "status": "delivered",
        "approved": APPROVED,
        "handed_over": HANDED_OVER,
        "delivered": DELIVERED,
        "reviews": [("r0", "5")],
    }
    book = read(OlistFiles().add("one", **(usual | order)).write(tmp_path))  # type: ignore[arg-type]
    assert code in codes(book, "one")
    assert code in oddities.EXPLANATIONS


def test_gaps_in_tenders_and_reviews_of_many_orders_are_seen(tmp_path: Path) -> None:
    files = OlistFiles().delivered("one", reviews=[("r1", "5")])
    files.delivered("two", reviews=[("r1", "5")])
    payments = files.rows["olist_order_payments_dataset.csv"]
    payments[0] = ("one", "2", "credit_card", "1", "49.9")
    book = read(files.write(tmp_path))
    assert codes(book, "one") == {"payment_sequence_gap", "review_id_shared"}
    assert codes(book, "two") == {"review_id_shared"}


def test_a_customer_who_is_not_in_the_file_is_seen(tmp_path: Path) -> None:
    files = OlistFiles().delivered("one", items=[ITEM], reviews=[("r1", "5")])
    files.rows["olist_customers_dataset.csv"].clear()
    book = read(files.write(tmp_path))
    assert codes(book, "one") == {"customer_missing"}
    assert book.orders[0].place == Place()


def test_the_guide_explains_every_oddity_as_the_report_does() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "replay.md").read_text("utf-8")
    rows = [f"| `{code}` | {text} |" for code, text in oddities.EXPLANATIONS.items()]
    assert guide.endswith("\n".join(rows) + "\n")
