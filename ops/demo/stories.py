"""What happens to the demo's orders, and how each of them has to end."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ops.client import Json, ShopClient, attention, axes, closed, open_work
from ops.demo import shop

_HANDLING_SECONDS = 0.4
_GIFT_CARD = 10_000


@dataclass
class Scene:
    """One order on its way; `order` is what the API said of it last."""

    client: ShopClient
    story: "Story"
    order: Json
    events: list[Json] = field(default_factory=list)

    @property
    def id(self) -> str:
        """The order's id."""
        return str(self.order["id"])

    async def until(self, condition: Callable[[Json], bool], what: str) -> Json:
        """Wait until the order is so."""
        self.order = await self.client.wait(self.id, condition, what=what)
        return self.order

    async def prepare(self, work: Json) -> None:
        """Be the warehouse: begin, pick, pack."""
        await self.client.start(work["id"])
        await asyncio.sleep(_HANDLING_SECONDS)
        await self.client.pick(work)
        await asyncio.sleep(_HANDLING_SECONDS)
        await self.client.pack(work)

    async def fulfill(self, locations: int = 1) -> None:
        """Be the warehouses: prepare all that is open, and hand it to the carrier."""
        order = await self.until(lambda o: len(open_work(o)) >= locations, "ready for a warehouse")
        await self.send(open_work(order))

    async def send(self, work: Sequence[Json]) -> None:
        """Prepare some work, and hand it to the carrier."""
        await asyncio.gather(*(self.prepare(one) for one in work))
        await asyncio.sleep(_HANDLING_SECONDS)
        for one in work:
            await self.client.ship(one["id"])


