"""What can be asked for: by whom, where, and with which body of the order as it is."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx2

from domain.order import Order
from tests.workflows.life import Life, eventually

Ask = Callable[[str, str, Mapping[str, Any] | None], Awaitable[httpx2.Response]]
After = Callable[[Life, Ask], Awaitable[object]]


@dataclass(frozen=True)
class Action:
    """A request. `path` names what it is about, `needs` what there must be at the moment for it.

    `after` is what the world does when it was granted, so that it comes to its end.
    """

    who: str
    name: str
    path: str = ""
    body: Callable[[Order], Mapping[str, Any]] | None = None
    needs: str = ""
    method: str = "POST"
    after: After | None = None


async def names(life: Life) -> dict[str, str]:
    """What paths name of an order: its ids, and those of the first of each thing it has."""
    order = await life.order()
    row = await life.shop.pool.fetchrow(
        "SELECT public_token, (SELECT max(id) FROM returns WHERE order_id = $1) AS back"
        " FROM orders WHERE id = $1",
        order.id,
    )
    assert row is not None
    return {
        "order": order.id,
        "token": row["public_token"],
        "return": row["back"] or "",
        "work": next((work.id for work in order.fulfillment_orders), ""),
        "parcel": next((parcel.id for parcel in order.shipments), ""),
        "hold": next((hold.id for hold in order.holds), ""),
    }


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


def _pack(order: Order) -> dict[str, Any]:
    size = {"weight_g": 500, "length_mm": 200, "width_mm": 150, "height_mm": 100}
    return {"parcels": [{"lines": _one(order), **size}]}


def _judge(order: Order) -> dict[str, Any]:
    return {"lines": [part | {"disposition": "restock"} for part in _one(order)]}


async def _parcels_come_back(life: Life, ask: Ask) -> None:
    """The carrier stops those it was asked to stop, and the warehouse receives them."""
    for parcel in (await life.order()).shipments:
        if parcel.intercepted and parcel.on_its_way:
            await life.scan(parcel.id, "return_to_sender")
            units = [{"line_id": p.line_id, "quantity": p.quantity} for p in parcel.lines]
            lines = [unit | {"disposition": "restock"} for unit in units]
            path = f"/v1/shipments/{parcel.id}/receive-back"
            await ask("warehouse", path, {"lines": lines})


async def _is_inspected(life: Life, ask: Ask) -> None:
    """What is at the dock is judged, and so the return comes to its end."""
    path = "/v1/returns/{return}/inspect"
    await ask("warehouse", path, _judge(await life.order()))

    async def paid_back() -> bool:
        types = await life.types()
        given = types.count("refund_succeeded") == types.count("refund_requested")
        return given and "return_closed" in types

    # A worker may die meanwhile.
    await eventually(paid_back, 120)


_GOODWILL = {"reason": "goodwill", "goodwill": {"amount": 1_000, "currency": "TRY"}}
_ORDER, _WORK, _RETURN = (
    "/v1/orders/{order}",
    "/v1/fulfillment-orders/{work}",
    "/v1/returns/{return}",
)

ACTIONS = (
    Action("support", "cancel", f"{_ORDER}/cancel", lambda _: {"reason": "customer"},
           after=_parcels_come_back),
    Action("customer", "cancel", "/track/{token}/cancel", after=_parcels_come_back),
    Action("support", "cancel one of two", f"{_ORDER}/cancel",
           lambda o: {"reason": "customer", "lines": _one(o)}),
    Action("support", "hold", f"{_ORDER}/holds", lambda _: {"reason": "other"}),
    Action("support", "release the hold", f"{_ORDER}/holds/{{hold}}", needs="hold",
           method="DELETE"),
    Action("support", "edit: one of two", f"{_ORDER}/edits", _edit),
    Action("support", "edit: another address", f"{_ORDER}/edits", _move),
    Action("storefront", "another payment", f"{_ORDER}/payments",
           lambda _: {"method": "card", "token": "tok_visa"}),
    Action("support", "refund as goodwill", f"{_ORDER}/refunds", lambda _: _GOODWILL),
    Action("support", "refund one of two", f"{_ORDER}/refunds",
           lambda o: {"reason": "damaged", "lines": _one(o)}),
    Action("support", "replace one", f"{_ORDER}/replacements",
           lambda o: {"reason": "damaged", "lines": _one(o)}),
    Action("customer", "return one", "/track/{token}/returns", _back),
    Action("support", "retry", f"{_ORDER}/retry", lambda _: {}),
    Action("support", "waive what is missing", f"{_ORDER}/waive",
           lambda _: {"reason": "our_mistake"}),
    Action("support", "pay the parcel back", f"{_ORDER}/parcels/{{parcel}}/resolve",
           lambda _: {"action": "refund"}, needs="parcel"),
    Action("support", "send the parcel again", f"{_ORDER}/parcels/{{parcel}}/resolve",
           lambda _: {"action": "replace"}, needs="parcel"),
    Action("storefront", "cancel the return", f"{_RETURN}/cancel", lambda _: {"reason": "kept"},
           needs="return"),
    Action("support", "exchange it for the same", f"{_RETURN}/exchange",
           lambda o: {"lines": _one(o)}, needs="return"),
    Action("warehouse", "pick one", f"{_WORK}/pick", lambda o: {"lines": _one(o)}, needs="work"),
    Action("warehouse", "pack one", f"{_WORK}/pack", _pack, needs="work"),
    Action("warehouse", "hand over", f"{_WORK}/ship", lambda _: {}, needs="work"),
    Action("warehouse", "receive the parcel back", "/v1/shipments/{parcel}/receive-back",
           lambda _: {}, needs="parcel"),
    Action("warehouse", "receive the return", f"{_RETURN}/receive", lambda o: {"lines": _one(o)},
           needs="return", after=_is_inspected),
    Action("warehouse", "give up the rest of the return", f"{_RETURN}/receive",
           lambda _: {"complete": True}, needs="return"),
)  # fmt: skip

# An order that nobody asks anything of; what is refused leaves all as it is there.
NOTHING = Action("nobody", "nothing")

# Keys that ask for what is not theirs; what a storefront may, support may.
STRANGERS = ("storefront", "warehouse", "reports")
NOT_THEIRS = "what is not theirs"


def of_others(who: str) -> tuple[Action, ...]:
    """What a key of that scope may never ask for."""
    may = {who, "customer"}
    return tuple(action for action in ACTIONS if action.who not in may)
