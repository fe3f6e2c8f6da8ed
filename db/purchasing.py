"""Purchase orders as rows: drafts, steps, deliveries, and what is on its way.

Whoever changes one holds its lock. A step of its workflow writes an event with the step's cause,
so that the same step again finds it and changes nothing.
"""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from db import catalog, goods, outbox
from db.catalog import Correction, Why
from db.goods import Goods
from db.pool import Connection, Pool
from db.sql import queries
from domain.errors import NotFound
from domain.money import Money
from domain.purchase_csv import CsvLine
from domain.purchasing import Effect, Purchase, PurchaseLine
from domain.states import PURCHASE, PurchaseStatus, advance

_SQL = queries("purchasing")
SYSTEM = "kervan"


@dataclass(frozen=True, slots=True)
class NewPurchaseLine:
    """A line of a draft; `unit_cost` in minor units of the order's currency."""

    id: str
    sku: str
    supplier_sku: str
    quantity: int
    unit_cost: int
    expected_on: date


@dataclass(frozen=True, slots=True)
class NewPurchase:
    """A draft as somebody asks for it."""

    id: str
    supplier: str
    warehouse: str
    currency: str
    note: str | None
    created_by: str
    lines: Sequence[NewPurchaseLine]


@dataclass(frozen=True, slots=True)
class By:
    """Who did it, as the timeline tells."""

    actor: str = SYSTEM
    role: str = "system"


async def expected_arrivals(
    conn: Connection | Pool, skus: Iterable[str]
) -> dict[str, list[tuple[date, int]]]:
    """Days and quantities of what suppliers have still to bring, by item, earliest first.

    Only orders that the supplier has. `domain.arrivals.expected_date` gives a place in the queue
    its day.
    """
    arrivals: dict[str, list[tuple[date, int]]] = {}
    for row in await conn.fetch(_SQL["expected_arrivals"], sorted(set(skus))):
        arrivals.setdefault(row["sku"], []).append((row["expected_on"], row["quantity"]))
    return arrivals


async def add(conn: Connection, new: NewPurchase, start: Mapping[str, Any], by: By) -> str:
    """Write a draft, its first event, and the news that starts its workflow; its number."""
    number: str = await conn.fetchval(
        _SQL["add_purchase"],
        new.id,
        new.supplier,
        new.warehouse,
        new.currency,
        max(line.expected_on for line in new.lines),
        new.note,
        new.created_by,
    )
    await conn.execute(
        _SQL["add_purchase_lines"],
        new.id,
        [line.id for line in new.lines],
        list(range(len(new.lines))),
        [line.sku for line in new.lines],
        [line.supplier_sku for line in new.lines],
        [line.quantity for line in new.lines],
        [line.unit_cost for line in new.lines],
        [line.expected_on for line in new.lines],
    )
    await record(conn, new.id, "purchase_order_created", by=by)
    await outbox.add(conn, new.id, outbox.START_PURCHASE, start)
    return number


async def lock(conn: Connection, purchase_id: str) -> None:
    """Become the only writer of this purchase order until the transaction ends."""
    if await conn.fetchval(_SQL["lock_purchase"], purchase_id) is None:
        message = f"There is no purchase order {purchase_id}."
        raise NotFound(message)


async def load(conn: Connection | Pool, purchase_id: str) -> Purchase:
    """The snapshot as the transaction sees it."""
    row = await conn.fetchrow(_SQL["load_purchase"], purchase_id)
    if row is None:
        message = f"There is no purchase order {purchase_id}."
        raise NotFound(message)
    parts = dict(row)
    lines = [PurchaseLine(**line) for line in parts["lines"] or ()]
    return Purchase(**parts | {"status": PurchaseStatus(parts["status"]), "lines": lines})


async def record(  # noqa: PLR0913 - an event has these columns
    conn: Connection,
    purchase_id: str,
    type_: str,
    *,
    by: By,
    cause: str | None = None,
    data: Mapping[str, Any] | None = None,
    note: str | None = None,
    occurred_at: datetime | None = None,
) -> int:
    """Write an event and answer its id. `data` holds ids, codes and amounts, never a person."""
    event_id: int = await conn.fetchval(
        _SQL["record_purchase_event"],
        purchase_id,
        type_,
        cause,
        by.actor,
        by.role,
        dict(data or {}),
        note,
        occurred_at,
    )
    return event_id


