"""What may be asked of a purchase order, what a delivery does to it, and when it is late."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Refused
from domain.money import Money
from domain.purchase_csv import COLUMNS, CsvLine, purchase_csv
from domain.purchasing import (
    CAN,
    Delivered,
    Purchase,
    PurchaseLine,
    after_delivery,
    can_approve,
    can_cancel,
    can_close,
    can_reschedule,
    can_send,
    describe,
    late_from,
    receive,
)
from domain.states import PURCHASE, PurchaseStatus

S = PurchaseStatus
LINE = PurchaseLine("pln_1", "SHIRT", 20, "2026-03-10", incoming=20)
OTHER = PurchaseLine("pln_2", "SOCKS", 5, "2026-03-05", incoming=5)
SENT = Purchase("pur_1", "P-1", "ACME", "MAIN", S.SENT, [LINE, OTHER], has_address=True)


def refused(check: Callable[[], object]) -> str:
    """The code with which it is refused; "" when it is not."""
    try:
        check()
    except Refused as error:
        return error.code
    return ""


ENDED = "purchase_order_closed"


@pytest.mark.parametrize(
    ("check", "answers"),
    [
        (
            can_approve,
            ["", "already_approved", "already_approved", "already_approved", ENDED, ENDED],
        ),
        (
            lambda p: can_send(p, by_hand=False),
            ["not_approved", "", "already_sent", "already_sent", ENDED, ENDED],
        ),
        (can_cancel, ["", "", "", "partly_received", ENDED, ENDED]),
        (can_close, ["not_sent", "", "", "", ENDED, ENDED]),
        (can_reschedule, ["", "", "", "", ENDED, ENDED]),
    ],
    ids=["approve", "send", "cancel", "close", "reschedule"],
)
def test_each_request_has_its_time(check: Callable[[Purchase], object], answers: list[str]) -> None:
    found = [refused(lambda s=s: check(replace(SENT, status=s))) for s in S]  # type: ignore[misc]
    assert found == answers


def test_mail_needs_an_address_and_goes_out_once_at_a_time() -> None:
    approved = replace(SENT, status=S.APPROVED)
    nobody, under_way = (
        replace(approved, has_address=False),
        replace(approved, mail_status="pending"),
    )
    assert refused(lambda: can_send(nobody, by_hand=False)) == "no_supplier_email"
    assert refused(lambda: can_send(under_way, by_hand=False)) == "already_sending"
    for purchase in (nobody, under_way):
        assert refused(lambda p=purchase: can_send(p, by_hand=True)) == ""  # type: ignore[misc]


def test_goods_that_came_cannot_be_canceled_whatever_the_status_says() -> None:
    # The delivery is written, its news is on the way.
    came = replace(SENT, lines=[replace(LINE, received=1, incoming=19), OTHER])
    assert refused(lambda: can_cancel(came)) == "partly_received"


def test_a_line_that_came_needs_no_other_day() -> None:
    came = replace(SENT, lines=[replace(LINE, received=20, incoming=0), OTHER])
    assert refused(lambda: can_reschedule(came, ["pln_1"])) == "line_not_open"
    assert refused(lambda: can_reschedule(came, ["pln_2"])) == ""


def test_a_refusal_tells_the_states_in_its_way() -> None:
    with pytest.raises(Refused) as caught:
        can_approve(SENT)
    assert caught.value.current == {"status": "sent", "mail_status": ""}


# -- deliveries ------------------------------------------------------------------------------------


def test_a_delivery_takes_what_came_off_what_is_expected() -> None:
    [effect] = receive(SENT, [Delivered("pln_1", 5, 2)], 0, accept_over=False)
    assert (effect.units, effect.over, effect.expected) == (7, 0, 7)


def test_more_is_taken_up_to_the_tolerance_of_the_ordered_quantity() -> None:
    # 5% of 20 is one unit; 9.99% is still one.
    for tolerance in (500, 999):
        [effect] = receive(SENT, [Delivered("pln_1", 21, 0)], tolerance, accept_over=False)
        assert (effect.over, effect.expected) == (1, 20)
        with pytest.raises(Refused) as caught:
            receive(SENT, [Delivered("pln_1", 22, 0)], tolerance, accept_over=False)
        assert caught.value.code == "over_delivery"
    [effect] = receive(SENT, [Delivered("pln_1", 99, 0)], 0, accept_over=True)
    assert effect.over == 79


def test_the_tolerance_is_of_all_deliveries_together() -> None:
    came = replace(SENT, lines=[replace(LINE, received=21, incoming=0)])
    with pytest.raises(Refused):
        receive(came, [Delivered("pln_1", 1, 0)], 500, accept_over=False)


def test_nothing_comes_of_a_draft_or_of_what_has_ended() -> None:
    for status, code in ((S.DRAFT, "not_approved"), (S.CLOSED, ENDED), (S.CANCELED, ENDED)):
        with pytest.raises(Refused) as caught:
            receive(replace(SENT, status=status), [], 0, accept_over=True)
        assert caught.value.code == code


def test_before_it_was_sent_nothing_was_expected_and_nothing_falls() -> None:
    approved = replace(SENT, status=S.APPROVED, lines=[replace(LINE, incoming=0)])
    [effect] = receive(approved, [Delivered("pln_1", 5, 0)], 0, accept_over=False)
    assert effect.expected == 0


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=6))
def test_what_is_expected_is_what_is_open_after_every_delivery(
    deliveries: list[tuple[int, int]],
) -> None:
    line = LINE
    for accepted, damaged in deliveries:
        purchase = replace(SENT, lines=[line])
        delivery = [Delivered("pln_1", accepted, damaged)]
        [effect] = receive(purchase, delivery, 0, accept_over=True)
        line = replace(
            line,
            received=line.received + effect.units,
            incoming=line.incoming - effect.expected,
        )
        assert line.incoming == line.open
        assert effect.over == max(0, effect.units - purchase.lines[0].open)


@pytest.mark.parametrize(
    ("received", "status"),
    [((0, 0), S.SENT), ((1, 0), S.PARTLY_RECEIVED), ((20, 5), S.CLOSED), ((25, 5), S.CLOSED)],
)
def test_the_status_follows_what_came(received: tuple[int, int], status: S) -> None:
    lines = [
        replace(line, received=units) for line, units in zip((LINE, OTHER), received, strict=True)
    ]
    assert after_delivery(replace(SENT, lines=lines)) is status


def test_what_has_ended_stays_ended() -> None:
    came = replace(SENT, status=S.CANCELED, lines=[replace(LINE, received=1)])
    assert after_delivery(came) is S.CANCELED


# -- lateness --------------------------------------------------------------------------------------


def test_it_is_late_when_the_earliest_open_day_is_over_and_the_grace_too() -> None:
    grace = timedelta(hours=12)
    assert late_from(SENT, grace) == datetime(2026, 3, 6, 12, tzinfo=UTC)
    socks_came = replace(SENT, lines=[LINE, replace(OTHER, received=5)])
    assert late_from(socks_came, grace) == datetime(2026, 3, 11, 12, tzinfo=UTC)


def test_nothing_is_late_that_nobody_expects() -> None:
    for status in (S.DRAFT, S.APPROVED, S.CLOSED, S.CANCELED):
        assert late_from(replace(SENT, status=status), timedelta()) is None
    all_came = replace(SENT, lines=[replace(LINE, received=20)])
    assert late_from(all_came, timedelta()) is None


def test_every_state_is_described_by_what_moves_it() -> None:
    sentences = {describe(replace(SENT, status=status)) for status in S}
    assert len(sentences) == len(S)
    assert describe(SENT) == "The supplier has it: 25 units are to come; a receipt moves it."
    under_way = replace(SENT, status=S.APPROVED, mail_status="pending")
    assert "mail" in describe(under_way)
    assert {status for status in S if replace(SENT, status=status).over} == {
        status for status in S if not PURCHASE[status]
    }


def test_what_helps_are_calls_of_the_api() -> None:
    calls = {call for calls in CAN.values() for call in calls}
    assert calls == {"reschedule", "close", "cancel", "send"}


# -- the table -------------------------------------------------------------------------------------


def test_the_table_has_a_head_and_a_line_for_each_line() -> None:
    line = CsvLine(1, "", "SHIRT", 'A "fine" shirt, blue', 12, Money(1_050, "JPY"), "2026-03-10")
    assert purchase_csv("P-1", "MAIN", [line]).splitlines() == [
        ",".join(COLUMNS),
        'P-1,1,,SHIRT,"A ""fine"" shirt, blue",12,1050,JPY,2026-03-10,MAIN',
    ]


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"])
def test_no_spreadsheet_takes_a_name_for_a_formula(name: str) -> None:
    line = CsvLine(1, "", "S", name, 1, Money(1, "EUR"), "2026-03-10")
    assert f"'{name}" in purchase_csv("P-1", "MAIN", [line])
