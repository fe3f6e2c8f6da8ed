"""Every action at every moment of an order: how a cell is lived, and how it is read afterwards.

The expected rows stand in docs/matrix.md, where people read them as the policy that they are.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from domain.order import Order
from domain.states import FulfillmentStatus, OrderStatus, PaymentStatus
from tests.workflows.life import Life
from tests.workflows.shop import Shop

PAGE = Path(__file__).parents[2] / "docs" / "matrix.md"
PRICE, SHIPPING, ON_HAND = 60_000, 5_000, 9
COLUMNS = (
    "who",
    "asks for",
    "answer",
    "order",
    "payment",
    "goods",
    "return",
    "bank: taken, given back",
    "stock: here, promised, set aside",
    "mails",
    "timeline",
)
Step = Callable[[Life], Awaitable[object]]


# -- moments -------------------------------------------------------------------------------------


async def _unpaid(life: Life) -> None:
    await life.until(lambda o: o.tenders[0].action_required)


async def _open(life: Life) -> None:
    await life.until(lambda o: bool(o.fulfillment_orders))


async def _held(life: Life) -> None:
    await _open(life)
    await life.hold()


async def _picking(life: Life) -> None:
    await _open(life)
    await life.pick(1)


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


async def _delivered(life: Life) -> None:
    await life.scan(await _sent(life), "delivered")
    await life.until(lambda o: o.fulfillment_status is FulfillmentStatus.DELIVERED)


async def _closed(life: Life) -> None:
    await _delivered(life)
    await life.finished()


@dataclass(frozen=True)
class Moment:
    """A moment of an order's life, and how it comes there."""

    name: str
    reach: Step
    token: str = "tok_visa"
    closes: bool = False
    # Where workers die, too: each takes as long as the rest of the page.
    deadly: bool = False


MOMENTS = (
    Moment("the customer is at the bank", _unpaid, token="tok_3ds"),
    Moment("paid, nothing is picked", _open, deadly=True),
    Moment("on hold", _held),
    Moment("picking", _picking),
    Moment("packed and labeled", _labeled, deadly=True),
    Moment("one of two has left", _part_sent, deadly=True),
    Moment("with the carrier", _sent),
    Moment("out for delivery", _at_the_door),
    Moment("lost by the carrier", _lost),
    Moment("delivered", _delivered, deadly=True),
    Moment("closed", _closed, closes=True),
)


# -- actions -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Action:
    """Something asked for: by whom, where, and with which body of the order as it is."""

    who: str
    name: str
    path: str
    body: Callable[[Order], Mapping[str, Any]] | None = None


def _one(order: Order) -> list[dict[str, Any]]:
    return [{"line_id": order.lines[0].id, "quantity": 1}]


def _edit(order: Order) -> dict[str, Any]:
    return {"version": order.version, "commit": True, "changes": {"lines": _one(order)}}


def _move(order: Order) -> dict[str, Any]:
    address = {
        "name": "Ayşe Yılmaz",
        "line1": "Kordon 2",
        "city": "İzmir",
        "postal_code": "35210",
        "country": "TR",
    }
    return {"version": order.version, "commit": True, "changes": {"shipping_address": address}}


def _back(order: Order) -> dict[str, Any]:
    return {"lines": [part | {"reason": "does_not_fit"} for part in _one(order)]}


_GOODWILL = {"reason": "goodwill", "goodwill": {"amount": 1_000, "currency": "TRY"}}

ACTIONS = (
    Action("support", "cancel", "/v1/orders/{id}/cancel", lambda _: {"reason": "customer"}),
    Action("customer", "cancel", "/track/{token}/cancel"),
    Action(
        "support",
        "cancel one of two",
        "/v1/orders/{id}/cancel",
        lambda o: {"reason": "customer", "lines": _one(o)},
    ),
    Action("support", "hold", "/v1/orders/{id}/holds", lambda _: {"reason": "other"}),
    Action("support", "edit: one of two", "/v1/orders/{id}/edits", _edit),
    Action("support", "edit: another address", "/v1/orders/{id}/edits", _move),
    Action("support", "another payment", "/v1/orders/{id}/payments",
           lambda _: {"method": "card", "token": "tok_visa"}),
    Action("support", "refund as goodwill", "/v1/orders/{id}/refunds", lambda _: _GOODWILL),
    Action("support", "replace one", "/v1/orders/{id}/replacements",
           lambda o: {"reason": "damaged", "lines": _one(o)}),
    Action("customer", "return one", "/track/{token}/returns", _back),
    Action("support", "retry", "/v1/orders/{id}/retry", lambda _: {}),
    Action("support", "waive what is missing", "/v1/orders/{id}/waive",
           lambda _: {"reason": "our_mistake"}),
)  # fmt: skip


# -- a cell --------------------------------------------------------------------------------------