@dataclass
class PurchaseStep:
    """One step inside its transaction. `done` tells that it happened before."""

    conn: Connection
    purchase: Purchase
    cause: str
    done: bool

    async def record(
        self, type_: str, by: By, data: Mapping[str, Any] | None = None, note: str | None = None
    ) -> None:
        """The event that makes the step happen once."""
        await record(
            self.conn, self.purchase.id, type_, by=by, cause=self.cause, data=data, note=note
        )

    async def move(self, status: PurchaseStatus, by: By | None = None) -> None:
        """The next status, by its table."""
        advance(PURCHASE, self.purchase.status, status)
        actor = by.actor if by else SYSTEM
        await self.conn.execute(_SQL["move_purchase"], self.purchase.id, status, actor)
        if not PURCHASE[status]:
            await self.conn.execute(_SQL["clear_purchase_attention"], self.purchase.id, None)

    async def reload(self) -> Purchase:
        """The snapshot after it."""
        self.purchase = await load(self.conn, self.purchase.id)
        return self.purchase


@asynccontextmanager
async def once(pool: Pool, purchase_id: str, cause: str) -> AsyncIterator[PurchaseStep]:
    """A transaction that locks the purchase order and does the step named `cause` at most once.

    The body must do nothing when `step.done`, and write its event by `step.record` when not.
    """
    async with pool.acquire() as conn, conn.transaction():
        await lock(conn, purchase_id)
        done = await conn.fetchval(_SQL["find_purchase_event"], purchase_id, cause) is not None
        yield PurchaseStep(conn, await load(conn, purchase_id), cause, done)


async def expect(conn: Connection, purchase: Purchase, cause: str) -> None:
    """Count what is still to come as incoming: the supplier has the order."""
    await _move_incoming(
        conn, purchase, {line.id: line.open - line.incoming for line in purchase.lines}, cause
    )


async def give_up(conn: Connection, purchase: Purchase, cause: str) -> int:
    """What is still to come will not: off the counter, and the lines are canceled; the units."""
    await _move_incoming(
        conn, purchase, {line.id: -line.incoming for line in purchase.lines}, cause
    )
    given_up = [line for line in purchase.lines if line.open]
    zeros = [0] * len(given_up)
    await conn.execute(
        _SQL["move_line_units"],
        [line.id for line in given_up],
        zeros,
        zeros,
        [line.open for line in given_up],
        zeros,
    )
    return sum(line.open for line in given_up)


async def _move_incoming(
    conn: Connection, purchase: Purchase, deltas: Mapping[str, int], cause: str
) -> None:
    moved = [line for line in purchase.lines if deltas[line.id]]
    if not moved:
        return
    await catalog.correct(
        conn,
        [
            Correction(line.sku, purchase.warehouse, "expected", incoming=deltas[line.id])
            for line in moved
        ],
        Why(f"purchase:{purchase.id}:{cause}", SYSTEM, purchase.number),
    )
    zeros = [0] * len(moved)
    await conn.execute(
        _SQL["move_line_units"],
        [line.id for line in moved],
        zeros,
        zeros,
        zeros,
        [deltas[line.id] for line in moved],
    )


async def begin_sending(conn: Connection, purchase_id: str, mail_status: str) -> None:
    """It is given to the mail (or was sent by hand): one sending more."""
    await conn.execute(_SQL["begin_sending"], purchase_id, mail_status)


async def settle_sending(conn: Connection, purchase_id: str, mail_status: str | None) -> None:
    """What became of it."""
    await conn.execute(_SQL["settle_sending"], purchase_id, mail_status)


async def flag_late(conn: Connection, purchase_id: str) -> None:
    """It is late, and its supplier is reminded once more."""
    await conn.execute(_SQL["flag_late"], purchase_id)


async def unflag_late(conn: Connection, purchase_id: str) -> None:
    """It is not late any more."""
    await conn.execute(_SQL["unflag_late"], purchase_id)


async def move_dates(conn: Connection, purchase_id: str, dates: Mapping[str, date]) -> None:
    """Other days for these lines."""
    await conn.execute(_SQL["move_line_dates"], purchase_id, list(dates), list(dates.values()))


