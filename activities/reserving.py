"""Reserving stock: orders that wait in one worker are served together, in one transaction.

A part of the step that confirms an order (ADR 0010). It is a step of its own, done once by its
cause, so that a worker which dies between the two goes on with the second.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import asyncpg

from db import holds, ledger, notifications, outbox, reservations, sourcing, stock
from db.movements import Movement
from db.pool import Connection, Pool
from db.reservations import Claim, DoneStep, Event, HeldLine, LineMove
from db.together import Together
from domain.errors import NotFound
from domain.reserving import ALLOCATED, UNAVAILABLE, Held, Request, Reserved, Wanted, reserve
from domain.states import RESERVATION, OrderStatus, ReservationStatus, advance

# The queue may hear of goods that came while an order was put into it and not yet committed.
_LOOK_AGAIN_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Ask:
    """One order that wants its units; `cause` names the step that confirms it.

    `everywhere`: a person says to ask those again who did not find its units.
    """

    order_id: str
    cause: str
    everywhere: bool = False

    @property
    def own_cause(self) -> str:
        """The name of the reservation, which is a step of its own."""
        return f"reserve:{self.cause}"


class Answer(NamedTuple):
    """How it went (`domain.reserving`), and whether the customer is to be told of missing units."""

    outcome: str
    missing: bool = False


class ReservationDesk:
    """Takes orders that want stock. `lanes`: batches beside each other, each on a connection."""

    def __init__(self, pool: Pool, *, most: int = 64, lanes: int = 2) -> None:
        self._pool = pool
        self._together = Together[Ask, Answer](
            self._serve_free, self._serve_alone, most=most, lanes=lanes
        )

    async def reserve(self, order_id: str, cause: str, *, everywhere: bool = False) -> Answer:
        """Reserve what the order's lines want, by the order's policy; once for its cause.

        Raises:
            NotFound: there is no such order.

        """
        return await self._together.do(Ask(order_id, cause, everywhere))

    async def _serve_free(self, asked: Sequence[Ask]) -> list[Answer | None]:
        # An order twice in a batch is asked for twice: the second hears what was answered.
        by_order = {ask.order_id: ask for ask in asked}
        try:
            async with self._pool.acquire() as conn, conn.transaction():
                answers = await _serve(conn, by_order, wait=False, look=True)
        except _OutrunError:
            async with self._pool.acquire() as conn, conn.transaction():
                answers = await _serve(conn, by_order, wait=False)
        return [answers.get(ask) for ask in asked]

    async def _serve_alone(self, ask: Ask) -> Answer:
        async with self._pool.acquire() as conn, conn.transaction():
            answers = await _serve(conn, {ask.order_id: ask}, wait=True)
        if ask not in answers:
            message = f"There is no order {ask.order_id}."
            raise NotFound(message)
        return answers[ask]


class _OutrunError(Exception):
    """What was decided at a look could not be had when the levels were locked."""


async def _serve(
    conn: Connection, asked: Mapping[str, Ask], *, wait: bool, look: bool = False
) -> dict[Ask, Answer]:
    """Reserve for these orders; those that are locked by others are left out unless we `wait`.

    With `look`, orders that find plenty lock the levels only to take their units: other batches
    decide meanwhile.

    Raises:
        _OutrunError: it was no longer there.

    """
    orders = await reservations.lock_orders(conn, list(asked), wait=wait)
    asks = {order_id: asked[order_id] for order_id in orders}
    if not asks:
        return {}
    lines = await reservations.lines_wanted(
        conn, [(ask.order_id, ask.own_cause, ask.cause) for ask in asks.values()]
    )
    answers = {
        asks[order_id]: Answer(known.done["outcome"], known.done.get("missing", False))
        for order_id, known in lines.items()
        if known.done is not None
    }
    # A cancellation may have been faster: nothing is reserved for an order that is over.
    answers |= {
        asks[order_id]: Answer(ALLOCATED)
        for order_id, row in orders.items()
        if row["over"] and asks[order_id] not in answers
    }
    todo = {order_id: row for order_id, row in orders.items() if asks[order_id] not in answers}
    if todo:
        held = await reservations.held_for(conn, [i for i, row in todo.items() if row["held"]])
        # Who is not confirmed yet was looked for nowhere.
        begun = [i for i, row in todo.items() if row["status"] != OrderStatus.PENDING]
        in_vain = await reservations.not_found(conn, [i for i in begun if not asks[i].everywhere])
        requests = {
            i: _request(row, lines[i].wanted, held, in_vain.get(i, frozenset()))
            for i, row in todo.items()
        }
        reserved, locked = await _decide(conn, list(requests.values()), look=look)
        await _write(conn, asks, requests, reserved, held, locked=locked)
        answers |= {asks[r.order_id]: _answer(r) for r in reserved}
    return answers


def _request(
    order: asyncpg.Record,
    wanted: Sequence[Wanted],
    held: Sequence[HeldLine],
    not_found_at: frozenset[tuple[str, str]],
) -> Request:
    return Request(
        order["id"],
        order["priority"],
        order["created_at"],
        order["status"] != OrderStatus.PENDING,
        order["out_of_stock"],
        wanted,
        [Held(h.sku, h.warehouse, h.quantity) for h in held if h.order_id == order["id"]],
        reservations.destination_of(order),
        not_found_at=not_found_at,
    )


async def _decide(
    conn: Connection, requests: Sequence[Request], *, look: bool
) -> tuple[list[Reserved], bool]:
    """Decide who gets what; answers with it whether the levels of all items are locked by now."""
    skus = {w.sku for request in requests for w in request.lines if w.open + w.backordered}
    skus |= {held.sku for request in requests for held in request.held}
    # Before the locks, so that nobody waits for it.
    seen = await sourcing.look(conn, skus)
    if look and not seen.waited_for and not any(map(_has_a_place, requests)):
        reserved = reserve(requests, seen.sources, (), seen.sites, seen.rules)
        if not any(r.missing for r in reserved):
            return reserved, False
    sources, ahead = await reservations.lock_supply(conn, skus)
    return reserve(requests, sources, ahead, seen.sites, seen.rules), True


def _has_a_place(request: Request) -> bool:
    """Whether the order has something that others may be waiting for: a queue's place, a hold."""
    return bool(request.held) or any(want.backordered for want in request.lines)


