"""Checkouts that keep stock: those that ask at the same moment are served in one transaction.

The idempotency keys are claimed, the units found and the answers stored together, so that a hot
item costs one update a batch. What stands alone (a key that is known) is done alone.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property

from api import views
from api.errors import Answer, FieldError, Problem, invalid, key_reused
from db import catalog, holds, idempotency, reservations, sourcing
from db.new_ids import new_id
from db.pool import Connection, Pool
from db.together import Together
from domain import shortage
from domain.reserving import UNAVAILABLE, Request, Reserved, Wanted, reserve
from domain.sourcing import Destination
from domain.states import ReservationStatus

_CREATED = 201


@dataclass(frozen=True, slots=True)
class HoldAsk:
    """One checkout: units per item in the order of its lines, for so many seconds."""

    caller_id: str
    caller_name: str
    key: str | None
    request_hash: bytes
    reference: str | None
    lines: Sequence[tuple[str, int]]
    seconds: float
    destination: Destination = field(default_factory=Destination)


class HoldDesk:
    """Takes checkouts. The pool is opened after the process has started."""

    def __init__(self, pool: Callable[[], Pool]) -> None:
        self._pool = pool

    @cached_property
    def _together(self) -> Together[HoldAsk, Answer]:
        return Together(self._hold_together, self._hold_alone)

    async def hold(self, ask: HoldAsk) -> Answer:
        """201 with the hold, or 409 when not all of it is free; the same to every twin.

        Raises:
            Problem: an item is not known, or the key stands for another request.

        """
        return await self._together.do(ask)

    async def _hold_together(self, asks: Sequence[HoldAsk]) -> list[Answer | None]:
        async with self._pool().acquire() as conn, conn.transaction():
            unknown = await catalog.unknown_skus(conn, [sku for a in asks for sku, _ in a.lines])
            good = [a for a in asks if not any(sku in unknown for sku, _ in a.lines)]
            ours = await idempotency.claim_all(
                conn, [(a.caller_id, a.key, a.request_hash) for a in good if a.key is not None]
            )
            chosen = [ask for ask in good if ask.key is None or _take(ours, ask)]
            answers = dict(zip(map(id, chosen), await _hold(conn, chosen), strict=True))
            await idempotency.answer_all(
                conn,
                [
                    (a.caller_id, a.key, answers[id(a)].status, answers[id(a)].body.decode())
                    for a in chosen
                    if a.key is not None
                ],
            )
        return [answers.get(id(ask)) for ask in asks]

    async def _hold_alone(self, ask: HoldAsk) -> Answer:
        async with self._pool().acquire() as conn, conn.transaction():
            if ask.key is not None:
                try:
                    stored = await idempotency.claim(conn, ask.caller_id, ask.key, ask.request_hash)
                except idempotency.KeyReused:
                    raise key_reused() from None
                if stored is not None and stored.status is not None:
                    return Answer(stored.status, stored.response.encode())
            unknown = await catalog.unknown_skus(conn, [sku for sku, _ in ask.lines])
            if unknown:
                raise invalid(
                    [
                        FieldError(f"/lines/{i}/sku", "unknown_sku", "There is no such item.")
                        for i, (sku, _) in enumerate(ask.lines)
                        if sku in unknown
                    ]
                )
            (answer,) = await _hold(conn, [ask])
            if ask.key is not None:
                await idempotency.answer(
                    conn, ask.caller_id, ask.key, answer.status, answer.body.decode()
                )
            return answer


def _take(ours: set[tuple[str, str]], ask: HoldAsk) -> bool:
    """Whether the key is this request's; a twin in the same batch is told afterwards."""
    place = (ask.caller_id, ask.key or "")
    if place not in ours:
        return False
    ours.remove(place)
    return True


async def _hold(conn: Connection, asks: Sequence[HoldAsk]) -> list[Answer]:
    """Find units for these checkouts, first come first served and behind whoever waits."""
    if not asks:
        return []
    now = datetime.now(UTC)
    skus = {sku for ask in asks for sku, _ in ask.lines}
    seen = await sourcing.look(conn, skus)
    limited = any(site.exclusions for site in seen.sites.values())
    categories = await sourcing.categories(conn, skus) if limited else {}
    requests = [_request(f"{n:06}", ask, now, categories) for n, ask in enumerate(asks)]
    sources, ahead = await reservations.lock_supply(conn, skus)
    reserved = reserve(requests, sources, ahead, seen.sites, seen.rules)
    found = sorted(reserved, key=lambda r: r.order_id)
    new = [
        None
        if r.outcome == UNAVAILABLE
        else holds.NewHold(
            new_id("shd"), ask.reference, ask.caller_name, ask.seconds, r.allocations
        )
        for r, ask in zip(found, asks, strict=True)
    ]
    times = await holds.add(conn, [hold for hold in new if hold is not None])
    return [
        _refuse(ask, r) if hold is None else _made(hold, times[hold.id])
        for hold, r, ask in zip(new, found, asks, strict=True)
    ]


def _request(name: str, ask: HoldAsk, now: datetime, categories: Mapping[str, str]) -> Request:
    """The checkout as an order that takes all or nothing; `name` keeps the order of arrival."""
    wanted = [
        Wanted(str(place), sku, quantity, 0, quantity, category=categories.get(sku, ""))
        for place, (sku, quantity) in enumerate(ask.lines)
    ]
    return Request(
        name,
        0,
        now,
        confirmed=False,
        out_of_stock=shortage.CANCEL,
        lines=wanted,
        destination=ask.destination,
    )


def _refuse(ask: HoldAsk, found: Reserved) -> Answer:
    missing = Counter({demand.line_id: demand.quantity for demand in found.missing})
    errors = [
        FieldError(
            f"/lines/{place}/quantity",
            "insufficient_stock",
            f"{quantity - missing[str(place)]} of {quantity} are free.",
        )
        for place, (_, quantity) in enumerate(ask.lines)
        if str(place) in missing
    ]
    detail = "Not all of it is free; nothing is kept."
    lines = [
        {"line": place, "sku": sku, "quantity": quantity, "free": quantity - missing[str(place)]}
        for place, (sku, quantity) in enumerate(ask.lines)
    ]
    current = {"lines": lines}
    return Problem(409, "insufficient_stock", detail, errors, current=current).answer()


def _made(hold: holds.NewHold, times: holds.Times) -> Answer:
    units: Counter[tuple[str, str]] = Counter()
    for unit in hold.units:
        units[unit.sku, unit.warehouse] += unit.quantity
    view = {
        "id": hold.id,
        "reference": hold.reference,
        "status": ReservationStatus.HELD,
        "order_id": None,
        "expires_at": times.expires_at,
        "created_at": times.created_at,
        "ended_at": None,
        "lines": [
            {"sku": sku, "warehouse": warehouse, "quantity": quantity}
            for (sku, warehouse), quantity in sorted(units.items())
        ],
    }
    return views.ok(view, _CREATED)
