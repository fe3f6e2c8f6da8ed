"""What anybody may do with an order at any moment, as steps of a made-up life.

A step is what a person, a warehouse or a carrier would do with the order as it is then; what is
refused is an answer too.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import httpx2
from temporalio.client import WorkflowUpdateFailedError
from temporalio.service import RPCError, RPCStatusCode

from domain.errors import Refused
from domain.order import FulfillmentOrder, Order, Shipment
from domain.states import ReturnStatus, ShipmentStatus
from tests.workflows import witness
from tests.workflows.life import Life, eventually
from tests.workflows.matrix.actions import ACTIONS, Action, names
from tests.workflows.shop import Shop

STOCK = 20
SCANS = (
    "in_transit",
    "out_for_delivery",
    "attempted_delivery",
    "delayed",
    "lost",
    "return_to_sender",
    "delivered",
)
TOKENS = ("tok_visa", "tok_visa", "tok_flaky", "tok_3ds", "tok_declined", "tok_refund_fails_once")
_TOLD = {400, 404, 409, 422, 503}

# DESIGN.md: what holds at every moment, whatever is under way.
BROKEN = {
    "more given back than taken": "SELECT id FROM payments WHERE refunded + refunding > captured",
    "more taken than promised": "SELECT id FROM payments WHERE captured > authorized",
    "more sold than there is": "SELECT sku FROM stock_levels"
    " WHERE on_hand - allocated - held - safety - damaged < 0",
    "a line that does not add up": "SELECT id FROM order_lines"
    " WHERE quantity <> open + allocated + backordered + shipped + canceled",
    "more came back than left": "SELECT id FROM order_lines WHERE returned > shipped",
    "more units paid back than were had": "SELECT id FROM order_lines"
    " WHERE refunded > shipped + canceled OR given_back > shipped",
    "a line paid back beyond its share": "SELECT l.id FROM order_lines l"
    " JOIN refund_lines r ON r.line_id = l.id GROUP BY l.id HAVING sum(r.amount) > l.total",
    "returns paid for more than came back": "SELECT l.id FROM order_lines l"
    " JOIN refund_lines r ON r.line_id = l.id JOIN refunds f ON f.id = r.refund_id"
    " WHERE f.cause LIKE 'return:%' GROUP BY l.id HAVING sum(r.quantity) > l.returned",
    "given back beside units, and told otherwise": "SELECT o.id FROM orders o"
    " WHERE o.given_back <> (SELECT coalesce(sum(shipping + goodwill - fee - already_given), 0)"
    " FROM refunds r WHERE r.order_id = o.id)"
    " + (SELECT coalesce(sum((e.data ->> 'amount')::bigint), 0) FROM events e"
    " WHERE e.order_id = o.id AND e.type = 'rest_waived')",
    "more taken than it costs": "SELECT o.id FROM orders o JOIN payments p ON p.order_id = o.id"
    " GROUP BY o.id HAVING sum(p.captured - p.refunded) > o.grand_total",
}


@dataclass
class Story:
    """Some orders, and somebody who does things to them."""

    shop: Shop
    api: httpx2.AsyncClient
    skus: tuple[str, ...]
    lives: list[Life] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    # How often a step was done, and how often it was refused or had nothing to do.
    done: Counter[str] = field(default_factory=Counter)
    vain: Counter[str] = field(default_factory=Counter)

    async def begin(self) -> None:
        """There is something to sell."""
        for sku in self.skus:
            await self.shop.stock(sku, STOCK)

    async def place(self, dice: random.Random) -> Life:
        """Another customer buys something."""
        lines = [
            (sku, dice.randint(1, 3), 10_001 * dice.randint(1, 3))
            for sku in dice.sample(self.skus, dice.randint(1, 2))
        ]
        return await self.shop.place(
            lines,
            token=dice.choice(TOKENS),
            capture=dice.choice(["on_shipment", "immediate"]),
            shipping=dice.choice([0, 1_999]),
            ship=dice.choice(["complete", "in_parts"]),
            out_of_stock=dice.choice(["backorder", "cancel_lines"]),
        )

    async def sell(self, dice: random.Random) -> Life:
        """Another customer has bought something, and has it."""
        lines = [
            (sku, dice.randint(1, 3), 10_001 * dice.randint(1, 3))
            for sku in dice.sample(self.skus, dice.randint(1, 2))
        ]
        ways: list[dict[str, Any]] = [
            {"token": "tok_visa"},
            {"token": "tok_visa", "capture": "immediate"},
            {"token": "tok_capture_fails"},
            {"token": "tok_refund_fails_once"},
            {"method": "cash_on_delivery", "token": None},
        ]
        life = await self.shop.place(lines, shipping=dice.choice([0, 1_999]), **dice.choice(ways))
        await life.until(lambda o: bool(o.fulfillment_orders))
        await life.deliver(await life.send())
        await life.until(lambda o: o.delivered_units == o.live_units)
        return life

    async def step(self, number: int, dice: random.Random) -> None:
        """One step of one order; whether something came of it is counted. Another customer buys
        something when it is over, and did not arrive.
        """
        life = self.lives[number]
        order = await life.order()
        if order.closed and not order.delivered_units:
            self.lives[number] = await self.place(dice)
            return
        name = chosen(order, dice)
        try:
            async with asyncio.timeout(60):
                outcome = str(await STEPS[name](self, life, dice) or "")
            vain = outcome[:1] in {"4", "5"}
        except (WorkflowUpdateFailedError, Refused, IndexError) as error:
            outcome, vain = type(error).__name__, True
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            outcome, vain = "over", True
        (self.vain if vain else self.done)[name] += 1
        self.log.append(f"{life.order_id} {name}: {outcome}")

    async def ask(self, path: str, body: Any, method: str = "POST") -> str:
        """The API's answer, which may be a refusal and no accident."""
        answer = await self.api.request(method, path, json=body)
        assert answer.status_code < 400 or answer.status_code in _TOLD, answer.text
        return f"{answer.status_code} {answer.text[:120] if answer.status_code >= 400 else ''}"

    async def returns(self, life: Life) -> list[dict[str, Any]]:
        """The order's returns."""
        answer = await self.api.get(f"/v1/returns?order_id={life.order_id}")
        found: list[dict[str, Any]] = answer.json()["items"]
        return found

    # -- what must be true ---------------------------------------------------------------------

    async def agrees(self) -> None:
        """The books agree, in the middle of everything."""
        for what, query in BROKEN.items():
            assert await self.shop.pool.fetch(query) == [], (what, self.log)
        await witness.compare_counters(self.shop)

    async def end(self) -> None:
        """Everything that can end is brought to its end, by a person who is patient."""
        rows = await self.shop.pool.fetch(
            "SELECT id FROM orders WHERE status IN ('pending', 'confirmed') ORDER BY id"
        )
        for life in [Life(self.shop, row["id"]) for row in rows]:
            try:
                await eventually(partial(self._over, life), seconds=90)
            except TimeoutError:
                raise AssertionError((self.log, await life.story())) from None
        rows = await self.shop.pool.fetch("SELECT DISTINCT order_id FROM returns")
        for life in [Life(self.shop, row["order_id"]) for row in rows]:
            try:
                await eventually(partial(self._all_came_back, life), seconds=90)
            except TimeoutError:
                raise AssertionError((self.log, await life.story())) from None

    async def _all_came_back(self, life: Life) -> bool:
        """Move an order's returns on; whether all are over, and the money is where it belongs."""
        found = await self.returns(life)
        for ret in found:
            path = f"/v1/returns/{ret['id']}"
            if ret["status"] in {"requested", "approved", "in_transit"}:
                await self.ask(f"{path}/cancel", {"reason": "kept"})
            elif ret["status"] == "partially_received":
                await self.ask(f"{path}/receive", {"complete": True})
            elif ret["status"] == "received":
                judged = ("restocked", "refurbished", "damaged", "scrapped", "rejected")
                left = {
                    line["line_id"]: line["received"] - sum(line[name] for name in judged)
                    for line in ret["lines"]
                }
                lines = [
                    {"line_id": line_id, "quantity": n, "disposition": "restock"}
                    for line_id, n in left.items()
                    if n
                ]
                await self.ask(f"{path}/inspect", {"lines": lines})
        over = {"closed", "canceled", "declined", "expired"}
        return all(ret["status"] in over for ret in found) and (await life.order()).settled

    async def _over(self, life: Life) -> bool:
        """Move an order on by whatever it needs; whether it is closed."""
        order = await life.order()
        path = f"/v1/orders/{order.id}"
        if order.closed:
            return True
        for hold in order.holds:
            if hold.reason != "awaiting_return_items":
                await self.ask(f"{path}/holds/{hold.id}", None, "DELETE")
        for ret in await self.returns(life):
            if ret["status"] in {"requested", "approved", "in_transit"}:
                await self.ask(f"/v1/returns/{ret['id']}/cancel", {"reason": "kept"})
        for parcel in order.shipments:
            if parcel.on_its_way:
                await self._arrive(life, parcel)
        if order.shipped_units < order.live_units and not order.recalling:
            await self.ask(f"{path}/cancel", {"reason": "end"})
        elif not order.settled:
            await self.ask(f"{path}/waive", {"reason": "end"})
        return (await life.order()).closed

    async def _arrive(self, life: Life, parcel: Shipment) -> None:
        if parcel.not_coming or parcel.intercepted:
            path = f"/v1/orders/{life.order_id}/parcels/{parcel.id}/resolve"
            await self.ask(path, {"action": "refund"})
        else:
            await life.deliver(parcel.id)