async def _lock_what_was_seen(conn: Connection, reserved: Sequence[Reserved]) -> None:
    """Lock the levels of all items, as everybody does, and see that units are still to be had, and
    that nobody came into the queue meanwhile.
    """
    taken: Counter[tuple[str, str]] = Counter()
    for r in reserved:
        for a in r.allocations:
            taken[a.sku, a.warehouse] += a.quantity
    skus = {sku for sku, _ in taken}
    sources = await stock.lock_unless_waited_for(conn, skus)
    free = {(source.sku, source.warehouse): source.available for source in sources}
    if any(units > free.get(level, 0) for level, units in taken.items()):
        raise _OutrunError


def _answer(reserved: Reserved) -> Answer:
    told = reserved.outcome != UNAVAILABLE and bool(reserved.queued or reserved.canceled)
    return Answer(reserved.outcome, told)


async def _write(
    conn: Connection,
    asks: Mapping[str, Ask],
    requests: Mapping[str, Request],
    reserved: Sequence[Reserved],
    held: Sequence[HeldLine],
    *,
    locked: bool,
) -> None:
    """Write what was decided: claims, lines, timeline, that it is done; then counters and ledger.

    In this order levels that are not `locked` yet are so for as short as can be.
    """
    causes = {order_id: f"{order_id}:{ask.cause}" for order_id, ask in asks.items()}
    moves = [move for r in reserved for move in _movements(r, causes[r.order_id])]
    served = {r.order_id for r in reserved if r.outcome != UNAVAILABLE}
    kept = [line for line in held if line.order_id in served]
    moves += [
        Movement(h.sku, h.warehouse, "unhold", causes[h.order_id], "", h.order_id, held=-h.quantity)
        for h in kept
    ]
    if kept:
        await holds.end(conn, {h.hold_id for h in kept}, ReservationStatus.ALLOCATED)
    ended = await _end_waiting(conn, reserved, requests)
    await _tell(conn, reserved, asks)
    claims = [c for r in reserved for c in _claims(r, requests[r.order_id], causes[r.order_id])]
    await reservations.keep(
        conn,
        ended + claims,
        [move for r in reserved for move in _line_moves(r)],
        [event for r in reserved for event in _events(r, requests[r.order_id])],
        [DoneStep(r.order_id, asks[r.order_id].own_cause, _answer(r)._asdict()) for r in reserved],
    )
    if not locked:
        await _lock_what_was_seen(conn, reserved)
    await ledger.write(conn, moves, locked=True)
    for order_id, skus in _spared(reserved, kept).items():
        await stock.wake_waiting(conn, skus, f"spared:{causes[order_id]}")
    await _pass_on(conn, reserved, requests, f"passed-over:{causes[reserved[0].order_id]}")


async def _pass_on(
    conn: Connection, reserved: Sequence[Reserved], requests: Mapping[str, Request], cause: str
) -> None:
    """Orders that units were kept from are told when those ahead of them have theirs."""
    left_queue = {
        want.sku
        for r in reserved
        for want in requests[r.order_id].lines
        if want.line_id in r.served or want.line_id in r.dropped
    }
    await reservations.recall_passed_over(conn, sorted(left_queue), cause)
    passed = [r for r in reserved if r.passed_over]
    await reservations.pass_over(
        conn, [r.order_id for r in passed], sorted({sku for r in passed for sku in r.passed_over})
    )


