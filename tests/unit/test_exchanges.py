"""What an exchange is worth, when it may leave, and what its order costs. Pure."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.edits import Delivery, NewUnits, Priced
from domain.errors import Refused
from domain.exchanges import (
    Exchange,
    Send,
    another,
    can_exchange,
    same_again,
    sums_of,
)
from domain.return_rules import Decides
from domain.returns import Return
from domain.states import ExchangeStatus, ReturnStage

OPEN = {
    ReturnStage.APPROVED,
    ReturnStage.IN_TRANSIT,
    ReturnStage.PARTIALLY_RECEIVED,
    ReturnStage.RECEIVED,
}
PROMISED = Exchange(
    "exc_1", "ord_1", "ret_1", "ord_2", Send.ON_RECEIPT, ExchangeStatus.PROMISED, "TRY", 90, 90, 0
)


@pytest.mark.parametrize("stage", ReturnStage)
def test_a_return_is_exchanged_between_the_yes_and_the_bench(stage: ReturnStage) -> None:
    ret = Return("ret_1", "ord_1", "R-1", stage, Decides.APPROVE, "carrier", "shop", 0, "", "")
    if stage in OPEN:
        can_exchange(ret)
        return
    with pytest.raises(Refused) as refused:
        can_exchange(ret)
    waits = stage in {ReturnStage.REQUESTED, ReturnStage.INSPECTED}
    assert refused.value.code == ("return_not_open" if waits else "return_closed")


@pytest.mark.parametrize(
    ("send", "status", "stage", "leaves"),
    [
        (Send.ON_RECEIPT, "promised", ReturnStage.RECEIVED, False),
        (Send.ON_RECEIPT, "granted", ReturnStage.CLOSED, True),
        (Send.ON_HANDOVER, "promised", ReturnStage.APPROVED, False),
        (Send.ON_HANDOVER, "promised", ReturnStage.IN_TRANSIT, True),
        (Send.ON_HANDOVER, "promised", ReturnStage.RECEIVED, True),
        (Send.ON_HANDOVER, "failed", ReturnStage.CLOSED, False),
        (Send.ON_HANDOVER, "withdrawn", ReturnStage.IN_TRANSIT, False),
        (Send.AT_ONCE, "granted", None, True),
    ],
)
def test_it_leaves_with_the_goods_or_after_them(
    send: Send, status: str, stage: ReturnStage | None, *, leaves: bool
) -> None:
    exchange = replace(PROMISED, send=send, status=ExchangeStatus(status))
    assert exchange.may_leave(stage) == leaves


def test_what_is_missing_is_known_when_the_goods_are() -> None:
    assert PROMISED.unpaid == 0
    assert replace(PROMISED, status=ExchangeStatus.GRANTED, granted=60).unpaid == 30
    assert replace(PROMISED, status=ExchangeStatus.FAILED).unpaid == 90


@given(
    quantity=st.integers(1, 9),
    unit_price=st.integers(0, 10_000),
    rate=st.sampled_from([0, 100, 1_000, 2_000]),
    off=st.integers(0, 10_000),
    included=st.booleans(),
)
def test_the_same_again_costs_what_was_paid_to_the_last_unit(
    *, quantity: int, unit_price: int, rate: int, off: int, included: bool
) -> None:
    new = NewUnits("A", "A", quantity, unit_price, rate)
    bought = another(new, prices_include_tax=included)
    worth = max(0, bought.total - off)
    line = Priced("lin_1", "A", "A", unit_price, rate)
    again = same_again(line, quantity, worth, prices_include_tax=included)
    assert again.total == worth
    assert 0 <= again.discount <= quantity * unit_price
    assert again.tax >= 0
    sums = sums_of([again], Delivery("", 0), prices_include_tax=included)
    assert sums.grand_total == worth
    assert sums.subtotal - sums.discount + (0 if included else sums.tax) == worth


def test_other_goods_and_a_delivery_add_up() -> None:
    goods = [
        another(NewUnits("A", "A", 2, 5_000, 2_000), prices_include_tax=False),
        another(NewUnits("B", "B", 1, 1_000, 0), prices_include_tax=False),
    ]
    sums = sums_of(goods, Delivery("express", 2_000, 2_000), prices_include_tax=False)
    assert (sums.subtotal, sums.shipping, sums.tax) == (11_000, 2_000, 2_400)
    assert sums.grand_total == 15_400
    assert sums.shipping_tax == 400
