"""A sample has some of everything, and is the same every time."""

from collections import Counter

import pytest

from ops.replay import oddities
from ops.replay.olist import Book
from ops.replay.reader import read
from ops.replay.sample import sample
from tests.fakes.olist_files import APPROVED, OlistFiles


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Book:
    files = OlistFiles()
    for n in range(60):
        files.delivered(f"delivered-{n}", reviews=[(f"r{n}", "5")])
    for n in range(20):
        files.add(f"canceled-{n}", "canceled", approved=APPROVED, reviews=[(f"c{n}", "1")])
    files.add("created", "created", reviews=[("n1", "3")])
    files.delivered("free", tenders=[], reviews=[("f1", "3")])
    files.delivered("two", reviews=[("t1", "3"), ("t2", "3")])
    files.delivered("dear", tenders=[("credit_card", "8", "60")], reviews=[("d1", "3")])
    return read(files.write(tmp_path_factory.mktemp("olist")))


def chosen(book: Book, limit: int) -> list[str]:
    return [order.id for order in sample(book.orders, oddities.of_book(book), limit)]


def test_it_is_the_same_every_time(book: Book) -> None:
    assert chosen(book, 20) == chosen(book, 20)
    assert len(chosen(book, 20)) == 20


def test_it_has_every_status_and_every_oddity(book: Book) -> None:
    assert {"created", "free", "two", "dear"} <= set(chosen(book, 8))


def test_a_limit_too_small_for_all_has_every_status(book: Book) -> None:
    statuses = {order.id: order.status for order in book.orders}
    assert {statuses[order_id] for order_id in chosen(book, 3)} == {
        "created",
        "canceled",
        "delivered",
    }


def test_the_rest_is_drawn_in_proportion(book: Book) -> None:
    counts = Counter(order_id.partition("-")[0] for order_id in chosen(book, 42))
    assert counts["delivered"] / counts["canceled"] == pytest.approx(3, abs=0.5)


def test_orders_stay_oldest_first_and_none_comes_twice(book: Book) -> None:
    ids = chosen(book, 50)
    assert len(set(ids)) == 50
    places = {order.id: place for place, order in enumerate(book.orders)}
    assert [places[order_id] for order_id in ids] == sorted(places[i] for i in ids)