Play = Callable[[Scene], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Ending:
    """How a story has to end; money in minor units, as the provider's ledger has it."""

    status: str
    payment_status: str
    fulfillment_status: str
    captured: int
    refunded: int
    payments: Mapping[str, int]
    """How many payments of each status the provider holds."""
    parcels: Mapping[str, int]
    """How many labels of each status the carrier holds."""
    mails: Mapping[str, int]
    """How many mails of each milestone the customer got."""


@dataclass(frozen=True, slots=True)
class Story:
    """One order: who buys what, what happens then, and how it ends."""

    name: str
    title: str
    customer: shop.Customer
    basket: Mapping[str, int]
    payments: Sequence[Json]
    play: Play
    ending: Ending


def _completed(
    total: int, *, parcels: int = 1, payments: Mapping[str, int] | None = None, **mails: int
) -> Ending:
    """Paid, delivered, and closed after the return window."""
    told = {"confirmed": 1, "shipped": parcels, "delivered": parcels, **mails}
    return Ending(
        "completed",
        "paid",
        "delivered",
        captured=total,
        refunded=0,
        payments=payments or {"captured": 1},
        parcels={"delivered": parcels},
        mails=told,
    )


def _refunded(total: int, *, parcels: Mapping[str, int] | None = None, **mails: int) -> Ending:
    """Canceled after the money was taken: all of it went back."""
    return Ending(
        "canceled",
        "refunded",
        "unfulfilled",
        captured=total,
        refunded=total,
        payments={"captured": 1},
        parcels=parcels or {},
        mails={"confirmed": 1, "canceled": 1, "refunded": 1, **mails},
    )


async def _ship_it(scene: Scene) -> None:
    await scene.fulfill()


async def _ship_from_two(scene: Scene) -> None:
    await scene.fulfill(locations=2)


async def _confirm_first(scene: Scene) -> None:
    await scene.until(lambda o: o["payments"][0]["client_action"] is not None, "sent to the bank")
    await scene.fulfill()


async def _pay_again(scene: Scene) -> None:
    await scene.until(attention("payment_failed"), "put before the customer")
    await asyncio.sleep(_HANDLING_SECONDS)
    await scene.client.pay(scene.id, shop.card("tok_visa"))
    await scene.fulfill()


async def _cancel_while_packing(scene: Scene) -> None:
    order = await scene.until(lambda o: bool(open_work(o)), "ready for a warehouse")
    await scene.prepare(open_work(order)[0])
    await scene.until(_labeled, "labeled")
    await scene.client.cancel(scene.id, "customer_request")


def _labeled(order: Json) -> bool:
    return any(parcel["status"] == "label_purchased" for parcel in order["shipments"])


async def _wait_for_goods(scene: Scene) -> None:
    await scene.until(attention("waiting_for_stock"), "waiting for stock")
    await asyncio.sleep(3 * _HANDLING_SECONDS)
    await scene.client.receive("WEST", {"SAMOVAR": 3}, "PO-SAMOVAR")
    await scene.fulfill()


async def _cancel_after_paying(scene: Scene) -> None:
    await scene.until(lambda o: o["payment_status"] == "paid", "paid")
    await asyncio.sleep(_HANDLING_SECONDS)
    await scene.client.cancel(scene.id, "customer_request")


async def _lose_it(scene: Scene) -> None:
    await scene.fulfill()
    await scene.until(attention("parcel_lost"), "known to be lost")
    await asyncio.sleep(2 * _HANDLING_SECONDS)
    await scene.client.cancel(scene.id, "parcel_lost")


async def _send_one_back(scene: Scene) -> None:
    await _take_back(scene, await _ask_for_return(scene))


async def _exchange_one(scene: Scene) -> None:
    """The larger shirt costs more, and leaves when the smaller one is here."""
    asked = await _ask_for_return(scene)
    line = shop.line("TSHIRT-L", 1)
    exchange = {"add_lines": [line], "payment": shop.card("tok_visa")}
    made = await scene.client.exchange(asked["id"], exchange)
    await _take_back(scene, asked)
    new = await scene.client.wait(made["new_order_id"], _may_leave, what="let go")
    await scene.send(open_work(new))
    await scene.client.wait(new["id"], _paid_and_closed, what="paid by what came back")


def _may_leave(order: Json) -> bool:
    return not order["holds"] and bool(open_work(order))


def _paid_and_closed(order: Json) -> bool:
    return closed(order) and order["payment_status"] == "paid"


async def _ask_for_return(scene: Scene) -> Json:
    """The customer has two, and wants to send one of them back."""
    await scene.fulfill()
    order = await scene.until(lambda o: o["fulfillment_status"] == "delivered", "delivered")
    units = {order["lines"][0]["id"]: 1}
    asked = await scene.client.ask_return(scene.id, units, "does_not_fit")
    await scene.until(_may_be_sent, "labeled for the way back")
    return asked


async def _take_back(scene: Scene, asked: Json) -> None:
    """It comes back, and can be sold again."""
    ret = scene.order["returns"][0]
    for status in ("in_transit", "delivered"):
        await asyncio.sleep(_HANDLING_SECONDS)
        await scene.client.advance(ret["tracking_number"], status)
    units = {line["line_id"]: line["quantity"] for line in asked["lines"]}
    await scene.client.receive_return(asked["id"], units)
    await asyncio.sleep(_HANDLING_SECONDS)
    await scene.client.inspect_return(asked["id"], units, "restock")
    await scene.until(lambda o: o["payment_status"] == "partially_refunded", "paid back")


def _may_be_sent(order: Json) -> bool:
    return any(one["tracking_number"] for one in order["returns"])


_ONE = {"TSHIRT-M": 2}
_TWO = {"LAMP": 1, "KILIM": 1}
_MUGS = {"MUG": 4}

STORIES = (
    Story(
        "card",
        "Paid by card, delivered",
        shop.TURKISH,
        _ONE,
        [shop.card("tok_visa")],
        _ship_it,
        _completed(shop.total(_ONE)),
    ),
    Story(
        "split",
        "Split: two warehouses, two parcels",
        shop.ENGLISH,
        _TWO,
        [shop.card("tok_visa")],
        _ship_from_two,
        _completed(shop.total(_TWO), parcels=2),
    ),
    Story(
        "gift card",
        "Gift card and card together",
        shop.TURKISH,
        _MUGS,
        [
            {
                "method": "voucher",
                "provider": "sandbox",
                "token": "tok_visa",
                "amount": {"amount": _GIFT_CARD, "currency": shop.CURRENCY},
            },
            shop.card("tok_visa")
            | {
                "amount": {
                    "amount": shop.total(_MUGS) - _GIFT_CARD,
                    "currency": shop.CURRENCY,
                }
            },
        ],
        _ship_it,
        _completed(shop.total(_MUGS), payments={"captured": 2}),
    ),
    Story(
        "3-D Secure",
        "The customer confirms at the bank first",
        shop.ENGLISH,
        _ONE,
        [shop.card("tok_3ds")],
        _confirm_first,
        _completed(shop.total(_ONE)),
    ),
    Story(
        "declined",
        "Card declined, a second card works",
        shop.TURKISH,
        _MUGS,
        [shop.card("tok_declined")],
        _pay_again,
        _completed(shop.total(_MUGS), payments={"failed": 1, "captured": 1}, payment_problem=1),
    ),
    Story(
        "canceled",
        "Canceled while it is packed",
        shop.ENGLISH,
        _ONE,
        [shop.card("tok_visa")],
        _cancel_while_packing,
        Ending(
            "canceled",
            "voided",
            "unfulfilled",
            captured=0,
            refunded=0,
            payments={"voided": 1},
            parcels={"voided": 1},
            mails={"confirmed": 1, "canceled": 1},
        ),
    ),
    Story(
        "backorder",
        "Waits for goods, which arrive",
        shop.TURKISH,
        {"SAMOVAR": 2},
        [shop.card("tok_visa")],
        _wait_for_goods,
        _completed(shop.total({"SAMOVAR": 2}), out_of_stock=1),
    ),
    Story(
        "refund",
        "Paid at once, canceled, refunded",
        shop.ENGLISH,
        _MUGS,
        [shop.card("tok_visa", capture="immediate")],
        _cancel_after_paying,
        _refunded(shop.total(_MUGS)),
    ),
    Story(
        "lost",
        "The carrier loses it; support refunds",
        shop.UNLUCKY,
        _ONE,
        [shop.card("tok_visa")],
        _lose_it,
        _refunded(shop.total(_ONE), parcels={"lost": 1}, shipped=1),
    ),
    Story(
        "return",
        "One of two is sent back, paid back",
        shop.ENGLISH,
        _ONE,
        [shop.card("tok_visa")],
        _send_one_back,
        Ending(
            "completed",
            "partially_refunded",
            "delivered",
            captured=shop.total(_ONE),
            refunded=shop.ITEMS["TSHIRT-M"].price,
            payments={"captured": 1},
            parcels={"delivered": 2},
            mails={
                "confirmed": 1,
                "shipped": 1,
                "delivered": 1,
                "return_approved": 1,
                "return_received": 1,
                "refunded": 1,
            },
        ),
    ),
    Story(
        "exchange",
        "One of two swapped for a larger one",
        shop.TURKISH,
        _ONE,
        [shop.card("tok_visa")],
        _exchange_one,
        Ending(
            "completed",
            "partially_refunded",
            "delivered",
            captured=shop.total(_ONE),
            refunded=0,
            payments={"captured": 1},
            parcels={"delivered": 2},
            mails={
                "confirmed": 1,
                "shipped": 1,
                "delivered": 1,
                "return_approved": 1,
                "return_received": 1,
            },
        ),
    ),
)


async def live(scene: Scene) -> None:
    """Play the order's story to its end."""
    await scene.story.play(scene)
    await scene.until(closed, f"closed (it is {axes(scene.order)})")
