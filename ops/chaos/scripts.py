"""What happens to orders in a chaos run, and how each has to end whatever is killed meanwhile."""

import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from ops.chaos.life import Life
from ops.chaos.shop import NOWHERE, Basket, card, money, price
from ops.client import Json, attention

_VOUCHER = 1_000


@dataclass(frozen=True, slots=True)
class Ending:
    """How an order has to end. Money in minor units, as the provider's ledger has it."""

    status: str
    payment: frozenset[str]
    goods: str
    captured: int = 0
    refunded: int = 0
    mails: Mapping[str, int] = field(default_factory=dict)
    maybe: frozenset[str] = frozenset()
    """Milestones that may be told once or not at all: it depends on who was faster."""
    attention: frozenset[str] = frozenset()
    authorizations: int | None = 1
    """Payments that the provider has; None when the bank's clock decides."""


@dataclass(frozen=True, slots=True)
class Script:
    """One kind of order: what is bought, what happens, how it ends."""

    name: str
    basket: Callable[[random.Random], Basket]
    act: Callable[[Life], Awaitable[object]]
    ending: Callable[[Basket], Ending]
    early: bool = False
    """Placed in the first part of the run, since it takes its time to end."""


def _delivered(
    *,
    parcels: int = 1,
    payments: int | None = 1,
    less: int = 0,
    maybe: frozenset[str] = frozenset(),
    **mails: int,
) -> Callable[[Basket], Ending]:
    """Build the ending of an order that was paid, delivered and completed."""
    told = {"confirmed": 1, "shipped": parcels, "delivered": parcels, **mails}
    return lambda basket: Ending(
        "completed",
        frozenset({"paid"}),
        "delivered",
        captured=basket.total - less,
        mails=told,
        maybe=maybe,
        authorizations=payments,
    )


def _undone(
    *payment: str, status: str = "canceled", maybe: frozenset[str] = frozenset(), **mails: int
) -> Callable[[Basket], Ending]:
    """Build the ending of an order that was canceled before money was taken."""
    return lambda _: Ending(
        status, frozenset(payment), "unfulfilled", mails={"canceled": 1, **mails}, maybe=maybe
    )


def _refunded(*, maybe: frozenset[str] = frozenset(), **mails: int) -> Callable[[Basket], Ending]:
    """Build the ending of an order whose money was taken and given back."""
    return lambda basket: Ending(
        "canceled",
        frozenset({"refunded"}),
        "unfulfilled",
        captured=basket.total,
        refunded=basket.total,
        mails={"confirmed": 1, "canceled": 1, "refunded": 1, **mails},
        maybe=maybe,
    )


def _pens(
    *payments: Json, units: int | None = None, postal_code: str = "34720"
) -> Callable[[random.Random], Basket]:
    return lambda rng: Basket({"PEN": units or rng.randint(1, 3)}, payments, postal_code)


def _two_tenders(rng: random.Random) -> Basket:
    units = {"PEN": rng.randint(1, 3)}
    rest = Basket(units, ()).total - _VOUCHER
    voucher = card("tok_visa") | {"method": "voucher", "amount": money(_VOUCHER)}
    return Basket(units, (voucher, card("tok_timeout") | {"amount": money(rest)}))


async def _fulfill(life: Life) -> None:
    await life.fulfill()
    await life.end()


async def _fulfill_in_two_parcels(life: Life) -> None:
    await life.fulfill(parcels=2)
    await life.end()


async def _fulfill_from_two(life: Life) -> None:
    await life.fulfill(locations=2)
    await life.end()


async def _pay_again(life: Life) -> None:
    await life.until(attention("payment_failed"), "known as unpaid")
    await life.client.pay(life.id, card("tok_visa"))
    await _fulfill(life)


async def _give_up(life: Life) -> None:
    await life.until(attention("payment_failed"), "known as unpaid")
    await life.cancel()
    await life.end()


async def _cancel_at_once(life: Life) -> None:
    await life.cancel()
    await life.end()


async def _cancel_confirmed(life: Life) -> None:
    await life.ready()
    await life.cancel()
    await life.end()


async def _cancel_packed(life: Life) -> None:
    await life.pack((await life.ready())[0])
    await life.labeled()
    await life.cancel()
    await life.end()


async def _cancel_a_unit(life: Life) -> None:
    order = await life.until(lambda o: o["status"] == "confirmed", "confirmed")
    await life.client.cancel(life.id, "customer_request", {order["lines"][0]["id"]: 1})
    await _fulfill(life)


async def _cancel_paid(life: Life) -> None:
    await life.until(lambda o: o["payment_status"] == "paid", "paid")
    await life.cancel()
    await life.end()


async def _hold_and_release(life: Life) -> None:
    await life.ready()
    hold = await life.client.hold(life.id, "incorrect_address")
    await life.client.release(life.id, hold["id"])
    await _fulfill(life)


async def _wait_for_goods(life: Life) -> None:
    await life.until(attention("waiting_for_stock"), "known to wait for stock")
    (sku, units), *_ = life.basket.units.items()
    await life.client.put_item(sku, {"name": "Late", "weight_g": 100})
    await life.client.receive("EAST", {sku: units}, f"PO-{life.reference}")
    await _fulfill(life)


def _late(rng: random.Random) -> Basket:
    return Basket({f"LATE-{rng.randrange(10**9)}": rng.randint(1, 4)}, (card("tok_visa"),))


def _impossible(_: random.Random) -> Basket:
    return Basket({NOWHERE: 1}, (card("tok_visa"),), out_of_stock="cancel")


