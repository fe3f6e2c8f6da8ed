"""The moments of an order's life, and how it comes to each."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from domain.refunds import Wanted
from domain.return_rules import Decides
from domain.returns import Disposition
from domain.states import FulfillmentStatus, PaymentStatus, ReturnStage
from tests.workflows.life import Life
from tests.workflows.refunding import ended, give
from tests.workflows.sending_back import Sending, sent_back

PLENTY, TOO_FEW = 9, 1
Step = Callable[[Life], Awaitable[object]]


async def _at_the_bank(life: Life) -> None:
    await life.until(lambda o: o.tenders[0].action_required)


async def _declined(life: Life) -> None:
    await life.asks_for_help("payment_failed")


async def _open(life: Life) -> None:
    await life.until(lambda o: bool(o.fulfillment_orders))


async def _waiting(life: Life) -> None:
    await life.asks_for_help("waiting_for_stock")


async def _run_out(life: Life) -> None:
    await _open(life)
    await life.run_out()
    await life.asks_for_help("authorization_expired")


async def _held(life: Life) -> None:
    await _open(life)
    await life.hold()


async def _picking(life: Life) -> None:
    await _open(life)
    await life.pick(1)


async def _packed(life: Life) -> None:
    # Without an address that the carrier takes, there is no label.
    await _open(life)
    await life.shop.pool.execute(
        "UPDATE order_contacts SET shipping_address = shipping_address || $2 WHERE order_id = $1",
        life.order_id,
        {"country": "Nowhere"},
    )
    await life.pack()
    await life.asks_for_help("label_failed")


async def _labeled(life: Life) -> None:
    await _open(life)
    await life.pack()
    await life.until_types("label_purchased")


async def _part_sent(life: Life) -> None:
    await _open(life)
    [parcel] = await life.pack(quantity=1)
    await life.ship()
    await life.scan(parcel, "in_transit")
    await life.until(lambda o: o.captured > 0)


async def _sent(life: Life) -> str:
    await _open(life)
    parcel = await life.send()
    await life.scan(parcel, "in_transit")
    await life.until(lambda o: o.payment_status is PaymentStatus.PAID)
    return parcel


async def _at_the_door(life: Life) -> None:
    await life.scan(await _sent(life), "out_for_delivery")


async def _lost(life: Life) -> None:
    await life.scan(await _sent(life), "lost")
    await life.asks_for_help("parcel_lost")


async def _coming_back(life: Life) -> None:
    await life.scan(await _sent(life), "return_to_sender")
    await life.asks_for_help("parcel_returned")


async def _delivered(life: Life) -> None:
    await life.scan(await _sent(life), "delivered")
    await life.until(lambda o: o.fulfillment_status is FulfillmentStatus.DELIVERED)


async def _returning(life: Life, units: int = 1) -> Sending:
    await _delivered(life)
    sending = await sent_back(life.shop, life, Decides.APPROVE, "carrier", units)
    await sending.until(ReturnStage.APPROVED, label=True)
    return sending


async def _paid_for(life: Life) -> None:
    sending = await _returning(life)
    await ended(life, await give(life, Wanted({sending.line: 1}, goodwill=500)))
    await life.until(lambda o: o.payment_status is PaymentStatus.PARTIALLY_REFUNDED)


async def _came_in_part(life: Life) -> None:
    sending = await _returning(life, 2)
    await sending.receive(1)
    await sending.inspect(1, Disposition.RESTOCK)
    await sending.until(ReturnStage.PARTIALLY_RECEIVED)


async def _came_back(life: Life) -> None:
    sending = await _returning(life)
    await sending.receive(1)
    await sending.inspect(1, Disposition.RESTOCK)
    await sending.until(ReturnStage.CLOSED)
    await life.until(lambda o: o.payment_status is PaymentStatus.PARTIALLY_REFUNDED)


async def _closed(life: Life) -> None:
    await _delivered(life)
    await life.finished()


@dataclass(frozen=True)
class Moment:
    """A moment of an order's life, how it comes there, and what there is to act upon."""

    name: str
    reach: Step
    has: frozenset[str] = frozenset()
    token: str = "tok_visa"
    stock: int = PLENTY
    closes: bool = False

    def offers(self, needed: str) -> bool:
        """Whether there is what an action is about."""
        return not needed or needed in self.has


_WORK, _PARCEL = frozenset({"work"}), frozenset({"work", "parcel"})

# A part's moments are lived at once.
PARTS = {
    "unpaid or without goods": (
        Moment("the customer is at the bank", _at_the_bank, token="tok_3ds"),
        Moment("the bank said no", _declined, token="tok_declined"),
        Moment("one of two waits for stock", _waiting, stock=TOO_FEW),
        Moment("the authorization ran out", _run_out, _WORK),
    ),
    "to be picked": (
        Moment("paid, nothing is picked", _open, _WORK),
        Moment("on hold", _held, _WORK | {"hold"}),
        Moment("picking", _picking, _WORK),
    ),
    "in parcels": (
        Moment("packed, no label yet", _packed, _PARCEL),
        Moment("a label is bought", _labeled, _PARCEL),
        Moment("one of two has left", _part_sent, _PARCEL),
    ),
    "on the road": (
        Moment("with the carrier", _sent, _PARCEL),
        Moment("out for delivery", _at_the_door, _PARCEL),
        Moment("lost by the carrier", _lost, _PARCEL),
        Moment("on its way back", _coming_back, _PARCEL),
    ),
    "with the customer": (
        Moment("delivered", _delivered, _PARCEL),
        Moment("one of two is sent back", _returning, _PARCEL | {"return"}),
        Moment("one of two is sent back, and was paid for", _paid_for, _PARCEL | {"return"}),
        Moment("of two that are sent back one has come", _came_in_part, _PARCEL | {"return"}),
        Moment("one of two came back", _came_back, _PARCEL | {"return"}),
        Moment("closed", _closed, _PARCEL, closes=True),
    ),
}