def _spared(reserved: Sequence[Reserved], kept: Sequence[HeldLine]) -> dict[str, set[str]]:
    """Items of which a checkout kept more than its order then took: others may wait for them."""
    left: dict[str, Counter[str]] = {}
    for line in kept:
        left.setdefault(line.order_id, Counter())[line.sku] += line.quantity
    for r in reserved:
        for taken in r.from_hold if r.order_id in left else ():
            left[r.order_id][taken.sku] -= taken.quantity
    return {order_id: set(+units) for order_id, units in left.items() if +units}


def _movements(r: Reserved, cause: str) -> list[Movement]:
    return [
        Movement(a.sku, a.warehouse, "allocate", cause, a.line_id, r.order_id, allocated=a.quantity)
        for a in r.allocations
    ]


async def _end_waiting(
    conn: Connection, reserved: Sequence[Reserved], requests: Mapping[str, Request]
) -> list[Claim]:
    """Units that were waited for and came, or are canceled, leave the queue.

    A claim that ends in part goes on with less; the ended part, which is answered, becomes a row of
    its own.
    """
    units = {
        r.order_id: Counter(r.served) + Counter(r.dropped)
        for r in reserved
        if r.served or r.dropped
    }
    advance(RESERVATION, ReservationStatus.BACKORDERED, ReservationStatus.RELEASED)
    parts = []
    for order_id, line_id, claim, gone in await reservations.end_waiting(conn, units):
        request = requests[order_id]
        sku = next(want.sku for want in request.lines if want.line_id == line_id)
        place = (request.priority, request.since)
        parts.append(
            Claim(order_id, line_id, sku, None, gone, "released", f"split:{claim}", *place)
        )
    return parts


def _claims(r: Reserved, request: Request, cause: str) -> list[Claim]:
    why = (cause, request.priority, request.since)
    allocated = [
        Claim(r.order_id, a.line_id, a.sku, a.warehouse, a.quantity, "allocated", *why)
        for a in r.allocations
    ]
    queued = [
        Claim(r.order_id, d.line_id, d.sku, None, d.quantity, "backordered", *why) for d in r.queued
    ]
    return allocated + queued


def _line_moves(r: Reserved) -> list[LineMove]:
    allocated: dict[str, int] = {}
    for a in r.allocations:
        allocated[a.line_id] = allocated.get(a.line_id, 0) + a.quantity
    queued = {d.line_id: d.quantity for d in r.queued}
    canceled = {d.line_id: d.quantity for d in r.canceled}
    moves = []
    for line_id in sorted(allocated.keys() | queued.keys() | canceled.keys()):
        waited = r.served.get(line_id, 0) + r.dropped.get(line_id, 0)
        got, waits = allocated.get(line_id, 0), queued.get(line_id, 0)
        gone = canceled.get(line_id, 0)
        moves.append(LineMove(line_id, waited - got - waits - gone, got, waits - waited, gone))
    return moves


def _events(r: Reserved, request: Request) -> list[Event]:
    """What the timeline says of it."""
    events = []
    passed_over = [
        {"warehouse": warehouse, "sku": sku} for warehouse, sku in sorted(request.not_found_at)
    ]
    why: dict[str, Any] = {"sourcing": r.decision} if r.decision else {}
    if passed_over:
        why["not_found_at"] = passed_over
    if r.allocations:
        sources = [
            {"line_id": a.line_id, "warehouse": a.warehouse, "quantity": a.quantity}
            for a in r.allocations
        ]
        events.append(Event(r.order_id, "stock_allocated", {"sources": sources, **why}))
    for decision, demands in (
        ("order_canceled", r.missing if r.outcome == UNAVAILABLE and not r.canceled else ()),
        ("units_canceled", r.canceled),
        ("backordered", r.queued),
    ):
        if demands:
            units = [{"line_id": d.line_id, "sku": d.sku, "quantity": d.quantity} for d in demands]
            data = {"decision": decision, "units": units, **({} if r.allocations else why)}
            events.append(Event(r.order_id, "out_of_stock", data))
    return events


async def _tell(conn: Connection, reserved: Sequence[Reserved], asks: Mapping[str, Ask]) -> None:
    """Plan the customers' mails, and another look at the shelf for what waits from now on."""
    again = [
        (r.order_id, {"cause": f"queued:{asks[r.order_id].cause}"}) for r in reserved if r.queued
    ]
    await outbox.add_all(conn, outbox.STOCK_ARRIVED, again, delay_seconds=_LOOK_AGAIN_SECONDS)
    mails = [(r.order_id, _missing(r)) for r in reserved if _answer(r).missing]
    await notifications.plan_all(conn, "out_of_stock", mails)


def _missing(r: Reserved) -> dict[str, Any]:
    """What the customer is told of units that nobody has."""
    queued, canceled = ({d.line_id: d.quantity for d in x} for x in (r.queued, r.canceled))
    data: dict[str, Any] = {"units": queued or canceled, "waiting": bool(queued)}
    if queued and canceled:
        data["taken_out"] = canceled
    return data
