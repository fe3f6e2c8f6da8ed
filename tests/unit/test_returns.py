"""What the rules say of goods that shall come back, and what may be asked of a return."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.return_money import what_is_owed
from domain.errors import Refused
from domain.order import Order
from domain.refunds import Before, Destination, reckon, refundable
from domain.return_rules import (
    CARRIER,
    CUSTOMER,
    DROP_OFF,
    SHOP,
    Decides,
    Reason,
    ReturnRule,
    Wanted,
    decide,
)
from domain.returns import (
    Return,
    ReturnLine,
    after_receipt,
    can_approve,
    can_ask,
    can_cancel,
    can_decline,
    can_inspect,
    can_receive,
    can_retry,
    kept_back,
    proven,
    rolled_up,
    surplus,
)
from domain.states import (
    RETURN,
    PaymentStatus,
    ReturnStage,
    ReturnStatus,
    ShipmentStatus,
    TrackingStatus,
)
from tests.unit.orders import a_line, a_parcel, a_tender, an_order

G, S = ReturnStage, ReturnStatus
DAY = 86_400
ANY = ReturnRule(Decides.APPROVE)


def a_return(status: ReturnStage = G.APPROVED, *lines: ReturnLine, **more: object) -> Return:
    """A return of two units of the first line."""
    known = list(lines) or [ReturnLine("lin_1", "SHIRT", 2, "unwanted")]
    ret = Return(
        "ret_1", "ord_1", "R-1", status, Decides.APPROVE, CARRIER, SHOP, 0, "original",
        "2030-01-01T00:00:00+00:00", lines=known,
    )  # fmt: skip
    return replace(ret, **more)  # type: ignore[arg-type]


def here(received: int, **judged: int) -> ReturnLine:
    return ReturnLine("lin_1", "SHIRT", 2, "unwanted", received, **judged)


RULES = st.builds(
    ReturnRule,
    st.sampled_from(Decides),
    st.sampled_from([CARRIER, DROP_OFF]),
    st.sampled_from([SHOP, CUSTOMER]),
    st.just(0),
    st.just(""),
    st.sampled_from(["original", "store_credit"]),
    st.integers(1, 30 * DAY),
    st.none() | st.integers(0, 30 * DAY),
    st.sampled_from(["", "TR", "DE"]),
    st.sampled_from(["", "shoes"]),
    st.sampled_from(["", *Reason]),
)
WANTED = st.builds(
    Wanted,
    st.sampled_from(["lin_1", "lin_2"]),
    st.integers(1, 3),
    st.sampled_from(Reason),
    st.sampled_from(["", "shoes", "hats"]),
)


@given(st.lists(WANTED, min_size=1, max_size=4), st.lists(RULES, max_size=6), st.integers(0, 40))
def test_the_first_rule_that_fits_counts_and_doubts_ask_a_person(
    lines: list[Wanted], rules: list[ReturnRule], days: int
) -> None:
    known = [*rules, ANY]
    age = days * DAY
    chosen = [next(r for r in known if r.fits(line, "TR", "TRY")) for line in lines]
    limits = [14 * DAY if r.window is None else r.window for r in chosen]

    def made() -> object:
        return decide(lines, known, country="TR", currency="TRY", age=age, window=14 * DAY)

    if any(age > limit for limit in limits):
        with pytest.raises(Refused) as refused:
            made()
        assert refused.value.code == "return_window_over"
        return
    decision = decide(lines, known, country="TR", currency="TRY", age=age, window=14 * DAY)
    answers = {r.decides for r in chosen}
    assert decision.decides == (answers.pop() if len(answers) == 1 else Decides.ASK_PERSON)
    assert (decision.label == CARRIER) == any(r.label == CARRIER for r in chosen)
    assert (decision.shipping_paid_by == SHOP) == any(r.shipping_paid_by == SHOP for r in chosen)
    assert decision.expires_after == max(r.expires_after for r in chosen)
    assert [told["rule"] for told in decision.why["lines"]] == [known.index(r) for r in chosen]


@pytest.mark.parametrize(
    ("rule", "fits"),
    [
        (ANY, True),
        (replace(ANY, country="TR"), True),
        (replace(ANY, country="DE"), False),
        (replace(ANY, category="shoes"), True),
        (replace(ANY, category="hats"), False),
        (replace(ANY, reason="damaged"), True),
        (replace(ANY, reason="unwanted"), False),
        (replace(ANY, fee=100, currency="TRY"), True),
        (replace(ANY, fee=100, currency="EUR"), False),
    ],
)
def test_a_rule_is_for_some_lines(rule: ReturnRule, *, fits: bool) -> None:
    assert rule.fits(Wanted("lin_1", 1, "damaged", "shoes"), "TR", "TRY") is fits


def test_the_smallest_fee_is_kept() -> None:
    dear = replace(ANY, fee=900, currency="TRY", reason="unwanted")
    cheap = replace(ANY, fee=200, currency="TRY", reason="other")
    lines = [Wanted("lin_1", 1, "unwanted"), Wanted("lin_2", 1, "other")]
    found = decide(lines, [dear, cheap, ANY], country="", currency="TRY", age=0, window=DAY)
    assert (found.fee, found.decides) == (200, Decides.APPROVE)


SENT = a_parcel(1, ShipmentStatus.SHIPPED, id_="shp_2")
DELIVERED = an_order(
    lines=[a_line(3, shipped=3)], shipments=[a_parcel(2, ShipmentStatus.DELIVERED), SENT]
)


@pytest.mark.parametrize(
    ("order", "wanted", "taken", "code"),
    [
        (DELIVERED, {"lin_9": 1}, {}, "unknown_line"),
        (an_order(lines=[a_line(2, shipped=2)]), {"lin_1": 1}, {}, "not_delivered"),
        (DELIVERED, {"lin_1": 3}, {}, "too_many_units"),
        (DELIVERED, {"lin_1": 2}, {"lin_1": 1}, "too_many_units"),
        (DELIVERED, {"lin_1": 1}, {"lin_1": 2}, "return_exists"),
    ],
)
def test_what_cannot_be_asked_for(
    order: Order, wanted: dict[str, int], taken: dict[str, int], code: str
) -> None:
    with pytest.raises(Refused) as refused:
        can_ask(order, wanted, taken)
    assert refused.value.code == code


def test_what_the_customer_has_can_be_asked_for_and_what_left_may_arrive() -> None:
    can_ask(DELIVERED, {"lin_1": 2}, {})
    can_ask(DELIVERED, {"lin_1": 3}, {}, arrived=True)
    lost = replace(SENT, tracking_status=TrackingStatus.LOST)
    for parcel in (lost, replace(SENT, intercepted=True)):
        awaited = replace(DELIVERED, shipments=[DELIVERED.shipments[0], parcel])
        with pytest.raises(Refused, match="2 units"):
            can_ask(awaited, {"lin_1": 3}, {}, arrived=True)
        assert proven(awaited, {"lin_1": 3}) == []


def test_units_that_the_customer_has_too_many_may_come_back() -> None:
    lost = a_parcel(2, ShipmentStatus.DELIVERED)
    lost = replace(lost, lines=[replace(lost.lines[0], written_off=2)])
    order = an_order(lines=[a_line(2, canceled=2)], shipments=[lost])
    can_ask(order, {"lin_1": 2}, {}, arrived=True)
    assert surplus(order, "lin_1") == 2


@pytest.mark.parametrize(
    ("back", "parcels"), [(1, []), (2, []), (3, ["shp_2"]), (4, ["shp_2", "shp_3"])]
)
def test_what_comes_back_was_delivered(back: int, parcels: list[str]) -> None:
    more = a_parcel(2, ShipmentStatus.SHIPPED, id_="shp_3")
    order = replace(DELIVERED, shipments=[*DELIVERED.shipments, more])
    assert [parcel.id for parcel in proven(order, {"lin_1": back})] == parcels


@pytest.mark.parametrize("status", ReturnStage)
def test_what_may_be_asked_in_which_state(status: ReturnStage) -> None:
    ret = a_return(status, here(1))
    may = {
        can_approve: {G.REQUESTED},
        can_decline: {G.REQUESTED},
        can_cancel: {G.REQUESTED, G.APPROVED, G.IN_TRANSIT},
        can_receive: {G.REQUESTED, G.APPROVED, G.IN_TRANSIT, G.PARTIALLY_RECEIVED, G.RECEIVED},
    }
    for ask, allowed in may.items():
        if status in allowed:
            ask(ret)
            continue
        with pytest.raises(Refused) as refused:
            ask(ret)
        assert refused.value.code == ("return_not_open" if RETURN[status] else "return_closed")
    if status in {G.PARTIALLY_RECEIVED, G.RECEIVED}:
        can_inspect(ret, {"lin_1": 1})
        with pytest.raises(Refused, match="1 units of lin_1"):
            can_inspect(ret, {"lin_1": 2})
    else:
        with pytest.raises(Refused):
            can_inspect(ret, {"lin_1": 1})


def test_only_what_fails_is_tried_again() -> None:
    can_retry(a_return(), failing=True)
    with pytest.raises(Refused, match="failing"):
        can_retry(a_return(), failing=False)


@pytest.mark.parametrize(
    ("status", "received", "complete", "then"),
    [
        (G.APPROVED, 1, False, G.PARTIALLY_RECEIVED),
        (G.APPROVED, 2, False, G.RECEIVED),
        (G.IN_TRANSIT, 1, True, G.RECEIVED),
        (G.RECEIVED, 1, False, G.RECEIVED),
    ],
)
def test_where_a_delivery_leads(
    status: ReturnStage, received: int, *, complete: bool, then: ReturnStage
) -> None:
    assert after_receipt(a_return(status, here(received)), complete=complete) is then


def test_what_is_kept_is_never_more_than_the_goods_are_worth() -> None:
    ret = a_return(fee=300, label_cost=500, shipping_paid_by=CUSTOMER)
    assert kept_back(ret, 10_000) == 800
    assert kept_back(ret, 700) == 700
    assert kept_back(replace(ret, shipping_paid_by=SHOP), 10_000) == 300


@pytest.mark.parametrize(
    ("parts", "axis"),
    [
        ([], S.NO_RETURN),
        ([(G.CANCELED, 0)], S.NO_RETURN),
        ([(G.REQUESTED, 0), (G.CANCELED, 0)], S.RETURN_REQUESTED),
        ([(G.REQUESTED, 0), (G.APPROVED, 0)], S.IN_PROGRESS),
        ([(G.CLOSED, 1), (G.IN_TRANSIT, 0)], S.IN_PROGRESS),
        ([(G.INSPECTED, 1)], S.INSPECTION_COMPLETE),
        ([(G.CLOSED, 1), (G.DECLINED, 0)], S.RETURNED),
        ([(G.CLOSED, 0)], S.RETURN_FAILED),
        ([(G.EXPIRED, 0)], S.RETURN_FAILED),
        ([(G.DECLINED, 0), (G.CANCELED, 0)], S.RETURN_FAILED),
    ],
)
def test_the_axis_of_the_order(parts: list[tuple[ReturnStage, int]], axis: ReturnStatus) -> None:
    assert rolled_up(parts) is axis


def paid(given_back: int = 0) -> Order:
    """Three units that were paid and delivered, with 500 for the delivery."""
    return an_order(
        shipping_total=500,
        grand_total=1_500,
        lines=[a_line(3, total=1_000, shipped=3, given_back=given_back)],
        shipments=[a_parcel(3, ShipmentStatus.DELIVERED)],
        tenders=[
            a_tender(amount=1_500, authorized=1_500, captured=1_500, status=PaymentStatus.PAID)
        ],
    )


@pytest.mark.parametrize(
    ("accepted", "fee", "lines", "shipping", "kept"),
    [(1, 100, {"lin_1": 1}, 0, 100), (3, 0, {"lin_1": 3}, 500, 0), (1, 333, {"lin_1": 1}, 0, 333)],
)
def test_what_a_return_is_paid(
    accepted: int, fee: int, lines: dict[str, int], shipping: int, kept: int
) -> None:
    order = paid()
    ret = a_return(G.INSPECTED, here(3, restocked=accepted, rejected=3 - accepted), fee=fee)
    owed = what_is_owed(order, ret, refundable(order), Before(), ret.accepted)
    assert owed is not None
    assert (owed.lines, owed.shipping, owed.fee) == (lines, shipping, kept)
    assert owed.to is Destination.ORIGINAL


def test_units_that_a_person_has_paid_for_are_not_paid_for_twice() -> None:
    order = paid(given_back=2)
    ret = a_return(G.INSPECTED, here(3, restocked=3))
    owed = what_is_owed(order, ret, refundable(order), Before(), ret.accepted)
    assert owed is not None
    assert owed.lines == {"lin_1": 1}
    order = paid(given_back=3)
    assert what_is_owed(order, ret, refundable(order), Before(), ret.accepted) is None


def test_goodwill_comes_off_the_goods_and_not_off_the_fee() -> None:
    order = replace(paid(), given_back=600)
    order = replace(order, tenders=[replace(order.tenders[0], refunded=600)])
    ret = a_return(G.INSPECTED, here(3, restocked=3), fee=100)
    owed = what_is_owed(order, ret, refundable(order), Before(), ret.accepted)
    assert owed is not None
    assert (owed.fee, owed.already_given, reckon(order, owed).amount) == (100, 600, 800)


def test_fees_that_were_kept_are_not_given_by_the_next_return() -> None:
    order = replace(paid(given_back=2), given_back=200 - 100)
    order = replace(order, tenders=[replace(order.tenders[0], refunded=666 + 100)])
    ret = a_return(G.INSPECTED, here(3, restocked=1), fee=100)
    owed = what_is_owed(order, ret, refundable(order), Before(fees=100), ret.accepted)
    assert owed is not None
    # What stays are the two fees; the goodwill came off.
    assert order.kept - reckon(order, owed).amount == 2 * 100


def test_what_is_worth_nothing_is_written_down() -> None:
    order = an_order(
        grand_total=1_000,
        lines=[a_line(1, total=1_000, shipped=1), a_line(1, total=0, id_="lin_2", shipped=1)],
        shipments=[a_parcel(1, ShipmentStatus.DELIVERED, id_="shp_2", line_id="lin_2")],
        tenders=[
            a_tender(amount=1_000, authorized=1_000, captured=1_000, status=PaymentStatus.PAID)
        ],
    )
    gift = ReturnLine("lin_2", "GIFT", 1, "unwanted", received=1, restocked=1)
    ret = a_return(G.INSPECTED, gift)
    owed = what_is_owed(order, ret, refundable(order), Before(), ret.accepted)
    assert owed is not None
    assert (owed.lines, reckon(order, owed).amount) == ({"lin_2": 1}, 0)


@st.composite
def arrived_orders(draw: st.DrawFn) -> tuple[Order, Return]:
    """Units that have arrived, some of them paid back, with goodwill, paid in full or not; and a
    return of some, for a fee.
    """
    units = draw(st.integers(1, 4))
    total, shipping = draw(st.integers(1, 2_000)), draw(st.integers(0, 300))
    before = draw(st.integers(0, units))
    line = a_line(units, total=total, shipped=units, given_back=before)
    goodwill = draw(st.integers(0, total + shipping))
    order = an_order(
        shipping_total=shipping,
        grand_total=total + shipping,
        lines=[line],
        given_back=goodwill,
        shipments=[a_parcel(units, ShipmentStatus.DELIVERED)],
    )
    kept = draw(st.integers(0, order.payable))
    paid = total + shipping
    tender = a_tender(paid, authorized=paid, captured=paid, refunded=paid - kept)
    order = replace(order, tenders=[replace(tender, status=PaymentStatus.PAID)])
    back = draw(st.integers(1, units))
    fee = draw(st.integers(0, 500))
    return order, a_return(G.INSPECTED, here(units, restocked=back), fee=fee)


@given(arrived_orders())
def test_a_return_pays_no_more_than_is_left_and_nothing_that_is_owed(
    known: tuple[Order, Return],
) -> None:
    order, ret = known
    owed = what_is_owed(order, ret, refundable(order), Before(), ret.accepted)
    if owed is None:
        return
    refund = reckon(order, owed)
    assert 0 <= refund.amount <= order.kept
    assert refund.paid == sum(part.amount for part in refund.parts)
    [line] = order.lines
    units = owed.lines.get(line.id, 0)
    beside = owed.shipping - owed.fee - owed.already_given
    after = replace(
        order,
        lines=[replace(line, given_back=line.given_back + units)],
        given_back=order.given_back + beside,
    )
    assert order.payable - after.payable == refund.amount + owed.set_off
    kept = order.kept - refund.amount
    assert kept <= max(after.payable, order.kept - order.payable)
    if refund.amount:
        assert kept >= after.payable
    if units == line.quantity - line.given_back and not owed.fee:
        assert after.payable == 0
