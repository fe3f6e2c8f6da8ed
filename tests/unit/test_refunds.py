"""What a refund comes to."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Refused
from domain.order import Line, Order, ParcelLine, Shipment, Tender
from domain.refunds import Destination, Wanted, reckon, refundable
from domain.settlement import Settlement, captures_due, refunds_due
from domain.states import OrderStatus, PaymentStatus, ShipmentStatus


def delivered(
    *lines: tuple[int, int], shipping: int = 0, tenders: tuple[int, ...] = (), closed: bool = True
) -> Order:
    """An order of (units, total) that was paid and has arrived; one card unless told."""
    kept = [
        Line(f"lin_{n}", "SHIRT", units, total, 0, shipped=units)
        for n, (units, total) in enumerate(lines)
    ]
    price = shipping + sum(total for _, total in lines)
    paid = tenders or (price,)
    return Order(
        id="ord_1",
        currency="TRY",
        shipping_total=shipping,
        surcharge_total=0,
        grand_total=price,
        out_of_stock="backorder",
        ship="complete",
        shipping_option="standard",
        status=OrderStatus.COMPLETED if closed else OrderStatus.CONFIRMED,
        lines=kept,
        tenders=[
            Tender(
                f"pay_{n}",
                n,
                "card",
                "sandbox",
                "on_shipment",
                amount,
                PaymentStatus.PAID,
                authorized=amount,
                captured=amount,
            )
            for n, amount in enumerate(paid)
        ],
        shipments=[
            Shipment(
                "shp_1",
                "ful_1",
                ShipmentStatus.DELIVERED,
                lines=[ParcelLine(line.id, line.shipped) for line in kept],
            )
        ],
    )


def opened(order: Order, wanted: Wanted) -> Order:
    """The order as the rows have it once the refund is opened, and its money is on its way."""
    refund = reckon(order, wanted)
    back = {part.payment_id: part.amount for part in refund.parts}
    credit = refund.amount if wanted.to is Destination.STORE_CREDIT else 0
    return replace(
        order,
        lines=[
            replace(line, given_back=line.given_back + wanted.lines.get(line.id, 0))
            for line in order.lines
        ],
        tenders=[
            replace(tender, refunding=tender.refunding + back.get(tender.id, 0))
            for tender in order.tenders
        ],
        given_back=order.given_back + wanted.shipping + wanted.goodwill - wanted.fee,
        credited=order.credited + credit,
    )


def refusal(order: Order, wanted: Wanted) -> str:
    with pytest.raises(Refused) as refused:
        reckon(order, wanted)
    return refused.value.code


def test_units_cost_their_share_of_what_was_paid_and_the_last_takes_the_rest() -> None:
    order = delivered((3, 100))
    shares = []
    for _ in range(3):
        refund = reckon(order, Wanted({"lin_0": 1}))
        shares.append(refund.amount)
        order = opened(order, Wanted({"lin_0": 1}))
    assert shares == [33, 33, 34]
    assert (order.payable, order.kept) == (0, 0)


def test_shipping_and_goodwill_come_on_top_and_a_fee_is_kept() -> None:
    order = delivered((2, 10_000), shipping=500)
    refund = reckon(order, Wanted({"lin_0": 1}, shipping=500, goodwill=100, fee=250))
    assert refund.amount == 5_000 + 500 + 100 - 250
    assert [part.amount for part in refund.parts] == [refund.amount]


def test_the_newest_tender_gives_back_first() -> None:
    order = delivered((1, 10_000), tenders=(6_000, 4_000))
    refund = reckon(order, Wanted({"lin_0": 1}, fee=1_000))
    assert [(p.payment_id, p.amount) for p in refund.parts] == [("pay_1", 4_000), ("pay_0", 5_000)]


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        (Wanted({"lin_9": 1}), "unknown_line"),
        (Wanted({"lin_0": 3}), "too_many_units"),
        (Wanted(goodwill=10_501), "refund_too_large"),
        (Wanted(shipping=501), "refund_too_large"),
        (Wanted({"lin_0": 1}, fee=5_000), "nothing_to_refund"),
    ],
)
def test_more_than_there_is_is_refused(wanted: Wanted, code: str) -> None:
    assert refusal(delivered((2, 10_000), shipping=500), wanted) == code


def test_what_is_not_taken_cannot_be_given_back() -> None:
    order = delivered((2, 10_000))
    reserved = [replace(order.tenders[0], captured=0, status=PaymentStatus.AUTHORIZED)]
    assert refusal(replace(order, tenders=reserved), Wanted({"lin_0": 1})) == "nothing_to_refund"


def test_units_on_their_way_are_not_given_back() -> None:
    order = delivered((2, 10_000))
    away = [replace(order.shipments[0], status=ShipmentStatus.SHIPPED)]
    assert refusal(replace(order, shipments=away), Wanted({"lin_0": 1})) == "too_many_units"


def half_canceled(*tenders: int) -> Order:
    """Two lines of 10_000 that were paid; the second was canceled, and its money is to go back."""
    order = delivered((1, 10_000), (1, 10_000), tenders=tenders, closed=False)
    arrived, canceled = order.lines
    return replace(order, lines=[arrived, replace(canceled, shipped=0, canceled=1)])


def test_what_canceled_units_are_about_to_get_back_is_not_promised_again() -> None:
    order = half_canceled(8_000, 12_000)
    assert refunds_due(order) == [Settlement("pay_1", 10_000)]
    refund = reckon(order, Wanted(goodwill=5_000))
    assert refund.parts == [Settlement("pay_1", 2_000), Settlement("pay_0", 3_000)]


@given(st.integers(0, 20_000), st.integers(1, 10_000), st.integers(0, 10_000))
def test_no_tender_gives_back_more_than_it_took(first: int, amount: int, earlier: int) -> None:
    order = half_canceled(first, 20_000 - first)
    if earlier:
        order = opened(order, Wanted(goodwill=earlier))
    back = {tender.id: tender.refundable for tender in order.tenders}
    own, wanted = refunds_due(order), Wanted(goodwill=min(amount, order.payable))
    given = reckon(order, wanted).parts if wanted.goodwill else []
    assert sum(part.amount for part in own) == 10_000
    assert sum(part.amount for part in given) == wanted.goodwill
    for part in (*own, *given):
        back[part.payment_id] -= part.amount
    assert min(back.values()) >= 0
    if given:
        # The order's own plan is the same after it: whoever asks first, the other finds enough.
        assert refunds_due(opened(order, wanted)) == own


def test_store_credit_waits_for_the_goods_to_arrive() -> None:
    order = delivered((2, 10_000), closed=False)
    credit = Wanted({"lin_0": 1}, to=Destination.STORE_CREDIT)
    assert reckon(order, credit).parts == []
    away = [replace(order.shipments[0], status=ShipmentStatus.SHIPPED)]
    goodwill = Wanted(goodwill=100, to=Destination.STORE_CREDIT)
    assert refusal(replace(order, shipments=away), goodwill) == "not_delivered"


def test_credit_is_no_money_that_goes_back_to_a_tender() -> None:
    order = opened(delivered((2, 10_000)), Wanted({"lin_0": 1}, to=Destination.STORE_CREDIT))
    assert (order.payable, order.kept, order.settled) == (5_000, 5_000, True)
    assert refunds_due(order) == []


WANTED = st.builds(
    Wanted,
    st.dictionaries(st.sampled_from(["lin_0", "lin_1"]), st.integers(1, 3), max_size=2),
    shipping=st.integers(0, 600),
    goodwill=st.integers(0, 3_000),
    fee=st.integers(0, 3_000),
    to=st.sampled_from(Destination),
)


@given(
    st.lists(st.tuples(st.integers(1, 4), st.integers(0, 9_999)), min_size=2, max_size=2),
    st.integers(0, 500),
    st.lists(WANTED, max_size=8),
)
def test_whatever_is_given_back_the_order_is_settled_and_nobody_takes_it_again(
    lines: list[tuple[int, int]], shipping: int, story: list[Wanted]
) -> None:
    order = delivered(*lines, shipping=shipping)
    back = 0
    for wanted in story:
        try:
            amount = reckon(order, wanted, 0).amount
        except Refused:
            continue
        order = opened(order, wanted)
        back += amount
        assert order.settled
        assert order.kept == order.grand_total - back >= 0
        assert captures_due(order) == refunds_due(order) == []
        assert all(0 <= line.given_back <= line.shipped for line in order.lines)
        assert refundable(order).amount == order.kept