def _trouble(code: str) -> Callable[[Life], Awaitable[None]]:
    async def act(life: Life) -> None:
        await life.fulfill()
        await life.until(attention(code), f"put before support as {code}")
        await life.cancel(code)
        await life.end()

    return act


async def _bring_news(life: Life) -> None:
    await life.fulfill()
    order = await life.until(lambda o: o["fulfillment_status"] == "fulfilled", "handed over")
    number = order["shipments"][0]["tracking_number"]
    for status in ("in_transit", "out_for_delivery", "delivered"):
        await life.client.advance(number, status)
    await life.end()


async def _deliver_unpaid(life: Life) -> None:
    await life.fulfill()
    await life.until(
        lambda o: o["fulfillment_status"] == "delivered" and attention("capture_failed")(o),
        "delivered, and its refused capture put before support",
    )


def _unpaid(_: Basket) -> Ending:
    return Ending(
        "confirmed",
        frozenset({"authorized"}),
        "delivered",
        mails={"confirmed": 1, "shipped": 1, "delivered": 1},
        attention=frozenset({"capture_failed"}),
    )


async def _expire(life: Life) -> None:
    await life.end()


_VISA = card("tok_visa")
_RACED = frozenset({"confirmed"})
# A scan that comes after a later one is old news, of which nobody is told.
_LATE = frozenset({"delivery_delayed"})
_NOBODY_HOME = frozenset({"delivery_attempted"})

SCRIPTS = (
    Script("card", _pens(_VISA), _fulfill, _delivered()),
    Script("answer lost", _pens(card("tok_timeout")), _fulfill, _delivered()),
    Script("provider stumbles", _pens(card("tok_flaky")), _fulfill, _delivered()),
    Script("3-D Secure", _pens(card("tok_3ds")), _fulfill, _delivered()),
    Script("paid at once", _pens(card("tok_visa", capture="immediate")), _fulfill, _delivered()),
    Script(
        "bank transfer",
        _pens({"method": "bank_transfer", "provider": "sandbox"}),
        _fulfill,
        _delivered(),
    ),
    Script(
        "cash on delivery",
        _pens({"method": "cash_on_delivery", "provider": "sandbox"}),
        _fulfill,
        _delivered(),
    ),
    Script("two tenders", _two_tenders, _fulfill, _delivered(payments=2)),
    Script(
        "second card",
        _pens(card("tok_declined")),
        _pay_again,
        _delivered(payments=2, payment_problem=1),
    ),
    Script(
        "nobody pays",
        _pens(card("tok_insufficient_funds")),
        _expire,
        _undone("failed", status="expired", payment_problem=1),
        early=True,
    ),
    Script(
        "given up",
        _pens(card("tok_declined")),
        _give_up,
        _undone("failed", payment_problem=1),
    ),
    Script("two parcels", _pens(_VISA, units=4), _fulfill_in_two_parcels, _delivered(parcels=2)),
    Script(
        "two warehouses",
        lambda _: Basket({"BOOK": 1, "VASE": 1}, (_VISA,)),
        _fulfill_from_two,
        _delivered(parcels=2),
    ),
    Script(
        "canceled at once",
        _pens(_VISA),
        _cancel_at_once,
        lambda basket: Ending(
            "canceled",
            frozenset({"voided", "failed"}),
            "unfulfilled",
            mails={"canceled": 1},
            maybe=_RACED if basket.total else frozenset(),
            authorizations=None,
        ),
    ),
    Script("canceled", _pens(_VISA), _cancel_confirmed, _undone("voided", confirmed=1)),
    Script("canceled when packed", _pens(_VISA), _cancel_packed, _undone("voided", confirmed=1)),
    Script("a unit canceled", _pens(_VISA, units=3), _cancel_a_unit, _delivered(less=price("PEN"))),
    Script(
        "refund stumbles",
        _pens(card("tok_refund_fails_once", capture="immediate")),
        _cancel_paid,
        _refunded(),
    ),
    Script("held", _pens(_VISA), _hold_and_release, _delivered()),
    Script("goods come later", _late, _wait_for_goods, _delivered(out_of_stock=1)),
    Script("no goods", _impossible, _expire, _undone("voided")),
    Script("delayed", _pens(_VISA, postal_code="34725"), _fulfill, _delivered(maybe=_LATE)),
    Script(
        "nobody home",
        _pens(_VISA, postal_code="34726"),
        _fulfill,
        _delivered(maybe=_NOBODY_HOME),
    ),
    Script(
        "came back",
        _pens(_VISA, postal_code="34727"),
        _trouble("parcel_returned"),
        _refunded(shipped=1, maybe=_NOBODY_HOME),
    ),
    Script(
        "lost", _pens(_VISA, postal_code="34728"), _trouble("parcel_lost"), _refunded(shipped=1)
    ),
    Script("silent carrier", _pens(_VISA, postal_code="34729"), _bring_news, _delivered()),
    Script(
        "authorization runs out",
        _pens(card("tok_expires")),
        _fulfill,
        _delivered(payments=None),
    ),
    Script("capture refused", _pens(card("tok_capture_fails")), _deliver_unpaid, _unpaid),
)


def deal(rng: random.Random, orders: int) -> list[Script]:
    """Deal so many scripts: each once before any comes again; the slow ones come first."""
    dealt: list[Script] = []
    while len(dealt) < orders:
        deck = list(SCRIPTS)
        rng.shuffle(deck)
        dealt += deck
    dealt = dealt[:orders]
    dealt.sort(key=lambda script: not script.early)
    return dealt
