"""Pick lists: one picker's round over the work of many orders, in walking order.

A list claims its work, so that two pickers never get the same; what was found is reported order by
order to `db.picks`, which knows what a pick means for an order.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from db import bins, catalog, orders, picks, places
from db.picks import Picked, Reporter
from db.pool import Connection
from db.sql import queries
from domain.errors import Refused
from domain.picking import Need, Spot, Stop, share, walk

_SQL = queries("pick_lists")

Row = Mapping[str, Any]

_LIVE = ("open", "scheduled", "in_progress")


@dataclass(frozen=True, slots=True)
class Found:
    """Units found at a stop. With a reason the rest of it is missing.

    `bin` and `lot` tell of another place than the list's.
    """

    task: int
    quantity: int
    short_reason: str | None = None
    bin: str = ""
    lot: str = ""
    serials: tuple[str, ...] = ()


async def candidates(
    conn: Connection, warehouse: str, work_ids: Sequence[str] | None, limit: int
) -> list[Row]:
    """Work for a new list: that which is named, or what is most urgent and claimed by nobody.

    Until the transaction ends, nobody else makes a list at this warehouse.

    Raises:
        Refused: the warehouse is closed.

    """
    closed_at = await conn.fetchval(_SQL["lock_warehouse"], warehouse)
    if closed_at is not None:
        detail = "Nobody is served from there: its work is recalled."
        told = {"warehouse": warehouse, "closed_at": closed_at.isoformat()}
        raise Refused("warehouse_closed", detail, **told)
    named = None if work_ids is None else list(work_ids)
    rows = await conn.fetch(_SQL["candidates"], warehouse, named, limit)
    return [dict(row) for row in rows]


async def create(
    conn: Connection, list_id: str, warehouse: str, picker: str, work: Sequence[Row]
) -> None:
    """A list for the picker, over candidates that were read in this transaction.

    Raises:
        Refused: nothing is to be picked, or a piece of work cannot be picked now.

    """
    if not work:
        raise Refused("nothing_to_pick", "No work waits for a picker here.", warehouse=warehouse)
    for row in work:
        _must_be_free(row)
    needs = [
        Need(row["id"], slot, line["line_id"], line["sku"], line["quantity"])
        for slot, row in enumerate(work, 1)
        for line in row["lines"]
    ]
    stops = walk(needs, await _spots(conn, warehouse, sorted({need.sku for need in needs})))
    await conn.execute(_SQL["add_list"], list_id, warehouse, picker)
    await conn.execute(_SQL["add_list_orders"], list_id, [row["id"] for row in work])
    await _write(conn, list_id, stops)


def _must_be_free(row: Row) -> None:
    reasons = {
        "already_on_a_pick_list": row["claimed_by"] is not None,
        "work_not_open": row["status"] not in (*_LIVE, "on_hold"),
        "order_on_hold": row["on_hold"] or row["status"] == "on_hold",
        "cancel_in_progress": row["cancel_requested"],
        "order_not_confirmed": row["order_status"] != "confirmed",
        "nothing_to_pick": not row["lines"],
    }
    for code, stands_in_the_way in reasons.items():
        if stands_in_the_way:
            raise Refused(
                code,
                f"The work {row['id']} cannot be picked now.",
                fulfillment_order_id=row["id"],
                fulfillment_order_status=row["status"],
                pick_list_id=row["claimed_by"] or "",
            )


async def _spots(conn: Connection, warehouse: str, skus: Sequence[str]) -> list[Spot]:
    """What lies in bins, is for sale, and is not what another list will take."""
    taken = Counter(
        {
            (row["sku"], row["bin"], row["lot"]): row["quantity"]
            for row in await conn.fetch(_SQL["taken_by_lists"], warehouse, list(skus))
        }
    )
    return [
        Spot(p.sku, p.bin, p.lot, p.sequence, p.quantity - taken[p.sku, p.bin, p.lot])
        for p in await places.places_of(conn, [(sku, warehouse) for sku in skus])
        if p.kind != bins.QUARANTINE and not p.expired and p.quantity > taken[p.sku, p.bin, p.lot]
    ]


async def _write(conn: Connection, list_id: str, stops: Sequence[Stop]) -> None:
    numbers = list(range(1, len(stops) + 1))
    await conn.execute(
        _SQL["add_tasks"],
        list_id,
        numbers,
        [stop.sku for stop in stops],
        [stop.bin for stop in stops],
        [stop.lot for stop in stops],
        [stop.quantity for stop in stops],
    )
    parts = [(n, part) for n, stop in zip(numbers, stops, strict=True) for part in stop.parts]
    await conn.execute(
        _SQL["add_parts"],
        list_id,
        [n for n, _ in parts],
        [part.work_id for _, part in parts],
        [part.line_id for _, part in parts],
        [part.quantity for _, part in parts],
    )


async def orders_of(conn: Connection, list_id: str) -> list[str]:
    """The orders whose work is on a list."""
    return [row["order_id"] for row in await conn.fetch(_SQL["orders_of_list"], list_id)]


async def parts_of(conn: Connection, list_id: str) -> list[dict[str, Any]]:
    """The parts of a list's stops; `wanted` is what the order wants of each now.

    An order that is held or canceled wants nothing, and what was picked without the list neither.
    """
    return (await _parts(conn, [list_id]))[list_id]


async def _parts(conn: Connection, ids: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    parts: dict[str, list[dict[str, Any]]] = {list_id: [] for list_id in ids}
    left: dict[tuple[str, str, str], int] = {}
    for row in map(dict, await conn.fetch(_SQL["parts"], list(ids))):
        line = (row["pick_list_id"], row["fulfillment_order_id"], row["line_id"])
        free = left.setdefault(line, row["wanted"])
        row["wanted"] = min(row["left"], free)
        left[line] = free - row["wanted"]
        parts[row["pick_list_id"]].append(row)
    return parts


async def pick(conn: Connection, list_id: str, found: Sequence[Found], reporter: Reporter) -> None:
    """Units were found at stops, or are missing; they are shared out by slot.

    Raises:
        Refused: the list is over; more units than its orders still want; see `picks.pick`.

    """
    # Orders before levels before lists, as everywhere.
    for order_id in await orders_of(conn, list_id):
        await orders.lock(conn, order_id)
    tasks = {one.task for one in found}
    skus = {part["sku"] for part in await parts_of(conn, list_id) if part["position"] in tasks}
    warehouse = await conn.fetchval(_SQL["list_warehouse"], list_id)
    await catalog.lock_levels(conn, [(sku, warehouse) for sku in skus])
    await _lock_open(conn, list_id)
    parts = await parts_of(conn, list_id)
    reports: dict[tuple[str, str], list[Picked]] = {}
    for one in found:
        for part, picked in _shared(one, [p for p in parts if p["position"] == one.task]):
            await conn.execute(
                _SQL["add_found"],
                list_id,
                one.task,
                part["fulfillment_order_id"],
                part["line_id"],
                picked.quantity,
                picked.missing or 0,
            )
            work = (part["order_id"], part["fulfillment_order_id"])
            reports.setdefault(work, []).append(picked)
    for order_id, work_id in sorted(reports):
        await picks.pick(conn, order_id, work_id, reports[order_id, work_id], reporter)
    if _nothing_left(await parts_of(conn, list_id)):
        await conn.execute(_SQL["close_list"], list_id, "done")


def _nothing_left(parts: Sequence[Row]) -> bool:
    return all(part["left"] == 0 or part["over"] for part in parts)


async def close_idle(conn: Connection, order_id: str) -> None:
    """Work of an order was taken back: end the rounds on which nothing is left for the picker.

    The caller holds the locks of the order and of its levels, and has written what it took back.
    """
    for row in await conn.fetch(_SQL["lock_lists_of_order"], order_id):
        parts = await parts_of(conn, row["id"])
        if _nothing_left(parts):
            done = any(part["picked"] or part["short"] for part in parts)
            await conn.execute(_SQL["close_list"], row["id"], "done" if done else "canceled")


async def _lock_open(conn: Connection, list_id: str) -> None:
    row = await conn.fetchrow(_SQL["lock_list"], list_id)
    if row is None or row["status"] != "in_progress":
        status = "missing" if row is None else row["status"]
        raise Refused("pick_list_closed", f"The pick list is {status}.", status=status)


def _shared(one: Found, parts: Sequence[Row]) -> list[tuple[Row, Picked]]:
    """What each part of a stop gets of the units found, and lacks of those missing."""
    wanted = [part["wanted"] for part in parts]
    if one.quantity > sum(wanted):
        detail = f"{sum(wanted)} units are wanted at this stop: leave the others where they are."
        raise Refused("too_many_units", detail, task=str(one.task), wanted=str(sum(wanted)))
    serials, shared = list(one.serials), []
    for part, units in zip(parts, share(wanted, one.quantity), strict=True):
        missing = part["wanted"] - units if one.short_reason is not None else 0
        own, serials = serials[:units], serials[units:]
        if units or missing:
            shared.append(
                (
                    part,
                    Picked(
                        part["line_id"],
                        units,
                        one.short_reason if missing else None,
                        missing,
                        one.bin or part["bin"],
                        one.lot or ("" if one.bin else part["lot"]),
                        tuple(own),
                    ),
                )
            )
    return shared


async def cancel(conn: Connection, list_id: str) -> None:
    """The picker stops; what was not picked is anybody's again.

    Raises:
        Refused: the list is over.

    """
    await _lock_open(conn, list_id)
    await conn.execute(_SQL["close_list"], list_id, "canceled")


async def read(conn: Connection, ids: Sequence[str]) -> list[dict[str, Any]]:
    """Lists with their slots and stops, each stop with its parts."""
    lists = [dict(row) for row in await conn.fetch(_SQL["read_lists"], list(ids))]
    parts = await _parts(conn, ids)
    for one in lists:
        for task in one["tasks"]:
            own = [part for part in parts[one["id"]] if part["position"] == task["task"]]
            over = one["status"] != "in_progress"
            task["picked"] = sum(part["picked"] for part in own)
            task["short"] = sum(part["short"] for part in own)
            task["left"] = 0 if over else sum(part["wanted"] for part in own)
            task["parts"] = [_part(part, over=over) for part in own]
    return lists


def _part(part: Row, *, over: bool) -> dict[str, Any]:
    names = ("slot", "fulfillment_order_id", "order_id", "line_id", "quantity", "picked", "short")
    return {name: part[name] for name in names} | {"left": 0 if over else part["wanted"]}


async def find(
    conn: Connection,
    warehouse: str | None,
    status: str | None,
    before: tuple[datetime, str] | None,
    limit: int,
) -> list[Row]:
    """Ids of lists, newest first."""
    at, last = before or (None, None)
    return [
        dict(r) for r in await conn.fetch(_SQL["find_lists"], warehouse, status, at, last, limit)
    ]