async def set_attention(conn: Connection, purchase_id: str, code: str, detail: str) -> None:
    """It waits for a person."""
    await conn.execute(_SQL["set_purchase_attention"], purchase_id, code, detail)


async def clear_attention(conn: Connection, purchase_id: str, *codes: str) -> None:
    """It does not any more."""
    await conn.execute(_SQL["clear_purchase_attention"], purchase_id, list(codes))


@dataclass(frozen=True, slots=True)
class Receipt:
    """A delivery as the dock reports it; `cause` makes it happen once."""

    id: str
    reference: str
    cause: str
    actor: str
    occurred_at: datetime | None


async def tolerance(conn: Connection, purchase_id: str) -> int | None:
    """Basis points by which more than was ordered is taken; None: as the shop has it."""
    return await conn.fetchval(_SQL["tolerance"], purchase_id)  # type: ignore[no-any-return]


async def receive(
    conn: Connection,
    purchase: Purchase,
    effects: Sequence[Effect],
    receipt: Receipt,
    brought: Sequence[Goods] = (),
) -> list[catalog.Row]:
    """Goods on hand, off the incoming ones, into the lines; wakes who waits; the levels after it.

    `brought` tells bins, lots and pieces of the same units, where somebody knows them. The
    workflow hears of it by the outbox. Hold the purchase order's lock.

    Raises:
        Refused: see `goods.receive`.

    """
    units = brought or [Goods(e.line.sku, e.units, damaged=e.damaged) for e in effects]
    levels = await goods.receive(
        conn,
        purchase.warehouse,
        list(_off_incoming(units, effects)),
        Why(receipt.cause, receipt.actor, receipt.reference, receipt.occurred_at),
    )
    ids = [e.line.id for e in effects]
    await conn.execute(
        _SQL["move_line_units"],
        ids,
        [e.units for e in effects],
        [e.damaged for e in effects],
        [0] * len(ids),
        [-e.expected for e in effects],
    )
    await conn.execute(
        _SQL["add_receipt"],
        receipt.id,
        purchase.id,
        receipt.reference,
        receipt.cause,
        receipt.actor,
        receipt.occurred_at,
    )
    await conn.execute(
        _SQL["add_receipt_lines"],
        receipt.id,
        ids,
        [e.accepted for e in effects],
        [e.damaged for e in effects],
        [e.over for e in effects],
    )
    await outbox.add(conn, purchase.id, outbox.GOODS_RECEIVED, {"receipt_id": receipt.id})
    return levels


def _off_incoming(units: Sequence[Goods], effects: Sequence[Effect]) -> Iterator[Goods]:
    """The goods of an item together take off what was expected of it."""
    expected = {e.line.sku: e.expected for e in effects}
    for one in units:
        yield replace(one, expected=expected.pop(one.sku, 0))


@dataclass(frozen=True, slots=True)
class StartRow:
    """The outbox row that starts a workflow."""

    id: int
    payload: Mapping[str, Any]


async def start_row(conn: Connection, purchase_id: str) -> StartRow | None:
    """What starts the workflow of a purchase order, when nobody did yet."""
    row = await conn.fetchrow(_SQL["purchase_start_row"], purchase_id)
    return StartRow(**row) if row else None


async def letter(
    conn: Connection | Pool, purchase_id: str, *, open_only: bool = False
) -> tuple[Mapping[str, Any], list[CsvLine]]:
    """What a supplier is told: the head, and lines as ordered, or what is open of them."""
    head = await conn.fetchrow(_SQL["purchase_letter"], purchase_id)
    if head is None:
        message = f"There is no purchase order {purchase_id}."
        raise NotFound(message)
    lines = []
    for row in await conn.fetch(_SQL["purchase_letter_lines"], purchase_id):
        open_units = max(0, row["quantity"] - row["received"] - row["canceled"])
        quantity = open_units if open_only else row["quantity"]
        if quantity:
            lines.append(
                CsvLine(
                    position=row["position"] + 1,
                    supplier_sku=row["supplier_sku"] or "",
                    sku=row["sku"],
                    name=row["name"],
                    quantity=quantity,
                    unit_cost=Money(row["unit_cost"], head["currency"]),
                    expected_on=row["expected_on"].isoformat(),
                )
            )
    return dict(head), lines