Step = Callable[[Story, Life, random.Random], Awaitable[object]]


def _asked(action: Action) -> Step:
    """What people may ask for at any moment (the matrix asks the same of each)."""

    async def ask(story: Story, life: Life, _: random.Random) -> str:
        order, ids = await life.order(), await names(life)
        if action.needs and not ids[action.needs]:
            raise IndexError
        body = action.body(order) if action.body else None
        return await story.ask(action.path.format_map(ids), body, action.method)

    return ask


async def _at_the_bank(_: Story, life: Life, dice: random.Random) -> None:
    tenders = enumerate((await life.order()).tenders)
    waiting = [position for position, tender in tenders if tender.action_required]
    await life.customer(dice.choice(["succeed", "succeed", "fail"]), waiting[0])


async def _work(life: Life) -> FulfillmentOrder:
    """At the first location that was asked; IndexError when none was."""
    return (await life.order()).fulfillment_orders[0]


async def _pack(_: Story, life: Life, __: random.Random) -> None:
    _something(await _work(life))
    await life.pack()


async def _send(_: Story, life: Life, __: random.Random) -> None:
    _something(await _work(life))
    await life.send()


def _something(work: FulfillmentOrder) -> None:
    """The API takes no empty parcel."""
    if not any(line.to_pack for line in work.lines):
        raise IndexError


