"""Stories of orders, one after another on a stack where the carrier moves only when told, and what
each costs on Temporal, over all workflows that it starts.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from temporalio.client import Client

from ops.bench.stage import Stage, order
from ops.client import Json, closed, open_work
from workflows import ids
from workflows.client import begin_feedback


@dataclass(frozen=True, slots=True)
class Scene:
    """One order as a story drives it."""

    own: Stage
    temporal: Client
    order_id: str

    async def until(self, what: str, is_so: Callable[[Json], bool]) -> Json:
        """Wait until the order is so."""
        return await self.own.client.wait(self.order_id, is_so, what=what)

    async def send(self, parcels: int = 1) -> list[Json]:
        """The warehouse packs what is to be packed and hands it over; answers the parcels."""
        client = self.own.client
        work = open_work(await self.until("ready for the warehouse", lambda o: bool(open_work(o))))
        [work_id] = [one["id"] for one in work]
        await client.start(work_id)
        await client.pick(work[0])
        await client.pack(work[0], parcels=parcels)
        await self.until(
            "labeled",
            lambda o: sum(x["status"] == "label_purchased" for x in o["shipments"]) == parcels,
        )
        await client.ship(work_id)
        there = await client.order(self.order_id)
        return [one for one in there["shipments"] if one["fulfillment_order_id"] == work_id]

    async def scan(self, parcel: Json, *statuses: str) -> None:
        """The carrier scans a parcel."""
        for status in statuses:
            await self.own.client.advance(parcel["tracking_number"], status)

    async def deliver(self, parcels: int = 1) -> Json:
        """Everything is sent and arrives."""
        for parcel in await self.send(parcels):
            await self.scan(parcel, "in_transit", "out_for_delivery", "delivered")
        return await self.until("delivered", lambda o: o["fulfillment_status"] == "delivered")

    async def end(self) -> None:
        """Wait until the order is closed."""
        await self.until("closed", closed)


async def _one_parcel(scene: Scene) -> None:
    await scene.deliver()
    await scene.end()


async def _two_parcels(scene: Scene) -> None:
    await scene.deliver(parcels=2)
    await scene.end()


async def _canceled(scene: Scene) -> None:
    await scene.until("ready for the warehouse", lambda o: bool(open_work(o)))
    await scene.own.client.cancel(scene.order_id, "customer_request")
    await scene.end()


async def _edited(scene: Scene) -> None:
    there = await scene.until("ready for the warehouse", lambda o: bool(open_work(o)))
    fewer = [{"line_id": there["lines"][0]["id"], "quantity": 1}]
    await scene.own.client.edit(scene.order_id, {"lines": fewer})
    await scene.deliver()
    await scene.end()


async def _returned(scene: Scene) -> None:
    client = scene.own.client
    units = {(await scene.deliver())["lines"][0]["id"]: 2}
    back = await client.ask_return(scene.order_id, units, "does_not_fit")
    labeled = await scene.until("a label sent", lambda o: bool(o["returns"][0]["tracking_number"]))
    await scene.scan(labeled["returns"][0], "in_transit")
    await client.receive_return(back["id"], units)
    await client.inspect_return(back["id"], units, "restock")
    await scene.until(
        "paid back", lambda o: any(one["status"] == "succeeded" for one in o["refunds"])
    )
    await scene.end()


async def _exchanged(scene: Scene) -> None:
    client = scene.own.client
    units = {(await scene.deliver())["lines"][0]["id"]: 1}
    back = await client.ask_return(scene.order_id, units, "does_not_fit")
    labeled = await scene.until("a label sent", lambda o: bool(o["returns"][0]["tracking_number"]))
    again = [{"line_id": line, "quantity": n} for line, n in units.items()]
    swap = await client.exchange(back["id"], {"lines": again})
    new = Scene(scene.own, scene.temporal, swap["new_order_id"])
    await new.until("kept", lambda o: bool(o["fulfillment_orders"]))
    await scene.scan(labeled["returns"][0], "in_transit")
    await client.receive_return(back["id"], units)
    await client.inspect_return(back["id"], units, "restock")
    await new.until("let go", lambda o: not o["holds"])
    await new.deliver()
    await new.end()
    await scene.end()


async def _lost(scene: Scene) -> None:
    [parcel] = await scene.send()
    await scene.scan(parcel, "in_transit", "lost")
    await scene.until("known to be lost", lambda o: bool(o["attention"]))
    await scene.own.client.resolve(scene.order_id, parcel["id"], "replace")
    await scene.deliver()
    await scene.end()


async def _asked(scene: Scene) -> None:
    await scene.deliver()
    # As the relay does some days later.
    await begin_feedback(scene.temporal, ids.TASK_QUEUE, scene.order_id)
    await scene.end()


STORIES: Mapping[str, Callable[[Scene], Awaitable[None]]] = {
    "one parcel": _one_parcel,
    "two parcels": _two_parcels,
    "canceled before picking": _canceled,
    "edited before picking": _edited,
    "returned, inspected, refunded": _returned,
    "exchanged for the same": _exchanged,
    "lost and sent again": _lost,
    "asked how it was": _asked,
}


async def play(own: Stage, temporal: Client, name: str, reference: str) -> Json:
    """Live a story; answers the order at its end."""
    body = order(reference)
    body["lines"][0]["quantity"] = 2
    placed = await own.client.place(body)
    await STORIES[name](Scene(own, temporal, placed["id"]))
    return await own.client.order(placed["id"])


def workflows_of(ended: Json, *, asked: bool) -> list[str]:
    """The ids of all workflows that an order's story has started."""
    return [
        ids.order_workflow_id(ended["id"]),
        *(ids.return_workflow_id(one["id"]) for one in ended["returns"]),
        *(ids.refund_workflow_id(one["id"]) for one in ended["refunds"]),
        *(ids.order_workflow_id(one["new_order_id"]) for one in ended["exchanges"]),
        *([ids.feedback_workflow_id(ended["id"])] if asked else []),
    ]