@dataclass
class Cell:
    """One action on an order of its own, with an item of its own, at a moment."""

    moment: Moment
    action: Action
    life: Life
    sku: str
    last_event: int = 0
    told: frozenset[str] = frozenset()
    answer: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """Which one it is."""
        return self.moment.name, self.action.who, self.action.name

    @property
    def _pool(self) -> Any:
        return self.life.shop.pool

    async def act(self, api: httpx2.AsyncClient) -> None:
        """Ask for it, once more when the engine could not answer."""
        order = await self.life.order()
        query = "SELECT coalesce(max(id), 0) FROM events WHERE order_id = $1"
        self.last_event = await self._pool.fetchval(query, order.id)
        token = await self._pool.fetchval("SELECT public_token FROM orders WHERE id = $1", order.id)
        rows = await self._pool.fetch("SELECT id FROM notifications WHERE order_id = $1", order.id)
        self.told = frozenset(row["id"] for row in rows)
        path = self.action.path.format(id=order.id, token=token)
        body = self.action.body(order) if self.action.body else None
        headers = {"Idempotency-Key": f"{order.id}-matrix"}
        for _ in range(5):
            answer = await api.post(path, json=body, headers=headers)
            if answer.status_code != 503:
                break
        self.answer = str(answer.status_code)
        if answer.status_code >= 400 and answer.headers["content-type"].startswith("application"):
            self.answer += f" `{answer.json()['code']}`"

    async def row(self) -> tuple[str, ...]:
        """Who asked for what, and all that came of it."""
        axes = await self.life.axes()
        return (
            self.action.who,
            self.action.name,
            self.answer,
            *axes,
            await self._bank(),
            await self._stock(),
            await self._mails(),
            await self._timeline(),
        )

    async def _bank(self) -> str:
        payments = sorted(await self.life.at_provider())
        return ", ".join(f"{status} {taken} {back}" for status, taken, back in payments)

    async def _stock(self) -> str:
        row = await self._pool.fetchrow(
            "SELECT on_hand, allocated, quarantined FROM stock_levels WHERE sku = $1", self.sku
        )
        return f"{row['on_hand']} {row['allocated']} {row['quarantined']}"

    async def _mails(self) -> str:
        rows = await self._pool.fetch(
            "SELECT id, milestone, status FROM notifications WHERE order_id = $1",
            self.life.order_id,
        )
        new = sorted(r["milestone"] for r in rows if r["id"] not in self.told)
        return " ".join(new)

    async def _timeline(self) -> str:
        rows = await self._pool.fetch(
            "SELECT DISTINCT type FROM events WHERE order_id = $1 AND id > $2",
            self.life.order_id,
            self.last_event,
        )
        return " ".join(sorted(row["type"] for row in rows if row["type"] not in _NOISE))


# Said of each mail, and by the clock.
_NOISE = frozenset({"notification_sent"})


async def cells(shop: Shop, moment: Moment, number: int) -> list[Cell]:
    """An order for each action; none has begun to move."""
    found = []
    for n, action in enumerate(ACTIONS):
        sku = f"M-{number}-{n}"
        await shop.stock(sku, ON_HAND)
        lines = [(sku, 2, PRICE)]
        life = await shop.place(lines, token=moment.token, shipping=SHIPPING, ship="in_parts")
        found.append(Cell(moment, action, life, sku))
    return found


def closed(order: Order) -> bool:
    """Whether its life is over."""
    return order.status not in (OrderStatus.PENDING, OrderStatus.CONFIRMED)


# -- the page ------------------------------------------------------------------------------------

_HEAD = """\
# Every action at every moment

<!-- Written by `WRITE_MATRIX=1 pytest tests/workflows/test_matrix.py`, which compares it. -->

What happens when support, or the customer by the link of their order, asks for something at each
moment of an order's life, by the policies as they come. Each row is lived through the API on a real
stack; some moments also with workers that die in the middle, and the rows hold for both. The order
has two units at 300.00 with 50.00 for the delivery; nine units were here. What is refused stands in
the timeline, and changes nothing else. What other keys may ask is in [the API](api.md).
"""


def written(rows: Mapping[str, list[tuple[str, ...]]]) -> str:
    """The page of these rows."""
    parts = [_HEAD]
    for moment, found in rows.items():
        parts += [f"## {moment[0].upper()}{moment[1:]}", ""]
        parts += [f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
        parts += [f"| {' | '.join(row)} |" for row in found]
        parts += [""]
    return "\n".join(parts)


def expected() -> dict[tuple[str, str, str], tuple[str, ...]]:
    """The rows of the page, by moment, who and what."""
    found, moment = {}, ""
    for line in PAGE.read_text("utf-8").splitlines():
        if heading := re.fullmatch(r"## (.*)", line):
            moment = heading[1]
        elif line.startswith(("| support", "| customer")):
            row = tuple(cell.strip() for cell in line.strip("|").split("|"))
            found[moment, row[0], row[1]] = row
    return found