async def _pick(_: Story, life: Life, dice: random.Random) -> None:
    most = min(line.to_pick for line in (await _work(life)).lines)
    await life.pick(dice.randint(0, most), short=dice.choice([None, None, "damaged"]))


async def _parcel(life: Life, dice: random.Random) -> Shipment:
    """One that is on its way; IndexError when there is none."""
    parcels: Order = await life.order()
    return dice.choice([s for s in parcels.shipments if s.status is ShipmentStatus.SHIPPED])


async def _scan(_: Story, life: Life, dice: random.Random) -> None:
    await life.scan((await _parcel(life, dice)).id, dice.choice(SCANS))


async def _receive_back(story: Story, life: Life, dice: random.Random) -> str:
    """All of it, or not all."""
    parcel = await _parcel(life, dice)
    lines = [
        {
            "line_id": part.line_id,
            "quantity": dice.randint(1, part.quantity),
            "disposition": dice.choice(["restock", "quarantine"]),
        }
        for part in parcel.lines
    ]
    return await story.ask(f"/v1/shipments/{parcel.id}/receive-back", {"lines": lines})


async def _resolve(story: Story, life: Life, dice: random.Random) -> str:
    parcel = await _parcel(life, dice)
    path = f"/v1/orders/{life.order_id}/parcels/{parcel.id}/resolve"
    return await story.ask(path, {"action": dice.choice(["replace", "refund", "wait"])})


async def _move_return(story: Story, life: Life, dice: random.Random) -> str:
    """The dock receives, or the bench looks."""
    ret = dice.choice(await story.returns(life))
    line, path = ret["lines"][0], f"/v1/returns/{ret['id']}"
    unit = {"line_id": line["line_id"], "quantity": 1}
    if line["received"] < line["quantity"] and not dice.randrange(5):
        return await story.ask(f"{path}/receive", {"complete": True})
    if line["received"] < line["quantity"]:
        return await story.ask(f"{path}/receive", {"lines": [unit]})
    judged = dice.choice(["restock", "refurbish", "scrap", "reject", "damaged"])
    return await story.ask(f"{path}/inspect", {"lines": [unit | {"disposition": judged}]})


