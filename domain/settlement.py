"""Which tender pays what: pure plans over an order's tenders, in integers that add up."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from domain.order import Order, Tender
from domain.ports import EXCHANGE
from domain.states import PaymentStatus


@dataclass(frozen=True, slots=True)
class Settlement:
    """An amount to be captured from, or refunded to, one tender."""

    payment_id: str
    amount: int


def captures_due(order: Order) -> list[Settlement]:
    """What may be captured now and is not: shipped units' share, tenders in their order.

    Cash on delivery comes when everything is delivered.
    """
    need = order.due - order.kept
    plan = []
    for tender in order.tenders:
        take = min(need, tender.capturable) if _collectable(order, tender) else 0
        if take > 0:
            plan.append(Settlement(tender.id, take))
            need -= take
    return plan


def _collectable(order: Order, tender: Tender) -> bool:
    if tender.method == "cash_on_delivery":
        return order.delivered_units >= order.live_units
    return True


def refunds_due(order: Order) -> list[Settlement]:
    """What was taken beyond what is owed, given back to the newest tenders first."""
    return _newest_first(order, max(0, order.kept - order.payable), {})


def give_back(order: Order, amount: int) -> list[Settlement]:
    """Which tender gives back how much of `amount`: the newest first.

    What `refunds_due` takes from a tender is not there: the provider may be asked for it already.
    """
    spoken_for = {part.payment_id: part.amount for part in refunds_due(order)}
    return _newest_first(order, amount, spoken_for)


def _newest_first(order: Order, amount: int, spoken_for: Mapping[str, int]) -> list[Settlement]:
    plan = []
    for tender in reversed(order.tenders):
        back = min(amount, tender.refundable - spoken_for.get(tender.id, 0))
        if back > 0:
            plan.append(Settlement(tender.id, back))
            amount -= back
    return plan


def fee_within(order: Order, fee: int) -> int:
    """What can be kept as a fee for canceling: never more than what was taken or reserved."""
    return max(0, min(fee, order.secured, sum(_within_reach(tender) for tender in order.tenders)))


def fee_parts(order: Order, lost: Collection[str] = ()) -> dict[str, int]:
    """Which tender keeps how much of the fee, in their order; `lost` ones bring nothing."""
    left, parts = order.cancel_fee, {}
    for tender in order.tenders:
        keep = 0 if tender.id in lost else min(left, _within_reach(tender))
        if keep > 0:
            parts[tender.id] = keep
            left -= keep
    return parts


def _within_reach(tender: Tender) -> int:
    """Cash comes with the goods, and an exchange's money is for what it was given."""
    if tender.method == "cash_on_delivery" or tender.provider == EXCHANGE:
        return 0
    return tender.refundable + tender.capturable


def uncovered(order: Order) -> int:
    """What is owed and neither taken nor reserved: the amount a further tender has to have.

    Tenders that wait for the customer do not count: the further one may be tried instead of them.
    """
    return max(0, order.payable - order.secured)


def outstanding(order: Order) -> int:
    """What the customer should have paid by now and has not: refused, or never reserved.

    Cash comes with the goods: until it is there, it is what nobody has reserved.
    """
    if any(t.method == "cash_on_delivery" and t.capturable for t in order.tenders):
        return uncovered(order)
    return max(0, order.due - order.kept)


def money_came_late(tender: Tender, *, captured: bool) -> bool:
    """Whether a success that a provider tells of is money nobody expects any more.

    An authorization that was voided is gone at the provider, too: late news of it are old news.
    """
    return not tender.alive and (captured or tender.status is not PaymentStatus.VOIDED)