async def _refund(story: Story, life: Life, dice: random.Random) -> str:
    """Somebody gives money back: for units, the delivery, or as goodwill."""
    lira = {"currency": "TRY"}
    body: dict[str, Any] = {"reason": "damaged", "to": "original"}
    what = dice.choice(["lines", "lines", "goodwill", "goodwill", "shipping"])
    if what == "lines":
        line = dice.choice((await life.order()).lines)
        body["lines"] = [{"line_id": line.id, "quantity": dice.randint(1, 2)}]
    else:
        body[what] = lira | {"amount": dice.choice([1, 777, 1_999, 9_000])}
    if not dice.randrange(4):
        body["fee"] = lira | {"amount": dice.choice([1, 500])}
    return await story.ask(f"/v1/orders/{life.order_id}/refunds", body)


async def _unannounced(story: Story, life: Life, dice: random.Random) -> str:
    """Goods stand at the dock, and nobody said a word."""
    shown = (await story.api.get(f"/v1/orders/{life.order_id}")).json()
    units = {"sku": dice.choice(shown["lines"])["sku"], "quantity": dice.randint(1, 2)}
    body = {"order_number": shown["number"], "lines": [units]}
    return await story.ask("/v1/returns/receive-unannounced", body)


async def _exchange(story: Story, life: Life, dice: random.Random) -> str:
    ret = dice.choice(await story.returns(life))
    line = {"line_id": ret["lines"][0]["line_id"], "quantity": 1}
    body = {"lines": [line], "send": dice.choice(["on_handover", "on_receipt"])}
    return await story.ask(f"/v1/returns/{ret['id']}/exchange", body)


# What the world does, and what there must be for it.
_WORLD: Mapping[str, tuple[Step, str]] = {
    "at the bank": (_at_the_bank, "bank"),
    "pick": (_pick, "goods"),
    "pack": (_pack, "goods"),
    "send": (_send, "goods"),
    "scan": (_scan, "road"),
    "receive back": (_receive_back, "road"),
    "resolve": (_resolve, "road"),
    "return moves": (_move_return, "return"),
    "exchange": (_exchange, "return"),
    "refund": (_refund, "delivered"),
    "unannounced": (_unannounced, "delivered"),
}
# What it wants for what people ask for, if that is to be granted.
_WHEN = {
    "cancel": "here",
    "cancel one of two": "here",
    "hold": "here",
    "edit: one of two": "here",
    "edit: another address": "here",
    "pick one": "goods",
    "pack one": "goods",
    "hand over": "packed",
    "another payment": "unpaid",
    "waive what is missing": "unpaid",
    "refund as goodwill": "taken",
    "refund one of two": "delivered",
    "replace one": "delivered",
    "retry": "help",
    "return one": "delivered",
}
STEPS: Mapping[str, Step] = {
    **{name: step for name, (step, _) in _WORLD.items()},
    **{f"{a.who}: {a.name}": _asked(a) for a in ACTIONS},
}
# How much of what happens people do not ask for, so that most orders leave the house.
_BY_THE_WORLD = 0.7
_NEEDS: Mapping[str, str] = {
    **{name: need for name, (_, need) in _WORLD.items()},
    **{f"{a.who}: {a.name}": _WHEN.get(a.name, a.needs) for a in ACTIONS},
}


def chosen(order: Order, dice: random.Random) -> str:
    """A step for it: mostly one for which there is what it needs, the world's more often."""
    if not dice.randrange(6):
        return dice.choice(list(STEPS))
    there = {
        # Who asks for help is not seen here: it comes by chance.
        "help": False,
        "here": order.shipped_units < order.live_units,
        "goods": not order.holds
        and any(line.to_pack for work in order.fulfillment_orders for line in work.lines),
        "packed": any(parcel.in_house for parcel in order.shipments),
        "parcel": bool(order.shipments),
        "road": any(parcel.on_its_way for parcel in order.shipments),
        "hold": bool(order.holds),
        "bank": any(tender.action_required for tender in order.tenders),
        "unpaid": not any(tender.alive for tender in order.tenders),
        "taken": bool(order.kept),
        "delivered": bool(order.delivered_units),
        "return": order.return_status is not ReturnStatus.NO_RETURN,
    }
    names = [name for name, need in _NEEDS.items() if there[need]]
    world = [name for name in names if name in _WORLD]
    if world and dice.random() < _BY_THE_WORLD:
        return dice.choice(world)
    return dice.choice(names or list(STEPS))
